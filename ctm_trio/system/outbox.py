"""The outbox: alerts that must go out, in a database of their own. Blocking: one thread at a time.

It is apart from the event log because the logs can rebuild that one, and cannot rebuild what was sent.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import msgspec

from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.times import format_time
from ctm_trio.model.webhook import DEBOUNCE_S, Alert, Answer, Delivery, next_delay, outcome
from ctm_trio.system.file_watch import Watched
from ctm_trio.system.outbox_schema import open_outbox
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable, written
from ctm_trio.system.transaction import transaction

P = ParamSpec("P")

R = TypeVar("R")

KEEP_DONE = 1000
"""Finished deliveries that are kept for the list; older ones are dropped."""

MAX_WAITING = 10_000
"""Alerts that wait. Past it the oldest are given up, and listed as failed."""

LISTED = 100
"""Deliveries that the list shows, newest first."""

_alert = msgspec.json.Decoder(Alert)


class Waiting(msgspec.Struct, frozen=True):
    """The oldest alert of a session that is not delivered.

    `wait`: seconds until it may be tried, as of when it was read. `waited`: all its pauses so far, in seconds.
    """

    id: int
    session: str
    wait: float
    tries: int
    waited: float
    alert: Alert


def _mended(method: Callable[Concatenate[Outbox, P], R]) -> Callable[Concatenate[Outbox, P], R]:
    """The method; if the file turns out to be damaged, once more on a new one."""

    @wraps(method)
    def run(self: Outbox, /, *args: P.args, **more: P.kwargs) -> R:
        try:
            self._restore()
            return method(self, *args, **more)
        except StoreDamaged as error:
            self.begin_anew(error)
            return method(self, *args, **more)

    return run


class Outbox(Watched):
    """The database. A commit is on disk before it returns.

    Args:
        path: created with mode 0600. A damaged file is set aside and a new one begun, also later on.

    Raises:
        StoreUnavailable: locked, disk full, read-only. StoreNewer: a newer program made it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, open_outbox)
        self._seen: int | None = None
        self._saved: dict[object, tuple[object, ...]] | None = None
        """What waited in a file that was set aside, by id, until a new one has it. None: there is nothing to do."""
        try:
            self.cursor()
        except BaseException:  # whatever it is, nobody else could close the connection
            self.close()
            raise

    @_mended
    def cursor(self) -> int | None:
        """Id of the last announcement that was considered, None if there never was one."""
        row = self._run("SELECT value FROM meta WHERE key = 'cursor'").fetchone()
        self._seen = int(row[0]) if row is not None and str(row[0]).isdecimal() else None
        return self._seen

    @_mended
    def store(self, alerts: Sequence[tuple[int, Alert]], cursor: int, now: float) -> None:
        """Keep alerts (with their event ids) for delivery, and that everything up to `cursor` was considered.

        One that is stored already stays as it is. `now`: unix seconds.
        """
        with self._transaction():
            for id_, alert in alerts:
                self._run(
                    "INSERT OR IGNORE INTO deliveries (id, event, alert, session, body, created, status)"
                    " VALUES (?, ?, ?, ?, ?, ?, 'pending')",
                    (id_, alert.event, alert.alert, alert.session, msgspec.json.encode(alert), now),
                )
            self._run("INSERT OR REPLACE INTO meta VALUES ('cursor', ?)", (str(cursor),))
            self._trim()
        self._seen = cursor

    @_mended
    def recent(self, now: float) -> list[tuple[str, str, str, float]]:
        """What was accepted within `DEBOUNCE_S`: session, alert, event, and how long ago in seconds.

        The clock may have been set meanwhile: what seems to lie a little ahead is as old as now, and what lies further
        ahead does not count, for nothing is kept back for longer than that.
        """
        rows = self._run(
            "SELECT session, alert, event, max(created) FROM deliveries WHERE created > ? AND created < ?"
            " GROUP BY session, alert, event",
            (now - DEBOUNCE_S, now + DEBOUNCE_S),
        ).fetchall()
        return [(session, alert, event, max(0.0, now - created)) for session, alert, event, created in rows]

    @_mended
    def heads(self, now: float) -> list[Waiting]:
        """The oldest waiting alert of each session: the only one that may be tried now. Soonest due first.

        A time that lies further ahead than the alert's own pause is one of a clock that was set: the pause counts then.

        Args:
            now: unix seconds.
        """
        while True:
            rows = self._run(
                "SELECT id, session, next_at, pause, waited, tries, body FROM deliveries WHERE id IN"
                " (SELECT min(id) FROM deliveries WHERE status = 'pending' GROUP BY session) ORDER BY next_at, id"
            ).fetchall()
            found = []
            for id_, session, next_at, pause, waited, tries, body in rows:
                try:
                    alert = _alert.decode(body)
                except (*BAD_JSON, TypeError):
                    self._give_up(id_, "The stored alert is damaged.")
                    continue
                longest = (pause or next_delay(tries)) if tries else 0.0
                found.append(Waiting(id_, session, min(max(0.0, next_at - now), longest), tries, waited, alert))
            if len(found) == len(rows):
                return found  # else look again: the one behind a damaged one is the oldest now

    @_mended
    def record(self, waiting: Waiting, answer: Answer, now: float) -> tuple[str, float]:
        """Keep what a try came to: "delivered", "failed" or "pending"; and the pause before the next, in seconds.

        Args:
            now: unix seconds.
        """
        tries = waiting.tries + 1
        pause = next_delay(tries, answer.retry_after)
        waited = waiting.waited + pause
        status = outcome(answer, tries, waited)
        with self._transaction():
            self._run(
                "UPDATE deliveries SET status = ?, tries = ?, next_at = ?, pause = ?, waited = ?, last_status = ?,"
                " last_error = ? WHERE id = ?",
                (status, tries, now + pause, pause, waited, answer.status, answer.error, waiting.id),
            )
        return status, pause

    def _give_up(self, id_: int, reason: str) -> None:
        with self._transaction():
            self._run("UPDATE deliveries SET status = 'failed', last_error = ? WHERE id = ?", (reason, id_))

    @_mended
    def retry_now(self) -> None:
        """Try everything that waits at once: the address has changed."""
        with self._transaction():
            self._run("UPDATE deliveries SET next_at = 0 WHERE status = 'pending'")

    @_mended
    def waiting(self) -> int:
        """How many alerts are not delivered yet."""
        return int(self._run("SELECT count(*) FROM deliveries WHERE status = 'pending'").fetchone()[0])

    @_mended
    def newest(self) -> list[Delivery]:
        """The newest `LISTED` deliveries, newest first."""
        rows = self._run(
            "SELECT id, event, alert, session, created, status, tries, last_status, last_error, next_at"
            " FROM deliveries ORDER BY id DESC LIMIT ?",
            (LISTED,),
        ).fetchall()
        return [
            Delivery(
                f"{id_}-0", event, alert, session, format_time(created), status, tries, last_status, last_error,
                format_time(next_at) if status == "pending" and next_at else "",
            )
            for id_, event, alert, session, created, status, tries, last_status, last_error, next_at in rows
        ]  # fmt: skip

    def _trim(self) -> None:
        self._run(
            "DELETE FROM deliveries WHERE status <> 'pending' AND id <= (SELECT id FROM deliveries"
            " WHERE status <> 'pending' ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (KEEP_DONE,),
        )
        self._run(
            "UPDATE deliveries SET status = 'failed', last_error = 'Too many alerts are waiting.'"
            " WHERE status = 'pending' AND id <= (SELECT id FROM deliveries"
            " WHERE status = 'pending' ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (MAX_WAITING,),
        )

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        if self.detached:
            raise StoreUnavailable(self.detached)
        with written():
            return self.db.execute(statement, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of the block is kept, or nothing of it."""
        if self.detached:
            raise StoreUnavailable(self.detached)
        with written(), transaction(self.db):
            yield

    def begin_anew(self, error: StoreDamaged) -> None:
        """Set the file aside and go on with a new one, which gets what can still be read of what waits.

        If that cannot be done now it is done before anything else is read or written.
        """
        saved = self._saved = self._saved or {}
        try:
            for row in self.db.execute("SELECT * FROM deliveries WHERE status = 'pending' ORDER BY id"):
                saved[row[0]] = row
        except sqlite3.Error:
            pass  # what came before it is saved
        super().begin_anew(error)
        self._restore()

    def _restore(self) -> None:
        """Give a new file what waited in the old one, and how far the announcements were considered."""
        if self._saved is None:
            return
        with self._transaction():
            for row in self._saved.values():
                self._run(f"INSERT OR IGNORE INTO deliveries VALUES ({','.join('?' * len(row))})", row)
            if self._seen is not None:
                self._run("INSERT OR REPLACE INTO meta VALUES ('cursor', ?)", (str(self._seen),))
        self._saved = None
