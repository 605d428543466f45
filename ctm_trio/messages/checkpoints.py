"""Between the checkpoints owner and those who ask for checkpoints. Everything in here is frozen."""

from __future__ import annotations

import msgspec

from ctm_trio.core.channels import Reply
from ctm_trio.model.checkpoint import Checkpoints, Reverted


class ListCheckpoints(msgspec.Struct, frozen=True):
    """The checkpoints of a work directory, at most 5 s old. Source: PROTOCOL.md, Checkpoints and revert."""

    workdir: str
    reply: Reply[Checkpoints]


class DiffCheckpoint(msgspec.Struct, frozen=True):
    """The unified diff of a listed checkpoint; `sha` is 40 hex digits."""

    workdir: str
    sha: str
    reply: Reply[str]


class RevertTo(msgspec.Struct, frozen=True):
    """Reset a work directory to a listed checkpoint; `sha` is as the client sent it."""

    workdir: str
    sha: str
    stash_first: bool
    reply: Reply[Reverted]


CheckpointsMessage = ListCheckpoints | DiffCheckpoint | RevertTo
