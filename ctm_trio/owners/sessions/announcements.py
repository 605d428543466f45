"""What happens to sessions, announced: in the snapshot and as lifecycle events of the event log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType

import msgspec
import trio

from ctm_trio.messages.journal import Draft, JournalMessage, Publish
from ctm_trio.model.session import is_name, is_new_name
from ctm_trio.owners.sessions.followed import FollowedSessions

log = logging.getLogger("ctm.sessions")

SEE_S = 2.0
"""How long an order that is done waits for tmux to say what lives now. If it does not, the next look tells."""

PUBLISH_S = 5.0
"""How long it waits for room in the journal's inbox."""

NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class Announcements:
    """Tells everybody what has happened, before the order for it is answered.

    Args:
        followed: has the snapshot, and knows the records.
        journal: where events go.
    """

    def __init__(self, followed: FollowedSessions, journal: trio.MemorySendChannel[JournalMessage]) -> None:
        self._followed = followed
        self._journal = journal

    async def done(self, event: str = "", fields: Mapping[str, str] = NO_FIELDS) -> None:
        """What was done is seen and published. It cannot be cut off by a deadline any more, but takes its own time.

        Args:
            event: of the event log, "" for none. fields: its payload.
        """
        with trio.CancelScope(shield=True):
            with trio.move_on_after(SEE_S) as late:
                await self._followed.ask_tmux()
            if late.cancelled_caught:
                self._followed.ask_soon()
            if event:
                with trio.move_on_after(PUBLISH_S) as late:
                    await self.publish(event, fields)
                if late.cancelled_caught:
                    log.warning("sessions: the event %s is not published: the event log takes nothing", event)

    async def publish(self, event: str, fields: Mapping[str, str]) -> None:
        """Send an event with these fields as its payload; waits for room in the journal's inbox."""
        name, uuid = fields.get("name", ""), fields.get("uuid", "")
        session = name if is_name(name) or is_new_name(name) else ""
        record = self._followed.records.get(session)
        if record is not None:
            uuid = record.uuid  # an id that the session does not have makes no log of its own
        draft = Draft(event, session, msgspec.json.encode(dict(fields)), uuid=uuid, fleeting=record is None)
        await self._journal.send(Publish((draft,)))
