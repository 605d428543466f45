"""Following the transcripts: one watch for all directories, one thread that reads, and a queue between them.

A transcript has no task of its own: tens of thousands of old ones cost a line in a table each.
Source: PROTOCOL.md, Conversations.
"""

from __future__ import annotations

from functools import partial
from typing import NoReturn

import trio

from ctm_trio.core.channels import StateSender
from ctm_trio.messages.conversations import ConversationsSnapshot
from ctm_trio.messages.journal import JournalMessage
from ctm_trio.owners.conversations.costs import Costs
from ctm_trio.owners.conversations.desk import ConversationsDesk, ConversationsEnds
from ctm_trio.owners.conversations.directories import Directories
from ctm_trio.owners.conversations.reading import Reading
from ctm_trio.system.file_watch import Trouble
from ctm_trio.system.kept_index import KeptIndex
from ctm_trio.system.tree_watch import TreeWatch
from ctm_trio.transcripts.index import ConversationIndex


async def run_conversations(
    ends: ConversationsEnds,
    state: StateSender[ConversationsSnapshot],
    journal: trio.MemorySendChannel[JournalMessage],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Follow every transcript until cancelled; closes `journal` and `ends.costs`.

    Each step is committed with its positions, so it can stop anywhere.

    Args:
        ends: see there. state: how far we are. journal: gets `conversation`.
    """
    trouble = Trouble(ends.report)
    index = KeptIndex(partial(ConversationIndex, ends.path), ends.path, trouble, "index of conversations")
    try:
        await index.open()
        task_status.started()
        async with journal, ends.costs, trio.open_nursery() as nursery, TreeWatch() as watch:
            nursery.start_soon(index.watch, name="ctm: watch of the conversations' file")
            desk = ConversationsDesk(ends, state, index)
            costs = Costs(desk)
            nursery.start_soon(Directories(desk, watch).follow, name="ctm: watch of the transcripts' directories")
            nursery.start_soon(costs.tell, name="ctm: costs of the transcripts")
            await Reading(desk, costs, journal).read_on()
        raise AssertionError("unreachable")
    finally:
        with trio.CancelScope(shield=True):  # a disk that hangs is the business of `daemon.hard_stop`
            await index.close()
