"""Settings: what a `config.json` means, what a patch may change, and what the owner does with both."""

from __future__ import annotations

import json
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
from ctm_trio.errors.settings import BadPatch
from ctm_trio.messages.config import ConfigMessage, ConfigSnapshot, PatchConfig, ReloadConfig
from ctm_trio.model.config import Settings, default_document, parse_settings
from ctm_trio.model.config_fault import UnparsableConfig
from ctm_trio.model.config_patch import check_patch, merge_patch
from ctm_trio.owners.config import run_config
from ctm_trio.system.settings_file import load_settings


def test_defaults_are_what_an_empty_file_means() -> None:
    """The created file, an empty object, zeros and nulls all mean the defaults."""
    bare = Settings(document="")
    zeros = b'{"serve": {"port": 0, "attention": {"idle_minutes": 0}}, "scrollback_lines": null}'
    for data in (default_document(), b"{}", zeros):
        found = parse_settings(data)
        assert (found.port, found.attention, found.scrollback_lines) == (
            bare.port,
            bare.attention,
            bare.scrollback_lines,
        )
        assert (found.required_env, found.default_mode, found.hook_timeout_s) == (("PATH", "HOME"), "safe", 5.0)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b'"x"', b"\xff", b'{"serve": 5}', b'{"serve": {"port": "1"}}', b'{"serve": {"port": true}}',
     b'{"serve": {"port": 70000}}', b'{"serve": {"port": 1.5}}', b'{"required_env": "PATH"}', b"[" * 100_000,
     b'{"serve": {"attention": {"quota_pct": "9"}}}', b'{"git_checkpoint_before_yolo": 1}', b'{"hooks": {"a": 1}}'],
)  # fmt: skip
def test_broken(data: bytes) -> None:
    """A file that is no object, or has a known key of the wrong type, is broken as a whole."""
    with pytest.raises(BrokenConfig):
        parse_settings(data)


def test_secrets_are_not_in_the_repr() -> None:
    """Settings may be printed: no token, authorization or document shows."""
    text = repr(
        parse_settings(
            b'{"serve": {"webhook_auth": "s3cret", "bearer_token": "s3cret", "webhook_url": "http://s3cret"}}'
        )
    )
    assert "s3cret" not in text


@pytest.mark.parametrize(
    ("body", "code"),
    [([], "invalid_body"), ({"x": 1}, "unknown key: x"), ({"attention": {"idle": 5}}, "unknown key: idle"),
     ({"attention": []}, "invalid_value"), ({"attention": {"quota_pct": 101}}, "invalid_value"),
     ({"attention": {"quota_pct": 0}}, "invalid_value"), ({"attention": {"quota_pct": True}}, "invalid_value"),
     ({"attention": {"idle_minutes": 1441}}, "invalid_value"), ({"attention": {"idle_minutes": 5.0}}, "invalid_value"),
     ({"webhook_url": 5}, "invalid_value"), ({"webhook_auth": "a\r\nX: y"}, "invalid_value"),
     ({"webhook_secret": "a\nb"}, "invalid_value"), ({"webhook_format": "morse"}, "invalid_value"),
     ({"webhook_events": "attention_raised"}, "invalid_value"), ({"webhook_events": ["tool_call"]}, "invalid_value")],
)  # fmt: skip
def test_refused_patches(body: object, code: str) -> None:
    """A patch with anything wrong in it is refused as a whole, and an unknown key is named."""
    with pytest.raises(BadPatch) as caught:
        check_patch(body)
    assert caught.value.code == code


def test_the_webhook_s_own_settings_can_be_patched() -> None:
    """Format, events and secret go through, and are read back from the file that results."""
    patch = {
        "webhook_format": "ntfy",
        "webhook_events": ["attention_raised", "attention_cleared"],
        "webhook_secret": "k",
    }
    settings = parse_settings(merge_patch(b"{}", check_patch(patch)))
    assert (settings.webhook_format, settings.webhook_secret) == ("ntfy", "k")
    assert settings.webhook_events == ("attention_raised", "attention_cleared")


def test_merge_keeps_what_it_does_not_know() -> None:
    """A patch touches its own keys alone; unknown keys and the other thresholds stay."""
    before = {
        "future": {"a": [1, None]},
        "serve": {"later": "yes", "webhook_url": "u", "attention": {"idle_minutes": 7}},
    }
    after = json.loads(merge_patch(json.dumps(before).encode(), {"attention": {"quota_pct": 51}}))
    serve = {"later": "yes", "webhook_url": "u", "attention": {"idle_minutes": 7, "quota_pct": 51}}
    assert after == {"future": {"a": [1, None]}, "serve": serve}


class Config:
    """A running config owner and its ends."""

    def __init__(
        self, path: Path, send: trio.MemorySendChannel[ConfigMessage], state: StateReceiver[ConfigSnapshot]
    ) -> None:
        self.path, self.send, self.state = path, send, state

    async def patch(self, patch: dict[str, object]) -> ConfigSnapshot:
        return await ask(self.send, lambda reply: PatchConfig(patch, reply), timeout_s=5)

    async def until(self, version: int) -> ConfigSnapshot:
        with trio.fail_after(5):
            await self.state.wait_newer(version)
        return self.state.latest


@asynccontextmanager
async def running(path: Path, *, poll_s: float = 0.01) -> AsyncIterator[Config]:
    send, inbox = trio.open_memory_channel[ConfigMessage](0)
    loaded = load_settings(path)
    state, seen = open_state_channel(ConfigSnapshot(loaded.settings, loaded.problem))
    with send:
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(run_config, inbox, state, path, poll_s=poll_s))
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


@pytest.mark.parametrize(
    ("data", "why"),
    [(b'{\n"a": 1,\n}', "line 2: trailing comma in object"), (b'{\n"a": 1\n"b": 2}', "line 3: expected ',' or '}'"),
     (b'{\n"a": {\n\n', "line 2: the file ends too early"), (b"", "line 1: the file ends too early"),
     (b'\xef\xbb\xbf{\n"a" 1}', "line 2: expected ':'"), (b'{\n"a":\n"\xff"}', "line 3: these bytes are not UTF-8"),
     (b"[" * 100_000, "line 1: nested too deeply"), (b"[]", "line 1: the file must be a JSON object")],
)  # fmt: skip
def test_where_the_file_does_not_parse(data: bytes, why: str) -> None:
    """The line is named, and what is wrong there; of a comma too many it is the comma's own line."""
    with pytest.raises(UnparsableConfig) as caught:
        parse_settings(data)
    assert (caught.value.why, caught.value.message) == (why, f"config.json, {why}.")


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
