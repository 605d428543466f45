"""What the parts of the conversations owner share: the queue, the index, and what everybody is told.

Source: PROTOCOL.md, Conversations.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path

import msgspec
import trio

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import StateReceiver, StateSender
from ctm_trio.messages.attribution import AttributionSnapshot
from ctm_trio.messages.conversations import ConversationsSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.pricing import PriceTable
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.session import conversation_sessions
from ctm_trio.owners.conversations.queue import Queue
from ctm_trio.system.file_watch import Trouble
from ctm_trio.system.kept_index import RETRY_S, KeptIndex
from ctm_trio.transcripts.file_state import Step
from ctm_trio.transcripts.index import ConversationIndex


class ConversationsEnds(msgspec.Struct, frozen=True):
    """What the owner reads.

    Attributes:
        path: of the index. homes: the configuration directories of Claude Code that are in use.
        sessions, attribution: which session has which conversation.
        prices: what tokens cost. costs: to the cost owner.
        report: told what is wrong with the index. report_files: and with the transcripts. "" when nothing is.
    """

    path: Path
    homes: Callable[[], Iterable[Path]]
    sessions: StateReceiver[SessionsSnapshot]
    attribution: StateReceiver[AttributionSnapshot]
    prices: StateReceiver[PriceTable]
    costs: trio.MemorySendChannel[CostPoint]
    report: Callable[[str], object]
    report_files: Callable[[str], object]


class ConversationsDesk:
    """See above.

    Args:
        ends: what the owner reads. state: how far we are. index: kept open.

    Attributes:
        queue: transcripts that wait to be read. bell: rings when one was added, or one has gone.
        gone: transcripts that were deleted; their entries are to be forgotten.
        roots: the `projects` directories, by their real names. scanned: every directory was looked at.
        files: what is wrong with the transcripts.
    """

    def __init__(
        self,
        ends: ConversationsEnds,
        state: StateSender[ConversationsSnapshot],
        index: KeptIndex[ConversationIndex],
    ) -> None:
        self.ends = ends
        self.index = index
        self.queue = Queue()
        self.bell = Bell()
        self.gone: list[str] = []
        self.roots: list[str] = []
        self.scanned = False
        self.files = Trouble(ends.report_files)
        self.known: ConversationIndex | None = None
        """What was written to last: another one is empty, because the one before was damaged."""
        self._state = state
        self._unread: dict[str, str] = {}
        self._unknown = self._long = 0

    async def positions(self) -> Mapping[str, tuple[int, int]]:
        """How far each transcript is read, once the index can be read."""
        while True:
            found = await self.index.read(lambda index: (index, index.positions()))
            if found is not None:
                self.note_index(found[0])
                return found[1]
            await trio.sleep(RETRY_S)

    def note_index(self, index: ConversationIndex) -> None:
        """Fill an index that was made anew."""
        if self.known is not None and index is not self.known:
            self.queue.anew()
        self.known = index

    def names(self) -> Mapping[str, str]:
        """Conversation → session."""
        return conversation_sessions(self.ends.sessions.latest.records, self.ends.attribution.latest.sessions)

    def note_step(self, step: Step) -> None:
        """Count what a step could not read, and tell everybody how far we are."""
        self._unknown += step.unknown
        self._long += step.long
        self._note_unread(step)
        self.tell_state()

    def note_look(self, found: Container[str]) -> None:
        """Forget what was said of transcripts that a look at everything has not found."""
        self._note_unread(Step(missing=[path for path in self._unread if path not in found]))
        self.tell_state()

    def _note_unread(self, step: Step) -> None:
        for path in (*step.read, *step.missing):
            self._unread.pop(path, None)
        self._unread |= step.unread
        told = [f"{path} cannot be read ({why})." for path, why in sorted(self._unread.items())]
        more = f" And {len(told) - 3} more." if len(told) > 3 else ""
        self.files.note("files", " ".join(told[:3]) + more)

    def tell_state(self) -> None:
        """How far we are."""
        complete = self.scanned and not self.queue.behind
        self._state.publish(ConversationsSnapshot(complete, self.queue.behind, self._unknown, self._long))
