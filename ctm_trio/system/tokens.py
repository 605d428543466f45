"""The tokens that are logged in, on disk as SHA-256 only. Source: PROTOCOL.md, Tokens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.system.files import atomic_write, ensure_private_dir
from ctm_trio.system.owned import file_fault
from ctm_trio.system.regular import read_regular

log = logging.getLogger("ctm.auth")

LIFETIME_S = 30 * 86400
"""Source: PROTOCOL.md, Tokens."""

MAX_TOKENS_BYTES = 1 << 20
"""A larger file was not written by us; a thousand tokens have a tenth of it."""

MAX_TOKENS = 1000
"""Tokens that may be valid at once; past that the oldest is logged out."""


class AnotherUser(Exception):
    """The user changed or went while a password was being checked: there is nobody whom the token would belong to."""


class _Stored(msgspec.Struct):
    user: str = ""
    tokens: dict[str, int] = {}


class TokenFile:
    """SHA-256 of each token → unix second of its end, all of one user.

    Args:
        path: the file, 0600, made when the first token is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = ""
        self._ends: dict[bytes, float] = {}
        self.behind = False
        """The file does not say what is held here: the next start could find a token in it that is void."""

    def load(self, mark: str) -> None:
        """Read the file. Tokens of another user, and a file that is not ours, count for nothing. Blocks."""
        self._mark, self._ends = mark, {}
        if fault := file_fault(self._path):  # whoever may write it could let themselves in
            log.warning("%s is ignored (%s); everyone must sign in again", self._path.name, fault)
            return
        try:
            stored = msgspec.json.decode(read_regular(self._path, max_bytes=MAX_TOKENS_BYTES), type=_Stored)
            self.behind = stored.user != mark and bool(stored.tokens)  # they are void, also if that user comes back
            if mark and stored.user == mark:
                latest = time.time() + LIFETIME_S  # a later end was written with a clock that was set back since
                self._ends = {bytes.fromhex(digest): min(float(end), latest) for digest, end in stored.tokens.items()}
        except FileNotFoundError:
            return  # nobody has signed in yet
        except (OSError, ValueError, *BAD_JSON) as error:
            log.warning("%s cannot be read (%s); everyone must sign in again", self._path.name, error)

    def belong_to(self, mark: str) -> bool:
        """The user is now `mark` ("" for nobody). True if that made tokens void."""
        if mark == self._mark:
            return False
        had = bool(self._ends)
        self._ends = {}  # before the mark: `save`, in its thread, must never see old tokens under a new one
        self._mark = mark
        self.behind = True
        return had

    def valid(self, digest: bytes) -> bool:
        """True if a token with this SHA-256 is logged in."""
        end, now = self._ends.get(digest), time.time()
        if end is None or end <= now:
            return False
        if end > now + LIFETIME_S:  # given out by a clock that was set back since
            self._ends[digest] = now + LIFETIME_S
        return True

    def add(self, digest: bytes, mark: str) -> bool:
        """Log a token in for `LIFETIME_S`.

        What has ended is not valid, and makes room first; until then it stays: the clock may be wrong just now.

        Args:
            mark: the user whose password was checked.

        Returns:
            True if another token had to make room.

        Raises:
            AnotherUser: `mark` is not the user any more.
        """
        if not mark or mark != self._mark:
            raise AnotherUser
        full = len(self._ends) >= MAX_TOKENS
        while len(self._ends) >= MAX_TOKENS:
            del self._ends[min(self._ends, key=lambda known: self._ends[known])]
        self._ends[digest] = time.time() + LIFETIME_S
        self.behind = True
        return full

    def drop(self, digest: bytes) -> Callable[[], None] | None:
        """Log a token out. What puts it back, which does nothing once its user has changed; None if it was not in."""
        ends = self._ends  # `belong_to` makes another dictionary
        end = ends.pop(digest, None)
        if end is None:
            return None
        self.behind = True
        return partial(ends.__setitem__, digest, end)

    def save(self) -> None:
        """Write the file. Blocks (fsync): call it in a thread, one at a time.

        Raises:
            OSError: it is as it was, and stays behind.
        """
        self.behind = False  # first: what changes during the write is not in it
        try:
            self._write()
        except BaseException:
            self.behind = True
            raise

    def _write(self) -> None:
        stored = _Stored(user=self._mark, tokens={digest.hex(): int(end) for digest, end in list(self._ends.items())})
        ensure_private_dir(self._path.parent)
        atomic_write(self._path, msgspec.json.encode(stored))
