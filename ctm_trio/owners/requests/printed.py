"""Answers that a hook has printed, until the client's next signs say whether they counted.

Hook and dialog race: when the terminal was answered some milliseconds before, the client ignores what the hook prints.
The transcript tells who decided. Where it does not, a call that ran although it was refused tells it, or a client that
went from its dialog straight to being idle. Source: PROTOCOL.md, Requests.
"""

from __future__ import annotations

from functools import partial

import msgspec
import trio

from ctm_trio.core.confine import confined
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.model.call_result import AT_TERMINAL, ENDING, REFUSING, Decider
from ctm_trio.model.event import Event
from ctm_trio.model.request_record import Request
from ctm_trio.model.times import parse_time
from ctm_trio.owners.requests.desk import RequestsDesk
from ctm_trio.owners.requests.open_request import Open
from ctm_trio.transcripts.call_result import find_decider

MAX_PRINTED = 512
"""Answers that are followed; of more the oldest stay as they are."""

LOOKS_S = (0.05, 0.3, 1.0, 3.0)
"""The client writes the result at about the time of its signs: pauses before each look into the transcript."""

ENDS = frozenset({"PostToolBatch", "Stop", "StopFailure"})
"""Hook events by which the result of a call of the main thread is there."""


class Printed(msgspec.Struct):
    """An answer that a hook has printed.

    Attributes:
        entry: its request as it was open. request: the same as it was closed. choice: the answer.
        worked: the client went on: it was busy since, or an event of its turn came.
        looking: its transcript is being looked at.
    """

    entry: Open
    request: Request
    choice: str
    worked: bool = False
    looking: bool = False


class PrintedAnswers:
    """Follows them, and corrects what was answered at the terminal after all.

    Args:
        desk: shared with the rest of the owner. nursery: of the looks into transcripts.
    """

    def __init__(self, desk: RequestsDesk, nursery: trio.Nursery) -> None:
        self._desk = desk
        self._nursery = nursery
        self._printed: dict[str, Printed] = {}

    def follow(self, entry: Open, closed: Request) -> None:
        """Follow an answer that was just printed. One of a sub-agent had no dialog that it could race with."""
        if closed.asked.agent_id or closed.answer is None:
            return
        self._printed[closed.id] = Printed(entry, closed, closed.answer.choice)
        if len(self._printed) > MAX_PRINTED:
            del self._printed[next(iter(self._printed))]
        self.use_clients(self._desk.ends.clients.latest)

    def fold(self, event: Event) -> None:
        """Take in a tool call or a hook event; what it corrects is among the book's closed requests then."""
        if not self._printed:
            return
        at = parse_time(event.ts)
        for printed in list(self._printed.values()):
            request = printed.request
            if request.uuid != event.uuid or (at is not None and at < request.asked_at):
                continue
            if event.hook is None:
                if event.tool_use_id and event.tool_use_id == request.tool_use_id:
                    self._ran(printed)
            elif event.hook.agent_id:
                continue
            elif event.hook.name in ENDS:
                printed.worked = True
                self._look(printed)
            elif event.hook.name == "SessionEnd":
                self._printed.pop(request.id, None)

    def use_clients(self, snapshot: ClientsSnapshot) -> None:
        """Take in what the clients say of themselves."""
        for printed in list(self._printed.values()):
            request = printed.request
            client = snapshot.clients.get(request.session)
            if client is None or (client.uuid != request.uuid and client.pid != printed.entry.pid):
                continue
            if client.status == "busy":
                printed.worked = True
            elif client.status in ("idle", "shell") and client.since >= request.asked_at:
                self._look(printed)

    def _ran(self, printed: Printed) -> None:
        printed.worked = True
        if printed.choice in REFUSING:
            self._was_at_terminal(printed)
        else:
            self._look(printed)

    def _look(self, printed: Printed) -> None:
        if not printed.looking:
            printed.looking = True
            self._nursery.start_soon(
                confined, "requests: what became of an answer", partial(self._decide, printed),
                name="ctm: what became of an answer",
            )  # fmt: skip

    async def _decide(self, printed: Printed) -> None:
        """Find out what became of it, from its result in the transcript if there is one."""
        decider: Decider | None = None
        mark, call = printed.entry.mark, printed.request.tool_use_id
        for pause in LOOKS_S:
            await trio.sleep(pause)
            if printed.request.id not in self._printed:
                return
            if mark is not None and call:
                decider = await trio.to_thread.run_sync(find_decider, mark, call, abandon_on_cancel=True)
            if decider is not None:
                break
        if printed.request.id not in self._printed:
            return
        if printed.choice not in ENDING and (decider == AT_TERMINAL or (decider is None and not printed.worked)):
            self._was_at_terminal(printed)
            await self._desk.settle()
        self._printed.pop(printed.request.id, None)

    def _was_at_terminal(self, printed: Printed) -> None:
        self._printed.pop(printed.request.id, None)
        self._desk.book.correct(printed.request)
