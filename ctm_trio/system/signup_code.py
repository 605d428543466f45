"""The one-time code for signing up: whoever can read the file is the owner of this account of the machine.

Other users of the machine reach the port as well, and whoever signs up first may type into the sessions. The code is
made when it is first asked for, void after the sign-up, and another one after `auth reset`.
Source: PROTOCOL.md, Sign-up and login.
"""

from __future__ import annotations

import errno
import hmac
import secrets
from contextlib import suppress
from pathlib import Path

from ctm_trio.system.files import atomic_write, ensure_private_dir
from ctm_trio.system.owned import believed_owners
from ctm_trio.system.regular import read_regular

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Nothing that looks like something else: the code is read from one screen and typed on another."""

GROUPS, GROUP_CHARS = 3, 4
MAX_FILE_BYTES = 256

_NOT_OURS = frozenset({errno.ELOOP, errno.EINVAL, errno.EPERM, errno.EACCES, errno.EFBIG})
"""A link, something that is not a regular file, another user's, not readable for us, too large: what we never wrote."""


def plain(code: str) -> str:
    """A code as it is compared: case, spaces and dashes do not count."""
    return "".join(c for c in code.upper() if not c.isspace() and c != "-")


def make_code() -> str:
    """A fresh code of some 58 bits, e.g. `7K3M-9QXA-RT42`."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_CHARS)) for _ in range(GROUPS))


def has_signed_up(user_path: Path) -> bool:
    """True if somebody has: there is a `user.json`, of whatever kind. Blocks for one `stat`.

    A link that leads nowhere is one, too: what it led to may be away for a while.

    Raises:
        OSError: it cannot be seen.
    """
    try:
        user_path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


class SignupCode:
    """The code in its file. Everything here blocks for a small file: call it in a thread.

    Args:
        path: the file, ours alone (0600); it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def current(self) -> str:
        """The code that counts now; made if there is none, or if the file is not one that we wrote.

        Raises:
            OSError: it can neither be read nor made.
        """
        known = self._read()
        if known:
            return known
        code = make_code()
        ensure_private_dir(self._path.parent)
        atomic_write(self._path, f"{code}\n".encode())
        return self._read() or code  # another process may have made one at the same moment: the file decides

    def renew(self) -> str:
        """Make another code; the one before is void. Raises OSError if it cannot be written."""
        code = make_code()
        ensure_private_dir(self._path.parent)
        with suppress(FileNotFoundError):
            self._path.unlink()  # a link that stands here is not followed
        atomic_write(self._path, f"{code}\n".encode())
        return code

    def void(self) -> None:
        """No code counts any more. Raises OSError if the file cannot be removed."""
        self._path.unlink(missing_ok=True)

    def is_right(self, code: str) -> bool:
        """True for the code that counts now; how long it takes tells nothing about it. Raises like `current`."""
        return hmac.compare_digest(plain(code).encode(), plain(self.current()).encode())

    def _read(self) -> str:
        """What the file says, "" if it is missing, or another user's, or no code."""
        owners = believed_owners(self._path.parent)
        try:
            data = read_regular(self._path, max_bytes=MAX_FILE_BYTES, follow=False, owner=owners)
        except FileNotFoundError:
            return ""
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise  # no descriptor is free, the disk fails: the code is still the code
            with suppress(OSError):
                self._path.unlink()  # the directory is ours
            return ""
        code = data.decode("ascii", "replace").strip()
        good = len(plain(code)) == GROUPS * GROUP_CHARS and all(c in ALPHABET for c in plain(code))
        return code if good else ""
