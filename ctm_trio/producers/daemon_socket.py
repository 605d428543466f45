"""The daemon's Unix socket in our directory: connected to only if it is ours, and served by us or by root.

Imported by the hook only for an event that asks a person.
"""

from __future__ import annotations

import sys
import time

from ctm_trio.producers.trouble import Trouble

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
    import socket as _socket
else:
    import _socket
    import posix

SOCKET_NAME = "ctm-trio.sock"
"""Source: PROTOCOL.md, Files and directories."""

MAX_PATH_BYTES = 100
"""A longer path may not fit into a socket's address, which has room for 103 to 107 bytes."""

TRY_EVERY_S = 0.02
"""How often a daemon that has many waiting at its door is tried again. The system tells nobody when there is room."""


def connect(config_dir: str, within_s: float) -> _socket.socket:
    """A connection to the daemon of this directory. The caller closes it.

    Raises:
        Trouble: what is there is not a socket of ours, or is served by another user.
        OSError: nobody serves, or had no room for us within `within_s`.
    """
    path = f"{config_dir}/{SOCKET_NAME}"
    status = posix.lstat(path)
    if status.st_mode & 0o170000 != 0o140000 or status.st_uid != posix.geteuid():
        raise Trouble(f"{path} is not a socket of ours")
    directory = -1
    if len(path.encode(sys.getfilesystemencoding(), "surrogateescape")) > MAX_PATH_BYTES:
        directory = posix.open(config_dir, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC)
    try:
        if directory >= 0 and _is_there(f"/proc/self/fd/{directory}"):
            path = f"/proc/self/fd/{directory}/{SOCKET_NAME}"
        return _connected(path, time.monotonic() + within_s)
    finally:
        if directory >= 0:
            posix.close(directory)


def _is_there(path: str) -> bool:
    try:
        posix.stat(path)
        return True
    except OSError:
        return False


def _connected(path: str, until: float) -> _socket.socket:
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        while True:
            try:
                sock.connect(path)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise
                time.sleep(TRY_EVERY_S)
        uid = _server_uid(sock)
        if uid not in (posix.geteuid(), 0):
            raise Trouble(f"{path} is served by another user")
    except BaseException:  # whatever it is, nobody else could close it
        sock.close()
        raise
    return sock


def _server_uid(sock: _socket.socket) -> int:
    """Whose program listens there; our own uid where the system does not tell."""
    option = getattr(_socket, "SO_PEERCRED", None)
    if option is None:
        return posix.geteuid()
    credentials = sock.getsockopt(_socket.SOL_SOCKET, option, 12)  # pid, uid, gid
    return int.from_bytes(credentials[4:8], sys.byteorder)
