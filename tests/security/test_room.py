"""Idle connections of others lock nobody out: they make room, and places are kept for the owner."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ctm_trio.web.room import MAX_CONNECTIONS, Room
from tests.faults.process import Daemon
from tests.faults.rig import line
from tests.other_user import Stranger, other_user, said

UUID = "11111111-2222-4333-8444-555555555555"
ME, SHE, HE = os.geteuid(), os.geteuid() + 1, os.geteuid() + 2

CROWD = r"""
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
port, begun, held = int(sys.argv[1]), sys.argv[2].encode(), []
for i in range(1000):
    s = socket.create_connection(('127.0.0.1', port), timeout=20, source_address=('127.0.0.%d' % (2 + i % 200), 0))
    try:
        s.sendall(begun)
    except OSError:
        pass
    held.append(s)
print('all')
input()
"""


@dataclass(eq=False)
class Fake:
    """A connection that only has the facts."""

    uid: int | None
    trusted: bool = False
    idle: bool = True
    served: bool = False
    gone: bool = False

    def evict(self) -> None:
        """Note it."""
        assert not self.gone
        self.gone = True


def filled(room: Room, *guests: Fake) -> list[Fake]:
    """Let them in, as far as there is room for each; those who came in."""
    came = []
    for guest in guests:
        if room.make_place(guest.uid):
            room.enter(guest)
            came.append(guest)
    return came


def test_the_owner_always_comes_in() -> None:
    """Others fill at most three quarters; the owner takes the rest, then the places of idle strangers, oldest first."""
    room = Room(8)
    others = filled(room, *(Fake(uid) for uid in (SHE, SHE, SHE, HE, HE, HE)))
    assert len(others) == 6
    mine = filled(room, *(Fake(ME, idle=False) for _ in range(5)))
    assert len(mine) == 5
    assert [guest.gone for guest in others] == [True, True, True, False, False, False]
    assert not any(guest.gone for guest in mine)


def test_one_user_does_not_fill_the_place() -> None:
    """A user who connects again and again loses their own oldest connections; nobody else does."""
    room = Room(8)
    (his,) = filled(room, Fake(HE))
    hers = filled(room, *(Fake(SHE) for _ in range(50)))
    assert sum(not guest.gone for guest in hers) == 4
    assert not his.gone
    assert [guest.gone for guest in hers[-4:]] == [False] * 4


def test_what_is_useful_stays() -> None:
    """First goes who never asked anything; who is being answered or is signed in is not cut for a stranger."""
    room = Room(8)
    signed_in, busy, asked, silent = (
        Fake(SHE, trusted=True),
        Fake(None, idle=False),
        Fake(None, served=True),
        Fake(None),
    )
    filled(room, signed_in, busy, asked, Fake(HE, idle=False), Fake(HE, idle=False), Fake(None, idle=False), silent)
    assert len(filled(room, Fake(None, idle=False))) == 1
    assert (silent.gone, asked.gone) == (True, False)
    assert len(filled(room, Fake(None, idle=False))) == 1
    assert asked.gone
    assert not filled(room, Fake(None))
    assert not signed_in.gone
    assert not busy.gone


def test_users_that_cannot_be_told() -> None:
    """Where the machine does not tell whose a connection is, the reserve is kept for those who are signed in."""
    room = Room(8)
    crowd = filled(room, *(Fake(None) for _ in range(50)))
    assert sum(not guest.gone for guest in crowd) == 6


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with its owner signed up."""
    with Daemon(tmp_path) as made:
        yield made.start()


@pytest.mark.parametrize("begun", ["", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "], ids=["silent", "begun"])
def test_a_thousand_idle_connections_of_another_user(daemon: Daemon, begun: str) -> None:
    """The owner is answered, a stream of before goes on, and another stranger with a token is answered too."""
    assert MAX_CONNECTIONS < 1000
    with daemon.stream() as stream:
        assert stream.read(5)
        with other_user(CROWD, str(daemon.port), begun) as crowd:
            assert said(crowd) == "all"
            for _ in range(20):
                assert daemon.request("GET", "/api/bootstrap").status_code == 200
            token = {"Authorization": f"Bearer {daemon.token}"}
            answers = Stranger(daemon.port).ask(*[("GET", "/api/bootstrap", None)] * 5, **token)
            assert [status for status, _ in answers] == [200] * 5
            daemon.log().append(line(UUID, "meanwhile"))
            stream.until(1)
