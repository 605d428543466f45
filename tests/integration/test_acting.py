"""Acting on sessions through their owner, with a real tmux: what is made, what is refused, what is taken back."""

from __future__ import annotations

import json
import os
import stat
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from ctm_trio.core.channels import Reply, StateReceiver, ask, open_state_channel
from ctm_trio.errors.sessions import (
    BadName,
    BadWorkdir,
    NameExists,
    NoClaude,
    SessionNotFound,
    SpawnFailed,
    StillRuns,
    WorkdirNotDir,
)
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.journal import JournalMessage, Publish
from ctm_trio.messages.prompts import HoldPrompt, PromptsMessage
from ctm_trio.messages.sessions import (
    CreateSession,
    ForgetSession,
    FoundUnmanaged,
    KillSession,
    RenameSession,
    ResumeSession,
    SessionsMessage,
    SessionsSnapshot,
)
from ctm_trio.model.panes import CLIENT_MARK
from ctm_trio.model.paths import paths_under
from ctm_trio.model.prompt_record import Prompt
from ctm_trio.model.session import Session
from ctm_trio.owners.sessions.task import run_sessions
from ctm_trio.system.tmux import Tmux
from tests.tmux_server import PrivateTmux, private_tmux, until


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateTmux]:
    """A private tmux server, and its fake claude on PATH."""
    with private_tmux() as server:
        monkeypatch.setenv("PATH", f"{server.bin}:{os.environ['PATH']}")
        yield server


class Acting:
    """A running sessions owner beside a real tmux."""

    def __init__(
        self,
        server: PrivateTmux,
        send: trio.MemorySendChannel[SessionsMessage],
        state: StateReceiver[SessionsSnapshot],
        journal: trio.MemoryReceiveChannel[JournalMessage],
    ) -> None:
        self.server, self.send, self.state, self.journal = server, send, state, journal
        self.root = server.root
        self.file = self.root / ".config" / "ctm" / "sessions.json"
        self.checkpoints: list[str] = []
        self.checkpoint_error: SpawnFailed | None = None
        self.prompts: list[tuple[str, str]] = []
        self.hold: trio.Event | None = None
        """What a checkpoint waits for."""

    async def checkpoint(self, workdir: str) -> None:
        self.checkpoints.append(workdir)
        if self.hold is not None:
            await self.hold.wait()
        if self.checkpoint_error is not None:
            raise self.checkpoint_error

    async def create(
        self,
        name: str | None,
        workdir: Path | None = None,
        *,
        prompt: str = "",
        mode: str = "yolo",
        resume: str = "",
        fork: bool = False,
    ) -> Session:
        make = partial(CreateSession, str(workdir or self.root), name, prompt, mode)
        return await ask(self.send, lambda reply: make(reply, resume, fork), timeout_s=9)

    async def kill(self, name: str) -> Session:
        return await ask(self.send, lambda reply: KillSession(name, reply), timeout_s=9)

    async def resume(self, name: str) -> Session:
        return await ask(self.send, lambda reply: ResumeSession(name, reply), timeout_s=9)

    async def forget(self, name: str) -> Session:
        return await ask(self.send, lambda reply: ForgetSession(name, reply), timeout_s=9)

    async def rename(self, name: str, to: str) -> Session:
        return await ask(self.send, lambda reply: RenameSession(name, to, reply), timeout_s=9)

    def recorded(self) -> dict[str, dict[str, object]]:
        """The records on disk."""
        found = json.loads(self.file.read_bytes())["sessions"] if self.file.exists() else {}
        assert isinstance(found, dict)
        return found

    def record(self, name: str, **more: object) -> None:
        """Write a record as the CLI would."""
        table = {**self.recorded(), name: {"name": name, "uuid": f"u-{name}", "mode": "yolo", "workdir": "/", **more}}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        temp = self.file.with_name("new")
        temp.write_text(json.dumps({"schema_version": 1, "sessions": table}))
        temp.replace(self.file)

    async def known(self, name: str) -> None:
        """Wait until the snapshot has a record."""
        with trio.fail_after(30):
            while name not in self.state.latest.records:
                await self.state.wait_newer(self.state.version)

    def told(self, key: str) -> list[object]:
        """What the fake claudes wrote down under a key."""
        return [note[key] for note in self.server.notes() if key in note]


