"""Answers that need no framework: one JSON shape for every error. Source: PROTOCOL.md, Errors."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping

from ctm_trio.errors.access import RateLimited
from ctm_trio.errors.base import CtmError
from ctm_trio.model.sound import sound_json

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""

HTTP_CODES: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    408: ("request_timeout", "The request took too long to arrive."),
    411: ("length_required", "The request has to say how long its body is."),
    413: ("too_large", "The request is larger than this address takes."),
    415: ("unsupported_media_type", "This address does not take that kind of body."),
    426: ("upgrade_required", "This address speaks WebSocket only."),
}
"""Code and text of what the framework itself refuses."""

NO_STORE = "no-store"


def error_body(code: str, message: str, fields: Mapping[str, object] | None = None) -> bytes:
    """The JSON of an error, as bytes; whatever is in its texts."""
    return sound_json({"error": code, "message": message, **(fields or {})})


def report_bug(logger: logging.Logger, error: BaseException, where: str) -> str:
    """Log an unexpected error with its traceback under a fresh id, and return the id for the client."""
    bug = secrets.token_hex(4)
    logger.error("internal error %s in %s", bug, where, exc_info=error)
    return bug


def answer_of(error: CtmError) -> Answer:
    """Status, headers and body for an error, wherever it is answered (Quart, streams, WebSocket)."""
    headers = {"Content-Type": "application/json", "Cache-Control": NO_STORE}
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(error.retry_after_s)
    return error.status, headers, error_body(error.code, error.message, error.fields)


def http_answer(status: int) -> Answer:
    """The same for a bare status that no error of ours stands for."""
    code, message = HTTP_CODES.get(status, ("error", "The request failed."))
    return status, {"Content-Type": "application/json", "Cache-Control": NO_STORE}, error_body(code, message)


def internal_answer(bug: str) -> Answer:
    """The answer to a bug: an id to look up in the log, and nothing else."""
    body = error_body("internal", f"Something went wrong here; the log has it under {bug}.", {"id": bug})
    return 500, {"Content-Type": "application/json", "Cache-Control": NO_STORE}, body
