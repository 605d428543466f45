"""`sessions.json` and the owner's reading side: what is kept, what is reported, what is published."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio

from ctm_trio.core.channels import StateReceiver, ask, open_state_channel
from ctm_trio.errors.files import BrokenSessions
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.journal import JournalMessage, Publish
from ctm_trio.messages.sessions import AdoptUuid, Lifecycle, SessionsMessage, SessionsSnapshot
from ctm_trio.model.paths import paths_under
from ctm_trio.model.session import ZERO_TIME, Session, SessionBook, encode_sessions, parse_sessions
from ctm_trio.owners.sessions.task import run_sessions
from ctm_trio.system.sessions_file import SessionsFile, taken_by
from ctm_trio.system.tmux import Tmux

RECORD = {"name": "alpha", "uuid": "u1", "mode": "yolo", "workdir": "/w", "created_at": "2026-01-02T03:04:05Z",
          "last_attached_at": ZERO_TIME, "last_health_at": ZERO_TIME, "note": {"mine": [1]}}  # fmt: skip


def document(**records: object) -> bytes:
    return json.dumps({"schema_version": 1, "sessions": records, "later": "x"}).encode()


def test_what_is_unknown_is_kept() -> None:
    """Unknown keys, records under a key that is no name, and the schema version survive reading and writing."""
    odd = {"a b": {"name": "a b"}}
    book = parse_sessions(document(alpha=RECORD, **odd))
    assert list(book.records) == ["alpha"]
    assert book.records["alpha"].last_attached_at == ""
    again = json.loads(encode_sessions(book))
    assert again == {"schema_version": 1, "later": "x", "sessions": {"alpha": RECORD, "a b": {"name": "a b"}}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"sessions": []}',
        b"\xff",
        b"[" * 99_999,
    ],
)
def test_broken(data: bytes) -> None:
    """What is no such document is broken, and says so by name."""
    with pytest.raises(BrokenSessions):
        parse_sessions(data)


ODD = [
    b"null", b"[1]", b"5", b'"x"', b'{"uuid": 5}', b'{"mode": null, "workdir": ["/w"]}', b'{"x": 1e400}',
    b'{"workdir": "/\\ud800x"}', b'{"workdir": "\xff"}', b'{"created_at": 1' + b"0" * 5000 + b"}",
    b'{"x": "\\\\ud800 \\ud83d\\ude00 \\udfff"}',
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd[:24]))
def test_an_odd_record_hides_only_itself(odd: bytes) -> None:
    """A record that is not understood is named, hides no other, and is in the rewritten file as it was."""
    record = json.dumps(RECORD).encode()
    book = parse_sessions(b'{"schema_version": 1, "sessions": {"bad": %b, "alpha": %b}}' % (odd, record))
    assert list(book.records) == ["alpha"]
    assert "bad" in book.problem
    written = encode_sessions(book.having(Session("beta")))
    assert b"".join(odd.split()) in b"".join(written.split())
    again = parse_sessions(written)
    assert sorted(again.records) == ["alpha", "beta"]
    assert again.problem == book.problem


@pytest.mark.parametrize("name", ["a b", "", "-x", "ä", "x" * 101, "../x", "a\x1b[31m"])
def test_an_odd_name_hides_only_itself(name: str) -> None:
    """A record under a name that no session can have is named and kept."""
    book = parse_sessions(document(**{name: RECORD, "alpha": RECORD}))
    assert list(book.records) == ["alpha"]
    assert "not a session name" in book.problem
    assert json.loads(encode_sessions(book))["sessions"][name] == RECORD


def test_an_odd_record_is_not_overwritten() -> None:
    """Nothing takes the place of a record that is not understood: no new session of its name, no renamed one."""
    book = parse_sessions(document(bad=None, alpha=RECORD))
    with pytest.raises(BrokenSessions, match="bad"):
        book.having(Session("bad"))
    with pytest.raises(BrokenSessions, match="bad"):
        book.renamed("alpha", "bad")


def test_many_odd_records_are_counted() -> None:
    """Of a thousand odd records a few are named and the rest counted."""
    book = parse_sessions(document(**{f"n{i}": None for i in range(1000)}, alpha=RECORD))
    assert list(book.records) == ["alpha"]
    assert "and 997 more" in book.problem
    assert len(book.problem) < 300


def test_rename_keeps_the_place() -> None:
    """A renamed record stays where it was in the file."""
    book = SessionBook({n: Session(n) for n in ("a", "b", "c")})
    assert list(book.renamed("b", "x").records) == ["a", "x", "c"]
    assert book.renamed("b", "x").records["x"].name == "x"


def test_a_name_is_taken_as_tmux_spells_it() -> None:
    """`a.b` and `a_b` are the same to tmux; a session that is renamed is not in its own way."""
    book = SessionBook({name: Session(name) for name in ("a.b", "c")})
    for name, taken in (("a.b", "a.b"), ("a_b", "a.b"), ("c", "c"), ("d", ""), ("ab", "")):
        by = taken_by(book, name)
        assert (by.name if by else "") == taken
    assert taken_by(book, "a_b", but="a.b") is None
    assert taken_by(book, "c", but="a.b") is not None


async def test_change_is_private_and_atomic(tmp_path: Path) -> None:
    """A change writes 0600, leaves only the file and its lock, and a failing step writes nothing."""
    file = SessionsFile(tmp_path / "sessions.json")
    await file.change(lambda book: book.having(Session("alpha")))
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["sessions.json", "sessions.json.lock"]
    before = file.path.read_bytes()

    def refuse(book: SessionBook) -> SessionBook:
        raise KeyError("no")

    with pytest.raises(KeyError):
        await file.change(refuse)
    assert file.path.read_bytes() == before


async def test_broken_file_is_not_overwritten(tmp_path: Path) -> None:
    """A change of a file that does not parse is refused and the bytes stay."""
    file = SessionsFile(tmp_path / "sessions.json")
    file.path.write_bytes(b"{nope")
    with pytest.raises(BrokenSessions):
        await file.change(lambda book: book.having(Session("alpha")))
    assert file.path.read_bytes() == b"{nope"


async def test_change_waits_for_the_lock(tmp_path: Path, nursery: trio.Nursery) -> None:
    """While another program holds the lock nothing is written; then the change sees what that program wrote."""
    file = SessionsFile(tmp_path / "sessions.json")
    done = trio.Event()

    async def change() -> None:
        await file.change(lambda book: book.having(Session("mine")))
        done.set()

    fd = os.open(tmp_path / "sessions.json.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        nursery.start_soon(change)
        with trio.move_on_after(0.1):
            await done.wait()
        assert not file.path.exists()
        file.path.write_bytes(document(theirs={"name": "theirs"}))
    finally:
        os.close(fd)
    with trio.fail_after(5):
        await done.wait()
    assert list(parse_sessions(file.path.read_bytes()).records) == ["theirs", "mine"]


async def no_checkpoint(workdir: str) -> None:
    """Stands for a work directory without git."""


class Sessions:
    """A running sessions owner without a tmux server, and its ends."""

    def __init__(
        self,
        path: Path,
        send: trio.MemorySendChannel[SessionsMessage],
        state: StateReceiver[SessionsSnapshot],
        journal: trio.MemoryReceiveChannel[JournalMessage],
    ) -> None:
        self.path, self.send, self.state, self.journal = path, send, state, journal

    async def until(self, holds: Callable[[SessionsSnapshot], bool]) -> SessionsSnapshot:
        with trio.fail_after(5):
            while not holds(self.state.latest):
                await self.state.wait_newer(self.state.version)
        return self.state.latest


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[Sessions]:
    send, inbox = trio.open_memory_channel[SessionsMessage](0)
    journal_send, journal = trio.open_memory_channel[JournalMessage](16)
    state, seen = open_state_channel(SessionsSnapshot())
    paths = replace(paths_under(tmp_path), sessions=tmp_path / "sessions.json")
    tmux = Tmux(tmp_path / "tmux.conf", lambda: str(tmp_path / "no-server"))
    settings = open_state_channel(ConfigSnapshot())[1]
    with send, journal:
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(run_sessions, inbox, state, journal_send, settings, paths, tmux, no_checkpoint))
            yield Sessions(paths.sessions, send, seen, journal)
            nursery.cancel_scope.cancel()


async def test_follows_the_file(tmp_path: Path) -> None:
    """Records appear, a broken file is reported and changes nothing, a good one mends it."""
    async with running(tmp_path) as sessions:
        assert sessions.state.latest == SessionsSnapshot(tmux_known=True)
        sessions.path.write_bytes(document(alpha=RECORD))
        assert "alpha" in (await sessions.until(lambda s: bool(s.records))).records
        sessions.path.write_bytes(b'{"sessions": {')
        assert "alpha" in (await sessions.until(lambda s: bool(s.problem))).records
        sessions.path.write_bytes(document())
        assert not (await sessions.until(lambda s: not s.problem)).records


async def test_a_file_that_could_not_be_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What mends it (`chmod`) changes no stamp; nor does a good file that comes between a bad reading and the stamp."""
    async with running(tmp_path) as sessions:

        def refused(path: Path, **more: int) -> bytes:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("ctm_trio.system.sessions_file.read_regular", refused)
        sessions.path.write_bytes(document(alpha=RECORD))
        await sessions.until(lambda s: "Permission denied" in s.problem)
        monkeypatch.undo()
        assert "alpha" in (await sessions.until(lambda s: not s.problem)).records


