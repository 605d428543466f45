"""The hook and the status line as Claude Code runs them: as processes, on a private HOME."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import ctm_trio

START = Path(ctm_trio.__file__).parent / "producers" / "start.py"
BASE = [sys.executable, "-I", "-S", str(START)]
UUID = "5f0c1b1e-9a2b-4c3d-8e4f-001122334455"


class Home:
    """A private HOME and how to run our commands in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.conf = root / ".config" / "ctm"
        self.logs = self.conf / "logs"
        coverage = {key: value for key, value in os.environ.items() if key.startswith("COVERAGE")}
        self.env = {"HOME": str(root), "PATH": os.environ["PATH"], **coverage}

    def run(
        self, *words: str, data: bytes = b"", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [*BASE, *words], input=data, capture_output=True, env={**self.env, **(env or {})}, timeout=30, check=False
        )
        assert done.returncode == 0
        assert done.stderr == b""
        return done

    def hook(self, payload: object, **env: str) -> None:
        self.run("hook", data=payload if isinstance(payload, bytes) else json.dumps(payload).encode(), env=env)

    def lines(self, folder: str = "logs", stem: str = UUID) -> list[dict[str, object]]:
        return [json.loads(text) for text in (self.conf / folder / f"{stem}.jsonl").read_bytes().splitlines()]

    def trouble(self) -> str:
        return (self.logs / ".hook-errors.log").read_text()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_each_event_goes_to_its_place_with_its_stamps(home: Home) -> None:
    """Tool events go to logs, the others to hook-events, each with who and where; files 0600, directories 0700."""
    for event in ("PostToolUse", "PostToolUseFailure", "Stop", "SomethingNew"):
        home.hook(
            {"session_id": UUID, "hook_event_name": event}, CTM_SESSION='al"pha', TMUX_PANE="%7", CLAUDE_PID="4711"
        )
    assert [line["hook_event_name"] for line in home.lines()] == ["PostToolUse", "PostToolUseFailure"]
    others = home.lines("hook-events")
    assert [line["hook_event_name"] for line in others] == ["Stop", "SomethingNew"]
    assert {key: others[0][key] for key in ("ctm_session", "ctm_pane", "ctm_pid")} == {
        "ctm_session": 'al"pha',
        "ctm_pane": "%7",
        "ctm_pid": "4711",
    }
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.conf.rglob("*")}
    assert modes == {"logs": 0o700, "hook-events": 0o700, f"{UUID}.jsonl": 0o600, ".hook-lost": 0o600}


def test_fifty_at_once_lose_nothing(home: Home) -> None:
    """50 hooks that start together on one log leave 50 whole lines."""
    threads = [
        threading.Thread(target=home.hook, args=({"session_id": UUID, "n": n, "blob": "x" * 3000},)) for n in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line["n"] for line in home.lines()) == list(range(50))  # type: ignore[type-var]


def test_fifty_at_once_while_rotating_lose_nothing(home: Home) -> None:
    """Nor do they while the log is rotated under them, several times."""
    home.conf.mkdir(parents=True)
    (home.conf / "config.json").write_text('{"log_max_size_mb": 1, "log_max_files": 100}')
    threads = [
        threading.Thread(target=home.hook, args=({"session_id": UUID, "n": n, "blob": "x" * 150_000},))
        for n in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    packed = list(home.logs.glob(f"{UUID}.jsonl.*.gz"))
    assert packed
    whole = b"".join(gzip.decompress(path.read_bytes()) for path in packed) + (home.logs / f"{UUID}.jsonl").read_bytes()
    assert sorted(json.loads(line)["n"] for line in whole.splitlines()) == list(range(50))


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (b'{"half": "li', 1),
        (b'{"whole": "but for its line break"}', 2),
        (b'{"long": "' + b"x" * 200_000, 1),
    ],
)
def test_a_killed_writer_does_not_spoil_the_next_line(home: Home, left: bytes, kept: int) -> None:
    """Half a line goes, a whole one that lacks its line break stays, and ours is whole."""
    home.logs.mkdir(parents=True)
    (home.logs / f"{UUID}.jsonl").write_bytes(b'{"first": 1}\n' + left)
    home.hook({"session_id": UUID, "mine": True})
    lines = home.lines()
    assert len(lines) == kept + 1
    assert lines[0] == {"first": 1}
    assert lines[-1]["mine"] is True


