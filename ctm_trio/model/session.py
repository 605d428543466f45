"""A session as `sessions.json` has it, and what makes a name valid."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from ctm_trio.errors.files import BrokenSessions
from ctm_trio.errors.sessions import BadWorkdir, WorkdirNotAbsolute

ZERO_TIME = "0001-01-01T00:00:00Z"
"""How Go writes a time that was never set; we treat it as absent. Source: PROTOCOL.md, Files and directories."""

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}", re.ASCII)
"""A session name, for `fullmatch`. Source: PROTOCOL.md, Sessions."""

NEW_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}", re.ASCII)
"""A name that create takes: also dots, at most 64 characters. Source: PROTOCOL.md, Sessions."""


FORKED_FROM = "forked_from"
"""A key of ours in a record: the conversation that the session began as a fork of."""


class Session(msgspec.Struct, frozen=True, eq=False):
    """One record of `sessions.json`. Times are RFC 3339 text, `""` while unknown.

    Two are equal if all of them is that we know; what `extra` keeps does not count.
    """

    name: str
    uuid: str = ""
    mode: str = "safe"
    workdir: str = ""
    created_at: str = ""
    last_attached_at: str = ""
    last_health_status: str = ""
    last_health_at: str = ""
    extra: tuple[tuple[str, object], ...] = ()
    """Keys that we do not know, kept for the rewrite."""
    managed: bool = True
    """False: nobody recorded it; a client that somebody started by hand. It is never in the file."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Session) and self._known == other._known

    def __hash__(self) -> int:
        return hash(self._known)

    @property
    def _known(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__struct_fields__ if name != "extra")

    @property
    def forked_from(self) -> str:
        """The conversation that it began as a fork of, "" if it did not."""
        found = dict(self.extra).get(FORKED_FROM)
        return found if isinstance(found, str) else ""


def conversation_sessions(records: Mapping[str, Session], had: Mapping[str, str]) -> dict[str, str]:
    """Conversation (Claude session id) → the session whose present one it is, or else that had it last.

    Args:
        records: by name. had: conversation → the session that its log belongs to.
    """
    return {**had, **{record.uuid: name for name, record in records.items() if record.uuid}}


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


class SessionBook(msgspec.Struct, frozen=True):
    """`sessions.json` as a whole.

    Attributes:
        records: by name, in the order of the file.
        kept: records that are not understood, byte for byte; nobody sees them, a rewrite keeps them.
        extra: top-level keys that we do not know, and `schema_version`.
        problem: which records are not understood and why, for people; "" if there are none.
    """

    records: Mapping[str, Session] = msgspec.field(default_factory=dict)
    kept: Mapping[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    extra: Mapping[str, object] = msgspec.field(default_factory=lambda: {"schema_version": 1})
    problem: str = ""

    def having(self, session: Session) -> SessionBook:
        """The book with this record added, or in the place of the one of its name.

        Raises:
            BrokenSessions: the file has a record of that name that is not understood; it is not overwritten.
        """
        self._refuse_kept(session.name)
        return replace(self, records={**self.records, session.name: session})

    def without(self, name: str) -> SessionBook:
        """The book without the record of that name."""
        return replace(self, records={n: s for n, s in self.records.items() if n != name})

    def renamed(self, name: str, to: str) -> SessionBook:
        """The book with a record under another name, at the same place.

        Raises:
            BrokenSessions: as `having`.
        """
        self._refuse_kept(to)
        return replace(
            self,
            records={
                (to if n == name else n): (replace(s, name=to) if n == name else s) for n, s in self.records.items()
            },
        )

    def _refuse_kept(self, name: str) -> None:
        if name in self.kept:
            raise BrokenSessions(f"sessions.json has an invalid record {name}; correct or remove it.")


MAX_SESSIONS_BYTES = 64 << 20
"""A larger `sessions.json` is taken for a mistake and not read."""

MAX_NAMED = 3
"""Records that are not understood and are named; of more the number is said."""

_LONE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD]([89a-fA-F])([0-9a-fA-F]{2})"
)
"""An escape of half a character (U+D800 to U+DFFF), which no JSON reader of ours takes; escaped backslashes and whole
pairs match too, and are left alone."""

