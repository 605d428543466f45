"""Field case 51: terminals that are not UTF-8, full or closed output, and text of others that would control them."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ctm_trio.cli import common
from tests.faults.process import Daemon, eventually
from tests.faults.rig import line
from tests.field.hostile import ODD, UUID, hostile_home, seeming_daemon
from tests.unit.test_plain import dangerous

CODE = Path(common.__file__).parents[2]

SHOWING: tuple[tuple[str, int], ...] = (
    ("ls", 0), ("ls --json", 0), ("status", 0), ("status --json", 0), ("logs", 0), ("logs alpha", 0),
    ("logs --json", 0), ("logs alpha --raw", 0), ("doctor", 1), ("doctor --json", 1), ("version", 0),
    ("version --json", 0), ("overlay show", 0), ("overlay path", 0), ("service status", 0),
    ("service status --json", 0), ("completion bash", 0), ("completion names", 0), ("auth sessions --json", 0),
    ("--help", 0), ("logs --help", 0),
)  # fmt: skip
"""Commands that print, and their exit codes. The doctor finds no tmux on the PATH, which is an error."""

ACTING: tuple[tuple[str, int], ...] = (
    ("rename beta gamma", 1), ("forget nobody", 3), ("logs nobody\x9b", 3), ("ls --\x9b2J", 2), ("pick", 1),
    ("auth passwd", 3), ("watch --since x\x9b", 2), ("watch --url http://127.0.0.1:1", 2), ("detach beta", 1),
    ("switch alpha", 1), ("kill beta", 1), ("setup --undo", 2), ("overlay init", 0), ("auth sessions", 0),
    ("new x -d", 1), ("yolo beta -d -y", 1), ("attach alpha", 1), ("last", 1), ("setup", 0), ("reindex", 0),
    ("service install --no-start", 0), ("service uninstall", 0),
)  # fmt: skip
"""Commands that say something on stderr; there is no tmux and no user."""

ENCODINGS = {
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "eucJP": {"PYTHONIOENCODING": "euc_jp:strict"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a command: a hostile HOME, a daemon that seems to run, no program on the PATH."""
    (tmp_path / "bin").mkdir()
    with seeming_daemon() as port:
        hostile_home(tmp_path, port)
        yield {
            "HOME": str(tmp_path), "PATH": str(tmp_path / "bin"), "TMUX_TMPDIR": str(tmp_path),
            "TERM": "xterm-256color", "PYTHONPATH": str(CODE),
        }  # fmt: skip


def argv(words: str) -> list[str]:
    """The command line of a command."""
    return [sys.executable, "-m", "ctm_trio", *words.split(" ")]


