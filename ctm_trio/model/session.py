"""A session as `sessions.json` has it, and what makes a name valid."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ctm_trio.errors import BadWorkdir, BrokenSessions, WorkdirNotAbsolute

ZERO_TIME = "0001-01-01T00:00:00Z"
"""How Go writes a time that was never set; we treat it as absent. Source: contract A2."""

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}", re.ASCII)
"""A session name, for `fullmatch`. Source: contract A4."""

NEW_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}", re.ASCII)
"""A name that create takes: also dots, at most 64 characters. Source: contract A4."""


@dataclass(frozen=True, slots=True)
class Session:
    """One record of `sessions.json`. Times are RFC 3339 text, `""` while unknown."""

    name: str
    uuid: str = ""
    mode: str = "safe"
    workdir: str = ""
    created_at: str = ""
    last_attached_at: str = ""
    last_health_status: str = ""
    last_health_at: str = ""
    extra: tuple[tuple[str, object], ...] = field(default=(), compare=False)
    """Keys that we do not know, kept for the rewrite."""


def is_name(text: str) -> bool:
    """True if `text` is a session name that the routes accept."""
    return NAME.fullmatch(text) is not None


def is_new_name(text: str) -> bool:
    """True if a session may be created under this name."""
    return NEW_NAME.fullmatch(text) is not None


MAX_WORKDIR = 4096
"""Characters of a work directory, as Linux bounds a path."""


def clean_workdir(text: str) -> str:
    """A work directory as it is recorded: absolute, without `.`, `..`, doubled or trailing slashes.

    Raises:
        WorkdirNotAbsolute: it does not begin with `/`.
        BadWorkdir: too long, or with characters that no terminal could show.
    """
    text = text.strip()
    if not text.startswith("/"):
        raise WorkdirNotAbsolute("The work directory must be an absolute path.")
    if len(text) > MAX_WORKDIR or any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in text):
        raise BadWorkdir("The work directory is too long, or has control characters.")
    return os.path.normpath("/" + text.lstrip("/"))


_TIMES = ("created_at", "last_attached_at", "last_health_at")
_KNOWN = ("name", "uuid", "mode", "workdir", "created_at", "last_attached_at", "last_health_status", "last_health_at")


@dataclass(frozen=True, slots=True)
class SessionBook:
    """`sessions.json` as a whole.

    Attributes:
        records: by name, in the order of the file.
        kept: records whose key is no session name, as they were read; nobody sees them, a rewrite keeps them.
        extra: top-level keys that we do not know, and `schema_version`.
    """

    records: Mapping[str, Session] = field(default_factory=dict)
    kept: Mapping[str, object] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=lambda: {"schema_version": 1})

    def having(self, session: Session) -> SessionBook:
        """The book with this record added, or in the place of the one of its name."""
        return replace(self, records={**self.records, session.name: session})

    def without(self, name: str) -> SessionBook:
        """The book without the record of that name."""
        return replace(self, records={n: s for n, s in self.records.items() if n != name})

    def renamed(self, name: str, to: str) -> SessionBook:
        """The book with a record under another name, at the same place."""
        return replace(
            self,
            records={
                (to if n == name else n): (replace(s, name=to) if n == name else s) for n, s in self.records.items()
            },
        )


def successors(before: Mapping[str, Session], after: Mapping[str, Session]) -> dict[str, str]:
    """Which session of `before` each one of `after` is: new name → old name. New sessions are not in it.

    A session keeps its uuid when it is renamed, and its name, directory and time when `/clear` gives it another uuid. A
    name alone says nothing: it may have been forgotten and used again.
    """
    of_uuid = {record.uuid: name for name, record in before.items() if record.uuid}
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name, record in after.items():
        old = before.get(name)
        was = name if old is not None and old.uuid == record.uuid else of_uuid.get(record.uuid)
        if was is not None and was not in taken:
            found[name] = was
            taken.add(was)
    for name, record in after.items():
        old = before.get(name)
        if old is None or name in found or name in taken:
            continue
        if (old.workdir, old.created_at) == (record.workdir, record.created_at):
            found[name] = name
            taken.add(name)
    return found


def parse_sessions(data: bytes) -> SessionBook:
    """The records in the bytes of `sessions.json`. Go's zero times become "".

    Raises:
        BrokenSessions: not such a document; the message says what is wrong.

    Source: contract A2.
    """
    try:
        top = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenSessions(f"sessions.json does not parse: {error}") from None
    if not isinstance(top, dict):
        raise BrokenSessions("sessions.json must be a JSON object.")
    table = top.get("sessions")
    if table is not None and not isinstance(table, dict):
        raise BrokenSessions('sessions.json: "sessions" must be an object.')
    records: dict[str, Session] = {}
    kept: dict[str, object] = {}
    for name, raw in (table or {}).items():
        if is_name(name) or is_new_name(name):
            records[name] = _record(name, raw)
        else:
            kept[name] = raw
    return SessionBook(records, kept, {k: v for k, v in top.items() if k != "sessions"})


def _record(name: str, raw: Any) -> Session:
    if not isinstance(raw, dict):
        raise BrokenSessions(f"sessions.json: the record of {name} must be an object.")
    values: dict[str, str] = {}
    for key in _KNOWN[1:]:
        value = raw.get(key)
        if value is not None and not isinstance(value, str):
            raise BrokenSessions(f"sessions.json: {key} of {name} must be text.")
        if value and not (key in _TIMES and value == ZERO_TIME):
            values[key] = value
    return Session(name=name, **values, extra=tuple((k, v) for k, v in raw.items() if k not in _KNOWN))


def encode_session(session: Session) -> dict[str, object]:
    """A record as `sessions.json` has it; unknown times as Go writes them."""
    out: dict[str, object] = {
        "name": session.name, "uuid": session.uuid, "mode": session.mode, "workdir": session.workdir,
        "created_at": session.created_at or ZERO_TIME, "last_attached_at": session.last_attached_at or ZERO_TIME,
    }  # fmt: skip
    if session.last_health_status:
        out["last_health_status"] = session.last_health_status
    out["last_health_at"] = session.last_health_at or ZERO_TIME
    return {**out, **dict(session.extra)}


def hook_fields(session: Session) -> dict[str, str]:
    """What a lifecycle event says of a session. Source: contract A4 (`/api/hooks`)."""
    return {"name": session.name, "uuid": session.uuid, "mode": session.mode, "workdir": session.workdir}


def public_session(session: Session) -> dict[str, object]:
    """A record as the answers of mutations have it: what is unknown is left out."""
    times = {"created_at": session.created_at, "last_attached_at": session.last_attached_at}
    return {**hook_fields(session), **{key: value for key, value in times.items() if value}}


def encode_sessions(book: SessionBook) -> bytes:
    """The bytes of `sessions.json`, indented as the Go CLI writes it."""
    table: dict[str, object] = {name: encode_session(session) for name, session in book.records.items()}
    document = {"schema_version": 1, **book.extra, "sessions": {**table, **book.kept}}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
