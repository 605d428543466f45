"""The daemon's end of a held hook: the socket's place and mode, who is let in, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trio

from ctm_trio.system import held_hook, hook_socket
from ctm_trio.system.held_hook import HeldHook
from ctm_trio.system.hook_socket import SocketInTheWay, serve_hooks
from tests.integration.held_hooks import DENY, Home, heard
from tests.other_user import OTHER, other_user, run_as_other, said
from tests.tmux_server import until

REQUEST = "0123456789abcdef" * 2
LINE = b'{"hook_event_name":"PermissionRequest"}'
HEAD = b'{"ctm":1,"op":"hold","request":"%b","bytes":%d,"client_pid":"17"}\n' % (REQUEST.encode(), len(LINE))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def open_home() -> Iterator[Home]:
    """One that other users reach."""
    root = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        made = Home(root)
        for path in (root, root / ".config", made.conf):
            path.chmod(0o777)
        yield made
    finally:
        shutil.rmtree(root)


async def test_its_place_and_its_end(home: Home) -> None:
    """A stale socket is replaced, ours is for us alone, nothing lies beside it, and it goes at the end."""
    home.listen().close()
    stale = home.socket.stat().st_ino
    async with home.daemon():
        status = home.socket.stat()
        assert stat.S_ISSOCK(status.st_mode)
        assert status.st_mode & 0o777 == 0o600
        assert status.st_ino != stale
        assert os.listdir(home.conf) == [home.socket.name]
    assert os.listdir(home.conf) == []


async def test_the_socket_of_another_stays(home: Home) -> None:
    """What has taken its place meanwhile is not ours to remove."""
    async with home.daemon():
        home.socket.unlink()
        home.listen().close()
    assert home.socket.is_socket()


@pytest.mark.parametrize("how", ["removed", "moved", "replaced", "closed", "directory"])
async def test_a_socket_that_vanishes_is_made_again(home: Home, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Whoever waits already goes on waiting, whoever comes is let in, and it is said meanwhile."""
    monkeypatch.setattr(hook_socket, "THERE_S", 0.02)
    said: list[str] = []
    sent, taken = trio.open_memory_channel[HeldHook](9)

    async def take(hook: HeldHook) -> None:
        await hook.wait()
        await sent.send(hook)
        await hook.ended()

    serve = partial(serve_hooks, home.socket, take, begun=partial(said.append, ""), lost=said.append)
    async with trio.open_nursery() as nursery:
        await nursery.start(serve)
        async with home.hook() as before:
            first = await taken.receive()
            if how == "removed":
                home.socket.unlink()
            elif how == "moved":
                home.socket.rename(home.conf / "away")
            elif how == "replaced":
                home.socket.unlink()
                home.listen().close()
            elif how == "closed":
                home.socket.chmod(0)
            else:
                home.conf.rename(home.conf.parent / "away")
                home.conf.mkdir(0o700)
            await until(lambda: len(said) == 3)
            async with home.hook() as after:
                second = await taken.receive()
                for hook, waiting in ((first, before), (second, after)):
                    assert await hook.answer(DENY) is True
                    assert json.loads(await waiting.end()) == DENY
        nursery.cancel_scope.cancel()
    assert said[::2] == ["", ""]
    assert "made again" in said[1]


