"""Lines of type `assistant`: text, thinking, calls, and errors of the API. One line for each block of a message."""

from __future__ import annotations

import hashlib
from typing import Any

from ctm_trio.model.conversation.line import Line, object_of, text_in
from ctm_trio.model.conversation.notices import notice
from ctm_trio.model.conversation.piece import TEXT, THINKING, TOOL, Piece, Tokens, call_key

MAX_TOKENS = 2**40
"""More tokens than this are no count. So the sum of all that a machine can have is one that SQLite can hold."""


def answer_pieces(line: Line) -> list[Piece]:
    """What a line of type `assistant` says."""
    message = object_of(line.message)
    content = message.get("content")
    if not isinstance(content, list):
        return []
    if line.is_api_error_message:
        words = "\n".join(text_in(block, "text") for block in content if isinstance(block, dict))
        return [notice(f"line:{line.uuid}", words)] if words.strip() else []
    id_, model = text_in(message, "id"), text_in(message, "model")
    tokens = _tokens(message.get("usage"))
    pieces = []
    for i, block in enumerate(content):
        piece = _piece(line, id_, block, i) if isinstance(block, dict) else None
        if piece is not None:
            piece.message, piece.model, piece.tokens = id_, model, tokens
            pieces.append(piece)
    return pieces


def _piece(line: Line, message: str, block: dict[str, Any], i: int) -> Piece | None:
    kind = block.get("type")
    if kind == "tool_use":
        id_ = text_in(block, "id")
        same = call_key(id_) if id_ else f"line:{line.uuid}:{i}"
        return Piece(TOOL, same, tool=text_in(block, "name"), tool_use_id=id_, input=block.get("input"))
    text = text_in(block, kind) if kind in (TEXT, THINKING) else ""
    if not text.strip():
        return None
    if not message:
        return Piece(str(kind), f"line:{line.uuid}:{i}", text)
    # A streamed copy has another uuid: the message, the place in it, the kind and the words are what it has in common.
    place = "" if line.api_block_index is None else line.api_block_index + i
    words = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()
    return Piece(str(kind), f"said:{message}:{place}:{kind}:{words}", text)


def _tokens(usage: object) -> Tokens | None:
    if not isinstance(usage, dict):
        return None
    return Tokens(
        _count(usage, "input_tokens"),
        _count(usage, "output_tokens"),
        _count(usage, "cache_creation_input_tokens"),
        _count(usage, "cache_read_input_tokens"),
    )


def _count(usage: dict[str, Any], key: str) -> int:
    value = usage.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_TOKENS else 0
