"""Which checkpoints a history has, without walking all of it whenever somebody asks.

What is known of one HEAD is carried on to the next by what lies between the two. The first time, and after a jump to
an unrelated branch, the newest `QUICK_COMMITS` are looked through at once; if there are more, the rest is a walk of
its own (`walk`), which the caller runs beside, and until then the list says that it is incomplete.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import trio
from msgspec.structs import replace

from ctm_trio.errors.git import GitFailed
from ctm_trio.model.checkpoint import LOG_FORMAT, PREFIX, SHA, parse_log
from ctm_trio.model.checkpoint_history import (
    MAX_KNOWN,
    STEP_FORMAT,
    History,
    carried,
    decode_history,
    encode_history,
    parse_step,
)
from ctm_trio.system.files import atomic_write, ensure_private_dir, read_regular, stamp
from ctm_trio.system.git_command import checked, git
from ctm_trio.system.git_tree import GitTree, head_of
from ctm_trio.system.places import in_place

QUICK_COMMITS = 10_000
"""The newest commits, which are looked through while somebody waits: about 0.1 s."""

STEP_COMMITS = 10_000
STEP_LIMIT_S = 0.5
"""What may lie between two HEADs, and how long git may look for it; beyond either it counts as a new history."""

WALK_LIMIT_S = 300.0
"""How long the walk through a whole history may take; some 700,000 commits take 4 s."""

MAX_HISTORIES = 256
"""Work trees whose history is remembered, in memory and as files; the one not asked for longest goes first."""

STORE_EVERY_S = 60.0
"""How often the same history is written again while HEAD moves on."""

MAX_FILE_BYTES = 4 * 1024 * 1024


class CheckpointIndex:
    """Remembers histories; one task at a time may ask for the same tree.

    Args:
        directory: where the histories of long repositories are kept over a restart; None keeps none.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._known: OrderedDict[str, History] = OrderedDict()
        self._stored_at: dict[str, float] = {}

    async def history(self, tree: GitTree) -> History:
        """What is known of the history of HEAD, now; at least its newest `QUICK_COMMITS`.

        Raises:
            GitFailed: git failed or took too long.
        """
        head = await head_of(tree)
        if not head:
            return History()
        place = await in_place(_place, tree)
        border = await in_place(_border, tree)
        before = self._known.get(place)
        known = before or await self._stored(place)
        if known is not None and known.border != border:
            known = None
        if known is not None and known.head != head:
            known = await _step(tree, known, head)
        if known is None:
            known = replace(await _quick(tree, head), border=border)
        if self._known.get(place) is before:  # else a walk ended meanwhile, and knows more
            await self._remember(place, known)
        return known

    async def walk(self, tree: GitTree) -> None:
        """Look through all of the history of HEAD, and remember it. It takes seconds in a long one.

        Raises:
            GitFailed: git failed or took longer than `WALK_LIMIT_S`.
        """
        head = await head_of(tree)
        border = await in_place(_border, tree)
        words = ("log", "-z", f"--format={LOG_FORMAT}", "--no-patch", "--no-mailmap", "--basic-regexp",
                 f"--grep=^{PREFIX}", f"--max-count={2 * MAX_KNOWN}", head, "--")  # fmt: skip
        done = checked(await git(tree.top, *words, limit_s=WALK_LIMIT_S), "log")
        await self._remember(
            await in_place(_place, tree), History(head, parse_log(done.stdout, MAX_KNOWN), True, True, border)
        )

    async def _remember(self, place: str, known: History) -> None:
        before = self._known.pop(place, None)
        self._known[place] = known
        if len(self._known) > MAX_HISTORIES:
            self._stored_at.pop(self._known.popitem(last=False)[0], None)
        if self._directory is None or not (known.complete and known.long) or before == known:
            return
        now = time.monotonic()
        if now - self._stored_at.get(place, -STORE_EVERY_S) < STORE_EVERY_S:
            return
        self._stored_at[place] = now
        with suppress(OSError):  # then it is walked again after a restart
            await trio.to_thread.run_sync(_write, self._directory, place, encode_history(place, known))

    async def _stored(self, place: str) -> History | None:
        if self._directory is None:
            return None
        path = self._directory / _file_name(place)
        try:
            data = await trio.to_thread.run_sync(
                lambda: read_regular(path, max_bytes=MAX_FILE_BYTES), abandon_on_cancel=True
            )
        except OSError:
            return None
        return decode_history(place, data)


async def is_checkpoint(tree: GitTree, sha: str) -> bool:
    """True if a full sha is a checkpoint in the history of HEAD, also one that no list has reached yet.

    Raises:
        GitFailed: git failed or took too long.
    """
    if len(sha) != tree.sha_digits or not SHA.fullmatch(sha):
        return False
    subject = await git(tree.top, "log", "-1", "--format=%s", "--no-patch", sha, "--")
    if subject.code != 0 or not subject.stdout.startswith(PREFIX.encode()):
        return False
    done = await git(tree.top, "merge-base", "--is-ancestor", sha, "HEAD")
    return done.code == 0


async def _quick(tree: GitTree, head: str) -> History:
    """The checkpoints among the newest commits."""
    words = (
        "log",
        "-z",
        f"--format={LOG_FORMAT}",
        "--no-patch",
        "--no-mailmap",
        f"--max-count={QUICK_COMMITS + 1}",
        head,
        "--",
    )
    done = checked(await git(tree.top, *words), "log")
    complete = not done.cut and done.stdout.count(b"\0") <= 3 * QUICK_COMMITS
    listed = await trio.to_thread.run_sync(parse_log, done.stdout, MAX_KNOWN, abandon_on_cancel=True)
    return History(head, listed, complete, not complete)


async def _step(tree: GitTree, known: History, head: str) -> History | None:
    """Carry what is known on to another HEAD; None if too much lies between, or the old one is gone."""
    words = ("log", "-z", "--left-right", f"--format={STEP_FORMAT}", "--no-patch", "--no-mailmap",
             f"--max-count={STEP_COMMITS + 1}", f"{known.head}...{head}", "--")  # fmt: skip
    try:
        done = checked(await git(tree.top, *words, limit_s=STEP_LIMIT_S), "log")
    except GitFailed:
        return None
    if done.cut:
        return None
    step = await trio.to_thread.run_sync(parse_step, done.stdout, STEP_COMMITS, abandon_on_cancel=True)
    return None if step is None else carried(known, head, step)


def _place(tree: GitTree) -> str:
    """Names a work tree's repository; another one at the same path is another place. Blocks for one `stat`."""
    try:
        status = os.stat(tree.git_dir)
    except OSError:
        return tree.git_dir
    return f"{status.st_dev}:{status.st_ino}:{tree.git_dir}"


def _border(tree: GitTree) -> str:
    """Where the history is cut off: a shallow clone's file, by its stamp. Blocks for one `stat`."""
    found = stamp(Path(tree.common_dir, "shallow"))
    return f"{found.mtime_ns}:{found.size}" if found.inode else ""


def _file_name(place: str) -> str:
    return hashlib.sha256(os.fsencode(place)).hexdigest()[:32] + ".json"


def _write(directory: Path, place: str, data: bytes) -> None:
    """Keep a history, and no more than `MAX_HISTORIES` of them. Blocks."""
    ensure_private_dir(directory)
    atomic_write(directory / _file_name(place), data)
    files = sorted(directory.glob("*.json"), key=lambda path: stamp(path).mtime_ns)
    for path in files[:-MAX_HISTORIES]:
        path.unlink(missing_ok=True)
