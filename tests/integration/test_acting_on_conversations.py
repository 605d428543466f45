"""Sessions that go on with a conversation, or begin with a copy of one, over a real tmux.

Source: PROTOCOL.md, Sessions.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from ctm_trio.errors.conversations import ConversationTaken, UnknownConversation
from ctm_trio.errors.sessions import NameExists
from tests.fakes.transcripts import Talk
from tests.integration.test_acting import Acting, running
from tests.tmux_server import PrivateTmux, private_tmux, until

A = "aaaaaaaa-0000-4000-8000-000000000000"
B = "bbbbbbbb-0000-4000-8000-000000000000"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateTmux]:
    """A private tmux server, a fake claude, and a transcript of one conversation."""
    with private_tmux() as made:
        monkeypatch.setenv("PATH", f"{made.bin}:{os.environ['PATH']}")
        talk = Talk(A, cwd=str(made.root))
        talk.prompt("what was said")
        talk.write(made.root / ".claude" / "projects")
        yield made


def transcript(acting: Acting) -> Path:
    return Talk(A).place(acting.root / ".claude" / "projects")


async def started(acting: Acting, count: int = 1) -> list[str]:
    """What the last of so many clients was started with."""
    await until(lambda: len(acting.told("argv")) == count)
    argv = acting.told("argv")[-1]
    assert isinstance(argv, list)
    return argv


async def test_a_session_goes_on_with_a_conversation(server: PrivateTmux) -> None:
    """It has the conversation's id, and no other is named; its first prompt is held like any other's."""
    async with running(server) as acting:
        made = await acting.create("alpha", mode="safe", resume=A, prompt="and now?")
        assert (made.uuid, acting.recorded()["alpha"]["uuid"]) == (A, A)
        argv = await started(acting)
        assert argv[:2] == ["--resume", A]
        assert "--session-id" not in argv
        assert "--fork-session" not in argv
        assert acting.prompts == [("alpha", "and now?")]


async def test_a_session_begins_with_a_copy(server: PrivateTmux) -> None:
    """It has an id of its own, also while another session has the conversation, and the transcript is as it was."""
    async with running(server) as acting:
        await acting.create("alpha", mode="safe", resume=A)
        await started(acting)
        before = transcript(acting).read_bytes()
        made = await acting.create("beta", mode="safe", resume=A, fork=True)
        assert made.uuid != A
        assert uuid.UUID(made.uuid).version == 4
        assert (await started(acting, 2))[:5] == ["--resume", A, "--fork-session", "--session-id", made.uuid]
        assert acting.recorded()["beta"]["uuid"] == made.uuid
        assert (acting.recorded()["beta"]["forked_from"], made.forked_from) == (A, A)
        assert transcript(acting).read_bytes() == before


@pytest.mark.parametrize("fork", [False, True])
async def test_a_conversation_without_a_transcript(server: PrivateTmux, fork: bool) -> None:
    """Nothing is started, made or recorded."""
    async with running(server) as acting:
        with pytest.raises(UnknownConversation):
            await acting.create("alpha", acting.root / "new", resume=B, fork=fork)
        assert not (acting.root / "new").exists()
        assert acting.recorded() == {}
        assert "alpha" not in server.names()
        assert acting.checkpoints == []


async def test_a_conversation_that_a_session_has(server: PrivateTmux) -> None:
    """Two clients would write into one transcript: it is refused with that session's name, also if that has ended."""
    async with running(server) as acting:
        await acting.create("alpha", mode="safe", resume=A)
        with pytest.raises(ConversationTaken) as refused:
            await acting.create("beta", acting.root / "new", resume=A)
        assert refused.value.message.startswith("The session alpha has this conversation")
        assert not (acting.root / "new").exists()
        with pytest.raises(NameExists):
            await acting.create("alpha", resume=A)
        await acting.kill("alpha")
        with pytest.raises(ConversationTaken):
            await acting.create("beta", resume=A)
        await acting.forget("alpha")
        assert (await acting.create("beta", mode="safe", resume=A)).uuid == A


async def test_two_orders_for_one_conversation(server: PrivateTmux) -> None:
    """Given at the same time, one of them has it; of the other nothing is left."""
    async with running(server) as acting:
        made: list[str] = []
        refused: list[str] = []

        async def create(name: str) -> None:
            try:
                made.append((await acting.create(name, acting.root / name, mode="safe", resume=A)).name)
            except ConversationTaken:
                refused.append(name)

        async with trio.open_nursery() as nursery:
            for name in ("alpha", "beta"):
                nursery.start_soon(create, name)
        assert (len(made), len(refused)) == (1, 1)
        assert list(acting.recorded()) == made
        assert server.names() & {"alpha", "beta"} == set(made)
        await started(acting)
        assert len([note for note in server.notes() if "argv" in note]) == 1, "the other had a client for a moment"
