"""A database or its -wal is deleted, replaced or made unusable while the daemon runs.

It is said in /health within 5 s, live events flow, and no id is lost or means anything else.
Source: PROTOCOL.md, Databases and upgrades.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ctm_trio.model.webhook import Alert
from ctm_trio.system.outbox import Outbox
from tests.faults.process import USER, Daemon, eventually
from tests.faults.rig import line

UUID = "11111111-2222-4333-8444-555555555555"
NOTICED_S = 30.0
DATABASES = {
    "journal": "ctm-trio.db",
    "search": "ctm-trio-search.db",
    "cost": "ctm-trio-cost.db",
    "webhook": "ctm-trio-outbox.db",
}


def component(daemon: Daemon, name: str) -> str:
    """What /health says of a part."""
    return str(daemon.get("/health")["components"][name])


def says(daemon: Daemon, name: str, *words: str) -> None:
    """Wait until /health says all of it of a part."""
    eventually(lambda: all(w in component(daemon, name) for w in words), within_s=NOTICED_S, what=f"{name}: {words}")


def delete(path: Path) -> None:
    path.unlink()


def delete_both(path: Path) -> None:
    path.unlink()
    Path(f"{path}-wal").unlink()


def delete_wal(path: Path) -> None:
    Path(f"{path}-wal").unlink()


def replace_by_text(path: Path) -> None:
    text = path.with_name("text")
    text.write_text("a text that somebody wants to keep")
    text.rename(path)


def replace_by_copy(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.rename(path)


def replace_all(path: Path) -> None:
    """As a restored backup is put there: another database with a -wal of its own."""
    for suffix in ("", "-wal"):
        other = path.with_name(f"other{suffix}")
        shutil.copy(f"{path}{suffix}", other)
        other.rename(f"{path}{suffix}")


def delete_shm(path: Path) -> None:
    Path(f"{path}-shm").unlink()


def directory_for_wal(path: Path) -> None:
    Path(f"{path}-wal").unlink()
    Path(f"{path}-wal").mkdir()


def pipe_for_shm(path: Path) -> None:
    Path(f"{path}-shm").unlink()
    os.mkfifo(f"{path}-shm")


def cut_off(path: Path) -> None:
    """As `: > ctm-trio.db` does, to which SQLite would add the loss of the -wal."""
    os.truncate(path, 0)


def cut_off_wal(path: Path) -> None:
    os.truncate(f"{path}-wal", 0)


def write_over_wal(path: Path) -> None:
    with open(f"{path}-wal", "r+b") as file:
        file.write(os.urandom(os.stat(f"{path}-wal").st_size))


LOSSES = [
    delete, delete_both, delete_wal, delete_shm, directory_for_wal, pipe_for_shm, replace_by_text, replace_by_copy,
    replace_all, cut_off, cut_off_wal, write_over_wal,
]  # fmt: skip


@pytest.mark.parametrize("lose", LOSSES)
def test_the_event_log_is_lost(daemon: Daemon, lose: Callable[[Path], None]) -> None:
    """It is put back from what is open: a client sees every event once, and all ids stay, also after a restart."""
    log = daemon.log()
    log.append(b"".join(line(UUID, f"a{i}") for i in range(700)))
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 700, what="the ingest")
    before = daemon.stored()
    with daemon.stream(f"/events/session/uuid:{UUID[:8]}") as stream:
        stream.until(500)
        lose(daemon.database)
        log.append(b"".join(line(UUID, f"b{i}") for i in range(50)))
        stream.until(550)
        daemon.request("GET", "/api/search?q=a1")  # whoever reads may be the first to meet damage
        says(daemon, "journal", "ctm-trio.db", "while it was in use", "was restored")
        log.append(b"".join(line(UUID, f"c{i}") for i in range(50)))
        stream.until(600)
        eventually(lambda: len(daemon.stored()) == 800, what="the file with everything in it")
        rows = daemon.get(f"/api/sessions/uuid:{UUID[:8]}/feed?limit=200")
        assert [row["input"] for row in rows[:50]] == [f"c{i}" for i in reversed(range(50))]
        assert stream.lost == 0
        seen = stream.events
    assert daemon.stop()[0] == 0
    stored = daemon.stored()
    assert stored[:700] == before
    assert stored[200:] == seen
    kept = [path for path in daemon.root.glob("ctm-trio.db.replaced.*") if path.suffix != "-wal"]
    assert bool(kept) == lose.__name__.startswith("replace")
    daemon.start()
    with daemon.stream(last_id=f"{seen[-51][0]}-0") as again:
        again.until(50)
        assert again.events == seen[-50:]
    assert daemon.stop()[0] == 0
    assert daemon.stored() == stored


def test_a_file_in_the_place_of_the_logs(daemon: Daemon) -> None:
    """Nothing can be logged then, which /health and the doctor say; when the directory is back all goes on."""
    log = daemon.log()
    log.append(line(UUID, "a"))
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 1, what="the first line")
    away = daemon.logs.rename(daemon.root / "away")
    daemon.logs.write_text("a file")
    eventually(
        lambda: "Not a directory" in daemon.get("/health")["components"].get("logs/", ""), what="the fault in /health"
    )
    checks = {check["name"]: check["status"] for check in daemon.get("/api/doctor")["checks"]}
    assert checks["daemon:logs/"] == "err"
    daemon.logs.unlink()
    away.rename(daemon.logs)
    log.append(line(UUID, "b"))
    eventually(lambda: [marker for _, marker in daemon.stored()] == ["a", "b"], what="the next line")
    eventually(lambda: daemon.get("/health")["status"] == "ok", what="the end of the fault")
    assert daemon.stop()[0] == 0


def test_login_files_that_are_no_files_of_ours(daemon: Daemon) -> None:
    """Rubbish in user.json is in the doctor's findings; in the tokens' file it is said at the start."""
    daemon.start()
    kept = (daemon.root / "user.json").read_bytes()
    (daemon.root / "user.json").write_bytes(b"rubbish")
    env = {**os.environ, "HOME": str(daemon.home), "NO_COLOR": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    argv = [sys.executable, "-m", "ctm_trio", "doctor"]
    found = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False, cwd=daemon.home)
    assert "user.json cannot be used, so nobody can sign in." in found.stdout
    assert "ctm-trio auth reset" in found.stdout
    assert daemon.stop()[0] == 0
    (daemon.root / "user.json").write_bytes(kept)
    (daemon.root / "ctm-trio-tokens.json").write_bytes(b"rubbish")
    daemon.start()
    assert "ctm-trio-tokens.json cannot be read" in daemon.said()
    assert daemon.request("POST", "/api/auth/login", json=USER).status_code == 200
    assert daemon.stop()[0] == 0


def count(daemon: Daemon) -> int:
    """Calls that are committed; 0 while there is no event log to look into."""
    try:
        return len(daemon.stored())
    except sqlite3.Error:
        return 0


def test_shm_is_cut_off(daemon: Daemon) -> None:
    """SQLite has the -shm in its memory, so that ends the process. It leaves a word, and the next start has it all."""
    log = daemon.log()
    log.append(b"".join(line(UUID, f"a{i}") for i in range(50)))
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 50, what="the ingest")
    before = daemon.stored()
    assert daemon.process is not None
    os.truncate(f"{daemon.database}-shm", 0)
    log.append(line(UUID, "b"))
    assert daemon.process.wait(20) == -signal.SIGBUS
    assert "Bus error" in daemon.said()
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 51, what="the line in between")
    assert daemon.stored()[:50] == before
    assert daemon.stop()[0] == 0


def test_what_is_damaged_beyond_rescue(daemon: Daemon) -> None:
    """What was folded into the file and is written over there is gone; it is said, and the logs rebuild all of it."""
    log = daemon.log()
    log.append(b"".join(line(UUID, f"a{i}", size=2000) for i in range(3000)))
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 3000, what="the ingest")
    assert daemon.stop()[0] == 0
    daemon.start()
    with daemon.database.open("r+b") as file:
        file.write(os.urandom(os.stat(daemon.database).st_size))
    eventually(lambda: "the logs rebuild it" in daemon.said(), what="the damage")
    assert "ctm-trio.db was damaged while it was in use" in daemon.said()
    log.append(line(UUID, "b"))
    eventually(lambda: daemon.get("/health")["status"] == "ok", what="a sound event log")
    eventually(lambda: count(daemon) == 3001, what="the rebuilding")
    assert [marker for _, marker in daemon.stored()] == [*(f"a{i}" for i in range(3000)), "b"]
    assert daemon.get("/health")["status"] == "ok"
    assert daemon.stop()[0] == 0


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
@pytest.mark.parametrize("what", ["directory", "pipe", "link to nothing"])
def test_no_file_beside_the_database_at_the_start(daemon: Daemon, suffix: str, what: str) -> None:
    """SQLite's own files beside the database are made anew; what stood in their place is kept."""
    log = daemon.log()
    log.append(b"".join(line(UUID, f"a{i}") for i in range(20)))
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 20, what="the ingest")
    before = daemon.stored()
    assert daemon.stop()[0] == 0
    place = Path(f"{daemon.database}{suffix}")
    place.unlink(missing_ok=True)
    if what == "directory":
        place.mkdir()
        (place / "x").touch()
    elif what == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("/nonexistent/file")
    daemon.start()
    log.append(line(UUID, "b"))
    eventually(lambda: len(daemon.stored()) == 21, what="the new line")
    assert daemon.stored()[:20] == before
    assert daemon.get("/health")["status"] == "ok"
    assert len(list(daemon.root.glob(f"{place.name}.replaced.*"))) == 1
    assert daemon.stop()[0] == 0


