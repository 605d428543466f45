"""Live panes with a real tmux: who watches costs nothing more, and nobody watching costs nothing at all."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from ctm_trio.messages.panes import PaneFrame, WatchPane
from ctm_trio.owners.panes import run_panes
from ctm_trio.system.tmux import Tmux
from tests.tmux_server import PrivateTmux, private_tmux

TICK_S = 0.05


class CountingTmux(Tmux):
    """Counts its captures, and lets a test wait for more of them."""

    captures = 0

    async def capture(self, session: str, *, history: int = 0, plain: bool = False) -> str:
        type(self).captures += 1
        return await super().capture(session, history=history)

    async def after(self, more: int) -> None:
        """Wait until so many captures more have begun."""
        goal = type(self).captures + more
        with trio.fail_after(30):
            while type(self).captures < goal:  # noqa: ASYNC110  # a counter has no event
                await trio.sleep(TICK_S / 5)


@pytest.fixture
def server() -> Iterator[PrivateTmux]:
    """A private tmux server with a session that shows what is typed."""
    with private_tmux() as server:
        server.new("alpha")
        yield server


class Panes:
    """A running panes owner."""

    def __init__(self, tmux: CountingTmux, send: trio.MemorySendChannel[WatchPane]) -> None:
        self.tmux, self.send = tmux, send

    async def watch(self, name: str = "alpha", history: int = 100) -> trio.MemoryReceiveChannel[PaneFrame]:
        to, frames = trio.open_memory_channel[PaneFrame](1)
        await self.send.send(WatchPane(name, history, to))
        return frames


@asynccontextmanager
async def running(server: PrivateTmux, tick_s: float = TICK_S) -> AsyncIterator[Panes]:
    CountingTmux.captures = 0
    tmux = CountingTmux(server.conf, lambda: server.socket)
    send, inbox = trio.open_memory_channel[WatchPane](16)
    with send:
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(run_panes, inbox, tmux, tick_s=tick_s))
            yield Panes(tmux, send)
            nursery.cancel_scope.cancel()


async def shows(frames: trio.MemoryReceiveChannel[PaneFrame], text: str) -> None:
    """Take frames until one has the text."""
    with trio.fail_after(30):
        while text not in json.loads((await frames.receive()).data):
            pass


async def test_a_change_arrives_and_equal_ones_do_not(server: PrivateTmux) -> None:
    """The screen comes at once, then only what is different."""
    async with running(server) as panes:
        frames = await panes.watch()
        with trio.fail_after(30):
            first = await frames.receive()
        assert not first.end
        await panes.tmux.after(3)
        with pytest.raises(trio.WouldBlock):
            frames.receive_nowait()
        server.run("send-keys", "-t", "alpha", "-l", 'say "grüße"')
        await shows(frames, 'say "grüße"')


async def test_twenty_watchers_cost_one_capture_a_tick(server: PrivateTmux) -> None:
    """Twenty watchers all see a change, and the captures are those of one; a late one gets the screen at once."""
    async with running(server) as panes:
        watchers = [await panes.watch() for _ in range(20)]
        for frames in watchers:
            await shows(frames, "")
        before, began = CountingTmux.captures, trio.current_time()
        server.run("send-keys", "-t", "alpha", "-l", "hello")
        for frames in watchers:
            await shows(frames, "hello")
        await panes.tmux.after(5)
        ticks = (trio.current_time() - began) / TICK_S
        assert CountingTmux.captures - before <= ticks + 2
        late = await panes.watch()
        await shows(late, "hello")


async def test_nobody_watches(server: PrivateTmux) -> None:
    """Once the last watcher is gone no more captures are made, and a new one starts them again."""
    async with running(server) as panes:
        frames = await panes.watch()
        await shows(frames, "")
        frames.close()
        with trio.move_on_after(3 * TICK_S):
            await trio.sleep_forever()
        made = CountingTmux.captures
        with trio.move_on_after(4 * TICK_S):
            await trio.sleep_forever()
        assert CountingTmux.captures == made
        await shows(await panes.watch(), "")


async def test_a_slow_watcher_gets_the_newest(server: PrivateTmux) -> None:
    """Who does not read skips what came between, never the newest, and holds nobody up."""
    async with running(server) as panes:
        slow, brisk = await panes.watch(), await panes.watch()
        for word in ("one", "two", "three"):
            server.run("send-keys", "-t", "alpha", "-l", word)
            await shows(brisk, word)
        with trio.fail_after(30):
            assert "three" not in json.loads((await slow.receive()).data)
            assert "onetwothree" in json.loads((await slow.receive()).data)


async def test_the_end(server: PrivateTmux) -> None:
    """When the session ends, or never was, every watcher is told once and its channel ends."""
    async with running(server) as panes:
        watchers = [await panes.watch(), await panes.watch()]
        for frames in watchers:
            await shows(frames, "")
        server.run("kill-session", "-t", "alpha")
        for frames in (*watchers, await panes.watch("nobody")):
            with trio.fail_after(30):
                assert await frames.receive() == PaneFrame(b'""', end=True)
                with pytest.raises(trio.EndOfChannel):
                    await frames.receive()


async def test_one_failure_is_not_the_end(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single capture that fails is passed over."""
    async with running(server) as panes:
        frames = await panes.watch()
        await shows(frames, "")
        sockets = iter([str(server.root / "none")])
        monkeypatch.setattr(Tmux, "argv", lambda _: ["tmux", "-S", next(sockets, server.socket)])
        await panes.tmux.after(3)
        server.run("send-keys", "-t", "alpha", "-l", "still here")
        await shows(frames, "still here")


async def test_histories_are_apart(server: PrivateTmux) -> None:
    """Each watcher gets as much history as it asked for."""
    server.new("rows", "/bin/sh", "-c", "i=0; while [ $i -lt 120 ]; do echo row-$i; i=$((i+1)); done; exec cat")
    async with running(server) as panes:
        long, screen = await panes.watch("rows", 500), await panes.watch("rows", 0)
        await shows(long, "row-0\n")
        with trio.fail_after(30):
            text = json.loads((await screen.receive()).data)
            while "row-119" not in text:
                text = json.loads((await screen.receive()).data)
        assert "row-0\n" not in text


async def test_shutdown_ends_every_channel(server: PrivateTmux) -> None:
    """When the owner is cancelled its watchers' channels end."""
    async with running(server) as panes:
        frames = await panes.watch()
        await shows(frames, "")
    with trio.fail_after(30):
        assert [frame.end async for frame in frames] == []


async def test_a_slow_watcher_holds_up_no_new_one(server: PrivateTmux) -> None:
    """Its pane has ended, and it has not taken that yet: who watches a new session of that name sees the new one."""
    async with running(server) as panes:
        slow, quick = await panes.watch(), await panes.watch()
        await shows(quick, "")
        server.new("beta")  # the server lives on
        server.run("kill-session", "-t", "=alpha")
        with trio.fail_after(30):
            while not (await quick.receive()).end:
                pass
        server.new("alpha")
        new = await panes.watch()
        with trio.fail_after(30):
            assert not (await new.receive()).end
            assert not (await slow.receive()).end
            assert (await slow.receive()).end
