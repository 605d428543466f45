"""Who needs you, in the order of urgency: the first lines of `status`. Source: PROTOCOL.md, Status; CLI."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ctm_trio.cli.colours import colours_of
from ctm_trio.cli.common import plain
from ctm_trio.cli.statuses import state_of
from ctm_trio.cli.views import ago
from ctm_trio.model.one_line import one_line
from ctm_trio.model.status import ASKING, FAILED_, GONE, LIMITED
from ctm_trio.model.status_words import attention_words, status_words, urgency
from ctm_trio.model.times import parse_time

View = Mapping[str, Any]
"""A session as `status --json` shows it."""

ACCOUNT = "quota_high"
"""The warning that is the account's; it is said once, with the figures."""

SHOWN_REASON = 400
"""Characters of a line with its reason, where no terminal bounds it."""

LEAST_REASON = 12
"""A reason that would be cut to fewer is left out."""


def by_urgency(sessions: Sequence[View]) -> list[View]:
    """The sessions as a person should look at them: most urgent first, then the one that waits longest."""
    return sorted(sessions, key=lambda session: (urgency(state_of(session)), _since(session)))


def _since(session: View) -> float:
    status = session.get("status")
    at = parse_time(str(status.get("since", ""))) if isinstance(status, Mapping) else None
    return time.time() if at is None else at


def needs_of(session: View) -> tuple[str, str, str] | None:
    """State in words, since when, and why, of a session that needs someone; None of one that does not.

    Without a status, as an older daemon leaves it, the attention that was raised last tells.
    """
    status = session.get("status")
    if isinstance(status, Mapping):
        if session.get("blocked") is not True or state_of(session) == GONE:
            return None
        return status_words(state_of(session)), str(status.get("since", "")), str(status.get("reason", ""))
    attention = session.get("attention")
    if isinstance(attention, Mapping):
        state, details = attention_words(str(attention["state"]), str(attention.get("details", "")))
        return state, str(attention.get("since", "")), details
    return None


def need_lines(sessions: Sequence[View]) -> tuple[int, list[str]]:
    """How many sessions need someone, and the lines that say so; those that stand at a limit of the account are one."""
    colours = colours_of(sys.stdout)
    ordered = by_urgency(sessions)
    limited = [session for session in ordered if state_of(session) == LIMITED]
    lines, count = [], 0
    for session in ordered:
        need = needs_of(session)
        if need is None:
            continue
        count += 1
        if session in limited and session is not limited[0]:
            continue
        words, since, why = need
        together = limited if session in limited else [session]
        names = ", ".join(plain(one["name"]) for one in together)
        state = f"{plain(words)}, {ago(since)}"
        room = _width() - len(f"  ● {names}  {state}  ")
        lines.append(f"  {colours.yellow}●{colours.off} {colours.bold}{names}{colours.off}  {state}")
        if why and room >= LEAST_REASON:
            lines[-1] += f"  {colours.grey}{one_line(_again(session) + why, room)}{colours.off}"
    return count, lines


def _width() -> int:
    """Characters of a line: those of the terminal, or as many as a reason may have in a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else SHOWN_REASON


def _again(session: View) -> str:
    """When a limit starts anew."""
    status = session.get("status")
    at = parse_time(str(status.get("resets_at", ""))) if isinstance(status, Mapping) else None
    left = 0 if at is None else int(at - time.time())
    return f"resets in {left // 3600}h {left % 3600 // 60}m; " if left > 0 else ""


def warning_lines(sessions: Sequence[View]) -> list[str]:
    """What is odd about sessions that need nobody now, a line each."""
    colours = colours_of(sys.stdout)
    grey, off = colours.grey, colours.off
    lines = []
    for session in sessions:
        for state, details in _warnings(session):
            words, more = attention_words(state, details)
            what = f"  {grey}!{off} {plain(session['name'])}  {plain(words)}"
            lines.append(f"{what}  {grey}{plain(more)}{off}" if more else what)
    return lines


def _warnings(session: View) -> Iterator[tuple[str, str]]:
    found = session.get("warnings")
    for warning in found if isinstance(found, list) else ():
        state = str(warning.get("state", ""))
        if state != ACCOUNT and state_of(session) not in {*ASKING, FAILED_, LIMITED}:
            yield state, str(warning.get("details", ""))
