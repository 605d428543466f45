"""A text that may be long or is nobody's business: given as it is, or read from standard input."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from ctm_trio.cli.common import USAGE, CliError, say

STDIN = "-"


def one_stdin(given: Mapping[str, str | None]) -> None:
    """Refuse a command line on which standard input would have to be several things.

    Args:
        given: option → its value.

    Raises:
        CliError: two of them are `-`.
    """
    wanted = [name for name, value in given.items() if value == STDIN]
    if len(wanted) > 1:
        raise CliError(f"Standard input can be only one of these: {' and '.join(wanted)}.", USAGE)


def read_text(given: str, most: int) -> str:
    """The text itself, or all of standard input for `-`, of at most `most` bytes.

    Raises:
        CliError: it is longer, or no UTF-8.
    """
    if given != STDIN:
        try:
            given.encode()
        except UnicodeEncodeError:
            raise CliError("The text is not UTF-8.", USAGE) from None
        return given
    if sys.stdin.isatty():
        say("Reading from the terminal; Ctrl-D on a line of its own ends it.")
    stream = getattr(sys.stdin, "buffer", None)
    try:
        data = sys.stdin.read().encode() if stream is None else stream.read(most + 1)
        if len(data) > most:
            raise CliError(f"Standard input is longer than {most} bytes.", USAGE)
        text: str = data.decode()
    except UnicodeError:
        raise CliError("Standard input is no text in UTF-8.", USAGE) from None
    return text
