"""An alert as each service takes it, so that a person reads the command that would run, character for character.

Chat services take `*`, `_`, back-quotes and the like as marks. So what an alert says is put where marks do not count: a
code block, or a range that is declared as code. What would break out of it, or cannot be seen, is written out.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from ctm_trio.model.sound import sound

FORMATS = ("json", "ntfy", "slack", "discord", "telegram")
"""Values of `serve.webhook_format`; an unknown one means the first."""

MAX_TEXT = 1500
"""Characters of a message for people: the strictest of the services takes 2000."""

MAX_TITLE = 200

MAX_NTFY_BYTES = 4000
"""ntfy makes a file of a longer message."""

FENCE = "```"

_TITLES = {
    "tmux_dead": "is gone: tmux has no such session",
    "permission_request": "waits for your approval",
    "last_error_call": "had a failing tool call",
    "error_burst": "has many failing tool calls",
    "quota_high": "runs on a nearly used-up limit",
    "context_imminent": "has a nearly full context",
    "yolo_unchecked": "has had no checkpoint for long",
    "stuck": "shows no sign of work",
    "waiting_input": "waits for you",
    "test": "says hello: the webhook works",
}
_URGENT = frozenset({"tmux_dead", "permission_request"})

_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~@:&])")
"""Punctuation that Discord takes as marks or mentions; a backslash before it shows it as it is."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200c\u200e-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""What a person cannot see, and what turns the order of the text round: it would hide the command that runs."""


class Alert(msgspec.Struct, frozen=True):
    """One announcement that goes out.

    Attributes:
        id: of the event, `<unix ns>-0`; the same at every try, so that a receiver can tell a repeat.
        event: `attention_raised` or `attention_cleared`.
        alert: the state.
        ts: RFC 3339.
        ui_url: the session's page in the dashboard.
    """

    id: str
    event: str
    alert: str
    session: str
    ts: str
    session_uuid: str = ""
    workdir: str = ""
    mode: str = ""
    details: str = ""
    ui_url: str = ""


def shape(alert: Alert, format_: str, url: str) -> tuple[bytes, list[tuple[str, str]]]:
    """The body and the headers (name, value) of an alert.

    Args:
        format_: see `FORMATS`.
        url: of the webhook; Telegram's chat is in its query.
    """
    if format_ == "ntfy":
        return _ntfy(alert)
    if format_ == "slack":
        fields = _slack(alert)
    elif format_ == "discord":
        fields = _discord(alert)
    elif format_ == "telegram":
        fields = _telegram(alert, parse_qs(urlsplit(url).query).get("chat_id", [""])[0])
    else:
        fields = _json(alert)
    return msgspec.json.encode(fields), [("Content-Type", "application/json")]


def visible(text: str) -> str:
    r"""The text with everything that cannot be seen written out: U+202E becomes `\u202e`. Line breaks and tabs stay."""
    return _UNSEEN.sub(lambda m: f"\\u{ord(m[0]):04x}" if ord(m[0]) < 0x10000 else f"\\U{ord(m[0]):08x}", text)


def title(alert: Alert) -> str:
    """What the alert says in one line."""
    if alert.event == "attention_cleared":
        found = f"{alert.session}: {alert.alert} is over"
    else:
        found = f"{alert.session} {_TITLES.get(alert.alert, alert.alert)}"
    return _cut(" ".join(visible(found).split()), MAX_TITLE)


def _json(alert: Alert) -> dict[str, object]:
    fields = {"alert": alert.alert, "session": alert.session, "session_uuid": alert.session_uuid}
    fields |= {"workdir": alert.workdir, "mode": alert.mode, "details": alert.details}
    fields |= {"ts": alert.ts, "ui_url": alert.ui_url}
    if alert.event != "attention_raised":
        fields["event"] = alert.event
    return {key: sound(value) for key, value in fields.items() if value}


def _ntfy(alert: Alert) -> tuple[bytes, list[tuple[str, str]]]:
    """Plain text: ntfy shows it as it is unless it is told otherwise."""
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Title", _header(title(alert))),
        ("Priority", "high" if alert.alert in _URGENT and alert.event != "attention_cleared" else "default"),
        ("Tags", "white_check_mark" if alert.event == "attention_cleared" else "warning"),
    ]
    if alert.ui_url:
        headers.append(("Click", quote(sound(alert.ui_url), safe=":/?#[]@!$&'()*+,;=%")))
    text = _fit(visible(alert.details) or title(alert), MAX_NTFY_BYTES, str.encode)
    return _cut(text, MAX_TEXT).encode(), headers


def _slack(alert: Alert) -> dict[str, object]:
    """A code block. Slack knows no way to write three back-quotes in one: then the whole message is plain text."""
    plain = FENCE in alert.details

    def block(text: str) -> str:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return text if plain else f"{FENCE}\n{text}\n{FENCE}"

    head = title(alert).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    fields: dict[str, object] = {"text": _message(alert, head, block)}
    return fields | {"mrkdwn": False} if plain else fields


def _discord(alert: Alert) -> dict[str, object]:
    """A code block; a text that would end it early stands outside, with every mark escaped. Nobody is mentioned."""

    def block(text: str) -> str:
        return _MARKS.sub(r"\\\1", text) if FENCE in text else f"{FENCE}\n{text}\n{FENCE}"

    head = re.sub(r"([\\`*_~|<>#@])", r"\\\1", title(alert))
    return {"content": _message(alert, head, block), "allowed_mentions": {"parse": []}}


def _telegram(alert: Alert, chat: str) -> dict[str, object]:
    """Plain text in which a range is declared as code: so nothing in it is a mark, a name or a link."""
    head, details = title(alert), _details(alert)
    fields: dict[str, object] = {"chat_id": chat, "text": _message(alert, head, str)}
    if details:
        code = {"type": "pre", "offset": _units(f"{head}\n"), "length": _units(details)}
        fields["entities"] = [code]
    return fields


def _message(alert: Alert, head: str, block: Callable[[str], str]) -> str:
    """Title, details and link, one below the other. The details are cut so that what `block` makes of them fits."""
    details = _fit(_details(alert), MAX_TEXT, block)
    return "\n".join(part for part in (head, block(details) if details else "", sound(alert.ui_url)) if part)


def _details(alert: Alert) -> str:
    return _cut(visible(alert.details).strip(), MAX_TEXT)


def _fit(text: str, limit: int, shaped: Callable[[str], str | bytes]) -> str:
    """The beginning of a text, as much of it as is within the limit once it is `shaped`."""
    size = len(shaped(text))
    while size > limit and len(text) > 1:
        text = _cut(text, max(1, min(len(text) * limit // size, len(text) - 1)))
        size = len(shaped(text))
    return text


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _units(text: str) -> int:
    """Length in UTF-16 units, which Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def _header(text: str) -> str:
    """A header's value: as it is if it is ASCII, else as an encoded word (RFC 2047), which ntfy reads."""
    if text.isascii():
        return text
    return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="
