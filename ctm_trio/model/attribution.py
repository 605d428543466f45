"""Which session a log belongs to. Pure: the owner feeds it what it sees, and applies what it answers.

A session is a process: what runs under one pid in one pane. Names, inherited variables and directories are hints: a
`claude -p` inherits them, a renamed session still has the old ones, and every tmux server has a pane `%0`.
The rules, first that applies (source: PROTOCOL.md, Which session a log belongs to):
1. the session whose record has the log's uuid;
2. the session whose process wrote the log (`/clear`, `/resume` and forks go on under another uuid in one process);
3. the session that the log was known to belong to before;
4. the session that the log's own lines name (`ctm_session`);
5. the session whose work directory Claude Code keeps this uuid's transcript under, if exactly one directory has it;
6. none: `uuid:` and the first eight characters.
Rules 4 and 5 are hints. They do not hold for a process that is known to be another one than the session's, nor for the
log of a session that was forgotten, nor for what happened before the session was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ctm_trio.model.line_order import RACE_S, Line, overtaken
from ctm_trio.model.processes import Processes
from ctm_trio.model.session import Session, successors
from ctm_trio.model.times import parse_time
from ctm_trio.model.workdir_name import encode_workdir

CONTINUED = frozenset({"clear", "resume", "fork"})
"""Sources of a SessionStart that go on in the same process; a record follows to these. "resume" and "fork" also begin a
process (`claude --resume`): then the process is a new one, and no record follows."""

CLOCK_SLACK_S = 5.0
"""A line may be so much older than its session: the two times come from two programs."""

MAX_STARTS = 256
"""Starts that may still move a record; past it the oldest is dropped."""

MAX_FORMER = 10_000
"""Logs of forgotten sessions that are remembered as such."""


def orphan_name(uuid: str) -> str:
    """What the events of a log are filed under that belongs to no session.

    Source: PROTOCOL.md, Which session a log belongs to.
    """
    return f"uuid:{uuid[:8]}"


def _after(ts: str, made: str) -> bool:
    """True if something may have happened after a record was made; if that is unknown it may."""
    begin = parse_time(made)
    return begin is None or (parse_time(ts) or 0.0) >= begin - CLOCK_SLACK_S


class _Heard(msgspec.Struct):
    """What the lines of a log have said."""

    hint: str = ""
    waited: bool = False
    """What could prove the hint wrong was waited for."""
    start: str = ""
    """Source of its first SessionStart."""
    ended: str = ""
    """Reason of its SessionEnd, "" again when it starts again."""
    first_at: float = 0.0
    """Unix seconds of its oldest line seen, 0 if unknown."""
    live: bool = False
    """A line of it was read as it was written."""


class Attribution(msgspec.Struct):
    """Everything known about whose log is whose."""

    records: Mapping[str, Session] = msgspec.field(default_factory=dict)
    by_uuid: dict[str, str] = msgspec.field(default_factory=dict)
    """Record uuid → name."""
    learned: dict[str, str] = msgspec.field(default_factory=dict)
    """uuid → name: the earlier uuids of a session, and what the event log knew."""
    transcripts: dict[str, tuple[tuple[str, float], ...]] = msgspec.field(default_factory=dict)
    """uuid → (directory under projects that has its transcript, when that was written last in unix seconds)."""
    known: dict[str, str] = msgspec.field(default_factory=dict)
    """uuid → session name, the result."""
    processes: Processes = msgspec.field(default_factory=Processes)
    forks: frozenset[str] = frozenset()
    """Logs that began as a fork of another one."""
    _heard: dict[str, _Heard] = msgspec.field(default_factory=dict)
    _hinted: dict[str, set[str]] = msgspec.field(default_factory=dict)
    """Session name → logs whose lines name it."""
    _former: dict[str, None] = msgspec.field(default_factory=dict)
    """Logs of sessions that were forgotten, oldest first."""
    _starts: dict[str, tuple[str, Line]] = msgspec.field(default_factory=dict)
    """uuid → (source, line) of a start that may still move a record, in the order in which they came."""
    _newest: dict[str, Line] = msgspec.field(default_factory=dict)
    """Session name → the start that moved its record last."""

    # ------------------------------------------------------------ what it is told

    def use_records(self, records: Mapping[str, Session]) -> dict[str, str]:
        """Take the records of `sessions.json`; the logs whose session changed by it.

        A name that is used again is another session: it gets nothing of the one before.
        """
        before, moved = self.records, {old: new for new, old in successors(self.records, records).items()}
        self.records = records
        self.by_uuid = {s.uuid: name for name, s in records.items() if s.uuid}
        self.learned = {u: moved[n] for u, n in self.learned.items() if n in moved}
        self._newest = {moved[n]: line for n, line in self._newest.items() if n in moved}
        gone = before.keys() - moved.keys()
        if gone:
            for uuid, name in self.known.items():
                if name in gone:
                    self._forget(uuid)
        for name, old in before.items():
            if name in gone:
                self._forget(old.uuid)
            elif old.uuid and old.uuid not in self.by_uuid:
                self.learned[old.uuid] = moved[name]
        for uuid in self.by_uuid:
            self._former.pop(uuid, None)
        changed = self._settle({**self.known, **self.by_uuid, **{s.uuid: "" for s in before.values() if s.uuid}})
        for name, old in before.items():
            if moved.get(name) != name:
                changed[f"session:{name}"] = moved.get(name) or (orphan_name(old.uuid) if old.uuid else "")
        return changed

    def remember(self, known: Mapping[str, tuple[str, str]]) -> None:
        """Start from what the event log had. Call it between `use_records` and `settle_all`.

        What was a session then is one of today's only if that one still has, or had, its uuid: a session that was
        forgotten while nobody looked leaves its logs to nobody, also if there is another one of its name. If the uuid
        of today's was never heard of, the times tell.

        Args:
            known: uuid → (session, time of its newest call in RFC 3339 or "").
        """
        names = {uuid: name for uuid, (name, _) in known.items()}
        today = {names[u]: name for u, name in self.by_uuid.items() if names.get(u) not in (None, orphan_name(u))}
        unheard = {name: record for name, record in self.records.items() if record.uuid not in names}
        self.known.clear()
        for uuid, (name, last_call_at) in known.items():
            if not uuid or uuid.startswith("session:"):
                continue
            self.known[uuid] = name
            if uuid in self.by_uuid or not name or name == orphan_name(uuid):
                continue
            if name in today:
                self.learned[uuid] = today[name]
            elif name in unheard and _after(last_call_at, unheard[name].created_at):
                self.learned[uuid] = name
            else:
                self._forget(uuid)

    def settle_all(self) -> dict[str, str]:
        """Look at every log anew; those whose session changed."""
        return self._settle({**self.known, **self.by_uuid})

    def see(
        self, uuid: str, session: str, pane: str, pid: str, *, hook: str = "", kind: str = "", ts: str = "",
        now: float | None = None,
    ) -> dict[str, str]:  # fmt: skip
        """A log and what its line says; the logs whose session changed by it (this one, if it is new).

        Args:
            session, pane, pid: `ctm_session`, `ctm_pane`, `ctm_pid`, "" where the line has none.
            hook, kind: the hook event, and its source or reason.
            ts: RFC 3339, "" if unknown.
            now: unix seconds; None: the line may have been written long ago.
        """
        heard = self._heard.setdefault(uuid, _Heard())
        if session and session != heard.hint:
            self._hinted.get(heard.hint, set()).discard(uuid)
            self._hinted.setdefault(session, set()).add(uuid)
            heard.hint = session
        at = parse_time(ts) or 0.0
        late = now is None or now - at > RACE_S
        heard.live |= bool(at) and not late
        if at and (not heard.first_at or at < heard.first_at):
            heard.first_at = at
        if hook == "SessionStart" and kind != "compact":
            heard.start, heard.ended = heard.start or kind, ""
            if kind == "fork" and uuid not in self.forks:
                self.forks |= {uuid}
            if kind in CONTINUED:
                self._starts.pop(uuid, None)
                self._starts[uuid] = (kind, Line(at, uuid, late, live=False))
                if len(self._starts) > MAX_STARTS:
                    del self._starts[next(iter(self._starts))]
        elif hook == "SessionEnd":
            heard.ended = kind or "other"
        news = False
        if pid or pane:
            fresh = hook == "SessionStart" and kind == "startup"
            news = self.processes.see(uuid, pid, pane, at, fresh=fresh, late=late)
        affected = {uuid: None}
        if news or heard.ended:
            affected |= dict.fromkeys(self.processes.beside(uuid))
        if uuid in self.by_uuid and (news or heard.ended):
            affected |= dict.fromkeys(self._hinted.get(self.by_uuid[uuid], ()))
        return self._settle(affected)

    def is_doubtful(self, uuid: str) -> bool:
        """True if it is not proven whose this log is, while the lines that prove it may be on their way.

        They are in another file, which another task reads: the end of the uuid before, or the start of another process
        under the same numbers.
        """
        if self._sure(uuid):
            return False
        return self._unproven(uuid) or (bool(self._by_process(uuid)) and not self._followed(uuid))

    def trust(self, uuid: str) -> dict[str, str]:
        """Take what is likely of a doubtful log; the logs whose session changed by it."""
        self._heard.setdefault(uuid, _Heard()).waited = True
        return self._settle([uuid])

    def learn_transcripts(self, uuid: str, directories: tuple[tuple[str, float], ...]) -> dict[str, str]:
        """Where the client keeps the transcript of a log that nothing else explains, and when it was written last."""
        self.transcripts[uuid] = directories
        return self._settle([uuid])

    # ------------------------------------------------------------ whose record follows

    def adoptions(self) -> list[tuple[str, str, str]]:
        """Records that must follow their process: (session, new uuid, its uuid now), each told once, oldest first.

        At a start the logs of several `/clear`s are read side by side: one that was before the last changes nothing.
        """
        found = []
        for uuid, (kind, line) in list(self._starts.items()):
            name = self.known.get(uuid, "")
            record = self.records.get(name)
            if record is None:
                continue
            last = self._newest.get(name)
            if uuid in self.by_uuid or (last is not None and overtaken(line, last)):
                del self._starts[uuid]
            elif self._goes_on(uuid, record, kind):
                del self._starts[uuid]
                self._newest[name] = line
                found.append((name, uuid, record.uuid))
        return found

    def _goes_on(self, uuid: str, record: Session, kind: str) -> bool:
        """True if this start is the record's own process going on."""
        beside = self.processes.beside(uuid)
        if any(other == record.uuid or self.learned.get(other) == record.name for other in beside):
            return self._followed(uuid)
        if self.processes.of(uuid) is not None and self.processes.of(record.uuid) is not None:
            return False
        heard = self._heard.get(uuid)
        return kind == "clear" and heard is not None and heard.hint == record.name and not self._unproven(uuid)

    # ------------------------------------------------------------ the rules

    def _settle(self, uuids: Iterable[str]) -> dict[str, str]:
        changed = {}
        for uuid in uuids:
            name = self._sure(uuid) or self._hint(uuid) or orphan_name(uuid)
            if self.known.get(uuid) != name:
                self.known[uuid] = changed[uuid] = name
        return changed

    def _sure(self, uuid: str) -> str:
        """By record, by what is known, by process; "" if none of them says."""
        name = self.by_uuid.get(uuid) or self.learned.get(uuid)
        if name is not None:
            return name
        return self._by_process(uuid) if self._followed(uuid) else ""

    def _by_process(self, uuid: str) -> str:
        """The session of which this log's process has written another log, "" if there is none."""
        for other in self.processes.beside(uuid):
            name = self.by_uuid.get(other) or self.learned.get(other)
            if name is not None:
                return name
        return ""

    def _followed(self, uuid: str) -> bool:
        """True if a log begins where another one of its process ended, or no line was found that tells otherwise."""
        heard = self._heard.get(uuid)
        if heard is not None and (heard.waited or heard.start == "fork"):
            return True
        before = (self._heard.get(other) for other in self.processes.beside(uuid))
        return any(other is not None and other.ended in CONTINUED for other in before)

    def _unproven(self, uuid: str) -> bool:
        """True if it has a process and a hint, and nothing is known yet of the process of the session it names."""
        heard = self._heard.get(uuid)
        if heard is None or heard.waited or heard.start == "startup" or heard.hint not in self.records:
            return False
        return self.processes.of(uuid) is not None and self.processes.of(self.records[heard.hint].uuid) is None

    def _hint(self, uuid: str) -> str:
        """By what its lines name, or by its transcript's directory; "" if neither counts."""
        if uuid in self._former or (self._by_process(uuid) and not self._followed(uuid)):
            return ""
        heard = self._heard.get(uuid) or _Heard()
        named = self.records.get(heard.hint)
        if named is not None and not self._unproven(uuid) and self._may_be(uuid, named, heard.first_at):
            return heard.hint
        directories = self.transcripts.get(uuid, ())
        if len(directories) == 1:
            ((directory, written),) = directories
            for session in self.records.values():
                if session.workdir and encode_workdir(session.workdir) == directory:
                    return session.name if self._may_be(uuid, session, heard.first_at or written) else ""
        return ""

    def _may_be(self, uuid: str, session: Session, at: float) -> bool:
        """False if a hint cannot be right: another process while the session's own is known, or older than it."""
        made, log = parse_time(session.created_at), self._heard.get(uuid)
        written_now = log is not None and log.live  # then the clock was set since the session was made
        if made is not None and at and at < made - CLOCK_SLACK_S and not written_now:
            return False
        mine, theirs = self.processes.of(uuid), self.processes.of(session.uuid)
        if mine is None or theirs is None or session.uuid in mine.uuids:
            return True
        heard = self._heard.get(session.uuid)
        return heard is not None and heard.ended not in ("", *CONTINUED)

    def _forget(self, uuid: str) -> None:
        if uuid and uuid not in self.by_uuid:
            self._former[uuid] = None
        if len(self._former) > MAX_FORMER:
            del self._former[next(iter(self._former))]
