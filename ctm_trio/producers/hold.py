"""A hook that holds: it asks the daemon for a person's answer, waits, and prints it. Silence decides nothing.

Imported by the hook only for `PermissionRequest`. Whatever goes wrong, nothing is printed, and the dialog in the
terminal decides. Source: PROTOCOL.md, Requests.

The conversation, version 1. Each message is one line of JSON, written exactly so (no blanks, keys in this order):

    hook:   {"ctm":1,"op":"hold","request":"HEX","bytes":N,"client_pid":"PID"}   then the log line's N bytes
    daemon: {"ctm":1,"op":"wait","request":"HEX"}
    daemon: {"ctm":1,"op":"answer","request":"HEX","print":{…}}   or   {"ctm":1,"op":"release","request":"HEX"}
    hook:   {"ctm":1,"op":"printed","request":"HEX"}   once all of `print` is written
    hook:   {"ctm":1,"op":"ended","signal":15}   instead, if a signal ends it

A hook whose shell alone was ended says the signal 0.
"""

from __future__ import annotations

import select
import time

from ctm_trio.producers.client_watch import ClientWatch, Gone, ShellGone
from ctm_trio.producers.daemon_socket import connect
from ctm_trio.producers.environment import environ
from ctm_trio.producers.payload import parse_object
from ctm_trio.producers.trouble import Trouble

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
    import signal as _signal
    import socket as _socket
    from collections.abc import Iterator, Sequence
    from typing import NoReturn
else:
    import _signal
    import posix

ACK_S = 2.0
"""How long the daemon may take to say that it holds; connecting and sending may take as long."""

RECONNECT_S = 2.0
"""How long a daemon that was lost is looked for again, once."""

RECONNECT_EVERY_S = 0.1

PRINT_S = 4.0
"""How long the client may take to read the answer; the daemon waits a little longer for our word."""

MAX_HELD_BYTES = 4 << 20
"""Longest line that is held; a longer one is only logged."""

MAX_KEPT_BYTES = 64 << 10
"""Longest line that is kept in memory while it waits; a longer one is read from its log again if need be."""

MAX_ORDER_BYTES = 4096
MAX_ANSWER_BYTES = 8 << 20
"""Longest message of the daemon, without and with an answer in it."""

READ_BYTES = 64 << 10

SIGNALS = (1, 2, 15)
"""HUP, INT, TERM: they end a hook that waits, at once and without a word."""


class Line:
    """The log line of a request, which the daemon is given. It ends with the request's stamp.

    Args:
        request: its stamp, 32 hex digits.
        data: the line without its line break.
        path: its log, "" if it could not be logged.
        offset: where it begins there.

    Attributes:
        end: the size that the log had with it, 0 if it could not be logged.
    """

    def __init__(self, request: str, data: bytes, path: str = "", offset: int = 0) -> None:
        self.request = request
        self.size = len(data)
        self._data = data if len(data) <= MAX_KEPT_BYTES or not path else b""
        self.path, self.end = path, offset + len(data) + 1 if path else 0
        self._offset = offset

    def pieces(self) -> Iterator[bytes]:
        """It, from memory or from its log. OSError or Trouble if it is not there any more."""
        if self._data:
            yield self._data
            return
        fd = posix.open(self.path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK)
        try:
            at, end = self._offset, self.end - 1
            stamp = b'"ctm_request":"%b"}' % self.request.encode()
            if posix.pread(fd, len(stamp), end - len(stamp)) != stamp:
                raise Trouble("the log was rotated meanwhile")
            while at < end:
                piece = posix.pread(fd, min(READ_BYTES, end - at), at)
                if not piece:
                    raise Trouble("the log was cut meanwhile")
                at += len(piece)
                yield piece
        finally:
            posix.close(fd)


class _Lost(Exception):
    """The daemon has gone."""


class _Nothing(Exception):
    """There will be no answer."""


