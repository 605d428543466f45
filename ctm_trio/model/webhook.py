"""The webhook: what is sent in which shape, how it is signed, when it is tried again, and which address it may go to.

Source: PROTOCOL.md, Webhooks; signatures as Standard Webhooks 1.0 describes them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from urllib.parse import urlsplit

import msgspec

from ctm_trio.model.webhook_secrets import secrets_of
from ctm_trio.model.webhook_shape import FORMATS as FORMATS
from ctm_trio.model.webhook_shape import Alert as Alert
from ctm_trio.model.webhook_shape import shape

DEBOUNCE_S = 60.0
"""The same alert of the same session is not sent again within this. Source: PROTOCOL.md, Webhooks."""

FIRST_DELAYS_S = (1.0, 2.0, 4.0)
MAX_DELAY_S = 3600.0
"""Pauses after the first failures, in seconds; then each is twice as long, up to an hour.
Source: PROTOCOL.md, Webhooks."""

MAX_COOLING = 5000
"""From so many remembered alerts on the old ones are dropped now and then."""

GIVE_UP_S = 24 * 3600.0
"""When the pauses of an alert add up to this it is given up, and listed as failed."""

RETRY_4XX = frozenset({408, 425, 429})
"""Answers of 4xx that may change by waiting; with any other the first pauses are the last ones."""

MAX_URL = 2000


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

    `retry_after` is what the endpoint asked for, in seconds; `took_ms` how long it all took. `ours`: nothing was sent,
    because a setting of this machine is at fault (the address, a proxy, the certificates); /health says so.
    """

    status: int | None
    error: str = ""
    retry_after: float = 0.0
    took_ms: int = 0
    ours: bool = False

    @property
    def ok(self) -> bool:
        """True for a 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def hopeless(self) -> bool:
        """True if more tries than the first four are of no use."""
        return self.status is not None and 400 <= self.status < 500 and self.status not in RETRY_4XX


class Post(msgspec.Struct, frozen=True):
    """A request that is ready to be sent: body and headers (name, value). `secrets`: what must not be shown of it."""

    body: bytes
    headers: list[tuple[str, str]]
    secrets: frozenset[str] = frozenset()


def next_delay(tries: int, retry_after: float = 0.0) -> float:
    """Seconds until the next try after `tries` (≥ 1) failures: 1, 2, 4, 8, … up to an hour."""
    if tries <= len(FIRST_DELAYS_S):
        delay = FIRST_DELAYS_S[tries - 1]
    else:
        delay = min(MAX_DELAY_S, FIRST_DELAYS_S[-1] * 2.0 ** min(tries - len(FIRST_DELAYS_S), 20))
    return max(delay, min(retry_after, MAX_DELAY_S))


def outcome(answer: Answer, tries: int, waited_s: float) -> str:
    """What a try comes to: "delivered", "failed" (given up), or "pending" (it is tried again).

    Every failure is tried again after 1, 2 and 4 s; then an answer that waiting does not change is the end, and for all
    others the end comes when the pauses add up to a day. Source: PROTOCOL.md, Webhooks.

    Args:
        tries: how many were made, this one included. waited_s: the pauses so far and the one that would come now.
    """
    if answer.ok:
        return "delivered"
    if tries <= len(FIRST_DELAYS_S):
        return "pending"
    return "failed" if answer.hopeless or waited_s > GIVE_UP_S else "pending"


class Cooldown:
    """Keeps the same alert of the same session back for `DEBOUNCE_S` after one was accepted.

    Times are seconds of one clock that never jumps, negative ones too.
    """

    def __init__(self) -> None:
        self._accepted: dict[tuple[str, str, str], float] = {}

    def accept(self, session: str, alert: str, event: str, at: float) -> bool:
        """True if this one goes out; then it is the last one that did."""
        key = (session, alert, event)
        last = self._accepted.get(key)
        if last is not None and at - last < DEBOUNCE_S:
            return False
        self.note(session, alert, event, at)
        return True

    def forget(self, session: str) -> None:
        """A session is gone: one of its name later is another one."""
        self._accepted = {key: last for key, last in self._accepted.items() if key[0] != session}

    def note(self, session: str, alert: str, event: str, at: float) -> None:
        """Remember one that went out; those that do not matter any more are forgotten."""
        self._accepted[(session, alert, event)] = at
        if len(self._accepted) > MAX_COOLING:
            newest = max(self._accepted.values())
            self._accepted = {key: last for key, last in self._accepted.items() if newest - last < DEBOUNCE_S}


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
        return "The webhook's address is not a valid URL."
    if parts.scheme not in ("http", "https"):
        return "The webhook's address must start with http:// or https://."
    if "@" in parts.netloc:
        return "The webhook's address must not contain a user or password; put them into webhook_auth."
    if not host or port == 0:
        return "The webhook's address has no host or no valid port."
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
    body, headers = shape(alert, format_, url)
    headers.append(("webhook-id", alert.id))
    if auth:
        headers.append(("Authorization", auth))
    if secret:
        stamp = str(int(now))
        headers.append(("webhook-timestamp", stamp))
        headers.append(("webhook-signature", sign(secret, alert.id, stamp, body)))
    return Post(body, headers, secrets_of(url, auth, secret))


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
