"""Work on a copy of git's index, under git's own lock: nothing is half done, and no other git comes in between."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from glob import escape, glob

import trio

from ctm_trio.errors import GitFailed
from ctm_trio.model.git_reason import git_reason
from ctm_trio.model.sound import name_shown
from ctm_trio.system.files import open_regular
from ctm_trio.system.git_command import checked, git, says, text_of
from ctm_trio.system.git_tree import MAX_LIST_BYTES, GitTree
from ctm_trio.system.process import Done

_SCRATCH = "ctm-scratch-"
_OUR_IDENTITY = ("-c", "user.name=ctm", "-c", "user.email=ctm@localhost")
_NO_IDENTITY = ("tell me who you are", "empty ident", "unable to auto-detect email", "no email was given")
_QUIET = ("-c", "add.ignoreErrors=false", "-c", "core.safecrlf=false", "-c", "core.looseCompression=1",
          "-c", "core.splitIndex=false")  # fmt: skip


@dataclass(frozen=True, slots=True)
class IndexLock:
    """git's index, locked.

    Attributes:
        scratch: a directory of ours beside it that is gone afterwards.
        left: how a process of ours that was killed with the lock in its hands left the index: `OLD` as it was, `NEW`
            if it was exchanged already, `UNSURE` if somebody has changed it since; "" if there was none.
    """

    tree: GitTree
    scratch: str
    left: str = ""

    async def copy(self, name: str, of: str = "") -> str:
        """A copy of the index, or of another copy, in `scratch`; its path. It keeps the time that git compares with."""
        source, to = of or os.path.join(self.tree.git_dir, "index"), os.path.join(self.scratch, name)

        def do() -> None:
            try:
                copy_with_time(source, to)
            except FileNotFoundError:
                pass  # nothing was ever staged

        await _in_thread(do)
        return to

    async def install(self, index: str) -> None:
        """Make a copy the index: once, at the end. The lock is gone then."""
        lock = _lock_of(self.tree)

        def do() -> None:
            target = os.path.join(self.tree.git_dir, "index")
            copy_with_time(index, lock)
            with suppress(FileNotFoundError):
                os.chmod(lock, stat.S_IMODE(os.stat(target).st_mode))
            os.replace(lock, target)

        await _in_thread(do)


OLD, NEW, UNSURE = "old", "new", "unsure"

_OWNER = "owner"
"""In a scratch directory: the inode of the lock, under a `flock` that ends with the process, however it ends."""

LOCK_WAIT_S = 1.0
"""How long a git that holds the lock is waited for; they come and go where an agent works."""

LOCK_TRY_S = 0.05
GIVE_BACK_S = 5.0
"""How long the lock may take to be given back when all is cut off; a stalled disk gives it back later, or never."""


@asynccontextmanager
async def locked_index(tree: GitTree) -> AsyncIterator[IndexLock]:
    """Hold the lock of the index, as every git that changes it does. What a killed one of ours left is removed.

    Raises:
        GitFailed: another git holds it, or the repository cannot be written.
    """
    lock = _lock_of(tree)
    scratch = os.path.join(tree.git_dir, f"{_SCRATCH}{secrets.token_hex(4)}")
    ours: list[int] = []
    left: list[str] = []
    held: list[int] = []

    def take() -> None:
        if not held:
            os.mkdir(scratch, 0o700)
            held.append(_mark_as_ours(scratch))
        try:
            fd = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            ours.append(os.fstat(fd).st_ino)
            os.close(fd)
            os.pwrite(held[0], b"%d" % ours[0], 0)
        except FileExistsError:
            ours.extend(_adopt(tree, held[0]))
            left.extend(OLD for _ in ours)
        if ours:
            left.extend(_clear_killed(tree))

    def give_back() -> None:
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            if ours and os.lstat(lock).st_ino == ours[0]:  # after `install` it is gone, or another git's
                os.unlink(lock)
        except FileNotFoundError:
            pass
        finally:
            for fd in held:
                os.close(fd)
            held.clear()

    try:
        with trio.move_on_after(LOCK_WAIT_S):
            while not ours:
                await _in_thread(take)
                if not ours:
                    await trio.sleep(LOCK_TRY_S)
        if not ours:
            raise GitFailed(git_reason(f"Unable to create '{lock}': File exists.", 128))
        yield IndexLock(tree, scratch, left[0] if left else "")
    finally:
        with trio.move_on_after(GIVE_BACK_S, shield=True):  # a few calls to the file system
            await trio.to_thread.run_sync(give_back, abandon_on_cancel=True)


def _mark_as_ours(scratch: str) -> int:
    """Make the file that tells whether we live; its descriptor, which the caller closes."""
    fd = os.open(os.path.join(scratch, _OWNER), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd


def somebody_was_killed(tree: GitTree) -> bool:
    """True if a process of ours was killed with the lock in its hands, and nobody has cleared up since. Blocks."""
    for scratch in _scratches(tree):
        with _mark_of_killed(scratch) as inode:
            if inode:
                return True
    return False


@contextmanager
def _mark_of_killed(scratch: str) -> Iterator[int | None]:
    """The inode of the lock that a process which is gone had, 0 if it had none; None if it lives, or left no mark."""
    try:
        fd = open_regular(os.path.join(scratch, _OWNER))
    except OSError:
        yield None
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        inode = int(os.read(fd, 32) or b"0")
    except (BlockingIOError, ValueError):
        os.close(fd)
        yield None
        return
    try:
        yield inode
    finally:
        os.close(fd)


def _scratches(tree: GitTree) -> list[str]:
    return glob(os.path.join(escape(tree.git_dir), f"{_SCRATCH}*"))


def _adopt(tree: GitTree, mark: int) -> list[int]:
    """Take over the lock of a process of ours that was killed; its inode, if there is such a one.

    Args:
        mark: the descriptor of our own mark.
    """
    for scratch in _scratches(tree):
        with _mark_of_killed(scratch) as inode, suppress(FileNotFoundError):
            if inode and os.lstat(_lock_of(tree)).st_ino == inode:
                os.pwrite(mark, b"%d" % inode, 0)
                shutil.rmtree(scratch, ignore_errors=True)
                return [inode]
    return []


def _clear_killed(tree: GitTree) -> list[str]:
    """Remove what processes that are gone left in their scratch directories; how they left the index. We have the lock.

    A directory without a mark is an older version's, which is gone too, or we would not have the lock.
    """
    found = []
    for scratch in _scratches(tree):
        with _mark_of_killed(scratch) as inode:
            if inode is not None or not os.path.exists(os.path.join(scratch, _OWNER)):
                shutil.rmtree(scratch, ignore_errors=True)
        if inode:
            with suppress(FileNotFoundError):
                found.append(NEW if os.lstat(os.path.join(tree.git_dir, "index")).st_ino == inode else UNSURE)
    return found


async def git_in(tree: GitTree, index: str, *words: str, top: str = "", stdin: bytes = b"") -> Done:
    """git with a copy of the index, and with another directory as the work tree if `top` is given.

    Raises:
        GitFailed: it cannot be run, or took too long.
    """
    env = {"GIT_INDEX_FILE": index} if index else {}
    if top:
        env |= {"GIT_DIR": tree.git_dir, "GIT_WORK_TREE": top}
    return await git(top or tree.top, *words, env=env, stdin=stdin, max_bytes=MAX_LIST_BYTES, reading=False)


def whole(done: Done) -> bytes:
    """What it printed, if that is all of it.

    Raises:
        GitFailed: it was cut.
    """
    if done.cut:
        raise GitFailed("The repository has too many files for this.")
    return done.stdout


async def add_tracked(tree: GitTree, index: str) -> None:
    """Take what is on disk of every tracked file into a copy of the index.

    Raises:
        GitFailed: with git's reason.
    """
    checked(await git(tree.top, *_QUIET, "add", "--update", env={"GIT_INDEX_FILE": index}, reading=False), "add")


async def add_paths(tree: GitTree, index: str, paths: Sequence[bytes]) -> None:
    """Take new files into a copy of the index, ignored ones too; one that has vanished is left out.

    Raises:
        GitFailed: with git's reason.
    """
    if paths:
        words = (*_QUIET, "update-index", "--add", "--remove", "--replace", "-z", "--stdin")
        env = {"GIT_INDEX_FILE": index}
        checked(await git(tree.top, *words, env=env, reading=False, stdin=joined(paths)), "update-index")


async def write_tree(tree: GitTree, index: str) -> str:
    """The tree object of an index; its sha.

    Raises:
        GitFailed: with git's reason.
    """
    done = await git(tree.top, "write-tree", env={"GIT_INDEX_FILE": index}, reading=False)
    return text_of(checked(done, "write-tree"))


async def commit_tree(tree: GitTree, content: str, parents: Sequence[str], message: str) -> str:
    """A commit object, under our name if git knows none; its sha. No branch moves.

    Raises:
        GitFailed: with git's reason.
    """
    words = ("commit-tree", content, *(word for parent in parents for word in ("-p", parent)))
    text = message.encode(errors="replace")
    done = await git(tree.top, *words, stdin=text, reading=False)
    if says(done, _NO_IDENTITY):
        done = await git(tree.top, *_OUR_IDENTITY, *words, stdin=text, reading=False)
    return text_of(checked(done, "commit-tree"))


async def move_head(tree: GitTree, to: str, *, was: str, why: str) -> None:
    """Put HEAD, or the branch that is checked out, on another commit, if it is still where it was.

    Args:
        to: the commit, "" for none: the branch is unborn then.
        was: the commit that it must be on, "" for none yet.
        why: for the reflog.

    Raises:
        GitFailed: it has moved meanwhile, or git refuses.
    """
    what = ("HEAD", to, was or tree.no_commit) if to else ("-d", "HEAD", was)
    done = await git(tree.top, "update-ref", "-m", why, *what, reading=False)
    if done.code != 0 and ("but expected" in done.stderr or "reference already exists" in done.stderr):
        raise GitFailed("Somebody else committed meanwhile, so nothing was changed; try again.")
    checked(done, "update-ref")


async def move_both(locked: IndexLock, index: str, to: str, *, was: str, why: str) -> None:
    """Put HEAD on another commit and make a copy of the index the index: both, or none of them.

    Nobody's deadline comes in between: it is two short commands.

    Args:
        index, to, was, why: as for `IndexLock.install` and `move_head`.

    Raises:
        GitFailed: nothing has moved; or, if HEAD could not be moved back, the message says so.
    """
    tree = locked.tree
    with trio.CancelScope(shield=True):
        await move_head(tree, to, was=was, why=why)
        try:
            await locked.install(index)
        except GitFailed as error:
            try:
                await move_head(tree, was, was=to, why="reset: taken back")
            except GitFailed as again:
                back = f"to go back, `git reset --soft {was}`" if was else "to go back, `git update-ref -d HEAD`"
                text = f"{error.message} HEAD is on {to} already and could not be moved back: {again.message}"
                raise GitFailed(f"{text} The index is as it was; {back}.") from error
            raise


def joined(paths: Sequence[bytes]) -> bytes:
    """Paths for `-z --stdin`."""
    return b"".join(path + b"\0" for path in paths)


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


def _lock_of(tree: GitTree) -> str:
    return os.path.join(tree.git_dir, "index.lock")


async def _in_thread(work: Callable[[], None]) -> None:
    try:
        await trio.to_thread.run_sync(work)
    except OSError as error:
        name = name_shown(error.filename) if isinstance(error.filename, bytes | str) else ""
        text = f"The repository's files cannot be written: {error.strerror or error} ({name})."
        raise GitFailed(git_reason(text, 1)) from error
