"""Names of log files: the current file, the parts that a rotation of ours left, and what others leave beside them.

A part of ours is named by the nanosecond of its rotation. Other programs number or date what they rotate or copy
(`.1`, `-20261125`, `.bak`, `.1700000000.gz`): such a file may hold what was read already, so its name says nothing.

The hooks use it, which run without any package: hence dataclasses, and no `msgspec.Struct`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

EARLIEST_NS, LATEST_NS = 10**18, 4_102_444_800 * 10**9
"""The years 2001 to 2100: a number outside is not the time of a rotation."""

_NAME = re.compile(r"(?P<uuid>[A-Za-z0-9_-]{1,128})\.jsonl(?:\.(?P<ns>[1-9]\d{18})(?P<gz>\.gz)?)?", re.ASCII)

_OTHERS = re.compile(
    r"(?P<uuid>[A-Za-z0-9_-]{1,128})\.jsonl(?:\.(?P<number>\d{1,4})|[.-](?P<date>\d{4}-?\d\d-?\d\d(?:[-T_]?\d{1,10})?))(?P<gz>\.gz)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class LogName:
    """A file name taken apart. `base` is the name of a rotated part without `.gz`, "" for the current file."""

    name: str
    uuid: str
    base: str
    order: int
    packed: bool


def parse_log_name(name: str) -> LogName | None:
    """`<uuid>.jsonl`, `<uuid>.jsonl.<unix ns>` or `<uuid>.jsonl.<unix ns>.gz`; None for every other name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    ns, packed = int(match["ns"] or 0), match["gz"] is not None
    if ns and not EARLIEST_NS <= ns < LATEST_NS:
        return None
    return LogName(name, match["uuid"], name.removesuffix(".gz") if ns else "", ns, packed)


def parts_among(names: Iterable[str], uuid: str) -> list[LogName]:
    """The rotated parts of a log among file names, oldest first. Of one that is there plain and packed: the plain one.

    (The packed one may still be being written; the plain file is deleted once it is complete.)
    """
    found: dict[str, LogName] = {}
    prefix = f"{uuid}.jsonl."
    for name in names:
        if not name.startswith(prefix):
            continue
        parsed = parse_log_name(name)
        if parsed is not None and (parsed.base not in found or not parsed.packed):
            found[parsed.base] = parsed
    return sorted(found.values(), key=lambda part: part.order)


@dataclass(frozen=True, slots=True)
class OthersName:
    """A name that `logrotate` gives, taken apart: `.1`, `-20261125`, `.20261125`, `-2026112614`, packed or not.

    `number` is -1 for a dated one, which has a `date`: its digits. `base` is the name without `.gz`.
    """

    uuid: str
    base: str
    number: int
    date: str
    packed: bool


def parse_others_name(name: str) -> OthersName | None:
    """The name of a file that another program rotated a log to; None for every other name."""
    match = _OTHERS.fullmatch(name)
    if match is None:
        return None
    number = int(match["number"]) if match["number"] else -1
    date = "".join(filter(str.isdigit, match["date"] or ""))  # of one length in one log, and so in their order
    return OthersName(match["uuid"], name.removesuffix(".gz"), number, date, match["gz"] is not None)


_BESIDE = re.compile(r"(?P<uuid>[A-Za-z0-9_-]{1,128})\.jsonl[.-].", re.ASCII)


def log_beside(name: str) -> str:
    """The uuid of the log that a file is named after, whoever gave it the name; "" for every other file."""
    match = _BESIDE.match(name)
    return match["uuid"] if match is not None else ""


def is_stray(name: str, uuid: str) -> bool:
    """True for a file beside a log that is named after it and is not part of it: a copy, or what others rotated."""
    return log_beside(name) == uuid and parse_log_name(name) is None
