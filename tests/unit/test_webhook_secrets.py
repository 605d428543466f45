"""`model.webhook_secrets`: what a server repeats of a request shows no secret of the settings."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest

from ctm_trio.model.webhook import Alert, make_post
from ctm_trio.model.webhook_secrets import secrets_of, without_secrets

URL = "https://hooks.example/services/T0/B0/very%2Dsecret?token=t%40ken%20value&room=ops"


@pytest.mark.parametrize(
    "said",
    [
        "Cannot POST /services/T0/B0/very%2Dsecret",
        "Cannot POST /services/T0/B0/very-secret",
        "no hook VERY-SECRET here",
        r'{"path": "\/services\/T0\/B0\/very-secret"}',
        "unknown t%40ken%20value",
        "unknown t@ken value",
        "bad header Bearer hunter&2",
        "bad token hunter&2",
        f"bad token {html.escape('hunter&2')}",
        f"bad token {json.dumps('pass/wörd')}",
        f"bad token {quote('pass/wörd')}",
        "signed with whsec_pass/wörd",
    ],
)
def test_what_is_repeated_is_hidden(said: str) -> None:
    """However a server writes it, nothing of the address or of the credentials is left; other words are."""
    shown = without_secrets(said, secrets_of(URL, "Bearer hunter&2", "whsec_pass/wörd"))
    assert "…" in shown
    for part in ("secret", "ken", "value", "hunter", "pass", "rd", "B0"):
        assert part not in shown.replace("header", "").replace("token", "").lower()
    assert shown.split()[0].strip('"') == said.split()[0].strip('"')


def test_a_password_of_basic_is_hidden() -> None:
    """Some servers decode `Basic` and name the user and the password."""
    auth = "Basic " + base64.b64encode(b"bob:swordfish").decode()
    assert without_secrets("bob:swordfish, swordfish", secrets_of("https://h/", auth)) == "…, …"
    assert "B64?" not in secrets_of("https://h/", "Basic B64?!")


def test_words_that_are_no_secret_stay() -> None:
    """A bare address without a path, and credentials too short to be any, change nothing."""
    assert without_secrets("no route for a / or a b", secrets_of("https://h/", "a", "b")) == "no route for a / or a b"
    assert without_secrets("nothing is set", secrets_of("https://h")) == "nothing is set"


def test_a_post_knows_its_secrets() -> None:
    """The request that is made carries them all, so that whoever shows an answer can hide them."""
    made = make_post(
        Alert("1-0", "attention_raised", "stuck", "a", "t"), "json", URL, "Bearer hunter2", "whsec_x1y2", 0.0
    )
    assert {"Bearer hunter2", "hunter2", "whsec_x1y2", "x1y2", "very-secret"} <= made.secrets
