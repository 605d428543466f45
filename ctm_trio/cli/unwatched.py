"""How many Claude Code clients run here whose hooks do not arrive: said where a person can do something about it.

Source: PROTOCOL.md, Status; CLI.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from ctm_trio.cli.statuses import ask_json
from ctm_trio.model.clients import NOT_A_PERSONS
from ctm_trio.system.live_sessions import read_clients

if TYPE_CHECKING:
    from ctm_trio.model.paths import Paths


def unwatched_clients(paths: Paths, uuids: Collection[str], port: int | None) -> int:
    """So many. The daemon is believed if there is a token to ask it with; else the clients' own files are counted.

    Args:
        uuids: the Claude session ids of the recorded sessions. port: of the running daemon, None for none.
    """
    health = None if port is None else ask_json(port, "/health")
    told = health.get("unwatched_clients") if isinstance(health, dict) else None
    if isinstance(told, int) and not isinstance(told, bool):
        return max(0, told)
    logs = (paths.logs, paths.hook_events)
    return sum(
        client.alive
        and not client.entrypoint.startswith(NOT_A_PERSONS)
        and client.uuid not in uuids
        and not any(os.path.exists(f"{directory}/{client.uuid}.jsonl") for directory in logs)
        for client in read_clients(paths.claude_home / "sessions")
    )


def unwatched_line(count: int) -> str:
    """One line about them, "" if there are none."""
    if not count:
        return ""
    what = "1 Claude Code client runs" if count == 1 else f"{count} Claude Code clients run"
    return f"{what} unwatched: no hooks arrive. `ctm-trio setup --global` watches {'it' if count == 1 else 'them'}."
