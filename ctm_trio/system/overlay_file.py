"""The first `claude-overlay.json`: without one a session that is started here would send nothing."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import msgspec

import ctm_trio
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.overlay import (
    Document,
    events_for,
    hold_timeout,
    hook_command,
    own_statusline,
    parse_version,
    with_hold_timeout,
    with_ours,
    without_ours,
)
from ctm_trio.model.paths import Paths
from ctm_trio.system.doctor import version_of
from ctm_trio.system.files import atomic_write, ensure_private_dir
from ctm_trio.system.regular import read_regular
from ctm_trio.system.settings_file import load_settings

log = logging.getLogger("ctm.sessions")

VERSION_LIMIT_S = 3.0
"""How long `claude --version` may take; without an answer only the events that every client knows are wired."""

MAX_BYTES = 4 << 20


def ensure_overlay(paths: Paths) -> Path | None:
    """The overlay's path; it is made for the installed Claude Code if there is none.

    One that is there stays as it is, but for the time that our hook may wait for an answer: one that is shorter than
    the settings say becomes as long.

    Blocks, for as long as `claude --version` takes. None, and a line in the log, if it cannot be made: the session
    then starts without.
    """
    try:
        if paths.overlay.exists():
            if not paths.overlay.is_file():
                return None
            _give_time(paths)
            return paths.overlay
        python, start = sys.executable, str(Path(ctm_trio.__file__).resolve().parent / "producers" / "start.py")
        events = events_for(parse_version(version_of("claude", "--version", limit_s=VERSION_LIMIT_S)))
        users = without_ours(_users_settings(paths))
        base = {"statusLine": users["statusLine"]} if "statusLine" in users else {}
        line = own_statusline(base)
        document = with_ours(base, events, hook_command(python, start), python, start, line, asks_s=_asks_s(paths))
        ensure_private_dir(paths.root)
        atomic_write(paths.overlay, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    except OSError as error:
        log.warning("sessions: no overlay could be made, so nothing will be logged: %s", error.strerror or error)
        return None
    return paths.overlay


def _asks_s(paths: Paths) -> int:
    settings = load_settings(paths.config, create=False).settings
    return hold_timeout(settings.hold_s, settings.hold_agent_s)


def _give_time(paths: Paths) -> None:
    """See that our hook in the overlay may wait as long as the settings say; one that cannot be changed is used."""
    try:
        old = msgspec.json.decode(read_regular(paths.overlay, max_bytes=MAX_BYTES), type=dict)
        new = with_hold_timeout(old, _asks_s(paths))
        if new is not old:
            mode = paths.overlay.stat().st_mode & 0o777
            atomic_write(paths.overlay, msgspec.json.format(msgspec.json.encode(new), indent=2) + b"\n", mode)
    except OSError as error:
        log.warning("sessions: the overlay cannot be changed, so requests wait less: %s", error.strerror or error)
    except (*BAD_JSON, msgspec.MsgspecError):
        pass  # for Claude Code to say


def _users_settings(paths: Paths) -> Document:
    """The user's own settings of Claude Code; empty if they cannot be read, which is for Claude Code to say."""
    try:
        data = read_regular(paths.claude_home / "settings.json", max_bytes=MAX_BYTES)
        return msgspec.json.decode(data, type=dict)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
