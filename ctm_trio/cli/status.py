"""`status`: one screen that says who needs you, how much quota is left and what today cost.

It asks the daemon only whether it is there; all else is in the files that the daemon keeps, so no login is needed.
With a token in the environment it is asked for the sessions, those that nobody recorded among them.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from ctm_trio.cli.auth import signup_notice
from ctm_trio.cli.colours import colours_of
from ctm_trio.cli.common import (
    OK,
    CliError,
    Subparsers,
    find_paths,
    load_config,
    plain,
    print_json,
    print_table,
    read_book,
    say,
)
from ctm_trio.cli.link import probe
from ctm_trio.cli.ls import words
from ctm_trio.cli.needs import by_urgency, need_lines, needs_of, warning_lines
from ctm_trio.cli.statuses import BASE_KEYS, VIEW_KEYS, Statuses, read_statuses
from ctm_trio.cli.unwatched import unwatched_clients, unwatched_line
from ctm_trio.cli.views import ago, is_live, live_names, use_our_server, view
from ctm_trio.cli.where import daemon_port, restart_needed, running, silent_daemon
from ctm_trio.errors.base import CtmError
from ctm_trio.journal.file import event_reader
from ctm_trio.journal.select import select_events
from ctm_trio.model.cost_counter import Counter
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.limits import Limits
from ctm_trio.model.plain import plain_lines
from ctm_trio.model.quota import Meter, Quota, Window, merge_meter, parse_dump, round_half_up, session_meter
from ctm_trio.model.times import parse_time
from ctm_trio.producers.statusline import DUMP_DIR
from ctm_trio.system.cost_store import COSTS, read_counters
from ctm_trio.system.dumps import read_dumps
from ctm_trio.system.side_database import connect_reader

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.paths import Paths

LAST_CHANGES = 2000
"""How many of the newest attention events are looked at; a session's state older than those is not shown."""


class Usage(msgspec.Struct):
    """What the status lines say."""

    week: Window = msgspec.field(default_factory=Window)
    five_hours: Window = msgspec.field(default_factory=Window)
    meters: dict[str, Meter] = msgspec.field(default_factory=dict)

    def trust(self, account: Quota | None) -> None:
        """Take the limits as the daemon announced them last: it has heard every dump, here only the last ones are."""
        if account is not None and (self.week.pct, self.five_hours.pct) != (None, None):
            self.week = _announced(account.weekly_pct, account.weekly_resets_at)
            self.five_hours = _announced(account.five_hr_pct, account.five_hr_resets_at)


class Known(msgspec.Struct):
    """What the daemon's database says: by session who needs someone, the last call, the logs' ids; and the limits."""

    needs: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    last_calls: dict[str, str] = msgspec.field(default_factory=dict)
    account: Quota | None = None
    logs: dict[str, list[str]] = msgspec.field(default_factory=dict)


