"""Which user is at the other end of a TCP connection of this machine, and who listens on a port.

Linux tells the uid of every TCP socket: asked for one socket by netlink (`sock_diag`, some microseconds), else read
from `/proc/net/tcp` and `tcp6` (milliseconds). Where neither tells it the answer is None, "it cannot be told": never
take that for a user. No imports but the standard library's small ones: the command line uses this too.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

Address = tuple[str, int]
"""Host as a numeric address, and port."""

LISTEN = 10
CONNECTED = frozenset({1, 4, 5, 8})
"""States of a connection whose socket a process still may hold: established, or one side has closed."""

ANSWER_S = 0.2
"""How long the kernel may take to answer; it does so within the call that asks."""

MAX_TABLE_BYTES = 64 << 20
"""Of `/proc/net/tcp`: some 400,000 sockets. What lies behind that is not found."""

_REQUEST = struct.Struct("=IHHIIBBBBI")  # nlmsghdr, then the head of inet_diag_req_v2
_BY_FAMILY, _ERROR = 20, 2  # SOCK_DIAG_BY_FAMILY, NLMSG_ERROR
_NETLINK_SOCK_DIAG = 4
_AF_NETLINK: int | None = getattr(socket, "AF_NETLINK", None)  # Linux alone has it
_UID_AT = 16 + 4 + 48 + 12  # behind nlmsghdr, states, inet_diag_sockid, and three words
_ANY = {socket.AF_INET: bytes(4), socket.AF_INET6: bytes(16)}
_MAPPED = bytes(10) + b"\xff\xff"


class Connection(NamedTuple):
    """A connection of this machine, or what is left of one.

    Attributes:
        theirs: the address at its other end.
        uid: whose it is, or was.
        held: a process still has it; else the system alone does, for a minute (TIME_WAIT).
    """

    theirs: Address
    uid: int
    held: bool


class _NoAnswer(Exception):
    """The kernel does not answer questions about single sockets here."""


def peer_uid(ours: Address, theirs: Address) -> int | None:
    """The uid of the process at the other end of a connection; None where it cannot be told.

    Ask while the connection stands and before anything from it is believed. A socket that its process has closed
    belongs to nobody (the kernel shows it as root's), so a client that is gone already is None.

    Args:
        ours: `getsockname()` of our end.
        theirs: `getpeername()` of our end.
    """
    if not _on_this_machine(theirs):
        return None
    return _owner(theirs, ours, CONNECTED)


def listener_uid(port: int, host: str = "127.0.0.1") -> int | None:
    """The uid that owns the socket which takes connections to this port; None if nobody does, or it cannot be told."""
    if not _on_this_machine((host, port)):
        return None
    return _owner((host, port), None, frozenset({LISTEN}))


def connections_at(port: int, host: str = "127.0.0.1") -> list[Connection]:
    """The connections whose own end is this address; none where it cannot be told. Takes milliseconds."""
    here = _packed((host, port))
    try:
        return [
            Connection(
                (socket.inet_ntop(socket.AF_INET if len(far) == 4 else socket.AF_INET6, far), far_port), uid, inode > 0
            )
            for ours, (far, far_port), state, uid, inode in _rows()
            if ours == here and state != LISTEN
        ]
    except (OSError, ValueError):
        return []


def server_uid(ours: Address, theirs: Address) -> int | None:
    """The uid that serves a connection of ours: of the accepted socket, else of who listens there.

    Args:
        ours, theirs: as for `peer_uid`, seen from the client.
    """
    accepted = peer_uid(ours, theirs)
    return listener_uid(theirs[1], theirs[0]) if accepted is None else accepted


def is_foreign(uid: int | None) -> bool:
    """True for a user who is neither us nor root; what cannot be told is not foreign."""
    return uid is not None and uid not in (os.geteuid(), 0)


@lru_cache(maxsize=1)
def quick() -> bool:
    """True if a question takes microseconds; else ask in a thread."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            probe.listen(1)
            return _ask(socket.AF_INET, _packed(probe.getsockname()), None) is not None
    except (OSError, _NoAnswer):
        return False


def _owner(local: Address, remote: Address | None, states: frozenset[int]) -> int | None:
    """The owner of the socket with these ends, if it is in one of these states and a process holds it."""
    here, there = _packed(local), None if remote is None else _packed(remote)
    try:
        if quick():
            found = _ask(socket.AF_INET if len(here[0]) == 4 else socket.AF_INET6, here, there)
        else:
            found = _look_up(here, there, states)
    except (OSError, ValueError, _NoAnswer):
        return None
    if found is None:
        return None
    state, uid, inode = found
    return uid if state in states and inode and not (uid == _overflow_uid() and _some_uids_are_hidden()) else None


def _on_this_machine(address: Address) -> bool:
    try:
        packed = _packed(address)[0]
    except OSError:
        return False
    return packed[:1] == b"\x7f" if len(packed) == 4 else packed == bytes(15) + b"\x01"


def _packed(address: Address) -> tuple[bytes, int]:
    """An address in network order; one written as an IPv4-mapped IPv6 address as IPv4. Raises OSError for a name."""
    host, port = address[0], address[1]
    if ":" not in host:
        return socket.inet_pton(socket.AF_INET, host), port
    packed = socket.inet_pton(socket.AF_INET6, host)
    return (packed[12:] if packed.startswith(_MAPPED) else packed), port


def _ask(family: int, local: tuple[bytes, int], remote: tuple[bytes, int] | None) -> tuple[int, int, int] | None:
    """State, uid and inode of one socket from the kernel; None if there is no such socket."""
    far, far_port = remote or (_ANY[socket.AddressFamily(family)], 0)
    if len(far) != len(local[0]):
        return None
    wanted = struct.pack(">HH16s16s", local[1], far_port, local[0], far) + struct.pack(
        "=III", 0, 0xFFFFFFFF, 0xFFFFFFFF
    )
    head = _REQUEST.pack(_REQUEST.size + len(wanted), _BY_FAMILY, 1, 1, 0, family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    if _AF_NETLINK is None:
        raise _NoAnswer
    with socket.socket(_AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(ANSWER_S)
        kernel.sendto(head + wanted, (0, 0))
        answer = kernel.recv(8192)
    kind = struct.unpack_from("=H", answer, 4)[0] if len(answer) >= 20 else 0
    if kind == _ERROR:
        return None
    if kind != _BY_FAMILY or len(answer) < _UID_AT + 8:
        raise _NoAnswer
    uid, inode = struct.unpack_from("=II", answer, _UID_AT)
    return answer[17], uid, inode


def _look_up(
    local: tuple[bytes, int], remote: tuple[bytes, int] | None, states: frozenset[int]
) -> tuple[int, int, int] | None:
    """The same from the tables in /proc. For a listener the row with the address itself counts before "any address"."""
    best: tuple[int, int, int] | None = None
    for here, there, state, uid, inode in _rows():
        if state not in states or not inode or here[1] != local[1]:
            continue
        if remote is None:
            if here[0] == local[0]:
                return state, uid, inode
            if not any(here[0]) and (len(here[0]) == 16 or len(local[0]) == 4):
                best = best or (state, uid, inode)
        elif here[0] == local[0] and there == remote:
            return state, uid, inode
    return best


Row = tuple[tuple[bytes, int], tuple[bytes, int], int, int, int]


def _rows() -> Iterator[Row]:
    """Every TCP socket of our network namespace: local and remote address, state, uid, inode."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, "rb") as file:
                lines = file.read(MAX_TABLE_BYTES).split(b"\n")[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            words = line.split()
            if len(words) > 9:
                yield _end(words[1]), _end(words[2]), int(words[3], 16), int(words[7]), int(words[9])


def _end(word: bytes) -> tuple[bytes, int]:
    """`0100007F:9392`: 32-bit words in the machine's own order."""
    digits, _, port = word.partition(b":")
    packed = b"".join(struct.pack("=I", int(digits[i : i + 8], 16)) for i in range(0, len(digits), 8))
    return (packed[12:] if packed.startswith(_MAPPED) else packed), int(port, 16)


@lru_cache(maxsize=1)
def _overflow_uid() -> int:
    """What the kernel shows for a uid that our user namespace has no number for."""
    try:
        with open("/proc/sys/kernel/overflowuid", "rb") as file:
            return int(file.read(32))
    except (OSError, ValueError):
        return 65534


@lru_cache(maxsize=1)
def _some_uids_are_hidden() -> bool:
    """True inside a user namespace: the overflow uid may stand for anybody there."""
    try:
        with open("/proc/self/uid_map", "rb") as file:
            return file.read(4096).split() != [b"0", b"0", b"4294967295"]
    except OSError:
        return False
