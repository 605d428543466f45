"""An answer that does not fit the request it is for. Source: PROTOCOL.md, Requests."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class InvalidChoice(CtmError):
    """The request does not have this choice."""

    code, status = "invalid_choice", 400


class InvalidAnswers(CtmError):
    """The answers do not fit the questions: one is missing, unknown, or says more than its question takes."""

    code, status = "invalid_answers", 400


class InvalidInput(CtmError):
    """What shall replace the tool's input or the plan cannot do so, or this choice replaces nothing."""

    code, status = "invalid_input", 400
