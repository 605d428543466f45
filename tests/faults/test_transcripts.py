"""Transcripts that are half written, cut, replaced, deleted, moved, doubled, closed; and a daemon that is killed.

Source: PROTOCOL.md, Conversations.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.transcripts import Line, Talk, append, text_block
from tests.faults.process import Daemon, Stream, eventually

A = "aaaaaaaa-0000-4000-8000-000000000000"
B = "bbbbbbbb-0000-4000-8000-000000000000"

SLOW_S = 150.0
"""What no event tells is found by a look at everything: each ten seconds, or 200 times what a look takes, if that is
longer, as it is on a busy machine."""


@dataclass
class Box:
    """A daemon with two sessions and their transcripts."""

    daemon: Daemon
    projects: Path

    def start(self) -> None:
        """Start it, and wait until it has read all that is there."""
        self.daemon.start()
        self.until_complete()

    def until_complete(self) -> None:
        eventually(self.complete, within_s=60, what="the index")

    @property
    def index(self) -> Path:
        return self.daemon.root / "ctm-trio-conversations.db"

    def complete(self) -> bool:
        return bool(self.daemon.get("/api/search?q=nothing%20like%20this&in=conversation")["complete"])

    def again(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Stop it, do something, start it."""
        assert self.daemon.stop()[0] == 0
        meanwhile()
        self.start()

    def entries(self, session: str = "alpha", more: str = "") -> list[dict[str, Any]]:
        found = self.daemon.get(f"/api/sessions/{session}/conversation?limit=500{more}")["entries"]
        return list(found)

    def prompts(self, session: str = "alpha") -> list[str]:
        return [one["text"] for one in self.entries(session) if one["kind"] == "prompt"]

    def until(self, *wanted: str, session: str = "alpha", within_s: float = SLOW_S) -> None:
        """Wait until these are the session's prompts."""
        eventually(lambda: self.prompts(session) == list(wanted), within_s=within_s, what=f"prompts {wanted}")

    def health(self, part: str = "transcripts") -> str:
        return str(self.daemon.get("/health")["components"].get(part, "ok"))

    def listed(self) -> list[dict[str, Any]]:
        """All conversations, page by page."""
        found: list[dict[str, Any]] = []
        before = ""
        while True:
            page = self.daemon.get(f"/api/conversations?limit=200{before}")
            found += page["conversations"]
            if not page["has_more"]:
                return found
            before = f"&before={found[-1]['uuid']}"

    @contextmanager
    def told(self) -> Iterator[Told]:
        with self.daemon.stream() as stream:
            yield Told(stream)


class Told:
    """The entries that events tell."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def entries(self, session: str = "alpha") -> list[dict[str, Any]]:
        found = []
        for kind, payload in self.stream.payloads:
            if kind == "conversation" and (said := json.loads(payload))["session"] == session:
                found += said["entries"]
        return found

    def texts(self) -> list[str]:
        return [one["text"] for one in self.entries() if "text" in one]

    def until(self, text: str, within_s: float = 5.0) -> None:
        """Read until an entry with this text has come. A look at everything is too late for it."""
        deadline = time.monotonic() + within_s
        while text not in self.texts():
            assert not self.stream.ended
            assert time.monotonic() < deadline, f"{text} was not told within {within_s} s: {self.texts()}"
            self.stream.read()


@pytest.fixture
def box(daemon: Daemon) -> Box:
    """Nothing is started and nothing was said yet."""
    record = {"mode": "safe", "workdir": str(daemon.home), "created_at": "2026-05-01T10:00:00Z"}
    sessions = {name: {"name": name, "uuid": id_, **record} for name, id_ in (("alpha", A), ("beta", B))}
    (daemon.root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": sessions}))
    return Box(daemon, daemon.home / ".claude" / "projects")


@pytest.fixture
def talk() -> Talk:
    """Alpha's, with two prompts."""
    made = Talk(A)
    made.prompt("one")
    made.prompt("two")
    return made


def well(box: Box) -> None:
    """Nothing crashed on the way, and the daemon ends as it should."""
    assert "crashed" not in box.daemon.said()
    assert box.daemon.stop()[0] == 0


