"""Python reads this at its start: the wall clock of the process follows a file that a test writes.

The file, named by `CTM_TEST_CLOCK`, holds eight bytes: seconds to add, as a double. The steady clocks stay as they are.
"""

from __future__ import annotations

import mmap
import os
import struct
import time

_path = os.environ.get("CTM_TEST_CLOCK", "")
if _path:
    with open(_path, "rb") as _file:
        _shared = mmap.mmap(_file.fileno(), 8, access=mmap.ACCESS_READ)
    _time, _time_ns = time.time, time.time_ns

    def _offset() -> float:
        value: float = struct.unpack("d", _shared[:8])[0]
        return value

    time.time = lambda: _time() + _offset()
    time.time_ns = lambda: _time_ns() + int(_offset() * 1e9)
