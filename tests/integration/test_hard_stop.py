"""The last bound of a stop, in processes of their own: whatever hangs, and wherever, the process ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ctm_trio.daemon import hard_stop
from tests.ports import free_port

CODE = Path(hard_stop.__file__).parents[2]

IMPORTS = "from ctm_trio.daemon.hard_stop import *\nimport os, signal, threading, time\n"

HANGS = """
def hangs():
    while True:
        open("fifo", "rb").close()
"""
"""Waits in the kernel for a writer that never comes, and again after each signal."""


def run(code: str, directory: Path, **env: str) -> tuple[int, str]:
    """Run a program; exit code, what it said. One that hangs fails the test."""
    (directory / "fifo").unlink(missing_ok=True)
    subprocess.run(["mkfifo", str(directory / "fifo")], check=True)
    done = subprocess.run(
        [sys.executable, "-c", f"{IMPORTS}{HANGS}{code}"],
        cwd=directory, env={"PYTHONPATH": str(CODE), **env}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_what_hangs_is_cut_off(tmp_path: Path) -> None:
    """The exit code says whether all that was promised is on disk; the last message says so too."""
    for safe, code, word in ((True, 0, "is on disk"), (False, 1, "may not be")):
        ended, said = run(f"HardStop(lambda: {safe}, limit_s=0.5).arm()\nhangs()", tmp_path)
        assert (ended, word in said) == (code, True), said
        assert "took 0.5 s" in said


def test_what_cannot_be_said_is_left_unsaid(tmp_path: Path) -> None:
    """Where there is no memory for the last words the process ends all the same, and in time."""
    code = "import ctm_trio.daemon.hard_stop as h\ndef no(*_):\n    raise MemoryError\nh.busy = no\n"
    ended, _ = run(f"{code}HardStop(lambda: True, limit_s=0.5).arm()\nhangs()", tmp_path)
    assert ended == 0


NO_THREAD = """
start = threading.Thread.start
def no(*_):
    raise RuntimeError("can't start new thread")
"""


def test_a_stop_needs_no_new_thread(tmp_path: Path) -> None:
    """What was prepared ends the process though no other thread can be had."""
    stop = "s = HardStop(lambda: True, limit_s=0.5)\ns.prepare()\nthreading.Thread.start = no\ns.arm()\nhangs()"
    ended, _ = run(NO_THREAD + stop, tmp_path)
    assert ended == 0


def test_a_stop_without_any_thread_has_no_bound(tmp_path: Path) -> None:
    """If there is no thread at the stop, and none was prepared, the stop goes on without one, and without an error."""
    stop = "s = HardStop(lambda: True, limit_s=0.1)\ns.arm()\ns.disarm()\ns.watch_exit()\nos._exit(7)"
    assert run(f"{NO_THREAD}threading.Thread.start = no\n{stop}", tmp_path) == (7, "")


def test_a_stop_that_is_over_is_left_alone(tmp_path: Path) -> None:
    """After `disarm` nothing ends the process before its time."""
    ended, said = run(
        "s = HardStop(lambda: False, limit_s=0.3)\ns.arm()\ns.disarm()\ntime.sleep(1)\nos._exit(7)", tmp_path
    )
    assert (ended, said) == (7, "")


def test_one_that_is_relaxed_counts_anew(tmp_path: Path) -> None:
    """A run that ended by itself is over, and another one begins: only the next end counts."""
    code = "s = HardStop(lambda: False, limit_s=0.3)\ns.arm()\ns.relax()\ntime.sleep(1)\n"
    assert run(f"{code}os._exit(7)", tmp_path) == (7, "")
    ended, said = run(f"{code}os.write(2, b'again ')\ns.arm()\nhangs()", tmp_path)
    assert (ended, said.partition(" ")[0]) == (1, "again")


ENDS = """
from functools import partial
import trio
from ctm_trio.archive.search_index import SearchIndex
from ctm_trio.daemon import server
from ctm_trio.daemon.starting import DirectoryTaken
opened = trio.Event()
make = SearchIndex.__init__
def made(self, *words, **more):
    make(self, *words, **more)
    trio.from_thread.run_sync(opened.set)
async def guard(*_):
    await opened.wait()
    raise DirectoryTaken("it belongs to another daemon")
SearchIndex.__init__ = made
SearchIndex.close = lambda self: hangs()
server.guard = guard
server.HardStop = partial(HardStop, limit_s=0.5)
os._exit(server.serve_main(int(os.environ["PORT"])) + 10)
"""


def test_a_daemon_that_ends_by_itself(tmp_path: Path) -> None:
    """Nobody asked it to stop, and what it closes hangs: the process ends all the same, and not as if all were well."""
    ended, said = run(ENDS, tmp_path, HOME=str(tmp_path), PORT=str(free_port()))
    assert ended == 1, said
    assert "still at work" in said


def test_a_thread_that_could_not_be_prepared_is_tried_again(tmp_path: Path) -> None:
    """Where the system had no thread at the start, the stop tries again, and so does every further signal."""
    prepare = "threading.Thread.start = no\ns = HardStop(lambda: True, limit_s=0.5)\ns.prepare()\n"
    for more in ("", "s.arm()\n"):
        ended, said = run(f"{NO_THREAD}{prepare}{more}threading.Thread.start = start\ns.arm()\nhangs()", tmp_path)
        assert ended == 0, said


def test_an_exit_that_hangs(tmp_path: Path) -> None:
    """What hangs while the interpreter ends, when no thread of it is sure to run, is cut off as well."""
    arm = "s = HardStop(lambda: True, limit_s=0.5)\ns.arm()\ns.disarm()\ns.watch_exit()"
    code = f"import atexit\natexit.register(hangs)\n{arm}"
    ended, _ = run(code, tmp_path)
    assert ended == 1


def test_signals_are_heard_of_while_the_main_thread_hangs(tmp_path: Path) -> None:
    """One that is delivered, and one that the kernel cannot deliver and keeps pending."""
    arm = "lambda: (os.write(2, b'armed\\n'), os._exit(5))"
    kill = "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()\n"
    handled = "signal.signal(signal.SIGTERM, lambda *_: None)\n"
    blocked = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
    for how in (handled, blocked):
        code = f"{how}{kill}with watching(frozenset({{signal.SIGTERM}}), {arm}):\n    hangs()\n"
        ended, said = run(code, tmp_path)
        assert (ended, said) == (5, "armed\n"), how


def test_other_signals_are_passed_on(tmp_path: Path) -> None:
    """A signal that is no stop arms nothing, and whoever listened for signals before hears of it.

    So it is for every signal where no thread can be started to watch for them.
    """
    code = """
signal.signal(signal.SIGHUP, lambda *_: None)
reading, writing = os.pipe()
for fd in (reading, writing):
    os.set_blocking(fd, False)
signal.set_wakeup_fd(writing)
with watching(frozenset({signal.SIGTERM}), lambda: os._exit(5)):
    os.kill(os.getpid(), signal.SIGHUP)
    while True:
        try:
            os._exit(0 if os.read(reading, 9) == bytes([signal.SIGHUP]) else 6)
        except BlockingIOError:
            time.sleep(0.01)
"""
    for before in ("", NO_THREAD):
        ended, said = run(before + code, tmp_path)
        assert ended == 0, said
