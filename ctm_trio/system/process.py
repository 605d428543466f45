"""Run a program with a limit on its time and on what it may print."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import trio

TERM_GRACE_S = 0.5
"""Between SIGTERM, on which git takes back its lock files, and SIGKILL."""

KILL_GRACE_S = 2.0
"""How long a killed process is waited for; one that hangs in the kernel is left to the system."""

CHUNK = 65536
MAX_STDERR = 65536


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended. `cut`: it printed more than it may and was ended for that; `code` means nothing then."""

    code: int
    stdout: bytes
    stderr: str
    cut: bool = False


async def run(
    argv: Sequence[str],
    *,
    limit_s: float,
    max_bytes: int,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> Done:
    """Run a program to its end, without a shell; it never outlives this call.

    Args:
        argv: the program and its arguments.
        limit_s: seconds after which it is ended.
        max_bytes: of standard output; more ends it too, and `cut` says so. Standard error is cut at 64 KiB.
        cwd, env: where and in which environment it runs; None for ours.
        stdin: what it reads, in its own time; without it standard input is empty.

    Raises:
        TooSlow: it was ended because its time was over.
        OSError: it cannot be started.
    """
    feed = subprocess.PIPE if stdin else subprocess.DEVNULL
    try:
        process = await trio.lowlevel.open_process(
            argv, stdin=feed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, env=env
        )
    except ValueError as error:  # a NUL in a word, or in the directory
        raise OSError(str(error)) from error
    out, err = _Sink(max_bytes), _Sink(MAX_STDERR, drain=True)
    try:
        with trio.fail_after(limit_s):
            async with trio.open_nursery() as nursery:
                assert process.stdout is not None
                assert process.stderr is not None
                nursery.start_soon(out.fill, process.stdout, nursery.cancel_scope)
                nursery.start_soon(err.fill, process.stderr, nursery.cancel_scope)
                if process.stdin is not None:
                    try:
                        await process.stdin.send_all(stdin)
                    except trio.BrokenResourceError:
                        pass  # it did not want all of it
                    await process.stdin.aclose()
            if not out.cut:
                await process.wait()
    except trio.TooSlowError:
        raise TooSlow from None
    finally:
        await _end(process)
    return Done(process.returncode or 0, bytes(out.data), err.data.decode(errors="replace").strip(), out.cut)


class TooSlow(Exception):
    """The program did not end in its time and was ended."""


class _Sink:
    def __init__(self, limit: int, *, drain: bool = False) -> None:
        self.data = bytearray()
        self.cut = False
        self._limit, self._drain = limit, drain

    async def fill(self, stream: trio.abc.ReceiveStream, all_of_it: trio.CancelScope) -> None:
        async for chunk in stream:
            room = self._limit - len(self.data)
            self.data += chunk[:room]
            if len(chunk) > room and not self._drain:
                self.cut = True
                all_of_it.cancel()
                return


async def _end(process: trio.Process) -> None:
    """End a process that still runs, and close its pipes; also when we are being cancelled."""
    with trio.CancelScope(shield=True):
        if process.poll() is None:
            process.terminate()
            with trio.move_on_after(TERM_GRACE_S):
                await process.wait()
        if process.poll() is None:
            process.kill()
            with trio.move_on_after(KILL_GRACE_S):
                await process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with trio.move_on_after(KILL_GRACE_S):
                    await pipe.aclose()
