"""What a daemon runs on."""

from __future__ import annotations

import socket
from collections.abc import Callable

import msgspec

from ctm_trio import __version__
from ctm_trio.core.bell import Bell
from ctm_trio.model.config import Settings
from ctm_trio.model.paths import Paths


class Plan(msgspec.Struct, frozen=True):
    """What a daemon runs on.

    Args:
        paths: its files.
        settings: read at the start; they change with `config.json` unless `fixed`.
        sock: bound to the address to serve; the caller closes it. Each incarnation of the web gets a duplicate.
        version: as the wire says it.
        token: a login token that is valid from the start, for tests; "" for none.
        fixed: the settings come from the caller, `config.json` is not followed.
        reloads: rung to make the config owner read its file at once (SIGHUP).
        safe: called when the event log is closed: whatever was promised is on disk.
        ending: called when all of it begins to end, for whatever reason, and perhaps more often.
    """

    paths: Paths
    settings: Settings
    sock: socket.socket
    version: str = __version__
    token: str = ""
    fixed: bool = False
    reloads: Bell | None = None
    safe: Callable[[], None] = lambda: None
    ending: Callable[[], None] = lambda: None