async def test_lifecycle(tmp_path: Path) -> None:
    """A lifecycle event reads the file at once, and is published with its fields and, if attached, the time."""
    async with running(tmp_path) as sessions:
        sessions.path.write_bytes(document(alpha=RECORD))
        fields = {"name": "alpha", "uuid": "u1"}
        await ask(sessions.send, lambda reply: Lifecycle("session_attached", fields, reply), timeout_s=5)
        assert "alpha" in sessions.state.latest.records
        message = await sessions.journal.receive()
        assert isinstance(message, Publish)
        (draft,) = message.drafts
        assert (draft.type, draft.session, draft.uuid) == ("session_attached", "alpha", "u1")
        payload = json.loads(draft.payload)
        assert payload.pop("at").endswith("Z")
        assert payload == fields


async def test_lifecycle_of_no_session(tmp_path: Path) -> None:
    """A name that is none belongs to no session, but its fields are published as they came."""
    async with running(tmp_path) as sessions:
        await ask(sessions.send, lambda reply: Lifecycle("on_yolo", {"name": "../x"}, reply), timeout_s=5)
        message = await sessions.journal.receive()
        assert isinstance(message, Publish)
        assert (message.drafts[0].session, message.drafts[0].payload) == ("", b'{"name":"../x"}')


async def test_adopted_uuid_is_recorded(tmp_path: Path) -> None:
    """After `/clear` the record has the new Claude session id, all else as it was."""
    async with running(tmp_path) as sessions:
        sessions.path.write_bytes(document(alpha=RECORD))
        await sessions.send.send(AdoptUuid("alpha", "u2"))
        await sessions.until(lambda s: bool(s.records) and s.records["alpha"].uuid == "u2")
        assert json.loads(sessions.path.read_bytes())["sessions"] == {"alpha": {**RECORD, "uuid": "u2"}}


