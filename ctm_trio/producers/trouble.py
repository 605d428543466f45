"""Why an event or a dump cannot be kept, in words that hold nothing of its content."""

from __future__ import annotations


class Trouble(Exception):
    """The event cannot be kept; the text says why, without any of its content."""


def reason_of(exc: BaseException) -> str:
    """An error in a few words, without any content of an event."""
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return str(exc) if isinstance(exc, Trouble) else type(exc).__name__
