"""Which of the files that were put aside are saved: their bytes are in the index, or a checkout of it writes them.

That git finds no difference is not enough: a filter may throw away what it does not want committed (the output of a
notebook), and then git sees the same in what is left.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence

from ctm_trio.errors.git import GitFailed
from ctm_trio.system.files import open_regular
from ctm_trio.system.git_command import checked, names_of
from ctm_trio.system.git_index import git_in, joined, whole
from ctm_trio.system.git_lock import IndexLock
from ctm_trio.system.places import in_place

_BY_CONTENT = ("-c", "core.trustctime=true", "-c", "core.checkStat=default", "-c", "core.ignoreCase=false")
"""A rename changes a file's ctime, so that git compares what is in it, whatever the user lets it trust. A file under
another spelling is another file: whether the disk folds names was seen before (`git_in_the_way`)."""

_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--name-only", "-z", "--diff-filter=d", "--ignore-submodules=all")

_PART_BYTES = 1024 * 1024


async def not_saved(locked: IndexLock, saved: str, aside: str) -> set[bytes] | None:
    """Files and links below `aside` that the index `saved` does not give back as they are; None if git cannot tell.

    Args:
        saved: an index whose objects a commit or a stash holds.
        aside: a directory with files at their places.

    Raises:
        OSError: the disk fails.
    """
    keep: set[bytes] = set()
    try:
        for words in (_DIFF, ("ls-files", "--others", "-z")):
            done = checked(await git_in(locked.tree, saved, *_BY_CONTENT, *words, top=aside), "comparison")
            keep.update(names_of(whole(done)))
        listed = whole(checked(await git_in(locked.tree, saved, "ls-files", "--stage", "-z"), "ls-files"))
    except GitFailed:
        return None
    other = await in_place(_other_bytes, aside, keep, _objects(listed), locked.tree.sha_digits)
    return keep.union(await _not_written(locked, saved, aside, other) if other else ())


async def _not_written(locked: IndexLock, saved: str, aside: str, paths: Sequence[bytes]) -> list[bytes]:
    """Those of these files that a checkout of the index would not write as they are, as far as it can be told."""
    again = os.path.join(locked.scratch, "again")
    await in_place(os.makedirs, again, mode=0o700, exist_ok=True)
    words = ("checkout-index", "--quiet", "-z", "--stdin")
    try:  # what it does not write, for whatever reason, is not as it was
        await git_in(locked.tree, await locked.copy("again.index", saved), *words, top=again, stdin=joined(paths))
    except GitFailed:
        return list(paths)

    def differ() -> list[bytes]:
        one, two = os.fsencode(aside), os.fsencode(again)
        return [path for path in paths if not same_content(os.path.join(one, path), os.path.join(two, path))]

    return await in_place(differ)


def _objects(listed: bytes) -> dict[bytes, str]:
    """Path → object of everything that `ls-files --stage` listed."""
    entries = (entry.split(b"\t", 1) for entry in names_of(listed))
    return {path: head.split(b" ")[1].decode() for head, path in entries}


def _other_bytes(aside: str, known: set[bytes], objects: Mapping[bytes, str], digits: int) -> list[bytes]:
    """Regular files below `aside`, other than the known ones, whose bytes are not those of their object."""
    root = os.fsencode(aside)
    found = []
    for file in files_below(root):
        path = os.path.relpath(file, root)
        if path not in known and not os.path.islink(file) and _object_of(file, digits) != objects.get(path):
            found.append(path)
    return found


def _object_of(path: bytes, digits: int) -> str:
    """The name that git gives to the bytes of a file as they are; "" if they cannot be read."""
    try:
        with open(open_regular(os.fsdecode(path), follow=False), "rb") as file:
            digest = hashlib.new("sha256" if digits == 64 else "sha1", usedforsecurity=False)
            digest.update(b"blob %d\0" % os.fstat(file.fileno()).st_size)
            while part := file.read(_PART_BYTES):
                digest.update(part)
            return digest.hexdigest()
    except OSError:
        return ""


def same_content(one: bytes, two: bytes) -> bool:
    """True if both are links to the same, or regular files with the same bytes. Blocks."""
    try:
        if os.path.islink(one) or os.path.islink(two):
            return os.readlink(one) == os.readlink(two)
        with (
            open(open_regular(os.fsdecode(one), follow=False), "rb") as first,
            open(open_regular(os.fsdecode(two), follow=False), "rb") as second,
        ):
            while part := first.read(_PART_BYTES):
                if part != second.read(_PART_BYTES):
                    return False
            return not second.read(1)
    except OSError:
        return False


def files_below(root: bytes) -> list[bytes]:
    """Every file and link below a directory. Blocks."""
    found: list[bytes] = []
    for here, below, names in os.walk(root):
        links = [name for name in below if os.path.islink(os.path.join(here, name))]
        found += [os.path.join(here, name) for name in (*names, *links)]
    return found
