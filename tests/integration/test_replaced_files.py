"""A file that is replaced by `mv` and `cp` is missing for a moment: that is not a file that somebody has deleted."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from ctm_trio.core.channels import open_state_channel
from ctm_trio.messages.config import ConfigMessage, ConfigSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.owners.config import run_config
from ctm_trio.owners.sessions.followed import FollowedSessions
from ctm_trio.system.files import GONE_S
from ctm_trio.system.sessions_file import SessionsFile
from ctm_trio.system.settings_file import load_settings
from ctm_trio.system.tmux import Tmux

BOOK = json.dumps(
    {"schema_version": 1, "sessions": {"alpha": {"name": "alpha", "uuid": "u", "mode": "safe", "workdir": "/tmp"}}}
)


@pytest.mark.parametrize("comes_back", [True, False])
async def test_sessions(tmp_path: Path, autojump_clock: trio.testing.MockClock, comes_back: bool) -> None:
    """The sessions stay if it comes back at once; if it does not they are gone a little later."""
    path = tmp_path / "sessions.json"
    path.write_text(BOOK)
    state, seen = open_state_channel(SessionsSnapshot())
    followed = FollowedSessions(state, SessionsFile(path), Tmux(tmp_path / "tmux.conf", lambda: ""))
    await followed.read()
    assert set(seen.latest.records) == {"alpha"}
    path.rename(tmp_path / "away")

    async def put_back() -> None:
        await trio.sleep(GONE_S / 2)
        assert set(seen.latest.records) == {"alpha"}
        if comes_back:
            path.write_text(BOOK)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(put_back)
        await followed.read()
    assert set(seen.latest.records) == ({"alpha"} if comes_back else set())


async def test_settings(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    """Nothing is said of a config.json that comes back at once."""
    path = tmp_path / "config.json"
    send, inbox = trio.open_memory_channel[ConfigMessage](0)
    state, seen = open_state_channel(ConfigSnapshot(load_settings(path, create=True).settings))
    with send:
        async with trio.open_nursery() as nursery:
            await nursery.start(run_config, inbox, state, path, partial(trio.sleep, GONE_S / 5))
            data = path.read_bytes()
            path.unlink()
            await trio.sleep(GONE_S / 2)
            path.write_bytes(data)
            await trio.sleep(GONE_S * 2)
            assert seen.latest.problem == ""
            path.unlink()
            await seen.when(lambda config: bool(config.problem))
            nursery.cancel_scope.cancel()
