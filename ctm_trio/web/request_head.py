"""What the head of a request may be: whatever could be understood in two ways is refused.

Source: PROTOCOL.md, Connections and limits; Origins and hosts.
"""

from __future__ import annotations

from collections.abc import Sequence

from ctm_trio.errors.access import ForbiddenOrigin
from ctm_trio.web.refused import Refused

MAX_HEAD_BYTES = 64 * 1024
"""Request line and headers together; more is 431."""

ONCE = (b"host", b"origin", b"authorization", b"content-type", b"sec-websocket-key", b"sec-websocket-version")
"""Headers that decide what is allowed. Two of one could mean one thing to a proxy or to us, and another to the app."""

HeadLines = Sequence[tuple[bytes, bytes]]
"""Names in lower case, and values."""


def check_head(version: bytes, target: bytes, headers: HeadLines) -> None:
    """Return if a request may be answered.

    Args:
        version: of HTTP, such as `1.1`.
        target: what the request line asks for.
        headers: all of them, in their order.

    Raises:
        Refused: it may not.
    """
    if version not in (b"1.0", b"1.1"):
        raise Refused(505, "http_version_not_supported", "This server speaks HTTP/1.1.")
    if not target.startswith(b"/"):
        raise Refused(400, "bad_request", "The request target must be a path.")
    if len(target) + sum(len(name) + len(value) + 4 for name, value in headers) > MAX_HEAD_BYTES:
        raise head_too_large()
    names = [name for name, _ in headers]
    twice = next((name for name in ONCE if names.count(name) > 1), b"")
    if twice == b"origin":
        raise Refused(403, ForbiddenOrigin.code, "The request has more than one Origin header.")
    if twice:
        raise Refused(400, "bad_request", f"The request has more than one {twice.decode()} header.")
    if b"transfer-encoding" in names and b"content-length" in names:
        raise Refused(400, "bad_request", "The request says its length in two ways.")


def asks_for_websocket(headers: HeadLines) -> bool:
    """True if the request wants to become a WebSocket."""
    return dict(headers).get(b"upgrade", b"").strip().lower() == b"websocket"


def check_handshake(method: bytes, version: bytes, headers: HeadLines) -> None:
    """Return if a request for a WebSocket is a sound handshake.

    Args:
        method, version: of the request.
        headers: those that matter; extensions may be left out.

    Raises:
        Refused: it is not.
    """
    if not all(value.isascii() for name, value in headers if name.startswith(b"sec-websocket-")):
        raise Refused(400, "bad_request", "The WebSocket headers must be ASCII.")
    found = dict(headers)
    if found.get(b"sec-websocket-version") != b"13":
        more = b"sec-websocket-version: 13\r\nupgrade: websocket\r\n"
        raise Refused(426, "upgrade_required", "This server speaks version 13 of the WebSocket protocol.", more)
    tokens = found.get(b"connection", b"").lower().split(b",")
    asked = any(token.strip() == b"upgrade" for token in tokens)
    if method != b"GET" or version != b"1.1" or not asked:
        raise Refused(400, "bad_request", "This is not a WebSocket handshake.")
    if not found.get(b"sec-websocket-key"):
        raise Refused(400, "bad_request", "The WebSocket handshake has no key.")


def head_too_large() -> Refused:
    """The answer to a head that is too large."""
    return Refused(431, "headers_too_large", "The request line and headers are too long.")
