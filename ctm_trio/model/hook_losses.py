"""What the hook could not keep, as it counts it in `logs/.hook-lost`, and how a person is told.

The hook imports this (only when an event is lost), so nothing else is imported here.
"""

from __future__ import annotations

NAME = ".hook-lost"
"""In the directory of the logs."""

Lost = dict[str, tuple[int, str, str, str]]
"""Log → how many events, when the first and the last (RFC 3339), and why the last."""


def parse_lost(page: bytes) -> Lost:
    """What the file says, `<count> <log> <first> <last> <reason>` a line; lines that are none are left out."""
    found: Lost = {}
    for line in page.decode("utf-8", "replace").split("\n"):
        words = line.split(" ", 4)
        if len(words) == 5 and words[0].isascii() and words[0].isdigit() and len(words[0]) < 16:
            found[words[1]] = (int(words[0]), words[2], words[3], words[4].strip())
    return found


def told(lost: Lost) -> str:
    """The losses in one sentence, "" for none."""
    if not lost:
        return ""
    count = sum(number for number, *_ in lost.values())
    first, last = min(row[1] for row in lost.values()), max(row[2] for row in lost.values())
    reason = next(row[3] for row in lost.values() if row[2] == last)
    events = "1 hook event was" if count == 1 else f"{count} hook events were"
    logs = "one session" if len(lost) == 1 else f"{len(lost)} sessions"
    when = f"at {first}" if first == last else f"between {first} and {last}"
    return f"{events} lost from {logs} {when}: {reason}"
