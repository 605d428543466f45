"""What a checkpoint cannot hold, as its tree is the work tree: kept in commits of its own that no branch has.

Each is a commit without a parent that has only such files, under a ref that is named after its content: git never
throws it away, `git push` does not take it along, and the same content is kept once.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from ctm_trio.errors.git import GitFailed
from ctm_trio.system.git_command import checked, git, names_of, text_of
from ctm_trio.system.git_index import add_paths, commit_tree, git_in, joined, whole, write_tree
from ctm_trio.system.git_lock import IndexLock
from ctm_trio.system.git_tree import MAX_LIST_BYTES, GitTree
from ctm_trio.system.places import in_place

REFS = "refs/ctm/kept"
MAX_BYTES = 1024**3
"""Of changed files that git does not look at, in one checkpoint; more is refused."""


class Kept(msgspec.Struct, frozen=True):
    """Files of one kind that are in a commit of their own; `ref` is to be made if it is `new`."""

    commit: str
    ref: str
    paths: tuple[bytes, ...]
    new: bool


async def hidden_files(tree: GitTree) -> tuple[bytes, ...]:
    """Tracked files that are there and that git is told not to look at (`assume-unchanged`, `skip-worktree`).

    Raises:
        GitFailed: git cannot tell.
    """
    listed = whole(checked(await git(tree.top, "ls-files", "-v", "-z", max_bytes=MAX_LIST_BYTES), "ls-files"))
    top = os.fsencode(tree.top)

    def there() -> tuple[bytes, ...]:
        marked = (entry[2:] for entry in names_of(listed) if entry[:1].islower() or entry[:1] == b"S")
        return tuple(path for path in marked if _bytes_of(top, path) is not None)

    return await in_place(there)


async def keep_staged(locked: IndexLock, head: str, content: str) -> Kept | None:
    """Keep what is staged and neither in HEAD nor in the checkpoint: it was changed or deleted on the disk since.

    Args:
        head: the commit that is checked out, "" for none.
        content: the tree of the checkpoint.

    Raises:
        GitFailed: with git's reason.
    """
    staged = await locked.copy("staged")
    if not await in_place(os.path.exists, staged):
        return None
    lost = await _differing(locked.tree, content, staged)
    if head and lost:
        new = await _differing(locked.tree, head, staged)
        lost = {path: entry for path, entry in lost.items() if path in new}
    return await _keep(locked, "staged", lost)


async def keep_hidden(locked: IndexLock, index: str, content: str, hidden: Sequence[bytes]) -> Kept | None:
    """Keep what is on the disk of files that git is told not to look at, where it is not what the checkpoint has.

    Args:
        index: of the checkpoint.
        content: its tree.
        hidden: such files.

    Raises:
        GitFailed: with git's reason, or there is too much.
    """
    if not hidden:
        return None
    tree, shown = locked.tree, await locked.copy("unhidden", index)
    for flag in ("--no-assume-unchanged", "--no-skip-worktree"):
        done = await git_in(tree, shown, "update-index", flag, "-z", "--stdin", stdin=joined(hidden))
        checked(done, "update-index")
    words = ("diff-files", "-z", "--name-only", "--diff-filter=MT", "--ignore-submodules=all")
    changed = set(names_of(whole(checked(await git_in(tree, shown, *words), "diff-files")))).intersection(hidden)
    top = os.fsencode(tree.top)
    size = await in_place(lambda: sum(_bytes_of(top, path) or 0 for path in changed))
    if size > MAX_BYTES:
        raise GitFailed(
            f"Changed files that git is told not to look at have {size / 1024**3:.1f} GB, "
            f"and {MAX_BYTES // 1024**3} GB of them can be kept; move some away."
        )
    await add_paths(tree, shown, sorted(changed))
    differing = await _differing(tree, content, shown)
    return await _keep(locked, "hidden", {path: entry for path, entry in differing.items() if path in changed})


async def hold(tree: GitTree, kept: Kept) -> None:
    """Make the ref, so that git does not throw the commit away.

    Raises:
        GitFailed: with git's reason.
    """
    if kept.new:
        done = await git(tree.top, "update-ref", kept.ref, kept.commit, reading=False)
        checked(done, "update-ref")


async def let_go(tree: GitTree, kept: Kept) -> None:
    """Remove a ref that was made for a checkpoint that failed. Never fails: the ref does no harm."""
    if kept.new:
        with suppress(GitFailed):  # it must not hide what the checkpoint failed of
            await git(tree.top, "update-ref", "-d", kept.ref, kept.commit, reading=False)


async def _keep(locked: IndexLock, kind: str, entries: dict[bytes, bytes]) -> Kept | None:
    """A commit that has these entries and no others; None for none."""
    if not entries:
        return None
    tree, index = locked.tree, os.path.join(locked.scratch, f"kept-{kind}")
    words = ("update-index", "--add", "--replace", "-z", "--index-info")
    checked(await git_in(tree, index, *words, stdin=joined(list(entries.values()))), "update-index")
    content = await write_tree(tree, index)
    ref = f"{REFS}/{content}"
    done = await git(tree.top, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    commit = text_of(done) if done.code == 0 else ""
    if not commit:
        commit = await commit_tree(tree, content, [], f"ctm: kept beside a checkpoint ({kind})\n")
    return Kept(commit, ref, tuple(sorted(entries)), done.code != 0)


async def _differing(tree: GitTree, base: str, index: str) -> dict[bytes, bytes]:
    """Entries of an index that differ from a commit or a tree: path → what `--index-info` takes for it."""
    words = ("diff-index", "--cached", "--raw", "-z", "--no-renames", "--full-index", base, "--")
    fields = names_of(whole(checked(await git_in(tree, index, *words), "diff-index")))
    found = {}
    for about, path in zip(fields[0::2], fields[1::2], strict=True):
        _, mode, _, blob, _ = about.split(b" ")
        if mode != b"000000":
            found[path] = b"%b %b\t%b" % (mode, blob, path)
    return found


def _bytes_of(top: bytes, path: bytes) -> int | None:
    """Bytes of a file, 0 of a link, None if there is neither."""
    try:
        status = os.lstat(os.path.join(top, path))
    except OSError:
        return None
    if stat.S_ISREG(status.st_mode):
        return status.st_size
    return 0 if stat.S_ISLNK(status.st_mode) else None
