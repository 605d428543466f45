"""`Retry-After`: how long an endpoint asks to be left alone."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_TEXT = 64
"""A longer header is neither a date nor a number."""

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


def retry_after_s(header: str, date: str, now: float) -> float:
    """Seconds to wait; 0 for a moment that has passed and for what cannot be understood.

    A number of seconds may have a fraction. A date is held against the answer's own `Date` header, so that it does not
    matter whether the endpoint's clock and ours agree.

    Args:
        header: `Retry-After` as it came, "" if there was none.
        date: the same answer's `Date`, "" if there was none.
        now: unix seconds; used when the answer has no `Date` that can be read.
    """
    header = header.strip()
    if _SECONDS.fullmatch(header):
        return float(header)
    until = _moment(header)
    if until is None:
        return 0.0
    began = _moment(date.strip())
    return max(0.0, until - (now if began is None else began))


def _moment(text: str) -> float | None:
    """An HTTP date as unix seconds; None for anything else."""
    if not text or len(text) > MAX_TEXT:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