async def test_a_file_that_takes_its_place_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left alone; once it is moved away hooks can connect again."""
    monkeypatch.setattr(hook_socket, "THERE_S", 0.02)
    said: list[str] = []

    async def take(hook: HeldHook) -> None: ...

    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve_hooks, home.socket, take, begun=partial(said.append, ""), lost=said.append))
        home.socket.unlink()
        home.socket.write_text("precious")
        await until(lambda: "is not a socket" in said[-1])
        assert home.socket.read_text() == "precious"
        home.socket.unlink()
        await until(lambda: said[-1] == "")
        assert home.socket.is_socket()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
async def test_what_is_no_socket_is_left_alone(home: Home, kind: str) -> None:
    """A file, a directory, a link: said clearly, and not touched."""
    if kind == "file":
        home.socket.write_text("precious")
    elif kind == "directory":
        home.socket.mkdir()
    else:
        home.socket.symlink_to(home.conf / "elsewhere")
    before = home.socket.lstat()

    async def take(hook: HeldHook) -> None: ...

    with pytest.raises(SocketInTheWay, match="is not a socket"):
        await serve_hooks(home.socket, take)
    assert home.socket.lstat() == before
    assert os.listdir(home.conf) == [home.socket.name]


BAD = [
    b"",
    b"rubbish\n" + LINE,
    b"GET / HTTP/1.1\r\n\r\n",
    b"x" * 5000,
    HEAD.replace(b'"ctm":1', b'"ctm":2') + LINE,
    HEAD.replace(b'"hold"', b'"held"') + LINE,
    HEAD.replace(REQUEST.encode(), REQUEST.upper().encode()) + LINE,
    HEAD.replace(REQUEST.encode(), b"abc") + LINE,
    HEAD.replace(b'"bytes":%d' % len(LINE), b'"bytes":-1') + LINE,
    HEAD.replace(b'"bytes":%d' % len(LINE), b'"bytes":0') + LINE,
    HEAD.replace(b'"bytes":%d' % len(LINE), b'"bytes":4194305') + LINE,
    HEAD.replace(b'"17"', b'"%b"' % (b"1" * 5000)) + LINE,
    HEAD.replace(b'"17"', b"17") + LINE,
    HEAD + LINE[:-1],
]


@pytest.mark.parametrize("data", BAD, ids=lambda value: str(value[:70]))
async def test_what_is_not_understood_is_closed(home: Home, data: bytes) -> None:
    """Rubbish, another version, a line that is too long or cut: closed without a word, and the next one is taken."""
    async with home.daemon() as taken:
        stream = await trio.open_unix_socket(str(home.socket))
        async with stream:
            try:
                await stream.send_all(data)
                await stream.send_eof()
                assert await heard(stream) == []
            except trio.BrokenResourceError:
                pass  # it was refused before all of it had been sent
        async with home.hook() as waiting:
            hook = await taken.receive()
            await hook.release()
            assert await waiting.end() == ""
        with pytest.raises(trio.WouldBlock):
            taken.receive_nowait()


async def test_a_slow_one_is_closed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not hand over the line in time is not waited for."""
    monkeypatch.setattr(hook_socket, "READ_S", 0.05)
    async with home.daemon(), await trio.open_unix_socket(str(home.socket)) as stream:
        await stream.send_all(HEAD)
        assert await heard(stream) == []