def test_sizes(home: Home) -> None:
    """1.2 MB and 31 MiB are kept, more than 32 MiB is noted; log-tool-use keeps its limit of 1 MiB."""
    for megabytes in (1.2, 31.0, 33.0):
        home.hook(b'{"session_id":"%b","blob":"%b"}' % (UUID.encode(), b"b" * int(megabytes * (1 << 20))))
    home.run("log-tool-use", data=b'{"session_id":"%b","blob":"%b"}' % (UUID.encode(), b"b" * 1_200_000))
    assert len(home.lines()) == 2
    assert home.trouble().count("over the limit") == 2


def test_a_full_disk_leaves_no_half_line(home: Home) -> None:
    """A write that fails half-way is taken back: the log ends with its last whole line, and the trouble is noted."""
    home.hook({"session_id": UUID, "n": 1})
    script = f'ulimit -f 64; exec "{sys.executable}" -I -S "{START}" hook'
    data = json.dumps({"session_id": UUID, "blob": "x" * 200_000}).encode()
    done = subprocess.run(["/bin/sh", "-c", script], input=data, env=home.env, timeout=30, check=False)
    assert done.returncode == 0
    assert [line.get("n") for line in home.lines()] == [1]
    assert "OSError" in home.trouble()


def test_nowhere_to_write_and_nothing_to_read(home: Home) -> None:
    """A directory that cannot be made, a closed stdin, an empty one: exit code 0 and no traceback."""
    home.hook(b"")
    script = f'exec "{sys.executable}" -I -S "{START}" hook 0<&- 1>&- 2>&-'
    assert subprocess.run(["/bin/sh", "-c", script], env=home.env, timeout=30, check=False).returncode == 0
    (home.root / ".config").write_text("a file")
    home.hook({"session_id": UUID})


def test_a_lock_that_is_never_released_does_not_hold_up_claude(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time limit the event is given up and noted."""
    import fcntl

    from ctm_trio.producers import hook

    home.hook({"session_id": UUID})
    monkeypatch.setenv("HOME", str(home.root))
    monkeypatch.setattr(hook, "TIME_LIMIT_S", 0.2)
    with open(home.logs / f"{UUID}.jsonl") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code = "from ctm_trio.producers import hook; hook.TIME_LIMIT_S = 0.2; raise SystemExit(hook.main(['hook']))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=b'{"session_id":"%b"}' % UUID.encode(),
            env=home.env,
            timeout=20,
            check=False,
        )
    assert done.returncode == 0
    assert "given up" in home.trouble()
    assert len(home.lines()) == 1


def test_a_terminated_status_line_leaves_a_whole_dump(home: Home) -> None:
    """SIGTERM while the user's own status line runs: the dump is complete, nothing else lies beside it."""
    fifo = home.root / "started"
    os.mkfifo(fifo)
    data = json.dumps({"session_id": UUID, "blob": "x" * 50_000}).encode()
    process = subprocess.Popen(
        [*BASE, "statusline", "--then", f"echo up > {fifo}; exec sleep 60"],
        stdin=subprocess.PIPE,
        env={**home.env, "CTM_STATUSLINE_DUMP": str(home.root / "d" / "{uuid}.json")},
    )
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.close()
    assert fifo.read_text() == "up\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    assert [path.name for path in (home.root / "d").iterdir()] == [f"{UUID}.json"]
    assert (home.root / "d" / f"{UUID}.json").read_bytes() == data


def test_the_users_own_status_line_passes_through(home: Home) -> None:
    """It gets the same input, its output is ours, and its failure is not."""
    data = json.dumps({"session_id": UUID, "blob": "x" * 300_000}).encode()
    done = home.run("statusline", "--then", "wc -c; printf 'two\\n'; exit 3", data=data)
    assert done.stdout == b"%d\ntwo\n" % len(data)


def test_the_dump_goes_where_the_daemon_looks(home: Home) -> None:
    """With --dump the directory is that of config.json; the file is private and so is the directory."""
    home.conf.mkdir(parents=True)
    (home.conf / "config.json").write_text(json.dumps({"serve": {"statusline_dump_dir": str(home.root / "sl")}}))
    home.run("statusline", "--dump", data=b'{"session_id":"../x"}')
    (dump,) = (home.root / "sl").iterdir()
    assert dump.name == "---x.json"
    assert [path.stat().st_mode & 0o777 for path in (dump, dump.parent)] == [0o600, 0o700]
