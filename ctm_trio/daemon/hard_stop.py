"""The last bound of a stop: the process ends, even if a thread of it hangs in the kernel.

A cancellation does not reach a thread. One that waits for a disk that hangs (fsync, a file of a dead network file
system, a commit) would keep the event loop, or the interpreter's own end, waiting for as long as the disk does. So a
thread that needs neither watches the stop, says what hangs, and ends the process.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePath
from types import FrameType

from ctm_trio.model.plain import plain

HARD_STOP_S = 8.0
"""After so many seconds a stop ends the process, whatever still runs. Source: PROTOCOL.md, Starting and stopping."""

PENDING_S = 0.5
"""How often it is looked whether a signal waits that cannot be delivered."""

SAY_S = 0.2
"""How long it may take to say why: standard error may be a file on the very disk that hangs."""

CLEAN, CUT_OFF = 0, 1
"""Exit codes. Clean: the streams have ended and the last batch is on disk, as PROTOCOL.md, Starting and stopping
asks, and only something that can be made again was left (a search index, a cost figure). Cut off: it may not be on
disk, or nobody wanted a stop, so whoever supervises the process should know; the next start reads it from the logs."""

_PACKAGE = PurePath(__file__).parents[1]


class HardStop:
    """Arm it when a stop begins. Only for a process of our own: it ends the process.

    Args:
        safe: True once all that was promised is on disk; called from another thread.
        limit_s: seconds from `arm` to the end of the process.
    """

    def __init__(self, safe: Callable[[], bool], *, limit_s: float = HARD_STOP_S) -> None:
        self._safe = safe
        self._limit_s = limit_s
        self._ends_at = 0.0
        self._armed, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def prepare(self) -> None:
        """Start the thread now, so that `arm` needs none: at the stop the system may have none to give."""
        if self._thread is None:
            thread = threading.Thread(target=self._watch, name="hard stop", daemon=True)
            with suppress(RuntimeError, MemoryError):  # it is tried again; else the stop has no last bound, but goes on
                thread.start()
                self._thread = thread

    def arm(self) -> None:
        """Begin to count. Safe to repeat; the first call counts."""
        if not self._ends_at:
            self._ends_at = time.monotonic() + self._limit_s
            self._armed.set()
        self.prepare()

    def relax(self) -> None:
        """What was about to end has ended, and the process goes on; it can be armed again."""
        self._armed.clear()
        self._ends_at = 0.0

    def disarm(self) -> None:
        """The stop is over: every task has ended."""
        self._ended.set()
        self._armed.set()

    def watch_exit(self) -> None:
        """The process is about to end: what is left of the time is for the interpreter to do so.

        No thread of Python is sure to run any more from here on, so it is the C library that counts.
        """
        if not self._ends_at:
            return
        with suppress(RuntimeError):  # it needs a thread, which the system may not give
            faulthandler.dump_traceback_later(max(0.1, self._ends_at - time.monotonic()), exit=True, file=2)

    def _watch(self) -> None:
        while True:
            self._armed.wait()
            ends_at = self._ends_at
            if self._ended.wait(max(0.0, ends_at - time.monotonic())):
                return
            if ends_at and ends_at == self._ends_at:  # else it was relaxed since
                break
        clean = False
        try:
            clean = self._safe()
            self._say(clean)
        finally:
            os._exit(CLEAN if clean else CUT_OFF)  # whatever saying it has met: there may be no memory, or no thread

    def _say(self, clean: bool) -> None:
        work = ", ".join(busy(threading.get_ident())) or "nothing that is known"
        rest = "The last batch is on disk." if clean else "The last lines may not be; the next start reads the logs."
        text = f"ERROR ctm.server: the stop took {self._limit_s:g} s and was cut off; still at work: {work}. {rest}\n"
        teller = threading.Thread(target=_tell, args=(text,), daemon=True)
        teller.start()
        teller.join(SAY_S)


@contextmanager
def watching(signals: frozenset[int], arm: Callable[[], None]) -> Iterator[None]:
    """Call `arm` when one of these signals comes, also while the event loop itself hangs and hears of nothing.

    For the main thread, inside of Trio: its own wake-up is passed on. A signal that the kernel cannot deliver, because
    the main thread hangs in there, is seen because it stays pending. Where the system starts no thread for this, the
    event loop alone hears of signals.

    Args:
        arm: called in a thread, once or more often.
    """
    reading, writing = os.pipe()
    for fd in (reading, writing):
        os.set_blocking(fd, False)
    loop = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    thread = threading.Thread(target=_listen, args=(reading, loop, signals, arm), name="signals", daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError):
        signal.set_wakeup_fd(loop, warn_on_full_buffer=False)
        os.close(writing)
        os.close(reading)
        yield
        return
    try:
        yield
    finally:
        signal.set_wakeup_fd(loop, warn_on_full_buffer=False)
        os.close(writing)
        thread.join()
        os.close(reading)


def _listen(reading: int, loop: int, signals: frozenset[int], arm: Callable[[], None]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # here, so that pending ones can be seen from here
    while True:
        with suppress(MemoryError):  # nothing has been read then, so it comes again
            if select.select([reading], [], [], PENDING_S)[0]:
                numbers = os.read(reading, 256)
                if not numbers:
                    return
                with suppress(OSError):
                    os.write(loop, numbers)
                if signals.intersection(numbers):
                    arm()
            elif signals & signal.sigpending():
                arm()


def busy(but: int) -> Iterator[str]:
    """What the threads of this process are at, by our own code: `insert (journal/store.py:210)`.

    Args:
        but: the thread that is left out.
    """
    for ident, frame in sys._current_frames().items():
        found = _ours(frame)
        if ident != but and found is not None:
            path = PurePath(found.f_code.co_filename).relative_to(_PACKAGE)
            yield plain(f"{found.f_code.co_name} ({path}:{found.f_lineno})")


def _ours(frame: FrameType | None) -> FrameType | None:
    """The innermost frame that runs code of this package."""
    while frame is not None and not PurePath(frame.f_code.co_filename).is_relative_to(_PACKAGE):
        frame = frame.f_back
    return frame


def _tell(text: str) -> None:
    try:
        os.write(2, text.encode(errors="replace"))
    except OSError:
        pass  # nobody can be told
