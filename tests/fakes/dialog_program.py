"""A program that shows dialogs as the client draws them, and notes which keys it gets and which rows are chosen.

    python dialog_program.py DIRECTORY

`DIRECTORY/dialogs.json` is a list of `{"head", "rows"}` and, as wanted, `digits` (true), `at` (the row marked first),
`arrow` and `enter`: what a key does but to move or choose: "lost", "ends" (the program), "next" (the next dialog),
"halves" (a screen without rows is drawn first). SIGUSR1 shows the next one at any moment. Behind the last one stands
an input box. `DIRECTORY/notes.jsonl` gets `{"shown"}`, `{"key"}` and `{"chose"}`, each with `at`, monotonic seconds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import tty
from pathlib import Path
from typing import Any

KEYS = {b"\x1b[A": "Up", b"\x1bOA": "Up", b"\x1b[B": "Down", b"\x1bOB": "Down", b"\r": "Enter"}
HALF_S = 0.15


class Program:
    """The dialogs, one after the other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.dialogs: list[dict[str, Any]] = json.loads((directory / "dialogs.json").read_text())
        self.number, self.at = -1, 0

    def note(self, **what: object) -> None:
        """Write down what happened, in one piece."""
        with (self.directory / "notes.jsonl").open("a") as out:
            out.write(json.dumps({**what, "at": time.monotonic()}) + "\n")

    @property
    def dialog(self) -> dict[str, Any] | None:
        """The one that is shown."""
        return self.dialogs[self.number] if self.number < len(self.dialogs) else None

    def next(self) -> None:
        """Show the next one."""
        self.number += 1
        self.at = self.dialog.get("at", 0) if self.dialog else 0
        self.draw()
        self.note(shown=self.number)

    def draw(self) -> None:
        """Draw the whole screen."""
        rule = "─" * os.get_terminal_size().columns
        lines = ["● What was said before.", rule]
        if self.dialog is None:
            lines += ["❯\u00a0", rule, "  ⏸ manual mode on"]
        else:
            digits = self.dialog.get("digits", True)
            lines += [f" {line}" for line in self.dialog["head"]] + [""]
            for n, row in enumerate(self.dialog["rows"]):
                lines.append(f" {'❯' if n == self.at else ' '} {f'{n + 1}. ' if digits else ''}{row}")
            lines += ["", " Esc to cancel"]
        sys.stdout.write("\x1b[H\x1b[2J" + "\r\n".join(lines))
        sys.stdout.flush()

    def key(self, key: str) -> None:
        """What the client would do."""
        self.note(key=key)
        if self.dialog is None:
            return
        does = self.dialog.get("enter" if key == "Enter" else "arrow", "")
        if does == "lost":
            return
        if does == "ends":
            sys.exit()
        if does == "next":
            self.next()
            return
        if does == "halves":
            sys.stdout.write("\x1b[H\x1b[2J")
            sys.stdout.flush()
            time.sleep(HALF_S)
        if key == "Enter":
            self.note(chose=self.dialog["rows"][self.at])
            self.next()
        elif key in ("Up", "Down"):
            step = 1 if key == "Down" else -1
            self.at = min(max(self.at + step, 0), len(self.dialog["rows"]) - 1)
            self.draw()

    def run(self) -> None:
        """Read keys until the terminal is gone."""
        tty.setraw(0)
        signal.signal(signal.SIGUSR1, lambda *_: self.next())
        self.next()
        while data := os.read(0, 64):
            while data:
                size = next((n for n in (3, 1) if data[:n] in KEYS), 1)
                self.key(KEYS.get(data[:size], data[:size].decode("utf-8", "replace")))
                data = data[size:]


if __name__ == "__main__":
    Program(Path(sys.argv[1])).run()
