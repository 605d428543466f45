"""Checkpoints, their diffs, reverts. Source: PROTOCOL.md, Checkpoints and revert."""

from __future__ import annotations

import time

import msgspec
from quart import Response, request
from quart_trio import QuartTrio

from ctm_trio.core.channels import ask
from ctm_trio.errors.git import InvalidRequest, InvalidSha, MissingSha
from ctm_trio.errors.sessions import SessionNotFound
from ctm_trio.messages.checkpoints import DiffCheckpoint, ListCheckpoints, RevertTo
from ctm_trio.model.checkpoint import MAX_CHECKPOINTS, SHA, Checkpoint, Checkpoints, Reverted, ago
from ctm_trio.model.deadlines import REVERT
from ctm_trio.model.times import format_time
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, json_body, positive
from ctm_trio.web.orders import carry_out

READ_LIMIT_S = 12.0
"""How long a request waits for a list or a diff: git's own limit and a little."""

MAX_BODY_BYTES = 4096
DEFAULT_LIMIT = 50


class Revert(msgspec.Struct, forbid_unknown_fields=True):
    """The body of revert."""

    sha: str = ""
    stash_first: bool = False


def checkpoint_view(checkpoint: Checkpoint, now: float) -> dict[str, str]:
    """A checkpoint as the wire has it."""
    at = format_time(checkpoint.at)
    return {"sha": checkpoint.sha, "subject": checkpoint.subject, "ts": at, "ago": ago(now - checkpoint.at)}


def reverted_view(done: Reverted) -> dict[str, object]:
    """A revert as the wire has it; a stash is always named, and what was written meanwhile."""
    answer: dict[str, object] = {"ok": True, "reverted_to": done.sha}
    if done.stashed_as:
        answer["stashed_as"] = done.stashed_as
    if done.kept_in:
        answer["kept_in"], answer["kept"] = done.kept_in, done.kept
    return answer


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    def workdir_of(name: str) -> str:
        record = ends.sessions.latest.records.get(name)
        if record is None:
            raise SessionNotFound(name)
        return record.workdir

    async def checkpoints(name: str) -> Response:
        workdir = workdir_of(name)
        limit = positive(request.args.get("limit"), DEFAULT_LIMIT, MAX_CHECKPOINTS)
        found: Checkpoints = await ask(
            ends.checkpoints_send, lambda reply: ListCheckpoints(workdir, reply), timeout_s=READ_LIMIT_S
        )
        now = time.time()
        shown = [checkpoint_view(checkpoint, now) for checkpoint in found.listed[:limit]]
        answer: dict[str, object] = {"git_workdir": found.git_workdir, "checkpoints": shown}
        if found.incomplete:
            answer["incomplete"] = True
        return json_answer(answer)

    async def diff(name: str, sha: str) -> Response:
        if SHA.fullmatch(sha) is None:
            raise InvalidSha
        workdir = workdir_of(name)
        text: str = await ask(
            ends.checkpoints_send, lambda reply: DiffCheckpoint(workdir, sha, reply), timeout_s=READ_LIMIT_S
        )
        response = Response(text, 200, content_type="text/plain; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        return response

    async def revert(name: str) -> Response:
        workdir = workdir_of(name)
        body = await json_body(Revert, max_bytes=MAX_BODY_BYTES, error=InvalidRequest)
        sha = body.sha
        if not sha.strip():
            raise MissingSha
        return await carry_out(
            ends, REVERT, ends.checkpoints_send, lambda reply: RevertTo(workdir, sha, body.stash_first, reply),
            reverted_view,
        )  # fmt: skip

    add_route(app, "/api/sessions/<name>/checkpoints", checkpoints)
    add_route(app, "/api/sessions/<name>/checkpoints/<sha>/diff", diff)
    add_route(app, "/api/sessions/<name>/revert", revert, ["POST"])
