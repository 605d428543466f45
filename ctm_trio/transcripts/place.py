"""Whose transcript a file is, by where it stands: `projects/<directory>/<uuid>.jsonl`, and sub-agents beside it."""

from __future__ import annotations

import re
from pathlib import PurePath

import msgspec

from ctm_trio.model.conversation.ids import is_conversation_id

_AGENT = re.compile(r"agent-(?P<id>[A-Za-z0-9_.-]{1,128})\.jsonl")
SUFFIX = ".jsonl"

_BELOW = "subagents"
"""The directory in a conversation's that has the files of its sub-agents."""


class Place(msgspec.Struct, frozen=True):
    """Whose file it is. `uuid` "": its lines say so. `agent_id` "": the main thread."""

    uuid: str
    agent_id: str = ""


def place_of(path: str) -> Place | None:
    """Whose transcript a path is; None if it is none."""
    parts = PurePath(path).parts
    name = parts[-1] if parts else ""
    if not name.endswith(SUFFIX):
        return None
    if agent := _AGENT.fullmatch(name):
        owner = next((part for part in reversed(parts[:-1]) if is_conversation_id(part)), "")
        return Place(owner.lower(), agent["id"])  # older clients put it beside the main one, and its lines say whose
    stem = name.removesuffix(SUFFIX)
    return Place(stem.lower()) if is_conversation_id(stem) else None


def whose(path: str) -> str:
    """What is the same for all transcripts of a conversation, or of a sub-agent, wherever they stand; "" for none."""
    place = place_of(path)
    if place is None:
        return ""
    # What its lines alone say is not known here: the id of such a sub-agent is short, and another may have it too.
    return f"{place.uuid or PurePath(path).parent.name}/{place.agent_id}"


def root_of(path: str) -> str:
    """The `projects` directory that a transcript is in, as far as its path says; "" if it is none's.

    What is called so may be a link: the real name of it can be any.
    """
    if place_of(path) is None:
        return ""
    parts = PurePath(path).parts
    below = next((i for i in range(len(parts) - 1, 0, -1) if parts[i] == _BELOW), 0)
    end = below - 2 if below and is_conversation_id(parts[below - 1]) else len(parts) - 2
    return str(PurePath(*parts[:end])) if end > 1 else ""  # never all of the machine
