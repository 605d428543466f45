"""The checkpoints of a history, carried on from one HEAD to the next without walking all of it again."""

from __future__ import annotations

import msgspec

from ctm_trio.model.checkpoint import MAX_CHECKPOINTS, PREFIX, SHA, Checkpoint

MAX_KNOWN = 2000
"""Checkpoints that are remembered of one history; so many may be reset away before it has to be walked again."""

STEP_FORMAT = "%m%x00%H%x00%P%x00%ct%x00%s"
"""For `git log -z --left-right OLD...NEW`: side, sha, parents, commit time, subject."""

_FIELDS = 5


class History(msgspec.Struct, frozen=True):
    """What is known of the history of one commit.

    Attributes:
        head: the commit, "" for none yet.
        listed: its checkpoints, newest first, at most `MAX_KNOWN`.
        complete: all of the history was looked through, or `MAX_KNOWN` were found.
        long: it has too many commits to be walked whenever somebody asks.
        border: what else the history depends on: where it is cut off (a shallow clone).
    """

    head: str = ""
    listed: tuple[Checkpoint, ...] = ()
    complete: bool = True
    long: bool = False
    border: str = ""


class Step(msgspec.Struct, frozen=True):
    """What lies between two commits: checkpoints that came, shas that went, and whether what came is one line."""

    came: tuple[Checkpoint, ...]
    went: frozenset[str]
    straight: bool


def parse_step(data: bytes, limit: int) -> Step | None:
    """The step in what `git log` printed for `STEP_FORMAT`; None if it has more than `limit` commits."""
    fields = data.decode(errors="replace").split("\0")
    if len(fields) // _FIELDS > limit:
        return None
    came, went, straight = [], set(), True
    for side, sha, parents, at, subject in zip(*(fields[i::_FIELDS] for i in range(_FIELDS)), strict=False):
        if side == "<":
            went.add(sha)
            continue
        straight = straight and " " not in parents
        if subject.startswith(PREFIX) and at.isdecimal():
            came.append(Checkpoint(sha, subject, int(at)))
    return Step(tuple(came), frozenset(went), straight)


def carried(known: History, head: str, step: Step) -> History | None:
    """What is known of `head`, from what was known of another commit and the step between; None if it takes a walk."""
    kept = [checkpoint for checkpoint in known.listed if checkpoint.sha not in step.went]
    if known.complete and len(known.listed) >= MAX_KNOWN and len(kept) < MAX_CHECKPOINTS:
        return None  # older ones were not remembered
    listed = [*step.came, *kept]
    if not step.straight:
        listed.sort(key=lambda checkpoint: -checkpoint.at)  # as git orders branches: by time
    return History(head, tuple(listed[:MAX_KNOWN]), known.complete, known.long, known.border)


class _Stored(msgspec.Struct):
    key: str
    head: str
    border: str
    listed: list[tuple[str, int, str]]


def _key(place: str) -> str:
    """The bytes of a place, for JSON."""
    return place.encode(errors="surrogateescape").hex()


def encode_history(place: str, known: History) -> bytes:
    """A complete history as it is kept over a restart. `place` names the repository, by a path of any bytes."""
    listed = [(checkpoint.sha, checkpoint.at, checkpoint.subject) for checkpoint in known.listed]
    return msgspec.json.encode(_Stored(_key(place), known.head, known.border, listed))


def decode_history(place: str, data: bytes) -> History | None:
    """The history that `encode_history` kept for this place; None if it is another's, or damaged."""
    try:
        stored = msgspec.json.decode(data, type=_Stored)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if stored.key != _key(place) or not all(
        SHA.fullmatch(sha) for sha in (stored.head, *(row[0] for row in stored.listed))
    ):
        return None
    listed = tuple(Checkpoint(sha, subject, at) for sha, at, subject in stored.listed[:MAX_KNOWN])
    return History(stored.head, listed, True, True, stored.border)
