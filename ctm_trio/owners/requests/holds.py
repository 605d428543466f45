"""How requests are opened: by the hook that waits for the answer, and by the line that it has logged.

The two come within milliseconds of each other, in any order. The line's event stands in the book at once, so that what
closes the request finds it; everybody hears of the request when all of it is known. Source: PROTOCOL.md, Requests.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from functools import partial

import trio
from msgspec.structs import replace

from ctm_trio.archive.hook_lines import hook_line
from ctm_trio.core.confine import confined
from ctm_trio.core.keyed_locks import KeyedLocks
from ctm_trio.errors.base import CtmError
from ctm_trio.model.event import Event
from ctm_trio.model.request import Asked
from ctm_trio.model.request_record import ELSEWHERE, Request
from ctm_trio.model.times import parse_time
from ctm_trio.owners.requests.desk import RequestsDesk
from ctm_trio.owners.requests.open_request import Hold, Open
from ctm_trio.owners.requests.opening import client_pid_of, payload_of, request_of
from ctm_trio.owners.requests.presence import Presence
from ctm_trio.system.held_hook import SIGNAL, HeldHook
from ctm_trio.transcripts.call_result import mark_of

log = logging.getLogger("ctm.requests")

EVENT_S = 0.12
"""How long a hook that waits is kept from everybody for the event of its line, which tells the call's id."""

HOOK_S = 0.3
"""How long a line of a hook that holds waits for that hook before it is read back from its log."""

REFUSED_S = 0.6
"""A hook that its client ends was refused at the terminal; so long the client's own file may take to say so."""

ENDS_S, APART_S = 1.0, 0.05
"""How long a hook may take to end when it is let go, and its client to see that it has."""

MAX_ALIASES = 4096
"""Second hooks for one call that are remembered, so that they find its request when they connect again."""


