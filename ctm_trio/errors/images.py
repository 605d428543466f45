"""Images that a person gives to a session. Source: PROTOCOL.md, Prompts and keys."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class InvalidImage(CtmError):
    """Not an image of a kind that is taken, or not of the kind that the request says it is."""

    code, status = "invalid_image", 400
