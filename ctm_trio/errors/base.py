"""The base of every failure that a person may see.

`system` and the owners raise these, `web.errors` maps each to a status and a code. An error carries what a client
needs (`fields`) and a message that says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping


class CtmError(Exception):
    """Base of all of them.

    Args:
        message: for people; says what happened and what to do.
        fields: extra keys of the JSON answer, as PROTOCOL.md names them.
    """

    code = "internal"
    status = 500

    def __init__(self, message: str = "", *, fields: Mapping[str, object] | None = None) -> None:
        super().__init__(message or self.code)
        self.message = message or self.code.replace("_", " ")
        self.fields: Mapping[str, object] = fields or {}
