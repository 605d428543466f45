"""A request from the line of a hook: read, understood, with what an edit would change.

Blocking: call it in a thread.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from ctm_trio.archive.hook_lines import hook_line
from ctm_trio.errors.base import CtmError
from ctm_trio.model.decoding import decode_any
from ctm_trio.model.dialog_choice import shows
from ctm_trio.model.dialogs import Dialog
from ctm_trio.model.edit_diff import edit_diff
from ctm_trio.model.one_line import one_line
from ctm_trio.model.pids import pid_of
from ctm_trio.model.request import SUMMARY_LIMIT, Asked, Choice, asked_of
from ctm_trio.model.request_record import Request
from ctm_trio.model.times import parse_time

MAX_FILE_BYTES = 1 << 20
"""A file that an edit changes is read for the diff up to this size."""

EDITS = frozenset({"Edit", "MultiEdit", "Write"})

PERMISSION_WAITS = frozenset({"permission prompt", "sandbox request", "worker request"})
"""What a client waits for if its dialog asks for a permission."""


def payload_of(line: bytes) -> Mapping[str, object] | None:
    """What a line says, None if it is no JSON object; what is only badly written is mended. Never raises."""
    payload = decode_any(line)
    return payload if isinstance(payload, dict) else None


def request_of(id_: str, session: str, uuid: str, payload: Mapping[str, object], came: float) -> Request | None:
    """The request of a `PermissionRequest` line; None if the line is something else. Never raises.

    Args:
        id_: its id. session, uuid: whose it is. payload: of its line.
        came: when it came, unix seconds; it counts if the line has no time.
    """
    asked = asked_of(payload)
    if asked is None:
        return None
    ts = payload.get("ctm_timestamp")
    at = parse_time(ts) if isinstance(ts, str) else None
    return Request(id_, session, uuid, asked, came if at is None else at, diff=_diff(asked))


def client_pid_of(payload: Mapping[str, object]) -> int:
    """The process of the client that wrote a line, 0 if it does not say."""
    return pid_of(payload.get("ctm_pid"))


def _diff(asked: Asked) -> str:
    if asked.tool not in EDITS:
        return ""
    path = asked.input.get("file_path")
    if not isinstance(path, str) or not path:
        return ""
    return edit_diff(asked.tool, asked.input, _content(os.path.join(asked.cwd or "/", path)))


def _content(path: str) -> str | None:
    """What a file holds now, None if there is none, or none that can be shown."""
    try:
        with open(path, "rb", opener=_no_wait) as file:
            status = os.fstat(file.fileno())
            if status.st_mode & 0o170000 != 0o100000 or status.st_size > MAX_FILE_BYTES:
                return None
            return file.read(MAX_FILE_BYTES).decode()
    except (OSError, ValueError):
        return None


def _no_wait(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def dialog_request(
    dialog: Dialog, session: str, uuid: str, cwd: str, waiting_for: str, at: float, call: Mapping[str, object] | None
) -> Request:
    """The request of a dialog that no hook knows: its rows are its choices.

    Args:
        dialog: as the screen shows it. waiting_for: as the client's own file says it, "" without one.
        at: when it was seen to be open, unix seconds.
        call: the payload of the call that it is about (`PreToolUse`), if that is known.
    """
    given = call.get("tool_input") if call else None
    tool_input = given if isinstance(given, dict) else {}
    tool = str(call.get("tool_name") or "") if call else ""
    choices = tuple(Choice(f"row_{n}", row.label, row.detail) for n, row in enumerate(dialog.rows, 1))
    is_permission = waiting_for in PERMISSION_WAITS
    payload = {"hook_event_name": "PermissionRequest", "tool_name": tool, "tool_input": tool_input, "cwd": cwd}
    asked = asked_of(payload) if is_permission and tool else None
    if asked is None or not shows(dialog, asked):  # the call that was begun last may be another one
        shown = {"title": dialog.title, "text": "\n".join(dialog.body)}
        asked = Asked(
            "permission" if is_permission else "dialog", "", shown, _title(dialog), cwd, "", "", choices, None, None,
            "normal", (),
        )  # fmt: skip
    else:
        asked = replace(asked, kind="permission", choices=choices, questions=None, plan=None)
    return Request(secrets.token_hex(16), session, uuid, asked, at, diff=_diff(asked), answerable="keys")


def is_of(asked: Asked, dialog: Dialog) -> bool:
    """Whether a dialog is the one that a request was made of, before a restart."""
    rows = tuple(row.label for row in dialog.rows) == tuple(choice.label for choice in asked.choices)
    return rows and (shows(dialog, asked) if asked.tool else asked.summary == _title(dialog))


def _title(dialog: Dialog) -> str:
    """A dialog in one line; a title that only leads to what stands below it takes that along."""
    more = dialog.body[:1] if dialog.title.endswith(":") else ()
    return one_line(" ".join((dialog.title, *more)), SUMMARY_LIMIT)


def call_at(database: Path, directory: Path, event: int) -> Mapping[str, object] | None:
    """The payload of a hook event, None if it cannot be read. Blocks.

    Args:
        database: the event log. directory: of the hook events' logs. event: its id.
    """
    try:
        line = hook_line(database, directory, event)
    except CtmError:
        return None
    return None if line is None else payload_of(line)
