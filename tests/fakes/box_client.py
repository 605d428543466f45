"""A client as prompts see it, played in a pane: its status file, its input box, its dialogs; it tells what was sent.

    python box_client.py DIRECTORY NAME

In DIRECTORY it keeps `clients/PID.json`, and appends to `sent-NAME` one JSON text for each prompt that it was sent, and
to `chosen-NAME` what was chosen in a dialog. It does what is appended to `do-NAME`, line by line: `busy` (turns go on
until `end`), `mute` (the same, and its model says nothing), `lazy` (as `mute`, but it puts a prompt back when it is
told `put`), `free` (they end at once), `end`, `dialog`, `unguarded` (one that takes an Enter at once), `close`, `die`.
Measured with Claude Code 2.1.330: how it draws, pastes, wraps long ones, and what Enter does in a dialog.
"""

from __future__ import annotations

import json
import os
import re
import select
import sys
import time
import tty
import unicodedata
from pathlib import Path

KEYS = re.compile(rb"\x1b\[200~.*?\x1b\[201~|\x1b\[[0-9;]*[A-Za-z~]|\x1b|[\x00-\x1a\x7f]|[^\x00-\x1b\x7f]+", re.DOTALL)
PASTE, PASTED = b"\x1b[200~", b"\x1b[201~"
COMMAND = re.compile(r"\s*/[^\s/]+(?:\s|$)")
EMOJI = re.compile(r"(?:^|\s):[\w+-]{2,}$")
LONE_COMMAND = re.compile(r"/\S*")
COMMANDS = ("/clear", "/compact", "/copy", "/model")
ROWS = ("Yes", "No")
GUARD_S = 0.25
"""So long a dialog takes no Enter after it has opened."""


def wrap(line: str, columns: int) -> list[str]:
    """The parts of a line that fit; some letters are two columns wide."""
    parts, width = [""], 0
    for char in line:
        wide = 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if width + wide > columns:
            parts.append("")
            width = 0
        parts[-1] += char
        width += wide
    return parts


