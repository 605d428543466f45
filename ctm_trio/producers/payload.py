"""The JSON object on standard input: read within a bound, understood, and mended if it is only badly written."""

from __future__ import annotations

from ctm_trio.producers.trouble import Trouble

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
    from typing import Any
else:
    import posix

MAX_BYTES = 32 << 20
"""Largest payload of `hook`; more is noted and dropped. A Write of 600 kB makes 1.2 MB.
Source: PROTOCOL.md, Log lines."""


def read_input(limit: int) -> bytes:
    """Standard input to its end; b"" if it is closed, or a terminal, where somebody only had a look at the command.

    Trouble above `limit` bytes (the rest is read and dropped).
    """
    if posix.isatty(0):
        posix.write(2, b"This is for Claude Code's settings: it reads a JSON object. See `ctm-trio overlay`.\n")
        return b""
    chunks, size = [], 0
    while True:
        try:
            chunk = posix.read(0, 1 << 20)
        except OSError as exc:
            if exc.errno == 9:  # EBADF: started with stdin closed
                return b""
            raise
        if not chunk:
            break
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
    if size > limit:
        raise Trouble(f"payload of {size} bytes is over the limit of {limit}")
    return b"".join(chunks)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON value")


class _Rules:
    """How the scanner of `_json` is to read: strictly, and without failing on very long numbers."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = staticmethod(str)
    parse_constant = staticmethod(_refuse)


def parse_object(data: bytes) -> dict[str, Any]:
    """A JSON object, whole numbers as text; Trouble if it is anything else.

    The standard library's own C scanner does it; `json` around it is only imported where there is none.
    """
    try:
        text = data.decode()
        start = len(text) - len(text.lstrip(" \t\n\r"))
        try:
            from _json import make_scanner

            value, end = make_scanner(_Rules())(text, start)  # type: ignore[arg-type]
        except (ImportError, AttributeError):
            import json

            decoder = json.JSONDecoder(parse_int=str, parse_constant=_refuse)
            value, end = decoder.raw_decode(text, start)
        if text[end:].strip(" \t\n\r"):
            raise Trouble(f"payload of {len(data)} bytes has more text after its JSON value")
    except (ValueError, StopIteration, RecursionError, SystemError):
        # SystemError: the scanner cannot raise JSONDecodeError where `json` was never imported.
        raise Trouble(f"payload of {len(data)} bytes is not JSON") from None
    if not isinstance(value, dict):
        raise Trouble(f"payload of {len(data)} bytes is not a JSON object")
    return value


def understood(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """A payload that can be written as a line, and what it says; Trouble if it is not a JSON object.

    Almost always it is the payload to the letter. What is only badly written (bytes that are not UTF-8, NaN, a BOM) is
    mended, so that the call is not lost.
    """
    try:
        return data, parse_object(data)
    except Trouble as trouble:
        from ctm_trio.model.odd_json import mended

        for cured in mended(data):
            try:
                return cured, parse_object(cured)
            except Trouble:
                continue
        raise trouble from None
