"""Checkpoints and reverts. Source: PROTOCOL.md, Checkpoints and revert."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class GitFailed(CtmError):
    """git cannot be run, took too long, or refused."""

    code, status = "git_failed", 500


class RevertFailed(GitFailed):
    """A revert failed half-way. A stash that was made is always named. Source: PROTOCOL.md, Checkpoints and revert."""

    code = "revert_failed"

    def __init__(self, message: str, stashed_as: str) -> None:
        kept = f" The changes are in the stash {stashed_as}." if stashed_as else ""
        super().__init__(message + kept, fields={"stashed_as": stashed_as} if stashed_as else {})
        self.stashed_as = stashed_as


class DirtyWorkdir(CtmError):
    """There are changes that a revert would lose."""

    code, status = "dirty_workdir", 409

    def __init__(self, files: list[str]) -> None:
        super().__init__("There are changes that would be lost; stash them first.", fields={"dirty_files": files})


class RevertRefused(CtmError):
    """A revert that would lose something that cannot be stashed; nothing has changed.

    Args:
        files: what is in the way, for the answer.
    """

    code, status = "revert_refused", 409

    def __init__(self, message: str, files: list[str] | None = None) -> None:
        super().__init__(message, fields={"files": files} if files else {})


class CheckpointNotListed(CtmError):
    """Not the full sha of a listed checkpoint, in a revert."""

    code, status = "sha_not_a_checkpoint", 422

    def __init__(self) -> None:
        super().__init__("That is not the full sha of one of the listed checkpoints.")


class CheckpointNotFound(CtmError):
    """Not a listed checkpoint, in a diff."""

    code, status = "checkpoint_not_found", 404

    def __init__(self) -> None:
        super().__init__("That commit is not one of the listed checkpoints.")


class InvalidSha(CtmError):
    """Not 40 lower-case hex digits (64 in a sha256 repository)."""

    code, status = "invalid_sha", 400

    def __init__(self) -> None:
        super().__init__("A sha is 40 lower-case hex digits (64 in a sha256 repository).")


class MissingSha(CtmError):
    """A revert without a sha."""

    code, status = "missing_sha", 400

    def __init__(self) -> None:
        super().__init__("Say which checkpoint: the sha is missing.")


class InvalidRequest(CtmError):
    """A revert's body is not JSON, or has an unknown key."""

    code, status = "invalid_request", 400
