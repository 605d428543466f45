"""One line of a transcript: what kind it is, and what it says. Never raises; what is unknown says nothing.

Source: PROTOCOL.md, Conversations.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

import msgspec

from ctm_trio.model.conversation.answers import answer_pieces
from ctm_trio.model.conversation.line import Line, decode, object_of, text_in
from ctm_trio.model.conversation.piece import Piece
from ctm_trio.model.conversation.prompts import user_pieces
from ctm_trio.model.conversation.queued import attachment_pieces
from ctm_trio.model.conversation.system import system_pieces
from ctm_trio.model.times import parse_time

SILENT = frozenset(
    {
        "queue-operation", "last-prompt", "mode", "permission-mode", "ai-title", "custom-title", "agent-name",
        "tools-used", "cost-state", "file-history-snapshot", "file-history-delta", "api-request", "api-request-blob",
        "api-request-shape", "atis-latch", "summary", "progress", "pr-link", "tag",
    }
)  # fmt: skip
"""Types of lines that are known and are no part of what was said."""

_READERS: Mapping[str, Callable[[Line], list[Piece]]] = {
    "user": user_pieces,
    "assistant": answer_pieces,
    "system": system_pieces,
    "attachment": attachment_pieces,
}


_IMAGE = re.compile(rb'"data":\s*"[A-Za-z0-9+/=]*"')


class Said(msgspec.Struct):
    """What a line says.

    Attributes:
        pieces: in their order.
        at: unix seconds, None if the line has no time.
        session, agent: ids of the conversation and of the sub-agent as the line has them, "" if it has none. Older
            clients named no sub-agent; all of theirs are "sidechain".
        copied: it is a fork's copy of a line of another conversation.
        cwd: the directory at that time, "" if the line does not say.
        title, named: a title of the conversation; `named` by a person, which counts more. "" if there is none.
        titled: the uuid of a line in the conversation that `title` is of, "" if the title does not say.
        unknown: the line is of a type that nobody knows, or is no JSON object.
    """

    pieces: list[Piece] = []
    at: float | None = None
    session: str = ""
    agent: str = ""
    copied: bool = False
    cwd: str = ""
    title: str = ""
    titled: str = ""
    named: str = ""
    unknown: bool = False


def read_line(data: bytes) -> Said:
    """What a line says.

    Args:
        data: without its line break.
    """
    line = decode(data)
    if line is None:
        return Said(unknown=bool(data.strip()))
    reader = _READERS.get(line.type)
    if reader is not None and not line.uuid:
        line.uuid = _name_of(data)
    return Said(
        pieces=reader(line) if reader is not None else [],
        at=parse_time(line.timestamp) if line.timestamp else None,
        session=line.session_id,
        agent=line.agent_id or ("sidechain" if line.is_sidechain else ""),
        copied=_is_copy(line),
        cwd=line.cwd,
        title={"summary": line.summary, "ai-title": line.ai_title}.get(line.type, ""),
        titled=line.leaf_uuid if line.type == "summary" else "",
        named=line.custom_title if line.type == "custom-title" else "",
        unknown=reader is None and line.type not in SILENT,
    )


def _is_copy(line: Line) -> bool:
    """True if the line says that it was another conversation's first: a fork's answers do, and what `/branch` took."""
    first = line.request_session_id or (text_in(object_of(line.forked_from), "sessionId") if line.forked_from else "")
    return first.lower() not in ("", line.session_id.lower())


def _name_of(data: bytes) -> str:
    """What stands for the uuid of a line that has none. The data of images does not count: it may be left out."""
    return hashlib.blake2b(_IMAGE.sub(b"", data), digest_size=16).hexdigest()
