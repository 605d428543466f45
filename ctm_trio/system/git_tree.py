"""What a work tree is and in which state: looked at before anything is changed in it."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import trio

from ctm_trio.system.git_command import NO_REPOSITORY, checked, git, names_of, says, text_of
from ctm_trio.system.places import in_place
from ctm_trio.system.process import Done

MAX_LIST_BYTES = 64 * 1024 * 1024
"""Of a list of paths: some 600,000 of them. What is longer is refused by whoever needs it whole."""

_BISECT = "a bisection"
_UNDER_WAY = (
    ("rebase-merge", "a rebase", "git rebase --abort"),
    ("rebase-apply/applying", "`git am`", "git am --abort"),
    ("rebase-apply", "a rebase", "git rebase --abort"),
    ("MERGE_HEAD", "a merge", "git merge --abort"),
    ("CHERRY_PICK_HEAD", "a cherry-pick", "git cherry-pick --abort"),
    ("REVERT_HEAD", "`git revert`", "git revert --abort"),
    ("sequencer", "a series of cherry-picks or reverts", "git cherry-pick --abort"),
    ("BISECT_LOG", _BISECT, "git bisect reset"),
)


class GitTree(msgspec.Struct, frozen=True):
    """A work tree. All paths are absolute.

    Attributes:
        workdir: the session's directory, at or below `top`.
        top: of the work tree.
        git_dir: of this work tree (a linked one has its own).
        common_dir: of the repository.
        sha_digits: 40, or 64 in a sha256 repository.
    """

    workdir: str
    top: str
    git_dir: str
    common_dir: str
    sha_digits: int = 40

    @property
    def no_commit(self) -> str:
        """What git takes for "there is none"."""
        return "0" * self.sha_digits


class Changes(msgspec.Struct, frozen=True):
    """What differs from HEAD, as paths relative to the top of the tree, in bytes as git has them.

    Attributes:
        tracked: changed, staged, deleted or conflicting.
        untracked: new files that are not ignored; nested repositories are not among them.
        nested: nested repositories that nobody tracks, each ending in `/`. They are never ours to change.
        conflicts: some tracked ones are conflicting.
        cut: there are more than were read.
    """

    tracked: tuple[bytes, ...] = ()
    untracked: tuple[bytes, ...] = ()
    nested: tuple[bytes, ...] = ()
    conflicts: bool = False
    cut: bool = False

    def __bool__(self) -> bool:
        return bool(self.tracked or self.untracked)


async def find_tree(workdir: str) -> GitTree | None:
    """The work tree that `workdir` is in, None if it is in none.

    A repository whose `core.worktree` points elsewhere does not count: a reset there would write over other files.

    Raises:
        GitFailed: git cannot tell, e.g. because it does not trust the directory's owner.
    """
    words = (
        "--is-inside-work-tree",
        "--show-object-format",
        "--absolute-git-dir",
        "--git-common-dir",
        "--show-toplevel",
    )
    done = await git(workdir, "rev-parse", *words)
    if says(done, NO_REPOSITORY) or done.stdout.startswith(b"false\n"):
        return None
    lines = text_of(checked(done, "rev-parse")).split("\n")
    if len(lines) != len(words):  # a line break in a path
        lines = [text_of(checked(await git(workdir, "rev-parse", word), "rev-parse")) for word in words]
    inside, shas, git_dir, common_dir, top = lines
    common_dir = os.path.join(workdir, common_dir)

    def found() -> GitTree | None:
        if inside != "true" or not Path(workdir).resolve().is_relative_to(Path(top).resolve()):
            return None
        return GitTree(workdir, top, git_dir, os.path.normpath(common_dir), 64 if shas == "sha256" else 40)

    return await in_place(found)


async def head_of(tree: GitTree) -> str:
    """The commit that is checked out, "" before the first one.

    Raises:
        GitFailed: HEAD is broken, or git is.
    """
    done = await git(tree.top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if done.code == 1 and not done.stderr:
        return ""
    return text_of(checked(done, "rev-parse")).strip()


async def under_way(tree: GitTree) -> str:
    """What git is in the middle of there, as a sentence with the way out; "" for nothing."""

    def look() -> str:
        for name, what, way_out in _UNDER_WAY:
            if os.path.lexists(os.path.join(tree.git_dir, name)):
                end = "end it" if what == _BISECT else "finish it, or give it up"
                return f"{what[0].upper()}{what[1:]} is under way in {tree.top}; {end} (`{way_out}`)."
        return ""

    return await in_place(look)


async def leaves_untracked(tree: GitTree) -> bool:
    """True if new files of this tree are not to be touched: it is or holds HOME, or git does not show them there.

    A repository of dotfiles tracks some files of HOME; all the rest there, keys and our own files, is not its business.
    """
    return await is_of_home(tree) or await hides_untracked(tree)


async def is_of_home(tree: GitTree) -> bool:
    """True if HOME is this tree, or in it."""
    return await in_place(holds_home, tree.top)


async def hides_untracked(tree: GitTree) -> bool:
    """True if the user has told git not to show new files (`status.showUntrackedFiles`)."""
    done = await git(tree.top, "config", "--get", "status.showUntrackedFiles")
    return done.code == 0 and done.stdout.strip().lower() in (b"no", b"false", b"off", b"0")


def holds_home(top: str) -> bool:
    """True if HOME is this directory or below it. Blocks."""
    try:
        return Path.home().resolve().is_relative_to(Path(top).resolve())
    except (OSError, RuntimeError):
        return True  # it cannot be told, so assume it does


async def changes_in(tree: GitTree, *, untracked: bool, index: str = "") -> Changes:
    """What differs from HEAD.

    What has changed inside a submodule does not count: it is a repository of its own.

    Args:
        untracked: look for new files too.
        index: another index file, "" for the tree's own.

    Raises:
        GitFailed: git cannot tell.
    """
    words = ("status", "--porcelain=v2", "-z", "--ignore-submodules=dirty", "--no-renames",
             f"--untracked-files={'all' if untracked else 'no'}")  # fmt: skip
    env = {"GIT_INDEX_FILE": index} if index else {}
    done = checked(await git(tree.top, *words, env=env, max_bytes=MAX_LIST_BYTES), "status")
    return await trio.to_thread.run_sync(_parse_status, done, abandon_on_cancel=True)


def _parse_status(done: Done) -> Changes:
    """What `git status` printed; with many paths that takes its time."""
    tracked: list[bytes] = []
    new: list[bytes] = []
    nested: list[bytes] = []
    conflicts = False
    for entry in names_of(done.stdout):
        kind = entry[:1]
        if kind == b"?":
            (nested if entry.endswith(b"/") else new).append(entry[2:])
        elif kind == b"1":
            tracked.append(entry.split(b" ", 8)[8])
        elif kind == b"u":
            tracked.append(entry.split(b" ", 10)[10])
            conflicts = True
    return Changes(tuple(tracked), tuple(new), tuple(nested), conflicts, done.cut)