_MARKED = re.compile(rb"\\\\|\\ue([0-7])([0-9a-fA-F]{2})")
"""The same while we hold it: under a number that nobody uses (U+E000 to U+E7FF), so that it can be put back."""


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

    A record that is not understood hides only itself: it is in `kept`, and `problem` says why.

    Raises:
        BrokenSessions: not such a document; the message says what is wrong.

    Source: PROTOCOL.md, Files and directories.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        top = _decode(data)
        records_of = top.pop("sessions", None)
        table = {} if records_of is None else _records(records_of)
        extra = {key: msgspec.json.decode(raw) for key, raw in top.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenSessions(f"sessions.json does not parse: {error}.") from None
    records: dict[str, Session] = {}
    kept: dict[str, msgspec.Raw] = {}
    wrong: list[str] = []
    for name, raw in table.items():
        try:
            records[name] = _record(name, raw)
        except ValueError as error:
            kept[name] = raw
            shown = name if len(name) <= 40 else f"{name[:40]}…"
            wrong.append(f"{shown} ({error})")
    return SessionBook(records, kept, extra, _problem(wrong))


def _decode(data: bytes) -> dict[str, msgspec.Raw]:
    """The top-level values as they stand in the file."""
    try:
        return _object.decode(data)
    except msgspec.ValidationError:
        raise BrokenSessions("sessions.json must be a JSON object.") from None
    except msgspec.DecodeError:
        if _MARKED.sub(_no_mark, data) != data:
            raise
        marked = _LONE.sub(lambda m: b"\\ue%d%b" % (int(m[1], 16) - 8, m[2]) if m[1] else m[0], data)
        if marked == data:
            raise
        return _object.decode(marked)


def _no_mark(match: re.Match[bytes]) -> bytes:
    return b"" if match[1] else match[0]


def _records(raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
    try:
        found: dict[str, msgspec.Raw] | None = _object_or_null.decode(raw)
    except msgspec.ValidationError:
        raise BrokenSessions('sessions.json: "sessions" must be an object.') from None
    return found or {}


_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_object_or_null = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)


def _problem(wrong: list[str]) -> str:
    if not wrong:
        return ""
    more = f" and {len(wrong) - MAX_NAMED} more" if len(wrong) > MAX_NAMED else ""
    named = ", ".join(wrong[:MAX_NAMED])
    return f"sessions.json: invalid records, kept but not shown: {named}{more}."


def _record(name: str, raw: msgspec.Raw) -> Session:
    """Raises ValueError with the reason, in few words."""
    if not (is_name(name) or is_new_name(name)):
        raise ValueError("not a session name")
    if _MARKED.sub(_no_mark, bytes(raw)) != bytes(raw):
        raise ValueError("half a character")
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("a value that cannot be read") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    values: dict[str, Any] = {}
    for key in _KNOWN[1:]:
        text = value.get(key)
        if text is not None and not isinstance(text, str):
            raise ValueError(f"{key} must be text")
        if text and not (key in _TIMES and text == ZERO_TIME):
            values[key] = text
    return Session(name=name, **values, extra=tuple((k, v) for k, v in value.items() if k not in _KNOWN))


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
    """What a lifecycle event says of a session. Source: PROTOCOL.md, Lifecycle events from the command line."""
    return {"name": session.name, "uuid": session.uuid, "mode": session.mode, "workdir": session.workdir}


def public_session(session: Session) -> dict[str, object]:
    """A record as the answers of mutations have it: what is unknown is left out."""
    times = {"created_at": session.created_at, "last_attached_at": session.last_attached_at}
    return {**hook_fields(session), **{key: value for key, value in times.items() if value}}


def encode_sessions(book: SessionBook) -> bytes:
    """The bytes of `sessions.json`, indented as the Go CLI writes it."""
    table: dict[str, object] = {name: encode_session(session) for name, session in book.records.items()}
    document = {"schema_version": 1, **book.extra, "sessions": {**table, **book.kept}}
    data = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    # Only what is kept byte for byte has escapes of such characters.
    return _MARKED.sub(lambda m: b"\\ud%x%b" % (int(m[1]) + 8, m[2]) if m[1] else m[0], data)
