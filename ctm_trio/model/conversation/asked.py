"""What is asked of conversations, and what the answers are made of. Source: PROTOCOL.md, Conversations."""

from __future__ import annotations

from typing import Any

import msgspec

from ctm_trio.model.conversation.piece import Tokens


class WantedEntries(msgspec.Struct, frozen=True):
    """Which entries.

    Attributes:
        uuids: of the session's conversations, the present one first.
        agent_id: of a sub-agent, "" for the main thread.
        before, after: ids of entries; at most one of them.
        limit: number of entries.
    """

    uuids: tuple[str, ...]
    agent_id: str = ""
    before: str = ""
    after: str = ""
    limit: int = 100


class Page(msgspec.Struct, frozen=True):
    """Entries, oldest first. `has_more`: in the direction that was asked for. `title`: of the newest conversation."""

    entries: list[dict[str, Any]]
    has_more: bool
    title: str


class WantedList(msgspec.Struct, frozen=True):
    """Which conversations.

    Attributes:
        q: looked for in titles and prompts, "" for all. project: the last part of the directory, "" for all.
        before: uuid; only what comes behind it. limit: number of conversations.
    """

    q: str = ""
    project: str = ""
    before: str = ""
    limit: int = 50


class Conversation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One conversation of the list.

    Attributes:
        project: the last part of `cwd`.
        started_at, ended_at: of its first and its last entry, RFC 3339.
        prompts: how many a person typed.
        resumable: it can be gone on with.
        why_not: "no_transcript", "no_prompts" or "no_directory" if it cannot be, else "".
        session: that has it now. cost: in US dollars. Each absent if there is none.
    """

    uuid: str
    title: str
    project: str
    cwd: str
    started_at: str
    ended_at: str
    prompts: int
    tokens: Tokens
    resumable: bool
    session: str | msgspec.UnsetType = msgspec.UNSET
    cost: float | msgspec.UnsetType = msgspec.UNSET
    why_not: str = ""


class Usage(msgspec.Struct, frozen=True):
    """What one agent used of one model on one day (UTC, `2026-11-27`). `agent_id` is "" for the main thread."""

    agent_id: str
    model: str
    day: str
    tokens: Tokens
