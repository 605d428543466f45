"""Reading and writing settings files of Claude Code, for `overlay` and `setup`."""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import ctm_trio
from ctm_trio.cli.colours import colours_of
from ctm_trio.cli.common import CliError, plain
from ctm_trio.model.diff import lines_of
from ctm_trio.model.overlay import (
    Document,
    Version,
    events_for,
    hold_timeout,
    hook_command,
    own_statusline,
    parse_version,
    with_ours,
)
from ctm_trio.system.doctor import version_of
from ctm_trio.system.regular import read_regular

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings

VERSION_LIMIT_S = 10.0
"""How long `claude --version` may take; it starts a whole JavaScript runtime."""

MAX_BYTES = 4 << 20
START = Path(ctm_trio.__file__).resolve().parent / "producers" / "start.py"


def claude_version() -> Version | None:
    """The version of the `claude` on PATH; None if there is none or it does not say."""
    return parse_version(version_of("claude", "--version", limit_s=VERSION_LIMIT_S))


def read_document(path: Path) -> Document:
    """A settings file; empty if there is none.

    Raises:
        CliError: it is not a JSON object, or cannot be read. It is left as it is.
    """
    try:
        data = read_regular(path, max_bytes=MAX_BYTES)
        value = json.loads(data) if data.strip() else {}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise CliError(f"{path} is not valid JSON, so it was left as it is. Correct it and try again.") from None
    if not isinstance(value, dict):
        raise CliError(f"{path} does not look like Claude Code's settings, so it was left as it is.")
    return value


def encode(document: Document) -> bytes:
    """A settings file's bytes, laid out as Claude Code does it."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def wired(document: Document, settings: Settings, own: str | None = None) -> Document:
    """The settings with our hooks for the installed client and our status line around the user's own.

    Args:
        document: the settings as they are.
        settings: our own, which say how long a hook may wait.
        own: the user's own status line; None for the one in `document`.
    """
    events = events_for(claude_version())
    line = own_statusline(document) if own is None else own
    python, start = sys.executable, str(START)
    asks_s = hold_timeout(settings.hold_s, settings.hold_agent_s)
    return with_ours(document, events, hook_command(python, start), python, start, line, asks_s=asks_s)


def contents(document: Document) -> str:
    """A short summary of the settings."""
    return f"hooks for {len(document.get('hooks', {}))} events" + " and a status line" * ("statusLine" in document)


def show_diff(path: Path, old: Document, new: Document) -> None:
    """Print what would change, as a unified diff; of a file that is new, one line about what will be in it."""
    if not old:
        print(f"{plain(path)} is new: {contents(new)}.")
        return
    before, after = lines_of(encode(old).decode()), lines_of(encode(new).decode())
    shown = colours_of(sys.stdout)
    colours = {"+": shown.green, "-": shown.red, "@": shown.cyan}
    for line in difflib.unified_diff(before, after, str(path), f"{path} (new)", lineterm=""):
        colour = "" if line[:3] in ("+++", "---") else colours.get(line[:1], "")
        print(f"{colour}{plain(line)}{shown.off if colour else ''}")
