"""One hook that waits: what it handed over, and what can be said to it. `system.hook_socket` makes them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import trio

MAX_MESSAGE_BYTES = 4096
"""Longest message of a hook, its line aside."""

MAX_ANSWER_BYTES = 8 << 20
"""Longest message that a hook takes."""

SEND_S = 2.0
"""How long a hook may take to read a message that is no answer."""

TAKEN_S = 5.0
"""How long a hook may take to say that it printed the answer. Source: PROTOCOL.md, Requests."""

SIGNAL, LOST = "signal", "lost"
"""How a hook ended: by a signal (the client ended it), or in any other way."""


class _Word(msgspec.Struct, frozen=True):
    """A message of a hook after its first."""

    ctm: int
    op: str
    request: str = ""


_word = msgspec.json.Decoder(_Word)


class HeldHook:
    """A hook that waits for an answer. It ends when whoever took it returns.

    Args:
        stream: the connection, which `system.hook_socket` closes.
        request: the stamp of its request, 32 hex digits.
        line: its log line, as it was written but for the line break. Nothing in it is checked.
        client_pid: the client's, 0 if unknown.
        rest: what came behind the line.
    """

    def __init__(
        self, stream: trio.SocketStream, request: str, line: bytes, client_pid: int, rest: bytes = b""
    ) -> None:
        self.request, self.line, self.client_pid = request, line, client_pid
        self._stream, self._read = stream, bytearray(rest)
        self._sending = trio.Lock()
        self._answered = self._printed = False
        self._how = LOST
        self._settled = trio.Event()  # it printed, or it ended
        self._over = trio.Event()

    async def wait(self) -> None:
        """Tell the hook that it is held; without this word it ends after two seconds."""
        await self._send(b'{"ctm":1,"op":"wait","request":"%b"}\n' % self.request.encode(), SEND_S)

    async def answer(self, decision: Mapping[str, object]) -> bool:
        """Let the hook print this and end. True once it said that it did; the client has it then.

        False if it had ended, ended before that, did not say so within `TAKEN_S`, or was answered before: what has
        become of it is then for the client's next sign to say. Safe beside a task in `ended`. A cancellation in here
        may come after the hook has printed.

        Args:
            decision: as Claude Code reads it from a hook's standard output.
        """
        body = msgspec.json.encode(decision)
        message = b'{"ctm":1,"op":"answer","request":"%b","print":%b}\n' % (self.request.encode(), body)
        if self._answered or self._over.is_set() or len(message) > MAX_ANSWER_BYTES:
            return False
        self._answered = True
        with trio.move_on_after(TAKEN_S):
            await self._send(message, TAKEN_S)
            await self._settled.wait()
        return self._printed

    async def release(self) -> None:
        """Let the hook end without a word: the dialog in the terminal decides."""
        await self._send(b'{"ctm":1,"op":"release","request":"%b"}\n' % self.request.encode(), SEND_S)

    async def ended(self) -> str:
        """Wait until the hook's end of the connection goes, and say how: `SIGNAL` or `LOST`."""
        await self._over.wait()
        return self._how

    async def _send(self, message: bytes, limit_s: float) -> None:
        """Send a message; one that has gone, or does not read, learns nothing."""
        with trio.move_on_after(limit_s):
            async with self._sending:
                try:
                    await self._stream.send_all(message)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    pass  # `listen` sees it too

    async def listen(self) -> None:
        """Hear what the hook says until it has gone, or says what it should not. One task of its connection does it."""
        try:
            while self._understand() and len(self._read) <= MAX_MESSAGE_BYTES:
                try:
                    more = await self._stream.receive_some(MAX_MESSAGE_BYTES)
                except trio.BrokenResourceError:
                    return
                if not more:
                    return
                self._read += more
        finally:
            self._settled.set()
            self._over.set()

    def _understand(self) -> bool:
        """Take the whole messages that have come; False when nothing more is to be heard."""
        while (end := self._read.find(b"\n")) >= 0:
            line = bytes(self._read[:end])
            del self._read[: end + 1]
            try:
                word = _word.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return False
            if word.ctm != 1:
                return False
            if word.op == "ended":
                self._how = SIGNAL
                return False
            if word.op != "printed" or word.request != self.request or not self._answered:
                return False
            self._printed = True
            self._settled.set()
        return True
