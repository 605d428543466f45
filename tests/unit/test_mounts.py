"""Which file systems may hang."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctm_trio.system import mounts
from ctm_trio.system.mounts import may_hang

TABLE = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /home rw shared:2 - nfs4 server:/home rw
31 30 0:31 / /home/me rw - ext4 /dev/sdb1 rw
32 22 0:32 / /mnt/with\\040space rw - fuse.sshfs there: rw
33 22 8:2 / /over rw - ext4 /dev/sdc1 rw
34 33 0:33 / /over rw - cifs //server/share rw
a line that is none
"""


@pytest.mark.parametrize(
    ("path", "hangs"),
    [
        ("/etc/x", False),
        ("/home", True),
        ("/home/you/.config/ctm", True),
        ("/home/me/.config/ctm", False),
        ("/homeless", False),
        ("/mnt/with space/x", True),
        ("/over/x", True),
    ],
)
def test_the_innermost_mount_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, hangs: bool) -> None:
    """Of several mounts on the way to a path the last one tells."""
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    monkeypatch.setattr(mounts, "MOUNTS", table)
    assert may_hang(Path(path)) is hangs


def test_where_the_mounts_are_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the kernel's list a path counts as local."""
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "none")
    assert not may_hang(tmp_path)
