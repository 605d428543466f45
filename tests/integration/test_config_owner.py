"""The settings' owner and its file: what is taken over, what is reported, what is written."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from ctm_trio.core.channels import StateReceiver, ask, open_state_channel
from ctm_trio.errors.files import BrokenConfig
from ctm_trio.messages.config import ConfigMessage, ConfigSnapshot, PatchConfig, ReloadConfig
from ctm_trio.model.config import default_document, parse_settings
from ctm_trio.owners.config import run_config
from ctm_trio.system.settings_file import load_settings


class Config:
    """A running config owner and its ends."""

    def __init__(
        self, path: Path, send: trio.MemorySendChannel[ConfigMessage], state: StateReceiver[ConfigSnapshot]
    ) -> None:
        self.path, self.send, self.state = path, send, state

    async def patch(self, patch: dict[str, object]) -> ConfigSnapshot:
        return await ask(self.send, lambda reply: PatchConfig(patch, reply), timeout_s=5)

    async def until(self, version: int) -> ConfigSnapshot:
        with trio.fail_after(30):
            await self.state.wait_newer(version)
        return self.state.latest


@asynccontextmanager
async def running(path: Path, *, poll_s: float = 0.01) -> AsyncIterator[Config]:
    send, inbox = trio.open_memory_channel[ConfigMessage](0)
    loaded = load_settings(path)
    state, seen = open_state_channel(ConfigSnapshot(loaded.settings, loaded.problem))
    with send:
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(run_config, inbox, state, path, partial(trio.sleep, poll_s)))
            yield Config(path, send, seen)
            nursery.cancel_scope.cancel()


async def test_missing_file_is_made(tmp_path: Path) -> None:
    """A missing file is created with the defaults, 0600, in a directory of mode 0700."""
    path = tmp_path / "ctm" / "config.json"
    async with running(path) as config:
        assert config.state.latest.problem == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_bytes() == default_document()


async def test_patch_is_running_when_it_is_answered(tmp_path: Path) -> None:
    """A patch is on disk and in the snapshot before the answer, counts as a reload, and leaves no temporary file."""
    async with running(tmp_path / "config.json") as config:
        answer = await config.patch({"webhook_url": "http://127.0.0.1:9/", "attention": {"quota_pct": 51}})
        assert answer == config.state.latest
        assert (answer.settings.webhook_url, answer.settings.attention.quota_pct, answer.reloads) == (
            "http://127.0.0.1:9/",
            51,
            1,
        )
        assert parse_settings(config.path.read_bytes()) == answer.settings
        assert os.listdir(tmp_path) == ["config.json"]


async def test_edit_by_hand(tmp_path: Path) -> None:
    """A good edit is taken over; a bad one is reported, keeps the settings, is not overwritten; a good one mends it."""
    path = tmp_path / "config.json"
    async with running(path) as config:
        version = config.state.version
        path.write_bytes(b'{"serve": {"attention": {"quota_pct": 55}}}')
        assert (await config.until(version)).settings.attention.quota_pct == 55

        version = config.state.version
        path.write_bytes(b'{"serve": {')
        broken = await config.until(version)
        assert broken.problem
        assert (broken.settings.attention.quota_pct, broken.reloads) == (55, 1)
        with pytest.raises(BrokenConfig):
            await config.patch({"webhook_url": ""})
        assert path.read_bytes() == b'{"serve": {'

        version = config.state.version
        path.write_bytes(b"{}")
        mended = await config.until(version)
        assert (mended.problem, mended.settings.attention.quota_pct, mended.reloads) == ("", 85, 2)


async def test_a_broken_file_is_one_text_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The snapshot, the log and the refusal of a patch name the place from the home directory on."""
    monkeypatch.setenv("HOME", str(tmp_path))
    caplog.set_level("INFO", "ctm.config")
    async with running(tmp_path / "config.json") as config:
        version = config.state.version
        config.path.write_bytes(b'{\n"serve": {,}}')
        problem = (await config.until(version)).problem
        assert problem.startswith("~/config.json, line 2: ")
        with pytest.raises(BrokenConfig) as caught:
            await config.patch({"webhook_url": ""})
        assert caught.value.message == f"{problem} Correct it; until then the daemon keeps its last settings."
        version = config.state.version
        config.path.write_bytes(b'{"log_max_files": 7}')
        await config.until(version)
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"config: {caught.value.message}", f"config: {config.path}: the new settings are in use"]


async def test_reload_message_reads_at_once(tmp_path: Path) -> None:
    """SIGHUP's message reads the file without waiting for the next look."""
    async with running(tmp_path / "config.json", poll_s=3600) as config:
        config.path.write_bytes(b'{"serve": {"tmux_socket": "other"}}')
        version = config.state.version
        await config.send.send(ReloadConfig())
        assert (await config.until(version)).settings.tmux_socket == "other"


async def test_missing_meanwhile(tmp_path: Path) -> None:
    """A file that was removed while the daemon runs is reported, and a patch writes the running settings again."""
    async with running(tmp_path / "config.json") as config:
        await config.patch({"webhook_url": "http://127.0.0.1:9/"})
        version = config.state.version
        config.path.unlink()
        assert (await config.until(version)).problem
        assert (await config.patch({"attention": {"quota_pct": 51}})).problem == ""
        assert parse_settings(config.path.read_bytes()).webhook_url == "http://127.0.0.1:9/"
