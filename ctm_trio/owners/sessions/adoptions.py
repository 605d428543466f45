"""Records that must follow their process to another Claude session id, kept until that is written."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

import trio
from msgspec.structs import replace

from ctm_trio.core.bell import Bell
from ctm_trio.errors.files import BrokenSessions, FileLocked
from ctm_trio.messages.sessions import AdoptUuid
from ctm_trio.model.session import SessionBook
from ctm_trio.system.session_actions import Step

log = logging.getLogger("ctm.sessions")

RETRY_S, RETRY_MAX_S = 0.5, 30.0
"""How soon a record that could not be written is tried again: doubled each time, up to the second figure."""

MAX_MOVED = 1000
"""Moves that are remembered, so that an order that was given before the last one was written finds its record."""


class Adoptions:
    """The orders that are not carried out yet. The sessions owner's; `run` is one of its tasks.

    Args:
        change: changes `sessions.json`; raises BrokenSessions or FileLocked, and then has changed nothing.
        tell: called with what cannot be written at the moment, "" for nothing, whenever that changes.
    """

    def __init__(self, change: Callable[[Step], Awaitable[object]], tell: Callable[[str], None]) -> None:
        self._problem = ""
        self._change = change
        self._tell = tell
        self._pending: dict[str, AdoptUuid] = {}
        self._moved: dict[str, str] = {}
        self._bell = Bell()

    def add(self, order: AdoptUuid) -> None:
        """Take an order; a newer one for the same session takes the place of one that still waits."""
        self._pending.pop(order.name, None)
        self._pending[order.name] = order
        self._bell.ring()

    async def run(self) -> NoReturn:
        """Carry them out, again and again while the file refuses, until cancelled."""
        pause = RETRY_S
        while True:
            await self._bell.wait()
            pause = RETRY_S
            while self._pending:
                failed = await self._try_all()
                if failed:
                    with trio.move_on_after(pause):
                        await self._bell.wait()  # a newer order is tried at once
                    pause = min(2 * pause, RETRY_MAX_S)

    async def _try_all(self) -> bool:
        problem = ""
        for name, order in list(self._pending.items()):
            try:
                await self._change(lambda book, order=order: self._follow(book, order))  # type: ignore[misc]
            except (BrokenSessions, FileLocked) as error:
                problem = f"The new Claude session of {order.name} is not recorded yet: {error.message}"
            else:
                if order.was:
                    self._moved.pop(order.was, None)
                    self._moved[order.was] = order.uuid
                    if len(self._moved) > MAX_MOVED:
                        del self._moved[next(iter(self._moved))]
                if self._pending.get(name) is order:
                    del self._pending[name]
        if problem != self._problem:
            if problem:
                log.warning("sessions: %s", problem)
            self._problem = problem
            self._tell(problem)
        return bool(problem)

    def _follow(self, book: SessionBook, order: AdoptUuid) -> SessionBook:
        """The book with the record moved; as it was if the record is gone, or is another session of that name."""
        if not order.was:
            record = book.records.get(order.name)
        else:
            wanted, at = {order.was}, order.was
            while at in self._moved and self._moved[at] not in wanted:
                at = self._moved[at]
                wanted.add(at)
            record = next((r for r in book.records.values() if r.uuid in wanted), None)
        return book if record is None else book.having(replace(record, uuid=order.uuid))
