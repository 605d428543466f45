"""What tools answered: text, images, whether it failed, how long it took, and who refused it."""

from __future__ import annotations

from typing import Any

import msgspec

from ctm_trio.model.conversation.line import Line, object_of, text_in
from ctm_trio.model.conversation.notices import notice
from ctm_trio.model.conversation.piece import RESULT, Image, Piece, result_key
from ctm_trio.model.decoding import compact, decode_any, line_decoder

_SAID = "the user said:\n"


class Told(msgspec.Struct, gc=False, rename="camel"):
    """The keys of a tool's own response that matter; what is big is left as bytes."""

    type: str = ""
    agent_id: str = ""
    duration_ms: int | float | None = None
    total_duration_ms: int | float | None = None
    file_path: str = ""
    content: msgspec.Raw = msgspec.Raw()
    structured_patch: msgspec.Raw = msgspec.Raw()


decode_told = line_decoder(Told)
"""Bytes of a response → `Told`, None if it is no JSON object. Never raises."""


def result_piece(line: Line, block: dict[str, Any]) -> Piece:
    """What a `tool_result` block says."""
    id_ = text_in(block, "tool_use_id")
    text, images = content_of(block.get("content"))
    told = (decode_told(bytes(line.tool_use_result)) if line.tool_use_result else None) or Told()
    return Piece(
        RESULT,
        result_key(id_),
        text,
        images,
        tool_use_id=id_,
        is_error=block.get("is_error") is True,
        duration_ms=_duration(told),
        started_agent=told.agent_id,
        patch=told if told.structured_patch else None,
    )


def content_of(content: object) -> tuple[str, tuple[Image, ...]]:
    """A result's words and images."""
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, list):
        return ("" if content is None else compact(content)), ()
    words, images = [], []
    for block in content:
        if not isinstance(block, dict):
            continue
        source = block.get("source")
        if block.get("type") == "text":
            words.append(text_in(block, "text"))
        elif block.get("type") == "image" and isinstance(source, dict) and (data := text_in(source, "data")):
            images.append(Image(text_in(source, "media_type"), data))
        else:
            words.append(compact(block))
    return "\n".join(words), tuple(images)


def denial(line: Line, block: dict[str, Any]) -> list[Piece]:
    """A notice of who refused a call. An interrupt has a line of its own, so it is not told here too."""
    if block.get("is_error") is not True:
        return []
    same = f"denied:{text_in(block, 'tool_use_id')}"
    text, _ = content_of(block.get("content"))
    if line.tool_denial_kind:
        at = text.find(_SAID)
        if at < 0:
            return []
        return [notice(same, f"You refused this call and said: {text[at + len(_SAID) :].strip()}")]
    decision = object_of(line.permission_decision)
    if decision.get("decision") != "reject":
        return []
    source = {"hook": "A hook", "config": "A rule of the settings"}.get(text_in(decision, "source"), "")
    return [notice(same, f"{source or 'Claude Code'} refused this call: {text.strip()}")]


def patched(told: Told) -> dict[str, Any]:
    """The client's response to an edit, as `model.diff` takes it."""
    return {
        "type": told.type,
        "filePath": told.file_path,
        "content": decode_any(told.content),
        "structuredPatch": decode_any(told.structured_patch),
    }


def _duration(told: Told) -> int | None:
    for value in (told.duration_ms, told.total_duration_ms):
        if value is not None and 0 <= value < 2**53:
            return int(value)
    return None
