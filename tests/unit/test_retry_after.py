"""`model.retry_after`: numbers, dates, and what is neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.retry_after import retry_after_s

NOW = 1_795_644_000.0  # 2026-11-25 22:00:00 UTC
DATE = "Wed, 25 Nov 2026 22:00:00 GMT"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0), ("3.5", 3.5), (" 120 ", 120.0), ("0", 0.0),
        ("Wed, 25 Nov 2026 22:00:08 GMT", 8.0),
        ("Wednesday, 25-Nov-26 22:00:08 GMT", 8.0),
        ("Wed Nov 25 22:00:08 2026", 8.0),
        ("Wed, 25 Nov 2026 23:00:08 +0100", 8.0),
        ("Wed, 25 Nov 2026 21:00:00 GMT", 0.0),
        ("", 0.0), ("soon", 0.0), ("-3", 0.0), ("3,5", 0.0), ("1e9", 0.0), ("nan", 0.0), ("٣", 0.0), ("9" * 30, 0.0),
        ("Wed, 99 Nov 2026 22:00:08 GMT", 0.0), ("x" * 100_000, 0.0),
    ],
)  # fmt: skip
def test_headers(header: str, seconds: float) -> None:
    """Seconds with or without a fraction, the three forms of a date; the past is now, and nonsense does not count."""
    assert retry_after_s(header, "", NOW) == seconds


@pytest.mark.parametrize("skew", [-86_400.0, -1200.0, 1200.0, 1e9])
def test_clocks_that_disagree(skew: float) -> None:
    """A date counts from the answer's own date, however wrong our clock is."""
    assert retry_after_s("Wed, 25 Nov 2026 22:00:08 GMT", DATE, NOW + skew) == 8.0


def test_a_date_of_its_own_that_is_none() -> None:
    """Without a date that can be read our clock counts."""
    assert retry_after_s("Wed, 25 Nov 2026 22:00:08 GMT", "yesterday", NOW + 2) == 6.0


@given(st.text(max_size=80), st.text(max_size=80))
def test_anything(header: str, date: str) -> None:
    """Nothing raises, and no wait is negative."""
    assert retry_after_s(header, date, NOW) >= 0.0