def add_parser(subparsers: Subparsers) -> None:
    """Declare `status`."""
    parser = subparsers.add_parser("status", help="who needs you, quota, cost today")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Show it."""
    paths = find_paths()
    settings = load_config(paths, guess=True)
    use_our_server(settings)
    records = read_book(paths).records
    port = daemon_port(paths, settings)
    version = probe(port)
    holder = running(paths)
    pid = holder.pid if holder is not None else 0
    silent, cure = silent_daemon(paths) if version is None else ("", "")
    if silent:
        say(f"{silent} {cure}")
    if note := restart_needed(paths, settings):
        say(note)
    try:
        live = live_names(paths, settings)
    except CliError as error:
        say(str(error))
        live = frozenset()
    usage = read_usage(settings)
    counters = read_counters_of(paths)
    for uuid, meter in usage.meters.items():
        if meter.cost_usd_micros is not None and uuid in counters:
            usage.meters[uuid] = replace(meter, cost_usd_micros=counters[uuid].see(meter.cost_usd_micros).total)
    known = read_events(paths)
    if version:
        usage.trust(known.account)
    cost = read_cost(paths)
    unwatched = unwatched_clients(paths, {record.uuid for record in records.values()}, port if version else None)
    statuses = read_statuses(paths, port, records) if version else Statuses()
    sessions = [
        {**view(record, is_live(record, live)), **statuses.of.get(name, {})} for name, record in records.items()
    ]
    sessions += [{key: found[key] for key in (*BASE_KEYS, *VIEW_KEYS) if key in found} for found in statuses.unmanaged]
    for shown in sessions:
        name, own = str(shown["name"]), str(shown.get("uuid", ""))
        logs = [uuid for uuid in known.logs.get(name, ()) if uuid != own]  # before a /clear, so older
        meters = [usage.meters[uuid] for uuid in (*logs, own) if uuid in usage.meters]
        meter = session_meter(meters or [Meter()])
        for key, value in (
            ("last_tool_call_at", known.last_calls.get(name) or None),
            ("context_pct", meter.context_pct),
            ("cost_usd_micros", meter.cost_usd_micros),
            ("attention", known.needs.get(name) if version else None),  # nobody keeps it up to date otherwise
        ):
            if value is not None:
                shown[key] = value
    if args.json:
        limits = {"weekly": window_json(usage.week), "five_hours": window_json(usage.five_hours)}
        print_json(
            {
                "daemon": {
                    "running": version is not None or holder is not None,
                    "answers": version is not None,
                    "version": version,
                    "port": port,
                    "pid": pid or None,
                },
                "sessions": sessions,
                "quota": limits,
                "cost_today_usd_micros": cost,
                "unwatched_clients": unwatched,
            }
        )
        return OK
    show(sessions, usage, cost, version, port, pid, silent=bool(silent))
    if note := unwatched_line(unwatched):
        print(f"\n{note}")
    if notice := signup_notice(paths):
        print(f"\n{plain_lines(notice)}")
    return OK


def read_usage(settings: Settings) -> Usage:
    """Limits, context and cost from the dumps of the status line. Source: PROTOCOL.md, Quota and cost."""
    directory = Path(settings.statusline_dump_dir or DUMP_DIR).expanduser()
    usage, limits = Usage(), Limits()
    for file in read_dumps(directory, None, {}):
        dump = parse_dump(file.data, file.stem)
        if dump is None:
            continue
        limits.take(dump, file.mtime)
        usage.meters[dump.uuid] = merge_meter(usage.meters.get(dump.uuid, Meter()), dump.meter)
    usage.week, usage.five_hours = limits.week, limits.five_hours
    return usage


def read_events(paths: Paths) -> Known:
    """What the daemon's database says; nothing if there is none, or if it cannot be read now."""
    known = Known()
    if not os.path.exists(paths.database):
        return known
    try:
        db = event_reader(paths.database)
        try:
            for event in select_events(db, limit=LAST_CHANGES, types=("attention_raised", "attention_cleared")):
                payload = msgspec.json.decode(event.payload)
                if event.type == "attention_raised":
                    known.needs[event.session] = {
                        key: payload[key] for key in ("state", "since", "details") if key in payload
                    }
                else:
                    known.needs.pop(event.session, None)
            for event in select_events(db, limit=1, sessions=("",), types=("quota_update",)):
                known.account = msgspec.json.decode(event.payload, type=Quota)
            newest: dict[str, int] = {}
            for name, uuid, at, call in db.execute(
                "SELECT s.session, s.uuid, coalesce(e.ts, s.last_call_at), e.id FROM sources s LEFT JOIN events e"
                " ON e.id = (SELECT max(id) FROM events WHERE source = s.id AND type = 'tool_call') ORDER BY s.id"
            ):
                known.logs.setdefault(name, []).append(uuid)
                if at and (call or 0) >= newest.get(name, 0):
                    newest[name], known.last_calls[name] = call or 0, at
        finally:
            db.close()
    except (CtmError, sqlite3.Error, *BAD_JSON) as error:
        say(f"The event log cannot be read now: {plain(error)}")
    return known


