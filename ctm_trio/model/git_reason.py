"""What git says when it refuses, as a sentence for a person, with what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_REASON = 800
"""Characters of a reason; a longer one is cut and ends in `…`."""

_HINT = re.compile(r"^\s*hint:.*$", re.MULTILINE)
_LOCK = re.compile(r"Unable to create '(?P<path>[^'\n]*\.lock)': File exists")
_OWNER = re.compile(r"detected dubious ownership in repository at '(?P<path>[^'\n]*)'")
_RIGHTS = re.compile(
    r"(?:could not|cannot|unable to) (?:open|create|write|lock)[^\n]*permission denied[^\n]*"
    r"|insufficient permission for adding[^\n]*",
    re.IGNORECASE,
)
_DAMAGE = re.compile(
    r"(?:(?:loose|packed) object|object file)[^\n]*(?:corrupt|is empty)[^\n]*|unable to read (?:tree|sha1 file)[^\n]*"
    r"|bad (?:index file|tree object|object)[^\n]*|index file (?:corrupt|smaller than expected)[^\n]*"
    r"|[^\n]*invalid object[^\n]*"
)


def _lock(match: re.Match[str]) -> str:
    path = match["path"]
    return (
        f"{path.rpartition('/')[2]} exists: another git runs there, or one crashed. "
        f"If none runs any more, remove {path} and try again."
    )


def _owner(match: re.Match[str]) -> str:
    path = match["path"]
    return (
        f"git does not trust {path}: it belongs to another user. "
        f"If you do: `git config --global --add safe.directory {_quoted(path)}`."
    )


def _quoted(path: str) -> str:
    return path if re.fullmatch(r"[\w@%+=:,./-]+", path) else "'" + path.replace("'", "'\\''") + "'"


_KNOWN: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_LOCK, _lock),
    (_OWNER, _owner),
    (
        re.compile(r"No space left on device|Disk quota exceeded"),
        lambda match: f"The disk is full ({match[0]}); make room first.",
    ),
    (re.compile(r"Read-only file system"), lambda _: "The repository is on a read-only file system."),
    (_RIGHTS, lambda m: f"The daemon's user may not write in the repository ({m[0].strip()})."),
    (_DAMAGE, lambda m: f"The repository is damaged ({m[0].strip()}); `git fsck` says more."),
    (
        re.compile(r"external filter '(?P<filter>[^'\n]*)' failed[^\n]*|cannot run (?P<program>[^\n:]+): No such file"),
        lambda m: f"A content filter of the repository failed: {m[0].strip()}; is its program installed?",
    ),
)


def git_reason(stderr: str, code: int) -> str:
    """Why git refused: a sentence with the cure for what is known, else everything that it said, in one line.

    Never empty, at most `MAX_REASON` characters, without control characters.

    Args:
        stderr: what git printed there, in English (LC_ALL=C).
        code: its exit code, for a git that said nothing.
    """
    for pattern, sentence in _KNOWN:
        if match := pattern.search(stderr):
            return plain_line(sentence(match))
    said = [line.strip() for line in _HINT.sub("", stderr).splitlines() if line.strip()]
    return _sentence(plain_line(" ".join(said))) if said else f"git failed with exit code {code} and no message."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def plain_line(text: str, limit: int = MAX_REASON) -> str:
    """One line that is safe to show: control characters become blanks, and what is too long ends in `…`."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
