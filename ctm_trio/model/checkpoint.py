"""Checkpoints: commits whose subject starts with `checkpoint:`. Source: PROTOCOL.md, Checkpoints and revert."""

from __future__ import annotations

import re

import msgspec

PREFIX = "checkpoint:"
MAX_CHECKPOINTS = 200
"""The newest that are listed; older ones are neither shown nor reverted to.
Source: PROTOCOL.md, Checkpoints and revert."""

MAX_NAMED = 1000
"""Paths that the answer to a revert names."""

SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
"""A full sha, for `fullmatch`: 64 digits in a sha256 repository, else 40."""

LOG_FORMAT = "%H%x00%ct%x00%s"
"""For `git log -z`: sha, commit time in unix seconds, subject."""

_STEPS = ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h"), (7 * 86400, 86400, "d"), (30 * 86400, 7 * 86400, "w"),
          (365 * 86400, 30 * 86400, "mo"))  # fmt: skip


class Checkpoint(msgspec.Struct, frozen=True):
    """One of them; `at` is its commit time in unix seconds."""

    sha: str
    subject: str
    at: int


class Checkpoints(msgspec.Struct, frozen=True):
    """What was found in a work directory.

    Attributes:
        git_workdir: False where there is no git.
        listed: newest first.
        incomplete: the history is long and older commits are still being looked through.
        sha_digits: how long a full sha is there.
    """

    git_workdir: bool
    listed: tuple[Checkpoint, ...] = ()
    incomplete: bool = False
    sha_digits: int = 40

    def has(self, sha: str) -> bool:
        """True if `sha` is the full sha of a listed checkpoint."""
        return any(checkpoint.sha == sha for checkpoint in self.listed)


class Reverted(msgspec.Struct, frozen=True):
    """How a revert ended.

    Attributes:
        sha: where the tree is now.
        stashed_as: the sha of the stash that holds what was changed, or "".
        kept_in: the directory that holds what was written while the revert ran and is in no stash, or "".
        kept: the files there, relative to it.
    """

    sha: str
    stashed_as: str = ""
    kept_in: str = ""
    kept: tuple[str, ...] = ()


def parse_log(data: bytes, limit: int = MAX_CHECKPOINTS) -> tuple[Checkpoint, ...]:
    """The checkpoints in what `git log -z --format=LOG_FORMAT` printed, which may be cut anywhere.

    `git log --grep` also finds the prefix at the start of later lines of a message; those are not checkpoints.
    """
    fields = data.decode(errors="replace").split("\0")
    found = []
    for sha, at, subject in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
        if subject.startswith(PREFIX) and SHA.fullmatch(sha) and at.isdecimal():
            found.append(Checkpoint(sha, subject, int(at)))
            if len(found) == limit:
                break
    return tuple(found)


def ago(seconds: float) -> str:
    """An age as `30s 3m 2h 2d 2w 2mo 2y`; what lies in the future is `0s`."""
    age = max(0, int(seconds))
    for below, unit, name in _STEPS:
        if age < below:
            return f"{age // unit}{name}"
    return f"{age // (365 * 86400)}y"
