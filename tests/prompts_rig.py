"""The prompts owner over a real tmux and played clients; the test plays its neighbours: clients, statuses, hooks."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from ctm_trio.core.channels import StateReceiver, StateSender, ask, open_state_channel
from ctm_trio.errors.base import CtmError
from ctm_trio.journal.tail import EventSender, open_event_tail
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.journal import Draft, JournalMessage, Publish
from ctm_trio.messages.prompts import (
    HoldPrompt,
    Interrupt,
    ListPrompts,
    PromptsMessage,
    PromptsSnapshot,
    SendInput,
    SendKeys,
    SendPrompt,
    TakeBack,
)
from ctm_trio.messages.requests import RequestsSnapshot
from ctm_trio.messages.sessions import SessionsMessage, SessionsSnapshot
from ctm_trio.messages.status import StatusSnapshot
from ctm_trio.model.event import HOOK_TYPE, Event, HookFacts
from ctm_trio.model.prompt_record import Prompt, When
from ctm_trio.model.prompt_steps import check_prompt
from ctm_trio.model.prompt_text import digest
from ctm_trio.model.session import Session, encode_session
from ctm_trio.model.status import DIALOG, WAITING, WORKING_, OpenRequest, Status
from ctm_trio.owners.prompts.desk import PromptsEnds
from ctm_trio.owners.prompts.task import run_prompts
from ctm_trio.system.client_registry import ClientRegistry
from ctm_trio.system.tmux import Tmux
from tests.tmux_server import PrivateTmux, until

CLIENT = Path(__file__).parent / "fakes" / "box_client.py"
STATES = {"idle": WAITING, "shell": WAITING, "busy": WORKING_, "waiting": DIALOG}
LIMIT_S = 60.0


class Played:
    """A played client; `starts` runs it in a tmux session of its name, unless the test runs its `command` itself."""

    def __init__(self, server: PrivateTmux, name: str) -> None:
        self.server, self.name = server, name
        self.heard = 0
        self.command = (sys.executable, str(CLIENT), str(server.root), name)

    def starts(self) -> bool:
        """Start it; False if that is to be tried again: a server whose last session just went is ending."""
        self.server.run("new-session", "-d", "-s", self.name, "-x", "100", "-y", "30", "--", *self.command)
        return self.name in self.server.names()

    def do(self, *words: str) -> None:
        """Tell it what to do; see `box_client`."""
        with (self.server.root / f"do-{self.name}").open("a") as out:
            out.writelines(word + "\n" for word in words)

    def noted(self, what: str) -> list[str]:
        """What it noted: "sent" or "chosen"."""
        path = self.server.root / f"{what}-{self.name}"
        return [json.loads(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []

    async def shows(self, text: str) -> None:
        """Wait until its screen shows this."""
        await until(lambda: text in self.server.screen(self.name), LIMIT_S)


class Rig:
    """See above. `deaf`: no hook of a client arrives."""

    def __init__(self, server: PrivateTmux) -> None:
        self.server = server
        self.tmux = Tmux(server.conf, lambda: server.socket)
        self.send, self.inbox = trio.open_memory_channel[PromptsMessage](64)
        self.journal_send, self.journal = trio.open_memory_channel[JournalMessage](1000)
        self.tail: EventSender
        self.tail, self.events = open_event_tail(Path("/nowhere"), self.journal_send)
        self.tail.begin([], total=0, newest_id=lambda: 0)
        self.orders, self.orders_recv = trio.open_memory_channel[SessionsMessage](100)
        self.sessions_state, self.sessions = open_state_channel(SessionsSnapshot())
        self.clients_state, self.clients = open_state_channel(ClientsSnapshot())
        self.status_state, self.status = open_state_channel(StatusSnapshot())
        self.requests_state, self.requests = open_state_channel(RequestsSnapshot())
        self.doctor_state: StateSender[PromptsSnapshot]
        self.doctor: StateReceiver[PromptsSnapshot]
        self.doctor_state, self.doctor = open_state_channel(PromptsSnapshot())
        self.played: dict[str, Played] = {}
        self.told: list[Draft] = []
        self.deaf = False
        self.last_id = 0

    async def play(self, name: str, mode: str = "yolo", made: str = "") -> Played:
        """A session with a played client that is ready."""
        played = self.played[name] = Played(self.server, name)
        await until(played.starts, LIMIT_S)
        self.record(Session(name, f"uuid-{name}", mode, "/", made))
        await played.shows("? for shortcuts")
        with trio.fail_after(LIMIT_S):
            # A look that has begun before its terminal was there finds it elsewhere.
            await self.clients.when(lambda snapshot: name in snapshot.clients and snapshot.clients[name].pane != "")
        return played

    def record(self, *records: Session) -> None:
        """Sessions are known."""
        known = {**self.sessions.latest.records, **{record.name: record for record in records}}
        self.publish(known)

    def publish(self, known: dict[str, Session]) -> None:
        """These sessions are known, on disk and to everybody."""
        self.write(known)
        self.sessions_state.publish(SessionsSnapshot(known, frozenset(known), tmux_known=True))

    def write(self, known: dict[str, Session]) -> None:
        """The file has these sessions."""
        table = {name: encode_session(record) for name, record in known.items()}
        new = self.server.root / "sessions.new"
        new.write_text(json.dumps({"schema_version": 1, "sessions": table}))
        new.replace(self.server.root / "sessions.json")

    def open_request(self, name: str, id_: str) -> None:
        """A request of a session is open."""
        self.requests_state.publish(RequestsSnapshot({name: (OpenRequest(id_, "permission"),)}))

    async def neighbours(self) -> None:
        """Say who runs, which status each has, and what the hooks tell."""
        registry = ClientRegistry(self.server.root / "clients")
        names: dict[int, str] = {}
        while True:
            panes = await self.tmux.panes()
            found = await trio.to_thread.run_sync(registry.look, None, panes)
            names |= {client.pid: client.uuid.removeprefix("uuid-") for client in found if client.uuid}
            clients = {names[client.pid]: client for client in found if client.pid in names}  # also without a word
            ended = {name: 1 for name in self.clients.latest.clients if name not in clients}
            self.clients_state.publish(ClientsSnapshot(clients, {**self.clients.latest.ended, **ended}, looked=True))
            states = {
                name: Status(STATES[c.status], 0.0, "", "client") for name, c in clients.items() if c.status in STATES
            }
            self.status_state.publish(StatusSnapshot(states))
            for played in self.played.values():
                sent = played.noted("sent")
                if not self.deaf:
                    for text in sent[played.heard :]:
                        self.hook(f"uuid-{played.name}", text)
                played.heard = len(sent)
            await trio.sleep(0.02)

    def hook(self, uuid: str, text: str) -> None:
        """A client's `UserPromptSubmit` arrives."""
        self.last_id = max(self.last_id + 1, time.time_ns())
        facts = HookFacts("UserPromptSubmit", prompt=digest(text))
        self.tail.send([Event(self.last_id, HOOK_TYPE, "", b"{}", "", uuid, hook=facts)], held=False)

    async def listen(self) -> None:
        """Keep what is published."""
        async for message in self.journal:
            if isinstance(message, Publish):
                self.told += message.drafts

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The owner."""
        root = self.server.root
        ends = PromptsEnds(
            self.events, self.sessions, self.clients, self.status, self.requests, root / "prompts.db",
            root / "no-log.db", root / "sessions.json", root / "clients", self.tmux, self.orders.clone(),
        )  # fmt: skip
        await run_prompts(
            ends, self.inbox.clone(), self.doctor_state, self.journal_send.clone(), task_status=task_status
        )

    # -- what is sent

    async def prompt(self, name: str, text: str, key: str = "", when: When = "now") -> Prompt:
        """Send a prompt."""
        key = key or f"{name} {time.time_ns()}"
        text = check_prompt(text)
        return await ask(self.send, lambda reply: SendPrompt(name, text, key, when, reply), timeout_s=LIMIT_S)

    async def hold(self, name: str, text: str) -> Prompt:
        """A first prompt."""
        return await ask(self.send, lambda reply: HoldPrompt(name, text, reply), timeout_s=LIMIT_S)

    async def listed(self, name: str) -> tuple[Prompt, ...]:
        """The prompts of a session."""
        return await ask(self.send, lambda reply: ListPrompts(name, reply), timeout_s=LIMIT_S)

    async def take_back(self, name: str, id_: str) -> None:
        """Take a held one back."""
        await ask(self.send, lambda reply: TakeBack(name, id_, reply), timeout_s=LIMIT_S)

    async def keys(self, name: str, *keys: str) -> None:
        """Press keys."""
        await ask(self.send, lambda reply: SendKeys(name, keys, reply), timeout_s=LIMIT_S)

    async def interrupt(self, name: str) -> bool:
        """Press Escape."""
        return await ask(self.send, lambda reply: Interrupt(name, reply), timeout_s=LIMIT_S)

    async def input(self, name: str, text: str, preset: str = "", key: str = "") -> None:
        """What older clients send."""
        await ask(self.send, lambda reply: SendInput(name, text, reply, preset, key), timeout_s=LIMIT_S)

    async def becomes(self, prompt: Prompt, *states: str) -> Prompt:
        """Wait until a prompt has one of these states."""
        with trio.fail_after(LIMIT_S):
            while True:
                found = next(p for p in await self.listed(prompt.session) if p.id == prompt.id)
                if found.state in states:
                    return found
                await trio.sleep(0.02)

    def events_of(self, prompt: Prompt) -> list[str]:
        """The types of what was published of a prompt."""
        return [draft.type for draft in self.told if f'"{prompt.id}"'.encode() in draft.payload]


async def refused(work: Callable[[], Awaitable[object]]) -> str:
    """The code with which something is refused, "" if it is not."""
    try:
        await work()
    except CtmError as error:
        return error.code
    return ""


@asynccontextmanager
async def prompts_rig(server: PrivateTmux) -> AsyncIterator[Rig]:
    """The owner's neighbours; the owner itself is started with `nursery.start(rig.run)` or by `running`."""
    rig = Rig(server)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.neighbours)
        nursery.start_soon(rig.listen)
        yield rig
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[Rig]:
    """The owner runs until the block ends."""
    async with trio.open_nursery() as nursery:
        await nursery.start(rig.run)
        yield rig
        nursery.cancel_scope.cancel()
