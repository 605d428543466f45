"""RFC 3339 times of the wire. Source: PROTOCOL.md, Conventions (UTC with a Z)."""

from __future__ import annotations

import time
from datetime import UTC, datetime

FIRST, LAST = -62_135_596_800.0, 253_402_300_799.0
"""The times that can be written, in unix seconds: the beginning of the year 1, and the end of 9999."""


def format_time(unix_s: float) -> str:
    """Unix seconds as RFC 3339 in UTC with a `Z`; microseconds where there are any.

    A time that cannot be written (of a file, say, that somebody gave it) is the first or the last one that can.
    """
    return datetime.fromtimestamp(min(max(unix_s, FIRST), LAST), UTC).isoformat().replace("+00:00", "Z")


def current_time() -> str:
    """The time of now, in RFC 3339."""
    return format_time(time.time())


def parse_time(text: str) -> float | None:
    """An RFC 3339 time as unix seconds.

    None if `text` is not one (no offset, no such day, only a date), or if in UTC it is before the year 1 or after 9999.
    """
    if len(text) < 20 or text[10] not in "Tt":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    at = moment.timestamp()
    return at if FIRST <= at < LAST + 1 else None


def normal_time(text: str) -> str:
    """The same moment in UTC with a `Z`, or "" if `text` is not an RFC 3339 time. A normal one stays as it is."""
    if len(text) < 20 or text[10] != "T":
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    if moment.tzinfo is None:
        return ""
    if text[-1] == "Z":
        return text
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return ""  # before the year 1 or after 9999 there is no UTC
