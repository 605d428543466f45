"""A port that is in use though nobody listens there: another program's connection has it as its own end."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ctm_trio.daemon import port as port_module
from ctm_trio.daemon.port import HOST, PortTaken, bind
from tests.ports import free_port

Pair = tuple[socket.socket, socket.socket, int]
"""Both ends of a connection, and the port of the first."""


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A connection that comes from a free port."""
    port = free_port()
    with socket.create_server((HOST, 0)) as listener:
        near = socket.create_connection(listener.getsockname(), source_address=(HOST, port))
        far, _ = listener.accept()
    with near, far:
        yield near, far, port


def test_a_connection_that_ends_is_waited_for(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it has ended, the port is ours."""
    near, _, port = pair
    waits: list[float] = []

    def ends(seconds: float) -> None:
        waits.append(seconds)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # nothing is left of it
        near.close()

    monkeypatch.setattr("ctm_trio.daemon.port.time.sleep", ends)
    with closing(bind(port, Path("/nowhere"))) as sock:
        assert sock.getsockname() == (HOST, port)
    assert waits == [port_module.TRY_EVERY_S]


def refused(port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said of a port that stays in use."""
    monkeypatch.setattr(port_module, "WAIT_S", 0.0)
    with pytest.raises(PortTaken) as caught:
        bind(port, Path("/nowhere"))
    assert str(caught.value).startswith(f"port {port} is in use, though nobody listens there: ")
    return str(caught.value)


def test_a_connection_that_stays_is_named(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a connection, not a listener, and its other end is said."""
    _, far, port = pair
    there = f"{HOST}:{far.getsockname()[1]}"
    assert re.search(rf"a connection of uid \d+ to {re.escape(there)} has it", refused(port, monkeypatch))


def test_a_connection_that_has_ended(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system keeps the port for a while (TIME_WAIT); that is said."""
    near, far, port = pair
    near.close()
    assert far.recv(1) == b""
    far.close()
    assert "a connection that has ended had it" in refused(port, monkeypatch)


def test_a_port_that_is_only_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection and no listener: a program has bound it."""
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        assert "a program has bound it" in refused(bound.getsockname()[1], monkeypatch)


def test_another_program_on_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that clients know stands alone, and below it what to do."""
    monkeypatch.setattr(port_module, "who_listens", lambda port: port_module.Listener.OTHER)
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            bind(port, Path("/nowhere"))
    assert str(caught.value).splitlines() == [
        f"port {port} in use by a non-ctm-serve listener; refusing to bind",
        "Another program has it. Choose another port with --port or serve.port.",
    ]
