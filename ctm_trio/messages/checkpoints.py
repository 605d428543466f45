"""Between the checkpoints owner and those who ask for checkpoints. Everything in here is frozen."""

from __future__ import annotations

from dataclasses import dataclass

from ctm_trio.core.channels import Reply
from ctm_trio.model.checkpoint import Checkpoints, Reverted


@dataclass(frozen=True, slots=True)
class ListCheckpoints:
    """The checkpoints of a work directory, at most 5 s old. Source: PROTOCOL.md, Checkpoints and revert."""

    workdir: str
    reply: Reply[Checkpoints]


@dataclass(frozen=True, slots=True)
class DiffCheckpoint:
    """The unified diff of a listed checkpoint; `sha` is 40 hex digits."""

    workdir: str
    sha: str
    reply: Reply[str]


@dataclass(frozen=True, slots=True)
class RevertTo:
    """Reset a work directory to a listed checkpoint; `sha` is as the client sent it."""

    workdir: str
    sha: str
    stash_first: bool
    reply: Reply[Reverted]


CheckpointsMessage = ListCheckpoints | DiffCheckpoint | RevertTo
