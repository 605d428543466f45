"""`scripts/soak`: fifty fake sessions at real rates, clients that come and go, reloads and rotations, for minutes.

At the end: the slope of the memory, events lost or repeated (must be 0), restarts of tasks (must be 0).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import socket
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchlib.__main__ import OWN
from benchlib.daemon import HOST, Daemon
from benchlib.lines import MARK, Lines, log_id, write

SESSIONS = 50
ACTIVE_SHARE = 0.3
"""Of the sessions are at work at a time, each with a call every one to eight seconds, now and then a quick series."""

SAMPLE_S = 10.0
WARM_S = 120.0
"""The slope of the memory is taken from here on: before it caches fill."""

Seen = dict[str, int]
"""mark → event id"""


@dataclass
class Tally:
    """What was written, and what clients got."""

    written: list[int] = field(default_factory=lambda: [0] * SESSIONS)
    rotations: int = 0
    reloads: int = 0
    visits: int = 0
    seen: Seen = field(default_factory=dict)
    repeated: int = 0
    changed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def producer(daemon: Daemon, tally: Tally, over: threading.Event) -> None:
    """All sessions' hooks: calls at the pace of people and machines, rotations, and a dump now and then."""
    dice = random.Random(1)
    supply = [Lines(log_id(i), agents=True) for i in range(SESSIONS)]
    due = [time.monotonic() + dice.uniform(0, 10) for _ in range(SESSIONS)]
    while not over.wait(0.02):
        now = time.monotonic()
        for i in range(SESSIONS):
            if now < due[i]:
                continue
            for _ in range(dice.choice((1, 1, 1, 1, 2, 12))):
                write(daemon.log(i), supply[i].line(i * 10_000_000 + tally.written[i]))
                tally.written[i] += 1
            due[i] = now + (dice.uniform(1, 8) if dice.random() < ACTIVE_SHARE else dice.uniform(8, 60))
            if dice.random() < 0.01:
                rotate(daemon.log(i), dice)
                tally.rotations += 1
            if dice.random() < 0.2:
                dump(daemon, i, dice)


def rotate(log: Path, dice: random.Random) -> None:
    """As the hook does it: rename, begin anew, pack."""
    part = Path(f"{log}.{time.time_ns()}")
    log.rename(part)
    if dice.random() < 0.5:
        log.touch(0o600)
    temporary = part.with_name(f".{part.name}.tmp")
    temporary.write_bytes(gzip.compress(part.read_bytes(), 1))
    temporary.rename(f"{part}.gz")
    part.unlink()


def dump(daemon: Daemon, index: int, dice: random.Random) -> None:
    """A status line dump, replaced as a whole."""
    value = {
        "session_id": log_id(index),
        "context_window": {"used_percentage": dice.uniform(1, 80), "total_input_tokens": dice.randrange(100_000)},
        "rate_limits": {"five_hour": {"used_percentage": dice.uniform(1, 50), "resets_at": 1999999999}},
        "cost": {"total_cost_usd": dice.uniform(0, 5)},
    }
    path = daemon.home / "dumps" / f"{log_id(index)}.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(value))
    temporary.rename(path)


def visitor(daemon: Daemon, tally: Tally, over: threading.Event, number: int) -> None:
    """A client that stays for a while, leaves in its own way, and comes back with its last id."""
    dice = random.Random(number)
    last = ""
    mine: set[str] = set()
    while not over.is_set():
        with tally.lock:
            tally.visits += 1
        try:
            with socket.create_connection((HOST, daemon.port), timeout=10) as sock:
                head = daemon.head("GET", "/events/all") + (f"Last-Event-ID: {last}\r\n" if last else "")
                sock.sendall((head + "\r\n").encode())
                last = stay(sock, tally, over, dice, mine, last)
        except OSError:
            continue
        over.wait(dice.uniform(0, 5))


def stay(
    sock: socket.socket, tally: Tally, over: threading.Event, dice: random.Random, mine: set[str], last: str
) -> str:
    """Read for a while; the last id. A mark that comes to the same client twice, or with another id, is counted."""
    leave = time.monotonic() + dice.uniform(1, 90)
    sleepy = dice.random() < 0.1
    rest = b""
    while time.monotonic() < leave and not over.is_set():
        if sleepy:
            over.wait(0.5)
            continue
        sock.settimeout(1)
        try:
            data = sock.recv(1 << 16)
        except TimeoutError:
            continue
        if not data:
            break
        *frames, rest = (rest + data).split(b"\n\n")
        for frame in frames:
            id_at, mark = frame.find(b"id: "), MARK.search(frame)
            if id_at < 0:
                continue
            last = frame[id_at + 4 : frame.index(b"\n", id_at)].decode()
            if mark is None:
                continue
            key, id_ = mark[1].decode(), int(last.split("-")[0])
            with tally.lock:
                tally.repeated += key in mine
                tally.changed += tally.seen.setdefault(key, id_) != id_
            mine.add(key)
    return last


