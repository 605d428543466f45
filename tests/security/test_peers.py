"""Whose a TCP socket is: asked of the kernel one by one, and read from /proc, with sockets of two users."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ctm_trio.system import peers
from tests.other_user import OTHER, other_user, said

LISTEN = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1]); input()"
CONNECT = "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); print(1); input()"
GO = CONNECT.replace("print", "s.send(b'x'); s.close(); print")


@pytest.fixture(params=["netlink", "proc"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two ways to find it out."""
    way: str = request.param
    if way == "netlink" and not peers.quick():
        pytest.skip("this kernel does not answer questions about single sockets")
    monkeypatch.setattr(peers, "quick", lambda: way == "netlink")
    return way


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A listener of ours on IPv4."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def peer_of(connection: socket.socket) -> int | None:
    """As a server asks."""
    return peers.peer_uid(connection.getsockname()[:2], connection.getpeername()[:2])


@pytest.mark.usefixtures("way")
def test_our_own_peer(server: socket.socket) -> None:
    """A client of ours is known by our uid, over IPv4, from another loopback address, and with IPv6 clothes on."""
    port = server.getsockname()[1]
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.socket(family)) for family in (socket.AF_INET, socket.AF_INET, socket.AF_INET6)
        ]
        clients[1].bind(("127.0.0.2", 0))
        for client in clients:
            client.connect((("::ffff:127.0.0.1" if client.family == socket.AF_INET6 else "127.0.0.1"), port))
            accepted = stack.enter_context(server.accept()[0])
            assert peer_of(accepted) == os.geteuid()
            assert peers.server_uid(client.getsockname()[:2], client.getpeername()[:2]) == os.geteuid()


@pytest.mark.usefixtures("way")
def test_ipv6() -> None:
    """The same over IPv6's own loopback, for those who listen there."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("::1", port)), server.accept()[0] as accepted:
            assert peer_of(accepted) == os.geteuid()
        assert peers.listener_uid(port, "::1") == os.geteuid()
        assert peers.listener_uid(port) is None


@pytest.mark.usefixtures("way")
def test_another_users_peer(server: socket.socket) -> None:
    """A client of another user is known by theirs."""
    with other_user(CONNECT, str(server.getsockname()[1])) as process, server.accept()[0] as accepted:
        assert said(process) == "1"
        assert peer_of(accepted) == OTHER
        assert peers.is_foreign(peer_of(accepted))


@pytest.mark.usefixtures("way")
def test_a_peer_that_has_gone(server: socket.socket) -> None:
    """A socket that its process has closed is shown as root's by the kernel; it is nobody's for us."""
    with other_user(GO, str(server.getsockname()[1])) as process, server.accept()[0] as accepted:
        assert said(process) == "1"
        assert accepted.recv(1) == b"x"
        assert peer_of(accepted) is None
        assert not peers.is_foreign(None)


@pytest.mark.usefixtures("way")
def test_who_listens(server: socket.socket) -> None:
    """A listener is known by its owner, also one on every address; a port that nobody has is nobody's."""
    assert peers.listener_uid(server.getsockname()[1]) == os.geteuid()
    with socket.create_server(("", 0)) as everywhere:
        port = everywhere.getsockname()[1]
        assert peers.listener_uid(port) == os.geteuid()
    assert peers.listener_uid(port) is None
    with other_user(LISTEN) as process:
        theirs = int(said(process))
        assert peers.listener_uid(theirs) == OTHER
        with socket.create_connection(("127.0.0.1", theirs)) as client:
            assert peers.server_uid(client.getsockname(), client.getpeername()) == OTHER


@pytest.mark.usefixtures("way")
def test_what_cannot_be_told(server: socket.socket) -> None:
    """Addresses of other machines, names and strangers' ports have no owner here, and never raise."""
    port = server.getsockname()[1]
    for host in ("192.0.2.1", "2001:db8::1", "localhost", "", "127.1"):
        assert peers.listener_uid(port, host) is None
        assert peers.peer_uid(("127.0.0.1", port), (host, 9)) is None
    assert peers.peer_uid(("127.0.0.1", port), ("127.0.0.1", port)) is None


def test_hidden_uids(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a user namespace the overflow uid may be anybody, so it is nobody."""
    monkeypatch.setattr(peers, "_some_uids_are_hidden", lambda: True)
    monkeypatch.setattr(peers, "_overflow_uid", os.geteuid)
    assert peers.listener_uid(server.getsockname()[1]) is None


def test_other_systems(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without netlink and without /proc nothing can be told, and nothing fails."""
    monkeypatch.setattr(peers, "_AF_NETLINK", None)
    peers.quick.cache_clear()
    try:
        assert not peers.quick()
        assert peers.listener_uid(server.getsockname()[1]) == os.geteuid()
        monkeypatch.setattr("builtins.open", no_file)
        assert peers.listener_uid(server.getsockname()[1]) is None
    finally:
        peers.quick.cache_clear()


def no_file(*_: object) -> None:
    """`open` where nothing is."""
    raise FileNotFoundError
