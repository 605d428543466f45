"""An entry as it is on the wire, from the piece and, for a call, its result. Source: PROTOCOL.md, Conversations."""

from __future__ import annotations

from typing import Any

from ctm_trio.model.conversation.piece import (
    COMMAND,
    COMPACTION,
    NOTICE,
    PROMPT,
    RESULT,
    TEXT,
    THINKING,
    TOOL,
    Image,
    Piece,
    entry_id,
)
from ctm_trio.model.conversation.results import patched
from ctm_trio.model.diff import diff_of
from ctm_trio.model.edit_diff import edit_diff
from ctm_trio.model.tool_call import input_line

MEDIA = "/api/conversation/media/"
"""Where an entry's images are, behind it the entry's id, a hyphen and the image's number."""


def entry_view(
    piece: Piece, *, ts: str, turn: int, agent_id: str = "", result: Piece | None = None, whole: bool = True
) -> dict[str, Any]:
    """An entry.

    Args:
        ts: RFC 3339. turn: number of the turn in its conversation, from 1.
        agent_id: of the sub-agent whose entry it is.
        result: of a call that has one.
        whole: the last entry of its message, which says the tokens and the model.
    """
    id_ = entry_id(piece.number)
    view: dict[str, Any] = {"id": id_, "ts": ts, "kind": piece.kind, "turn": turn}
    if agent_id:
        view["agent_id"] = agent_id
    if piece.kind == TOOL:
        view |= _call(piece, result, id_)
        if "started_agent" in view:
            view.setdefault("agent_id", view["started_agent"])  # PROTOCOL.md: a call of the main thread names it too
    elif piece.kind == COMPACTION:
        view["summary"] = piece.text
    else:
        view["text"] = piece.text
        if piece.images:
            view["images"] = images_view(piece.images, id_)
        if piece.kind == PROMPT:
            view["queued"] = piece.queued
        if piece.output:
            view["output"] = True
    if whole and piece.tokens is not None:
        view["tokens"] = piece.tokens
        view["model"] = piece.model
    return view


def images_view(images: tuple[Image, ...], id_: str) -> list[dict[str, Any]]:
    """Images of an entry: type, size in bytes, and where they are."""
    return [
        {"media_type": image.media_type, "bytes": image.bytes, "src": f"{MEDIA}{id_}-{i}"}
        for i, image in enumerate(images)
    ]


def words(piece: Piece) -> str:
    """All the text of a piece, as it is searched."""
    if piece.kind == TOOL:
        return "\n".join([piece.tool, *strings(piece.input)])
    return piece.text


def strings(value: Any, levels: int = 100) -> list[str]:
    """The texts in a decoded value, in their order."""
    if isinstance(value, str):
        return [value]
    if levels == 0:
        return []
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in strings(item, levels - 1)]


def _call(piece: Piece, result: Piece | None, id_: str) -> dict[str, Any]:
    view: dict[str, Any] = {
        "tool": piece.tool,
        "tool_use_id": piece.tool_use_id,
        "input": piece.input,
        "summary": input_line(piece.tool, piece.input),
        "is_error": result is not None and result.is_error,
    }
    if result is not None:
        view["result"] = result.text
        if result.duration_ms is not None:
            view["duration_ms"] = result.duration_ms
        if result.started_agent:
            view["started_agent"] = result.started_agent
        if result.images:
            view["images"] = images_view(result.images, id_)
    if isinstance(piece.input, dict) and (diff := _diff(piece, result)):
        view["diff"] = diff
    return view


def _diff(piece: Piece, result: Piece | None) -> str | None:
    if result is None or result.patch is None:
        return edit_diff(piece.tool, piece.input, None)
    return diff_of(piece.tool, piece.input, patched(result.patch))


KINDS = (PROMPT, TEXT, THINKING, TOOL, COMMAND, COMPACTION, NOTICE)
"""The kinds of entries. `RESULT` is none of them."""

assert RESULT not in KINDS
