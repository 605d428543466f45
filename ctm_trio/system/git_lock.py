"""git's own lock of the index in our hands, and what a process of ours that was killed with it has left.

The lock is known by what is in it: the name of its holder's scratch directory. An inode would not do, as a later
git's lock often gets the one of ours. In the scratch directory is a mark, which tells how far its process came.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import secrets
import shutil
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from glob import escape, glob

import msgspec
import trio

from ctm_trio.errors.git import GitFailed
from ctm_trio.model.git_reason import git_reason
from ctm_trio.system.files import open_regular, read_regular
from ctm_trio.system.git_thread import in_thread
from ctm_trio.system.git_tree import GitTree

log = logging.getLogger("ctm.checkpoints")

OLD, NEW, UNSURE = "old", "new", "unsure"

LOCK_WAIT_S = 1.0
"""How long a git that holds the lock is waited for; they come and go where an agent works."""

LOCK_TRY_S = 0.05
GIVE_BACK_S = 5.0
"""How long the lock may take to be given back when all is cut off; a stalled disk gives it back later, or never."""

_SCRATCH, _NEW_SCRATCH = "ctm-scratch-", "ctm-new-scratch-"
_MARK = "owner"
"""In a scratch directory, one of the words below, under a `flock` that ends with the process, however it ends."""

_WAITS, _HELD, _INSTALLING = b"", b"held", b"installing"
"""Without the lock; the lock is held and the index is old; it is being exchanged: done when `_NEXT` has gone."""

_NEXT = "next"
"""In a scratch directory: the new index, just before it is renamed to its place."""

_MAX_WORD_BYTES = 64
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)


class IndexLock(msgspec.Struct):
    """git's index, locked.

    Attributes:
        scratch: a directory of ours beside it that is gone afterwards.
        left: how a process of ours that was killed with the lock in its hands left the index: `OLD` as it was, `NEW`
            if it was exchanged already, `UNSURE` if it was old and the lock is lost, so that somebody may have changed
            it since; "" if there was none, or after `mended`.
    """

    tree: GitTree
    scratch: str
    left: str = ""
    _mark: int = -1

    async def copy(self, name: str, of: str = "") -> str:
        """A copy of the index, or of another copy, in `scratch`; its path. It keeps the time that git compares with."""
        source, to = of or _index_of(self.tree), os.path.join(self.scratch, name)

        def do() -> None:
            with suppress(FileNotFoundError):  # nothing was ever staged
                copy_with_time(source, to)

        await in_thread(do)
        return to

    async def install(self, index: str) -> None:
        """Make a copy the index: once, at the end. The lock is given back with it.

        Raises:
            GitFailed: the index is as it was.
        """

        def do() -> None:
            target, ready = _index_of(self.tree), os.path.join(self.scratch, _NEXT)
            copy_with_time(index, ready)
            with suppress(FileNotFoundError):
                os.chmod(ready, stat.S_IMODE(os.stat(target).st_mode))
            _note(self._mark, _INSTALLING)
            os.replace(ready, target)
            with suppress(OSError):  # it is tried again at the end
                _unlock(self.tree, self.scratch)

        await in_thread(do)

    async def mended(self) -> None:
        """What the killed one left is dealt with. Without this it stays for the next one that takes the lock.

        Raises:
            GitFailed: it cannot be noted.
        """
        await in_thread(lambda: _note(self._mark, _HELD))
        self.left = ""

    def _take(self) -> bool:
        """Try once; True if it is ours. Blocks."""
        if self._mark < 0:
            self._mark = _make_scratch(self.scratch)
        try:
            _create(self.tree, self.scratch)
        except FileExistsError:
            return self._adopt()
        dead = _killed(self.tree)
        try:
            found = {_left_by(scratch, word, locked=False) for scratch, _, word in dead if word != _WAITS}
            self.left = UNSURE if UNSURE in found else NEW if found else ""
            _note(self._mark, _INSTALLING if found else _HELD)  # with the former the next one takes nothing back
            for scratch, _, _ in dead:
                shutil.rmtree(scratch, ignore_errors=True)
        finally:
            _close(dead)
        return True

    def _adopt(self) -> bool:
        """Take over the lock of a process of ours that was killed, with its scratch directory and its mark. Blocks."""
        dead = _killed(self.tree)
        try:
            for one in dead:
                scratch, mark, word = one
                if mark < 0 or not _is_named(self.tree, scratch):
                    continue
                dead.remove(one)
                dead.append((self.scratch, self._mark, _WAITS))  # to be closed
                shutil.rmtree(self.scratch, ignore_errors=True)
                self.scratch, self._mark, self.left = scratch, mark, _left_by(scratch, word, locked=True)
                if self.left == OLD:
                    _note(mark, _HELD)  # before `_NEXT` goes
                _sweep(scratch)
                return True
        finally:
            _close(dead)
        return False

    def _give_back(self) -> None:
        """Let go of the lock, unless a half exchanged tree still is as the killed one left it. Blocks."""
        try:
            if self.left != OLD:
                _unlock(self.tree, self.scratch)
            if not self.left:  # only now: a lock without its scratch directory is one that nobody may remove
                shutil.rmtree(self.scratch, ignore_errors=True)
        finally:
            if self._mark >= 0:
                os.close(self._mark)
                self._mark = -1


@asynccontextmanager
async def locked_index(tree: GitTree) -> AsyncIterator[IndexLock]:
    """Hold the lock of the index, as every git that changes it does. What a killed one of ours left is in `left`.

    Raises:
        GitFailed: another git holds it, or the repository cannot be written.
    """
    lock = IndexLock(tree, os.path.join(tree.git_dir, f"{_SCRATCH}{secrets.token_hex(4)}"))
    taken = False
    try:
        with trio.move_on_after(LOCK_WAIT_S):
            while True:
                if taken := await in_thread(lock._take):
                    break
                await trio.sleep(LOCK_TRY_S)
        if not taken:
            raise GitFailed(git_reason(f"Unable to create '{_lock_of(tree)}': File exists.", 128))
        yield lock
    finally:
        with trio.move_on_after(GIVE_BACK_S, shield=True):  # a few calls to the file system
            try:
                await trio.to_thread.run_sync(lock._give_back, abandon_on_cancel=True)
            except OSError as error:  # what was done under the lock is done; the next one of ours takes it over
                log.warning("checkpoints: git's lock in %s could not be given back: %s", tree.git_dir, error)


def somebody_was_killed(tree: GitTree) -> bool:
    """True if a process of ours was killed that had the lock, or waited for it, and nobody has cleared up. Blocks."""
    dead = [one for one in _killed(tree) if one[1] >= 0]
    _close(dead)
    return bool(dead)


def copy_with_time(source: str, to: str) -> None:
    """Copy a regular file's content and modification time, onto the disk. Blocks.

    Raises:
        OSError: it cannot be read, or not written.
    """
    with open(open_regular(source), "rb") as data, open(to, "wb") as out:
        shutil.copyfileobj(data, out)
        out.flush()
        os.fsync(out.fileno())
        times = os.fstat(data.fileno())
    os.utime(to, ns=(times.st_atime_ns, times.st_mtime_ns))


def _index_of(tree: GitTree) -> str:
    return os.path.join(tree.git_dir, "index")


def _lock_of(tree: GitTree) -> str:
    return os.path.join(tree.git_dir, "index.lock")


def _word_of(scratch: str) -> bytes:
    """What is in the lock of the process with this scratch directory."""
    return os.fsencode(os.path.basename(scratch))


def _create(tree: GitTree, scratch: str) -> None:
    """Make the lock. It is a link to a file of ours, so that it is never there without its word.

    Raises:
        FileExistsError: it is there, whoever's it is.
        OSError: it cannot be made.
    """
    ready = os.path.join(scratch, "lock")
    with open(ready, "wb") as file:
        file.write(_word_of(scratch))
    try:
        os.link(ready, _lock_of(tree))
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        fd = os.open(_lock_of(tree), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            os.write(fd, _word_of(scratch))
        except BaseException:  # nobody would know an empty one for ours, and it would stay for ever
            os.unlink(_lock_of(tree))
            raise
        finally:
            os.close(fd)


def _is_named(tree: GitTree, scratch: str) -> bool:
    """True if the lock is there and is the one of the process with this scratch directory."""
    try:
        return read_regular(_lock_of(tree), max_bytes=_MAX_WORD_BYTES, follow=False) == _word_of(scratch)
    except OSError:
        return False


def _unlock(tree: GitTree, scratch: str) -> None:
    """Remove the lock if it still is ours: somebody may have removed it, and another git have its own there now.

    Raises:
        OSError: it stays.
    """
    if _is_named(tree, scratch):
        with suppress(FileNotFoundError):
            os.unlink(_lock_of(tree))


def _make_scratch(scratch: str) -> int:
    """Make a scratch directory with the mark of a process that waits; the mark's descriptor, which the caller closes.

    It gets its name last: without its mark, or with one that is not locked, it would look like a dead process's.

    Raises:
        OSError: there is none.
    """
    new = os.path.join(os.path.dirname(scratch), f"{_NEW_SCRATCH}{secrets.token_hex(4)}")
    os.mkdir(new, 0o700)
    fd = -1
    try:
        fd = os.open(os.path.join(new, _MARK), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(new, scratch)
    except BaseException:
        if fd >= 0:
            os.close(fd)
        shutil.rmtree(new, ignore_errors=True)
        raise
    return fd


def _note(mark: int, word: bytes) -> None:
    """Write a mark's word, onto the disk."""
    os.pwrite(mark, word.ljust(_MAX_WORD_BYTES), 0)
    os.fsync(mark)


