"""JSON values decoded for what they mean: strictly first, and mended where a strict reader refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from ctm_trio.model.odd_json import mended

T = TypeVar("T")

BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What the strict reader raises for a value that it refuses; `msgspec.ValidationError` is one of them."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def decode_any(raw: msgspec.Raw | bytes) -> Any:
    """A JSON value as Python's own types; None if it is absent, or is not JSON even when mended. Never raises."""
    if not raw:
        return None
    try:
        return _decode(raw)
    except BAD_JSON:
        return decode_mended(bytes(raw), _decode)


def decode_mended(data: bytes, decode: Callable[[bytes], T | None]) -> T | None:
    """What `decode` makes of the first cure of `data` that it takes; None if it takes none (or answers None)."""
    for cured in mended(data):
        try:
            found = decode(cured)
        except BAD_JSON:
            continue
        if found is not None:
            return found
    return None


def compact(value: object) -> str:
    """A value of `decode_any` as compact JSON, "" for one that is nested too deeply to be written."""
    try:
        return _encode(value).decode()
    except RecursionError:
        return ""
