"""Opening and reading files: whatever stands in their place is refused in time and said in words."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ctm_trio.system.files import atomic_write, open_regular, read_regular
from tests.devices import DEVICE, make_device


def test_a_regular_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    """The bound itself is allowed; one byte more is refused by its name."""
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    assert read_regular(path, max_bytes=5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes") as caught:
        read_regular(path, max_bytes=4)
    assert caught.value.errno == errno.EFBIG


def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """A FIFO without a writer, a directory, a device and a socket: an error at once, for reading and for writing."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    with listener:
        listener.bind(str(tmp_path / "socket"))
        for path in (tmp_path / "fifo", tmp_path / "directory", Path("/dev/zero"), tmp_path / "socket"):
            with pytest.raises(OSError, match="not a regular file"):
                read_regular(path, max_bytes=10)
        for name in ("fifo", "socket"):
            with pytest.raises(OSError, match="not a regular file"):
                open_regular(tmp_path / name, os.O_WRONLY | os.O_APPEND)


def test_links_and_foreign_files_can_be_refused(tmp_path: Path) -> None:
    """A link is followed unless the caller forbids it; a file of another uid is refused if an owner is asked for."""
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert read_regular(tmp_path / "link", max_bytes=9) == b"x"
    with pytest.raises(OSError, match="symbolic link"):
        read_regular(tmp_path / "link", max_bytes=9, follow=False)
    assert read_regular(tmp_path / "real", max_bytes=9, owner=os.geteuid()) == b"x"
    with pytest.raises(OSError, match="another user"):
        read_regular(tmp_path / "real", max_bytes=9, owner=os.geteuid() + 1)


def test_no_descriptor_is_left_by_a_refusal(tmp_path: Path) -> None:
    """A hundred refusals leave as many descriptors open as before."""
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for _ in range(100):
        with pytest.raises(OSError, match="not a regular file"):
            read_regular(tmp_path, max_bytes=1)
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert after == before


def bind(path: Path) -> None:
    """A socket."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


MAKE: dict[str, Callable[[Path], None]] = {
    "fifo": os.mkfifo, "directory": Path.mkdir, "socket": bind, "device": make_device,
}  # fmt: skip


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("kind", ["fifo", "directory", "socket", DEVICE])
def test_nothing_but_a_file_is_replaced(tmp_path: Path, kind: str, linked: bool) -> None:
    """A FIFO, a device, a directory or a socket stays what it is, also at the end of a link; so as root, too."""
    place = path = tmp_path / kind
    MAKE[kind](place)
    if linked:
        path = tmp_path / "link"
        path.symlink_to(place)
    before = stat.S_IFMT(place.stat().st_mode)
    with pytest.raises(OSError, match="not a regular file"):
        atomic_write(path, b"x")
    assert stat.S_IFMT(place.stat().st_mode) == before
    assert not list(tmp_path.glob(".*.tmp"))
