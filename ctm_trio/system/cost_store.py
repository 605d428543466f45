"""Costs over time: points of each Claude session, thinned with age, and sums that stay exact.

Source: PROTOCOL.md, Quota and cost.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import msgspec

from ctm_trio.model.cost import CostReport, Spent, Totals, WirePoint
from ctm_trio.model.cost_counter import Counter
from ctm_trio.model.pricing import CLIENT, TRANSCRIPT, PriceTable, parse_prices, priced
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.times import format_time, parse_time
from ctm_trio.system.file_watch import Watched
from ctm_trio.system.files import atomic_write
from ctm_trio.system.migration import Schema
from ctm_trio.system.regular import read_regular
from ctm_trio.system.side_database import open_side_database
from ctm_trio.system.store_errors import StoreUnavailable, translate, written
from ctm_trio.system.transaction import transaction

log = logging.getLogger("ctm.cost")

TABLES = """
-- A Claude session and what it said last, in millionths of a dollar. `micros`: where its curve stands; `counter`: what
-- the client's own counter said last, NULL while it says nothing; `total`: its cost so far; `peak`: what `spent` has.
CREATE TABLE IF NOT EXISTS claude_sessions (
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, session TEXT NOT NULL, input INTEGER NOT NULL,
  output INTEGER NOT NULL, cache INTEGER NOT NULL, micros INTEGER NOT NULL, source TEXT NOT NULL,
  counter INTEGER, total INTEGER NOT NULL DEFAULT 0, peak INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS points (
  id INTEGER PRIMARY KEY, claude INTEGER NOT NULL, at REAL NOT NULL, model TEXT NOT NULL, input INTEGER NOT NULL,
  output INTEGER NOT NULL, cache INTEGER NOT NULL, micros INTEGER NOT NULL, source TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS points_at ON points (at);
CREATE INDEX IF NOT EXISTS points_claude ON points (claude, at);
-- What each change added: never thinned, so that days and models stay exact.
CREATE TABLE IF NOT EXISTS spent (
  day TEXT NOT NULL, claude INTEGER NOT NULL, model TEXT NOT NULL, source TEXT NOT NULL, micros INTEGER NOT NULL,
  PRIMARY KEY (day, claude, model, source)) WITHOUT ROWID;
"""

COLUMNS = (
    ("counter", "INTEGER", f"UPDATE claude_sessions SET counter = micros WHERE source = '{CLIENT}'"),
    ("total", "INTEGER NOT NULL DEFAULT 0", "UPDATE claude_sessions SET total = micros"),
    ("peak", "INTEGER NOT NULL DEFAULT 0", "UPDATE claude_sessions SET peak = max(micros, 0)"),
)
"""Columns of `claude_sessions` that files of the first version lack, and what their rows get."""

PARENTS = 100
"""Other Claude sessions, the newest first, that are looked at for the one whose counter a new one goes on from."""


def _add_columns(db: sqlite3.Connection) -> None:
    """Schema 2: `counter`, `total` and `peak`."""
    there = {row[1] for row in db.execute("PRAGMA table_info(claude_sessions)")}
    for name, kind, fill in COLUMNS:
        if name not in there:
            db.execute(f"ALTER TABLE claude_sessions ADD COLUMN {name} {kind}")
            db.execute(fill)


COSTS = Schema(
    what="ledger of costs",
    application_id=0x63746D03,
    tables=TABLES,
    known_by={
        "claude_sessions": ("id", "uuid", "session", "input", "output", "cache", "micros", "source"),
        "points": ("id", "claude", "at", "model", "micros", "source"),
        "spent": ("day", "claude", "model", "source", "micros"),
    },
    unmarked=1,
    steps=(_add_columns,),
)

DAY_S = 86_400.0
THINNING = ((DAY_S, 300.0), (7 * DAY_S, 3600.0))
"""(age, interval) in seconds: of points older than the age, the last of each interval is kept."""

MAX_PRICES_BYTES = 1 << 20
"""A larger price table is taken for a mistake and not read."""

MAX_POINTS = 20_000
"""Points in one answer; past it the oldest are left out. Totals count everything."""


def load_prices(path: Path) -> tuple[PriceTable, str]:
    """The price table: the user's file over the one that came with the program, and what is wrong with the former.

    A file that is missing is made, for the user to find and edit. Blocks: call it in a thread.
    """
    shipped = (resources.files("ctm_trio.model") / "prices.json").read_bytes()
    table = parse_prices(shipped)
    try:
        own = parse_prices(read_regular(path, max_bytes=MAX_PRICES_BYTES))
    except FileNotFoundError:
        try:
            atomic_write(path, shipped)
        except OSError as error:
            return table, f"{path.name} cannot be made: {error.strerror}"
        return table, ""
    except OSError as error:
        return table, f"{path.name} is not used: {error.strerror}"
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return table, f"{path.name} is not used: {error}"
    return PriceTable(own.as_of, {**table.models, **own.models}), ""


class CostStore(Watched):
    """The writer of the costs. One thread at a time.

    Args:
        path: of the database. prices: for points without a cost of their own.

    Raises:
        StoreUnavailable: it cannot be opened now.
    """

    def __init__(self, path: Path, prices: PriceTable) -> None:
        super().__init__(path, lambda path: open_side_database(path, COSTS))
        self._prices = prices

    def add(self, points: Iterable[CostPoint]) -> int:
        """Keep points, in order; those that say nothing new are dropped. How many were kept.

        Raises:
            StoreUnavailable, StoreDamaged: none of them was kept. StoreRefused: because of one that never can be.
        """
        if self.detached:
            raise StoreUnavailable(self.detached)
        with written(), transaction(self.db):
            return sum([self._add(point) for point in points])

    def thin(self, now: float) -> None:
        """Thin the points as of `now` (unix seconds).

        Raises:
            StoreUnavailable, StoreDamaged: it could not be done.
        """
        try:
            for age, interval in THINNING:
                self.db.execute(
                    "DELETE FROM points WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
                    " (PARTITION BY claude, CAST(at / ? AS INTEGER) ORDER BY id DESC) AS nth"
                    " FROM points WHERE at < ?) WHERE nth > 1)",
                    (interval, now - age),
                )
        except sqlite3.Error as error:
            raise translate(error) from error

    def totals(self) -> dict[str, int]:
        """What each Claude session has cost by its client's own word, by its id.

        Raises:
            StoreUnavailable, StoreDamaged: it cannot be read.
        """
        try:
            return {uuid: counter.total for uuid, counter in read_counters(self.db).items()}
        except sqlite3.Error as error:
            raise translate(error) from error

    def _add(self, point: CostPoint) -> bool:
        db = self.db
        tokens = (point.input_tokens, point.output_tokens, point.cache_tokens)
        known = db.execute(
            "SELECT input, output, cache, micros, source, counter, total, peak FROM claude_sessions WHERE uuid = ?",
            (point.uuid,),
        ).fetchone()
        *said, shown, was, counter, total, peak = known or (0, "", None, 0, 0)
        figure = point.total_cost_micros
        if (was == CLIENT and figure is None) or (was == TRANSCRIPT and _is_last_response(point)):
            return False  # something better is known
        if point.transcript_micros is not None:
            micros, source = point.transcript_micros, TRANSCRIPT
            total = micros
        elif figure is None:
            micros, source = priced(self._prices, point.model, tokens)
            total = micros
        else:
            source = CLIENT
            if counter is None or was != CLIENT:
                total = micros = figure if known is not None else figure - self._inherited(point, figure)
            else:
                total, _, micros = Counter(total, counter, shown).see(figure)
        if (*said, shown, was, counter) == (*tokens, micros, source, figure):
            return False
        db.execute(
            "INSERT INTO claude_sessions (uuid, session, input, output, cache, micros, source, counter, total, peak)"
            " VALUES (?,?,?,?,?,?,?,?,?,?)"
            " ON CONFLICT (uuid) DO UPDATE SET session = excluded.session, input = excluded.input,"
            " output = excluded.output, cache = excluded.cache, micros = excluded.micros, source = excluded.source,"
            " counter = excluded.counter, total = excluded.total, peak = excluded.peak",
            (point.uuid, point.session, *tokens, micros, source, figure, total, max(total, peak)),
        )
        (claude,) = db.execute("SELECT id FROM claude_sessions WHERE uuid = ?", (point.uuid,)).fetchone()
        at = parse_time(point.ts) or 0.0
        if point.curve:
            db.execute(
                "INSERT INTO points (claude, at, model, input, output, cache, micros, source) VALUES (?,?,?,?,?,?,?,?)",
                (claude, at, point.model, *tokens, micros, source),
            )
        if point.curve or total > peak:
            db.execute(
                "INSERT INTO spent VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET micros = micros + excluded.micros",
                (_day(at), claude, point.model, source, max(0, total - peak)),  # a day is never reduced
            )
        return True

    def _inherited(self, point: CostPoint, figure: int) -> int:
        """What the first figure of a new Claude session has from another one, whose cost is counted already.

        One of the same session whose counter stands, or once stood, at this very figure (`/clear` that keeps it, a
        resume under a new id); for a fork also one of any session, and of the same session one that stood below it.
        """
        if not figure:
            return 0
        rows = self.db.execute(
            "SELECT id, session, counter, micros - counter FROM claude_sessions"
            " WHERE counter > 0 AND uuid <> ? AND (session = ? OR ?) ORDER BY session = ? DESC, id DESC LIMIT ?",
            (point.uuid, point.session, point.forked, point.session, PARENTS),
        ).fetchall()
        below = 0
        for claude, session, counter, earlier in rows:
            (stood,) = self.db.execute(
                "SELECT max(micros) - ? FROM points WHERE claude = ? AND micros > ? AND micros <= ?",
                (earlier, claude, earlier, earlier + figure),
            ).fetchone()
            if figure in (counter, stood):
                return figure
            if point.forked and session == point.session:
                below = below or max(stood or 0, counter if counter < figure else 0)
        return below


def _is_last_response(point: CostPoint) -> bool:
    """True for a point of a status line without a figure: its tokens are of one response only."""
    return point.total_cost_micros is None and point.transcript_micros is None


def read_counters(db: sqlite3.Connection) -> dict[str, Counter]:
    """The client's counter of each Claude session, by its id."""
    rows = db.execute(
        "SELECT uuid, total, counter, micros FROM claude_sessions WHERE counter IS NOT NULL AND source = ?", (CLIENT,)
    )
    return {uuid: Counter(total, counter, micros) for uuid, total, counter, micros in rows}


def read_costs(
    db: sqlite3.Connection, window: str, start: float, session: str, names: Mapping[str, str], prices_as_of: str
) -> CostReport:
    """The points since `start` (unix seconds), their totals, and what was spent.

    Args:
        session: only of this one, "" for all.
        names: Claude session id → session, as known now; for others the name they had counts.
    """
    owner = {}
    counted: dict[str, int] = {}
    for claude, uuid, stored, total in db.execute("SELECT id, uuid, session, total FROM claude_sessions"):
        name = names.get(uuid) or stored
        if session in ("", name):
            owner[claude] = name
            counted[name] = counted.get(name, 0) + total
    rows = db.execute(  # in the order in which they came, which the clock cannot change
        "SELECT claude, at, model, input, output, cache, micros, source FROM points WHERE at >= ? ORDER BY id",
        (start,),
    ).fetchall()
    rows = [row for row in rows if row[0] in owner]
    costs: dict[str, dict[int, int]] = {owner[row[0]]: {} for row in rows}
    for claude, name in owner.items():
        if name in costs:
            before = db.execute(
                "SELECT micros FROM points WHERE claude = ? AND at < ? ORDER BY id DESC LIMIT 1",
                (claude, start),
            ).fetchone()
            costs[name][claude] = before[0] if before is not None else 0
    base = {name: sum(known.values()) for name, known in costs.items()}
    found: list[tuple[float, WirePoint]] = []
    for claude, at, model, given, made, cache, micros, source in rows:
        name = owner[claude]
        costs[name][claude] = micros
        cost = sum(costs[name].values())
        found.append((at, WirePoint(format_time(at), name, given, made, cache, cost, model, source)))
    last = {point.session: point for _, point in found}
    totals = Totals()
    for point in last.values():
        totals.input += point.input_tokens
        totals.output += point.output_tokens
        totals.cache += point.cache_tokens
        totals.cost_usd_micros += counted[point.session]  # what its point says, unless that was corrected
    points = [point for _, point in sorted(found, key=lambda item: item[0])]
    sources = {point.source for point in points}
    source = sources.pop() if len(sources) == 1 else "mixed" if sources else ""
    return CostReport(window, points[-MAX_POINTS:], totals, base, _spent(db, _day(start), owner), source, prices_as_of)


def _spent(db: sqlite3.Connection, since: str, owner: Mapping[int, str]) -> Spent:
    days: dict[str, int] = {}
    models: dict[str, int] = {}
    sessions: dict[str, int] = {}
    for day, claude, model, micros in db.execute(
        "SELECT day, claude, model, micros FROM spent WHERE day >= ? ORDER BY day", (since,)
    ):
        if claude in owner:
            for sums, key in ((days, day), (models, model), (sessions, owner[claude])):
                sums[key] = sums.get(key, 0) + micros
    return Spent(since, days, models, sessions)


def _day(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).date().isoformat()
