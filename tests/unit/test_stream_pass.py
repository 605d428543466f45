"""When an open stream looks at its token again, and what it knows then."""

from __future__ import annotations

from trio.testing import MockClock

from ctm_trio.web.streams import RECHECK_S, StreamPass
from tests.fakes.one_token import OneToken


async def test_a_void_token_stays_void() -> None:
    """Every task of a stream that asks hears of it, not just the first."""
    store = OneToken()
    held = StreamPass(store, "token")
    assert held.valid()
    store.void()
    assert [held.valid() for _ in range(3)] == [False] * 3
    store.good, store.revision = True, 2
    assert not held.valid(again=True)


async def test_it_asks_only_when_some_token_became_void() -> None:
    """That is what every write of every stream costs."""
    store = OneToken()
    held = StreamPass(store, "token")
    assert all(held.valid() for _ in range(100))
    assert store.asked == 0
    store.revision = 1
    assert all(held.valid() for _ in range(100))
    assert store.asked == 1


async def test_a_busy_stream_hears_that_its_token_expired(mock_clock: MockClock) -> None:
    """An end that comes with time alone raises no revision; whatever is written, it is looked for now and then."""
    store = OneToken()
    held = StreamPass(store, "token")
    store.good = False
    mock_clock.jump(RECHECK_S * 0.9)
    assert held.valid()
    mock_clock.jump(RECHECK_S * 0.2)
    assert not held.valid()


async def test_looking_again_is_bounded(mock_clock: MockClock) -> None:
    """One look in so much time, however much is written."""
    store = OneToken()
    held = StreamPass(store, "token")
    for _ in range(40):
        mock_clock.jump(RECHECK_S / 10)
        assert held.valid()
    assert 3 <= store.asked <= 4
