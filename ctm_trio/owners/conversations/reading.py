"""Reading transcripts, one step after the other in one thread, and telling what is new in them.

Source: PROTOCOL.md, Conversations.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NoReturn

import trio

from ctm_trio.core.threads import in_thread
from ctm_trio.messages.journal import JournalMessage, Publish
from ctm_trio.owners.conversations.costs import Costs
from ctm_trio.owners.conversations.desk import ConversationsDesk
from ctm_trio.owners.conversations.directories import really_gone
from ctm_trio.owners.conversations.telling import drafts_of
from ctm_trio.system.kept_index import RETRY_S
from ctm_trio.transcripts.file_state import Step
from ctm_trio.transcripts.index import ConversationIndex
from ctm_trio.transcripts.pages import Told, views_of

PAUSE_SHARE = 0.25
"""While old transcripts are indexed, the thread rests so many times as long as its last step took."""

MOST_FRESH = 500
"""Entries that are told at once at most; of more the newest. Pages have the others."""


class Reading:
    """See above.

    Args:
        desk: shared with the rest of the owner. costs: told whose tokens were used.
        journal: gets `conversation`; the caller closes it.
    """

    def __init__(self, desk: ConversationsDesk, costs: Costs, journal: trio.MemorySendChannel[JournalMessage]) -> None:
        self._desk = desk
        self._costs = costs
        self._journal = journal
        self._limiter = trio.CapacityLimiter(1)

    async def read_on(self) -> NoReturn:
        """Read what waits, whenever something does, until cancelled."""
        desk = self._desk
        while True:
            if desk.gone:
                gone, desk.gone = desk.gone, []
                again = await desk.index.run(partial(_forget, gone))
                if again is None:
                    desk.gone = gone + desk.gone
                    await trio.sleep(RETRY_S)
                for path in again or ():
                    desk.queue.change(path)
            paths = desk.queue.next()
            if not paths:
                await desk.bell.wait()
                continue
            began = trio.current_time()
            live = frozenset(paths) & desk.queue.followed
            done = await desk.index.run(partial(_step, paths, live, desk.names(), desk.known))
            if done is None:
                await trio.sleep(RETRY_S)
                continue
            index, step, told = done
            desk.note_index(index)
            desk.queue.done(step.read, step.unread)
            for path in step.again:
                desk.queue.change(path)
            for path in step.missing:
                desk.queue.drop(path)
            if step.missing:  # what is only away is not forgotten; the next look finds it again
                desk.gone += await in_thread(
                    partial(really_gone, step.missing, desk.roots), limiter=self._limiter, abandon_on_cancel=True
                )
            desk.note_step(step)
            self._costs.note(step.used)
            for drafts in drafts_of(told):
                await self._journal.send(Publish(drafts))
            if not live and desk.queue:
                with trio.move_on_after(PAUSE_SHARE * (trio.current_time() - began)):
                    await desk.bell.wait()


def _forget(paths: list[str], index: ConversationIndex) -> list[str]:
    return index.forget(paths)


def _step(
    paths: list[str],
    live: frozenset[str],
    names: Mapping[str, str],
    known: ConversationIndex | None,
    index: ConversationIndex,
) -> tuple[ConversationIndex, Step, list[Told]]:
    """A step, and what is told of it: the entries of sessions, as pages have them. None of one that is not `known`."""
    if known is not None and index is not known:
        return index, Step(), []
    step = index.step(paths, live, trio.from_thread.check_cancelled)
    fresh = [one for one in step.fresh if one.uuid in names][-MOST_FRESH:]
    return index, step, views_of(index.db, [(names[one.uuid], one) for one in fresh]) if fresh else []