async def test_adoption_is_tried_until_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the file is broken the problem is said; once it is mended the newest id is recorded, and all is well."""
    monkeypatch.setattr("ctm_trio.owners.sessions.adoptions.RETRY_S", 0.05)
    monkeypatch.setattr("ctm_trio.owners.sessions.adoptions.RETRY_MAX_S", 0.1)
    async with running(tmp_path) as sessions:
        sessions.path.write_bytes(document(alpha=RECORD))
        await sessions.until(lambda s: bool(s.records))
        sessions.path.write_bytes(b"{nope")
        await sessions.until(lambda s: bool(s.problem))
        await sessions.send.send(AdoptUuid("alpha", "u2", "u1"))
        await sessions.send.send(AdoptUuid("alpha", "u3", "u1"))
        await sessions.until(lambda s: "does not parse" in s.problem)
        sessions.path.write_bytes(document(beta={**RECORD, "name": "beta"}))
        latest = await sessions.until(lambda s: not s.problem and s.records.get("beta", Session("")).uuid == "u3")
        assert list(latest.records) == ["beta"], "it was renamed meanwhile, and is still the one"


async def test_adoption_of_another_session_is_none(tmp_path: Path) -> None:
    """A record of the same name that is another session by now keeps its own id."""
    async with running(tmp_path) as sessions:
        sessions.path.write_bytes(document(alpha={**RECORD, "uuid": "u9"}, beta={**RECORD, "name": "beta"}))
        await sessions.send.send(AdoptUuid("alpha", "u2", "u7"))
        await sessions.send.send(AdoptUuid("beta", "u3", "u1"))
        latest = await sessions.until(lambda s: bool(s.records) and s.records["beta"].uuid == "u3")
        assert latest.records["alpha"].uuid == "u9"
        await sessions.send.send(AdoptUuid("beta", "u4", "u1"))  # decided before the one before was written
        await sessions.until(lambda s: s.records["beta"].uuid == "u4")
