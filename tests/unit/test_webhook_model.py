"""`model.webhook`: shapes, signature, pauses, and addresses that are refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
from email.header import decode_header, make_header

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.webhook import (
    FORMATS,
    GIVE_UP_S,
    MAX_COOLING,
    MAX_DELAY_S,
    Alert,
    Answer,
    Cooldown,
    host_and_port,
    make_post,
    next_delay,
    outcome,
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
    """The default shape has exactly the documented keys; what is not known is left out."""
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


COMMAND = (
    "rm -f *.o *.a && touch __init__.py && echo `date` ~~y~~ ||x|| @everyone <@42> <!channel> [a](http://b) \\_ #1"
)


def asked(details: str, session: str = "alpha") -> Alert:
    return msgspec.structs.replace(ALERT, details=details, session=session)


def test_ntfy() -> None:
    """Plain text, a title, a priority, and a link behind it; what a header cannot hold is encoded."""
    body, headers = post("ntfy", asked(COMMAND))
    assert body == COMMAND
    assert headers["Title"] == "alpha waits for your approval"
    assert headers["Click"] == ALERT.ui_url
    assert headers["Priority"] == "high"
    _, headers = post("ntfy", msgspec.structs.replace(ALERT, session="zwölf\nX: y", ui_url="http://h/s/zwölf"))
    word = headers["Title"]
    assert str(make_header(decode_header(word))) == "zwölf X: y waits for your approval"
    assert headers["Click"] == "http://h/s/zw%C3%B6lf"


def test_discord_and_slack_show_the_command() -> None:
    """The command stands in a code block as it is: no mark, no mention, no link in it counts."""
    discord = json.loads(post("discord", asked(COMMAND))[0])
    assert discord["content"] == f"alpha waits for your approval\n```\n{COMMAND}\n```\n{ALERT.ui_url}"
    assert discord["allowed_mentions"] == {"parse": []}
    slack = json.loads(post("slack", asked(COMMAND))[0])
    assert html.unescape(slack["text"]) == discord["content"]
    assert not set("<>") & set(slack["text"])
    assert "mrkdwn" not in slack


def test_a_command_that_would_end_the_block() -> None:
    """Three back-quotes in a command: Discord gets every mark escaped, Slack plain text."""
    command = "cat <<E\n```\n*x* _y_ ```` @here <@1>"
    content = json.loads(post("discord", asked(command))[0])["content"]
    shown = content.removeprefix("alpha waits for your approval\n").removesuffix(f"\n{ALERT.ui_url}")
    assert not re.search(r"(?<!\\)[`*_~|<>@#]", shown), "every mark has its backslash"
    assert re.sub(r"\\(.)", r"\1", shown) == command
    slack = json.loads(post("slack", asked(command))[0])
    assert slack["mrkdwn"] is False
    assert html.unescape(slack["text"]) == f"alpha waits for your approval\n{command}\n{ALERT.ui_url}"


def test_names_are_no_marks_either() -> None:
    """A session's name is shown as it is, too."""
    content = json.loads(post("discord", asked("x", session="a__b__c"))[0])["content"]
    assert content.startswith(r"a\_\_b\_\_c waits for your approval")


def test_telegram() -> None:
    """Plain text whose details are declared to be code, counted in UTF-16 units; no parse mode."""
    details = f"😀 {COMMAND}"
    alert = asked(details, session="😀")
    telegram = json.loads(post("telegram", alert, url="https://api.telegram.org/bot1:x/sendMessage?chat_id=-42")[0])
    assert telegram["chat_id"] == "-42"
    assert "parse_mode" not in telegram
    (entity,) = telegram["entities"]
    text = telegram["text"].encode("utf-16-le")
    start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
    assert (entity["type"], text[start:end].decode("utf-16-le")) == ("pre", details)
    bare = json.loads(post("telegram", asked(""))[0])
    assert "entities" not in bare


def test_what_cannot_be_seen_is_written_out() -> None:
    """Controls, and marks that turn the order of the text round, are shown by number; JSON keeps them."""
    sneaky = "echo \u202etxt.hs\u2066 \x1b[2K\u200b \U000e0041 ok"
    for format_ in ("ntfy", "slack", "discord", "telegram"):
        text = post(format_, asked(sneaky))[0]
        found = text if format_ == "ntfy" else next(v for k, v in json.loads(text).items() if k in ("text", "content"))
        assert "echo \\u202etxt.hs\\u2066 \\u001b[2K\\u200b \\U000e0041 ok" in found
    assert json.loads(post("json", asked(sneaky))[0])["details"] == sneaky


@given(
    st.text(st.characters(), max_size=3000) | st.text("`*_\\<>&@~|\ud800 \n", max_size=3000), st.sampled_from(FORMATS)
)
def test_any_details_make_a_request(details: str, format_: str) -> None:
    """No details break a header or a body, and a message for people stays within what the services take."""
    alert = Alert(id="1-0", event="attention_raised", alert="stuck", session="a", ts="t", details=details)
    made = make_post(alert, format_, "https://h/", "", "", 0.0)
    assert all(value.isprintable() for _, value in made.headers)
    if format_ == "ntfy":
        assert len(made.body) < 4096
    else:
        body = json.loads(made.body)
        assert len(body.get("content", "")) <= 2000
        assert len(body.get("text", "")) <= 4000
        if format_ == "discord":
            assert body["content"].count("```") in (0, 2)


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
    ("status", "ok", "hopeless"),
    [(200, True, False), (204, True, False), (301, False, False), (400, False, True), (404, False, True),
     (408, False, False), (429, False, False), (500, False, False), (None, False, False)],
)  # fmt: skip
def test_answers(status: int | None, ok: bool, hopeless: bool) -> None:
    """A 2xx is the end; of 4xx waiting changes only three."""
    answer = Answer(status)
    assert (answer.ok, answer.hopeless) == (ok, hopeless)


def test_when_it_ends() -> None:
    """Every failure is tried four times; then what waiting does not change fails, all else after a day of pauses."""
    assert [outcome(Answer(404), tries, 0) for tries in range(1, 5)] == ["pending"] * 3 + ["failed"]
    assert [outcome(Answer(500), tries, GIVE_UP_S) for tries in (1, 4, 40)] == ["pending"] * 3
    assert outcome(Answer(None), 40, GIVE_UP_S + 1) == "failed"
    assert outcome(Answer(204), 40, GIVE_UP_S + 1) == "delivered"


def test_cooldown() -> None:
    """The same alert of the same session is kept back for a minute after the last one that went out, no other."""
    cooldown = Cooldown()
    times = [(0.0, True), (59.9, False), (60.0, True), (100.0, False), (120.1, True)]
    assert [cooldown.accept("a", "stuck", "attention_raised", at) for at, _ in times] == [ok for _, ok in times]
    assert cooldown.accept("b", "stuck", "attention_raised", 120.2)
    assert cooldown.accept("a", "stuck", "attention_cleared", 120.2)
    for n in range(MAX_COOLING + 10):
        cooldown.note(f"s{n}", "stuck", "attention_raised", 1000.0)
    assert not cooldown.accept("s3", "stuck", "attention_raised", 1001.0), "what still cools is not forgotten"


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
