"""JSON that a strict reader refuses although its meaning is plain, made into JSON that every reader takes.

The client writes half a character where it cuts a text, other programs write NaN, a BOM, or bytes that are not UTF-8.
Such a line must count like any other. Nothing here is used until a strict reader has refused the line, and nothing is
imported but `re`, because the hook uses it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_TOKENS = 50_000
"""A value of more tokens than this is not taken apart (that would hold up its reader for 50 ms); a line of the client
has some hundred. Half characters and bad bytes are mended in values of any size."""

MAX_BYTES = 4 << 20
"""Nor is one of more bytes: its texts alone might take half a second."""

MAX_NESTING = 128
"""What is nested more deeply becomes `"…"`: readers and writers recurse."""

MAX_DIGITS = 300
"""A number of more digits, or one beyond a float, becomes a text with the same digits."""

_EDGES = b"\0 \t\r\n\xef\xbb\xbf"
"""What may stand around a value: a BOM, and the zeros that a crash leaves in a file."""

_HALF = re.compile(rb"\\u[dD](?:([89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|[89a-fA-F][0-9a-fA-F]{2})")
"""An escaped surrogate: both halves (group 1), or one that stands alone. It begins with letters that can be searched
for fast; whether its backslash is itself escaped is looked up afterwards."""

_RAW_HALF = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
"""Half a character in bytes, as encoders write it that know no better."""

_TOKEN = re.compile(
    rb'[ \t\r\n]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([\[{])|([\]}])|([,:])'
    rb"|(-?[0-9][-+.0-9eE]*)|(true|false|null)|(-?Infinity|NaN))",
    re.DOTALL,
)
_CONTROL = re.compile(rb"[\x00-\x1f]")
_FAR = re.compile(rb"[eE]|[0-9]{%d}" % MAX_DIGITS)
_FILLER = '"…"'.encode()


def mended(data: bytes) -> Iterator[bytes]:
    """What to try instead of `data`, which a strict reader refused: the cheap cure first, then the thorough one.

    The first that the reader takes counts. What is not JSON at all stays refused: grammar is not mended.
    The cheap cure: a BOM and zeros around the value go; U+FFFD stands for what is not UTF-8 and for half characters.
    The thorough one, too: control characters in texts are escaped, NaN and infinities become null, numbers that
    nobody can hold become texts, and what is nested beyond `MAX_NESTING` becomes "…".
    """
    data = whole_characters(stripped(data))
    yield data
    rebuilt = _rebuilt(data)
    if rebuilt is not None:
        yield rebuilt


def stripped(line: bytes) -> bytes:
    """A line without what may stand around its value."""
    return line.strip(_EDGES)


def looks_like_object(line: bytes) -> bool:
    """True if a line begins and ends as an object does. Cheap, for telling a line from the middle of another."""
    return (line[:1] == b"{" and line[-1:] == b"}") or (line := stripped(line))[:1] + line[-1:] == b"{}"


def whole_characters(data: bytes) -> bytes:
    """JSON in sound UTF-8 without half characters; U+FFFD stands where one was."""
    try:
        data.decode()
    except UnicodeDecodeError:
        data = _RAW_HALF.sub("\ufffd".encode(), data).decode(errors="replace").encode()
    return _HALF.sub(_whole, data) if b"\\u" in data else data


def _whole(match: re.Match[bytes]) -> bytes:
    text, start = match.string, match.start()
    before = start
    while before and text[before - 1] == 0x5C:
        before -= 1
    if (start - before) % 2 == 0:
        return match[0] if match[1] else b"\\ufffd"
    # The backslash is a character, and the letters behind it are a text; the second half is one for itself.
    return match[0][:6] + b"\\ufffd" if match[1] else match[0]


def _rebuilt(data: bytes) -> bytes | None:
    """The value put together again from its tokens; None if it has others, too many, or does not close."""
    if len(data) > MAX_BYTES:
        return None
    out: list[bytes] = []
    at = depth = count = 0
    end = len(data.rstrip(b" \t\r\n"))
    while at < end:
        match = _TOKEN.match(data, at)
        if match is None or count == MAX_TOKENS:
            return None
        kind = match.lastindex or 0
        token = match[kind]
        if match.start(kind) > at:
            out.append(b" ")  # or two numbers would become one
        at = match.end()
        count += 1
        if kind == 3:
            depth -= 1
            if depth < 0:
                return None
        if depth <= MAX_NESTING:
            if kind == 2 and depth == MAX_NESTING:
                out.append(_FILLER)
            elif kind != 3 or depth < MAX_NESTING:
                out.append(_sound(kind, token))
        if kind == 2:
            depth += 1
    return b"".join(out) if depth == 0 else None


def _sound(kind: int, token: bytes) -> bytes:
    if kind == 1:
        return _CONTROL.sub(lambda match: b"\\u%04x" % match[0][0], token)
    if kind == 5 and _FAR.search(token):
        try:
            far = float(token) in (float("inf"), float("-inf")) or len(token) > MAX_DIGITS
        except ValueError:
            return token  # not a number: its reader says so
        return b'"%b"' % token if far else token
    return b"null" if kind == 7 else token
