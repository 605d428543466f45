"""The messages of the WebSocket, both ways: what a client may send, and the frames of what it gets. Pure.

Source: PROTOCOL.md, WebSocket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ctm_trio.errors.base import CtmError
from ctm_trio.journal.view import EventView
from ctm_trio.model.event import Event, cursor_ns, parse_event_id, ws_tail
from ctm_trio.model.sound import sound_json

PROTOCOL = "ctm.v1"

MAX_ID = 200
MAX_NAMES = 1000
"""Bounds on a subscription's id and on its lists of sessions and types."""

PING_FRAME = b"\x89\x00"


class BadMessage(Exception):
    """A client message that is answered with `{"op":"error"}`; the connection stays."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def error_message(error: BadMessage | CtmError, sub: str | None) -> Mapping[str, object]:
    """The answer to what cannot be done. `sub`: the id of the subscription it is about, None if that is unknown."""
    about = {} if sub is None else {"sub": sub}
    return {"op": "error", **about, "code": error.code, "message": error.message}


class Order(msgspec.Struct):
    """What a client may send. Fields that an op does not use are not looked at."""

    op: str
    id: str | None = None
    sessions: list[str] | None = None
    types: list[str] | None = None
    since: str | None = None


def text_frame(data: bytes) -> bytes:
    """A whole, unmasked text frame. Source: RFC 6455, 5.2."""
    size = len(data)
    if size < 126:
        return b"\x81%c%b" % (size, data)
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + data
    return b"\x81\x7f" + size.to_bytes(8, "big") + data


def message_frame(message: Mapping[str, object]) -> bytes:
    """The frame of a message that is not an event."""
    return text_frame(sound_json(message))


def encode_events(events: Sequence[Event], sub: str) -> bytes:
    """The frames of events for one subscription id."""
    head = f'{{"op":"event","sub":{msgspec.json.encode(sub).decode()},'
    return b"".join([text_frame((head + ws_tail(event)).encode()) for event in events])


def view_of(order: Order) -> EventView:
    """What a subscription is to have.

    Raises:
        BadMessage: it names too many sessions and types.
    """
    if len(order.sessions or ()) + len(order.types or ()) > MAX_NAMES:
        raise BadMessage("too_many_names", f"At most {MAX_NAMES} sessions and types in one subscription.")
    return EventView(
        None if order.sessions is None else frozenset(order.sessions),
        None if order.types is None else frozenset(order.types),
    )


def cursor_of(since: str | None) -> int | None:
    """The cursor of a `since`.

    Raises:
        BadMessage: it is not an event id.
    """
    if since is None:
        return None
    known = parse_event_id(since)
    if known is None:
        raise BadMessage("bad_since", "since must be the id of an event, like 1790000000000000000-0.")
    return cursor_ns(known)


def parse_order(text: str | None) -> Order:
    """A client's message.

    Raises:
        BadMessage: it is not one that we take.
    """
    if text is None:
        raise BadMessage("bad_message", "Messages are JSON text, not bytes.")
    try:
        order = msgspec.json.decode(text.encode(errors="surrogatepass"), type=Order)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage("bad_message", f"This is not a message of {PROTOCOL}: {error}.") from error
    if order.op in ("subscribe", "unsubscribe") and (order.id is None or len(order.id) > MAX_ID):
        raise BadMessage("bad_id", f"A subscription needs an id of at most {MAX_ID} characters.")
    return order


def order_of(query: Mapping[str, list[str]]) -> Order:
    """The subscription that the URL asks for: lists may be repeated or comma separated."""

    def names(key: str) -> list[str] | None:
        found = [name for value in query.get(key, []) for name in value.split(",") if name]
        return found or None

    since = next((value for value in query.get("since", []) if value), None)
    return Order("subscribe", "", names("session"), names("types"), since)
