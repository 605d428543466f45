"""JSON values decoded for what they mean: strictly first, and mended where a strict reader refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar, get_args

import msgspec

from ctm_trio.model.odd_json import mended

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

Reader = Callable[[msgspec.Raw], object]
"""Makes of a key's value what its field takes; None if the key must count as absent."""

NO_READERS: Mapping[str, Reader] = MappingProxyType({})

BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What the strict reader raises for a value that it refuses; `msgspec.ValidationError` is one of them."""

_decode = msgspec.json.Decoder().decode
_decode_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
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


def line_decoder(kind: type[S], readers: Mapping[str, Reader] = NO_READERS) -> Callable[[bytes], S | None]:
    """A function that decodes one line of a log (bytes of one JSON object) and never raises.

    It answers None for what is not a JSON object. A key of an unexpected type counts as absent, and what is only badly
    written (half a character, bytes that are not UTF-8, NaN, a BOM) is mended first. A line that fits `kind` costs
    nothing but the strict decoder.

    Args:
        kind: what a line becomes. Every field has a default and is plain (`str`, `bool`, `int`, `float`, or None
            beside them) or `msgspec.Raw`.
        readers: by name, of the fields that are neither.
    """
    strict = msgspec.json.Decoder(kind).decode
    fields = [(f.name, f.encode_name, readers.get(f.name) or _reader_of(f.type)) for f in msgspec.structs.fields(kind)]

    def loose(line: bytes) -> S | None:
        try:
            found = _decode_keys(line)
        except BAD_JSON:
            return None
        made = kind()
        for name, key, read in fields:
            raw = found.get(key)
            value = None if raw is None else read(raw)
            if value is not None:
                setattr(made, name, value)
        return made

    def strict_or_loose(line: bytes) -> S | None:
        try:
            return strict(line)
        except msgspec.ValidationError:
            return loose(line)

    def decode_line(line: bytes) -> S | None:
        try:
            return strict(line)
        except msgspec.ValidationError:
            made = loose(line)
            if made is not None:
                return made
        except BAD_JSON:
            pass
        return decode_mended(line, strict_or_loose)

    return decode_line


def _reader_of(type_: Any) -> Reader:
    if type_ is msgspec.Raw:
        return lambda raw: raw
    kinds = frozenset(get_args(type_) or (type_,))  # the types themselves: True is not a number here

    def read(raw: msgspec.Raw) -> object:
        value = decode_any(raw)
        return value if type(value) in kinds else None

    return read


def compact(value: object) -> str:
    """A value of `decode_any` as compact JSON, "" for one that is nested too deeply to be written."""
    try:
        return _encode(value).decode()
    except RecursionError:
        return ""