def read_cost(paths: Paths) -> int | None:
    """What was spent today (UTC) in millionths of a dollar, from the daemon's cost database; None if it has none.

    The table is that of `system.cost_store`, which keeps it exact however long ago.
    """
    if not os.path.exists(paths.costs):
        return None
    today = datetime.now(UTC).date().isoformat()
    try:
        db = connect_reader(paths.costs, COSTS)
        try:
            spent: int | None = db.execute("SELECT sum(micros) FROM spent WHERE day = ?", (today,)).fetchone()[0]
        finally:
            db.close()
    except (CtmError, sqlite3.Error) as error:
        say(f"The costs cannot be read now: {plain(error)}")
        return None
    return spent or 0


def read_counters_of(paths: Paths) -> dict[str, Counter]:
    """What each Claude session has cost over all beginnings of its counter; nothing if that cannot be read."""
    if not os.path.exists(paths.costs):
        return {}
    try:
        db = connect_reader(paths.costs, COSTS)
        try:
            return read_counters(db)
        finally:
            db.close()
    except (CtmError, sqlite3.Error):
        return {}  # today's cost says so already


def _announced(pct: int | None, resets_at: str) -> Window:
    time_ = parse_time(resets_at)
    return Window(None if pct is None else float(pct), None if time_ is None else int(time_))


def window_json(window: Window) -> dict[str, object]:
    """A limit for `--json`."""
    return {"pct": None if window.pct is None else round_half_up(window.pct), "resets_at": window.resets_at}


def limit(label: str, window: Window) -> str:
    """A limit for people; "" if it is not known, or if its time is over."""
    if window.pct is None or (window.resets_at is not None and window.resets_at < time.time()):
        return ""
    until = ""
    if window.resets_at is not None:
        left = int(window.resets_at - time.time())
        until = f" (resets in {left // 86_400}d {left % 86_400 // 3600}h)" if left >= 86_400 else ""
        until = until or f" (resets in {left // 3600}h {left % 3600 // 60}m)"
    return f"{label} {round_half_up(window.pct)}%{until}"


def show(
    sessions: list[dict[str, Any]],
    usage: Usage,
    cost: int | None,
    version: str | None,
    port: int,
    pid: int,
    *,
    silent: bool,
) -> None:
    """The screen: first who needs someone, then everybody, then the figures.

    Args:
        version, port, pid: of the daemon; None while it does not run, and 0 if it does not say its process.
        silent: the daemon's process is there and does not answer, which has been said.
    """
    colours = colours_of(sys.stdout)
    bold, yellow, grey, off = colours.bold, colours.yellow, colours.grey, colours.off
    waiting, lines = need_lines(sessions)
    if waiting:
        print(f"{bold}{yellow}{waiting} {'needs' if waiting == 1 else 'need'} you{off}")
        print("\n".join(lines))
    elif silent:
        pass
    elif version is None:
        start = "`ctm-trio serve` starts it; `ctm-trio service install` makes it start at every login."
        print(f"The daemon is not running. {grey}{start}{off}")
    elif sessions:
        print("Nobody needs you.")
    else:
        print("There are no sessions yet. `ctm-trio new NAME` starts one here.")
    if odd := warning_lines(sessions):
        print("\n".join(odd))
    if sessions:
        print()
        print_table(
            ("NAME", "MODE", "STATE", "CONTEXT", "COST", "LAST CALL"),
            [line(session) for session in by_urgency(sessions)],
            ("bold", "", "", "", "", "bright_black"),
        )
    spent = "" if cost is None else f"${cost / 1e6:.2f} today"
    figures = [text for text in (limit("5h", usage.five_hours), limit("week", usage.week), spent) if text]
    if figures:
        print("\n" + "  ·  ".join(figures))
    if version is not None:
        process = f", process {pid}" if pid else ""
        print(f"\n{grey}http://127.0.0.1:{port}  ·  daemon {plain(version)}{process}{off}")
    sys.stdout.flush()


def line(session: Mapping[str, Any]) -> list[str]:
    """A session as a line of the table."""
    need = None if "status" in session else needs_of(session)
    context, cost = session.get("context_pct"), session.get("cost_usd_micros")
    return [
        session["name"],
        "by hand" if session.get("managed") is False else session["mode"],
        need[0] if need else words(session),
        "-" if context is None else f"{context}%",
        "-" if cost is None else f"${cost / 1e6:.2f}",
        ago(session.get("last_tool_call_at", ""), " ago"),
    ]
