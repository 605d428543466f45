"""The unified diff of an edit that is asked about: what the file would become. Source: PROTOCOL.md, Requests.

`model/diff.py` has that of an edit that was made, from the client's own patch.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from itertools import takewhile

from ctm_trio.model.diff import MATCH_LINES, diff_of
from ctm_trio.model.one_line import one_line

MAX_BYTES = 256 * 1024
"""A diff is cut to so many bytes of UTF-8, the last line included."""

CUT = "\\ The diff is longer than 256 KB; the rest is not shown.\n"
"""The last line of one that was cut. A backslash begins a remark in a unified diff."""

NO_NEWLINE = "\\ No newline at end of file"

MAX_RESULT = 16 * 1024 * 1024
"""A file that would become longer than so many characters is not made; the texts of the edit are shown alone."""

CONTEXT = 3
"""Unchanged lines around a change."""

_PATH_LIMIT = 4096

_Codes = list[tuple[str, int, int, int, int]]
"""What becomes of lines a to b of the old file and c to d of the new one, as `difflib` says it."""


def edit_diff(tool: str, tool_input: Mapping[str, object], before: str | None) -> str:
    """The diff of an Edit, MultiEdit or Write; "" for another tool, an unexpected shape, and where nothing changes.

    Only a line feed ends a line. Takes up to some tenths of a second for large texts: call it in a thread.

    Args:
        tool: as the client names it.
        tool_input: its decoded input.
        before: the file's content; None if there is no such file, or it cannot be read. Of an edit whose old text is
            not in it, the old and the new text are compared alone, as if they were line 1.
    """
    if tool not in ("Edit", "MultiEdit", "Write"):
        return ""
    path = tool_input.get("file_path")
    name = one_line(path, _PATH_LIMIT) if isinstance(path, str) and path else "file"
    if tool == "Write":
        content = tool_input.get("content")
        return _bounded(_compared(name, before or "", content)) if isinstance(content, str) else ""
    after = _edited(tool, tool_input, before)
    if after is not None:
        return _bounded(_compared(name, before or "", after))
    alone = diff_of(tool, {**tool_input, "file_path": name}, None) or ""
    return _bounded(iter([alone])) if "\n@@ " in alone else ""


def _edited(tool: str, tool_input: Mapping[str, object], before: str | None) -> str | None:
    """The file after the edits, None if one of them does not fit it."""
    edits = tool_input.get("edits") if tool == "MultiEdit" else [tool_input]
    if not isinstance(edits, list) or not edits:
        return None
    text = before
    for edit in edits:
        if not isinstance(edit, Mapping):
            return None
        old, new = edit.get("old_string"), edit.get("new_string")
        if not isinstance(old, str) or not isinstance(new, str):
            return None
        if not old:  # this makes a file
            if text:
                return None
            text = new
            continue
        if text is None:
            return None
        if old not in text and "\r\n" in text:  # the client compares without carriage returns
            old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
        times = text.count(old) if edit.get("replace_all") is True else int(old in text)
        if not times or len(text) + times * (len(new) - len(old)) > MAX_RESULT:
            return None
        text = text.replace(old, new, times)
    return text


def _compared(name: str, before: str, after: str) -> Iterator[str]:
    """The diff of two files in parts; nothing if they are the same."""
    if before == after:
        return
    yield f"--- {name}\n+++ {name}\n"
    old, new = _lines(before), _lines(after)
    for group in _groups(old, new):
        (_, a, _, c, _), (_, _, b, _, d) = group[0], group[-1]
        yield f"@@ -{_range(a, b)} +{_range(c, d)} @@\n"
        for what, a1, b1, c1, d1 in group:
            if what == "equal":
                yield from _marked(" ", old[a1:b1])
                continue
            yield from _marked("-", old[a1:b1])
            yield from _marked("+", new[c1:d1])


def _lines(text: str) -> list[str]:
    """The lines with their line feeds; the last has none if the text does not end with one."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _marked(sign: str, lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n{NO_NEWLINE}\n"


def _range(start: int, end: int) -> str:
    """Where a hunk begins, counted from 1, and its lines; of no lines, the line before."""
    return f"{start + 1 if end > start else start},{end - start}"


def _groups(old: list[str], new: list[str]) -> Iterator[_Codes]:
    """The hunks. Only what lies between the first and the last change is matched."""
    head = sum(1 for _ in takewhile(_same, zip(old, new, strict=False)))
    most = min(len(old), len(new)) - head
    tail = (
        sum(1 for _ in takewhile(_same, zip(reversed(old[-most:]), reversed(new[-most:]), strict=False))) if most else 0
    )
    start = max(0, head - CONTEXT)
    kept = min(tail, CONTEXT)
    old_end, new_end = len(old) - tail + kept, len(new) - tail + kept
    if len(old) + len(new) - 2 * (head + tail) > MATCH_LINES:
        codes: _Codes = [
            ("equal", start, head, start, head),
            ("replace", head, len(old) - tail, head, len(new) - tail),
            ("equal", len(old) - tail, old_end, len(new) - tail, new_end),
        ]
        yield [code for code in codes if code[2] > code[1] or code[4] > code[3]]
        return
    matcher = difflib.SequenceMatcher(None, old[start:old_end], new[start:new_end], autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT):
        yield [(what, a + start, b + start, c + start, d + start) for what, a, b, c, d in group]


def _same(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1]


def _bounded(parts: Iterator[str]) -> str:
    """The parts as one text of at most `MAX_BYTES`; what is left out is said."""
    kept: list[str] = []
    size = 0
    for part in parts:
        data = part.encode("utf-8", "replace")
        size += len(data)
        if size > MAX_BYTES:
            room = MAX_BYTES - (size - len(data))
            return _cut("".join(kept).encode("utf-8", "replace") + data[:room])
        kept.append(part)
    return "".join(kept)


def _cut(data: bytes) -> str:
    data = data[: MAX_BYTES - len(CUT) - 1]
    end = data.rfind(b"\n", len(data) // 2) + 1  # a line of half the whole is cut inside
    text = (data[:end] if end else data).decode("utf-8", "ignore")
    return f"{text}{CUT}" if text.endswith("\n") else f"{text}\n{CUT}"
