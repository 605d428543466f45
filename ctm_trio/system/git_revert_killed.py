"""What a revert that was killed in its middle has left: taken back, or named, by the next one that holds the lock."""

from __future__ import annotations

import json
import logging
import os
from functools import partial
from glob import escape, glob

import msgspec

from ctm_trio.errors.git import GitFailed
from ctm_trio.system.discard import Mark, mark_of
from ctm_trio.system.git_exchange import NOTE, places_of, swap_in, tidy_place
from ctm_trio.system.git_index import move_head
from ctm_trio.system.git_lock import NEW, OLD, IndexLock, locked_index, somebody_was_killed
from ctm_trio.system.git_saved import files_below, same_content
from ctm_trio.system.git_thread import in_thread
from ctm_trio.system.git_tree import GitTree, head_of
from ctm_trio.system.places import in_place
from ctm_trio.system.regular import read_regular
from ctm_trio.system.swap import Swap
from ctm_trio.system.swap_paths import inside

log = logging.getLogger("ctm.checkpoints")

MAX_NOTE_BYTES = 64 * 1024


class Note(msgspec.Struct):
    """What an exchange noted before it began; see `note_exchange`."""

    git_dir: str
    top: str
    head: str
    sha: str
    staged: bool


async def mend(tree: GitTree) -> None:
    """See whether a revert was killed there, and take it back: for whoever looks at a tree without changing it."""
    if await in_place(somebody_was_killed, tree):
        try:
            async with locked_index(tree) as locked:
                await take_back_killed(locked)
        except GitFailed as error:
            log.warning("checkpoints: cannot clean up after a killed revert in %s: %s", tree.top, error.message)


async def take_back_killed(locked: IndexLock) -> None:
    """Put files and branch back to what they were before a revert that was killed, as the index still is.

    If the index had been exchanged all of it is done, and what lies aside is only named. What somebody has written
    into the checkpoint's files since, or in the way of the old ones, stays and is named too.

    Raises:
        GitFailed: it cannot be done; the next one tries again, and until then git is locked if it was.
    """
    if not locked.left:
        return
    tree = locked.tree
    for place, note, began in await in_thread(partial(_noted, tree)):
        if not note.staged:
            left = await in_thread(partial(tidy_place, place))
            what = "was killed before it changed anything"
        elif locked.left == OLD and (head := await head_of(tree)) in (note.head, note.sha):
            if head == note.sha != note.head:
                await move_head(tree, note.head, was=note.sha, why="reset: taken back")
            left = await in_thread(partial(_take_back, tree, place, began))
            what = "was killed in its middle and is taken back"
        else:
            left = await in_thread(partial(tidy_place, place))
            what = "was killed at its end" if locked.left == NEW else "was killed, and git has been used since"
        kept = f"; what it had put aside is in {place}" if left else ""
        log.warning("checkpoints: a revert of %s to %s %s%s", tree.top, note.sha, what, kept)
    await locked.mended()


def _noted(tree: GitTree) -> list[tuple[str, Note, int]]:
    """Exchanges of this tree that never ended: place, note, and when the note was written."""
    found = []
    for base in places_of(tree):
        for path in glob(os.path.join(escape(base), "*", NOTE)):
            try:
                note = _read_note(read_regular(path, max_bytes=MAX_NOTE_BYTES))
                began = os.stat(path).st_mtime_ns
            except (OSError, ValueError, RecursionError):
                continue
            if (note.git_dir, note.top) == (tree.git_dir, tree.top):
                found.append((os.path.dirname(path), note, began))
    return found


def _read_note(data: bytes) -> Note:
    """The note that `note_exchange` wrote, with paths as the system has them: msgspec takes none that is not UTF-8.

    Raises:
        ValueError: it is not a note.
        RecursionError: nor anything that anybody would write.
    """
    return msgspec.convert(json.loads(data), Note)


def _take_back(tree: GitTree, place: str, began: int) -> bool:
    """Undo an exchange of which only the files tell how far it came; True if something stays aside."""
    swap = swap_in(tree, place)
    placed: list[tuple[bytes, Mark | None]] = []
    copied = os.path.isdir(swap.copies)
    for new in files_below(swap.new):
        path, mark = os.path.relpath(new, swap.new), mark_of(new)
        if mark is not None and mark[3] >= began:
            mark = (*mark[:3], -1, mark[4])  # written since: nothing that may be removed
        elif copied and (copy := _copy_of(swap, path)) is not None:
            mark = copy
        placed.append((path, mark))
    moved = [os.path.relpath(path, swap.aside) for path in files_below(swap.aside)]
    late = [os.path.relpath(path, swap.late) for path in files_below(swap.late)]
    swap.resume(placed, moved, late)
    swap.take_back()
    return tidy_place(place)


def _copy_of(swap: Swap, path: bytes) -> Mark | None:
    """What the file at its place is like, if it is the new file byte for byte: inodes tell nothing of a copy."""
    at, new = os.path.join(swap.top, path), os.path.join(swap.new, path)
    mark = mark_of(at)
    if not inside(swap.top, path) or not same_content(at, new):
        return None
    return mark
