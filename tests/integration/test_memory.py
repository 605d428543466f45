"""The pools that threads allocate from, counted by the C library in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys, threading
from ctm_trio.core.memory import share_arenas

if sys.argv[1] == "shared" and not share_arenas():
    sys.exit(3)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
wait = threading.Barrier(9)

def allocate():
    libc.malloc(1000)
    wait.wait()

for _ in range(8):
    threading.Thread(target=allocate).start()
wait.wait()
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def pools(how: str) -> int:
    """How many pools a process has whose eight threads have allocated at the same time."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this C library has no pools to share: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout.count("<heap nr=")


def test_threads_share_pools() -> None:
    """With the daemon's setting there are two, however many threads; without it there would be more."""
    assert pools("shared") == 2
    assert pools("apart") > 2
