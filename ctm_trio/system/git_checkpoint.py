"""The checkpoint commit before a session in yolo mode: what belongs into it, and what is left out."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence

import msgspec
import trio

from ctm_trio.errors.git import GitFailed
from ctm_trio.errors.sessions import SpawnFailed
from ctm_trio.model.checkpoint import PREFIX
from ctm_trio.model.git_reason import plain_line
from ctm_trio.model.secret_names import looks_secret
from ctm_trio.model.sound import name_shown
from ctm_trio.model.times import format_time
from ctm_trio.system.git_command import git
from ctm_trio.system.git_index import add_paths, add_tracked, commit_tree, move_both, write_tree
from ctm_trio.system.git_keep import Kept, hidden_files, hold, keep_hidden, keep_staged, let_go
from ctm_trio.system.git_lock import IndexLock, locked_index
from ctm_trio.system.git_revert_killed import mend, take_back_killed
from ctm_trio.system.git_tree import (
    Changes,
    GitTree,
    changes_in,
    find_tree,
    head_of,
    hides_untracked,
    is_of_home,
    under_way,
)
from ctm_trio.system.places import in_place

MAX_NEW_FILES = 20_000
MAX_BYTES = 1024**3
"""What one checkpoint takes: new files, and bytes of new and changed ones. More is refused with the cure."""

MAX_FILE_BYTES = 100 * 1024**2
"""A larger new file is left out, and the commit says so."""

HIDDEN = "Left out of the checkpoint, all new files: git is told not to show them (status.showUntrackedFiles)."

SHOWN = 20
"""Paths that are named of each kind that is left out."""


class Taken(msgspec.Struct, frozen=True):
    """New files that belong into a checkpoint, and why others do not: a line for each kind of them."""

    paths: tuple[bytes, ...]
    left_out: tuple[str, ...]


class _Look(msgspec.Struct, frozen=True):
    """What a look at the tree brought.

    Attributes:
        head: the commit that is checked out, "" for none.
        wanted: there is something to commit, or `head` is not a checkpoint.
        hidden: files that git is told not to look at; what has changed in them cannot be seen yet.
    """

    head: str
    taken: Taken
    wanted: bool
    hidden: tuple[bytes, ...]

    @property
    def note(self) -> str:
        return " ".join(self.taken.left_out)


async def make_checkpoint(workdir: str, label: str) -> str:
    """Commit what is in the work tree as a checkpoint; nothing happens outside of git, or on one that is clean.

    Never in it: nested repositories (agents' worktrees among them), new files whose names say that they hold secrets,
    new files over `MAX_FILE_BYTES`, all new files where git is told not to show them, and changes in files that it is
    told not to look at. The latter, and what is staged and no longer on the disk, are kept beside it (`git_keep`). In a
    repository of HOME there is none at all. Nothing has changed if it fails.

    Args:
        label: follows `checkpoint: ` in the subject.

    Returns:
        What was left out, or why there is none, for a person; "" if there is nothing to say.

    Raises:
        GitFailed: it could not be made; the message says why and what to do.
    """
    tree = await find_tree(workdir)
    if tree is None:
        return ""
    await mend(tree)  # else the user's new files lie aside, and are in no checkpoint
    if await is_of_home(tree):
        why = "it contains your home directory, most of which should not be committed"
        return f"No checkpoint is made in {tree.top}: {why}."
    if busy := await under_way(tree):
        raise GitFailed(f"{busy} A checkpoint now would become part of it.")
    found = await _look(tree)
    if not (found.wanted or found.hidden):
        return found.note
    async with locked_index(tree) as locked:
        if locked.left:  # killed since `mend`, or it could not be mended then
            await take_back_killed(locked)
            found = await _look(tree)
        return await _commit(locked, found, f"{PREFIX} {label}")


async def _commit(locked: IndexLock, found: _Look, subject: str) -> str:
    """Make the commit, and keep beside it what it cannot hold; what there is to say.

    Raises:
        GitFailed: nothing has changed.
    """
    tree = locked.tree
    index = await locked.copy("index")
    await add_tracked(tree, index)
    await add_paths(tree, index, found.taken.paths)
    content = await write_tree(tree, index)
    hidden = await keep_hidden(locked, index, content, found.hidden)
    if not (found.wanted or (hidden and hidden.new)):
        return " ".join([*found.taken.left_out, *([_hidden_line(hidden)] if hidden else [])])
    staged = await keep_staged(locked, found.head, content)
    lines = [*found.taken.left_out]
    lines += [_hidden_line(hidden)] if hidden else []
    lines += [_staged_line(staged)] if staged else []
    parents = [found.head] if found.head else []
    commit = await commit_tree(tree, content, parents, subject + "".join(f"\n\n{line}" for line in lines) + "\n")
    beside = [kept for kept in (hidden, staged) if kept is not None]
    done = False
    try:
        for kept in beside:
            await hold(tree, kept)
        await move_both(locked, index, commit, was=found.head, why=f"commit: {subject}")
        done = True
    finally:
        if not done:
            with trio.CancelScope(shield=True):  # a short command or two
                for kept in beside:
                    await let_go(tree, kept)
    return " ".join(lines)


def _hidden_line(kept: Kept) -> str:
    what = "changes in files that git is told not to look at (skip-worktree, assume-unchanged)"
    return f"{_line(what, kept.paths)} They are kept in commit {kept.commit}."


def _staged_line(kept: Kept) -> str:
    what = "what was staged and then changed or deleted on the disk"
    return f"{_line(what, kept.paths)} It is kept in commit {kept.commit}."


async def checkpoint_for_yolo(workdir: str) -> str:
    """The checkpoint before a session in yolo mode begins, where there is git; see `make_checkpoint`.

    Raises:
        SpawnFailed: it cannot be made; the session must not start then.
    """
    try:
        return await make_checkpoint(workdir, f"pre-yolo {format_time(int(time.time()))}")
    except GitFailed as error:
        text = f"No checkpoint could be made first: {error.message} Or set git_checkpoint_before_yolo to false."
        raise SpawnFailed(text) from error


async def _look(tree: GitTree) -> _Look:
    """What there is to commit.

    Raises:
        GitFailed: git cannot tell, or it cannot be committed.
    """
    hides = await hides_untracked(tree)
    changes = await changes_in(tree, untracked=not hides)
    if changes.conflicts:
        raise GitFailed("The repository has merge conflicts, so no checkpoint can be made; resolve them first.")
    taken = await in_place(_choose, tree.top, changes)
    if hides:
        taken = Taken(taken.paths, (*taken.left_out, HIDDEN))
    head = await head_of(tree)
    new = bool(changes.tracked or taken.paths)
    return _Look(head, taken, new or await _is_other_work(tree, head), await hidden_files(tree))


async def _is_other_work(tree: GitTree, head: str) -> bool:
    """True if this commit is there and is not a checkpoint."""
    if not head:
        return False
    last = await git(tree.top, "log", "-1", "--format=%s", "--no-patch")
    return last.code == 0 and not last.stdout.startswith(PREFIX.encode())


def _choose(top: str, changes: Changes) -> Taken:
    """Which new files are taken. Blocks for an `lstat` a file.

    Raises:
        GitFailed: there are too many, or too much.
    """
    if changes.cut or len(changes.untracked) > MAX_NEW_FILES:
        where = plain_line(_crowded(changes.untracked), 200)
        raise GitFailed(
            f"There are more than {MAX_NEW_FILES:,} new files in the work tree, most of them in {where}; "
            "add what should not be committed to .gitignore, or commit it yourself."
        )
    paths, secret, large, total = [], [], [], 0
    for path in changes.untracked:
        size = _size(top, path)
        if looks_secret(os.fsdecode(path)):
            secret.append(path)
        elif size is None:
            continue  # it is gone by now
        elif size > MAX_FILE_BYTES:
            large.append(path)
        else:
            paths.append(path)
            total += size
    total += sum(_size(top, path) or 0 for path in changes.tracked)
    if total > MAX_BYTES:
        raise GitFailed(
            f"New and changed files have {total / 1024**3:.1f} GB, and a checkpoint takes {MAX_BYTES // 1024**3} GB; "
            "add what should not be committed to .gitignore, or commit it yourself."
        )
    left_out = (
        _line("files whose names say that they hold secrets", secret),
        _line(f"files over {MAX_FILE_BYTES // 1024**2} MB", large),
        _line("nested repositories", changes.nested),
    )
    return Taken(tuple(paths), tuple(line for line in left_out if line))


def _size(top: str, path: bytes) -> int | None:
    """Bytes of a file, 0 of a link, None of what is not there."""
    try:
        status = os.lstat(os.path.join(os.fsencode(top), path))
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _line(what: str, paths: Sequence[bytes]) -> str:
    if not paths:
        return ""
    shown = ", ".join(plain_line(name_shown(path), 200) for path in paths[:SHOWN])
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"Left out of the checkpoint, {what}: {shown}{more}."


def _crowded(paths: Sequence[bytes]) -> str:
    """The directory at the top that most of the paths are in."""
    counts: dict[bytes, int] = {}
    for path in paths:
        first = path.split(b"/")[0] + b"/" if b"/" in path else b"./"
        counts[first] = counts.get(first, 0) + 1
    return name_shown(max(counts, key=lambda name: counts[name], default=b"./"))
