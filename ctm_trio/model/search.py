"""Search: what text of a call is found, how a query becomes trigrams, and the snippet around a match.

Source: PROTOCOL.md, History, search, details.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ctm_trio.model.decoding import BAD_JSON, decode_any
from ctm_trio.model.detail import output_of
from ctm_trio.model.payload import sessionless
from ctm_trio.model.tool_call import decode_line

MIN_QUERY = 3
"""Shorter queries are refused: there is no trigram in them. Source: PROTOCOL.md, History, search, details."""

MAX_QUERY = 500
"""Longer queries are refused."""

INPUT_CHARS = 320
OUTPUT_CHARS = 240
"""So much of a call's input and of its output is searched, in characters: the size of the index grows with it, and its
speed falls with it (some 1.5 µs a character)."""

ENTRIES_A_MS, MAX_MS = 1 << 20, (1 << 43) - 1
"""The key of a match in a conversation is its time in ms times the one, and a number behind it; the largest time."""

TRIGRAMS = 24
"""A query is looked up by at most so many of its trigrams; the text itself is compared afterwards anyway."""

SNIPPET_BEFORE, SNIPPET_CHARS = 40, 200

NESTED_LEVELS = 100
"""Strings that are nested deeper in a call's input are not searched: no tool's input is like that."""

_WHITE = re.compile(r"\s+")

_GROWS = "\u0130"
"""The one character that becomes two in lower case, I with a dot."""


class SearchQuery(msgspec.Struct, frozen=True):
    """A search.

    Attributes:
        text: what is looked for, as it stands; case does not matter.
        session, conversation, tool: only of these, "" for all; `conversation` is for what was said.
        error: only failed (True) or successful (False) calls, None for all.
        since, until: unix seconds of the call, None for open.
        before: event id: only matches that come after that one in the order of the answer; 0 for the first page.
        before_key: the key of a match in a conversation, likewise; None if the page before did not end with one.
        limit: number of matches.
        calls, entries: look in the calls that were logged, and in what was said.
        role: of what was said, only "prompt", "answer" or "tool"; "" for all.
    """

    text: str
    session: str = ""
    conversation: str = ""
    tool: str = ""
    error: bool | None = None
    since: float | None = None
    until: float | None = None
    before: int = 0
    before_key: int | None = None
    limit: int = 50
    calls: bool = True
    entries: bool = True
    role: str = ""


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """One match.

    Attributes:
        id: of the event; of what was said, one that has the same shape and a number above 0 behind its time. It says
            where the next page begins. ts: RFC 3339.
        kind: "call" for one that was logged, or the entry's kind.
        entry: id of the entry. tool_use_id: of a call, as the client named it. "" where there is none.
        agent_id: the sub-agent in whose thread an entry is. title, project: of the conversation that it is from.
            Each is "" for a call and where there is none.
    """

    id: str
    session: str
    uuid: str
    ts: str
    tool: str
    is_error: bool
    snippet: str
    kind: str
    entry: str = ""
    tool_use_id: str = ""
    agent_id: str = ""
    title: str = ""
    project: str = ""


class Matches(msgspec.Struct, frozen=True):
    """Matches, newest first. `truncated`: there are more. `complete`: every call logged so far was searched."""

    query: str
    matches: list[Match]
    truncated: bool
    complete: bool


def text_of_line(line: bytes) -> str | None:
    """What is searched of a log's line: tool, strings of the input, output, a line each; None if it is not a call."""
    raw = decode_line(line)
    if raw is None or not raw.tool_name:
        return None
    parts: list[str] = []
    _strings(decode_any(raw.tool_input), parts, INPUT_CHARS)
    given = "\n".join(parts)[:INPUT_CHARS]
    output = output_of(raw, decode_any(raw.tool_response))
    return f"{raw.tool_name}\n{given}\n{output[:OUTPUT_CHARS]}"


class _Told(msgspec.Struct):
    tool: str = ""
    input: str = ""
    summary: str = ""


def text_of_payload(stored: object) -> str:
    """The same from what the database keeps, for a call whose log is gone; "" if that is damaged."""
    try:
        told = msgspec.json.decode(sessionless(stored), type=_Told)
    except BAD_JSON:
        return ""
    return f"{told.tool}\n{told.input}\n{told.summary}"


def trigrams(text: str) -> list[str]:
    """Trigrams that every text with `text` in it has; at most `TRIGRAMS`, spread over the whole."""
    found = list(dict.fromkeys(text[i : i + 3] for i in range(len(text) - 2)))
    if len(found) <= TRIGRAMS:
        return found
    return [found[i * (len(found) - 1) // (TRIGRAMS - 1)] for i in range(TRIGRAMS)]


def find(text: str, wanted: str) -> int:
    """Where the query is in a text of ours, -1 if it is not; `wanted` in lower case. The tool's own name comes last."""
    lower = text.lower()
    body = lower.find("\n") + 1
    at = lower.find(wanted, body)
    return place_in(text, at if at >= 0 else lower.find(wanted))


def place_in(text: str, at: int) -> int:
    """The place in a text that has the position `at` in its lower case; -1 stays -1."""
    found = text.find(_GROWS)
    while 0 <= found < at:
        at -= 1
        found = text.find(_GROWS, found + 1)
    return at


def snippet(text: str, at: int) -> str:
    """Some words around position `at`, on one line; without the tool's name, which the match has anyway."""
    body = text.find("\n") + 1
    begin = max(body, at - SNIPPET_BEFORE)
    cut = text[begin : begin + SNIPPET_CHARS]
    front = "…" if begin > body else ""
    back = "…" if begin + SNIPPET_CHARS < len(text) else ""
    return f"{front}{_WHITE.sub(' ', cut).strip()}{back}"


def _strings(value: Any, found: list[str], room: int, levels: int = NESTED_LEVELS) -> int:
    """Collect the strings of a decoded input, until there are `room` characters of them; the room that is left."""
    if room <= 0 or levels == 0:
        return room
    if isinstance(value, str):
        found.append(value[:room])
        return room - len(value) - 1
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        room = _strings(item, found, room, levels - 1)
    return room
