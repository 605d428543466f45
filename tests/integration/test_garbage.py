"""Python's collector of reference cycles, set up in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import gc, weakref
from ctm_trio.daemon.garbage import look_for_cycles_in_steps

class Node:
    pass

look_for_cycles_in_steps({whole_s})
old = Node()
old.itself = old
gone = weakref.ref(old)
gc.collect()
assert gc.get_freeze_count() > 0
del old
looked = []
gc.callbacks.append(lambda phase, info: looked.append(info["generation"]))
kept = [[] for _ in range(2_000_000)]
assert 2 in looked
print(gone() is None, len(gc.get_objects()) < 1_000_000)
"""


@pytest.mark.parametrize(("whole_s", "found"), [(3600.0, False), (0.0, True)], ids=["not yet", "after an hour"])
def test_what_was_in_use_is_looked_at_now_and_then(whole_s: float, found: bool) -> None:
    """A full look leaves out what survived the last one; what has become a cycle since is found once an hour."""
    program = PROGRAM.format(whole_s=whole_s)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(found), "True"]
