"""Which session a log belongs to. Pure: the owner feeds it what it sees, and applies what it answers.

The rules, first that applies (source: contract A10, B9):
1. the session whose record has the log's uuid;
2. the session that the log's own lines name (`ctm_session`), if there is such a record;
3. the session that the same pane or process belonged to before (`/clear` starts a new uuid in one process);
4. the session whose work directory Claude Code keeps this uuid's transcript under, if exactly one directory has it;
5. none: `uuid:` and the first eight characters.
What rules 2 and 3 found is remembered as long as that session has a record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ctm_trio.model.session import Session

_OTHER = re.compile(r"[^a-zA-Z0-9]")
_ENCODED_LIMIT = 200
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def encode_workdir(path: str) -> str:
    """The directory name under `~/.claude/projects` for a work directory.

    Every UTF-16 unit outside [a-zA-Z0-9] becomes "-"; beyond 200 characters the name is cut and a hash follows.
    Source: contract B9, as recorded from the client.
    """
    units = path.encode("utf-16-le", "surrogatepass")
    text = "".join(chr(int.from_bytes(units[i : i + 2], "little")) for i in range(0, len(units), 2))
    encoded = _OTHER.sub("-", text)
    if len(encoded) <= _ENCODED_LIMIT:
        return encoded
    value = 0
    for unit in text:
        value = (value * 31 + ord(unit)) & 0xFFFFFFFF
    value = abs(value - (1 << 32) if value >= 1 << 31 else value)
    digits = ""
    while value or not digits:
        value, rest = divmod(value, 36)
        digits = _DIGITS[rest] + digits
    return f"{encoded[:_ENCODED_LIMIT]}-{digits}"


def orphan_name(uuid: str) -> str:
    """What the events of a log are filed under that belongs to no session. Source: contract A10."""
    return f"uuid:{uuid[:8]}"


@dataclass(slots=True)
class Attribution:
    """Everything known about whose log is whose."""

    records: Mapping[str, Session] = field(default_factory=dict)
    by_uuid: dict[str, str] = field(default_factory=dict)
    """Record uuid → name."""
    learned: dict[str, str] = field(default_factory=dict)
    """uuid → name by rules 2 and 3."""
    transcripts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """uuid → directory names under projects that have its transcript."""
    owner_of: dict[str, str] = field(default_factory=dict)
    """`pane:%3` or `pid:77` → uuid last seen there."""
    newest: dict[str, str] = field(default_factory=dict)
    """Session name → time of the newest line that named its current uuid."""
    known: dict[str, str] = field(default_factory=dict)
    """uuid → session name, the result."""

    def use_records(self, records: Mapping[str, Session]) -> dict[str, str]:
        """Take the records of `sessions.json`; the logs whose session changed by it."""
        renamed: dict[str, str] = {}
        fresh = {s.uuid: name for name, s in records.items() if s.uuid}
        for uuid, name in self.by_uuid.items():
            if fresh.get(uuid, name) != name and name not in records:
                renamed[name] = fresh[uuid]
        self.records, self.by_uuid = records, fresh
        self.learned = {u: renamed.get(n, n) for u, n in self.learned.items() if renamed.get(n, n) in records}
        return self._settle(list(self.known))

    def remember(self, known: Mapping[str, str]) -> None:
        """Start from what the event log had: sessions that its lines once named."""
        for uuid, name in known.items():
            if uuid and not uuid.startswith("session:"):
                self.known[uuid] = name
                if name in self.records and self.by_uuid.get(uuid) != name:
                    self.learned[uuid] = name

    def see(self, uuid: str, session: str, pane: str, pid: str) -> dict[str, str]:
        """A log and what its line says; the logs whose session changed by it (this one, if it is new)."""
        places = [key for key, value in ((f"pane:{pane}", pane), (f"pid:{pid}", pid)) if value]
        if uuid not in self.by_uuid:
            if session in self.records:
                self.learned[uuid] = session
            elif uuid not in self.learned:
                for place in reversed(places):
                    before = self.owner_of.get(place)
                    name = self.known.get(before, "") if before else ""
                    if name in self.records:
                        self.learned[uuid] = name
                        break
        for place in places:
            self.owner_of[place] = uuid
        return self._settle([uuid])

    def adopt(self, uuid: str, hook: str, kind: str, ts: str) -> str | None:
        """The session whose record must follow to this uuid: `/clear` gave its process a new one. None if none does.

        Args:
            hook, kind: of the line: only a SessionStart with source "clear" moves a record.
            ts: RFC 3339; an older line than the last that moved the record changes nothing.
        """
        name = self.known.get(uuid, "")
        if name not in self.records or self.records[name].uuid == uuid or hook != "SessionStart" or kind != "clear":
            return None
        if ts < self.newest.get(name, ""):
            return None
        self.newest[name] = ts
        return name

    def learn_transcripts(self, uuid: str, directories: tuple[str, ...]) -> dict[str, str]:
        """Where the client keeps the transcript of a log that nothing else explains."""
        self.transcripts[uuid] = directories
        return self._settle([uuid])

    def _settle(self, uuids: list[str]) -> dict[str, str]:
        changed = {}
        for uuid in uuids:
            name = self._resolve(uuid)
            if self.known.get(uuid) != name:
                self.known[uuid] = changed[uuid] = name
        return changed

    def _resolve(self, uuid: str) -> str:
        name = self.by_uuid.get(uuid) or self.learned.get(uuid)
        if name is not None:
            return name
        directories = self.transcripts.get(uuid, ())
        if len(directories) == 1:
            for session in self.records.values():
                if session.workdir and encode_workdir(session.workdir) == directories[0]:
                    return session.name
        return orphan_name(uuid)
