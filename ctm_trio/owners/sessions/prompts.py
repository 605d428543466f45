"""The initial prompts of sessions that were just created: typed beside all else, as soon as each client is ready."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import trio

from ctm_trio.core.confine import confined
from ctm_trio.system.prompt import type_prompt
from ctm_trio.system.tmux import Tmux

log = logging.getLogger("ctm.sessions")

MAX_PROMPTS = 16
"""Sessions that may wait for their first screen at once; a prompt beyond that is not typed, and the log says so."""

MAX_UNTYPED = 100
"""Prompts that were not typed which the doctor tells of."""


class InitialPrompts:
    """Types initial prompts, and keeps in mind which were not typed.

    Args:
        nursery: what each of them runs in.
        tmux: the server that the sessions live in.
        clients: the directory of the clients' status files.
        tell: called with session → why its prompt waits or was not typed, whenever that changes.
    """

    def __init__(
        self, nursery: trio.Nursery, tmux: Tmux, clients: Path, tell: Callable[[Mapping[str, str]], None]
    ) -> None:
        self._nursery = nursery
        self._tmux = tmux
        self._clients = clients
        self._tell = tell
        self._waiting = 0
        self._untyped: dict[str, str] = {}

    def type_soon(self, name: str, target: str, prompt: str) -> None:
        """Type a prompt and Enter once the client is ready for it; nobody waits for that.

        Args:
            name: of the session. target: the id of its tmux session.
            prompt: the text.
        """
        self._nursery.start_soon(confined, "sessions: an initial prompt", partial(self._type, name, target, prompt))

    async def _type(self, name: str, target: str, prompt: str) -> None:
        note = partial(self._note, name)
        if self._waiting >= MAX_PROMPTS:
            log.warning("sessions: the initial prompt of %s is not typed: too many wait already", name)
            note("too many prompts wait already.")
            return
        self._waiting += 1
        note("")
        try:
            note(await type_prompt(self._tmux, target, name, prompt, self._clients, held=note))
        finally:
            self._waiting -= 1

    def _note(self, name: str, why: str) -> None:
        self._untyped.pop(name, None)
        if why:
            self._untyped[name] = why
            if len(self._untyped) > MAX_UNTYPED:
                del self._untyped[next(iter(self._untyped))]
        self._tell(dict(self._untyped))
