"""The exchange of a work tree's files for a checkpoint's, in a directory of ours beside them."""

from __future__ import annotations

import errno
import json
import logging
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ctm_trio.errors.git import GitFailed
from ctm_trio.model.sound import name_shown
from ctm_trio.system.discard import Mark, discard_names, mark_of
from ctm_trio.system.files import atomic_write, open_regular
from ctm_trio.system.git_command import checked, git, names_of
from ctm_trio.system.git_index import git_in, joined, move_both, whole
from ctm_trio.system.git_lock import IndexLock
from ctm_trio.system.git_revert_look import Found
from ctm_trio.system.git_saved import files_below, not_saved
from ctm_trio.system.git_thread import in_thread
from ctm_trio.system.git_tree import GitTree
from ctm_trio.system.places import in_place
from ctm_trio.system.swap import COPIES, Swap

log = logging.getLogger("ctm.checkpoints")

KEPT = "ctm-kept"
"""The directory in the repository's own that holds what was written while a revert ran."""

NOTE = "exchange.json"
"""In the place of an exchange that is under way: of which tree, from which commit to which."""


class Exchange:
    """One exchange. `place` is its directory: new files, old ones, and those that came too late.

    Args:
        locked: git's index, locked.
        sha: of the checkpoint.
    """

    def __init__(self, locked: IndexLock, sha: str) -> None:
        self._locked, self._tree, self._sha = locked, locked.tree, sha
        self.place = ""

    async def make_place(self) -> None:
        """A directory for new and old files, on the file system of the work tree."""
        tree = self._tree
        name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{self._sha[:8]}-{secrets.token_hex(2)}"

        def make() -> str:
            same = on_one_device(tree.common_dir, tree.top)
            base = places_of(tree)[0 if same else 1]
            if os.path.islink(base):
                raise OSError(errno.ELOOP, "it is a link", base)
            if not same:
                exclude_kept(tree)
            os.makedirs(os.path.join(base, name), mode=0o700)
            for part in ("new", "files"):
                os.mkdir(os.path.join(base, name, part), mode=0o700)
            return os.path.join(base, name)

        self.place = await in_thread(make)

    async def note(self, head: str, *, staged: bool) -> None:
        """Note what is being exchanged: if we are killed, the next one that has the lock takes it back.

        Args:
            staged: all new files are written; what is written into them from now on is somebody's work.
        """
        await in_thread(lambda: note_exchange(self.place, self._tree, head, self._sha, staged=staged))

    async def stage(self, found: Found) -> tuple[str, list[bytes]]:
        """Write the checkpoint's files below `new`, through filters and as a sparse checkout wants it.

        Returns:
            The index as it will be, and the files that were written.
        """
        new = os.path.join(self.place, "new")
        target = await self._locked.copy("target", found.shown)
        checked(await git_in(self._tree, target, "read-tree", "-m", "-u", self._sha, top=new), "read-tree")

        def there(path: bytes) -> bool:
            return os.path.lexists(os.path.join(os.fsencode(new), path))

        def missing_ones() -> list[bytes]:
            return [path for path in found.put if not there(path)]

        missing = await in_place(missing_ones)
        if missing:  # they are the same in HEAD, and changed on the disk alone; or outside of a sparse checkout
            listed = checked(await git_in(self._tree, target, "ls-files", "-v", "-z", top=new), "ls-files")
            hidden = {entry[2:] for entry in names_of(whole(listed)) if entry[:1] in b"Ss"}
            missing = [path for path in missing if path not in hidden]
        if missing:
            words = ("checkout-index", "-u", "-z", "--stdin")  # with their sizes, by which git knows a change
            checked(await git_in(self._tree, target, *words, top=new, stdin=joined(missing)), "checkout-index")
        return target, await in_place(lambda: [path for path in found.put if there(path)])

    async def swap(self) -> Swap:
        """The exchange of the files, to be run."""
        return await in_place(swap_in, self._tree, self.place)

    async def settle(self, head: str, target: str, swap: Swap) -> None:
        """Move the branch and the index to the checkpoint; if that fails the files are put back, whatever else fails.

        Raises:
            GitFailed: all is as it was; or the message says what is not.
        """
        tree, done = self._tree, False
        try:
            await git(tree.top, "update-ref", "ORIG_HEAD", head, reading=False)  # as `git reset` does
            await move_both(self._locked, target, self._sha, was=head, why=f"reset: moving to {self._sha}")
            done = True
        finally:
            if not done:
                await in_thread(swap.take_back)

    async def compare(self, saved: str) -> list[str]:
        """What lies aside and is not as it was saved, or is still open to be written, as paths; the rest is removed.

        If it cannot be compared all of it stays. The revert is done by then, and has not failed.
        """
        aside = os.path.join(self.place, "files")
        marks: Mapping[bytes, Mark | None] = {}
        keep: set[bytes] | None = None
        try:
            marks = await in_place(lambda: {path: mark_of(path) for path in files_below(os.fsencode(aside))})
            keep = await not_saved(self._locked, saved, aside)
        except (GitFailed, OSError) as error:
            log.warning("checkpoints: what a revert set aside cannot be compared, and all of it is kept: %s", error)
        return await in_thread(lambda: _sort_out(self.place, keep, marks))

    def tidy(self) -> bool:
        """Remove new files that were not placed, and empty directories; True if something is left. Blocks."""
        return tidy_place(self.place)


