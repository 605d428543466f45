"""Back to a checkpoint, so that nothing is lost: not what is ignored, nor what is written while it runs.

git's own `stash` and `reset --hard` look first and write later, and what a program writes in between is gone. Here the
stash is made without touching a file; then each file that has to change is put aside by a rename and a new one is
linked into its place, which never writes over anything; then what lies aside is compared with the stash, or with HEAD
if none was needed, and what is not in it stays where it is and is named.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio

from ctm_trio.errors.git import DirtyWorkdir, GitFailed, RevertFailed, RevertRefused
from ctm_trio.model.checkpoint import MAX_NAMED, Reverted
from ctm_trio.model.sound import name_shown
from ctm_trio.system.git_exchange import Exchange
from ctm_trio.system.git_lock import IndexLock, locked_index
from ctm_trio.system.git_revert_killed import take_back_killed
from ctm_trio.system.git_revert_look import Found, look_at
from ctm_trio.system.git_stash import check_size, saved_state, store_stash, with_new
from ctm_trio.system.git_thread import in_thread
from ctm_trio.system.git_tree import GitTree, under_way

log = logging.getLogger("ctm.checkpoints")


TIDY_LIMIT_S = 5.0
"""How long a revert that is cut off may take to remove what is of no use; a stalled disk does not hold it up."""


def _nobody(stash: str) -> None:
    """Nobody wants to know of the stash before the end."""


async def revert_to(
    tree: GitTree, sha: str, *, stash_first: bool, on_stash: Callable[[str], None] = _nobody
) -> Reverted:
    """Reset the work tree and the branch to a commit, after stashing what would be lost if that is wanted.

    Without a stash only what is clean is reset. Files that are new and in nobody's way go into the stash too, but in a
    repository of HOME (see `leaves_untracked`) they stay.

    Args:
        sha: a commit of HEAD's history.
        stash_first: stash instead of refusing.
        on_stash: called with the stash's sha as soon as there is one, also if what follows fails.

    Raises:
        DirtyWorkdir: there are changes, or ignored files in the way, and `stash_first` is False.
        RevertRefused: something is in the way or under way that cannot be stashed; nothing has changed.
        RevertFailed: git or the file system failed; the files are as they were, and a stash that was made is named.
    """
    stashed = ""

    def note(stash: str) -> None:
        nonlocal stashed
        stashed = stash
        on_stash(stash)

    if busy := await under_way(tree):
        raise RevertRefused(f"{busy} A revert would lose it.")
    try:
        async with locked_index(tree) as locked:
            await take_back_killed(locked)
            found = await look_at(locked, sha)
            if not stash_first and found.at_risk:
                raise DirtyWorkdir([name_shown(path) for path in sorted(found.at_risk)[:MAX_NAMED]])
            return await _go(locked, sha, found, note)
    except GitFailed as error:
        raise RevertFailed(error.message, stashed) from error


async def _go(locked: IndexLock, sha: str, found: Found, on_stash: Callable[[str], None]) -> Reverted:
    """Stash, exchange, move HEAD, compare."""
    tree, stash, saved = locked.tree, "", found.shown  # of a clean tree HEAD has all that was looked at, and no more
    if found.at_risk:
        await check_size(tree, found.at_risk)
        tracked, untracked = await saved_state(locked, found.shown, sorted({*found.new, *found.way}))
        stash = await store_stash(locked, found.head, tracked, untracked, f"ctm-revert pre-{sha}")
        on_stash(stash)
        saved = await with_new(locked, tracked, untracked)
    exchange = Exchange(locked, sha)
    await exchange.make_place()
    told = False
    try:
        await exchange.note(found.head, staged=False)
        target, put = await exchange.stage(found)
        await exchange.note(found.head, staged=True)
        swap = await exchange.swap()
        await in_thread(lambda: swap.run(found.touched, put, found.places))
        with trio.CancelScope(shield=True):  # two short commands: files, branch and index go together
            await exchange.settle(found.head, target, swap)
        kept, told = await exchange.compare(saved), True
    except GitFailed as error:
        if await trio.to_thread.run_sync(exchange.tidy):
            told = True
            raise GitFailed(f"{error.message} Files set aside are in {exchange.place}.") from error
        raise
    finally:
        with trio.move_on_after(TIDY_LIMIT_S, shield=True):
            if await trio.to_thread.run_sync(exchange.tidy, abandon_on_cancel=True) and not told:
                log.warning("checkpoints: a revert was interrupted; the files it set aside are in %s", exchange.place)
    return Reverted(sha, stash, name_shown(exchange.place) if kept else "", tuple(kept[:MAX_NAMED]))
