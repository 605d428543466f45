"""Who listens on our port: a daemon of ours, one that only just starts, or something else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from ctm_trio.daemon import port as port_module
from ctm_trio.daemon.port import Listener, who_listens


@contextmanager
def listener(*answers: bytes | None) -> Iterator[int]:
    """A port where each connection in turn gets the next answer, then the end; None never answers."""
    with socket.create_server((port_module.HOST, 0)) as sock, ExitStack() as held:

        def serve() -> None:
            for answer in answers:
                connection = held.enter_context(sock.accept()[0])  # one that is dropped would be an answer
                if answer is not None:
                    connection.recv(4096)
                    connection.sendall(answer)
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield sock.getsockname()[1]
        thread.join()


OURS = b"HTTP/1.1 200 OK\r\nX-Ctm-Serve: v9\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("answers", "who"),
    [
        ((OURS,), Listener.OURS),
        ((None, None, OURS), Listener.OURS),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",), Listener.OTHER),
        ((b"HTTP/1.1 404 Not Found\r\nX-Ctm-Serve: v9\r\n\r\n",), Listener.OTHER),
        ((b"HTTP/1.1 200 OK\r\nX-Ctm-Serve: v1\r\nX-More: ",), Listener.OTHER),
        ((b"SSH-2.0-OpenSSH_9.2\r\n",), Listener.OTHER),
        ((b"x" * 40_000,), Listener.OTHER),
        ((b"",), Listener.OTHER),
        ((None, None, None), Listener.SILENT),
    ],
    ids=["ours", "ours, late", "no header", "not 200", "half an answer", "no HTTP", "endless", "empty", "silent"],
)
def test_sibling(monkeypatch: pytest.MonkeyPatch, answers: tuple[bytes | None, ...], who: Listener) -> None:
    """Only a whole 200 with our header is one of us; silence is asked again, because a sibling may be starting."""
    monkeypatch.setattr(port_module, "PROBES", 3)
    with listener(*answers) as port:
        assert who_listens(port) is who


def test_a_sibling_that_takes_longer_than_a_probe() -> None:
    """The first answer comes when it has been asked for the third time: a busy daemon is not a silent one."""
    with socket.create_server((port_module.HOST, 0)) as sock, ExitStack() as held:

        def serve() -> None:
            first, *_ = [held.enter_context(sock.accept()[0]) for _ in range(3)]
            first.sendall(OURS)

        thread = threading.Thread(target=serve)
        thread.start()
        assert who_listens(sock.getsockname()[1]) is Listener.OURS
        thread.join()


def test_nobody_listens() -> None:
    """That is told from a listener that is none of ours: it is not waited for, and not refused as one."""
    with socket.socket() as bound:
        bound.bind((port_module.HOST, 0))
        assert who_listens(bound.getsockname()[1]) is Listener.NOBODY
