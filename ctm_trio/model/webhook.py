"""The webhook: what is sent in which shape, how it is signed, when it is tried again, and which address it may go to.

Source: contract A8; signatures as Standard Webhooks 1.0 describes them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from urllib.parse import parse_qs, urlsplit

import msgspec

FORMATS = ("json", "ntfy", "slack", "discord", "telegram")
"""Values of `serve.webhook_format`; an unknown one means the first."""

DEBOUNCE_S = 60.0
"""The same alert of the same session is not sent again within this. Source: contract A8."""

FIRST_DELAYS_S = (1.0, 2.0, 4.0)
MAX_DELAY_S = 3600.0
"""Pauses after the first failures, in seconds; then each is twice as long, up to an hour. Source: contract A8."""

GIVE_UP_S = 24 * 3600.0
"""An alert that could not be delivered for so long is given up, and listed as failed."""

RETRY_4XX = frozenset({408, 425, 429})
"""Answers of 4xx that may change by waiting; all others of 4xx are final."""

MAX_URL = 2000
MAX_TEXT = 1500
"""Characters of a message for people: the strictest of the services takes 2000."""

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


class Delivery(msgspec.Struct, frozen=True):
    """What became of an alert, as `GET /api/webhook/deliveries` shows it.

    `status` is "pending", "delivered" or "failed"; times are RFC 3339, "" where there is none.
    """

    id: str
    event: str
    alert: str
    session: str
    created_at: str
    status: str
    tries: int
    last_status: int | None
    last_error: str
    next_try_at: str


class Answer(msgspec.Struct, frozen=True):
    """What one try came to. `status` is None if there was no answer; `error` is for people, "" after a 2xx.

    `retry_after` is what the endpoint asked for, in seconds; `took_ms` how long it all took.
    """

    status: int | None
    error: str = ""
    retry_after: float = 0.0
    took_ms: int = 0

    @property
    def ok(self) -> bool:
        """True for a 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def final(self) -> bool:
        """True if trying again is of no use."""
        return self.ok or (self.status is not None and 400 <= self.status < 500 and self.status not in RETRY_4XX)


class Post(msgspec.Struct, frozen=True):
    """A request that is ready to be sent: body and headers (name, value)."""

    body: bytes
    headers: list[tuple[str, str]]


def next_delay(tries: int, retry_after: float = 0.0) -> float:
    """Seconds until the next try after `tries` (≥ 1) failures: 1, 2, 4, 8, … up to an hour."""
    if tries <= len(FIRST_DELAYS_S):
        delay = FIRST_DELAYS_S[tries - 1]
    else:
        delay = min(MAX_DELAY_S, FIRST_DELAYS_S[-1] * 2.0 ** min(tries - len(FIRST_DELAYS_S), 20))
    return max(delay, min(retry_after, MAX_DELAY_S))


def url_fault(url: str) -> str:
    """What is wrong with a webhook's address, for people; "" if nothing is (an empty one switches the webhook off)."""
    if not url:
        return ""
    if len(url) > MAX_URL:
        return f"The webhook's address is longer than {MAX_URL} characters."
    if any(ord(c) <= 32 or ord(c) == 127 for c in url):
        return "The webhook's address must not contain spaces or control characters."
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        return "The webhook's address is no valid URL."
    if parts.scheme not in ("http", "https"):
        return "The webhook's address must start with http:// or https://."
    if "@" in parts.netloc:
        return "The webhook's address must not contain a user or password; put them into webhook_auth."
    if not host or port == 0:
        return "The webhook's address has no host, or no valid port."
    return ""


def host_and_port(url: str) -> tuple[str, int]:
    """Where a faultless address points to."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def make_post(alert: Alert, format_: str, url: str, auth: str, secret: str, now: float) -> Post:
    """The request for an alert.

    Args:
        format_: see `FORMATS`.
        url: Telegram's chat is in its query.
        auth: goes out verbatim as `Authorization`, if not empty.
        secret: signs the request, if not empty.
        now: unix seconds; the signature's time.
    """
    body, headers = _shape(alert, format_, url)
    headers.append(("webhook-id", alert.id))
    if auth:
        headers.append(("Authorization", auth))
    if secret:
        stamp = str(int(now))
        headers.append(("webhook-timestamp", stamp))
        headers.append(("webhook-signature", sign(secret, alert.id, stamp, body)))
    return Post(body, headers)


def sign(secret: str, id_: str, timestamp: str, body: bytes) -> str:
    """A Standard Webhooks signature: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.

    Args:
        secret: `whsec_` and base64, as these secrets are handed out; any other text is the key as it stands.
        timestamp: whole unix seconds.
    """
    key = secret.encode()
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret[6:], validate=True)
        except (binascii.Error, ValueError):
            pass  # no base64: the text itself is the key
    signed = b"%b.%b.%b" % (id_.encode(), timestamp.encode(), body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _shape(alert: Alert, format_: str, url: str) -> tuple[bytes, list[tuple[str, str]]]:
    json_headers = [("Content-Type", "application/json")]
    if format_ == "ntfy":
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Title", _ascii(_title(alert))),
            ("Priority", "high" if alert.alert in _URGENT and alert.event != "attention_cleared" else "default"),
            ("Tags", "white_check_mark" if alert.event == "attention_cleared" else "warning"),
        ]
        if alert.ui_url:
            headers.append(("Click", _ascii(alert.ui_url)))
        return (_cut(alert.details or _title(alert)).encode(), headers)
    if format_ == "slack":
        text = _text(alert).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return msgspec.json.encode({"text": text}), json_headers
    if format_ == "discord":
        return msgspec.json.encode({"content": _text(alert), "allowed_mentions": {"parse": []}}), json_headers
    if format_ == "telegram":
        chat = parse_qs(urlsplit(url).query).get("chat_id", [""])[0]
        return msgspec.json.encode({"chat_id": chat, "text": _text(alert)}), json_headers
    fields = {"alert": alert.alert, "session": alert.session, "session_uuid": alert.session_uuid}
    fields |= {"workdir": alert.workdir, "mode": alert.mode, "details": alert.details}
    fields |= {"ts": alert.ts, "ui_url": alert.ui_url}
    if alert.event != "attention_raised":
        fields["event"] = alert.event
    return msgspec.json.encode({key: value for key, value in fields.items() if value}), json_headers


def _title(alert: Alert) -> str:
    if alert.event == "attention_cleared":
        return f"{alert.session}: {alert.alert} is over"
    return f"{alert.session} {_TITLES.get(alert.alert, alert.alert)}"


def _text(alert: Alert) -> str:
    lines = [_title(alert), alert.details, alert.ui_url]
    return _cut("\n".join(line for line in lines if line))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _ascii(text: str) -> str:
    return "".join(c if 32 <= ord(c) < 127 else "?" for c in text)
