"""The daemon as a process, hurt from outside. Invariant of all: nothing lost, nothing twice, ids unchanged."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sqlite3
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.process import Daemon, eventually
from tests.faults.rig import LogFile, line

UUID = "11111111-2222-4333-8444-555555555555"
ROUNDS = int(os.environ.get("KILL_ROUNDS", "8"))
"""How often it is killed; 50 in the long form."""


class Writer(threading.Thread):
    """Writes lines to some logs, as fast as told, with rotations, until stopped."""

    def __init__(self, daemon: Daemon, *, gap_s: float = 0.0004, logs: int = 3, rotate: bool = True) -> None:
        super().__init__(daemon=True)
        self.logs = [daemon.log(f"{i:08d}-2222-4333-8444-555555555555") for i in range(logs)]
        self.gap_s, self.rotates = gap_s, rotate
        self.written: list[list[str]] = [[] for _ in self.logs]
        self.over = threading.Event()
        self.ahead_s = 0.0
        self.copies = 0
        for log in self.logs:
            log.clock_s = lambda: self.ahead_s

    @property
    def count(self) -> int:
        """Lines written so far."""
        return sum(map(len, self.written))

    def run(self) -> None:
        """Write until stopped."""
        dice = random.Random(7)
        n = 0
        while not self.over.is_set():
            i = dice.randrange(len(self.logs))
            log, marker = self.logs[i], f"{i}:{n}"
            data = line(log.uuid, marker, size=dice.choice((0, 300, 2000)))
            cut = dice.randrange(len(data)) if dice.random() < 0.1 else len(data)
            log.append(data[:cut])
            if cut < len(data):
                log.append(data[cut:])
            self.written[i].append(marker)
            n += 1
            if self.rotates and dice.random() < 0.01:
                log.rotate(pack=dice.random() < 0.5, touch=dice.random() < 0.5, upwards=True)
            if self.rotates and dice.random() < 0.01:
                self.copy(log, dice)
            if dice.random() < 0.002:
                self.ahead_s += dice.choice((-86_400.0, -3.0, 5.0, 40_000.0))
            time.sleep(self.gap_s)  # the pace of the load, not a wait for anything

    def copy(self, log: LogFile, dice: random.Random) -> None:
        """Copy the log, or a part of it, under some name."""
        files = [log.path, *log.plain_parts()[-2:]]
        source = dice.choice(files)
        self.copies += 1
        ending = dice.choice(("bak{n}", "{n}", "1700{n:06}", "{ns}")).format(n=self.copies, ns=log.next_ns())
        if source.exists():
            Path(f"{log.path}.{ending}").write_bytes(source.read_bytes())

    def stop(self) -> None:
        """Stop and wait for the last line."""
        self.over.set()
        self.join(10)

    def check(self, events: list[tuple[int, str]]) -> None:
        """Assert that these are all lines, once, in the order of each log, with rising ids."""
        for i, markers in enumerate(self.written):
            found = [m for _, m in events if m.startswith(f"{i}:")]
            assert not set(markers) - set(found), "lines are missing"
            assert len(found) == len(set(found)), "lines came twice"
            assert found == markers, "the order is not that of the log"
        ids = [id_ for id_, _ in events]
        assert ids == sorted(set(ids))


@contextmanager
def writing(daemon: Daemon, **more: float) -> Iterator[Writer]:
    """A writer that runs during the block."""
    writer = Writer(daemon, **more)  # type: ignore[arg-type]
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()


def test_kill_nine(daemon: Daemon) -> None:
    """Killed at random moments, with rotations, copies and clock jumps: each line once, ids for ever."""
    dice = random.Random(11)
    clock = daemon.home / "clock"
    clock.write_bytes(struct.pack("d", 0.0))
    root = Path(__file__).parents[2]
    daemon.prefix = ("env", f"PYTHONPATH={root / 'tests' / 'faults' / 'clock'}:{root}", f"CTM_TEST_CLOCK={clock}")
    seen: dict[int, str] = {}
    before: list[tuple[int, str]] = []
    daemon.start()
    with writing(daemon) as writer:
        for _ in range(ROUNDS):
            with daemon.stream() as stream:
                end = time.monotonic() + dice.uniform(0.01, 0.4)
                while time.monotonic() < end:
                    stream.read(0.01)
                    if dice.random() < 0.05:  # the daemon's own clock is set
                        with open(clock, "r+b") as file:
                            file.write(struct.pack("d", dice.choice((-7200.0, -1.5, 0.0, 3600.0, 86_400.0))))
                daemon.kill()
                while stream.read():
                    pass
            after = daemon.stored()
            assert after[: len(before)] == before, "what was committed has changed"
            before = after
            seen |= dict(stream.events)
            assert seen.items() <= dict(after).items(), "a client saw what was not committed"
            daemon.start()
    eventually(lambda: len(daemon.stored()) >= writer.count, within_s=90, what="the catch-up")
    assert daemon.stop()[0] == 0
    writer.check(daemon.stored())
    assert daemon.stored()[: len(before)] == before


def test_sigterm_under_load(daemon: Daemon) -> None:
    """A graceful stop in the middle of the load, with open streams: exit 0 within ten seconds, and nothing is lost."""
    daemon.start()
    with writing(daemon) as writer:
        for _ in range(2):
            with daemon.stream() as reading, daemon.stream():
                reading.until(300)
                code, took_s = daemon.stop()
            assert code == 0
            assert took_s < 10
            daemon.start()
    eventually(lambda: len(daemon.stored()) >= writer.count, within_s=90, what="the catch-up")
    assert daemon.stop()[0] == 0
    writer.check(daemon.stored())
    assert "Traceback" not in daemon.said()


def test_database_locked(daemon: Daemon) -> None:
    """While another process holds the database, events flow and /health says so; then it catches up under load."""
    daemon.start()
    with daemon.stream() as stream, writing(daemon, gap_s=0.004) as writer:
        stream.until(50)
        other = sqlite3.connect(daemon.database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        stored = len(daemon.stored())
        stream.until(len(stream.events) + 300)
        assert len(daemon.stored()) == stored
        eventually(lambda: "degraded" in daemon.get("/health")["components"]["journal"], what="the report")
        other.execute("ROLLBACK")
        other.close()
        # The writer goes on: it must recover without a pause to breathe.
        eventually(lambda: daemon.get("/health")["components"]["journal"] == "ok", within_s=30, what="the recovery")
        writer.stop()
        stream.until(writer.count)
        assert stream.lost == 0
        writer.check(stream.events)
    assert daemon.stop()[0] == 0
    assert daemon.stored() == stream.events


def test_disk_full(daemon: Daemon) -> None:
    """When no file can grow, events flow and /health says so; with room again everything is in the database."""
    daemon.start()
    assert daemon.process is not None
    pid = daemon.process.pid
    with daemon.stream() as stream, writing(daemon, gap_s=0.002) as writer:
        stream.until(50)
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        stream.until(len(stream.events) + 500)
        eventually(lambda: "degraded" in daemon.get("/health")["components"]["journal"], what="the report")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        eventually(lambda: daemon.get("/health")["components"]["journal"] == "ok", within_s=30, what="the recovery")
        writer.stop()
        stream.until(writer.count)
        writer.check(stream.events)
    assert daemon.stop()[0] == 0
    assert daemon.stored() == stream.events


def test_killed_while_the_disk_is_full(daemon: Daemon) -> None:
    """Killed with events that were never committed: they come again from the logs, none is missing, none is twice."""
    daemon.start()
    assert daemon.process is not None
    with daemon.stream() as stream, writing(daemon, gap_s=0.001) as writer:
        stream.until(50)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        stream.until(len(stream.events) + 200)
        daemon.kill()
    daemon.start()
    eventually(lambda: len(daemon.stored()) >= writer.count, within_s=90, what="the catch-up")
    assert daemon.stop()[0] == 0
    writer.check(daemon.stored())


@pytest.mark.parametrize("seed", range(3))
def test_damaged_database(daemon: Daemon, seed: int) -> None:
    """Bytes changed at random offsets: it starts, and every line is there, set aside and rebuilt or still sound."""
    log = daemon.log()
    markers = [f"d{i}" for i in range(3000)]
    log.append(b"".join(line(UUID, marker) for marker in markers))
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 3000, what="the first ingest")
    daemon.kill()
    dice = random.Random(seed)
    for suffix in ("", "-wal"):
        path = Path(f"{daemon.database}{suffix}")
        size = path.stat().st_size if path.exists() else 0
        if size:
            with open(path, "r+b") as file:
                for _ in range(40):
                    file.seek(dice.randrange(100 if seed == 0 else size))
                    file.write(dice.randbytes(64))
    daemon.start()
    log.append(line(UUID, "afterwards"))

    def whole() -> bool:
        try:
            return {m for _, m in daemon.stored()} >= {*markers, "afterwards"}
        except (sqlite3.Error, ValueError):
            return False

    def aside() -> list[Path]:
        return list(daemon.root.glob("ctm-trio.db.corrupt.*"))

    eventually(lambda: whole() or not aside(), what="the rebuilding")
    assert daemon.answers()
    assert daemon.request("GET", "/api/feed").status_code == 200
    assert daemon.request("GET", f"/api/sessions/uuid:{UUID[:8]}/feed").status_code == 200
    with daemon.stream() as stream:
        stream.until(1)
    assert daemon.stop()[0] == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in aside())


def test_permission_lost_and_regained(daemon: Daemon) -> None:
    """A log, then its whole directory, cannot be read for a while: nothing is lost afterwards and nothing crashed."""
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("as root this needs setpriv, which takes away the right to read everything")
        daemon.prefix = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    log, other = daemon.log(), daemon.log("22222222-2222-4333-8444-555555555555")
    daemon.start()
    with daemon.stream() as stream:
        log.append(line(UUID, "1"))
        stream.until(1)
        log.rotate(touch=True)
        log.path.chmod(0)
        log.append(line(UUID, "2"))  # we may still write, as root; the daemon may not read
        for i in range(3, 20):
            other.append(line(other.uuid, f"{i}"))
            stream.until(i - 1)
        daemon.logs.chmod(0)
        log.append(line(UUID, "20"))
        assert daemon.answers()
        daemon.logs.chmod(0o700)
        log.path.chmod(0o600)
        stream.until(20)
        daemon.logs.chmod(0)
        other.append(line(other.uuid, "21"))
        daemon.logs.chmod(0o700)
        stream.until(21)
    assert not [name for name, count in restarts(daemon).items() if count]
    assert daemon.stop()[0] == 0
    assert sorted(int(m) for _, m in stream.events) == list(range(1, 22))
    assert daemon.stored() == stream.events


def restarts(daemon: Daemon) -> dict[str, float]:
    """Restarts of each task, from the metrics."""
    text = daemon.request("GET", "/metrics").text
    rows = [row.rsplit(" ", 1) for row in text.splitlines() if "restarts" in row and not row.startswith("#")]
    return {name: float(value) for name, value in rows}


def test_tmux_server_dies(daemon: Daemon) -> None:
    """When tmux dies under us its sessions count as dead, and the daemon goes on."""
    tmux = ["tmux", "-f", "/dev/null"]
    env = {**os.environ, "TMUX_TMPDIR": str(daemon.home / "tmux"), "TMUX": "", "HOME": str(daemon.home)}
    env.pop("TMUX")
    subprocess.run([*tmux, "new-session", "-d", "-s", "alpha", "sleep 600"], env=env, check=True)
    try:
        record = {
            "name": "alpha", "uuid": UUID, "mode": "safe", "workdir": str(daemon.home),
            "created_at": "2026-05-01T10:00:00Z", "last_attached_at": "0001-01-01T00:00:00Z",
            "last_health_status": "", "last_health_at": "0001-01-01T00:00:00Z",
        }  # fmt: skip
        (daemon.root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": {"alpha": record}}))
        daemon.start()
        eventually(lambda: daemon.get("/api/sessions/alpha")["tmux_alive"] is True, what="life")
    finally:
        subprocess.run([*tmux, "kill-server"], env=env, check=True)
    eventually(lambda: daemon.get("/api/sessions/alpha")["tmux_alive"] is False, what="the end of tmux")
    assert daemon.answers()
    assert daemon.stop()[0] == 0


@pytest.mark.parametrize(
    ("name", "where"), [("search", "head"), ("search", "middle"), ("cost", "head"), ("outbox", "middle")]
)
def test_damaged_side_database(daemon: Daemon, name: str, where: str) -> None:
    """A damaged index, ledger or outbox costs what was only in it: it is made anew, and the daemon goes on."""
    log = daemon.log()
    log.append(b"".join(line(UUID, f"needle {i}") for i in range(200)))
    daemon.start()
    side = daemon.root / f"ctm-trio-{name}.db"
    eventually(lambda: len(daemon.get("/api/search?q=needle&limit=500")["matches"]) == 200, what="the index")
    eventually(side.exists, what="the file")
    daemon.stop()
    size = side.stat().st_size
    with open(side, "r+b") as file:
        file.seek(0 if where == "head" else min(size // 2, 8192))
        file.write(b"\xde\xad\xbe\xef" * 1500)
    for suffix in ("-wal", "-shm"):
        Path(f"{side}{suffix}").unlink(missing_ok=True)
    daemon.start()
    log.append(line(UUID, "needle last"))
    eventually(lambda: len(daemon.get("/api/search?q=needle&limit=500")["matches"]) == 201, what="the index again")
    assert daemon.request("GET", "/api/cost?window=day").status_code == 200
    assert daemon.request("GET", "/api/webhook/deliveries").status_code == 200
    assert len(daemon.stored()) == 201
    assert daemon.stop()[0] == 0