@pytest.mark.parametrize("name", ["search", "cost", "webhook"])
@pytest.mark.parametrize("lose", [delete, delete_wal, delete_shm, cut_off, replace_by_text])
def test_a_side_database_is_lost(daemon: Daemon, name: str, lose: Callable[[Path], None]) -> None:
    """Its part says so and has everything again."""
    log = daemon.log()
    log.append(b"".join(line(UUID, f"needle {i}") for i in range(100)))
    daemon.start()
    path = daemon.root / DATABASES[name]
    eventually(lambda: len(daemon.get("/api/search?q=needle&limit=500")["matches"]) == 100, what="the index")
    eventually(Path(f"{path}-wal").exists, what="the file")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    lose(path)
    says(daemon, name, path.name, "while it was in use", "was restored")
    log.append(line(UUID, "needle last"))
    eventually(lambda: len(daemon.get("/api/search?q=needle&limit=500")["matches"]) == 101, what="the index again")
    assert daemon.request("GET", "/api/cost?window=day").status_code == 200
    assert daemon.get("/api/webhook/deliveries")["deliveries"] == []
    assert daemon.stop()[0] == 0
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == tables
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def weak(daemon: Daemon) -> None:
    """As root: take away the right to read and write everything."""
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("as root this needs setpriv, which takes away the right to read everything")
        daemon.prefix = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


