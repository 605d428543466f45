"""A private tmux server for tests, and a `claude` that writes down how it is started and what it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

FAKE_CLAUDE = f"""#!{sys.executable}
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
def note(**entry):
    with open(os.path.join(here, "notes.jsonl"), "a") as out:
        out.write(json.dumps(entry) + "\\n")
if sys.argv[1:] == ["--version"]:
    print("2.1.330 (Claude Code)")
    sys.exit()
note(argv=sys.argv[1:], cwd=os.getcwd(), session=os.environ.get("CTM_SESSION", ""), mark=os.environ.get("MARK", ""))
dialog = os.path.join(here, "dialog")
print("❯ No, exit   Enter to confirm" if os.path.exists(dialog) else "ready", flush=True)
for line in sys.stdin:
    note(line=line.rstrip("\\n"))
    print("said:", line, end="", flush=True)
"""


class PrivateTmux:
    """A server of our own below `root`; `socket` goes into `serve.tmux_socket`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.socket = str(root / "sock")
        self.conf = root / "tmux.conf"
        self.bin = root / "bin"
        self.bin.mkdir()
        claude = self.bin / "claude"
        claude.write_text(FAKE_CLAUDE)
        claude.chmod(0o755)

    def run(self, *words: str) -> str:
        """A tmux command, for fixtures and checks."""
        argv = ["tmux", "-S", self.socket, "-f", "/dev/null", *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stdout

    def new(self, name: str, *command: str) -> None:
        """A detached session that runs `command`."""
        self.run("new-session", "-d", "-s", name, "--", *(command or ("cat",)))

    def names(self) -> set[str]:
        """The sessions that live."""
        return set(self.run("list-sessions", "-F", "#{session_name}").split())

    def screen(self, name: str) -> str:
        """What a session shows, as plain text."""
        return self.run("capture-pane", "-p", "-t", f"={name}:")

    def notes(self) -> list[dict[str, object]]:
        """What every fake claude wrote down so far."""
        path = self.bin / "notes.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def until(holds: Callable[[], bool], limit_s: float = 30) -> None:
    """Wait until something outside this process has happened."""
    with trio.fail_after(limit_s):
        while not holds():  # noqa: ASYNC110  # nothing tells us
            await trio.sleep(0.01)


@contextmanager
def private_tmux() -> Iterator[PrivateTmux]:
    """A server that is gone afterwards, in a directory short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="ctm", dir="/tmp") as directory:
        server = PrivateTmux(Path(os.path.realpath(directory)))
        try:
            yield server
        finally:
            server.run("kill-server")


@pytest.fixture
def server() -> Iterator[PrivateTmux]:
    """A private tmux server, for modules and folders that import it."""
    with private_tmux() as made:
        yield made
