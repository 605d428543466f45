"""The ids of conversations."""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_conversation_id(text: str) -> bool:
    """True if a text is a Claude session id, a UUID."""
    return _UUID.fullmatch(text) is not None
