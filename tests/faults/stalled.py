"""The daemon as a process in which a chosen step hangs in the kernel once the file `stall` is in its HOME.

Run as `python -m tests.faults.stalled serve --port N` with CTM_TEST_STALL=module:attribute[,…]. The step opens a FIFO
to which nobody ever writes: like a disk that does not answer, this lets go of the interpreter's lock and hears of no
cancellation and of no signal.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

HERE = os.environ.get("HOME", "")


def stalling(step: Callable[..., Any]) -> Callable[..., Any]:
    """The step, which hangs for ever in any thread from the moment on that there is `stall`."""

    @functools.wraps(step)
    def hangs(*words: Any, **more: Any) -> Any:
        if os.path.exists(f"{HERE}/stall"):
            with open(f"{HERE}/stalled", "a") as note:
                note.write(f"{step.__name__} in {threading.current_thread().name}\n")
            while True:
                open(f"{HERE}/fifo", "rb").close()
        return step(*words, **more)

    return hangs


def main() -> int:
    """Change what is named, then run the command."""
    os.mkfifo(f"{HERE}/fifo")
    for word in os.environ["CTM_TEST_STALL"].split(","):
        module, _, name = word.partition(":")
        *owners, last = name.split(".")
        owner = functools.reduce(getattr, owners, importlib.import_module(module))
        setattr(owner, last, stalling(getattr(owner, last)))
    from ctm_trio.__main__ import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