async def test_one_too_many(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the bound a hook is sent away, and there is room again when one has ended."""
    monkeypatch.setattr(hook_socket, "MAX_HELD", 1)
    async with home.daemon() as taken:
        async with home.hook() as first:
            hook = await taken.receive()
            async with home.hook() as second:
                assert await second.end() == ""
            await hook.release()
            assert await first.end() == ""
            assert await hook.ended() == "lost"
        while True:  # the place is free a moment after the hook has gone
            async with home.hook() as third:
                with trio.move_on_after(0.5):
                    hook = await taken.receive()
                    await hook.release()
                    assert await third.end() == ""
                    break


async def test_a_fault_ends_one_hook_alone(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """What fails while it holds a hook lets that one go, and is logged; the others are held on."""
    kept, keep = trio.open_memory_channel[HeldHook](9)

    async def take(hook: HeldHook) -> None:
        await hook.wait()
        if b'"x": ""' in hook.line:
            raise ValueError("boom")
        await kept.send(hook)
        await hook.ended()

    async with trio.open_nursery() as nursery:
        await nursery.start(serve_hooks, home.socket, take)
        with trio.fail_after(30):
            async with home.hook(fill=1) as good:
                hook = await keep.receive()
                async with home.hook() as bad:
                    assert await bad.end() == ""
                assert await hook.answer(DENY) is True
                assert await good.end() != ""
        nursery.cancel_scope.cancel()
    assert "hooks: one that waits failed" in caplog.text


@pytest.mark.parametrize(
    ("said_by_hook", "how"),
    [
        (b'{"ctm":1,"op":"ended","signal":15}\n', "signal"),
        (b'{"ctm":1,"op":"ended","signal":0}\n', "signal"),
        (b'{"ctm":2,"op":"ended","signal":15}\n', "lost"),
        (b'{"ctm":1,"op":"printed","request":"%b"}\n' % REQUEST.encode(), "lost"),
        (b"rubbish\n", "lost"),
        (b"x" * 9000, "lost"),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_what_a_hook_says(home: Home, said_by_hook: bytes, how: str) -> None:
    """It was ended by a signal only if it says so; a word that makes no sense, as `printed` unasked, loses it."""
    async with home.daemon() as taken, await trio.open_unix_socket(str(home.socket)) as stream:
        await stream.send_all(HEAD + LINE + said_by_hook)
        hook = await taken.receive()
        assert (hook.request, hook.line, hook.client_pid) == (REQUEST, LINE, 17)
        assert await hook.ended() == how
        assert await hook.answer(DENY) is False


@pytest.mark.parametrize("pid", [b"2147483648", b"9999999999", b"99999999999999999999", b"-1", "٣".encode(), b"0", b""])
async def test_a_number_that_is_no_process(home: Home, pid: bytes) -> None:
    """It counts as unknown."""
    async with home.daemon() as taken, await trio.open_unix_socket(str(home.socket)) as stream:
        await stream.send_all(HEAD.replace(b'"17"', b'"%b"' % pid) + LINE)
        assert (await taken.receive()).client_pid == 0


@pytest.mark.parametrize("word", [b'{"ctm":1,"op":"printed","request":"%b"}\n' % (b"f" * 32), b"", b"silence"])
async def test_an_answer_that_is_not_confirmed(home: Home, monkeypatch: pytest.MonkeyPatch, word: bytes) -> None:
    """Another request's word, the end, or no word in time: it counts as not printed."""
    monkeypatch.setattr(held_hook, "TAKEN_S", 0.1)
    async with home.daemon() as taken, await trio.open_unix_socket(str(home.socket)) as stream:
        await stream.send_all(HEAD + LINE)
        hook = await taken.receive()
        got: list[bool] = []

        async def answer() -> None:
            got.append(await hook.answer(DENY))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            assert len(await heard(stream, 2)) == 2
            if word == b"":
                await stream.aclose()
            elif word != b"silence":
                await stream.send_all(word)
        assert got == [False]


CLIENT = r"""
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.settimeout(20)
try:
    s.sendall(sys.argv[2].encode())
    print(s.recv(100))
except ConnectionError:
    print(b"")
"""

SERVER = r"""
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(8)
print("ready")
c, _ = s.accept()
c.settimeout(20)
print(c.recv(100000))
"""


async def test_another_users_hook_is_sent_away(open_home: Home) -> None:
    """Also if the mode of the socket lets it in."""
    async with open_home.daemon() as taken:
        open_home.socket.chmod(0o666)
        words = (str(open_home.socket), (HEAD + LINE).decode())
        assert await trio.to_thread.run_sync(lambda: run_as_other(CLIENT, *words)) == "b''\n"
        with pytest.raises(trio.WouldBlock):
            taken.receive_nowait()


async def test_another_users_daemon_is_not_asked(open_home: Home) -> None:
    """A socket of another user is not connected to; one that is served by another user is told nothing."""
    with other_user(SERVER, str(open_home.socket)) as server:
        assert await trio.to_thread.run_sync(said, server) == "ready"
        async with open_home.hook() as waiting:
            assert await waiting.end() == ""
        assert open_home.socket.stat().st_uid == OTHER
        os.chown(open_home.socket, os.geteuid(), -1)
        async with open_home.hook() as waiting:
            assert await waiting.end() == ""
        # The first that came to it was the second hook, which left without a word.
        assert await trio.to_thread.run_sync(said, server) == "b''"


def test_the_credentials_are_those_of_the_peer() -> None:
    """What is compared is the uid of the other end."""
    ours, theirs = socket.socketpair()
    with theirs, trio.socket.from_stdlib_socket(ours) as end:
        assert hook_socket._peer_uid(end) == os.geteuid()
