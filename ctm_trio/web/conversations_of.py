"""Which conversations are a session's, and which are read for it. Source: PROTOCOL.md, Conversations."""

from __future__ import annotations

from ctm_trio.errors.conversations import UnknownConversation
from ctm_trio.errors.sessions import SessionNotFound
from ctm_trio.web.ends import WebEnds


def uuids_of(ends: WebEnds, name: str) -> tuple[str, ...]:
    """The conversations of a session, the present one first.

    Raises:
        SessionNotFound: nobody knows it.
    """
    record = ends.sessions.latest.records.get(name)
    others = [uuid for uuid, session in ends.attribution.latest.sessions.items() if session == name]
    if record is None and not others:
        raise SessionNotFound(name)
    client = ends.clients.latest.clients.get(name)  # knows of a `/clear` before the record does
    present = [one.uuid for one in (client, record) if one is not None and one.uuid]
    return tuple(dict.fromkeys([*present, *others]))


async def read_of(ends: WebEnds, name: str) -> tuple[str, ...]:
    """The conversations that are read for a session: of a fork without a transcript the one that it begins with.

    Claude Code writes a fork's transcript, with what it has from the other, when its first prompt is sent.

    Raises:
        SessionNotFound: nobody knows it.
    """
    parent = await parent_of(ends, name)
    return (parent,) if parent else uuids_of(ends, name)


async def parent_of(ends: WebEnds, name: str) -> str:
    """The conversation that is read in place of a fork's own, which has no transcript yet; "" if there is none."""
    record = ends.sessions.latest.records.get(name)
    if record is None or not record.forked_from or uuids_of(ends, name) != (record.uuid,):
        return ""
    try:
        await ends.conversations.one(record.uuid)
    except UnknownConversation:
        return record.forked_from
    return ""
