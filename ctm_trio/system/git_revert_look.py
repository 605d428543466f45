"""What a revert would change, and what is in its way: looked at before anything is done."""

from __future__ import annotations

import os
from collections.abc import Set

import msgspec

from ctm_trio.errors.git import RevertRefused
from ctm_trio.model.checkpoint import MAX_NAMED
from ctm_trio.model.sound import name_shown
from ctm_trio.system.git_command import checked, git, names_of
from ctm_trio.system.git_in_the_way import InTheWay, in_the_way
from ctm_trio.system.git_index import git_in, joined, whole
from ctm_trio.system.git_lock import IndexLock
from ctm_trio.system.git_stash import MAX_FILES
from ctm_trio.system.git_tree import MAX_LIST_BYTES, Changes, GitTree, changes_in, head_of, leaves_untracked
from ctm_trio.system.places import in_place

_SUBMODULE = b"160000"


class Found(msgspec.Struct, frozen=True):
    """What a look at the tree brought.

    Attributes:
        head: the commit that is checked out.
        dirty: changed and new paths.
        new: those of them that are untracked.
        way: ignored files where files of the checkpoint go.
        touched: everything that has to leave its place; first what is in the index, so that a file that two names
            lead to goes aside under the one that git knows.
        put: what comes from the checkpoint instead.
        places: directories of submodules that the checkpoint has.
        shown: a copy of the index with nothing hidden that will move.
    """

    head: str
    dirty: tuple[bytes, ...]
    new: tuple[bytes, ...]
    way: tuple[bytes, ...]
    touched: tuple[bytes, ...]
    put: tuple[bytes, ...]
    places: tuple[bytes, ...]
    shown: str

    @property
    def at_risk(self) -> tuple[bytes, ...]:
        """What a revert without a stash would lose."""
        return tuple({*self.dirty, *self.way})


async def look_at(locked: IndexLock, sha: str) -> Found:
    """See what a revert to `sha` would change and what is in its way. Changes nothing but files of ours.

    Raises:
        RevertRefused: something is there that can be neither stashed nor moved.
        GitFailed: git cannot tell.
    """
    tree, top = locked.tree, os.fsencode(locked.tree.top)
    head = await head_of(tree)
    moved = await _between(tree, head, sha)
    shown = await locked.copy("shown")
    await _unhide(tree, shown, moved)
    changes = await changes_in(tree, untracked=not await leaves_untracked(tree), index=shown)
    _refuse(changes)
    await _unhide(tree, shown, set(changes.tracked))  # staged and then hidden: they will move too
    there = checked(await git_in(tree, "", "ls-tree", "-r", "-z", "--full-tree", sha), "ls-tree")
    here = checked(await git_in(tree, shown, "ls-files", "-z"), "ls-files")

    def compare() -> Found:
        modes = _modes(whole(there))
        touched = {*moved, *changes.tracked, *changes.untracked}
        indexed = touched.intersection(names_of(whole(here)))
        touched = {path for path in touched if path in modes} | indexed | set(changes.untracked)  # all else is ignored
        wanted = [path for path in touched if modes.get(path, _SUBMODULE) != _SUBMODULE]
        known = indexed | set(changes.untracked)
        way = in_the_way(top, wanted, known, limit=MAX_FILES)
        if way.blocked or way.cut:
            raise _blocked(way)
        places = [path for path in touched if modes.get(path) == _SUBMODULE]
        return Found(
            head=head, dirty=(*changes.tracked, *changes.untracked), new=changes.untracked, way=tuple(way.files),
            touched=(*indexed, *((touched | way.files) - indexed)), put=tuple(wanted), places=tuple(places),
            shown=shown,
        )  # fmt: skip

    return await in_place(compare)


def _blocked(way: InTheWay) -> RevertRefused:
    names = [name_shown(path) for path in sorted(way.blocked or way.files)]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return RevertRefused(
        f"These are in the way of the checkpoint's files and cannot be stashed: {', '.join(names[:5])}{more}. "
        "Move them away first; nothing was changed.",
        names[:MAX_NAMED],
    )


async def _between(tree: GitTree, head: str, sha: str) -> set[bytes]:
    """Paths that differ between HEAD and the checkpoint."""
    words = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", head, sha, "--")
    done = checked(await git(tree.top, *words, max_bytes=MAX_LIST_BYTES), "diff-tree")
    return set(names_of(whole(done)))


async def _unhide(tree: GitTree, shown: str, paths: Set[bytes]) -> None:
    """Let git compare these files in a copy of the index, whatever it was told of them (`assume-unchanged`)."""
    done = checked(await git_in(tree, shown, "ls-files", "-v", "-z"), "ls-files")
    top = os.fsencode(tree.top)

    def hidden() -> list[bytes]:
        marked = [entry[2:] for entry in names_of(whole(done)) if entry[:1].islower() or entry[:1] == b"S"]
        return [path for path in marked if path in paths and os.path.lexists(os.path.join(top, path))]

    there = await in_place(hidden)
    for flag in ("--no-assume-unchanged", "--no-skip-worktree") if there else ():
        words = ("update-index", flag, "-z", "--stdin")
        checked(await git_in(tree, shown, *words, stdin=joined(there)), "update-index")


def _refuse(changes: Changes) -> None:
    if changes.conflicts:
        raise RevertRefused(
            "The repository has merge conflicts, which a stash cannot hold; resolve them first "
            "(`git add` or `git rm` the files). Nothing was changed.",
            [name_shown(path) for path in changes.tracked[:MAX_NAMED]],
        )
    if changes.cut:
        raise RevertRefused("There are too many changed and new files to stash. Nothing was changed.")


def _modes(listed: bytes) -> dict[bytes, bytes]:
    """Path → mode of everything that `ls-tree` listed."""
    entries = (entry.split(b"\t", 1) for entry in names_of(listed))
    return {path: head[:6] for head, path in entries}
