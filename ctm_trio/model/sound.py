"""Text that any answer can carry: names that are not UTF-8, and surrogates that stand alone, are made valid.

A path is bytes, and Python keeps what is not UTF-8 in it as lone surrogates, which no JSON encoder takes. What is
only told to a person goes through here; what a file is opened by does not.
"""

from __future__ import annotations

import msgspec


def name_shown(name: bytes | str) -> str:
    """A path or name of the file system as it is told: what is not UTF-8 in it becomes U+FFFD."""
    return sound(name) if isinstance(name, str) else name.decode(errors="replace")


def sound(text: str) -> str:
    """The text without lone surrogates: each becomes U+FFFD, and two that make a pair become their character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def sound_json(value: object) -> bytes:
    """The JSON of anything that msgspec encodes, with its texts made `sound` where they are not.

    Raises:
        TypeError: msgspec does not encode it.
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_sound_all(msgspec.to_builtins(value)))


def _sound_all(value: object) -> object:
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, dict):
        return {_sound_all(key): _sound_all(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_sound_all(each) for each in value]
    return value
