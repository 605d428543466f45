"""`model.webhook`: shapes, signature, pauses, and addresses that are refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.webhook import (
    FORMATS,
    MAX_DELAY_S,
    Alert,
    Answer,
    host_and_port,
    make_post,
    next_delay,
    sign,
    url_fault,
)

ALERT = Alert(
    id="1790000000000000000-0", event="attention_raised", alert="permission_request", session="alpha",
    ts="2026-11-22T10:00:00Z", session_uuid="u", workdir="/w", mode="yolo",
    details="waits for your approval of Bash: echo <b> & *x*", ui_url="http://127.0.0.1:37778/s/alpha",
)  # fmt: skip


def post(format_: str, alert: Alert = ALERT, url: str = "https://h/x") -> tuple[str, dict[str, str]]:
    made = make_post(alert, format_, url, "", "", 1_790_000_000.0)
    return made.body.decode(), dict(made.headers)


def test_json_is_the_contracts() -> None:
    """The default shape has exactly the contract's keys; what is not known is left out."""
    body, headers = post("json")
    assert json.loads(body) == {
        "alert": "permission_request", "session": "alpha", "session_uuid": "u", "workdir": "/w", "mode": "yolo",
        "details": ALERT.details, "ts": "2026-11-22T10:00:00Z", "ui_url": "http://127.0.0.1:37778/s/alpha",
    }  # fmt: skip
    assert headers["Content-Type"] == "application/json"
    bare = Alert(id="1-0", event="attention_cleared", alert="stuck", session="a", ts="t")
    assert json.loads(post("json", bare)[0]) == {
        "alert": "stuck", "session": "a", "ts": "t", "event": "attention_cleared",
    }  # fmt: skip
    assert post("no such format")[0] == body


def test_services() -> None:
    """ntfy, Slack, Discord and Telegram get their own shape, and nothing in it is taken as markup or a mention."""
    body, headers = post("ntfy")
    assert body == ALERT.details
    assert headers["Title"] == "alpha waits for your approval"
    assert headers["Click"] == ALERT.ui_url
    assert headers["Priority"] == "high"
    assert "echo &lt;b&gt; &amp; *x*" in json.loads(post("slack")[0])["text"]
    discord = json.loads(post("discord")[0])
    assert discord["allowed_mentions"] == {"parse": []}
    assert discord["content"].startswith("alpha waits for your approval\n")
    telegram = json.loads(post("telegram", url="https://api.telegram.org/bot1:x/sendMessage?chat_id=-42")[0])
    assert telegram == {"chat_id": "-42", "text": discord["content"]}


@given(st.text(max_size=3000), st.sampled_from(FORMATS))
def test_any_details_make_a_request(details: str, format_: str) -> None:
    """No details break a header or a body, and a message for people stays within what the services take."""
    alert = Alert(id="1-0", event="attention_raised", alert="stuck", session="a", ts="t", details=details)
    made = make_post(alert, format_, "https://h/", "", "", 0.0)
    assert all(value.isprintable() for _, value in made.headers)
    if format_ in ("ntfy", "telegram"):
        assert len(made.body) < 12_000


def test_signature() -> None:
    """A receiver that follows Standard Webhooks verifies it: HMAC-SHA256 of id.timestamp.body with the decoded key."""
    key = b"0123456789abcdef01234567"
    secret = "whsec_" + base64.b64encode(key).decode()
    made = make_post(ALERT, "json", "https://h/", "Bearer x", secret, 1_790_000_000.9)
    headers = dict(made.headers)
    assert headers["webhook-id"] == ALERT.id
    assert headers["webhook-timestamp"] == "1790000000"
    expected = hmac.new(key, f"{ALERT.id}.1790000000.".encode() + made.body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
    assert headers["Authorization"] == "Bearer x"


def test_signature_of_the_specification() -> None:
    """The example that the specification's libraries test with."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_odd_secrets_sign_too() -> None:
    """A secret that is no base64 is the key itself."""
    assert sign("whsec_%%%", "i", "1", b"x") != sign("plain", "i", "1", b"x")


def test_pauses() -> None:
    """1, 2, 4 seconds, then twice as long up to an hour; what the endpoint asks for counts if it is longer."""
    assert [next_delay(n) for n in range(1, 7)] == [1, 2, 4, 8, 16, 32]
    assert next_delay(50) == MAX_DELAY_S
    assert next_delay(1, retry_after=30) == 30
    assert next_delay(1, retry_after=1e9) == MAX_DELAY_S


@pytest.mark.parametrize(
    ("status", "ok", "final"),
    [(200, True, True), (204, True, True), (301, False, False), (400, False, True), (404, False, True),
     (408, False, False), (429, False, False), (500, False, False), (None, False, False)],
)  # fmt: skip
def test_answers(status: int | None, ok: bool, final: bool) -> None:
    """A 2xx is the end, and so is a 4xx that waiting does not change."""
    answer = Answer(status)
    assert (answer.ok, answer.final) == (ok, final)


@pytest.mark.parametrize(
    "url",
    ["ftp://h/x", "h/x", "//h/x", "http://", "http:///x", "https://user:pw@h/", "https://u@h/", "http://h:99999/",
     "http://h:0/", "http://[::1/", "http://h/\nx", "http://h /x", "javascript:alert(1)", "http://h/" + "x" * 3000],
)  # fmt: skip
def test_bad_addresses(url: str) -> None:
    """Other schemes, credentials, no host, control characters: refused with a sentence."""
    assert url_fault(url).endswith(".")


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/hook", "https://ntfy.example/topic", "http://[::1]:80/?a=b@c"])
def test_good_addresses(url: str) -> None:
    """An address, or none at all."""
    assert url_fault(url) == ""


def test_where_it_points() -> None:
    """The port is the scheme's unless it is given."""
    assert host_and_port("https://h/x") == ("h", 443)
    assert host_and_port("http://[::1]:8/") == ("::1", 8)
