"""The name that Claude Code gives a work directory under `~/.claude/projects`."""

from __future__ import annotations

import re

_OTHER = re.compile(r"[^a-zA-Z0-9]")
_ENCODED_LIMIT = 200
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def encode_workdir(path: str) -> str:
    """The directory name under `~/.claude/projects` for a work directory.

    Every UTF-16 unit outside [a-zA-Z0-9] becomes "-"; beyond 200 characters the name is cut and a hash follows.
    Source: PROTOCOL.md, Which session a log belongs to, as recorded from the client.
    """
    units = path.encode("utf-16-le", "surrogatepass")
    text = "".join(chr(int.from_bytes(units[i : i + 2], "little")) for i in range(0, len(units), 2))
    encoded = _OTHER.sub("-", text)
    if len(encoded) <= _ENCODED_LIMIT:
        return encoded
    value = 0
    for unit in text:
        value = (value * 31 + ord(unit)) & 0xFFFFFFFF
    value = abs(value - (1 << 32) if value >= 1 << 31 else value)
    digits = ""
    while value or not digits:
        value, rest = divmod(value, 36)
        digits = _DIGITS[rest] + digits
    return f"{encoded[:_ENCODED_LIMIT]}-{digits}"