@asynccontextmanager
async def running(server: PrivateTmux) -> AsyncIterator[Acting]:
    send, inbox = trio.open_memory_channel[SessionsMessage](0)
    journal_send, journal = trio.open_memory_channel[JournalMessage](64)
    prompts_send, prompts = trio.open_memory_channel[PromptsMessage](0)
    state, seen = open_state_channel(SessionsSnapshot())
    settings = open_state_channel(ConfigSnapshot())[1]
    acting = Acting(server, send, seen, journal)
    tmux = Tmux(server.conf, lambda: server.socket)
    task = partial(
        run_sessions, inbox, state, journal_send, settings, paths_under(server.root), tmux, acting.checkpoint,
        partial(trio.sleep, 0.05), prompts_send,
    )  # fmt: skip

    async def hold_prompts() -> None:
        async for message in prompts:
            assert isinstance(message, HoldPrompt)
            acting.prompts.append((message.name, message.text))
            message.reply.ok(Prompt("id", message.name, message.text, "", "idle", 0.0))

    with send, journal, prompts:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold_prompts)
            await nursery.start(task)
            yield acting
            nursery.cancel_scope.cancel()


async def test_create(server: PrivateTmux) -> None:
    """A session runs claude in its directory with its uuid, is recorded, alive, announced, and was checkpointed."""
    async with running(server) as acting:
        workdir = acting.root / "a" / "w #(touch PWNED);"
        made = await acting.create("alpha", workdir)
        assert uuid.UUID(made.uuid).version == 4
        assert acting.state.latest.records["alpha"] == made
        assert "alpha" in acting.state.latest.alive
        assert acting.recorded()["alpha"]["uuid"] == made.uuid
        assert acting.checkpoints == [str(workdir)]
        await until(lambda: bool(acting.told("argv")))
        overlay = acting.file.with_name("claude-overlay.json")
        options = ["--dangerously-skip-permissions", "--settings", str(overlay)]
        assert acting.told("argv") == [["--session-id", made.uuid, *options]]
        assert {"PostToolUse", "Stop"} <= set(json.loads(overlay.read_bytes())["hooks"])
        assert stat.S_IMODE(overlay.stat().st_mode) == 0o600
        assert (acting.told("cwd"), acting.told("session")) == ([str(workdir)], ["alpha"])
        message = await acting.journal.receive()
        assert isinstance(message, Publish)
        assert (message.drafts[0].type, message.drafts[0].session) == ("session_new", "alpha")


async def test_safe_mode_env_sh_and_overlay(server: PrivateTmux) -> None:
    """In safe mode the dialogs stay and no checkpoint is made; env.sh and the overlay are used where they are."""
    async with running(server) as acting:
        acting.file.parent.mkdir(parents=True)
        acting.file.with_name("env.sh").write_text("export MARK='from env.sh'\n")
        overlay = acting.file.with_name("claude-overlay.json")
        overlay.write_text("{}")
        made = await acting.create("alpha", mode="safe")
        await until(lambda: bool(acting.told("argv")))
        options = ["--permission-mode", "default", "--settings", str(overlay)]
        assert acting.told("argv") == [["--session-id", made.uuid, *options]]
        assert (acting.told("mark"), acting.checkpoints, made.mode) == (["from env.sh"], [], "safe")


async def test_dotted_name_is_alive(server: PrivateTmux) -> None:
    """Tmux knows no dots; the session is alive under its own name, and its look-alike is taken."""
    async with running(server) as acting:
        await acting.create("v1.2")
        assert "v1.2" in acting.state.latest.alive
        assert server.names() == {"v1_2"}
        with pytest.raises(NameExists):
            await acting.create("v1_2")
        await acting.kill("v1.2")
        assert server.names() == set()


async def test_initial_prompt(server: PrivateTmux) -> None:
    """The first prompt goes to its owner, as it is, once the session is recorded; nothing is typed here."""
    async with running(server) as acting:
        await acting.create("alpha", prompt='say "x" to $USER; then #(stop);')
        assert acting.prompts == [("alpha", 'say "x" to $USER; then #(stop);')]
        assert acting.told("line") == []


