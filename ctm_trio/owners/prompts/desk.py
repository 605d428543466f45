"""What the parts of the prompts owner share: the prompts, the store, and what everybody is told.

Source: PROTOCOL.md, Prompts and keys.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import trio
from msgspec.structs import replace

from ctm_trio.core.bell import Bell
from ctm_trio.core.channels import StateReceiver, StateSender
from ctm_trio.core.clock import Clock
from ctm_trio.core.desk import Desk
from ctm_trio.errors.orders import Unavailable
from ctm_trio.errors.typing import InputSessionNotFound
from ctm_trio.journal.announcer import Announcer
from ctm_trio.journal.tail import EventTail
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.journal import Draft
from ctm_trio.messages.prompts import PromptsSnapshot
from ctm_trio.messages.requests import RequestsSnapshot
from ctm_trio.messages.sessions import SessionsMessage, SessionsSnapshot
from ctm_trio.messages.status import StatusSnapshot
from ctm_trio.model.clients import Client
from ctm_trio.model.panes import Pane, same_program
from ctm_trio.model.prompt_record import DELIVERED, FAILED, HELD, QUEUED, TYPED, Prompt, When, belongs, prompt_payload
from ctm_trio.model.prompt_steps import is_command
from ctm_trio.model.prompt_text import digest
from ctm_trio.model.session import Session
from ctm_trio.system.kept_documents import KeptDocuments
from ctm_trio.system.prompt_place import Reach
from ctm_trio.system.tmux import Tmux

AT_ONCE, WAITING = 8, 128
"""Sessions that are typed into at the same time; orders that may wait for their turn, or be at work."""

SHOWN = 50
"""Prompts of a session that are listed. Source: PROTOCOL.md, Prompts and keys."""

KEYS = 500
"""Prompts of a session by whose keys a repeat is known."""

MAX_LATE = 100
"""Failed prompts for which a receipt may still come; of more the oldest are forgotten."""

MAX_UNTYPED = 100
"""Sessions that the doctor tells of."""


class PromptsEnds(msgspec.Struct, frozen=True):
    """What the owner reads and whom it asks.

    Attributes:
        events: the event log. sessions, clients, status, requests: the snapshots of their owners.
        store: path of the database. database: of the event log. records: of `sessions.json`.
        clients_dir: the directory of the clients' status files. tmux: the server that our sessions live in.
        orders: to the sessions owner, which looks at tmux when a session turns out to have ended.
        report: told what is wrong with the database, "" when nothing is any more. clock: unix seconds.
    """

    events: EventTail
    sessions: StateReceiver[SessionsSnapshot]
    clients: StateReceiver[ClientsSnapshot]
    status: StateReceiver[StatusSnapshot]
    requests: StateReceiver[RequestsSnapshot]
    store: Path
    database: Path
    records: Path
    clients_dir: Path
    tmux: Tmux
    orders: trio.MemorySendChannel[SessionsMessage]
    report: Callable[[str], object] = len
    clock: Clock = time.time


class Leftover(msgspec.Struct, frozen=True):
    """A text of ours that may still stand in an input box. It is forgotten once the box was seen empty.

    Attributes:
        prompt: as it was typed. pane: into which, None if that is not known any more.
        sure: we have left it there ourselves, so it may be removed; else a person may have written the same.
    """

    prompt: Prompt
    pane: Pane | None
    sure: bool


class PromptsDesk:
    """See above.

    Args:
        ends: see there. state: what the doctor tells.
        announcer: gets the events. kept: prompts, open or not, as they are on disk.

    Attributes:
        open: held and typed prompts by id, oldest first.
        late: prompts that failed after they were typed: a receipt may still come.
        places: keeps orders for one session apart.
        reach: looks at clients and panes.
        changed: set and replaced whenever a prompt leaves a state.
        due: id → when a typed prompt counts as not seen, on Trio's clock.
        due_bell: rings when that has changed.
        typing: ids of prompts that are being typed.
        leftover: session → a text of ours that was typed, and may still stand in its input box.
        interrupted: session → the pane into whose input box its client may be putting back a prompt.
        line: called with a session that has a held prompt.
    """

    def __init__(
        self,
        ends: PromptsEnds,
        state: StateSender[PromptsSnapshot],
        announcer: Announcer,
        kept: KeptDocuments[Prompt],
    ) -> None:
        self.ends = ends
        self.open: dict[str, Prompt] = {}
        self.late: OrderedDict[str, Prompt] = OrderedDict()
        self.places = Desk(at_once=AT_ONCE, waiting=WAITING)
        self.reach = Reach(ends.tmux, ends.clients_dir)
        self.kept = kept
        self.changed = trio.Event()
        self.due: dict[str, float] = {}
        self.due_bell = Bell()
        self.typing: set[str] = set()
        self.leftover: dict[str, Leftover] = {}
        self.interrupted: dict[str, Pane] = {}
        self.line: Callable[[str], None] = lambda name: None
        self._state = state
        self._announcer = announcer
        self._keys: dict[str, tuple[str, OrderedDict[str, str]]] = {}
        """Session → when it was made, and the keys of its prompts with their ids."""
        self._untyped: dict[str, str] = {}
        self._sent: set[str] = set()
        """Ids of open prompts of which it was told that they were sent."""

    # -- sessions

    def record(self, name: str) -> Session:
        """The session of that name.

        Raises:
            InputSessionNotFound: there is none.
        """
        record = self.ends.sessions.latest.records.get(name)
        if record is None:
            raise InputSessionNotFound(f"There is no session named {name!r}.")
        return record

    def client(self, name: str) -> tuple[Client | None, bool]:
        """The client that is known to run for a session, and whether one was seen to end."""
        snapshot = self.ends.clients.latest
        client = snapshot.clients.get(name)
        return client, client is None and name in snapshot.ended

    def request_of(self, name: str) -> str:
        """The id of the request that a session's dialog is, "" if none is known."""
        requests = self.ends.requests.latest.by_session.get(name, ())
        if requests:
            return requests[0].id
        status = self.ends.status.latest.sessions.get(name)
        return "" if status is None else status.request_id

    # -- the store

    async def load(self) -> None:
        """Take over what was open when the daemon ended. What was being typed then is never typed again."""
        for prompt in await self.kept.load():
            if prompt.is_open:
                self.open[prompt.id] = prompt
                if prompt.state == TYPED:
                    self.leave(prompt, None, sure=False)

    async def find(self, name: str, id_: str) -> Prompt | None:
        """A prompt of a session by its id."""
        prompt = self.open.get(id_) or await self.kept.get(id_)
        return prompt if prompt is not None and prompt.session == name else None

    async def newest(self, record: Session, limit: int = SHOWN) -> list[Prompt]:
        """The newest prompts of a session, oldest first. Those of an earlier one of that name are left out."""
        found = {prompt.id: prompt for prompt in await self.kept.newest(limit, record.name)}
        known = (*self.late.values(), *self.kept.unsaved.values(), *self.open.values())
        found |= {prompt.id: prompt for prompt in known if prompt.session == record.name}
        mine = [prompt for prompt in found.values() if belongs(prompt, record)]
        return sorted(mine, key=lambda prompt: prompt.at)[-limit:]

    async def by_key(self, record: Session, key: str) -> Prompt | None:
        """The prompt of a session that was sent with this key."""
        if not key:
            return None
        made, keys = self._keys.get(record.name, (None, OrderedDict[str, str]()))
        if made != record.created_at:
            keys = OrderedDict((p.key, p.id) for p in await self.newest(record, KEYS) if p.key)
            self._keys[record.name] = record.created_at, keys
        id_ = keys.get(key, "")
        return await self.find(record.name, id_) if id_ else None

    async def must_save(self, prompt: Prompt) -> None:
        """Keep it, or say that it cannot be kept, and forget what was to be kept of it.

        Raises:
            Unavailable: the disk refuses.
        """
        if not await self.kept.save(prompt):
            self.kept.unsaved.pop(prompt.id, None)
            raise Unavailable("The prompt cannot be written down, so it is not typed; /health says what is wrong.")

    # -- the prompts

    def new(self, record: Session, text: str, key: str, when: When, *, initial: bool = False) -> Prompt:
        """A prompt that is not among the open ones yet."""
        return Prompt(
            secrets.token_urlsafe(12), record.name, text, key, when, self.ends.clock(), initial=initial,
            uuid=record.uuid, digest=digest(text), command=is_command(text), made=record.created_at,
            workdir=record.workdir,
        )  # fmt: skip

    def add(self, prompt: Prompt) -> None:
        """Take it among the open ones."""
        self.open[prompt.id] = prompt
        made, keys = self._keys.get(prompt.session, (None, OrderedDict[str, str]()))
        if made is not None and made == prompt.made and prompt.key:
            keys[prompt.key] = prompt.id
            if len(keys) > KEYS:
                keys.popitem(last=False)

    def change(self, id_: str, **changes: Any) -> Prompt:
        """Change an open or late prompt; one that is not open any more then is moved out, its state announced."""
        old = self.open.get(id_) or self.late[id_]
        new = replace(old, **changes)
        if new.is_open:
            self.open[id_] = new
        else:
            self.open.pop(id_, None)
            self.late.pop(id_, None)
            self.due.pop(id_, None)
            if new.state == FAILED and new.typed_at:
                self.late[id_] = new
                if len(self.late) > MAX_LATE:
                    self.late.popitem(last=False)
        if new.state != old.state:
            if old.state == TYPED and new.state in (DELIVERED, QUEUED) and id_ in self.typing:
                self.sent(old)  # its receipt was faster than we
            self._announce(new)
        if not new.is_open:
            self._sent.discard(id_)
        self._note_change()
        return new

    def sent(self, prompt: Prompt) -> None:
        """Enter was pressed behind it: tell it, once."""
        if prompt.id not in self._sent:
            self._sent.add(prompt.id)
            self._tell("prompt_sent", replace(prompt, state=TYPED))

    def held(self, name: str) -> list[Prompt]:
        """The held prompts of a session, in order."""
        return [prompt for prompt in self.open.values() if prompt.session == name and prompt.state == HELD]

    async def settled(self, id_: str) -> None:
        """Wait until a typed prompt has its receipt, or counts as not seen."""
        while id_ in self.open and self.open[id_].state == TYPED:
            await self.changed.wait()

    # -- what stands in the input boxes

    def leave(self, prompt: Prompt, pane: Pane | None, *, sure: bool) -> None:
        """The text of a prompt may stand in an input box from now on."""
        self.leftover[prompt.session] = Leftover(prompt, pane, sure)

    def removable(self, name: str, pane: Pane) -> str:
        """The text of ours that may be removed from a pane's input box, "" for none."""
        left = self.leftover.get(name)
        if left is None or not left.sure or left.pane is None or not same_program(left.pane, pane):
            return ""
        return left.prompt.text

    def doubt(self, name: str) -> None:
        """Somebody has pressed keys there: what stands in the box may be a person's."""
        if name in self.leftover:
            self.leftover[name] = replace(self.leftover[name], pane=None, sure=False)

    def submitted(self, uuid: str, at: float) -> None:
        """A client has taken a prompt: whatever was left in its input box before is gone."""
        for name in [n for n, left in self.leftover.items() if left.prompt.uuid == uuid and at >= left.prompt.typed_at]:
            del self.leftover[name]

    def expect_receipt(self, id_: str, within_s: float) -> None:
        """From now on it counts as not seen after so many seconds."""
        if id_ in self.open:
            self.due[id_] = trio.current_time() + within_s
            self.due_bell.ring()

    def _note_change(self) -> None:
        self.changed.set()
        self.changed = trio.Event()

    # -- renaming

    async def move(self, moved: Iterable[tuple[str, str]]) -> None:
        """Let prompts follow their sessions: (old name, new name)."""
        for old, name in moved:
            self._keys.pop(old, None)
            self._keys.pop(name, None)
            if old in self.leftover:
                self.leftover[name] = self.leftover.pop(old)
            found = {prompt.id: prompt for prompt in await self.kept.newest(SHOWN, old)}
            found |= {p.id: p for p in (*self.late.values(), *self.open.values()) if p.session == old}
            record = self.ends.sessions.latest.records.get(name)
            mine = [prompt for prompt in found.values() if record is None or belongs(prompt, record)]
            changed = [replace(prompt, session=name) for prompt in mine]
            for prompt in changed:
                for table in (self.open, self.late):
                    if prompt.id in table:
                        table[prompt.id] = prompt
            await self.kept.save(*changed)
            if old in self._untyped:
                self.tell(name, self._untyped.pop(old))
            if self.held(name):
                self.line(name)

    # -- what everybody is told

    def tell(self, name: str, why: str) -> None:
        """What the doctor says of a session's prompts; "" for nothing."""
        if self._untyped.get(name, "") == why:
            return
        self._untyped.pop(name, None)
        if why:
            self._untyped[name] = why
            if len(self._untyped) > MAX_UNTYPED:
                del self._untyped[next(iter(self._untyped))]
        self._state.publish(PromptsSnapshot(dict(self._untyped)))

    def _announce(self, prompt: Prompt) -> None:
        if prompt.is_open:
            return
        if prompt.state == FAILED:
            self.tell(prompt.session, prompt.reason)
        else:
            self.tell(prompt.session, "")
        self._tell("prompt_failed" if prompt.state == FAILED else "prompt_delivered", prompt)

    def _tell(self, type_: str, prompt: Prompt) -> None:
        self._announcer.tell(Draft(type_, prompt.session, prompt_payload(prompt), uuid=prompt.uuid))