# ---------------------------------------------------------------- as it happens


def test_new_entries_are_told_as_they_are_written(box: Box, talk: Talk) -> None:
    """Of a new project, of a new conversation, of a sub-agent; each once, and none of what was there before."""
    talk.write(box.projects)
    box.start()
    with box.told() as told:
        path = talk.place(box.projects)
        for n in range(5):
            append(path, talk.prompt(f"live {n}"))
            told.until(f"live {n}")
        child = Talk(A, agent="a1", began=talk.began + timedelta(hours=1))
        child.text("from below")
        child.write(box.projects)
        told.until("from below")
        other = Talk(B)
        other.prompt("elsewhere")
        other.write(box.projects, "-a-new-project")
        append(path, talk.prompt("last"))
        told.until("last")
        assert told.texts() == [f"live {n}" for n in range(5)] + ["from below", "last"]
        assert [one.get("agent_id") for one in told.entries() if one["text"] == "from below"] == ["a1"]
        assert [one["text"] for one in told.entries("beta")] == ["elsewhere"]
        pages = {one["id"]: one for one in box.entries()}
        assert [one["id"] in pages for one in told.entries() if "agent_id" not in one] == [True] * 6
    well(box)


def test_the_first_transcript_of_a_machine(box: Box, talk: Talk) -> None:
    """Claude Code's directory is made while the daemon runs."""
    box.start()
    with box.told() as told:
        talk.write(box.projects)
        told.until("two", within_s=SLOW_S)
        append(talk.place(box.projects), talk.prompt("three"))
        told.until("three")
    assert box.prompts() == ["one", "two", "three"]
    well(box)


