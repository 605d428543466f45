"""Another user's program has taken the daemon's port: nobody believes it, and no secret is told to it."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from ctm_trio.cli import doctor, link, watch
from ctm_trio.cli.common import CliError
from ctm_trio.client import Stranger, follow, login, trust
from ctm_trio.daemon import port
from tests.faults.process import Daemon
from tests.other_user import OTHER, other_user, said

DAEMON = r"""
import socket, threading
s = socket.create_server(('127.0.0.1', 0))
print(s.getsockname()[1])
def serve():
    while True:
        c, _ = s.accept()
        got = c.recv(65536)
        if got:
            print(got.split(b'\r\n')[0].decode('latin-1'), 'Bearer' in got.decode('latin-1'))
        c.sendall(b'HTTP/1.1 200 OK\r\nX-Ctm-Serve: v9\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}')
        c.close()
threading.Thread(target=serve, daemon=True).start()
input()
"""
"""Says that it is one of us, and prints the first line of whatever it is asked."""


class Imposter:
    """The process, and its port."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.port = process, int(said(process))
        self.url = f"http://127.0.0.1:{self.port}"

    def heard(self) -> str:
        """End it; everything that it was told."""
        self.process.kill()
        return self.process.communicate(timeout=10)[0]


@pytest.fixture
def imposter() -> Iterator[Imposter]:
    """A program of another user that answers like a daemon."""
    with other_user(DAEMON) as process:
        yield Imposter(process)


def test_the_command_line_tells_it_nothing(imposter: Imposter, tmp_path: Path) -> None:
    """It is not taken for the daemon, gets no hook post, and the doctor says whose program has the port."""
    assert link.probe(imposter.port) is None
    assert not link.post_event(imposter.port, "session_new", {"name": "alpha"})
    check = doctor.daemon_check(imposter.port, None)
    assert (check.status, str(OTHER) in check.message) == ("err", True)
    assert imposter.heard() == ""


async def test_clients_tell_it_nothing(imposter: Imposter) -> None:
    """Neither the library nor `watch` sends it a token or a password."""
    with pytest.raises(Stranger):
        await login(imposter.url, "me@example.com", "a good password")
    with trio.fail_after(30), pytest.raises(Stranger):
        async with follow("a-token", url=imposter.url, patient=True) as events:
            await anext(events)
    args = argparse.Namespace(since=None, last=None, session=None, type=None, json=True)
    with pytest.raises(CliError, match=f"uid {OTHER}"):
        await watch._watch(args, imposter.url, "a-token", None)
    assert imposter.heard() == ""


async def test_an_imposter_that_comes_in_between(imposter: Imposter, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the first look saw nobody, the connection itself is looked at before anything is said."""
    monkeypatch.setattr(trust, "listener_uid", lambda *_: None)
    with pytest.raises(Stranger):
        await login(imposter.url, "me@example.com", "a good password")
    with trio.fail_after(30), pytest.raises(Stranger):
        async with follow("a-token", url=imposter.url) as events:
            await anext(events)
    assert imposter.heard() == ""


def test_serve_does_not_believe_it(imposter: Imposter, tmp_path: Path) -> None:
    """`serve` does not take it for a sibling: it ends with 1 and says whose the port is."""
    daemon = Daemon(tmp_path, port=imposter.port)
    daemon.start(ready=False)
    assert daemon.process is not None
    assert daemon.process.wait(20) == 1
    assert f"port {imposter.port} in use by a non-ctm-serve listener; refusing to bind" in daemon.said()
    assert f"uid {OTHER}" in daemon.said()
    assert imposter.heard() == ""


def test_a_sibling_of_ours_is_believed(tmp_path: Path) -> None:
    """The same daemon of ours still counts as one: exit code 0 in silence, and the command line finds it."""
    with Daemon(tmp_path) as first:
        first.start()
        assert link.probe(first.port) is not None
        with pytest.raises(port.AlreadyRunning):
            port.bind(first.port, first.root)
        assert doctor.daemon_check(first.port, link.probe(first.port)).status == "ok"


LISTEN_V6 = (
    "import socket, sys; s = socket.create_server(('::1', int(sys.argv[1])), family=socket.AF_INET6); print(1); input()"
)


def test_another_user_on_localhost(tmp_path: Path) -> None:
    """Another user has the port of ::1, which browsers may take for localhost: both doctors say so."""
    with Daemon(tmp_path) as daemon:
        daemon.start()
        with other_user(LISTEN_V6, str(daemon.port)) as process:
            assert said(process) == "1"
            found = {one["name"]: one for one in daemon.get("/api/doctor")["checks"]}
            assert (found["port:localhost"]["status"], str(OTHER) in found["port:localhost"]["message"]) == (
                "err",
                True,
            )
            check = doctor.daemon_check(daemon.port, "v9")
            assert (check.status, "::1" in check.message) == ("err", True)
        assert link.probe(daemon.port) is not None
