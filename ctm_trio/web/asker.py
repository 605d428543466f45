"""Who sends a request: determined by the operating system, never from headers.

Source: PROTOCOL.md, Sign-up and login; Rate limits.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable

import msgspec
import trio

from ctm_trio.model.asker import Asker, is_loopback
from ctm_trio.web.asgi import Scope, header_of
from ctm_trio.web.hypercorn_adapter.straight import wire_of
from ctm_trio.web.origin import LOOPBACK_NAMES
from ctm_trio.web.wire import Wire

Address = tuple[str, int]

_STATE: int | None = getattr(socket, "TCP_INFO", None)
_STANDING = (1, 8)  # established, and: the client has said its last word

PASSED_ON = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"})
"""Headers of a program that asks for somebody else. They are believed only as far as they make us more careful."""


class Peers(msgspec.Struct, frozen=True):
    """How to find the owner of a connection.

    Attributes:
        uid: of our address and the peer's the peer's uid, None where it cannot be told; `system.peers.peer_uid`.
        quick: it takes microseconds; else it must be called in a thread.
        tells: this system names the owner of every connection of the machine that a program still holds. Linux does,
            whichever way it is asked.
    """

    uid: Callable[[Address, Address], int | None]
    quick: bool
    tells: bool = sys.platform == "linux"

    def at_once(self, sock: trio.socket.SocketType) -> int | None:
        """The uid at the other end of a connection, if that can be found out without waiting."""
        return self._find(sock) if self.quick else None

    async def find(self, wire: Wire) -> int | None:
        """The same, waiting for it if need be."""
        if wire.uid is None and not self.quick:
            wire.uid = await trio.to_thread.run_sync(self._find, wire.socket)
        return wire.uid

    def _find(self, sock: trio.socket.SocketType) -> int | None:
        try:
            uid = self.uid(sock.getsockname()[:2], sock.getpeername()[:2])
            # While our end stands nobody else can have had the client's address and port.
            stands = _STATE is None or sock.getsockopt(socket.IPPROTO_TCP, _STATE, 1)[0] in _STANDING
        except OSError:
            return None  # the client is gone
        return uid if stands else None


NO_PEERS = Peers(lambda ours, theirs: None, quick=False, tells=False)
"""Where nothing can be told: everybody is a stranger."""


async def asker_of(scope: Scope, peers: Peers) -> Asker:
    """Who sends this request."""
    uid = await peers.find(wire_of(scope))
    address = (scope.get("client") or ("",))[0]
    gone = uid is None and peers.tells and is_loopback(address)
    return Asker(address, uid, uid is not None and uid == os.geteuid(), _is_direct(scope), gone)


def _is_direct(scope: Scope) -> bool:
    """False if the request came through another program that was asked in our place."""
    host = (header_of(scope, b"host") or "").lower()
    name = host[: host.rfind(":")] if host.rfind(":") > host.rfind("]") else host
    return name in LOOPBACK_NAMES and not any(header in PASSED_ON for header, _ in scope["headers"])
