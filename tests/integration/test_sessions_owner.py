"""The sessions owner beside a file that others write too: what it waits for, publishes and records."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from msgspec.structs import replace

from ctm_trio.core.channels import StateReceiver, ask, open_state_channel
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.journal import JournalMessage, Publish
from ctm_trio.messages.prompts import PromptsMessage
from ctm_trio.messages.sessions import AdoptUuid, Lifecycle, SessionsMessage, SessionsSnapshot
from ctm_trio.model.paths import paths_under
from ctm_trio.model.session import Session, parse_sessions
from ctm_trio.owners.sessions.task import run_sessions
from ctm_trio.system.sessions_file import SessionsFile
from ctm_trio.system.tmux import Tmux
from tests.unit.test_sessions import RECORD, document


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
    with trio.fail_after(30):
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
        with trio.fail_after(30):
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
            changed = partial(trio.sleep, 0.05)
            await nursery.start(
                partial(
                    run_sessions,
                    inbox,
                    state,
                    journal_send,
                    settings,
                    paths,
                    tmux,
                    no_checkpoint,
                    changed,
                    trio.open_memory_channel[PromptsMessage](0)[0],
                )
            )
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
