"""From our errors to answers: one JSON shape, and no traceback ever leaves the process. Source: PROTOCOL.md, Errors."""

from __future__ import annotations

import logging

from quart import Response, request, wrappers
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ctm_trio.errors.base import CtmError
from ctm_trio.web.answers import Answer, answer_of, http_answer, internal_answer, report_bug

log = logging.getLogger("ctm.http")

QUARTS_GONE: type[Exception] | None = getattr(wrappers, "ClientDisconnectedError", None)
"""Newer Quart raises it where older ones cancel a handler whose client has gone."""


def client_gone(error: Exception) -> bool:
    """True if the framework says nothing but that the client has gone."""
    if QUARTS_GONE is None:
        return False
    if isinstance(error, ExceptionGroup):
        return error.split(QUARTS_GONE)[1] is None
    return isinstance(error, QUARTS_GONE)


def response_of(answer: Answer) -> Response:
    """A Quart response of one of the answers above."""
    status, headers, body = answer
    return Response(body, status, headers)


async def _ctm_error(error: CtmError) -> Response:
    if error.status >= 500:
        log.warning("%s %s: %s", request.method, request.path, error.message)
    return response_of(answer_of(error))


async def refuse(error: HTTPException) -> Response:
    """The answer to what the framework refuses; a wrong method is told the right ones."""
    response = response_of(http_answer(error.code or 500))
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(set(error.valid_methods or ()) - {"OPTIONS"}))
    return response


async def _bug(error: Exception) -> Response:
    return response_of(internal_answer(report_bug(log, error, f"{request.method} {request.path}")))


async def _gone(error: Exception) -> Response:
    """Nobody hears it: the client has gone, or its body was refused (`web/harden.py`)."""
    return Response("", 400)


def register_errors(app: QuartTrio) -> None:
    """Make every error of the app one of the answers above."""
    app.register_error_handler(CtmError, _ctm_error)
    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(Exception, _bug)
    if QUARTS_GONE is not None:
        app.register_error_handler(QUARTS_GONE, _gone)
