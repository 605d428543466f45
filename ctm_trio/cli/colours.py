"""The colours of a terminal, by the stream that is written to.

Whoever writes in colour makes the texts of others plain first, and puts the colours around them: what makes text plain
takes colours away as well. `print` for stdout and `common.say_painted` for stderr take such lines as they are.
"""

from __future__ import annotations

import os
from typing import TextIO

import msgspec


class Colours(msgspec.Struct, frozen=True):
    """What begins each colour, and `off`, which ends it; all are "" where no colour is shown."""

    bold: str = ""
    dim: str = ""
    red: str = ""
    green: str = ""
    yellow: str = ""
    cyan: str = ""
    grey: str = ""
    off: str = ""


NO_COLOURS = Colours()
COLOURS = Colours(
    bold="\033[1m", dim="\033[2m", red="\033[31m", green="\033[32m", yellow="\033[33m", cyan="\033[36m",
    grey="\033[90m", off="\033[0m",
)  # fmt: skip


def coloured(stream: TextIO) -> bool:
    """True if this is a terminal that may show colour. `NO_COLOR` is obeyed."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def colours_of(stream: TextIO) -> Colours:
    """The colours for what is written to this stream."""
    return COLOURS if coloured(stream) else NO_COLOURS