def test_half_lines(box: Box, talk: Talk) -> None:
    """Nothing of a line counts before it is whole, also over a restart; then it counts once."""
    path = talk.write(box.projects)
    box.start()
    line = json.dumps(talk.prompt("in pieces é")).encode() + b"\n"
    with box.told() as told:
        other = Talk(A, agent="a1")
        child = other.write(box.projects)
        for n, cut in enumerate((1, len(line) // 2, len(line) - 1)):
            with path.open("ab") as file:
                file.write(line[cut - 1 : cut] if n else line[:cut])
            append(child, other.text(f"beside {n}"))
            told.until(f"beside {n}")
            path.write_bytes(path.read_bytes().rpartition(b"\n")[0] + b"\n" + line[:cut])
        assert "in pieces é" not in told.texts()
    box.again()
    assert box.prompts() == ["one", "two"]
    with box.told() as told:
        with path.open("ab") as file:
            file.write(line[-1:])
        told.until("in pieces é")
        append(path, talk.prompt("end"))
        told.until("end")
        assert told.texts().count("in pieces é") == 1
    assert box.prompts() == ["one", "two", "in pieces é", "end"]
    well(box)


# ---------------------------------------------------------------- files that change


def test_cut_and_replaced(box: Box, talk: Talk) -> None:
    """What is left keeps its ids and is not told again; what is new is told; what has gone is gone."""
    path = talk.write(box.projects)
    box.start()
    ids = {one["text"]: one["id"] for one in box.entries()}
    with box.told() as told:
        os.truncate(path, len(json.dumps(talk.lines[0])) + 1)
        box.until("one")
        append(path, talk.prompt("three"))
        told.until("three")
        assert {one["text"]: one["id"] for one in box.entries()}["one"] == ids["one"]
        fresh = path.with_suffix(".new")
        replaced = Talk(A, seed="other")
        for text in ("all", "is", "other", "now"):
            replaced.prompt(text)
        fresh.write_bytes(replaced.data)
        fresh.rename(path)
        told.until("now")
        assert told.texts() == ["three", "all", "is", "other", "now"]
    box.until("all", "is", "other", "now")
    assert box.daemon.get(f"/api/conversations/{A}")["prompts"] == 4
    gone = box.daemon.request("GET", f"/api/sessions/alpha/conversation?before={ids['one']}")
    assert (gone.status_code, gone.json()["error"]) == (404, "entry_not_found")
    well(box)


@pytest.mark.parametrize("how", ["larger", "smaller", "of the same size"])
def test_replaced_while_the_daemon_is_down(box: Box, talk: Talk, how: str) -> None:
    """The new lines count, whatever the size of the file says."""
    path = talk.write(box.projects)
    box.start()
    assert box.prompts() == ["one", "two"]
    other = Talk(A, seed="other")
    texts = {"larger": ["1", "2", "3"], "smaller": ["1"], "of the same size": ["eno", "owt"]}[how]
    for text in texts:
        other.prompt(text)

    def replace() -> None:
        fresh = path.with_suffix(".new")
        fresh.write_bytes(other.data)
        fresh.rename(path)
        assert (len(other.data) == len(talk.data)) == (how == "of the same size")

    box.again(replace)
    box.until(*texts)
    well(box)


def test_deleted_and_written_again(box: Box, talk: Talk) -> None:
    """It goes from pages, list and search, without a word in /health; when it comes back all is as it was."""
    path = talk.write(box.projects)
    box.start()
    before = box.entries(), box.listed()
    os.unlink(path)
    box.until()
    eventually(lambda: box.listed() == [], within_s=SLOW_S, what="the end of it in the list")
    assert box.daemon.get("/api/search?q=one&in=conversation")["matches"] == []
    assert box.health() == "ok"
    assert box.daemon.request("GET", f"/api/conversations/{A}").status_code == 404
    talk.write(box.projects)
    box.until("one", "two")
    assert (box.entries(), box.listed()) == before
    well(box)


def test_a_project_directory_is_renamed(box: Box, talk: Talk) -> None:
    """Its conversations stay, nothing is told again, and they are followed at the new place."""
    talk.write(box.projects)
    box.start()
    before = box.entries()
    with box.told() as told:
        (box.projects / "-home-dev-project").rename(box.projects / "-moved")
        path = talk.place(box.projects, "-moved")

        def known_there() -> bool:
            with closing(
                sqlite3.connect(f"file:{box.daemon.root / 'ctm-trio-conversations.db'}?mode=ro", uri=True)
            ) as db:
                return [os.fsdecode(row[0]) for row in db.execute("SELECT path FROM files")] == [str(path)]

        eventually(known_there, within_s=SLOW_S, what="the new place, and no other")
        eventually(lambda: box.entries() == before, what="the entries")
        append(path, talk.prompt("three"))
        told.until("three", within_s=SLOW_S)
        assert told.texts() == ["three"]
    well(box)


@pytest.mark.parametrize("how", ["moved while it is down", "moved while it runs", "copied, and deleted later"])
def test_all_is_moved(box: Box, talk: Talk, how: str) -> None:
    """The directory behind the link stands elsewhere, and the link leads there: all is there as before."""
    first, second = (box.daemon.home / name / "projects" for name in ("first", "second"))
    agent = Talk(A, agent="a1")
    agent.prompt("look")
    talk.write(first)
    agent.write(first)
    box.projects.parent.mkdir(exist_ok=True)
    box.projects.symlink_to(first)
    box.start()
    before, thread = box.entries(), box.entries(more="&agent=a1")
    assert [one["text"] for one in thread] == ["look"]

    def move() -> None:
        second.parent.mkdir()
        if "copied" in how:
            shutil.copytree(first, second)
        else:
            first.rename(second)
        box.projects.unlink()
        box.projects.symlink_to(second)

    move() if "runs" in how else box.again(move)
    if "copied" in how:
        assert box.entries() == before
        box.again(lambda: shutil.rmtree(first.parent))
    eventually(lambda: (box.entries(), box.entries(more="&agent=a1")) == (before, thread), within_s=SLOW_S, what="all")
    append(talk.place(second), talk.prompt("three"))
    box.until("one", "two", "three")
    well(box)


def test_two_files_with_one_uuid(box: Box, talk: Talk) -> None:
    """Each line once; what only one of them has goes with it."""
    one = talk.write(box.projects, "-one")
    talk.prompt("three")
    two = talk.write(box.projects, "-two")
    append(one, Talk(A, seed="only here", began=talk.began + timedelta(hours=1)).prompt("four"))
    box.start()
    assert box.prompts() == ["one", "two", "three", "four"]
    os.unlink(one)
    box.until("one", "two", "three")
    eventually(
        lambda: [(one["uuid"], one["prompts"]) for one in box.listed()] == [(A, 3)], within_s=SLOW_S, what="the count"
    )
    os.unlink(two)
    box.until()
    assert box.health() == "ok"
    well(box)


@pytest.mark.parametrize("half", [b"", b'{"half'], ids=["whole", "half a line"])
def test_one_of_two_files_with_one_uuid_is_cut(box: Box, talk: Talk, half: bytes) -> None:
    """What the other has stays, also if it ends in half a line; nothing is told again."""
    paths = [talk.write(box.projects, name) for name in ("-one", "-two")]
    for path in paths:
        path.write_bytes(talk.data + half)
    box.start()
    with box.told() as told:
        for path, wanted in zip(
            reversed(paths), (["one", "two"], ["one"]), strict=True
        ):  # the newer one was read first
            os.truncate(path, len(json.dumps(talk.lines[0])) + 1)
            append(path, talk.bare("mode", mode="normal"))
            box.until(*wanted)
        third = talk.prompt("three")
        append(paths[0], third)
        told.until("three")
        assert told.texts() == ["three"]
    well(box)


def test_links(box: Box, talk: Talk) -> None:
    """A project directory that is a link to itself, to the one above, to another: nothing twice, no complaint."""
    talk.write(box.projects)
    (box.projects / "-self").symlink_to("-self")
    (box.projects / "-up").symlink_to(box.projects)
    (box.projects / "-0-other").symlink_to("-home-dev-project")
    (box.projects / "-home-dev-project" / "loop").symlink_to("..")
    box.start()
    with box.told() as told:
        (box.projects / "-later").symlink_to("-later")
        append(talk.place(box.projects), talk.prompt("three"))
        told.until("three")
    assert box.prompts() == ["one", "two", "three"]
    assert [found["prompts"] for found in box.listed()] == [3]
    assert box.health() == "ok"
    well(box)


def test_links_that_are_made_meanwhile(box: Box, talk: Talk) -> None:
    """A transcript has one conversation, whatever names it gets: a link, another name, a project that is a link."""
    path = talk.write(box.projects)
    box.start()
    with box.told() as told:
        (path.parent / f"{A[:-1]}1.jsonl").symlink_to(path)
        os.link(path, path.parent / f"{A[:-1]}2.jsonl")
        (box.projects / "-later").symlink_to(path.parent)
        made = box.projects / "-made"
        made.mkdir()
        (made / f"{A[:-1]}3.jsonl").symlink_to(path)
        other = Talk(B)
        other.prompt("beside")
        other.write(box.projects, "-made")
        append(path, talk.prompt("three"))
        told.until("three")
        eventually(lambda: box.prompts("beta") == ["beside"], within_s=SLOW_S, what="what is beside the link")
    assert sorted(found["uuid"] for found in box.listed()) == [A, B]
    with closing(sqlite3.connect(f"file:{box.index}?mode=ro", uri=True)) as db:
        assert db.execute("SELECT count(*) FROM files").fetchone() == (2,)
    well(box)


# ---------------------------------------------------------------- what may not be read


@pytest.fixture
def bound(box: Box) -> Box:
    """A daemon that may not read everything, though it runs as root."""
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("as root this needs setpriv, which takes away the right to read everything")
        box.daemon.prefix = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    return box


def test_a_file_that_cannot_be_read(bound: Box, talk: Talk) -> None:
    """It is named once and the others are followed; readable again, it is read, and /health is well."""
    closed = talk.write(bound.projects, "-closed")
    other = Talk(B)
    other.prompt("open")
    path = other.write(bound.projects)
    closed.chmod(0)
    bound.start()
    assert bound.prompts("beta") == ["open"]
    assert f"{closed} cannot be read (Permission denied)." in bound.health()
    for n in range(3):
        append(path, other.prompt(f"more {n}"))
        bound.until("open", *(f"more {i}" for i in range(n + 1)), session="beta")
    assert bound.health().count("cannot be read") == 1
    assert bound.daemon.said().count("Permission denied") <= 1
    closed.chmod(0o600)
    bound.until("one", "two")
    assert bound.health() == "ok"
    well(bound)


def test_a_file_that_cannot_be_read_and_is_deleted(bound: Box, talk: Talk) -> None:
    """It is no longer named."""
    closed = talk.write(bound.projects)
    closed.chmod(0)
    bound.start()
    assert "cannot be read" in bound.health()
    os.unlink(closed)
    eventually(lambda: bound.health() == "ok", within_s=SLOW_S, what="the end of it")
    well(bound)


@pytest.mark.parametrize("mode", [0, 0o600], ids=["closed", "not to be searched"])
def test_a_directory_that_cannot_be_read_for_a_while(bound: Box, talk: Talk, mode: int) -> None:
    """What was read in it stays known, and is not told again when it can be read."""
    talk.write(bound.projects)
    other = Talk(B)
    other.prompt("beside")
    other.write(bound.projects, "-other")
    bound.start()
    ids = [one["id"] for one in bound.entries()]
    directory = bound.projects / "-home-dev-project"
    with bound.told() as told:
        directory.chmod(mode)
        eventually(lambda: f"{directory} cannot be read" in bound.health(), within_s=SLOW_S, what="the notice")
        assert bound.prompts("beta") == ["beside"]
        assert sorted(one["uuid"] for one in bound.listed()) == [A, B]
        directory.chmod(0o700)
        eventually(lambda: bound.health() == "ok", within_s=SLOW_S, what="the end of it")
        assert [one["id"] for one in bound.entries()] == ids
        append(talk.place(bound.projects), talk.prompt("three"))
        told.until("three", within_s=SLOW_S)
        assert told.texts() == ["three"]
    well(bound)


# ---------------------------------------------------------------- the index


MANY, EACH = 1500, 12


def many(box: Box) -> dict[str, list[str]]:
    """Many transcripts; the prompts of each."""
    found = {}
    for n in range(MANY):
        talk = Talk(str(uuid.UUID(int=n, version=4)), began=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n))
        found[talk.uuid] = [f"question {n} {i}" for i in range(EACH)]
        for text in found[talk.uuid]:
            talk.prompt(text)
            talk.text("yes " * 20)
        talk.write(box.projects, f"-project-{n % 40}")
    return found


def test_killed_while_it_reads_many_files(box: Box) -> None:
    """Three times in the middle. Until all is read `complete` is false; then everything is there once."""
    wanted = many(box)
    seen = [0]
    for _ in range(3):
        box.daemon.start()
        eventually(lambda: len(box.listed()) > seen[-1] or box.complete(), what="some of them")
        assert not box.complete(), "it was too fast to be killed in the middle"
        seen.append(len(box.listed()))
        box.daemon.kill()
    assert 0 < seen[-1] < MANY
    box.start()
    listed = box.listed()
    assert sorted(one["uuid"] for one in listed) == sorted(wanted)
    assert {one["prompts"] for one in listed} == {EACH}
    assert {one["tokens"]["output"] for one in listed} == {20 * EACH}
    for id_ in list(wanted)[::150]:
        entries = box.daemon.get(f"/api/conversations/{id_}/entries?limit=500")["entries"]
        assert [one["text"] for one in entries if one["kind"] == "prompt"] == wanted[id_]
        assert len(entries) == len({one["id"] for one in entries}) == 2 * EACH
    well(box)


def test_a_damaged_index_is_built_again(box: Box, talk: Talk) -> None:
    """Damaged while the daemon is down: it is set aside, and all is there with the same ids. Nothing is told again."""
    talk.write(box.projects)
    box.start()
    before = box.entries(), box.listed()
    index = box.index

    def damage() -> None:
        index.write_bytes(b"not a database, " * 4096)
        for beside in ("-wal", "-shm"):
            index.with_name(index.name + beside).unlink(missing_ok=True)

    box.again(damage)
    with box.told() as told:
        box.until("one", "two")
        assert (box.entries(), box.listed()) == before
        assert len(list(box.daemon.root.glob("ctm-trio-conversations.db.*.*"))) == 1
        append(talk.place(box.projects), talk.prompt("three"))
        told.until("three")
        assert told.texts() == ["three"]
    eventually(lambda: box.health("conversations") == "ok", what="the end of it")
    well(box)


def test_an_index_that_is_damaged_in_use_is_built_again(box: Box, talk: Talk) -> None:
    """Nobody restarts the daemon: the transcripts are read again by themselves, and nothing is told twice."""
    talk.write(box.projects)
    many(box)
    box.start()
    before = box.entries()
    index = box.index
    with box.told() as told:
        with closing(sqlite3.connect(index)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        size = index.stat().st_size
        with index.open("r+b") as file:
            file.write(bytes(size))
        path = talk.place(box.projects)

        def set_aside() -> bool:
            append(path, talk.bare("mode", mode="normal"))
            box.daemon.request("GET", "/api/conversations?limit=200")
            return list(box.daemon.root.glob("ctm-trio-conversations.db.corrupt.*")) != []

        eventually(set_aside, within_s=30, what="the setting aside")
        eventually(lambda: box.daemon.request("GET", "/api/conversations").status_code == 200, what="the new one")
        eventually(lambda: len(box.listed()) == MANY + 1 and box.complete(), within_s=60, what="all of it")
        assert box.entries() == before
        append(path, talk.prompt("three"))
        told.until("three", within_s=SLOW_S)
        assert told.texts() == ["three"]
    eventually(lambda: box.health("conversations") == "ok", within_s=SLOW_S, what="the end of it")
    well(box)


def test_an_index_that_is_deleted_in_use(box: Box, talk: Talk) -> None:
    """It is put back from the open file; what changes afterwards is in it, also what is deleted."""
    path = talk.write(box.projects)
    box.start()
    index = box.index
    index.unlink()
    eventually(index.exists, what="the file")
    eventually(lambda: box.daemon.request("GET", "/api/sessions/alpha/conversation").status_code == 200, what="reads")
    append(path, talk.prompt("three"))
    box.until("one", "two", "three")
    os.unlink(path)
    box.until()
    eventually(lambda: box.listed() == [], what="the list")
    well(box)


# ---------------------------------------------------------------- tokens


def test_a_forks_tokens_count_once(box: Box) -> None:
    """In the usage of two sessions that have one each, and in their costs."""
    now = datetime.now(UTC) - timedelta(minutes=30)
    parent = Talk(A, began=now)
    parent.prompt("go")
    parent.said(text_block("a"), text_block("b"), message="m1", out=1000)
    fork = Talk(B, began=now + timedelta(minutes=5))
    fork.lines = [_of(line, B) for line in parent.lines]
    fork.prompt("on")
    fork.said(text_block("c"), message="m2", out=10)
    child = Talk(A, agent="a1", began=now + timedelta(minutes=6))
    child.said(text_block("d"), message="m3", out=1)
    for one in (parent, fork, child):
        one.write(box.projects)
    box.start()

    def used(session: str) -> int:
        return sum(one["tokens"]["output"] for one in box.daemon.get(f"/api/sessions/{session}/usage")["usage"])

    assert used("alpha") + used("beta") == 1011

    def total() -> int:
        return int(box.daemon.get("/api/cost?window=day")["totals"]["output"])

    eventually(lambda: total() == 1011, within_s=SLOW_S, what="the costs")
    cost = box.daemon.get("/api/cost?window=day")
    assert cost["source"] == "transcript"
    assert sum(cost["spent"]["sessions"].values()) == cost["totals"]["cost_usd_micros"] > 0
    append(parent.place(box.projects), *parent.said(text_block("e"), message="m4", out=5))
    eventually(lambda: total() == 1016, within_s=SLOW_S, what="more")
    box.again()
    assert total() == 1016
    well(box)


def _of(line: Line, id_: str) -> Line:
    """A line as another conversation's file repeats it."""
    return {**line, "sessionId": id_}
