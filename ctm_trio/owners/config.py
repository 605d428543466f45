"""The config owner: `config.json` in, the running settings out."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NoReturn

import trio
from msgspec.structs import replace

from ctm_trio.core.channels import StateSender, fulfil
from ctm_trio.messages.config import ConfigMessage, ConfigSnapshot, PatchConfig
from ctm_trio.model.config_fault import KEEPS_LAST
from ctm_trio.system.files import GONE_S, Stamp, stamp
from ctm_trio.system.settings_file import Loaded, load_settings, patch_settings

log = logging.getLogger("ctm.config")

Changed = Callable[[], Awaitable[object]]
"""Returns when the file may have changed since the last time; then it costs one `stat` to see whether it has."""


async def run_config(
    inbox: trio.MemoryReceiveChannel[ConfigMessage],
    state: StateSender[ConfigSnapshot],
    path: Path,
    changed: Changed,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the settings: take patches, notice edits, publish. Runs until it is cancelled; closes `inbox`.

    The snapshot to start from is the daemon's own first reading (it needs the port before anything runs). A change of
    the file by hand replaces the settings; one that does not parse is reported in the snapshot and changes nothing.

    Args:
        inbox: `PatchConfig` and `ReloadConfig` (SIGHUP). Capacity 0: whoever sends waits.
        state: where the snapshot is published, before a patch is answered.
        path: `config.json`, made with the defaults if it is missing at the start.
        changed: see `Changed`.
    """
    with inbox:
        owner = _ConfigOwner(state, path)
        await owner.reload(at_start=True)
        task_status.started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(owner.follow, changed)
            while True:
                message = await inbox.receive()
                async with owner.turn:
                    if isinstance(message, PatchConfig):
                        await fulfil(message.reply, partial(owner.patch, message.patch))
                    else:
                        await owner.reload()
    raise AssertionError("unreachable")


class _ConfigOwner:
    def __init__(self, state: StateSender[ConfigSnapshot], path: Path) -> None:
        self._state = state
        self._path = path
        self.seen = Stamp()
        self.turn = trio.Lock()
        """Whoever reads or writes the file, for an older reading must not replace a newer one."""

    async def follow(self, changed: Changed) -> NoReturn:
        """Read the file whenever it has changed."""
        while True:
            await changed()
            if await self._stamp() == Stamp():
                await trio.sleep(GONE_S)
            async with self.turn:
                if await self._stamp() != self.seen:
                    await self.reload()

    async def _stamp(self) -> Stamp:
        return await trio.to_thread.run_sync(stamp, self._path, abandon_on_cancel=True)

    async def reload(self, *, at_start: bool = False) -> None:
        loaded = await trio.to_thread.run_sync(lambda: load_settings(self._path, create=at_start))
        self._take(loaded, counts=not at_start)

    def _take(self, loaded: Loaded, *, counts: bool) -> None:
        self.seen = loaded.stamp
        now = self._state.latest
        if loaded.problem:
            if loaded.problem != now.problem:
                log.warning("config: %s %s", loaded.problem, KEEPS_LAST)
            self._state.publish(replace(now, problem=loaded.problem))
        elif loaded.settings != now.settings:
            log.info("config: %s: the new settings are in use", self._path)
            self._state.publish(ConfigSnapshot(loaded.settings, "", now.reloads + counts))
        else:
            self._state.publish(replace(now, problem=""))

    async def patch(self, patch: Mapping[str, object]) -> ConfigSnapshot:
        """Change the file; the settings that run then. Raises BrokenConfig."""
        now = self._state.latest
        loaded = await patch_settings(self._path, patch, fallback=now.settings.document)
        self.seen = loaded.stamp
        self._state.publish(ConfigSnapshot(loaded.settings, "", now.reloads + 1))
        log.info("config: %s was changed by a request", self._path)
        return self._state.latest
