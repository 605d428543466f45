"""A request that cannot be answered, or not any more. Source: PROTOCOL.md, Requests."""

from __future__ import annotations

from collections.abc import Mapping

from ctm_trio.errors.base import CtmError


class RequestNotFound(CtmError):
    """No request of that id."""

    code, status = "request_not_found", 404

    def __init__(self) -> None:
        super().__init__("There is no such request.")


class RequestClosed(CtmError):
    """It has left "open" already. `request`: as it is."""

    code, status = "request_closed", 409

    def __init__(self, message: str, request: Mapping[str, object]) -> None:
        super().__init__(message, fields={"request": request})


class NotAnswerable(CtmError):
    """It cannot be answered from here, or not with this."""

    code, status = "not_answerable", 422


class NotTaken(CtmError):
    """The answer was not taken in time. `request`: what has become of it.

    Args:
        sent: it was on its way, so it may still be taken.
    """

    code, status = "not_taken", 504

    def __init__(self, message: str, *, sent: bool = False, fields: Mapping[str, object] | None = None) -> None:
        super().__init__(message, fields=fields)
        self.sent = sent
