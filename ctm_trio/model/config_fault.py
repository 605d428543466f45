"""What is said of a `config.json` that does not parse: by the daemon's log, the doctor, PATCH and the command line."""

from __future__ import annotations

import re
from pathlib import Path

from ctm_trio.errors.files import BrokenConfig

KEEPS_LAST = "Correct it; until then the daemon keeps its last settings."
"""What follows from a file that is not in order while the daemon runs, and what to do."""

_WHERE = re.compile(r"(?:JSON is malformed: )?(.*) \(byte (\d+)\)")


class UnparsableConfig(BrokenConfig):
    """`config.json` is not a JSON object.

    Args:
        why: where and why, as `syntax_fault` says it.
        name: of the file, for people.
    """

    def __init__(self, why: str, name: str = "config.json") -> None:
        super().__init__(f"{name}, {why}.")
        self.why = why

    def at(self, path: Path) -> UnparsableConfig:
        """The same, with the place of the file: below the home directory as `~/…`, which people know it by."""
        name = str(path)
        try:
            name = f"~/{path.relative_to(Path.home())}"
        except (ValueError, RuntimeError):
            pass  # it is elsewhere, or nobody knows the home directory
        return UnparsableConfig(self.why, name)


def syntax_fault(data: bytes, error: Exception) -> str:
    """Where and why bytes are not JSON, such as `line 4: trailing comma in object`. Lines are counted from 1.

    Args:
        error: what msgspec raised for these bytes.
    """
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        return f"line {_line(data, wrong.start)}: these bytes are not UTF-8"
    if isinstance(error, RecursionError):
        return "line 1: nested too deeply"
    if found := _WHERE.fullmatch(str(error)):
        end = int(found[2])
        # A comma too many is noticed at what follows it, which is often on the next line.
        place = len(data[:end].rstrip()) - 1 if found[1].startswith("trailing comma") else end
        return f"line {_line(data, place)}: {found[1]}"
    if str(error) == "Input data was truncated":
        return f"line {_line(data, len(data.rstrip()))}: the file ends too early"
    return f"line 1: {error}"


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, max(0, place)) + 1
