"""Which client is whose: by process, never by a name, a directory or an inherited variable."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ctm_trio.model.clients import Bindings, Bound, Client, placed
from ctm_trio.model.panes import Pane
from ctm_trio.model.session import Session

ALPHA, BETA = Session("alpha", "u-a", workdir="/w/a"), Session("beta", "u-b", workdir="/w/b")
RECORDS = {"alpha": ALPHA, "beta": BETA}
PANES = [
    Pane(name, f"${n}", f"%{n}", 100 + n, False, False, False, True, True) for n, name in enumerate(("alpha", "beta"))
]
HEARD = frozenset({"u-a", "u-b", "u-x", "u-y"})


def client(pid: int, uuid: str, pane: Pane | None = None, **more: object) -> Client:
    """A client, in a pane of ours or elsewhere."""
    return placed(Client(pid, str(pid), uuid, **{"cwd": "/w/x", "entrypoint": "cli", **more}), pane)  # type: ignore[arg-type]


class Box:
    """The machine: which processes run."""

    def __init__(self) -> None:
        self.running: set[int] = set()
        self.bindings = Bindings(lambda pid, begun: pid in self.running)

    def bind(self, *clients: Client, heard: frozenset[str] = HEARD, records: dict[str, Session] = RECORDS) -> Bound:
        """One look."""
        self.running = {c.pid for c in clients}
        return self.bindings.bind(records, clients, PANES, heard)


@pytest.fixture
def here() -> Box:
    return Box()


def test_by_the_id_in_its_own_tmux_session_first(here: Box) -> None:
    """The record's id decides; of two with it the one at home, not the newer one elsewhere."""
    home, elsewhere = client(1, "u-a", PANES[0], started=10.0), client(2, "u-a", started=20.0)
    assert here.bind(elsewhere, home).clients["alpha"] == home
    assert here.bind(elsewhere).clients["alpha"] == elsewhere


def test_the_same_session_resumed_beside(here: Box) -> None:
    """A second client with the same id, in a pane beside, does not take the session over while the first one runs."""
    first = client(1, "u-a", PANES[0], started=10.0)
    second = client(2, "u-a", replace(PANES[0], id="%9", pid=109, client=False), started=20.0)
    here.bind(first)
    assert here.bind(first, second).clients["alpha"] == first
    assert here.bind(second).clients["alpha"] == second


def test_clear_goes_on_in_the_process(here: Box) -> None:
    """The same process under another id is the same session, and its record must follow."""
    here.bind(client(1, "u-a", PANES[0]))
    bound = here.bind(client(1, "u-new", PANES[0]), heard=frozenset())
    assert bound.clients["alpha"].uuid == "u-new"
    assert bound.moved == {"alpha": "u-new"}
    assert not bound.unmanaged


def test_a_client_whose_file_is_not_believed(here: Box) -> None:
    """Its pane says whose it is; the record keeps its id."""
    odd = client(1, "", PANES[0], fault="It is not believed.", entrypoint="")
    bound = here.bind(odd)
    assert (bound.clients["alpha"], bound.moved, bound.unmanaged) == (odd, {}, {})


def test_what_a_session_runs_changes_nothing(here: Box) -> None:
    """`claude -p` below it and a second client in a pane beside are not the session's."""
    main = client(1, "u-a", PANES[0])
    printing = client(2, "u-x", PANES[0], entrypoint="sdk-cli")
    beside = client(3, "u-y", replace(PANES[0], id="%9", pid=109, client=False))
    bound = here.bind(main, printing, beside)
    assert bound.clients["alpha"] == main
    assert {name: session.uuid for name, session in bound.unmanaged.items()} == {"alpha-2": "u-y"}


def test_one_started_again_in_its_pane(here: Box) -> None:
    """The client ended and somebody started it there again: the session goes on with that."""
    here.bind(client(1, "u-a", PANES[0]))
    again = client(5, "u-x", PANES[0])
    assert here.bind(again).clients["alpha"] == again


def test_ended(here: Box) -> None:
    """A client that runs no more is told with its pid; one whose file alone is gone is not."""
    here.bind(client(1, "u-a", PANES[0]))
    assert here.bind().ended == {"alpha": 1}
    here.bind(client(1, "u-a", PANES[0]))
    here.running = {1}
    assert here.bindings.bind(RECORDS, [], PANES, HEARD).ended == {}


def test_unmanaged(here: Box) -> None:
    """Named by its tmux session, else by its directory; only if its hooks arrive; the name stays while it runs."""
    work = Pane("work", "$7", "%7", 107, False, False, False, False, False)
    by_tmux, by_directory, silent = client(1, "u-x", work), client(2, "u-y"), client(3, "u-z")
    bound = here.bind(by_tmux, by_directory, silent)
    assert {name: (s.uuid, s.managed) for name, s in bound.unmanaged.items()} == {
        "work": ("u-x", False), "x": ("u-y", False),
    }  # fmt: skip
    assert bound.unwatched == 1
    cleared = here.bind(replace(by_tmux, uuid="u-unheard"), client(4, "u-a", work, started=1.0), by_directory)
    assert cleared.unmanaged["work"].uuid == "u-unheard"


def test_a_name_that_is_taken(here: Box) -> None:
    """A record's name is never given to another; tmux takes a dot for `_`."""
    records = {"a.b": Session("a.b", "u-a")}
    pane = Pane("a_b", "$7", "%7", 107, False, False, False, False, False)
    assert list(here.bind(client(2, "u-x", pane), client(1, "u-a"), records=records).unmanaged) == ["a_b-2"]


def test_a_rename_keeps_the_process(here: Box) -> None:
    """A renamed record is the same session, also if its client has another id by then."""
    here.bind(client(1, "u-a", PANES[0]))
    renamed = {"gamma": replace(ALPHA, name="gamma"), "beta": BETA}
    assert here.bind(client(1, "u-new", PANES[0]), records=renamed).clients["gamma"].uuid == "u-new"


def test_the_pane_of_another_server_is_nobodys(here: Box) -> None:
    """Its file says `%0` too, but its process is in no pane of ours."""
    other = client(9, "u-x")
    bound = here.bind(client(1, "u-a", PANES[0]), other)
    assert bound.clients["alpha"].pid == 1
    assert bound.clients["x"] == other
    assert other.pane == ""
