"""A start that tmux carries out although its answer never comes is ended, and no other session is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from ctm_trio.errors.sessions import SpawnFailed
from ctm_trio.errors.tmux import TmuxFailed
from ctm_trio.model.paths import paths_under
from ctm_trio.model.session import Session
from ctm_trio.system.spawn import spawned
from ctm_trio.system.tmux import Tmux
from tests.tmux_server import PrivateTmux, private_tmux


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateTmux]:
    """A private tmux server that lives on without our session, and its fake claude on PATH."""
    with private_tmux() as server:
        monkeypatch.setenv("PATH", f"{server.bin}:{os.environ['PATH']}")
        server.new("beta")
        yield server


@pytest.mark.parametrize("how", ["too slow", "cut off"])
async def test_it_is_ended(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Whether tmux takes too long or the order is cut off: no client runs on that nobody has recorded."""
    real = Tmux.new_session
    scope = trio.CancelScope()

    async def lost(self: Tmux, name: str, *rest: Any, **more: Any) -> str:
        await real(self, name, *rest, **more)
        assert name in server.names()
        if how == "cut off":
            scope.cancel()
            await trio.lowlevel.checkpoint()
        raise TmuxFailed("tmux did not answer within 5 s.")

    async def start() -> None:
        record = Session("alpha", "u-alpha", "yolo", str(server.root / "new"))
        async with spawned(Tmux(server.conf, lambda: server.socket), record, paths_under(server.root), None):
            raise AssertionError("it was not started")

    monkeypatch.setattr(Tmux, "new_session", lost)
    if how == "cut off":
        with scope:
            await start()
        assert scope.cancelled_caught
    else:
        with pytest.raises(SpawnFailed, match="did not answer"):
            await start()
    assert server.names() == {"beta"}
    assert not (server.root / "new").exists()


async def test_another_start_is_not(server: PrivateTmux) -> None:
    """A session has another start's mark, or none."""
    tmux = Tmux(server.conf, lambda: server.socket)
    id_ = await tmux.new_session("ours", "/", ("cat",), {}, token="1")
    for session in ("=beta", "=ours", id_):
        await tmux.end_start(session, "2")
    assert server.names() == {"beta", "ours"}
    await tmux.end_start(id_, "1")
    assert server.names() == {"beta"}
