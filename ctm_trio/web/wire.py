"""One client's socket: sends with a deadline on progress, and can be torn down at once.

`trio.SocketStream` would do but for three things that a daemon needs: a client that stops reading must be cut, a
blocked send must end when we say so, and a chunk that fits the socket's buffer should cost one system call.
"""

from __future__ import annotations

import os
import socket
import struct

import trio

SEND_TIMEOUT_S = 30.0
"""A client that takes no byte for this long while we have some for it is cut.
Source: PROTOCOL.md, Connections and limits."""

FAIR_EVERY = 16
"""Sends that may go through without a checkpoint, so that one busy stream cannot hold the loop."""

_LINGER_NONE = struct.pack("ii", 1, 0)


class Wire(trio.abc.HalfCloseableStream):
    """A guarded socket stream.

    Args:
        sock: a connected Trio socket; closed by `aclose` or `abort`.
        send_timeout_s: see `SEND_TIMEOUT_S`.
    """

    def __init__(self, sock: trio.socket.SocketType, *, send_timeout_s: float = SEND_TIMEOUT_S) -> None:
        self.socket = sock
        self.uid: int | None = None
        """Of the program at the other end; None where it cannot be told, or was not asked yet."""
        self.trusted = False
        """True once a request over this connection had a valid token."""
        self._fd = sock.fileno()
        self._timeout_s = send_timeout_s
        self._busy = trio.Lock()
        self._burst = 0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything, in the order of the calls; several tasks may send.

        A send that is cancelled or times out in the middle of its data aborts the connection, because what comes
        next could not be understood any more.

        Raises:
            trio.ClosedResourceError: closed on our side.
            trio.BrokenResourceError: the client is gone, or took no byte for `send_timeout_s`.
        """
        sent = self.send_nowait(data)
        if sent < len(data):
            await self.send_rest(data, sent)
            return
        self._burst = (self._burst + 1) % FAIR_EVERY
        if not self._burst:
            await trio.lowlevel.checkpoint()

    def send_nowait(self, data: bytes | bytearray | memoryview) -> int:
        """Send what the socket takes at once: how many bytes. Of what is left `send_rest` must be told next.

        For who sends from a loop with a checkpoint of its own. Raises as `send_all`.
        """
        if self.socket.fileno() < 0:
            raise trio.ClosedResourceError("this connection is closed")
        return 0 if self._busy.locked() else self._try(data)

    async def send_rest(self, data: bytes | bytearray | memoryview, sent: int) -> None:
        """Send all but the first `sent` bytes, which `send_nowait` has sent a moment ago. Raises as `send_all`."""
        await self._send_slowly(memoryview(data)[sent:], begun=sent > 0)

    def _try(self, data: bytes | bytearray | memoryview) -> int:
        """Bytes that the socket took without waiting."""
        try:
            return os.write(self._fd, data)  # Trio's sockets are non-blocking
        except BlockingIOError:
            return 0
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error

    async def _send_slowly(self, rest: memoryview, *, begun: bool) -> None:
        try:
            async with self._busy:
                while rest:
                    with trio.move_on_after(self._timeout_s) as patience:
                        await trio.lowlevel.wait_writable(self.socket)
                    if patience.cancelled_caught:
                        raise trio.BrokenResourceError("the client does not read")
                    if self.socket.fileno() < 0:
                        raise trio.ClosedResourceError("this connection is closed")
                    taken = self._try(rest)
                    begun = begun or taken > 0
                    rest = rest[taken:]
        except BaseException:  # whatever ends it, half a message is worse than none
            if begun:
                self.abort()
            raise
        finally:
            rest.release()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the socket takes bytes again."""
        await trio.lowlevel.wait_writable(self.socket)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """At most `max_bytes` (64 KiB) from the client, b"" at its end."""
        if self.socket.fileno() < 0:
            raise trio.ClosedResourceError("this connection is closed")
        try:
            return await self.socket.recv(max_bytes or 65536)
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error

    async def send_eof(self) -> None:
        """Tell the client that nothing more comes."""
        self.finish()
        await trio.lowlevel.checkpoint()

    def finish(self) -> None:
        """`send_eof` without a checkpoint; harmless if the client is gone."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # not connected any more: the aim is reached

    async def aclose(self) -> None:
        """Close the socket."""
        self.socket.close()
        await trio.lowlevel.checkpoint()

    def abort(self) -> None:
        """Reset the connection now. A send or receive that waits in another task ends with an error."""
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        except OSError:
            pass  # gone already
        self.socket.close()
