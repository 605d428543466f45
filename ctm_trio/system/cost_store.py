"""Costs over time: points of each Claude session, thinned with age, and sums that stay exact.

Source: contract A7, B9.
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
from ctm_trio.model.pricing import CLIENT, PriceTable, parse_prices, priced
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.times import format_time, parse_time
from ctm_trio.system.files import atomic_write
from ctm_trio.system.regular import read_regular
from ctm_trio.system.side_database import open_side_database
from ctm_trio.system.store import translate

log = logging.getLogger("ctm.cost")

SCHEMA_VERSION = 1

TABLES = """
-- A Claude session and what it said last. `micros` is its cost so far, in millionths of a dollar.
CREATE TABLE IF NOT EXISTS claude_sessions (
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, session TEXT NOT NULL, input INTEGER NOT NULL,
  output INTEGER NOT NULL, cache INTEGER NOT NULL, micros INTEGER NOT NULL, source TEXT NOT NULL);
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


class CostStore:
    """The writer of the costs. One thread at a time.

    Args:
        path: of the database. prices: for points without a cost of their own.

    Raises:
        StoreUnavailable: it cannot be opened now.
    """

    def __init__(self, path: Path, prices: PriceTable) -> None:
        self._db = open_side_database(path, TABLES, SCHEMA_VERSION)
        self._prices = prices

    def add(self, points: Iterable[CostPoint]) -> int:
        """Keep points, in order; those that say nothing new are dropped. How many were kept.

        Raises:
            StoreUnavailable, StoreDamaged: none of them was kept.
        """
        db = self._db
        try:
            db.execute("BEGIN IMMEDIATE")
            try:
                kept = sum([self._add(point) for point in points])
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise translate(error) from error
        return kept

    def thin(self, now: float) -> None:
        """Thin the points as of `now` (unix seconds).

        Raises:
            StoreUnavailable, StoreDamaged: it could not be done.
        """
        try:
            for age, interval in THINNING:
                self._db.execute(
                    "DELETE FROM points WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
                    " (PARTITION BY claude, CAST(at / ? AS INTEGER) ORDER BY at DESC, id DESC) AS nth"
                    " FROM points WHERE at < ?) WHERE nth > 1)",
                    (interval, now - age),
                )
        except sqlite3.Error as error:
            raise translate(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _add(self, point: CostPoint) -> bool:
        db = self._db
        tokens = (point.input_tokens, point.output_tokens, point.cache_tokens)
        if point.total_cost_micros is not None:
            micros, source = point.total_cost_micros, CLIENT
        else:
            micros, source = priced(self._prices, point.model, tokens)
        known = db.execute(
            "SELECT id, session, input, output, cache, micros, source FROM claude_sessions WHERE uuid = ?",
            (point.uuid,),
        ).fetchone()
        if known is not None and known[2:] == (*tokens, micros, source):
            return False
        db.execute(
            "INSERT INTO claude_sessions (uuid, session, input, output, cache, micros, source) VALUES (?,?,?,?,?,?,?)"
            " ON CONFLICT (uuid) DO UPDATE SET session = excluded.session, input = excluded.input,"
            " output = excluded.output, cache = excluded.cache, micros = excluded.micros, source = excluded.source",
            (point.uuid, point.session, *tokens, micros, source),
        )
        (claude,) = db.execute("SELECT id FROM claude_sessions WHERE uuid = ?", (point.uuid,)).fetchone()
        at = parse_time(point.ts) or 0.0
        db.execute(
            "INSERT INTO points (claude, at, model, input, output, cache, micros, source) VALUES (?,?,?,?,?,?,?,?)",
            (claude, at, point.model, *tokens, micros, source),
        )
        db.execute(
            "INSERT INTO spent VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET micros = micros + excluded.micros",
            (_day(at), claude, point.model, source, micros - (known[5] if known is not None else 0)),
        )
        return True


def read_costs(
    db: sqlite3.Connection, window: str, start: float, session: str, names: Mapping[str, str], prices_as_of: str
) -> CostReport:
    """The points since `start` (unix seconds), their totals, and what was spent.

    Args:
        session: only of this one, "" for all.
        names: Claude session id → session, as known now; for others the name they had counts.
    """
    owner = {}
    for claude, uuid, stored in db.execute("SELECT id, uuid, session FROM claude_sessions"):
        name = names.get(uuid) or stored
        if session in ("", name):
            owner[claude] = name
    rows = db.execute(
        "SELECT claude, at, model, input, output, cache, micros, source FROM points WHERE at >= ? ORDER BY at, id",
        (start,),
    ).fetchall()
    rows = [row for row in rows if row[0] in owner]
    costs: dict[str, dict[int, int]] = {owner[row[0]]: {} for row in rows}
    for claude, name in owner.items():
        if name in costs:
            before = db.execute(
                "SELECT micros FROM points WHERE claude = ? AND at < ? ORDER BY at DESC, id DESC LIMIT 1",
                (claude, start),
            ).fetchone()
            costs[name][claude] = before[0] if before is not None else 0
    base = {name: sum(known.values()) for name, known in costs.items()}
    points = []
    for claude, at, model, given, made, cache, micros, source in rows:
        name = owner[claude]
        costs[name][claude] = micros
        points.append(WirePoint(format_time(at), name, given, made, cache, sum(costs[name].values()), model, source))
    last = {point.session: point for point in points}
    totals = Totals()
    for point in last.values():
        totals.input += point.input_tokens
        totals.output += point.output_tokens
        totals.cache += point.cache_tokens
        totals.cost_usd_micros += point.cost_usd_micros
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
