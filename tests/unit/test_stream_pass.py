"""When an open stream looks at its token again, and what it knows then."""

from __future__ import annotations

from trio.testing import MockClock

from ctm_trio.errors import InvalidToken
from ctm_trio.model.asker import Asker
from ctm_trio.web.streams import RECHECK_S, StreamPass


class Store:
    """An auth store with one token, which counts how often it is asked."""

    registered = True

    def __init__(self) -> None:
        self.revision = 0
        self.good = True
        self.asked = 0

    def check(self, token: str) -> bool:
        """What the test says."""
        self.asked += 1
        return self.good and token == "token"

    async def signup(self, username: str, password: str, asker: Asker, code: str = "") -> str:
        """Nobody does."""
        raise InvalidToken

    async def login(self, username: str, password: str, asker: Asker) -> str:
        """Nobody does."""
        raise InvalidToken

    async def logout(self, token: str) -> None:
        """Nobody does."""


async def test_a_void_token_stays_void() -> None:
    """Every task of a stream that asks hears of it, not just the first."""
    store = Store()
    held = StreamPass(store, "token")
    assert held.valid()
    store.good, store.revision = False, 1
    assert [held.valid() for _ in range(3)] == [False] * 3
    store.good, store.revision = True, 2
    assert not held.valid(again=True)


async def test_it_asks_only_when_some_token_became_void() -> None:
    """That is what every write of every stream costs."""
    store = Store()
    held = StreamPass(store, "token")
    assert all(held.valid() for _ in range(100))
    assert store.asked == 0
    store.revision = 1
    assert all(held.valid() for _ in range(100))
    assert store.asked == 1


async def test_a_busy_stream_hears_that_its_token_expired(mock_clock: MockClock) -> None:
    """An end that comes with time alone raises no revision; whatever is written, it is looked for now and then."""
    store = Store()
    held = StreamPass(store, "token")
    store.good = False
    mock_clock.jump(RECHECK_S * 0.9)
    assert held.valid()
    mock_clock.jump(RECHECK_S * 0.2)
    assert not held.valid()


async def test_looking_again_is_bounded(mock_clock: MockClock) -> None:
    """One look in so much time, however much is written."""
    store = Store()
    held = StreamPass(store, "token")
    for _ in range(40):
        mock_clock.jump(RECHECK_S / 10)
        assert held.valid()
    assert 3 <= store.asked <= 4
