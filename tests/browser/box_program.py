"""What stands in a pane where prompts are typed: some words, and the client's input box below them.

    python box_program.py WORDS SENT

It shows the file WORDS, and appends to SENT one JSON text for each prompt that is sent. It draws the box as Claude Code
2.1.330 does; how it is written into is measured with it too: bracketed pastes, then Enter.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tty
from pathlib import Path

WIDTH = 60
PASTED = re.compile(r"\x1b\[20[01]~")


def draw(text: str, above: int) -> int:
    """The box with this draft, over the last one, which went on for `above` lines below its first; so many of this."""
    rule = "─" * WIDTH
    up = f"\x1b[{above}A\r\x1b[J" if above else ""
    width = WIDTH - 4
    shown = [line[at : at + width] for line in text.split("\n") for at in range(0, max(len(line), 1), width)]
    sys.stdout.write(up + "\r\n".join([rule, "❯\u00a0" + "\r\n  ".join(shown), rule, "  ? for shortcuts"]))
    sys.stdout.flush()
    return len(shown) + 2


def main(words: str, sent: str) -> None:
    """Read keys until the end."""
    tty.setraw(0)
    sys.stdout.write("\x1b[?2004h" + Path(words).read_text().replace("\n", "\r\n") + "\r\n")
    text = ""
    above = draw(text, 0)
    while data := os.read(0, 65536):
        typed = PASTED.sub("", data.decode(errors="replace"))
        if typed == "\r":
            with open(sent, "a") as out:
                out.write(json.dumps(text) + "\n")
            text = ""
        elif not typed.startswith("\x1b"):
            text += typed.replace("\r", "\n")
        above = draw(text, above)


if __name__ == "__main__":
    main(*sys.argv[1:])