class _Ended(Trouble):
    """A signal ended us."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"ended by signal {signum}")
        self.signum = signum


def new_request() -> str:
    """A stamp for a request that no other has."""
    return posix.urandom(16).hex()


def hold(config_dir: str, line: Line, before: Sequence[int]) -> bool:
    """Ask the daemon, wait for its answer and print it. False if no daemon took the request, and there is time left.

    Ends at once without a daemon, after some seconds with one that does not answer or has gone, and otherwise with the
    daemon's word, a signal, or the end of the client. The signals stay as they are set here: nothing comes after it.

    Args:
        before: signals that ended the hook while it did something else; it grows where the old handler still runs.
    """
    _signal.setitimer(_signal.ITIMER_REAL, 0)
    if not _can_print():
        return False
    talk = _Talk(config_dir, line)
    try:
        for number in SIGNALS:
            _signal.signal(number, _end)
        _signal.signal(_signal.SIGALRM, _late)
        if before:
            return True
        talk.run()
    except _Ended as end:
        talk.say(b'{"ctm":1,"op":"ended","signal":%d}' % end.signum)
        return True
    except ShellGone:
        _ignore()
        talk.say(b'{"ctm":1,"op":"ended","signal":0}')
    except (Gone, Trouble, _Lost, _Nothing, OSError, ValueError, MemoryError, RecursionError):
        pass  # the dialog in the terminal decides
    return talk.taken


def _end(signum: int, frame: object) -> NoReturn:
    _ignore()  # one is enough
    raise _Ended(int(signum))


def _late(signum: int, frame: object) -> NoReturn:
    raise _Nothing


def _ignore() -> None:
    for number in SIGNALS:
        _signal.signal(number, _signal.SIG_IGN)


def _can_print() -> bool:
    """False if we were started without a standard output: its number would become that of the connection."""
    try:
        posix.fstat(1)
        return True
    except OSError:
        return False


class _Talk:
    """One request's conversation with the daemon, over one connection or two."""

    def __init__(self, config_dir: str, line: Line) -> None:
        self.taken = False
        self._config_dir = config_dir
        self._line = line
        self._sock: _socket.socket | None = None
        self._read = b""
        self._stamp = b'"request":"%b"' % line.request.encode()
        self._watch = ClientWatch()

    def run(self) -> None:
        """All of it. Raises whatever ends it early."""
        self._hold(ACK_S)
        try:
            self._answered()
        except _Lost:
            self._hold_again()
            self._answered()

    def say(self, message: bytes) -> None:
        """Tell the daemon, if it is there."""
        try:
            if self._sock is not None:
                self._sock.settimeout(ACK_S)
                self._sock.sendall(message + b"\n")
        except OSError:
            pass

    def _hold(self, connect_s: float) -> None:
        """Hand the request over; returns once the daemon holds it.

        Raises:
            _Lost, OSError: it could not be handed over.
            _Nothing: whoever serves there does not hold it.
        """
        sock = connect(self._config_dir, connect_s)
        until = time.monotonic() + ACK_S
        # A signal waits until the line is over: amid it, or before we know that it is over, it could not be told.
        _signal.pthread_sigmask(_signal.SIG_BLOCK, SIGNALS)
        try:
            for piece in self._pieces():
                sock.settimeout(max(0.001, until - time.monotonic()))
                sock.sendall(piece)
            sock.setblocking(False)
            self._sock, self._read = sock, b""
        except BaseException:  # whatever it is, nobody else could close it
            sock.close()
            raise
        finally:
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, SIGNALS)
        if self._message(MAX_ORDER_BYTES, until) != b'{"ctm":1,"op":"wait",%b}' % self._stamp:
            raise _Nothing
        self.taken = True

    def _pieces(self) -> Iterator[bytes]:
        pid = environ("CLAUDE_PID")
        shown = pid.encode() if pid.isascii() and pid.isdigit() and len(pid) < 11 else b""
        yield b'{"ctm":1,"op":"hold",%b,"bytes":%d,"client_pid":"%b"}\n' % (self._stamp, self._line.size, shown)
        yield from self._line.pieces()

    def _hold_again(self) -> None:
        """Hand it over to the daemon that was lost, or to the one that is started in its place."""
        until = time.monotonic() + RECONNECT_S
        while True:
            if self._sock is not None:
                self._sock.close()
                self._sock = None
            try:
                self._hold(max(0.0, until - time.monotonic()))
                return
            except (OSError, _Lost):  # a daemon that stops may let us in once more, and close
                if time.monotonic() + RECONNECT_EVERY_S > until:
                    raise
            time.sleep(RECONNECT_EVERY_S)

    def _answered(self) -> None:
        """Wait for the daemon's word and do it."""
        message = self._message(MAX_ANSWER_BYTES)
        start = b'{"ctm":1,"op":"answer",%b,"print":' % self._stamp
        if not message.startswith(start) or not message.endswith(b"}"):
            raise _Nothing  # let go, or nothing that we understand
        decision = message[len(start) : -1]
        parse_object(decision)  # Trouble unless it is one JSON object and nothing else
        _print(decision + b"\n")
        self.say(b'{"ctm":1,"op":"printed",%b}' % self._stamp)

    def _message(self, limit: int, until: float | None = None) -> bytes:
        """The next line from the daemon; blocks without a limit of time if there is none.

        Raises:
            _Lost: it has gone.
            _Nothing: the time is over, or the line is too long.
            Gone: the client has.
        """
        assert self._sock is not None
        while b"\n" not in self._read:
            if len(self._read) > limit:
                raise _Nothing
            if not self._watch.wait(self._sock.fileno(), until):
                raise _Nothing
            try:
                data = self._sock.recv(READ_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                raise _Lost
            self._read += data
        message, _, self._read = self._read.partition(b"\n")
        return message


def _print(data: bytes) -> None:
    """Write all of it to stdout, in one go unless that cannot take it. Raises OSError if nobody is there any more.

    A signal that ends us waits: half an answer would be none, and the daemon would not know. A client that reads
    nothing does not hold us up for long.
    """
    _signal.setitimer(_signal.ITIMER_REAL, PRINT_S)
    _signal.pthread_sigmask(_signal.SIG_BLOCK, SIGNALS)
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[posix.write(1, rest) :]
        except BlockingIOError:  # somebody has made the client's pipe so
            room = select.poll()
            room.register(1, select.POLLOUT)
            room.poll(PRINT_S * 1000)
    _signal.setitimer(_signal.ITIMER_REAL, 0)
