"""Time limits bound what they say, also against a server that sends a byte now and then, and work without end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio

from ctm_trio.cli import link
from ctm_trio.client import NoDaemon, follow, login
from ctm_trio.client import exchange as exchange_module
from ctm_trio.client import stream as stream_module
from ctm_trio.errors.orders import Unavailable
from ctm_trio.model.asker import Asker
from ctm_trio.system import password_hash
from ctm_trio.system.users import UserStore

DRIP_S = 0.05
LONG_S = 60.0
"""How long the whole answer would take, byte by byte: far longer than anybody here may wait."""

ENOUGH_S = 30.0
"""For limits of half a second, on a busy machine; without a limit it would be `LONG_S`, or for ever."""


@dataclass
class Dripping:
    """A listener that answers whatever it is asked, one byte at a time."""

    port: int
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released for each request that came."""
    whole: int = 0
    """Answers that were sent to their end."""


@pytest.fixture
def dripping() -> Iterator[Dripping]:
    """Such a listener, until the test is over."""
    done = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            if connection.recv(65536):
                here.asked.release()
            answer = b"HTTP/1.1 200 OK\r\nX-Ctm-Serve: 9\r\nX-Filler: " + b"x" * round(LONG_S / DRIP_S)
            for byte in answer:
                if done.wait(DRIP_S):
                    return
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    return
            here.whole += 1

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = Dripping(listener.getsockname()[1])
        threads = [threading.Thread(target=accept, args=(listener,))]
        threads[0].start()
        yield here
        done.set()
        listener.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def test_the_command_line_waits_for_nobody(dripping: Dripping) -> None:
    """Asking for a daemon and telling it something are given up, although a byte always comes in time."""
    for act in (
        lambda: link.probe(dripping.port),
        lambda: link.post_event(dripping.port, "session_new", {"name": "x"}),
    ):
        assert not act()
        assert dripping.asked.acquire(timeout=ENOUGH_S)
        assert dripping.whole == 0


async def test_a_login_ends_in_its_time(dripping: Dripping, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's login is given up as a whole after its limit."""
    monkeypatch.setattr(exchange_module, "TIMEOUT_S", 0.5)
    with trio.fail_after(ENOUGH_S), pytest.raises(NoDaemon):
        await login(f"http://127.0.0.1:{dripping.port}", "a@b.example", "password")


async def test_a_stream_connects_in_its_time(dripping: Dripping, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handshake of a stream is given up after its limit, counted from the first packet."""
    monkeypatch.setattr(stream_module, "CONNECT_TIMEOUT_S", 0.5)
    with trio.fail_after(ENOUGH_S), pytest.raises(NoDaemon):
        async with follow("token", url=f"http://127.0.0.1:{dripping.port}") as events:
            await anext(aiter(events))


async def test_a_hash_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password whose check takes too long is answered so, also for those that wait for their turn."""
    store = UserStore(tmp_path / "user.json", tmp_path / "tokens.json")
    await store.signup("a@b.example", "correct horse", Asker("127.0.0.1", 0, ours=True, direct=True))
    let_go = threading.Event()
    real = password_hash.hash_password

    def endless(*words: object) -> bytes:
        let_go.wait()
        return real(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(password_hash, "hash_password", endless)
    monkeypatch.setattr(password_hash, "HASH_LIMIT_S", 0.3)
    refused = 0

    async def one() -> None:
        nonlocal refused
        with pytest.raises(Unavailable):
            await store.login("a@b.example", "wrong horse", Asker("10.0.0.1"))
        refused += 1

    try:
        with trio.fail_after(ENOUGH_S):
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(one)
        assert refused == 4
    finally:
        let_go.set()