def stored(daemon: Daemon) -> list[int]:
    """The numbers of all marks in the database, in the order of the ids."""
    db = sqlite3.connect(f"{(daemon.root / 'ctm-trio.db').as_uri()}?mode=ro", uri=True)
    try:
        rows = db.execute("SELECT payload FROM events WHERE type = 'tool_call' ORDER BY id").fetchall()
    finally:
        db.close()
    return [int(mark[1]) for (payload,) in rows if (mark := MARK.search(payload))]


def slope_mb_per_hour(samples: list[tuple[float, float]]) -> float:
    """Least squares through (seconds, MB)."""
    if len(samples) < 3:
        return 0.0
    n = len(samples)
    mean_t, mean_m = sum(t for t, _ in samples) / n, sum(m for _, m in samples) / n
    spread = sum((t - mean_t) ** 2 for t, _ in samples)
    return sum((t - mean_t) * (m - mean_m) for t, m in samples) / spread * 3600 if spread else 0.0


def main() -> int:
    """Run it; exit code 1 if anything was lost, repeated or restarted."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--visitors", type=int, default=12)
    options = parser.parse_args()
    with Daemon(OWN, sessions=SESSIONS) as daemon:
        daemon.start()
        tally, over = Tally(), threading.Event()
        threads = [threading.Thread(target=producer, args=(daemon, tally, over))]
        threads += [
            threading.Thread(target=visitor, args=(daemon, tally, over, n), daemon=True)
            for n in range(options.visitors)
        ]
        began, cpu_s = time.monotonic(), daemon.cpu_s()
        for thread in threads:
            thread.start()
        samples: list[tuple[float, float]] = []
        first_mb = daemon.memory_mb()[0]
        while time.monotonic() - began < options.minutes * 60:
            time.sleep(min(SAMPLE_S, options.minutes * 6))
            at, (rss, peak) = time.monotonic() - began, daemon.memory_mb()
            samples.append((at, rss))
            if len(samples) % 6 == 0:
                minutes = {"attention": {"idle_minutes": 5 + tally.reloads % 2}}
                daemon.request("PATCH", "/api/config", minutes)
                tally.reloads += 1
                print(f"{at / 60:5.1f} min, {sum(tally.written)} lines, {rss} MB", flush=True)
        took_s = time.monotonic() - began
        cpu_s = daemon.cpu_s() - cpu_s
        over.set()
        for thread in threads:
            thread.join(10)
        total = sum(tally.written)
        end = time.monotonic() + 30
        while len(stored(daemon)) < total and time.monotonic() < end:
            time.sleep(0.2)
        health = daemon.request("GET", "/health")
        fds = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        subscribers = health["hub"]["subscribers"]
        code = daemon.stop()
        numbers = stored(daemon)
    expected = {i * 10_000_000 + n for i, count in enumerate(tally.written) for n in range(count)}
    order = [[n for n in numbers if n // 10_000_000 == i] for i in range(SESSIONS)]
    warm = [s for s in samples if s[0] >= min(WARM_S, options.minutes * 15)]
    figures = {
        "minutes": round(took_s / 60, 1), "lines": total, "rotations": tally.rotations, "reloads": tally.reloads,
        "client visits": tally.visits, "lost": len(expected - set(numbers)),
        "repeated": len(numbers) - len(set(numbers)),
        "out of order": sum(one != sorted(one) for one in order), "repeated to a client": tally.repeated,
        "ids that changed": tally.changed, "restarts": sum(health["restarts"].values()),
        "rss at first, MB": first_mb, "rss at the end, MB": samples[-1][1], "highest rss, MB": peak,
        "slope, MB an hour": round(slope_mb_per_hour(warm), 2), "cores": round(cpu_s / took_s, 3),
        "descriptors at the end": fds, "streams left": subscribers, "exit code": code,
    }  # fmt: skip
    for name, value in figures.items():
        print(f"{name:24} {value}")
    bad = ("lost", "repeated", "out of order", "repeated to a client", "ids that changed", "restarts", "exit code")
    return any(figures[name] for name in bad)


if __name__ == "__main__":
    raise SystemExit(main())
