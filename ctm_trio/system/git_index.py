"""Work on a copy of git's index, under git's own lock (`git_lock`): nothing is half done, no other git in between."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from ctm_trio.errors.git import GitFailed
from ctm_trio.system.git_command import checked, git, says, text_of
from ctm_trio.system.git_lock import IndexLock
from ctm_trio.system.git_tree import MAX_LIST_BYTES, GitTree
from ctm_trio.system.process import Done

_OUR_IDENTITY = ("-c", "user.name=ctm", "-c", "user.email=ctm@localhost")
_NO_IDENTITY = ("tell me who you are", "empty ident", "unable to auto-detect email", "no email was given")
_QUIET = ("-c", "add.ignoreErrors=false", "-c", "core.safecrlf=false", "-c", "core.looseCompression=1",
          "-c", "core.splitIndex=false")  # fmt: skip


async def git_in(tree: GitTree, index: str, *words: str, top: str = "", stdin: bytes = b"") -> Done:
    """Git with a copy of the index, and with another directory as the work tree if `top` is given.

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
