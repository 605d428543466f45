"""A bug in one piece of work ends that piece alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trio

from ctm_trio.core.confine import confined
from ctm_trio.messages.panes import PaneFrame, WatchPane
from ctm_trio.owners.panes import run_panes
from ctm_trio.system.tmux import Tmux


async def test_what_it_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The neighbours in the nursery go on; the log names the work and has the traceback."""
    done = trio.Event()

    async def fails() -> None:
        raise LookupError("a bug")

    async def works() -> None:
        await trio.lowlevel.checkpoint()
        done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(confined, "this order", fails)
        nursery.start_soon(confined, "that order", works)
    assert done.is_set()
    assert "this order failed" in caplog.text
    assert "LookupError: a bug" in caplog.text


async def test_a_cancellation_goes_through() -> None:
    """Cancelling is no failure of the work."""
    with trio.move_on_after(0) as scope:
        await confined("sleep", trio.sleep_forever)
    assert scope.cancelled_caught


class PickyTmux(Tmux):
    """Has a bug for one session."""

    async def capture(self, session: str, *, history: int = 0, plain: bool = False) -> str:
        """See `Tmux`."""
        await trio.lowlevel.checkpoint()
        if "bad" in session:
            raise UnicodeError("a bug")
        return f"screen of {session}"


async def test_one_pane_ends_no_other(tmp_path: Path) -> None:
    """Who watches a pane that meets a bug learns that it ends; the others keep watching."""
    send, inbox = trio.open_memory_channel[WatchPane](16)
    good_to, good = trio.open_memory_channel[PaneFrame](1)
    bad_to, bad = trio.open_memory_channel[PaneFrame](1)
    late_to, late = trio.open_memory_channel[PaneFrame](1)
    with send, good, late:
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(run_panes, inbox, PickyTmux(tmp_path, lambda: ""), tick_s=0.01))
            await send.send(WatchPane("good", 100, good_to))
            with trio.fail_after(30):
                await good.receive()
                await send.send(WatchPane("bad", 100, bad_to))
                with pytest.raises(trio.EndOfChannel):
                    await bad.receive()
                await send.send(WatchPane("good", 100, late_to))
                assert b"screen of" in (await late.receive()).data
            nursery.cancel_scope.cancel()
