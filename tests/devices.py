"""Devices that nobody misses, for tests of what must not take one for a file. Making one needs root."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest


def make_device(path: Path) -> None:
    """A device of our own that never ends, like `/dev/zero`."""
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))


def _can_make_devices() -> bool:
    """Tried out, because root may not in a container, and some systems let nobody."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            make_device(Path(directory) / "device")
        except OSError:
            return False
        return True


DEVICE = pytest.param(
    "device",
    marks=pytest.mark.skipif(not _can_make_devices(), reason="to make a device takes root, and a system that lets it"),
)
"""The kind of a file, as a parameter of a test; left out where there can be no device."""
