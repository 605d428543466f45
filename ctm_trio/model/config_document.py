"""`config.json` as a JSON document: its bytes to a table and back, whatever the table says.

What the settings mean is in `config.py`, what a change may be in `config_patch.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ctm_trio.errors.files import BrokenConfig
from ctm_trio.model.config_fault import UnparsableConfig, syntax_fault

MAX_CONFIG_BYTES = 4 << 20
"""A larger `config.json` is taken for a mistake and not read."""

BOM = b"\xef\xbb\xbf"
"""What some editors write before the text; it means nothing."""


def parse_document(data: bytes) -> dict[str, Any]:
    """What the bytes of the file say.

    Raises:
        UnparsableConfig: not a JSON object.
    """
    try:
        data = data.removeprefix(BOM)
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnparsableConfig(syntax_fault(data, error)) from None
    if not isinstance(value, dict):
        raise UnparsableConfig("line 1: the file must be a JSON object")
    return value


def table_in(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The table under a key, empty if it is missing or null.

    Raises:
        BrokenConfig: something else stands there.
    """
    value = table.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BrokenConfig(f"config.json: {key} must be an object.")
    return value


def encode_document(document: Mapping[str, object]) -> bytes:
    """The bytes of the file, indented for people.

    Raises:
        RecursionError, ValueError, OverflowError: what was read cannot be written again.
    """
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
