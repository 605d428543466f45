"""The hook on bad days: badly written payloads, an endless half line, a full disk. It keeps what can be kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ctm_trio.model.hook_losses import NAME, Lost, parse_lost
from ctm_trio.producers import half_line, lost, reserve
from tests.contract.test_producers import BASE, UUID, Home, home

__all__ = ["home"]

BUSY_S = 30.0
"""For what takes a fraction of a second on a machine with nothing else to do."""


@pytest.mark.parametrize(
    ("odd", "read"),
    [
        (b'"half \\ud83d"', "half \ud83d"),
        (b'"bad \xff"', "bad \ufffd"),
        (b'"half \xed\xa0\xbd"', "half \ufffd"),
        (b"[NaN,-Infinity,1]", [None, None, 1]),
        (b'"raw \t \x00"', "raw \t \x00"),
    ],
    ids=["escaped half", "bytes", "half in bytes", "NaN", "control"],
)
def test_a_badly_written_payload_is_kept(home: Home, odd: bytes, read: object) -> None:
    """One line, which every reader takes; what was sound in it is to the letter."""
    home.hook(b'{"session_id":"%b","n":12345678901234567890,"odd":%b}' % (UUID.encode(), odd))
    (line,) = home.lines()
    assert (line["n"], line["odd"]) == (12345678901234567890, read)
    assert not (home.logs / ".hook-errors.log").exists()


@pytest.mark.parametrize("locale", ["C.UTF-8", "C", "POSIX"])
@pytest.mark.parametrize("name", [b"n\xe9n", "né\U0001f600n".encode()], ids=["no UTF-8", "UTF-8"])
def test_a_home_of_any_name(tmp_path: Path, name: bytes, locale: str) -> None:
    """Event and dump go into this very directory, byte for byte, and no other one appears beside it."""
    home = Home(tmp_path / os.fsdecode(name))
    home.root.mkdir()
    dump = str(home.root / "{uuid}.dump")
    home.hook({"session_id": UUID}, LC_ALL=locale)
    home.run("statusline", data=b'{"session_id":"%b"}' % UUID.encode(), env={"CTM_STATUSLINE_DUMP": dump})
    assert [line["session_id"] for line in home.lines()] == [UUID]
    assert (home.root / f"{UUID}.dump").exists()
    assert os.listdir(os.fsencode(tmp_path)) == [name]


def test_stamps_of_the_payload_do_not_count(home: Home) -> None:
    """What the payload says under the name of a stamp is overruled, whatever else is odd about it."""
    stamps = b'"ctm_timestamp":"1999-01-01T00:00:00Z","ctm_pane":"1","ctm_session":"x"'
    home.hook(b'{"session_id":"%b",%b,"odd":"\\ud83d","n":1.10}' % (UUID.encode(), stamps), TMUX_PANE="%7")
    (line,) = home.lines()
    assert str(line["ctm_timestamp"]) > "2020"
    assert (line["ctm_pane"], line["ctm_session"], line["odd"]) == ("%7", None, "\ud83d")
    assert b'"n":1.10,' in (home.logs / f"{UUID}.jsonl").read_bytes()


@pytest.mark.parametrize("end", [b"x", b"}"], ids=["cut in a text", "cut behind a brace"])
def test_half_a_line_of_32_mb(home: Home, end: bytes) -> None:
    """It is found and removed, which is counted, and the next line is whole."""
    home.logs.mkdir(parents=True)
    (home.logs / f"{UUID}.jsonl").write_bytes(b'{"first": 1}\n{"half":"' + b"x" * (32 << 20) + end)
    home.hook({"session_id": UUID, "mine": True})
    assert [sorted(line)[0] for line in home.lines()] == ["first", "ctm_timestamp"]
    assert "half a line" in home.trouble()


def test_a_line_too_long_to_be_ours_stays(home: Home) -> None:
    """What is longer than any line of ours is not looked through to its start, and not removed either."""
    home.logs.mkdir(parents=True)
    path = home.logs / f"{UUID}.jsonl"
    path.write_bytes(b"x" * (half_line.LINE_MAX_BYTES + half_line.STEP_BYTES + 5))
    home.hook({"session_id": UUID, "mine": True})
    first, _, rest = path.read_bytes().partition(b"\n")
    assert len(first) == half_line.LINE_MAX_BYTES + half_line.STEP_BYTES + 5
    assert json.loads(rest)["mine"] is True


def test_the_way_back_reads_each_byte_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is linear in the length of the half line."""
    path = tmp_path / "log"
    path.write_bytes(b"{}\n" + b"x" * (9 << 20))
    read = 0
    pread = os.pread

    def counting(fd: int, size: int, at: int) -> bytes:
        nonlocal read
        read += size
        return pread(fd, size, at)

    monkeypatch.setattr("ctm_trio.producers.half_line.posix.pread", counting)
    fd = os.open(path, os.O_RDONLY)
    try:
        assert half_line.line_start(fd, path.stat().st_size) == 3
    finally:
        os.close(fd)
    assert read <= path.stat().st_size


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_at_once(home: Home, number: int) -> None:
    """A hook that waits for the lock ends with exit code 0 when it is told to; the event is counted as lost."""
    import fcntl

    home.hook({"session_id": UUID})
    with open(home.logs / f"{UUID}.jsonl") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = subprocess.Popen([*BASE, "hook"], stdin=subprocess.PIPE, env=home.env)
        assert process.stdin is not None
        process.stdin.write(b'{"session_id":"%b"}' % UUID.encode())
        process.stdin.close()
        wchan = Path(f"/proc/{process.pid}/wchan")
        deadline = time.monotonic() + BUSY_S
        while not _waits(process.pid, wchan):
            assert time.monotonic() < deadline, "it never waited for the lock"
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(BUSY_S) == 0
    found = parse_lost((home.logs / NAME).read_bytes())
    assert found[UUID][0] == 1
    assert found[UUID][3] == f"ended by signal {int(number)}"


