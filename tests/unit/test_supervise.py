"""How children are restarted, quarantined and named; time is the test's own."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

import pytest
import trio
from trio.testing import MockClock

from ctm_trio.core.channels import open_state_channel
from ctm_trio.core.health import LOG_LINES, MAX_FAULT_CHARS, MAX_NAMED, Health, HealthSnapshot
from ctm_trio.core.supervise import BOOT_S, CRASHES, PROBATION_S, QUARANTINE_S, Child, keep_running
from ctm_trio.system.file_watch import Trouble

SECRET = "hunter2-hunter2"


class Desk:
    """Where a test reads what is said of the children."""

    def __init__(self) -> None:
        sender, self.state = open_state_channel(HealthSnapshot())
        self.health = Health(sender, lambda: (SECRET,))

    @property
    def components(self) -> dict[str, str]:
        """What /health would show."""
        return dict(self.state.latest.components)


class Flaky:
    """A child that crashes so many times, each time after `after_s`, and then runs."""

    def __init__(self, crashes: float, *, after_s: float = 0.0, ready: bool = True) -> None:
        self.crashes, self.after_s, self.ready = crashes, after_s, ready
        self.starts: list[float] = []
        self.started = trio.Event()

    async def until(self, starts: int) -> None:
        """Wait until it was started so often."""
        while len(self.starts) < starts:
            await self.started.wait()

    async def __call__(self, *, task_status: trio.TaskStatus[None]) -> None:
        self.starts.append(trio.current_time())
        self.started.set()
        self.started = trio.Event()
        fails = len(self.starts) <= self.crashes
        if self.ready or not fails:
            task_status.started()
        if fails:
            async with trio.open_nursery():
                await trio.sleep(self.after_s)
                raise LookupError("the real reason")
        await trio.sleep_forever()


async def test_quarantine_and_return(autojump_clock: MockClock) -> None:
    """The fifth crash puts a child into quarantine: tried again each minute, named with the error, then "ok" again."""
    desk, child = Desk(), Flaky(7)
    async with trio.open_nursery() as nursery:
        await nursery.start(keep_running, Child("part", child), desk.health)
        await child.until(CRASHES)
        await trio.sleep(1)
        assert desk.components["part"].startswith("quarantined: LookupError: the real reason")
        assert desk.state.latest.restarts == {"part": CRASHES}
        await child.until(8)
        assert [round(b - a) for a, b in zip(child.starts[4:], child.starts[5:], strict=False)] == [QUARANTINE_S] * 3
        assert desk.components["part"].startswith("quarantined")  # not called "ok" before it has proved it
        await trio.sleep(PROBATION_S + 1)
        assert desk.components["part"] == "ok"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("crashes", [1, CRASHES + 1])
async def test_crash_before_ready_holds_up_nobody(autojump_clock: MockClock, crashes: int) -> None:
    """A child that crashes before it is ready does not keep the daemon from starting, and is tried again."""
    desk, child = Desk(), Flaky(crashes, ready=False)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(1):
            await nursery.start(keep_running, Child("part", child), desk.health)
        assert desk.components["part"] == "restarting: LookupError: the real reason"
        await child.until(crashes + 1)
        await trio.sleep(PROBATION_S + 1)
        assert desk.components["part"] == "ok"
        nursery.cancel_scope.cancel()


async def test_slow_start_holds_up_nobody(autojump_clock: MockClock) -> None:
    """A part that takes too long to be ready is left to itself and named; it is "ok" once it is ready."""
    desk = Desk()

    async def slow(*, task_status: trio.TaskStatus[None]) -> None:
        await trio.sleep(BOOT_S * 2)
        task_status.started()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        began = trio.current_time()
        await nursery.start(keep_running, Child("part", slow), desk.health)
        assert trio.current_time() - began == pytest.approx(BOOT_S)
        assert desk.components["part"].startswith("starting: not ready")
        await trio.sleep(BOOT_S + 1)
        assert desk.components["part"] == "ok"
        nursery.cancel_scope.cancel()


async def test_fatal_child_ends_it(autojump_clock: MockClock) -> None:
    """Only a fatal child's crash is raised, with the error inside, and /health has it."""
    desk = Desk()
    with pytest.RaisesGroup(pytest.RaisesExc(LookupError), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(keep_running, Child("journal", Flaky(1), fatal=True), desk.health)
    assert desk.components["journal"] == "failed: LookupError: the real reason"


async def test_failing_while_it_stops_ends_nobody(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """A child that fails at tidying up when it is cancelled is logged; the stop goes on without an error."""

    async def untidy(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        async with trio.open_nursery() as inner:
            inner.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("no space to tidy up")

    with caplog.at_level(logging.ERROR):
        async with trio.open_nursery() as nursery:
            await nursery.start(keep_running, Child("part", untidy), Desk().health)
            nursery.cancel_scope.cancel()
    assert "no space to tidy up" in caplog.text


async def test_stop_does_not_wait_for_a_child_that_is_down(autojump_clock: MockClock) -> None:
    """A part in quarantine is not waited for when the daemon stops."""
    desk, stop = Desk(), trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_until(stop, Child("http", Flaky(99)), desk.health))
        await trio.sleep(100)
        assert desk.components["http"].startswith("quarantined")
        began = trio.current_time()
        stop.set()
    assert trio.current_time() - began < 1


def _until(stop: trio.Event, child: Child, health: Health) -> Callable[..., Awaitable[object]]:
    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        await keep_running(child, health, stopping=stop.wait, task_status=task_status)

    return run


async def test_a_thousand_quarantined_tailers(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """A thousand tailers in quarantine end nobody, and neither /health nor the log is flooded by them."""
    desk = Desk()
    with caplog.at_level(logging.DEBUG):
        async with trio.open_nursery() as nursery:
            for i in range(1000):
                child = Child(f"tailer:logs/{i}", Flaky(99), quiet=True)
                await nursery.start(keep_running, child, desk.health)
            await trio.sleep(200)
            shown = desk.components
            assert len(shown) == MAX_NAMED + 1
            assert "1000" in shown.pop("tailers")
            assert all(text.startswith("quarantined: LookupError: the real") for text in shown.values())
            assert desk.state.latest.restarts.keys() == {"tailers"}
            assert len(caplog.records) <= (LOG_LINES + 1) * 2 + 100  # and a traceback
            nursery.cancel_scope.cancel()


async def test_one_of_many_is_named_until_it_is_well(autojump_clock: MockClock) -> None:
    """A tailer that crashed is named while it is down and leaves no trace in the list when it runs again."""
    desk = Desk()
    async with trio.open_nursery() as nursery:
        await nursery.start(keep_running, Child("tailer:logs/x", Flaky(1), quiet=True), desk.health)
        await trio.sleep(0.1)
        assert desk.components == {"tailer:logs/x": "restarting: LookupError: the real reason"}
        await trio.sleep(1)
        assert desk.components == {}
        assert desk.state.latest.restarts == {"tailers": 1}
        nursery.cancel_scope.cancel()


def failing(text: str) -> ExceptionGroup[Exception]:
    """An error in two groups, with a traceback."""

    def raises() -> NoReturn:
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [ValueError(text)])])

    with pytest.raises(ExceptionGroup) as caught:
        raises()
    return caught.value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "ValueError: plain words"),
        ("", "ValueError"),
        (f"sent {SECRET} to it", "ValueError: sent *** to it"),
        ("Authorization: abcdef", "ValueError: Authorization: ***"),
        ("Authorization: Bearer abcSECRET123, twice", "ValueError: Authorization: ***, twice"),
        ("{'Authorization': 'Basic dTpw'}", "ValueError: {'Authorization': '***'}"),
        ("authorization=token gho_123", "ValueError: authorization=***"),
        ("got Bearer tk_123456 back", "ValueError: got Bearer *** back"),
        ("https://u:p@example.org:8443/hook/T0/B1?k=v refused", "ValueError: https://example.org:8443/*** refused"),
        ("http://user:p@ss@example.org/x", "ValueError: http://example.org/***"),
        ("http://user:p@ss@[::1]:80 refused", "ValueError: http://[::1]:80/*** refused"),
        ("http://user:p/ss@example.org", "ValueError: http://user/***"),
        ("http://example.org?mail=me@secret", "ValueError: http://example.org/***"),
        ("two\nlines\x1b[31m", "ValueError: two lines�[31m"),
    ],
)
def test_faults_in_words(text: str, shown: str) -> None:
    """An error is shown by its own type and message, on one line, without secrets and control characters."""
    health = Desk().health
    assert health.describe(failing(text)) == shown
    assert SECRET not in health.traceback(failing(text))


def test_a_trouble_of_an_earlier_incarnation_is_over() -> None:
    """What a part said before it crashed is not said for ever by the next one, for which all is well."""
    desk = Desk()

    def say(problem: str) -> None:
        desk.health.fault("databases", "cost", problem)

    Trouble(say).note("write", "disk full")
    assert desk.components == {"cost": "disk full"}
    again = Trouble(say)
    assert desk.components == {}
    assert not again.note("write", "")
    assert again.note("open", "locked")
    assert desk.components == {"cost": "locked"}


def test_long_messages_are_cut() -> None:
    """However long a message is, what is shown of it is not."""
    assert len(Desk().health.describe(ValueError("x" * 100_000))) == MAX_FAULT_CHARS
