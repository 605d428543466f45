"""Announcements of attention from the event log into the outbox.

It reads the journal from the place that the outbox remembers. So an alert that was announced is sent, whenever the
daemon was stopped in between, and one that was stored is not stored again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NoReturn

import msgspec
import trio

from ctm_trio.journal.view import After, Batch, EventView, Live
from ctm_trio.model.event import Event, format_event_id
from ctm_trio.model.session import Session, successors
from ctm_trio.model.webhook import Alert, Cooldown
from ctm_trio.owners.webhook.desk import WebhookDesk

log = logging.getLogger("ctm.webhook")

MAX_HAD = 2000
"""Claude session ids whose records are remembered."""

TYPES = frozenset({"attention_raised", "attention_cleared"})


class _Announcement(msgspec.Struct):
    state: str
    details: str = ""


class Intake:
    """What goes into the outbox, and what is kept back because the same was announced a moment ago."""

    def __init__(self, desk: WebhookDesk) -> None:
        self._desk = desk
        self._cooldown = Cooldown()
        self._had: dict[str, Session] = {}

    async def begin(self) -> None:
        """Take over from an earlier run what is still kept back."""
        now = trio.current_time()
        for session, alert, event, age in await self._desk.stored(
            lambda: self._desk.outbox.recent(self._desk.ends.clock())
        ):
            self._cooldown.note(session, alert, event, now - age)

    async def follow_journal(
        self,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> NoReturn:
        """Store what is announced, from where the outbox stands."""
        while True:
            cursor = await self._desk.stored(self._desk.outbox.cursor)
            start = Live() if cursor is None else After(cursor, deep=True, ours=True)
            async with self._desk.ends.events.follow(EventView(types=TYPES), start, eager=True) as following:
                if following.replay.lost:
                    log.warning("some alerts are too old to be sent")
                await self._take(following.replay, first=cursor is None)
                task_status.started()
                task_status = trio.TASK_STATUS_IGNORED
                async for batch in following.live:
                    if batch.lost:
                        break  # the outbox could not be written for long; the event log still has them
                    await self._take(batch)
                else:
                    await trio.sleep_forever()  # the event log is closed: we are about to be cancelled

    async def _take(self, batch: Batch, *, first: bool = False) -> None:
        if batch.events or first:
            await self._store(batch.events, batch.events[-1].id if batch.events else batch.cursor)

    async def _store(self, events: Sequence[Event], cursor: int) -> None:
        """Store the alerts of these announcements, without those that came within the cooldown of the same one.

        How far apart announcements are is taken from their ids only within one batch: what the wall clock says of them
        and of now may differ by anything after it was set.
        """
        settings, now, newest = self._desk.settings, trio.current_time(), events[-1].id if events else 0
        alerts: list[tuple[int, Alert]] = []
        suppressed = 0
        for event in events:
            if not settings.webhook_url or event.type not in settings.webhook_events:
                continue
            alert = self._alert(event)
            if alert is None:
                continue
            at = now - (newest - event.id) / 1e9
            if self._cooldown.accept(alert.session, alert.alert, alert.event, at):
                alerts.append((event.id, alert))
            else:
                suppressed += 1
        await self._desk.stored(lambda: self._desk.outbox.store(alerts, cursor, self._desk.ends.clock()))
        if alerts or suppressed:
            await self._desk.count(suppressed=suppressed)
            self._desk.bell.ring()

    def _alert(self, event: Event) -> Alert | None:
        try:
            payload = msgspec.json.decode(event.payload, type=_Announcement)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            log.warning("an announcement cannot be read and is not sent: %s", error)
            return None
        record = self._desk.ends.sessions.latest.records.get(event.session)
        if record is not None and event.uuid and record.uuid != event.uuid:
            record = self._had.get(event.uuid)  # /clear, or another session has the name now
        return Alert(
            id=format_event_id(event.id),
            event=event.type,
            alert=payload.state,
            session=event.session,
            ts=event.ts,
            session_uuid=record.uuid if record else event.uuid,
            workdir=record.workdir if record else "",
            mode=record.mode if record else "",
            details=payload.details,
            ui_url=f"http://127.0.0.1:{self._desk.ends.port}/s/{event.session}",
        )

    async def follow_sessions(self) -> NoReturn:
        """Remember whose a Claude session id was: an alert may be stored after its session is gone."""
        changes, records = self._desk.ends.sessions.changes(), self._desk.ends.sessions.latest.records
        while True:
            before, records = records, (await changes.next()).records
            for name in before.keys() - successors(before, records).values():
                self._cooldown.forget(name)
            self._had |= {record.uuid: record for record in records.values() if record.uuid}
            while len(self._had) > max(MAX_HAD, len(records)):
                del self._had[next(iter(self._had))]