@pytest.mark.parametrize("mode", [0, 0o400])
@pytest.mark.parametrize("name", list(DATABASES))
def test_rights_that_are_taken_away(daemon: Daemon, name: str, mode: int) -> None:
    """`chmod 000` or `chmod 400` on a file: it is said with the reason, everything runs on, it ends."""
    weak(daemon)
    log = daemon.log()
    daemon.start()
    path = daemon.root / DATABASES[name]
    eventually(Path(f"{path}-wal").exists, what="the file")
    with daemon.stream() as stream:
        log.append(line(UUID, "0"))
        stream.until(1)
        path.chmod(mode)
        says(daemon, name, f"{path.name} has the mode {mode:03o}")
        log.append(line(UUID, "1"))
        stream.until(2)
        assert daemon.get("/health")["status"] == "degraded"
        path.chmod(0o600)
        eventually(lambda: component(daemon, name) == "ok", within_s=NOTICED_S, what="the end of it")
        log.append(line(UUID, "2"))
        stream.until(3)
    assert daemon.stop()[0] == 0
    assert [marker for _, marker in daemon.stored()] == ["0", "1", "2"]
    assert "Traceback" not in daemon.said()


def test_the_directory_cannot_be_used_for_a_while(daemon: Daemon) -> None:
    """`chmod 000` on the configuration directory: the daemon stays, says so, and goes on with all of it afterwards."""
    weak(daemon)
    log = daemon.log()
    daemon.start()
    with daemon.stream() as stream:
        log.append(line(UUID, "0"))
        stream.until(1)
        daemon.root.chmod(0)
        try:
            reason = "ctm-trio.db cannot be reached: Permission denied."
            eventually(lambda: reason in daemon.said(), within_s=NOTICED_S, what="the word of it")
            assert daemon.answers()
        finally:
            daemon.root.chmod(0o700)
        log.append(line(UUID, "1"))
        eventually(lambda: len(daemon.stored()) == 2, what="the next line")
    daemon.token = daemon.request("POST", "/api/auth/login", json=USER).json()["token"]
    eventually(lambda: component(daemon, "journal") == "ok", within_s=NOTICED_S, what="the end of it")
    assert daemon.stop()[0] == 0
    assert [marker for _, marker in daemon.stored()] == ["0", "1"]


