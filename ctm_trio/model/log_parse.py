"""A chunk of a log becomes rows: the loop of the ingest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import msgspec

from ctm_trio.model.hook_event import parse_hook_line
from ctm_trio.model.log_line import Row
from ctm_trio.model.times import normal_time
from ctm_trio.model.tool_call import TOOL_EVENTS, decode_line, parse_call, with_time

log = logging.getLogger("ctm.parse")

SLICE_LINES = 48
"""Lines parsed between two checkpoints of the loop: about half a millisecond."""


class Clues(msgspec.Struct, frozen=True, gc=False):
    """What a line says about whose it is; "" where it says nothing.

    Attributes:
        session, pane, pid: `ctm_session`, `ctm_pane`, `ctm_pid`.
        hook: name of the hook event, "" for a tool call; kind: its `source` or `reason`.
        ts: RFC 3339 time of the line.
    """

    session: str = ""
    pane: str = ""
    pid: str = ""
    hook: str = ""
    kind: str = ""
    ts: str = ""


class Slice(msgspec.Struct, gc=False):
    """Some parsed lines.

    Attributes:
        rows: in order.
        skipped: lines that were neither a tool call nor a hook event.
        clues: of the last line, and of each hook event that starts or ends a Claude session.
        end: offset in the chunk behind the last line.
    """

    rows: list[Row]
    skipped: int
    clues: list[Clues]
    end: int


def parse_chunk(data: bytes, start: int, base: int, now: Callable[[], str]) -> Iterator[Slice]:
    """Parse the complete lines of `data`.

    Args:
        data: bytes of a log.
        start: offset in `data` of the first line.
        base: position in the file of `data[0]`, in bytes.
        now: called for the RFC 3339 time of lines that have none.
    """
    rows: list[Row] = []
    skipped = lines = 0
    clues: list[Clues] = []
    last: Clues | None = None
    find = data.find
    while (stop := find(b"\n", start)) >= 0:
        lines += 1
        if stop > start:
            row, clue = parse_row(data[start:stop], base + start, now)
            if row is None:
                skipped += 1
            else:
                rows.append(row)
                if clue is not None and clue.hook in ("SessionStart", "SessionEnd"):
                    clues.append(clue)
                last = clue
        start = stop + 1
        if lines == SLICE_LINES:
            if last is not None:
                clues.append(last)
            yield Slice(rows, skipped, clues, start)
            rows, skipped, lines, clues, last = [], 0, 0, [], None
    if lines:
        if last is not None:
            clues.append(last)
        yield Slice(rows, skipped, clues, start)


def parse_row(line: bytes, start: int, now: Callable[[], str]) -> tuple[Row | None, Clues | None]:
    """One line as a row with its clues; (None, None) if it is neither a tool call nor a hook event. Never raises."""
    try:
        return row_of(line, start, now)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # A rule of ours does not fit this line. It must not end the tailer, which would meet it again and again.
        log.error("a line of %d bytes is skipped, please report it: %s", len(line), type(error).__name__)
        return None, None


def row_of(line: bytes, start: int, now: Callable[[], str]) -> tuple[Row | None, Clues | None]:
    """`parse_row` without its net."""
    raw = decode_line(line)
    if raw is None:
        return None, None
    if raw.hook_event_name in TOOL_EVENTS:
        call = parse_call(raw)
        if call is None:
            return None, None
        if not call.ts:
            with_time(call, now())
        row = Row(
            call.ts, call.tail, call.tool, call.is_error, call.agent_id, call.agent_type, call.tool_use_id, start,
            len(line),
        )  # fmt: skip
        return row, Clues(call.session, call.pane, call.pid, "", "", call.ts)
    hook = parse_hook_line(line)
    if hook is None:
        return None, None
    facts = hook.facts
    ts = normal_time(hook.ts) or now()
    row = Row(
        ts, b"", facts.name, False, facts.agent_id, facts.agent_type, facts.tool_use_id, start, len(line), facts
    )  # fmt: skip
    return row, Clues(hook.session, hook.pane, hook.pid, facts.name, facts.kind, ts)