def _waits(pid: int, wchan: Path) -> bool:
    """True if a process waits for a `flock`."""
    locks = Path("/proc/locks").read_text().split("\n")
    return any("-> FLOCK" in row and f" {pid} " in row for row in locks) or "flock" in wchan.read_text()


def losses(home: Home) -> Lost:
    """What is counted as lost."""
    page = (home.logs / NAME).read_bytes()
    assert len(page) == reserve.RESERVE_BYTES
    return parse_lost(page)


def test_a_full_disk_is_counted(home: Home) -> None:
    """On a file system without a free byte each lost event is counted by session, and what was there stays whole.

    A small tmpfs in a mount namespace of its own; skipped where this user may not make one.
    """
    disk = home.root / "disk"
    disk.mkdir()
    others = [f"0a1b2c3d-0000-4000-8000-{n:012d}" for n in range(2)]
    script = f"""
        mount -t tmpfs -o size=256k none '{disk}' || exit 77
        export HOME='{disk}'
        hook() {{ printf '%s' "$1" | {" ".join(BASE)} hook || exit 1; }}
        hook '{{"session_id":"{UUID}","n":1}}'
        dd if=/dev/zero of='{disk}/fill' bs=4096 2>/dev/null
        dd if=/dev/zero of='{disk}/fill2' bs=1 2>/dev/null
        big=$(head -c 9000 /dev/zero | tr '\\0' x)
        hook '{{"session_id":"{UUID}","n":2,"blob":"'$big'"}}'
        hook '{{"session_id":"{others[0]}","n":3}}'
        hook '{{"session_id":"{UUID}","n":4,"blob":"'$big'"}}'
        hook '{{"session_id":"{others[1]}","n":5,"hook_event_name":"Stop"}}'
        cp '{disk}/.config/ctm/logs/{NAME}' '{disk}/.config/ctm/logs/{UUID}.jsonl' '{home.root}'
        rm '{disk}/fill' '{disk}/fill2'
        hook '{{"session_id":"{UUID}","n":6}}'
        cp '{disk}/.config/ctm/logs/{UUID}.jsonl' '{home.root}/after'
    """
    namespace = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare(1) to make a mount namespace with")
    done = subprocess.run(
        [unshare, *namespace, "sh", "-c", script], env=home.env, capture_output=True, timeout=60, check=False
    )
    if done.returncode == 77 or b"unshare" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.decode(errors='replace').strip()}")
    assert done.returncode == 0, done.stderr
    page = (home.root / NAME).read_bytes()
    assert len(page) == reserve.RESERVE_BYTES
    found = parse_lost(page)
    assert {name: count for name, (count, *_) in found.items()} == {UUID: 2, others[0]: 1, others[1]: 1}
    assert {reason for *_, reason in found.values()} == {"No space left on device"}
    assert all(first <= last for _, first, last, _ in found.values())
    assert [json.loads(row)["n"] for row in (home.root / f"{UUID}.jsonl").read_bytes().split(b"\n")[:-1]] == [1]
    assert [json.loads(row)["n"] for row in (home.root / "after").read_bytes().split(b"\n")[:-1]] == [1, 6]


def test_a_limit_on_files_is_counted(home: Home) -> None:
    """The same where a limit of the user's is reached."""
    home.hook({"session_id": UUID, "n": 1})
    script = f"ulimit -f 64; exec {' '.join(BASE)} hook"
    data = json.dumps({"session_id": UUID, "blob": "x" * 200_000}).encode()
    for _ in range(3):
        done = subprocess.run(["/bin/sh", "-c", script], input=data, env=home.env, timeout=30, check=False)
        assert done.returncode == 0
    assert losses(home)[UUID][::3] == (3, "File too large")


def test_the_room_is_enough_for_any_number_of_sessions(home: Home) -> None:
    """The newest sessions are counted by name, the others together; the file never grows, no event goes uncounted."""
    conf = str(home.conf)
    reserve.make_reserve(conf)
    for n in range(200):
        lost.count_lost(conf, f"{n:0128d}", "No space left on device " * 9)
    found = losses(home)
    assert sum(count for count, *_ in found.values()) == 200
    assert found[f"{199:0128d}"][0] == 1
    assert found[lost.OTHERS][0] > 100


def test_the_reserve_is_there_before_it_is_needed(home: Home) -> None:
    """The first event of a log sets the room aside; in an empty state it says nothing."""
    home.hook({"session_id": UUID})
    assert losses(home) == {}
    (home.logs / NAME).unlink()
    home.hook({"session_id": "another"})
    assert losses(home) == {}
