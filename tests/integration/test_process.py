"""Running a program: its output, its end, and what it leaves behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import trio

from ctm_trio.system import process
from ctm_trio.system.git_tree import find_tree
from ctm_trio.system.process import TooSlow, run
from tests.tmux_server import until


async def test_process_gives_what_was_printed() -> None:
    """Both outputs, the exit code, and what went in."""
    code = "import sys; sys.stdout.write(sys.stdin.read()); print('oops', file=sys.stderr); sys.exit(3)"
    done = await run([sys.executable, "-c", code], limit_s=10, max_bytes=100, stdin=b"hello")
    assert (done.code, done.stdout, done.stderr, done.cut) == (3, b"hello", "oops", False)


async def test_process_that_prints_too_much() -> None:
    """It is ended at the bound, and what fitted is there."""
    code = "import sys\nwhile True: sys.stdout.write('x' * 1000)"
    with trio.fail_after(30):
        done = await run([sys.executable, "-c", code], limit_s=10, max_bytes=5000)
    assert (done.cut, done.stdout) == (True, b"x" * 5000)


@pytest.mark.parametrize("stubborn", [False, True])
async def test_process_that_hangs(tmp_path: Path, stubborn: bool) -> None:
    """It is ended after its time, also if it does not listen to SIGTERM, and it is gone then."""
    told = tmp_path / "pid"
    trap = "trap '' TERM; " if stubborn else ""
    script = f"{trap}echo $$ > '{told}'; while :; do sleep 0.01; done"
    with trio.fail_after(30), pytest.raises(TooSlow):
        await run(["/bin/sh", "-c", script], limit_s=0.3, max_bytes=100)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


async def test_cancelled_process(tmp_path: Path) -> None:
    """Nothing outlives the call that started it."""
    told = tmp_path / "pid"
    with trio.move_on_after(0.3):
        await run(["/bin/sh", "-c", f"echo $$ > '{told}'; exec sleep 60"], limit_s=60, max_bytes=100)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


async def test_a_grandchild_that_keeps_the_output(tmp_path: Path) -> None:
    """A program that has ended is done, also if something that it started holds its output open; that one goes on."""
    told = tmp_path / "pid"
    with trio.fail_after(30):
        done = await run(["/bin/sh", "-c", f"sleep 30 & echo $! > '{told}'; echo said"], limit_s=9, max_bytes=100)
    assert (done.code, done.stdout, done.cut) == (0, b"said\n", False)
    os.kill(int(told.read_text()), signal.SIGKILL)  # it lives: nobody said that it should not


@pytest.mark.parametrize("stubborn", [False, True])
async def test_grandchildren_end_with_a_program_that_is_ended(tmp_path: Path, stubborn: bool) -> None:
    """What a program started in its group does not outlive it when its time is over, whatever it listens to."""
    told = tmp_path / "pid"
    trap = "trap '' TERM;" if stubborn else ""
    inner = f"{trap} echo $$ > '{told}'; while :; do sleep 0.05; done"
    with trio.fail_after(30), pytest.raises(TooSlow):
        await run(["/bin/sh", "-c", '/bin/sh -c "$1" & wait', "sh", inner], limit_s=0.5, max_bytes=100)
    pid = int(told.read_text())
    await until(lambda: state_of(pid) in ("", "Z"))


def state_of(pid: int) -> str:
    """The state of a process as /proc has it, "" if there is none. A zombie waits for whoever adopts orphans here."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


async def test_a_start_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program whose start hangs (a directory of a dead file system) is given up in its time; what comes of it ends.

    Those that hang take their own places only: other programs start as ever.
    """
    real, let_go, started = subprocess.Popen, threading.Event(), []

    def hangs(*words: Any, **more: Any) -> Any:
        if more.get("cwd") is not None:
            let_go.wait()
        process = real(*words, **more)
        started.append(process)
        return process

    monkeypatch.setattr(subprocess, "Popen", hangs)
    try:
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:

                async def one() -> None:
                    with pytest.raises(TooSlow):
                        await run(["sleep", "60"], limit_s=0.3, max_bytes=10, cwd=str(tmp_path))

                for _ in range(process.STARTING + 4):
                    nursery.start_soon(one)
            assert (await run(["echo", "x"], limit_s=5, max_bytes=10)).stdout == b"x\n"
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    finally:
        let_go.set()
    await until(lambda: len(started) == process.STARTING + 1 and all(p.returncode is not None for p in started))


@pytest.mark.parametrize("left", [0, 1, 2])
async def test_no_descriptor_is_left(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    """That is an OSError as for a program that cannot be started; the program is ended and nothing stays open."""
    real, made = os.dup, list[int]()

    def dup(fd: int) -> int:
        if len(made) == left:
            raise OSError(errno.EMFILE, "Too many open files")
        made.append(real(fd))
        return made[-1]

    monkeypatch.setattr(os, "dup", dup)
    with trio.fail_after(30), pytest.raises(OSError, match="Too many open files"):
        await run(["sleep", "60"], limit_s=9, max_bytes=10, stdin=b"x")
    for fd in made:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


async def test_a_nul_is_an_error_with_a_name() -> None:
    """A NUL in a directory or a word is an OSError, not a bug; a record with such a directory has no checkpoints."""
    with pytest.raises(OSError, match="null"):
        await run(["true", "a\0b"], limit_s=1, max_bytes=1)
    assert await find_tree("/x\0y") is None
