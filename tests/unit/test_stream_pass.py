"""When an open stream looks at its token again, and what it knows then."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from ctm_trio.messages.journal import JournalMessage
from ctm_trio.web.streams import RECHECK_S, REFRESH_S, StreamPass, Streams
from tests.fakes.journal import FakeJournal
from tests.fakes.one_token import OneToken


class FileToken(OneToken):
    """Its user's file is deleted, which shows when somebody looks at it."""

    deleted, looks = False, 0

    def revision(self) -> int:
        """Look at the file."""
        self.looks += 1
        if self.deleted and self.good:
            self.void()
        return self.known_revision


def pass_of(store: OneToken) -> StreamPass:
    """The pass of a stream with the token."""
    journal, _ = trio.open_memory_channel[JournalMessage](0)
    return StreamPass(store, "token", Streams(store, FakeJournal([], journal).events))


async def test_a_void_token_stays_void() -> None:
    """Every task of a stream that asks hears of it, not just the first."""
    store = OneToken()
    held = pass_of(store)
    assert held.valid()
    store.void()
    assert [held.valid() for _ in range(3)] == [False] * 3
    store.good, store.known_revision = True, 2
    assert not held.valid(again=True)


async def test_it_asks_only_when_some_token_became_void() -> None:
    """That is what every write of every stream costs."""
    store = OneToken()
    held = pass_of(store)
    assert all(held.valid() for _ in range(100))
    assert store.asked == 0
    store.known_revision = 1
    assert all(held.valid() for _ in range(100))
    assert store.asked == 1


async def test_a_busy_stream_hears_that_its_token_expired(mock_clock: MockClock) -> None:
    """An end that comes with time alone raises no revision; whatever is written, it is looked for now and then."""
    store = OneToken()
    held = pass_of(store)
    store.good = False
    mock_clock.jump(RECHECK_S * 0.9)
    assert held.valid()
    mock_clock.jump(RECHECK_S * 0.2)
    assert not held.valid()


async def test_looking_again_is_bounded(mock_clock: MockClock) -> None:
    """One look in so much time, however much is written."""
    store = OneToken()
    held = pass_of(store)
    for _ in range(40):
        mock_clock.jump(RECHECK_S / 10)
        assert held.valid()
    assert 3 <= store.asked <= 4


async def test_the_users_file_is_looked_at_for_all_streams_together(mock_clock: MockClock) -> None:
    """A few times a second, whatever is written to however many of them; then each of them hears of it."""
    store = FileToken()
    journal, _ = trio.open_memory_channel[JournalMessage](0)
    streams = Streams(store, FakeJournal([], journal).events)
    held = [StreamPass(store, "token", streams) for _ in range(5)]
    store.looks = 0
    for _ in range(3):
        mock_clock.jump(REFRESH_S)
        assert all(one.valid() for one in held * 10)
    assert store.looks == 3
    store.deleted = True
    mock_clock.jump(REFRESH_S)
    assert not any(one.valid() for one in held)
