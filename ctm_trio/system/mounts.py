"""Whether a path is on a disk of this machine, or may hang because another one does not answer."""

from __future__ import annotations

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

REMOTE = re.compile(r"nfs\d?|cifs|smb.*|fuse.*|9p|afs|ceph|gluster.*|lustre|virtiofs|vboxsf|sshfs|davfs", re.ASCII)
"""Types of file systems whose server may be elsewhere, or in a program that may hang."""


def may_hang(path: Path) -> bool:
    """True if the file system of a path depends on something that may not answer; False if that is not known.

    Reads the kernel's list of mounts; never touches the path's own file system but to resolve links.
    """
    try:
        lines = MOUNTS.read_text(errors="replace").split("\n")
        where = os.path.realpath(path)
    except OSError:
        return False
    best, kind = "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        mounted = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        inside = where == mounted or where.startswith(mounted.rstrip("/") + "/")
        if inside and len(mounted) >= len(best):  # a later one of the same place lies over the earlier one
            best, kind = mounted, after.split(" ")[0]
    return REMOTE.fullmatch(kind) is not None
