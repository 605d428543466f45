"""What any route may say of a request."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class InvalidBody(CtmError):
    """The body is not what the route takes."""

    code, status = "invalid_body", 400


class InvalidQuery(CtmError):
    """The query has a value that the route does not take."""

    code, status = "invalid_query", 400


class UnknownHook(CtmError):
    """The CLI posts a lifecycle event that we do not know."""

    code, status = "unknown_hook", 404

    def __init__(self) -> None:
        super().__init__("There is no such lifecycle event.")
