"""The sessions' status for the quick commands: from the daemon if there is a token, else as it announced it last.

No login is needed: every change of a status is in the event log. Only sessions that nobody recorded, and warnings, are
known to the daemon alone; with a token in the environment it is asked. Nothing here waits for long or imports much.
Source: PROTOCOL.md, Status; CLI.
"""

from __future__ import annotations

import http.client
import json
import os
import sqlite3
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ctm_trio.cli.link import connection_to, within
from ctm_trio.errors.base import CtmError
from ctm_trio.journal.file import event_reader
from ctm_trio.journal.select import event_of
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.model.status import BLOCKED

if TYPE_CHECKING:
    from ctm_trio.model.paths import Paths

ASK_LIMIT_S = 2.0
"""How long the daemon may take; then the event log has to do."""

MAX_ANSWER_BYTES = 8 << 20
"""A longer answer is not believed."""

TOKEN_VARIABLE = "CTM_TOKEN"

VIEW_KEYS = ("status", "blocked", "warnings", "managed", "can_type")
"""What a session view of the daemon has beyond what is in the files."""

BASE_KEYS = ("name", "uuid", "mode", "workdir", "created_at", "last_attached_at", "is_active", "tmux_alive")
"""What `ls --json` shows of each session. Source: PROTOCOL.md, CLI."""

LAST_STATUSES = (
    "SELECT e.id, e.type, s.session, e.payload, e.ts, s.uuid, e.tool, e.is_error, e.agent_id"
    " FROM sources s JOIN events e ON e.id ="
    " (SELECT max(id) FROM events WHERE source = s.id AND type = 'status_changed') ORDER BY e.id"
)
"""The last status of each log, oldest first."""


class Statuses(msgspec.Struct, frozen=True):
    """What is known of the sessions beyond the files.

    Attributes:
        of: session → the keys of `VIEW_KEYS` that are known of it.
        unmanaged: views of the sessions that nobody recorded, in the daemon's order.
    """

    of: Mapping[str, Mapping[str, Any]] = msgspec.field(default_factory=dict)
    unmanaged: tuple[Mapping[str, Any], ...] = ()


def read_statuses(paths: Paths, port: int, recorded: Collection[str]) -> Statuses:
    """What the running daemon says of the sessions. Never raises; what cannot be known is not in it.

    Args:
        port: of the daemon. recorded: the names in `sessions.json`.
    """
    views = ask_json(port, "/api/sessions")
    if isinstance(views, list):
        known = {view["name"]: view for view in views if isinstance(view, dict) and isinstance(view.get("name"), str)}
        return Statuses(
            {name: {key: view[key] for key in VIEW_KEYS if key in view} for name, view in known.items()},
            tuple(view for name, view in known.items() if name not in recorded and view.get("managed") is False),
        )
    return Statuses({name: told for name, told in _last_told(paths).items() if name in recorded})


def ask_json(port: int, path: str) -> object:
    """What the daemon here answers to a GET with the token in `CTM_TOKEN`; None without one, or if it fails."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token or not token.isascii() or not token.isprintable():
        return None
    try:
        connection = connection_to(port, ASK_LIMIT_S)
    except OSError:
        return None
    try:
        with within(connection, ASK_LIMIT_S):
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            data = answer.read(MAX_ANSWER_BYTES)
        found: object = json.loads(data) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return None
    finally:
        connection.close()
    return found


def _last_told(paths: Paths) -> dict[str, Mapping[str, Any]]:
    """What the event log says: the last status of each session that was announced."""
    if not os.path.exists(paths.database):
        return {}
    found: dict[str, Mapping[str, Any]] = {}
    try:
        db = event_reader(paths.database)
        try:
            for row in db.execute(LAST_STATUSES):
                event = event_of(row)
                told = msgspec.json.decode(event.payload, type=dict[str, Any])
                blocked = told.pop("blocked", told.get("state") in BLOCKED)
                told.pop("session", None)
                if isinstance(told.get("state"), str):
                    found[event.session] = {"status": told, "blocked": blocked is True}
        finally:
            db.close()
    except (CtmError, sqlite3.Error, *BAD_JSON):
        return {}  # who needs the event log itself says what is wrong with it
    return found


def state_of(view: Mapping[str, Any]) -> str:
    """The state of a session view, "" if it is not known."""
    status = view.get("status")
    state = status.get("state") if isinstance(status, Mapping) else None
    return state if isinstance(state, str) else ""
