"""A session as `sessions.json` has it, and what makes a name valid."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

ZERO_TIME = "0001-01-01T00:00:00Z"
"""How Go writes a time that was never set; we treat it as absent. Source: contract A2."""

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}", re.ASCII)
"""A session name, for `fullmatch`. Source: contract A4."""

NEW_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}", re.ASCII)
"""A name that create takes: also dots, at most 64 characters. Source: contract A4."""


@dataclass(frozen=True, slots=True)
class Session:
    """One record of `sessions.json`. Times are RFC 3339 text, `""` while unknown."""

    name: str
    uuid: str = ""
    mode: str = "safe"
    workdir: str = ""
    created_at: str = ""
    last_attached_at: str = ""
    last_health_status: str = ""
    last_health_at: str = ""
    extra: tuple[tuple[str, object], ...] = field(default=(), compare=False)
    """Keys that we do not know, kept for the rewrite."""


def is_name(text: str) -> bool:
    """True if `text` is a session name that the routes accept."""
    return NAME.fullmatch(text) is not None
