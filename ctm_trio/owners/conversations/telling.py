"""The event `conversation`: new entries of a session, small enough for the event log. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ctm_trio.messages.journal import Draft
from ctm_trio.transcripts.pages import Told

EVENT = "conversation"

MOST_BYTES = 24 << 10
"""An entry that is larger is cut for the event, and says `truncated`: a page has all of it."""

MOST_CHARS = 4000
"""Of each text of such an entry. A call's input that is too large even so is left out."""

EVENT_BYTES = 64 << 10
"""Entries that are larger together make several events."""


def drafts_of(told: Iterable[Told]) -> Iterator[tuple[Draft, ...]]:
    """The events of a step, in groups for the journal."""
    drafts = []
    for session, entries in _by_session(told):
        body = msgspec.json.encode({"session": session, "entries": entries})
        drafts.append(Draft(EVENT, session, body))
    if drafts:
        yield tuple(drafts)


def _by_session(told: Iterable[Told]) -> Iterator[tuple[str, list[msgspec.Raw]]]:
    waiting: dict[str, list[msgspec.Raw]] = {}
    for one in told:
        entries = waiting.setdefault(one.session, [])
        entries.append(_encoded(one.view))
        if sum(len(bytes(entry)) for entry in entries) > EVENT_BYTES:
            yield one.session, waiting.pop(one.session)
    yield from waiting.items()


def _encoded(view: dict[str, Any]) -> msgspec.Raw:
    data = msgspec.json.encode(view)
    if len(data) > MOST_BYTES:
        cut = {**_cut(view, 0), "truncated": True}
        data = msgspec.json.encode(cut)
        if len(data) > MOST_BYTES and "input" in cut:
            data = msgspec.json.encode({**cut, "input": {}})
    return msgspec.Raw(data)


def _cut(value: Any, level: int) -> Any:
    """A value with its texts cut, and its lists, down to where nobody reads on."""
    if isinstance(value, str):
        return value if len(value) <= MOST_CHARS else value[:MOST_CHARS] + "…"
    if level > 6:
        return "…"
    if isinstance(value, dict):
        return {key: _cut(item, level + 1) for key, item in list(value.items())[:50]}
    if isinstance(value, list):
        return [_cut(item, level + 1) for item in value[:50]]
    return value
