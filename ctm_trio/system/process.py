"""Run a program with a limit on its time and on what it may print."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence

import msgspec
import trio

TERM_GRACE_S = 0.5
"""Between SIGTERM, on which git takes back its lock files, and SIGKILL."""

KILL_GRACE_S = 2.0
"""How long a killed process is waited for; one that hangs in the kernel is left to the system."""

PIPE_GRACE_S = 0.25
"""How long a program that has ended may have its output open: a grandchild that keeps it for itself says nothing more
that was asked for."""

STARTING = 16
"""Programs that may be starting at the same time. Only a directory on a file system that hangs keeps one at that; so
those that start in a directory have places of their own, and tmux does not wait for them."""

LOOK_EVERY_S = 0.01
"""How often it is looked whether a process has ended, where the system cannot tell."""

MAX_STDERR = 65536


class Done(msgspec.Struct, frozen=True):
    """How a program ended. `cut`: it printed more than it may and was ended for that; `code` means nothing then."""

    code: int
    stdout: bytes
    stderr: str
    cut: bool = False


class TooSlow(Exception):
    """The program did not end in its time and was ended."""


async def run(
    argv: Sequence[str],
    *,
    limit_s: float,
    max_bytes: int,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> Done:
    """Run a program to its end, without a shell; it does not outlive its time.

    It is over at most `TERM_GRACE_S` + `KILL_GRACE_S` after `limit_s`, whatever hangs. It gets a process group of its
    own: what it started in there is ended with it when it is ended. When it ends by itself, that is left alone and may
    go on (`git` collects its garbage so).

    Args:
        argv: the program and its arguments.
        limit_s: seconds after which it is ended, its start included.
        max_bytes: of standard output; more ends it too, and `cut` says so. Standard error is cut at 64 KiB.
        cwd, env: where and in which environment it runs; None for ours.
        stdin: what it reads, in its own time; without it standard input is empty.

    Raises:
        TooSlow: it was ended because its time was over.
        OSError: it cannot be started, or no descriptor is left.
    """
    start = _Start(argv, cwd, env, feed=bool(stdin))
    out, err = _Sink(max_bytes), _Sink(MAX_STDERR, drain=True)
    try:
        with trio.fail_after(limit_s):
            process = await trio.to_thread.run_sync(
                start.run, limiter=_limiter(in_place=cwd is not None), abandon_on_cancel=True
            )
            await _attend(process, stdin, out, err)
    except trio.TooSlowError:
        raise TooSlow from None
    except ValueError as error:  # a NUL in a word, or in the directory
        raise OSError(str(error)) from error
    finally:
        if (started := start.leave()) is not None:
            await _end(started)
    return Done(process.returncode or 0, bytes(out.data), err.data.decode(errors="replace").strip(), out.cut)


async def _attend(process: subprocess.Popen[bytes], stdin: bytes, out: _Sink, err: _Sink) -> None:
    """Feed a process and take what it prints until it has ended, or has printed too much.

    Raises:
        OSError: no descriptor is left.
    """
    own_out, own_err, *own_in = _own_ends(process)

    async def feed(to: int) -> None:
        async with trio.lowlevel.FdStream(to) as stream:
            try:
                await stream.send_all(stdin)
            except trio.BrokenResourceError:
                pass  # it did not want all of it

    async def watch() -> None:
        await _ended(process)
        process.poll()
        with trio.move_on_after(PIPE_GRACE_S):
            await out.closed.wait()
            await err.closed.wait()
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(out.fill, own_out, nursery.cancel_scope)
        nursery.start_soon(err.fill, own_err, nursery.cancel_scope)
        if process.stdin is not None:
            nursery.start_soon(feed, own_in[0])
            process.stdin.close()
        nursery.start_soon(watch)


def _own_ends(process: subprocess.Popen[bytes]) -> list[int]:
    """Descriptors of our own for its output, its errors and, if it is fed, its input: Trio closes those it is given.

    Raises:
        OSError: none is left; then none was made.
    """
    made: list[int] = []
    try:
        for pipe in (process.stdout, process.stderr, process.stdin):
            if pipe is not None:
                made.append(os.dup(pipe.fileno()))  # noqa: PERF401 - those before one that fails are closed
    except OSError:
        for fd in made:
            os.close(fd)
        raise
    return made


class _Start:
    """The start of a program in a thread, which may hang, and is left alone then. Whatever still comes of it ends."""

    def __init__(self, argv: Sequence[str], cwd: str | None, env: Mapping[str, str] | None, *, feed: bool) -> None:
        self._argv, self._cwd, self._env, self._feed = argv, cwd, env, feed
        self._lock = threading.Lock()
        self._left = False
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> subprocess.Popen[bytes]:
        """Start it. Runs in a thread."""
        stdin = subprocess.PIPE if self._feed else subprocess.DEVNULL
        process = subprocess.Popen(
            self._argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, cwd=self._cwd,
            env=self._env, process_group=0,
        )  # fmt: skip
        with self._lock:
            self._process = process
            if not self._left:
                return process
        _signal_group(process, signal.SIGKILL)
        with process:  # closes the pipes and waits
            return process

    def leave(self) -> subprocess.Popen[bytes] | None:
        """The process, now the caller's to end; None if it has not started, and will not live if it still does."""
        with self._lock:
            self._left = True
            return self._process


class _Sink(msgspec.Struct):
    limit: int
    drain: bool = False
    data: bytearray = msgspec.field(default_factory=bytearray)
    cut: bool = False
    closed: trio.Event = msgspec.field(default_factory=trio.Event)

    async def fill(self, fd: int, all_of_it: trio.CancelScope) -> None:
        async with trio.lowlevel.FdStream(fd) as stream:
            async for chunk in stream:
                room = self.limit - len(self.data)
                self.data += chunk[:room]
                if len(chunk) > room and not self.drain:
                    self.cut = True
                    all_of_it.cancel()
                    return
        self.closed.set()


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has ended, without taking its exit code: until then its number is not used again."""
    if process.returncode is not None:
        return
    try:
        handle = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # another system than Linux, or no descriptor is left
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, process.pid, flags) is None:  # noqa: ASYNC110, ASYNC222  # it does not wait
            await trio.sleep(LOOK_EVERY_S)
        return
    try:
        await trio.lowlevel.wait_readable(handle)
    finally:
        os.close(handle)


async def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs, with its group, and close its pipes; also when we are being cancelled."""
    with trio.CancelScope(shield=True):
        if process.poll() is None:
            _signal_group(process, signal.SIGTERM)
            with trio.move_on_after(TERM_GRACE_S):
                await _ended(process)
            _signal_group(process, signal.SIGKILL)  # also for those of its group that did not listen
            with trio.move_on_after(KILL_GRACE_S):
                await _ended(process)
            process.poll()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # gone, or (on macOS) nothing but a zombie


_LIMITERS: trio.lowlevel.RunVar[dict[bool, trio.CapacityLimiter]] = trio.lowlevel.RunVar("starting programs")


def _limiter(*, in_place: bool) -> trio.CapacityLimiter:
    try:
        limiters = _LIMITERS.get()
    except LookupError:
        limiters = {known: trio.CapacityLimiter(STARTING) for known in (False, True)}
        _LIMITERS.set(limiters)
    return limiters[in_place]