class BoxClient:
    """See above."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = root, name
        self.uuid = f"uuid-{name}"
        self.status = "idle"
        self.text, self.at = "", 0
        self.marked = 0
        self.free, self.mute, self.lazy = True, False, False
        self.last = ""
        self.opened = 0.0
        self.read_to = 0
        self.rest = b""
        self.queued = self.shell = False
        with open("/proc/self/stat") as stat:
            self.begun = stat.read().rpartition(")")[2].split()[19]

    def tell(self, status: str) -> None:
        """Say what it does."""
        if self.status != "waiting":
            self.before = self.status
        self.status = status
        said = {
            "pid": os.getpid(), "sessionId": self.uuid, "status": status, "procStart": self.begun, "cwd": "/",
            "waitingFor": "permission prompt" if status == "waiting" else "", "entrypoint": "cli",
            "statusUpdatedAt": int(time.time() * 1000), "startedAt": 1, "version": "2.1.330",
        }  # fmt: skip
        path = self.root / "clients" / f"{os.getpid()}.json"
        path.parent.mkdir(exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(said))
        new.replace(path)

    def note(self, file: str, what: str) -> None:
        with (self.root / f"{file}-{self.name}").open("a") as out:
            out.write(json.dumps(what) + "\n")

    def draw(self) -> None:
        columns, lines = os.get_terminal_size(0)
        rule = "─" * columns
        if self.status == "waiting":
            rows = [f" {'❯' if n == self.marked else ' '} {n + 1}. {row}" for n, row in enumerate(ROWS)]
            bottom = [
                rule,
                " Bash command",
                "   touch made.txt",
                " Do you want to proceed?",
                *rows,
                "",
                " Esc to cancel",
            ]
        else:
            wrapped = [part for line in self.text.split("\n") for part in wrap(line, columns - 3)]
            shown = wrapped[-8:]
            top = rule if len(shown) == len(wrapped) else f"─── ↑ {len(wrapped) - 8} more {'─' * (columns - 16)}"
            first = "  " if top is not rule else "❯\u00a0"
            bottom = [top, first + shown[0], *("  " + line for line in shown[1:]), rule, "  ? for shortcuts"]
            if LONE_COMMAND.fullmatch(self.text):
                found = [name for name in COMMANDS if name.startswith(self.text)]
                rows = [f"  {' ' if n else '❯'} {name:<28}What it does" for n, name in enumerate(found)]
                bottom = [*(rows or [f'  No commands match "{self.text}"']), *bottom]
            if not self.text and self.queued:
                bottom[1] = "❯\u00a0\x1b[7mP\x1b[0;2mress up to edit queued messages\x1b[0m"
        sys.stdout.write("\x1b[?25l\x1b[H\x1b[2J" + "\r\n".join([*[""] * (lines - len(bottom) - 1), *bottom][-lines:]))
        sys.stdout.flush()

    def insert(self, text: str) -> None:
        self.shell = self.shell or (not self.text and text.startswith("!"))
        self.text = self.text[: self.at] + text + self.text[self.at :]
        self.at += len(text)

    def key(self, key: bytes) -> None:
        if key.startswith(PASTE):
            text = key[len(PASTE) : -len(PASTED)].decode().replace("\r", "\n").replace("\t", "    ")
            if self.status != "waiting":
                long = text.count("\n") > 2 or len(text) > 800
                self.insert(f'\n\n<pasted_content id="1">\n{text}\n</pasted_content id="1">\n' if long else text)
        elif self.status == "waiting":
            self.choose(key)
        elif key == b"\r":
            if self.text.endswith("\\"):
                self.text, self.at = self.text[:-1] + "\n", self.at
            elif EMOJI.search(self.text):
                self.text = self.text[: self.text.rfind(":")] + "🆗 "
                self.at = len(self.text)
            else:
                self.submit()
        elif key == b"\x01":
            self.at = self.text.rfind("\n") + 1
        elif key == b"\x05":
            self.at = len(self.text)
        elif key == b"\x1b[3~":
            self.text = self.text[: self.at] + self.text[self.at + 1 :]
        elif key == b"\x15":
            self.text, self.at = "", 0
        elif key == b"\x1b":
            if self.status == "busy":
                self.tell("idle")
                if self.mute and not self.lazy and not self.text:
                    self.insert(self.last)
        elif key[:1] > b"\x1f":
            self.insert(key.decode())

    def choose(self, key: bytes) -> None:
        if key == b"\x1b[B":
            self.marked = min(self.marked + 1, len(ROWS) - 1)
        elif key == b"\x1b[A":
            self.marked = max(self.marked - 1, 0)
        elif key == b"\r" and time.monotonic() < self.opened + GUARD_S:
            pass  # one that was meant for the text before
        elif key in (b"\r", b"\x1b"):
            self.note("chosen", ROWS[self.marked] if key == b"\r" else "")
            self.close()
        elif key[:1].isdigit():
            self.note("chosen", key.decode())
            self.close()

    def close(self) -> None:
        if self.status == "waiting":
            self.status = ""
            self.tell(self.before)

    def submit(self) -> None:
        text, self.text, self.at = self.text.rstrip(), "", 0
        if LONE_COMMAND.fullmatch(text):
            text = next((name for name in COMMANDS if name.startswith(text)), text)
        if not text:
            return
        if self.shell:
            self.shell = False
            self.note("chosen", f"SHELL {text}")
            return
        self.queued, self.last = self.status == "busy", text
        if not self.free:
            self.tell("busy")
        self.note("ran" if COMMAND.match(text) else "sent", text)

    def do(self) -> None:
        path = self.root / f"do-{self.name}"
        if not path.exists():
            return
        with path.open() as file:
            file.seek(self.read_to)
            lines = file.read()
        whole = lines.rpartition("\n")[0]
        if not whole:
            return
        self.read_to += len(whole) + 1
        for line in whole.split("\n"):
            if line in ("busy", "mute", "lazy"):
                self.free, self.mute, self.lazy = False, line != "busy", line == "lazy"
            elif line == "put":
                self.insert(self.last)
            elif line == "free":
                self.free = True
                self.end()
            elif line == "end":
                self.end()
            elif line in ("dialog", "unguarded"):
                self.marked, self.opened = 0, time.monotonic() - (GUARD_S if line == "unguarded" else 0)
                self.tell("waiting")
            elif line == "close":
                self.close()
            elif line == "die":
                (self.root / "clients" / f"{os.getpid()}.json").unlink()
                sys.exit(0)
        self.draw()

    def end(self) -> None:
        self.queued = False
        if self.status == "busy":
            self.tell("idle")

    def run(self) -> None:
        tty.setraw(0)
        sys.stdout.write("\x1b[?2004h")
        self.tell("idle")
        self.draw()
        while True:
            if select.select([0], [], [], 0.01)[0]:
                data = os.read(0, 65536)
                if not data:
                    return
                self.rest += data
                self.eat()
                self.draw()
            elif self.rest == b"\x1b":
                self.rest = b""
                self.key(b"\x1b")
                self.draw()
            self.do()

    def eat(self) -> None:
        """Take what is whole; behind an Escape more may follow, as long as nothing else has been heard."""
        while self.rest and self.rest != b"\x1b":
            if self.rest.startswith(PASTE) and PASTED not in self.rest:
                return
            if self.rest.startswith(b"\x1b[") and len(self.rest) < 6 and not KEYS.fullmatch(self.rest):
                return
            match = KEYS.match(self.rest)
            key = match[0] if match else self.rest[:1]
            if key[-1:] > b"\x7f" and len(key) == len(self.rest):
                try:
                    key.decode()
                except UnicodeDecodeError:
                    return
            self.rest = self.rest[len(key) :]
            self.key(key)


if __name__ == "__main__":
    BoxClient(Path(sys.argv[1]), sys.argv[2]).run()
