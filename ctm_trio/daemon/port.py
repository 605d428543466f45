"""The daemon's port: bound, or who has it. Source: PROTOCOL.md, Starting and stopping."""

from __future__ import annotations

import errno
import re
import select
import socket
import time
from contextlib import ExitStack
from enum import Enum
from pathlib import Path

from ctm_trio.system.instance_lock import SERVE, read_holder
from ctm_trio.system.peers import connections_at, is_foreign, listener_uid

HOST = "127.0.0.1"
PROBE_S = 0.2
"""How long a connection to the listener may take."""

PROBES, PROBE_EVERY_S = 10, 0.3
"""How often a silent listener is asked, and how long after each time an answer is waited for: three seconds in all. A
sibling may have only just started. Source: PROTOCOL.md, Starting and stopping."""

CHOOSE = "Another program has it. Choose another port with --port or serve.port."
"""What to do, on a line of its own below the one that clients of the daemon know."""

MAX_HEAD_BYTES = 16_384

WAIT_S = 5.0
"""How long a port that is in use and that nobody listens on is tried again. Linux gives the ports from 32768 up to any
program's connections, the usual one of ours too."""

TRY_EVERY_S = 0.1


class AlreadyRunning(Exception):
    """Another daemon of ours answers on the port. Source: PROTOCOL.md, Starting and stopping."""


class PortTaken(Exception):
    """Something that is not ours has the port."""


class Listener(Enum):
    """Who listens on a port: nobody, a daemon of ours, something else, or something that says nothing at all."""

    NOBODY = 0
    OURS = 1
    OTHER = 2
    SILENT = 3


def bind(port: int, root: Path) -> socket.socket:
    """A socket that listens on the port; 0 for any free one. Blocks for some seconds if it is in use.

    Args:
        root: the configuration directory, whose lock names a daemon that hangs.

    Raises:
        AlreadyRunning: a sibling listens there.
        PortTaken: the port cannot be used; the text says who has it.
    """
    ends_at = time.monotonic() + WAIT_S
    while True:
        try:
            return _listening(port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise PortTaken(f"port {port} cannot be used: {error.strerror}") from None
        _refuse_listener(port, root)
        if time.monotonic() >= ends_at:
            raise PortTaken(_in_use(port))
        time.sleep(TRY_EVERY_S)


def _listening(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


def _refuse_listener(port: int, root: Path) -> None:
    """Nothing, if nobody listens there.

    Raises:
        AlreadyRunning: a sibling does.
        PortTaken: somebody else does, or a sibling that does not answer.
    """
    uid = listener_uid(port)
    other = f"port {port} in use by a non-ctm-serve listener; refusing to bind"
    if is_foreign(uid):  # whatever it says of itself: its answer could be made to keep us from starting
        raise PortTaken(f"{other} (it belongs to another user, uid {uid})\n{CHOOSE}")
    who = who_listens(port)
    if who is Listener.OURS:
        raise AlreadyRunning(f"a daemon runs on http://{HOST}:{port} already; nothing was started")
    if who is Listener.SILENT:
        holder = read_holder(root)
        if holder is not None and (holder.work, holder.port) == (SERVE, port):
            what = f"the daemon (process {holder.pid}) has port {port} and does not answer"
            raise PortTaken(f"{what}; it is stopped, or it hangs: `kill -9 {holder.pid}` ends it")
    if who is not Listener.NOBODY:
        raise PortTaken(f"{other}\n{CHOOSE}")


def _in_use(port: int) -> str:
    """Who has a port that nobody listens on, as a sentence with the cure."""
    found = connections_at(port, HOST)
    cure = "try again then, or set another serve.port"
    for connection in found:
        if connection.held:
            host, far = connection.theirs
            what = f"a connection of uid {connection.uid} to {host}:{far} has it as its own end until it ends"
            return f"port {port} is in use, though nobody listens there: {what}; {cure}"
    if found:
        what = "a connection that has ended had it, and the system keeps it for up to a minute"
        return f"port {port} is in use, though nobody listens there: {what}; {cure}"
    return f"port {port} is in use, though nobody listens there: a program has bound it; set another serve.port"


def who_listens(port: int) -> Listener:
    """Ask who it is. Silence is asked again: a daemon that has only just started may not answer yet.

    What was asked before is waited for as well: a busy daemon answers late, but it answers.
    """
    asked: dict[socket.socket, bytearray] = {}
    with ExitStack() as held:
        for _ in range(PROBES):
            try:
                connection = _ask(port)
            except ConnectionRefusedError:
                return Listener.NOBODY
            if connection is not None:
                asked[held.enter_context(connection)] = bytearray()
            head = _first_head(asked, time.monotonic() + PROBE_EVERY_S)
            if head is not None:
                return _judged(head)
    return Listener.OTHER if any(asked.values()) else Listener.SILENT  # half an answer is not ours


def _judged(head: bytes) -> Listener:
    status, *fields = head.split(b"\r\n")
    names = [field.split(b":", 1)[0].strip().lower() for field in fields]
    ours = re.fullmatch(rb"HTTP/1\.[01] 200( .*)?", status) is not None and b"x-ctm-serve" in names
    return Listener.OURS if ours else Listener.OTHER


def _ask(port: int) -> socket.socket | None:
    """A connection on which GET /healthz was sent; None if there is none now.

    Raises:
        ConnectionRefusedError: nobody listens there.
    """
    try:
        connection = socket.create_connection((HOST, port), PROBE_S)
    except ConnectionRefusedError:
        raise
    except OSError:
        return None
    try:
        if connection.getsockname() == connection.getpeername():  # TCP allows that, where nobody listens
            raise ConnectionRefusedError(errno.ECONNREFUSED, "it is our own end")
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: %b:%d\r\nConnection: close\r\n\r\n" % (HOST.encode(), port))
        connection.setblocking(False)
    except ConnectionRefusedError:
        connection.close()
        raise
    except OSError:
        connection.close()
        return None
    return connection


def _first_head(asked: dict[socket.socket, bytearray], ends_at: float) -> bytes | None:
    """The head of the first answer that comes; b"" for something else than an answer, None for nothing in time.

    Args:
        asked: connections and what came on them; one that breaks is removed.
        ends_at: on the monotonic clock.
    """
    while (left := ends_at - time.monotonic()) > 0:
        for connection in select.select(list(asked), (), (), left)[0]:
            answer = asked[connection]
            try:
                chunk = connection.recv(4096)
            except BlockingIOError:
                continue
            except OSError:
                del asked[connection]  # reset
                continue
            if not chunk or len(answer) > MAX_HEAD_BYTES:
                return b""  # it ended in the middle, or never ends
            answer += chunk
            if b"\r\n\r\n" in answer:
                return bytes(answer.partition(b"\r\n\r\n")[0])
    return None
