"""Which running client is which session's. Pure.

A client is known by its process: its pid, the pane of our tmux server that it runs in, and the Claude session id that
its own status file says now. A name, a directory or an inherited variable proves nothing: `claude -p` inherits them.
A session's client, first that applies (source: PROTOCOL.md, Status):
1. the client whose file has the record's id, in the session's own tmux session before any other place, then the one
   that was the session's before, then the newest;
2. the process that was the session's before (`/clear`, `/resume` and forks change the id, not the process);
3. the client in the pane that the session's client runs in: somebody started it there again.
A client that is nobody's, and whose hooks arrive, is a session of its own: an unmanaged one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec
from msgspec.structs import replace

from ctm_trio.model.panes import Pane, client_pane
from ctm_trio.model.session import Session, is_name, successors
from ctm_trio.model.session_names import base_name
from ctm_trio.model.times import format_time

NOT_A_PERSONS = "sdk"
"""How the entry point of a client begins that a program runs (`claude -p`, an SDK): it is no session of a person."""


class Client(msgspec.Struct, frozen=True):
    """A client that runs.

    Attributes:
        pid, begun: its process: the number, and what tells it from a later process of the same number.
        uuid: its Claude session id now. cwd: its directory. version: of the program, or "".
        status: "busy", "idle", "waiting", "shell", "" before its first screen; waiting_for: "permission prompt", ….
        since: of the status; started: when it began; both in unix seconds.
        entrypoint: "cli", "sdk-cli", …, or "".
        pane: of our tmux server that it runs in, `%3`; "" elsewhere. tmux: the name of that tmux session, or "".
        pane_pid: of the program that was started in that pane, 0 elsewhere.
        fault: why its status file is not believed, a sentence for a person; then its id and status are "".
    """

    pid: int
    begun: str
    uuid: str
    cwd: str = ""
    version: str = ""
    status: str = ""
    waiting_for: str = ""
    since: float = 0.0
    started: float = 0.0
    entrypoint: str = ""
    pane: str = ""
    tmux: str = ""
    pane_pid: int = 0
    fault: str = ""

    @property
    def process(self) -> tuple[int, str]:
        """What stays the same as long as it runs."""
        return self.pid, self.begun


class Bound(msgspec.Struct, frozen=True):
    """Whose the clients are.

    Attributes:
        clients: session name → its running client.
        ended: session name → pid of its client, which has ended while we looked.
        unmanaged: the sessions that nobody recorded, by name.
        moved: recorded sessions whose client has another id than the record: name → that id.
        unwatched: how many clients of persons run whose hooks do not arrive here.
    """

    clients: Mapping[str, Client] = msgspec.field(default_factory=dict)
    ended: Mapping[str, int] = msgspec.field(default_factory=dict)
    unmanaged: Mapping[str, Session] = msgspec.field(default_factory=dict)
    moved: Mapping[str, str] = msgspec.field(default_factory=dict)
    unwatched: int = 0


class Bindings:
    """Keeps which process is whose from one look to the next.

    Args:
        runs: says whether a process still runs, by its number and what tells it from a later one.
    """

    def __init__(self, runs: Callable[[int, str], bool]) -> None:
        self._runs = runs
        self._records: Mapping[str, Session] = {}
        self._process: dict[str, tuple[int, str]] = {}
        """Recorded session → the process that is, or was last, its client."""
        self._names: dict[tuple[int, str], str] = {}
        """Process of an unmanaged session → its name, as long as it runs."""

    def bind(
        self, records: Mapping[str, Session], clients: Iterable[Client], panes: Iterable[Pane], heard: frozenset[str]
    ) -> Bound:
        """Say whose each running client is.

        Args:
            records: the recorded sessions. clients: those that run now.
            panes: of our tmux server. heard: the Claude session ids whose hooks have arrived.
        """
        went_to = {old: new for new, old in successors(self._records, records).items()}
        self._process = {went_to[n]: p for n, p in self._process.items() if n in went_to}
        self._records = records
        running = {c.process: c for c in clients if not c.entrypoint.startswith(NOT_A_PERSONS)}
        by_session: dict[str, list[Pane]] = {}
        for pane in panes:
            by_session.setdefault(pane.session, []).append(pane)
        bound = self._bind_records(records, running, by_session)
        taken = {client.process for client in bound.values()}
        rest = [c for c in running.values() if c.process not in taken]
        unmanaged, unwatched = self._name_rest(rest, records, heard)
        return Bound(
            {**bound, **{name: client for name, (client, _) in unmanaged.items()}},
            {n: p[0] for n, p in self._process.items() if n not in bound and not self._runs(*p)},
            {name: session for name, (_, session) in unmanaged.items()},
            {n: c.uuid for n, c in bound.items() if c.uuid and c.uuid != records[n].uuid},
            unwatched,
        )

    def _bind_records(
        self,
        records: Mapping[str, Session],
        running: Mapping[tuple[int, str], Client],
        panes: Mapping[str, list[Pane]],
    ) -> dict[str, Client]:
        bound: dict[str, Client] = {}
        taken: set[tuple[int, str]] = set()

        def give(name: str, client: Client) -> None:
            bound[name] = client
            taken.add(client.process)
            self._process[name] = client.process

        by_uuid: dict[str, list[Client]] = {}
        for client in running.values():
            by_uuid.setdefault(client.uuid, []).append(client)
        for name, record in records.items():
            mine = by_uuid.get(record.uuid, []) if record.uuid else []
            if mine:
                at_home = [client for client in mine if client.tmux == _tmux(name)]
                was = self._process.get(name)
                give(name, max(at_home or mine, key=lambda client: (client.process == was, client.started)))
        for name in records:
            before = running.get(self._process.get(name, (0, "")))
            if name not in bound and before is not None and before.process not in taken:
                give(name, before)
        in_pane = {c.pane: c for c in running.values() if c.pane and c.process not in taken}
        for name in records:
            if name not in bound and (pane := client_pane(panes.get(_tmux(name), ()))) is not None:
                again = in_pane.get(pane.id)
                if again is not None and again.process not in taken:
                    give(name, again)
        return bound

    def _name_rest(
        self, rest: list[Client], records: Mapping[str, Session], heard: frozenset[str]
    ) -> tuple[dict[str, tuple[Client, Session]], int]:
        found: dict[str, tuple[Client, Session]] = {}
        names: dict[tuple[int, str], str] = {}
        unwatched = 0
        for client in sorted(rest, key=lambda c: (c.process not in self._names, c.started, c.pid)):
            name = self._names.get(client.process, "")
            if not name and client.uuid not in heard:
                unwatched += 1
                continue
            if not name or name in records or name in found:
                name = _free_name(client, {*records, *found, *self._names.values()})
            names[client.process] = name
            made = format_time(client.started) if client.started else ""
            found[name] = client, Session(name, client.uuid, "safe", client.cwd, made, managed=False)
        self._names = names
        return found, unwatched


def _tmux(name: str) -> str:
    """A session's name as tmux spells it."""
    return name.replace(".", "_")


def _free_name(client: Client, taken: set[str]) -> str:
    """A name for an unmanaged session: that of its tmux session, or of its directory."""
    base = client.tmux if is_name(client.tmux) else base_name(client.cwd.rstrip("/").rpartition("/")[2])
    base = base if is_name(base) else "session"
    spelt = {_tmux(name) for name in taken}
    name, n = base, 1
    while _tmux(name) in spelt:
        n += 1
        name = f"{base[:90]}-{n}"
    return name


def placed(client: Client, pane: Pane | None) -> Client:
    """The client with the pane that it runs in; None for none of ours."""
    if pane is None:
        return replace(client, pane="", tmux="", pane_pid=0)
    return replace(client, pane=pane.id, tmux=pane.session, pane_pid=pane.pid)
