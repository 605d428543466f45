"""What a change of the settings may not be, and what a setting is missing for. Source: PROTOCOL.md, Configuration."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class BadPatch(CtmError):
    """A `PATCH /api/config` that is refused as a whole. Source: PROTOCOL.md, Configuration.

    Args:
        code: what the answer's `error` says, e.g. "unknown key: x".
    """

    status = 400

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code


class NoWebhook(CtmError):
    """There is no webhook to test."""

    code, status = "no_webhook", 409
