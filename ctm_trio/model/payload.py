"""An event's payload as it is stored: without the leading session key, so that a rename need not touch it."""

from __future__ import annotations

import msgspec


def compose(session: str, tail: bytes) -> bytes:
    """The payload of the wire: what is stored, with the session's name in front where it belongs."""
    if tail[:1] == b"{":
        return tail
    name = msgspec.json.encode(session)
    return b'{"session":%b,%b' % (name, tail) if tail != b"}" else b'{"session":%b}' % name


def strip_session(payload: bytes, session: str) -> bytes:
    """The stored form of a payload: without the leading session key if it has this session there."""
    head = b'{"session":%b' % msgspec.json.encode(session)
    if session and payload.startswith(head) and payload[len(head) : len(head) + 1] in (b",", b"}"):
        return payload[len(head) :].removeprefix(b",")
    return payload


def sessionless(stored: object) -> bytes:
    """A stored payload, as its column has it, as a JSON object that does not name its session."""
    tail = stored_bytes(stored)
    return tail if tail[:1] == b"{" else b"{" + tail


def stored_bytes(stored: object) -> bytes:
    """A stored payload as bytes: another program may have written it as text."""
    return stored if isinstance(stored, bytes) else str(stored).encode()