def test_lost_and_no_room_to_put_it_back(daemon: Daemon) -> None:
    """While it cannot be made again nothing is written into the deleted file, and events still flow."""
    import resource

    log = daemon.log()
    log.append(b"".join(line(UUID, f"a{i}", size=500) for i in range(700)))
    daemon.start()
    assert daemon.process is not None
    pid = daemon.process.pid
    eventually(lambda: len(daemon.stored()) == 700, what="the ingest")
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
    with daemon.stream(last_id=f"{daemon.stored()[-1][0]}-0") as stream:
        daemon.database.unlink()
        says(daemon, "journal", "was deleted", "cannot be restored now")
        log.append(b"".join(line(UUID, f"b{i}") for i in range(20)))
        stream.until(20)
        assert not daemon.database.exists()
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        eventually(daemon.database.exists, what="the file")
        eventually(lambda: len(daemon.stored()) == 720, what="what was held in memory")
        assert daemon.stored()[700:] == stream.events
    assert daemon.stop()[0] == 0


def test_deleted_and_stopped_at_once(daemon: Daemon) -> None:
    """Deleted a moment before the stop: the file is there again with all its ids."""
    daemon.log().append(b"".join(line(UUID, f"a{i}") for i in range(100)))
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 100, what="the ingest")
    before = daemon.stored()
    daemon.database.unlink()
    assert daemon.stop()[0] == 0
    assert daemon.stored() == before


@pytest.mark.parametrize("mode", [0, 0o400])
def test_rights_that_are_missing_at_the_start(daemon: Daemon, mode: int) -> None:
    """A database that cannot be read or changed: one calm line that names it, exit 1, and it stays as it was."""
    weak(daemon)
    daemon.log().append(line(UUID, "0"))
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 1, what="the ingest")
    assert daemon.stop()[0] == 0
    before = daemon.database.read_bytes()
    said = len(daemon.said())
    daemon.database.chmod(mode)
    daemon.start(ready=False)
    assert daemon.process is not None
    if mode == 0o400:  # ours to mend, and it is
        eventually(daemon.answers, what="the start")
        assert daemon.stop()[0] == 0
        return
    assert daemon.process.wait(20) == 1
    assert f"{daemon.database} cannot be" in daemon.said()[said:].splitlines()[-1]
    assert "Traceback" not in daemon.said()
    assert daemon.database.read_bytes() == before


@pytest.mark.parametrize("name", ["search", "cost", "webhook"])
def test_a_newer_side_database(daemon: Daemon, name: str) -> None:
    """That part is off and says so by the file's name; the file stays to the byte, and everything else runs."""
    daemon.log().append(line(UUID, "0"))
    daemon.start()
    path = daemon.root / DATABASES[name]
    eventually(path.exists, what="the file")
    assert daemon.stop()[0] == 0
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA user_version = 4711")
    before = path.read_bytes()
    daemon.start()
    says(daemon, name, path.name, "newer version")
    with daemon.stream() as stream:
        daemon.log().append(line(UUID, "1"))
        stream.until(2)
    assert daemon.stop()[0] == 0
    assert path.read_bytes() == before
    assert not list(daemon.root.glob(f"{path.name}.*"))


def test_an_outbox_that_is_damaged_while_it_is_used(tmp_path: Path) -> None:
    """It is set aside, and what can still be read of the waiting alerts goes on in a new one, with the cursor."""
    path = tmp_path / "outbox.db"
    box = Outbox(path)
    alerts = [(n, Alert(f"{n}-0", "attention_raised", "stuck", f"s{n}", "2026-01-01T00:00:00Z")) for n in range(1, 6)]
    box.store(alerts, 77, 1e9)
    box.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (root,) = box.db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'deliveries_waiting'").fetchone()
    with open(path, "r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xde\xad\xbe\xef" * 1024)
    with closing(sqlite3.connect(path)) as other:  # SQLite takes it for a change of another process: caches are dropped
        other.execute("PRAGMA wal_checkpoint")
    box.db.execute("PRAGMA shrink_memory")
    assert [head.session for head in box.heads(1e9)] == [f"s{n}" for n in range(1, 6)]
    assert (box.cursor(), box.waiting()) == (77, 5)
    assert list(tmp_path.glob("outbox.db.corrupt.*"))
    box.close()
