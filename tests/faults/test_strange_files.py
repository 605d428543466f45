"""Something else in the place of a file of ours: refused in time, in words, and the rest goes on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.devices import DEVICE, make_device
from tests.faults.process import Daemon, eventually
from tests.faults.rig import line

UUID = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"
LARGE_BYTES = 4 << 30


def directory(path: Path) -> None:
    """A directory with something in it."""
    path.mkdir()
    (path / "x").touch()


def large(path: Path) -> None:
    """Four gigabytes that take no room on the disk."""
    with path.open("wb") as file:
        file.truncate(LARGE_BYTES)


def device(path: Path) -> None:
    """A link to what never ends."""
    endless = path.parent / f".{path.name}.zero"
    make_device(endless)
    path.symlink_to(endless)


def unix_socket(path: Path) -> None:
    """A socket; its address must be short, so it is made elsewhere."""
    made = Path(f"/tmp/ctm-{os.getpid()}-{time.monotonic_ns()}")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(made))
    os.rename(made, path)


KINDS: dict[str, Callable[[Path], None]] = {
    "pipe": lambda path: os.mkfifo(path),
    "directory": directory,
    "device": device,
    "large": large,
    "socket": unix_socket,
}

EVERY_KIND = pytest.mark.parametrize("kind", [DEVICE if kind == "device" else kind for kind in KINDS])

PLACES = (
    "config.json", "sessions.json", "sessions.json.lock", "user.json", "ctm-trio-tokens.json", "allowed_origins",
    "tmux.conf", "env.sh", "claude-overlay.json", "ctm-trio-prices.json", "ctm-trio.log",
    f"logs/{OTHER}.jsonl", f"logs/{UUID}.jsonl.1790000000000000000", f"logs/{UUID}.jsonl.1790000000000000001.gz",
    f"hook-events/{OTHER}.jsonl", "logs/.hook-errors.log",
)  # fmt: skip


def put(root: Path, home: Path, make: Callable[[Path], None], *, all_large: bool) -> None:
    """Something else in every place at once. Of four gigabytes a log is a log: there it would be read."""
    (root / "hook-events").mkdir(mode=0o700, parents=True, exist_ok=True)
    places = [root / name for name in PLACES if not (all_large and "jsonl" in name)]
    places += [home / ".claude" / "sessions" / "77.json", home / ".claude" / "settings.json", home / "dumps" / "x.json"]
    for path in places:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists():
            path.unlink()
        make(path)


@EVERY_KIND
def test_everywhere_at_once(tmp_path: Path, kind: str) -> None:
    """With pipes, directories, devices, sockets or 4 GB in all places: it starts, reads logs, answers, and stops."""
    daemon = Daemon(tmp_path, token="nobody has signed up")
    put(daemon.root, tmp_path, KINDS[kind], all_large=kind == "large")
    with daemon:
        daemon.start()
        pid = daemon.process.pid if daemon.process else 0
        daemon.log(UUID).append(line(UUID, "still here"))
        eventually(lambda: "still here" in [marker for _, marker in daemon.stored()], what="the line")
        assert daemon.request("GET", "/api/auth/status").status_code == 200
        login = daemon.request("POST", "/api/auth/login", json={"username": "a@b.cd", "password": "x" * 12})
        assert (login.status_code, login.json()["error"]) == (503, "unavailable"), login.text
        assert daemon.request("POST", "/api/hooks/session_attached", data={"name": "alpha"}).status_code == 204
        assert daemon.request("GET", "/health").status_code == 401
        peak = next(row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith("VmHWM:"))
        assert int(peak.split()[1]) < 400_000
        assert daemon.stop()[0] == 0
        assert "Traceback" not in daemon.said()
        assert "config.json" in daemon.said()


UNREAD = "cannot be read"
COMMANDS = {
    "ls": (1, UNREAD),
    "status": (1, UNREAD),
    "logs -n 3": (0, UNREAD),
    "doctor": (1, "error"),
    "overlay show": (1, UNREAD),
    "overlay init": (1, UNREAD),
    "auth sessions": (1, UNREAD),
    "kill alpha --yes": (1, UNREAD),
    "forget alpha --yes": (1, UNREAD),
    "setup --global --yes": (1, UNREAD),
}
"""Commands, with their exit codes and what they say on standard error. Logs are shown without the sessions' names."""


@EVERY_KIND
def test_the_command_line(tmp_path: Path, kind: str) -> None:
    """The command line ends in time with words, never with a traceback, and so do the hook and the status line."""
    root = tmp_path / ".config" / "ctm"
    put(root, tmp_path, KINDS[kind], all_large=kind == "large")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("CTM_", "TMUX", "CLAUDE", "XDG_"))}
    env |= {"HOME": str(tmp_path), "TMUX_TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    for command, (code, said) in COMMANDS.items():
        done = subprocess.run(
            [sys.executable, "-m", "ctm_trio", *command.split()], env=env, cwd=tmp_path, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=30, check=False,
        )  # fmt: skip
        stderr = done.stderr.decode()
        assert "Traceback" not in stderr, (command, stderr)
        assert (done.returncode, said in stderr) == (code, True), (command, stderr)
    payload = b'{"session_id":"%b","hook_event_name":"PostToolUse","tool_name":"Bash"}' % OTHER.encode()
    for words in (("hook",), ("statusline", "--dump")):
        done = subprocess.run(
            [sys.executable, "-m", "ctm_trio", *words], env=env | {"CTM_STATUSLINE_DUMP": str(tmp_path / "d.json")},
            input=payload, capture_output=True, timeout=30, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b""), words


def test_a_home_that_is_not_utf8(tmp_path: Path) -> None:
    """The hook writes where the daemon reads, and whatever names the directory can be answered."""
    home = tmp_path / os.fsdecode(b"n\xe9n")
    root = home / ".config" / "ctm"
    root.mkdir(parents=True, mode=0o700)
    (root / "config.json").write_text('{"serve": {"statusline_dump_dir": "/nonexistent/dumps"}}')
    with Daemon(home) as daemon:
        daemon.start()
        hook = [sys.executable, "-m", "ctm_trio", "hook"]
        env = os.environ | {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
        subprocess.run(hook, input=line(UUID, "from the hook"), env=env, timeout=30, check=True)
        eventually(lambda: [marker for _, marker in daemon.stored()] == ["from the hook"], what="the event")
        for path in ("/api/doctor", "/health", "/metrics", "/api/sessions"):
            assert daemon.request("GET", path).status_code == 200, path
        assert daemon.stop()[0] == 0
    assert os.listdir(os.fsencode(tmp_path)) == [b"n\xe9n"]
    assert "Traceback" not in daemon.said()
