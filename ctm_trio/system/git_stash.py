"""A stash, made without touching a file: what is tracked, what is new, and what is ignored but in the way."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from ctm_trio.errors.git import RevertRefused
from ctm_trio.model.checkpoint import MAX_NAMED
from ctm_trio.model.sound import name_shown
from ctm_trio.system.git_command import checked, git, names_of, text_of
from ctm_trio.system.git_index import add_paths, add_tracked, commit_tree, git_in, whole, write_tree
from ctm_trio.system.git_lock import IndexLock
from ctm_trio.system.git_tree import GitTree
from ctm_trio.system.places import in_place

MAX_FILES = 50_000
MAX_BYTES = 1024**3
"""What one stash takes: files, and bytes of them. More is refused before anything is done."""


async def check_size(tree: GitTree, paths: Sequence[bytes]) -> None:
    """See that so much can be stashed.

    Raises:
        RevertRefused: it is too much.
    """

    def measure() -> int:
        total = 0
        for path in paths:
            try:
                status = os.lstat(os.path.join(os.fsencode(tree.top), path))
            except OSError:
                continue
            total += status.st_size if stat.S_ISREG(status.st_mode) else 0
        return total

    many = len(paths) > MAX_FILES
    total = 0 if many else await in_place(measure)
    if many or total > MAX_BYTES:
        size = "" if many else f" with {total / 1024**2:,.0f} MB"
        raise RevertRefused(
            f"{len(paths):,} files{size} would have to be stashed; the limit is {MAX_FILES:,} files and "
            f"{MAX_BYTES // 1024**2:,} MB. Commit, ignore or move some of them first. Nothing was changed.",
            [name_shown(path) for path in sorted(paths)[:MAX_NAMED]],
        )


async def saved_state(locked: IndexLock, shown: str, new: Sequence[bytes]) -> tuple[str, str]:
    """Read what is on disk into the object database.

    Args:
        shown: a copy of the index in which nothing is hidden (`assume-unchanged`).
        new: untracked files to take too.

    Returns:
        Two copies of the index: what is on disk of the tracked files, and the new ones alone.

    Raises:
        GitFailed: with git's reason.
    """
    tracked, untracked = await locked.copy("worktree", shown), os.path.join(locked.scratch, "untracked")
    await add_tracked(locked.tree, tracked)
    await add_paths(locked.tree, tracked, await _passed_over(locked.tree, tracked))
    await add_paths(locked.tree, untracked, new)
    return tracked, untracked


async def _passed_over(tree: GitTree, index: str) -> list[bytes]:
    """What `git add` did not take although it differs: files that are there, outside of a sparse checkout."""
    words = ("diff-files", "--name-only", "-z", "--diff-filter=d", "--ignore-submodules=dirty")
    return names_of(whole(checked(await git_in(tree, index, *words), "diff-files")))


async def with_new(locked: IndexLock, tracked: str, untracked: str) -> str:
    """Both of `saved_state` in one index: what the stash has, to compare files with."""
    both = await locked.copy("both", tracked)
    if await in_place(os.path.exists, untracked):
        listed = whole(checked(await git_in(locked.tree, untracked, "ls-files", "--stage", "-z"), "ls-files"))
        words = ("update-index", "--add", "--replace", "-z", "--index-info")
        checked(await git_in(locked.tree, both, *words, stdin=listed), "update-index")
    return both


async def store_stash(locked: IndexLock, head: str, tracked: str, untracked: str, message: str) -> str:
    """Make the stash commit that `git stash` would make, and put it on the list of stashes; its sha.

    Raises:
        GitFailed: with git's reason; there is no stash then.
    """
    tree = locked.tree
    done = await git(tree.top, "symbolic-ref", "--short", "--quiet", "HEAD")
    branch = text_of(done) if done.code == 0 else "(no branch)"
    about = text_of(checked(await git(tree.top, "log", "-1", "--format=%h %s", "--no-patch", head, "--"), "log"))
    index = await write_tree(tree, await locked.copy("staged"))
    parents = [head, await commit_tree(tree, index, [head], f"index on {branch}: {about}\n")]
    if await in_place(os.path.exists, untracked):
        content = await write_tree(tree, untracked)
        parents.append(await commit_tree(tree, content, [], f"untracked files on {branch}: {about}\n"))
    text = f"On {branch}: {message}"
    stash = await commit_tree(tree, await write_tree(tree, tracked), parents, f"{text}\n")
    checked(await git(tree.top, "stash", "store", "-m", text, stash, reading=False), "stash")
    return stash
