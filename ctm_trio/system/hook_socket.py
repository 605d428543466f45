"""The Unix socket on which hooks wait for a person's answer. The conversation is written down in `producers/hold.py`.

Another user of the machine cannot reach it (0600, in a directory of ours), and is sent away if they do. What a hook of
ours sends is bounded in size and time; what comes after its line is read by one task of its connection alone.
Source: PROTOCOL.md, Requests.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec
import trio

from ctm_trio.core.confine import confined
from ctm_trio.errors.base import CtmError
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.pids import pid_of
from ctm_trio.system.held_hook import MAX_MESSAGE_BYTES, HeldHook
from ctm_trio.system.peers import is_foreign

log = logging.getLogger("ctm.hooks")

SOCKET_NAME = "ctm-trio.sock"

MAX_HELD = 2000
"""Hooks that are connected at the same time; one more is sent away, and its dialog in the terminal decides."""

READ_S = 5.0
"""How long a hook may take to hand over its line."""

MAX_LINE_BYTES = 4 << 20
"""Longest log line; a hook does not ask for a longer one."""

READ_BYTES = 64 << 10

BACKLOG = 512
"""Hooks that may wait at the door; one that finds no room there tries again for two seconds."""

NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
NO_DESCRIPTORS_S = 0.1
"""How long to wait for a free descriptor: nothing tells when there is one again."""

OURS = stat.S_IRUSR | stat.S_IWUSR
"""Without these a hook of ours cannot connect."""

THERE_S = 1.0
"""How often it is looked whether the socket still stands at its place, and how soon it is tried again to make it."""

MAX_PATH_BYTES = 100
"""A longer path may not fit into a socket's address, which has room for 103 to 107 bytes."""


class SocketInTheWay(CtmError):
    """Something else than a socket is where ours belongs, and is left alone."""

    code, status = "socket_in_the_way", 500


class _Hold(msgspec.Struct, frozen=True):
    """A hook's first message."""

    ctm: int
    op: str
    request: str
    bytes: int
    client_pid: str = ""


_hold = msgspec.json.Decoder(_Hold)