async def test_create_refused(server: PrivateTmux) -> None:
    """Bad names, taken names, foreign tmux sessions and bad directories are refused, with nothing left behind."""
    async with running(server) as acting:
        acting.record("taken")
        server.new("foreign")
        (acting.root / "file").touch()
        cases: list[tuple[str, Path, type[Exception]]] = [
            ("-x", acting.root, BadName),
            ("a b", acting.root, BadName),
            ("", acting.root, BadName),
            ("taken", acting.root, NameExists),
            ("foreign", acting.root / "new" / "dir", NameExists),
            ("fine", acting.root / "file", WorkdirNotDir),
            ("fine", acting.root / "file" / "below", BadWorkdir),
        ]
        for name, workdir, error in cases:
            with pytest.raises(error):
                await acting.create(name, workdir)
        assert server.names() == {"foreign"}
        assert set(acting.recorded()) == {"taken"}
        assert not (acting.root / "new").exists()


async def test_create_without_claude(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without claude on PATH nothing is made at all."""
    (server.bin / "claude").unlink()
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    async with running(server) as acting:
        with pytest.raises(NoClaude):
            await acting.create("alpha", acting.root / "new")
        assert not (acting.root / "new").exists()
        assert (server.names(), acting.recorded()) == (set(), {})


async def test_create_taken_back(server: PrivateTmux) -> None:
    """When the checkpoint or the record fails, tmux has no session and the directories that were made are gone."""
    async with running(server) as acting:
        acting.checkpoint_error = SpawnFailed("git says no")
        with pytest.raises(SpawnFailed, match="git says no"):
            await acting.create("alpha", acting.root / "new" / "dir")
        acting.checkpoint_error = None
        acting.file.parent.mkdir(parents=True, exist_ok=True)
        acting.file.with_name("sessions.json.lock").mkdir()
        with pytest.raises(SpawnFailed, match="lock"):
            await acting.create("alpha", acting.root / "new" / "dir")
        assert server.names() == set()
        assert not (acting.root / "new").exists()


async def test_kill(server: PrivateTmux) -> None:
    """Kill ends exactly the session, keeps the record, and one that is gone already is fine."""
    async with running(server) as acting:
        for name in ("alpha", "alpha2"):
            acting.record(name)
        server.new("alpha2")
        await acting.known("alpha2")
        assert (await acting.kill("alpha")).name == "alpha"
        assert server.names() == {"alpha2"}
        await acting.kill("alpha2")
        assert server.names() == set()
        assert "alpha2" not in acting.state.latest.alive
        assert set(acting.recorded()) == {"alpha", "alpha2"}
        with pytest.raises(SessionNotFound):
            await acting.kill("nobody")


def tells(acting: Acting, server: PrivateTmux, name: str, uuid: str) -> int:
    """Have the program in a pane say that it is the client of a conversation; its process."""
    pid = int(server.run("display-message", "-p", "-t", f"={name}:", "#{pane_pid}"))
    file = acting.root / ".claude" / "sessions" / f"{pid}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"pid": pid, "sessionId": uuid, "status": "idle"}))
    file.chmod(0o600)
    return pid


@pytest.mark.parametrize("moved", ["renamed", "joined"])
@pytest.mark.parametrize("told", [True, False])
async def test_kill_follows_the_client_not_the_name(server: PrivateTmux, moved: str, told: bool) -> None:
    """A tmux session that was renamed by hand, or whose pane was moved, is not told by its name: others stay.

    Neither where the client has not told of itself yet, as while it asks whether to trust its folder.
    """
    async with running(server) as acting:
        made = await acting.create("alpha")
        pid = int(server.run("display-message", "-p", "-t", "=alpha:", "#{pane_pid}"))
        if told:
            tells(acting, server, "alpha", made.uuid)
        if moved == "renamed":
            server.run("rename-session", "-t", "=alpha", "mine")
            server.new("alpha")
        else:
            server.new("mine")
            server.run("split-window", "-d", "-t", "=alpha:", "cat")
            server.run("join-pane", "-d", "-s", "=alpha:0.0", "-t", "=mine:")
        await acting.kill("alpha")
        await until(lambda: not Path(f"/proc/{pid}").exists())
        assert server.names() == ({"alpha"} if moved == "renamed" else {"alpha", "mine"})


@pytest.mark.parametrize("home", [True, False])
async def test_kill_leaves_a_persons_own_client_alone(server: PrivateTmux, home: bool) -> None:
    """They went on with the conversation in a terminal of theirs, beside the session's client or after its end."""
    async with running(server) as acting:
        made = await acting.create("alpha")
        for number in range(3):  # in whatever order the files are found
            server.new(f"mine{number}")
            tells(acting, server, f"mine{number}", made.uuid)
        if home:
            tells(acting, server, "alpha", made.uuid)
        await acting.kill("alpha")
        assert server.names() == {"mine0", "mine1", "mine2"}


@pytest.mark.parametrize("cleared", [True, False])
async def test_kill_leaves_another_sessions_client_alone(server: PrivateTmux, cleared: bool) -> None:
    """Its tmux session was gone, and a person went on with its conversation in another session's client (`/resume`)."""
    async with running(server) as acting:
        made = await acting.create("alpha")
        await acting.create("beta")
        if cleared:  # its client had begun a third conversation before
            server.run("set-option", "-p", "-t", "=beta:", CLIENT_MARK, str(uuid.uuid4()))
        server.run("kill-session", "-t", "=alpha")
        tells(acting, server, "beta", made.uuid)
        await acting.kill("alpha")
        assert server.names() == {"beta"}


async def test_kill_ends_nothing_where_it_is_not_known_which(server: PrivateTmux) -> None:
    """Two panes that we started have its conversation open, and neither is in its tmux session."""
    async with running(server) as acting:
        made = await acting.create("alpha")
        server.run("rename-session", "-t", "=alpha", "mine0")
        server.new("mine1")
        server.run("set-option", "-p", "-t", "=mine1:", CLIENT_MARK, made.uuid)
        for name in ("mine0", "mine1"):
            tells(acting, server, name, made.uuid)
        with pytest.raises(StillRuns, match="end them where they run"):
            await acting.kill("alpha")
        assert server.names() == {"mine0", "mine1"}


async def test_resume(server: PrivateTmux) -> None:
    """A session that has ended runs again with its conversation, in its mode; one that runs is left alone."""
    async with running(server) as acting:
        made = await acting.create("alpha", mode="safe")
        with pytest.raises(StillRuns):
            await acting.resume("alpha")
        await acting.kill("alpha")
        transcript = acting.root / ".claude" / "projects" / "p" / f"{made.uuid}.jsonl"
        transcript.parent.mkdir(parents=True)
        transcript.write_text("{}\n")
        assert await acting.resume("alpha") == made
        assert server.names() == {"alpha"}
        assert "alpha" in acting.state.latest.alive
        await until(lambda: len(acting.told("argv")) == 2)
        first, second = (argv[:4] for argv in acting.told("argv") if isinstance(argv, list))
        assert first == ["--session-id", made.uuid, "--permission-mode", "default"]
        assert second == ["--resume", made.uuid, "--permission-mode", "default"]
        with pytest.raises(StillRuns):
            await acting.resume("alpha")
        with pytest.raises(SessionNotFound):
            await acting.resume("nobody")


async def test_a_conversation_that_is_open_is_not_opened_again(server: PrivateTmux) -> None:
    """By a new session neither: a client of no session of ours has it. A fork is a conversation of its own."""
    id_ = "0a1b2c3d-0000-4000-8000-000000000009"
    async with running(server) as acting:
        home = acting.root / ".claude"
        for directory in (home / "projects" / "p", home / "sessions"):
            directory.mkdir(parents=True)
        (home / "projects" / "p" / f"{id_}.jsonl").write_text("{}\n")
        told = {"pid": os.getpid(), "sessionId": id_, "status": "idle"}
        (home / "sessions" / f"{os.getpid()}.json").write_text(json.dumps(told))

        def order(reply: Reply[Session]) -> CreateSession:
            return CreateSession(str(acting.root), "alpha", "", "safe", reply, id_, fork)

        fork = False
        with pytest.raises(StillRuns, match=f"process {os.getpid()}"):
            await ask(acting.send, order, timeout_s=9)
        fork = True
        assert (await ask(acting.send, order, timeout_s=9)).uuid != id_


@pytest.mark.parametrize("words", ["--resume ID", "--resume=ID", "-r ID", "-rID", "--session-id=ID"])
async def test_a_conversation_that_a_client_is_just_opening(server: PrivateTmux, words: str) -> None:
    """One that was started by hand a moment ago has no status file yet; its command line says what it goes on with."""
    id_ = "0a1b2c3d-0000-4000-8000-000000000009"
    async with running(server) as acting:
        transcript = acting.root / ".claude" / "projects" / "p" / f"{id_}.jsonl"
        transcript.parent.mkdir(parents=True)
        transcript.write_text("{}\n")
        server.new("hand", sys.executable, "-c", "import sys; sys.stdin.read()", *words.replace("ID", id_).split())
        pid = server.run("display-message", "-p", "-t", "=hand:", "#{pane_pid}").strip()
        with pytest.raises(StillRuns, match=f"process {pid}"):
            await acting.create("alpha", resume=id_)
        server.new("another")  # the server, whose first command had these words, goes on
        server.run("kill-session", "-t", "=hand")
        assert (await acting.create("alpha", resume=id_)).uuid == id_


async def test_a_session_that_was_started_by_hand(server: PrivateTmux) -> None:
    """It is listed, and the answer does not say that there is none."""
    async with running(server) as acting:
        acting.record("alpha")
        by_hand = Session("hand", "u-hand", "safe", "/", managed=False)
        await acting.send.send(FoundUnmanaged({"hand": by_hand}))
        with trio.fail_after(30):
            while "hand" not in acting.state.latest.records:
                await acting.state.wait_newer(acting.state.version)
        for order in (
            acting.resume("hand"),
            acting.kill("hand"),
            acting.forget("hand"),
            acting.rename("hand", "other"),
        ):
            with pytest.raises(SessionNotFound, match="started by hand and is not managed here"):
                await order
        with pytest.raises(SessionNotFound, match="no session named 'nobody'"):
            await acting.forget("nobody")


async def test_forget(server: PrivateTmux) -> None:
    """Forget drops the record alone: tmux goes on, and a second time there is nobody."""
    async with running(server) as acting:
        acting.record("alpha")
        server.new("alpha")
        assert (await acting.forget("alpha")).uuid == "u-alpha"
        assert "alpha" not in acting.state.latest.records
        assert (acting.recorded(), server.names()) == ({}, {"alpha"})
        with pytest.raises(SessionNotFound):
            await acting.forget("alpha")


async def test_rename(server: PrivateTmux) -> None:
    """Rename moves tmux and the record, which keeps all else; a dead session is renamed too."""
    async with running(server) as acting:
        acting.record("alpha", note="kept")
        acting.record("dead")
        server.new("alpha")
        await acting.known("dead")
        assert (await acting.rename("alpha", "omega")).uuid == "u-alpha"
        await acting.rename("dead", "late")
        assert server.names() == {"omega"}
        records = acting.recorded()
        assert list(records) == ["omega", "late"]
        assert (records["omega"]["note"], records["omega"]["name"]) == ("kept", "omega")
        assert "omega" in acting.state.latest.alive
        with pytest.raises(SessionNotFound):
            await acting.rename("alpha", "beta")


async def test_rename_is_undone(server: PrivateTmux) -> None:
    """A taken name changes nothing, and when the record cannot follow tmux gets its old name back."""
    async with running(server) as acting:
        acting.record("alpha")
        acting.record("beta")
        server.new("alpha")
        server.new("foreign")
        await acting.known("beta")
        for taken in ("beta", "foreign"):
            with pytest.raises(NameExists):
                await acting.rename("alpha", taken)
        lock = acting.file.with_name("sessions.json.lock")
        lock.unlink(missing_ok=True)
        lock.mkdir()
        with pytest.raises(Exception, match="lock"):
            await acting.rename("alpha", "omega")
        assert server.names() == {"alpha", "foreign"}
        assert list(acting.recorded()) == ["alpha", "beta"]


async def test_a_name_comes_from_the_directory(server: PrivateTmux) -> None:
    """Without a name: the directory's; another one if a session elsewhere has it; 409 if a session there has it."""
    async with running(server) as acting:
        one, two, other = (acting.root / part for part in ("one/api", "two/api", "日本語"))
        made: list[str] = []

        async def create(where: Path) -> None:
            made.append((await acting.create(None, where, mode="safe")).name)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(create, one)
            nursery.start_soon(create, two)
        assert sorted(made) == ["api", "api-2"]
        for where in (one, two):
            with pytest.raises(NameExists) as caught:
                await acting.create(None, where)
            session = caught.value.fields["session"]
            assert isinstance(session, dict)
            assert session["workdir"] == str(where)
        assert (await acting.create(None, other, mode="safe")).name.startswith("session-")
        server.new("foreign")
        await until(lambda: "foreign" in acting.state.latest.alive)
        assert (await acting.create(None, acting.root / "foreign", mode="safe")).name == "foreign-2"