def _killed(tree: GitTree) -> list[tuple[str, int, bytes]]:
    """Scratch directories whose processes are gone: each with its mark, for the caller to close, and the mark's word.

    A directory without a mark is an older version's; its descriptor is -1.
    """
    found = []
    for scratch in sorted(glob(os.path.join(escape(tree.git_dir), f"{_SCRATCH}*"))):
        try:
            fd = open_regular(os.path.join(scratch, _MARK), os.O_RDWR)
        except FileNotFoundError:
            found.append((scratch, -1, _WAITS))
            continue
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.append((scratch, fd, os.pread(fd, _MAX_WORD_BYTES, 0).strip()))
        except OSError:  # it lives
            os.close(fd)
    return found


def _close(marks: list[tuple[str, int, bytes]]) -> None:
    for _, fd, _ in marks:
        if fd >= 0:
            os.close(fd)


def _left_by(scratch: str, word: bytes, *, locked: bool) -> str:
    """How a process that is gone left the index.

    Args:
        locked: its lock is still there, so that no other git has changed the index since.
    """
    if word == _INSTALLING and not os.path.lexists(os.path.join(scratch, _NEXT)):
        return NEW
    return OLD if locked else UNSURE


def _sweep(scratch: str) -> None:
    """Remove all but the mark from a scratch directory."""
    for name in os.listdir(scratch):
        if name != _MARK:
            os.unlink(os.path.join(scratch, name))