async def serve_hooks(
    path: Path,
    take: Callable[[HeldHook], Awaitable[None]],
    *,
    begun: Callable[[], object] = bool,
    lost: Callable[[str], object] = len,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Serve hooks until cancelled. Their connections are closed then, so that they end without a decision.

    The socket of a daemon that was killed is replaced; the lock of the directory says that no other daemon serves it.
    One that vanishes, or whose place something else takes, is made again; hooks that wait already go on.

    Args:
        path: of the socket, in the configuration directory, which exists.
        take: called in a task of its own for each hook that has handed over its line; when it ends, in whatever way,
            the connection is closed, and a hook that was not answered prints nothing.
        begun: called whenever hooks can connect. lost: called with the reason when they cannot any more.
        task_status: `started()` when they can for the first time.

    Raises:
        SocketInTheWay: something else than a socket is at `path`, at the start.
        OSError: the socket cannot be made, at the start.
    """
    with ExitStack() as first:
        listening = first.enter_context(_listening(path))
        async with trio.open_nursery() as hooks:
            door = _Door(hooks, take)
            begun()
            task_status.started()
            await door.open_while_there(listening, path)
            first.close()
            await _serve_again(path, door, begun, lost)
    raise AssertionError("unreachable")


async def _serve_again(path: Path, door: _Door, begun: Callable[[], object], lost: Callable[[str], object]) -> NoReturn:
    """The socket has vanished: make it again, as often as that happens."""
    while True:
        lost(f"{path} was removed, replaced or closed to us. It is made again.")
        try:
            with _listening(path) as listening:
                begun()
                await door.open_while_there(listening, path)
        except (OSError, SocketInTheWay) as error:
            lost(str(error))
            await trio.sleep(THERE_S)


class _Door:
    """Lets hooks in, from whichever socket stands at the place at the moment."""

    def __init__(self, hooks: trio.Nursery, take: Callable[[HeldHook], Awaitable[None]]) -> None:
        self._hooks = hooks
        self._take = take
        self._live = 0

    async def open_while_there(self, listening: tuple[socket.socket, os.stat_result], path: Path) -> None:
        """Let hooks in until the socket is not the one at its place any more."""
        sock, made = listening
        with trio.socket.from_stdlib_socket(sock) as listener:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._accept, listener)
                while True:
                    await trio.sleep(THERE_S)
                    if not await trio.to_thread.run_sync(_is_ours, path, made, abandon_on_cancel=True):
                        break
                nursery.cancel_scope.cancel()

    async def _accept(self, listener: trio.socket.SocketType) -> NoReturn:
        try:
            while True:
                try:
                    sock, _ = await listener.accept()
                except OSError as error:
                    if error.errno in NO_DESCRIPTORS:
                        await trio.sleep(NO_DESCRIPTORS_S)
                    continue
                if self._live >= MAX_HELD or is_foreign(_peer_uid(sock)):
                    sock.close()
                    continue
                self._live += 1
                work = partial(self._serve_one, sock)
                self._hooks.start_soon(confined, "hooks: one that waits", work, name="held hook")
        finally:
            listener.close()  # before the hooks are cut: they try at once to come back

    async def _serve_one(self, sock: trio.socket.SocketType) -> None:
        try:
            with sock:
                await _serve(trio.SocketStream(sock), self._take)
        finally:
            self._live -= 1


def _is_ours(path: Path, made: os.stat_result) -> bool:
    """True if the socket that we made still stands at its place, and hooks may connect to it."""
    try:
        here = os.lstat(path)
    except OSError:
        return False
    return os.path.samestat(here, made) and here.st_mode & OURS == OURS


async def _serve(stream: trio.SocketStream, take: Callable[[HeldHook], Awaitable[None]]) -> None:
    """Read what a hook hands over, and let it be taken. What is not understood is closed without a word."""
    hook = None
    with trio.move_on_after(READ_S), suppress(trio.BrokenResourceError):
        hook = await _handed_over(stream)
    if hook is None:
        return
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hook.listen, name="held hook's end")
        await take(hook)
        nursery.cancel_scope.cancel()


async def _handed_over(stream: trio.SocketStream) -> HeldHook | None:
    data = bytearray()
    while (end := data.find(b"\n")) < 0:
        if len(data) > MAX_MESSAGE_BYTES:
            return None
        more = await stream.receive_some(READ_BYTES)
        if not more:
            return None
        data += more
    try:
        head = _hold.decode(data[:end])
    except BAD_JSON:
        return None
    good = head.ctm == 1 and head.op == "hold" and _is_request(head.request) and 0 < head.bytes <= MAX_LINE_BYTES
    if end > MAX_MESSAGE_BYTES or not good:
        return None
    del data[: end + 1]
    while len(data) < head.bytes:
        more = await stream.receive_some(READ_BYTES)
        if not more:
            return None
        data += more
    return HeldHook(stream, head.request, bytes(data[: head.bytes]), pid_of(head.client_pid), bytes(data[head.bytes :]))


def _is_request(text: str) -> bool:
    return len(text) == 32 and all(c in "0123456789abcdef" for c in text)


def _peer_uid(sock: trio.socket.SocketType) -> int | None:
    """Whose program has connected; None where the system does not tell, and the socket's mode must do."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    try:
        uid: int = struct.unpack("=iII", sock.getsockopt(socket.SOL_SOCKET, option, 12))[1]
    except OSError:
        return -1  # it has gone; nobody has this uid
    return uid


@contextmanager
def _listening(path: Path) -> Iterator[tuple[socket.socket, os.stat_result]]:
    """A socket that listens at `path`, for us alone, and its file; that is taken away at the end if it is still there.

    It is made beside its place and moved there, so that it is never there with another mode, and a stale one goes.
    """
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(FileNotFoundError):
            if not stat.S_ISSOCK(os.stat(path.name, dir_fd=directory, follow_symlinks=False).st_mode):
                text = f"{path} is not a socket, so it was left alone and no hook can wait for an answer."
                raise SocketInTheWay(f"{text} Move it away.")
        name = f".{path.name}.{secrets.token_hex(6)}.tmp"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            try:
                sock.bind(_address(path.parent, directory, name))
                os.chmod(name, 0o600, dir_fd=directory)
                sock.listen(BACKLOG)
                made = os.stat(name, dir_fd=directory, follow_symlinks=False)
                os.rename(name, path.name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:  # whatever ends it, nothing is left behind
                with suppress(OSError):
                    os.unlink(name, dir_fd=directory)
                raise
            try:
                yield sock, made
            finally:
                with suppress(OSError):
                    if os.path.samestat(os.stat(path.name, dir_fd=directory, follow_symlinks=False), made):
                        os.unlink(path.name, dir_fd=directory)
    finally:
        os.close(directory)


def _address(parent: Path, directory: int, name: str) -> str:
    """The address of a socket in a directory, by the directory's descriptor if its path is too long."""
    path = str(parent / name)
    through = f"/proc/self/fd/{directory}"
    return f"{through}/{name}" if len(os.fsencode(path)) > MAX_PATH_BYTES and os.path.isdir(through) else path
