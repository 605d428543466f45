"""Lines of type `system`: what the client itself says (limits, unknown commands), and commands that ran at once."""

from __future__ import annotations

from ctm_trio.model.conversation.line import Line
from ctm_trio.model.conversation.notices import notice
from ctm_trio.model.conversation.piece import Piece
from ctm_trio.model.conversation.prompts import command_pieces
from ctm_trio.model.decoding import decode_any

_TOLD = frozenset({"informational", "api_error", "model_refusal_fallback", "away_summary"})
"""Subtypes whose words are for the person. The others are bookkeeping, or have a line of their own beside."""


def system_pieces(line: Line) -> list[Piece]:
    """What a line of type `system` says."""
    text = decode_any(line.content)
    if not isinstance(text, str) or not text.strip() or line.is_meta:
        return []
    same = f"line:{line.uuid}"
    if line.subtype == "local_command":
        return command_pieces(same, text)
    return [notice(same, text.strip())] if line.subtype in _TOLD else []