def side_by_side(work: object, many: tuple[tuple[str, int], ...]) -> None:
    """Do it for all commands, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, many))  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_output_in_another_encoding(place: dict[str, str], encoding: str) -> None:
    """Every command says what it has to say, with `?` where the encoding has no such character; JSON is valid."""

    def run(command: tuple[str, int]) -> None:
        words, code = command
        done = subprocess.run(
            argv(words), env=place | ENCODINGS[encoding], capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        assert b"Traceback" not in done.stderr, (words, done.stderr)
        assert done.returncode == code, (words, done.returncode, done.stderr)
        if "--json" in words:
            text = done.stdout.decode()  # UTF-8, whatever the terminal takes
            for part in text.splitlines() if words == "logs --json" else [text]:
                assert json.loads(part) is not None, words

    side_by_side(run, SHOWING + ACTING if encoding == "latin-1" else SHOWING)


def test_utf8_goes_through_unharmed(place: dict[str, str]) -> None:
    """In a pipe, JSON has the letters as they are and the very values; `--raw` the very bytes of the log."""
    done = subprocess.run(argv("logs --json"), env=place, capture_output=True, check=True).stdout
    assert "é漢😀".encode() in done
    raw = subprocess.run(argv("logs --raw"), env=place, capture_output=True, check=True).stdout
    log = Path(place["HOME"], ".config/ctm/logs", f"{UUID}.jsonl")
    assert raw == log.read_bytes()
    shown = [json.loads(json.loads(line)["input"]) for line in done.splitlines()]
    assert shown == [json.loads(line)["tool_input"] for line in raw.splitlines()]


@pytest.mark.parametrize("where", ["full", "closed"])
def test_output_that_is_lost_is_a_failure(place: dict[str, str], where: str) -> None:
    """With a full disk or a closed stdout, what was to be printed is missing: one line says so, exit code 1."""

    def run(command: tuple[str, int]) -> None:
        words, _ = command
        shell = f"exec {' '.join(argv(words))} " + (">/dev/full" if where == "full" else ">&-")
        done = subprocess.run(["/bin/sh", "-c", shell], env=place, capture_output=True, check=False)
        assert b"Traceback" not in done.stderr, (words, done.stderr)
        assert b"Exception ignored" not in done.stderr, (words, done.stderr)
        assert done.stderr.decode().count("the output cannot be written") == 1, (words, done.stderr)
        assert done.returncode == 1, words

    side_by_side(run, tuple(c for c in SHOWING if c[0] != "auth sessions --json"))


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-", "<&- >&- 2>&-"])
def test_nobody_hears_what_is_said(place: dict[str, str], where: str) -> None:
    """A full or closed stderr, or nothing open at all, changes neither what is done nor the exit code."""

    def run(command: tuple[str, int]) -> None:
        words, code = command
        shell = f"exec {' '.join(argv(words))} {where}"
        done = subprocess.run(["/bin/sh", "-c", shell], env=place, stdout=subprocess.DEVNULL, check=False)
        assert done.returncode in ((code, 1) if ">&- " in where else (code,)), words

    quiet = tuple((words.replace("\x9b", ""), code) for words, code in ACTING)
    side_by_side(run, quiet)
    config = Path(place["HOME"], ".config/ctm")
    assert json.loads((config / "sessions.json").read_bytes())["sessions"]["alpha"]["uuid"] == UUID


def test_a_closed_stdout_is_not_the_next_file(place: dict[str, str]) -> None:
    """With stdout closed, no file that the command opens gets its number: what is printed never lands in one."""
    before = Path(place["HOME"], ".config/ctm/sessions.json").read_bytes()
    subprocess.run(
        ["/bin/sh", "-c", f"exec {' '.join(argv('kill beta'))} >&-"], env=place, capture_output=True, check=False
    )
    assert Path(place["HOME"], ".config/ctm/sessions.json").read_bytes() == before


def in_terminal(words: str, env: dict[str, str]) -> str:
    """Everything that a command writes into a terminal."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(argv(words), env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            theirs = -1
            os.write(ours, b"\n")  # the answer of those who ask
            killer = threading.Timer(30, process.kill)
            killer.start()
            data = bytearray()
            while True:
                try:
                    chunk = os.read(ours, 1 << 16)
                except OSError:  # the other side is closed
                    break
                data += chunk
            killer.cancel()
    finally:
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)
    return data.decode()


def test_nothing_of_others_controls_a_terminal(place: dict[str, str]) -> None:
    """In a terminal every command writes text, line ends and our own colours, and nothing else."""
    seen: dict[str, str] = {}

    def run(command: tuple[str, int]) -> None:
        words, _ = command
        seen[words] = in_terminal(words, place)

    silent = ("auth passwd", "watch --url http://127.0.0.1:1", "reindex")  # they ask, or draw bars of their own
    side_by_side(run, (*SHOWING, *(c for c in ACTING if c[0] not in silent)))
    for words, text in seen.items():
        assert text, words
        rest = re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r\n", "")
        assert not dangerous(rest), (words, text)
    listed = seen["ls --json"]
    assert json.loads(listed[listed.index("[") :])[0]["workdir"].endswith("\x7f")  # escaped, not lost
    assert "\\u009b2J" in seen["logs --json"]
    assert "stuck" in seen["status"]


def test_watch_in_another_encoding_and_on_a_full_disk(tmp_path: Path) -> None:
    """Live events are ASCII where the output is not UTF-8; a full disk ends it with one line."""
    with Daemon(tmp_path).start() as daemon:
        log = daemon.log()
        log.append(line(log.uuid, ODD))
        eventually(lambda: len(daemon.stored()) == 1, what="the event")
        env = {"HOME": str(tmp_path), "PATH": os.defpath, "PYTHONPATH": str(CODE), "CTM_TOKEN": daemon.token}
        words = argv(f"watch --json --port {daemon.port} --type tool_call")
        with subprocess.Popen(words, env=env | ENCODINGS["latin-1"], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            shown = process.stdout.readline()
            process.terminate()
        assert shown.isascii()
        assert json.loads(shown)["payload"]["input"] == ODD
        with open("/dev/full", "wb") as full:
            done = subprocess.run(words, env=env, stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
        assert done.returncode == 1
        assert done.stderr.decode() == "ctm-trio: the output cannot be written: No space left on device.\n"