def places_of(tree: GitTree) -> tuple[str, str]:
    """Where the places of exchanges are: in the repository, or in the tree if that is on another file system."""
    return os.path.join(tree.common_dir, KEPT), os.path.join(tree.top, f".{KEPT}")


def on_one_device(one: str, other: str) -> bool:
    """True if files can be renamed from one directory to the other. Blocks."""
    return os.stat(one).st_dev == os.stat(other).st_dev


def exclude_kept(tree: GitTree) -> None:
    """Let git ignore what is kept in the tree: it is neither a change, nor for a checkpoint. Blocks.

    Raises:
        OSError: it cannot be noted.
    """
    path, line = os.path.join(tree.common_dir, "info", "exclude"), b"/.%b/" % KEPT.encode()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, mode=0o644), "r+b", buffering=0) as file:
        known = file.read() or b""
        if line not in known.split(b"\n"):
            file.write((b"" if known.endswith(b"\n") or not known else b"\n") + line + b"\n")


def swap_in(tree: GitTree, place: str) -> Swap:
    """The exchange of a tree's files in this place. Blocks."""
    parts = (tree.top, *(os.path.join(place, part) for part in ("new", "files", "late")))
    top, new, aside, late = (os.fsencode(part) for part in parts)
    return Swap(top, new, aside, late, os.fsencode(os.path.realpath(tree.workdir)))


def tidy_place(place: str) -> bool:
    """Remove what is of no use in the place of an exchange that is over; True if something is left. Blocks."""
    with suppress(OSError):
        os.unlink(os.path.join(place, NOTE))
    for part in ("new", os.fsdecode(COPIES)):
        shutil.rmtree(os.path.join(place, part), ignore_errors=True)
    for path, _, _ in os.walk(place, topdown=False):
        with suppress(OSError):
            os.rmdir(path)
    with suppress(OSError):
        os.rmdir(os.path.dirname(place))
    return os.path.exists(place)


def note_exchange(place: str, tree: GitTree, head: str, sha: str, *, staged: bool) -> None:
    """Write the note of an exchange; `json` escapes what is not UTF-8 in a path, so that it can be read back. Blocks.

    Raises:
        OSError: it cannot be written.
    """
    note = {"git_dir": tree.git_dir, "top": tree.top, "head": head, "sha": sha, "staged": staged}
    atomic_write(Path(place, NOTE), json.dumps(note).encode())


def _sort_out(place: str, keep: set[bytes] | None, marks: Mapping[bytes, Mark | None]) -> list[str]:
    """Remove what lies aside and is saved elsewhere; the paths of what stays. Blocks.

    Args:
        keep: paths that stay, None for all.
        marks: what the files were like before they were compared.
    """
    lies = {found: part for part in ("files", "late") for found in files_below(os.fsencode(os.path.join(place, part)))}

    def relative(found: bytes) -> bytes:
        return os.path.relpath(found, os.fsencode(os.path.join(place, lies[found])))

    saved: dict[tuple[int, ...], list[bytes]] = {}  # by inode: a file may have several names
    for found, part in lies.items():
        mark = marks.get(found)
        if part == "files" and mark is not None and keep is not None and relative(found) not in keep:
            saved.setdefault(mark[:2], []).append(found)
    for names in saved.values():
        for gone in discard_names(names, marks[names[0]]):
            del lies[gone]
    return sorted(os.path.join(part, name_shown(relative(found))) for found, part in lies.items())
