"""An order that its owner could not take, could not end, or whose answer nobody has. Source: PROTOCOL.md, Orders."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class Unavailable(CtmError):
    """An owner did not answer in time, or is being restarted."""

    code, status = "unavailable", 503


class BrokenOff(CtmError):
    """An owner ended in the middle of an order: nobody knows how far it got."""

    code, status = "broken_off", 500

    def __init__(self) -> None:
        super().__init__("This part of the daemon was restarted while it did this; check how far it got.")


class OrderTooLate(CtmError):
    """An order was not done by its deadline, and was cut off there. Source: PROTOCOL.md, Orders."""

    code, status = "too_late", 504

    def __init__(self) -> None:
        super().__init__("It took too long and was stopped; check how far it got before you try again.")


class NotFollowed(CtmError):
    """An order outlasts its request, and the part of the daemon that would keep its answer is down."""

    code, status = "not_followed", 500

    def __init__(self) -> None:
        super().__init__("This is being done, but its end cannot be followed; check how far it got.")


class OrderNotFound(CtmError):
    """No order of that id whose answer is still kept."""

    code, status = "order_not_found", 404

    def __init__(self) -> None:
        super().__init__("There is no such order: answers are kept for ten minutes and do not survive a restart.")