class Holds:
    """Opens requests, and has their hooks wait.

    Args:
        desk: shared with the rest of the owner. nursery: of what is read back.
        presence: says whether a person looks.
    """

    def __init__(self, desk: RequestsDesk, nursery: trio.Nursery, presence: Presence) -> None:
        self._desk = desk
        self._nursery = nursery
        self._presence = presence
        self._events: dict[str, trio.Event] = {}
        """Requests whose hook waits for the event of its line."""
        self._hooked: set[str] = set()
        """Requests whose hook has come."""
        self._aliases: dict[str, str] = {}
        self._locks = KeyedLocks()

    # ------------------------------------------------------------ by its event

    def heard(self, event: Event) -> None:
        """The event of a `PermissionRequest`: note it at once, and read the rest."""
        assert event.hook is not None
        facts, book = event.hook, self._desk.book
        id_ = facts.request or f"event-{event.id}"
        if (waiting := self._events.pop(id_, None)) is not None:
            waiting.set()
        if self._aliases.get(id_, id_) in book.open or book.was_closed(id_):
            return
        use = book.use_of(event.uuid, facts.agent_id, facts.tool)
        asked = Asked("permission", facts.tool, {}, facts.text, "", facts.agent_id, facts.agent_type, (), None, None,
                      "normal", ())  # fmt: skip
        at = parse_time(event.ts) or self._desk.ends.clock()
        request = Request(
            id_, event.session, event.uuid, asked, at, tool_use_id=use.tool_use_id if use is not None else ""
        )
        book.add(request, ready=False)
        if id_ not in self._hooked:
            self._nursery.start_soon(
                confined, "requests: reading one back", partial(self._read_back, id_, event.id, bool(facts.request)),
                name="ctm: a request's line",
            )  # fmt: skip

    async def _read_back(self, id_: str, event: int, holding: bool) -> None:
        if holding:
            await trio.sleep(HOOK_S)
        desk = self._desk
        entry = desk.book.open.get(id_)
        if entry is None or entry.ready or id_ in self._hooked:
            return
        try:
            line = await trio.to_thread.run_sync(
                hook_line, desk.ends.database, desk.ends.hook_events, event, abandon_on_cancel=True
            )
        except CtmError as error:
            log.warning("requests: one is not read back: %s", error.message)
            return
        found = None if line is None else await self._complete(id_, line)
        if found is not None and not found.ready and found.request.id in desk.book.open:
            desk.note_answerable(found)
            await desk.opened(found)

    async def _complete(self, id_: str, line: bytes) -> Open | None:
        """Fill in a request that is known by its event, or open it; None if it is over, or no request."""
        desk, book = self._desk, self._desk.book
        entry = book.open.get(id_)
        if entry is None and book.was_closed(id_):
            return None
        payload = await trio.to_thread.run_sync(payload_of, line, abandon_on_cancel=True)
        if payload is None:
            return None
        entry = book.open.get(id_)
        uuid = _session_id(payload) if entry is None else entry.request.uuid
        session = desk.session_of(uuid) if entry is None else entry.request.session
        mark = await trio.to_thread.run_sync(mark_of, payload.get("transcript_path"), abandon_on_cancel=True)
        request = await trio.to_thread.run_sync(
            request_of, id_, session, uuid, payload, desk.ends.clock(), abandon_on_cancel=True
        )
        if request is None or book.was_closed(id_):
            return None
        entry = book.open.get(id_)
        if entry is not None and entry.ready:
            return entry  # its hook was faster
        use = book.use_of(uuid, request.asked.agent_id, request.asked.tool)
        known = use.tool_use_id if use is not None else ""
        request = replace(request, tool_use_id=entry.request.tool_use_id if entry is not None else known)
        twin = book.twin(request)
        if twin is not None:
            book.open.pop(id_, None)
            self._aliases[id_] = twin.request.id
            if len(self._aliases) > MAX_ALIASES:
                del self._aliases[next(iter(self._aliases))]
            return twin
        if entry is None:
            entry = book.add(request, ready=False)
        else:
            entry.request = request
        entry.pid, entry.mark = entry.pid or client_pid_of(payload), mark
        book.look_again(entry, desk.ends.clock())
        return entry if id_ in book.open else None

    # ------------------------------------------------------------ by its hook

    async def take(self, hook: HeldHook) -> None:
        """Have a hook wait until its request is over, or for as long as the settings allow. Ends with it."""
        await hook.wait()
        hold = Hold(hook)
        self._hooked.add(hook.request)
        try:
            entry = await self._entry_of(hook)
            if entry is None:
                await hook.release()
                return
            await self._wait(entry, hold)
        finally:
            self._hooked.discard(hook.request)

    async def _entry_of(self, hook: HeldHook) -> Open | None:
        desk, book = self._desk, self._desk.book
        line, hook.line = hook.line, b""  # it may be long, and the hook may wait for an hour
        id_ = self._aliases.get(hook.request, hook.request)
        entry = book.open.get(id_)
        if entry is not None and entry.ready:
            return entry  # it has connected again
        if entry is None:
            if book.was_closed(id_) or await desk.kept.get(id_) is not None:
                return None
            if id_ not in book.open:
                waiting = self._events[id_] = trio.Event()
                with trio.move_on_after(EVENT_S):
                    await waiting.wait()
                self._events.pop(id_, None)
        return await self._complete(id_, line)

    async def _wait(self, entry: Open, hold: Hold) -> None:
        desk, hook = self._desk, hold.hook
        entry.pid = entry.pid or hook.client_pid
        entry.shown = entry.shown or trio.current_time()
        if hook.request == entry.request.id and not entry.holds:
            self._not_printed(entry)
        limit = self._limit(entry)
        if limit > 0:
            entry.holds.append(hold)
            entry.seen_waiting = entry.seen_waiting and not entry.request.asked.agent_id  # it shows no dialog now
        desk.note_answerable(entry)
        if not entry.ready:
            await desk.opened(entry)
        how = ""
        if limit > 0:
            how = await self._ended(hold, limit, agent=bool(entry.request.asked.agent_id))
        if hold in entry.holds:
            entry.holds.remove(hold)
            if entry.request.asked.agent_id:  # its dialog shows from now on, or once it is its turn to be let go
                entry.seen_waiting, entry.shown = False, trio.current_time() if how else math.inf
        if entry.request.id in desk.book.open:
            desk.note_answerable(entry)
            if how == SIGNAL:
                self._not_printed(entry)
                await self._refused(entry)
        if not how:
            await self._let_go(entry, hook)

    async def _let_go(self, entry: Open, hook: HeldHook) -> None:
        """Let a hook end without a word. Those of a client's sub-agents end one after the other.

        The client shows their dialogs in the order in which the hooks ended, and two that ask the same look alike.
        """
        if not entry.request.asked.agent_id or entry.request.id not in self._desk.book.open:
            await hook.release()
            return
        async with self._locks.holding(entry.request.uuid):
            entry.shown = trio.current_time()
            await hook.release()
            with trio.move_on_after(ENDS_S):
                await hook.ended()
            await trio.sleep(APART_S)

    @staticmethod
    def _not_printed(entry: Open) -> None:
        """Its hook says so: by coming back, or by ending at a signal. An answer that was sent to it is none."""
        entry.request, entry.sent_to_hook = replace(entry.request, attempt=None, attempt_key=""), False

    async def _ended(self, hold: Hold, limit: float, *, agent: bool) -> str:
        """Wait until a hook has ended, and say how; "" if it is let go instead."""
        how = ""

        async def listen() -> None:
            nonlocal how
            how = await hold.hook.ended()
            hold.over.set()

        async def leave() -> None:
            if not self._presence.anybody:
                await trio.sleep_until(self._presence.known_from)
            await self._presence.wait_until_left()
            hold.over.set()

        with trio.move_on_after(limit):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen, name="ctm: a held hook's end")
                if agent:
                    nursery.start_soon(leave, name="ctm: does anybody look?")
                await hold.over.wait()
                nursery.cancel_scope.cancel()
        return how

    def _limit(self, entry: Open) -> float:
        """For how many seconds a hook of this request may wait, 0 for not at all."""
        settings = self._desk.ends.settings.latest.settings
        if entry.request.asked.agent_id:
            return self._agent_limit(entry) if settings.hold_s else 0.0
        left = settings.hold_s - (self._desk.ends.clock() - entry.request.asked_at)
        return max(0.0, min(left, settings.hold_s))

    def _agent_limit(self, entry: Open) -> float:
        """The same for a sub-agent's, which keeps its dialog from the terminal: only while a person looks.

        One that was held when the daemon ended goes on until it is known again who looks.
        """
        limit = self._desk.ends.settings.latest.settings.hold_agent_s
        if self._presence.anybody:
            return limit
        return min(limit, max(0.0, self._presence.known_from - trio.current_time())) if entry.held_before else 0.0

    async def _refused(self, entry: Open) -> None:
        """The client has ended its hook: it was refused at the terminal, whatever is open there now."""
        await trio.sleep(REFUSED_S)
        desk = self._desk
        if not entry.holds and desk.book.close(entry.request.id, ELSEWHERE, desk.ends.clock()) is not None:
            await desk.settle()


def _session_id(payload: Mapping[str, object]) -> str:
    found = payload.get("session_id")
    return found if isinstance(found, str) else ""
