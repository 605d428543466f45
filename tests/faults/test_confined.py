"""A fault stays where it is: one part or one log that crashes again and again ends nothing else, and is named."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from ctm_trio.core import supervise
from ctm_trio.daemon import children
from ctm_trio.daemon.server import Options, Server
from ctm_trio.ingest import lines
from ctm_trio.ingest.attribution import run_attribution
from ctm_trio.model.log_parse import parse_chunk
from tests.faults.rig import LogFile, line

TOKEN = "token-of-the-tests"
BAD = "bad00000-2222-4333-8444-555555555555"
GOOD = "11111111-2222-4333-8444-555555555555"
WITHIN_S = 60.0
PARTS = {
    name: f"run_{name}"
    for name in (
        "config", "sessions", "clients", "checkpoints", "panes", "attribution", "webhook", "requests", "prompts",
        "status", "attention", "cost", "quota", "search", "conversations", "losses",
    )
} | {"orders": "run_order_book"}  # fmt: skip
"""The parts as /health names them, and the functions that they are. Without the journal or the web the daemon ends;
without the tailers no log is read."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME whose tmux server is its own; a part is quarantined soon and tried again often."""
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    monkeypatch.setattr(supervise, "BACKOFF_FIRST_S", 0.01)
    monkeypatch.setattr(supervise, "QUARANTINE_S", 0.2)
    monkeypatch.setattr(supervise, "PROBATION_S", 0.2)
    for name in ("logs", "hook-events"):
        (tmp_path / ".config" / "ctm" / name).mkdir(parents=True, mode=0o700)
    config = {"serve": {"statusline_dump_dir": str(tmp_path / "dumps")}}
    (tmp_path / ".config" / "ctm" / "config.json").write_text(json.dumps(config))
    return tmp_path


@asynccontextmanager
async def served(home: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A whole daemon in this process, and a client that is signed in."""
    server = Server(Options(home=home, ephemeral=True, token=TOKEN))
    async with trio.open_nursery() as nursery:
        with trio.fail_after(WITHIN_S):
            await nursery.start(server.run)
        base = f"http://127.0.0.1:{server.address[1]}"
        async with httpx.AsyncClient(
            base_url=base, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=30
        ) as client:
            yield client
        server.shutdown("the test is over")


async def health(client: httpx.AsyncClient) -> dict[str, Any]:
    """The answer of /health."""
    answer = await client.get("/health")
    assert answer.status_code == 200
    return dict(answer.json())


async def component(client: httpx.AsyncClient, name: str, text: str) -> None:
    """Wait until /health says so of a part ("" for a part that is not listed)."""
    with trio.fail_after(WITHIN_S):
        while text not in (await health(client))["components"].get(name, "(nothing)"):
            await trio.sleep(0.02)


async def fed(client: httpx.AsyncClient, marker: str) -> None:
    """Wait until a call is in the feed."""
    with trio.fail_after(WITHIN_S):
        while all(call["input"] != marker for call in (await client.get("/api/feed")).json()):
            await trio.sleep(0.02)


def test_no_part_is_forgotten() -> None:
    """Every part that the daemon starts is in the list, but for those without which it cannot do its work."""
    assert {name for name in vars(children) if name.startswith("run_")} == {
        *PARTS.values(), "run_journal", "run_tailers",
    }  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("ready", [True, False], ids=["running", "at the start"])
async def test_a_part_that_always_crashes(home: Path, monkeypatch: pytest.MonkeyPatch, part: str, ready: bool) -> None:
    """Whichever part always crashes, at the start or later: the daemon runs, logs are read, /health has the reason."""

    async def broken(*_: object, task_status: trio.TaskStatus[None], **__: object) -> None:
        if ready:
            task_status.started()
        raise ExceptionGroup("of a nursery", [RuntimeError("this part is broken")])

    monkeypatch.setattr(children, PARTS[part], broken)
    async with served(home) as client:
        await component(client, part, "quarantined: RuntimeError: this part is broken")
        assert (await health(client))["status"] == "degraded"
        LogFile(home / ".config" / "ctm" / "logs", GOOD).append(line(GOOD, "still here"))
        await fed(client, "still here")
        assert (await client.get("/api/doctor")).status_code == 200


async def test_lines_find_their_session_when_attribution_is_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read while nobody can tell whose it is belongs to its session once somebody can."""
    record = {"alpha": {"name": "alpha", "uuid": GOOD, "mode": "safe", "workdir": "/tmp"}}
    (home / ".config" / "ctm" / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": record}))
    broken = True

    async def flaky(*args: Any, task_status: trio.TaskStatus[None]) -> None:
        if broken:
            raise RuntimeError("not now")
        await run_attribution(*args, task_status=task_status)

    monkeypatch.setattr(children, "run_attribution", flaky)
    async with served(home) as client:
        await component(client, "attribution", "quarantined")
        LogFile(home / ".config" / "ctm" / "logs", GOOD).append(line(GOOD, "early"))
        await fed(client, "early")
        broken = False
        with trio.fail_after(WITHIN_S):
            while [c["input"] for c in (await client.get("/api/sessions/alpha/feed")).json()] != ["early"]:
                await trio.sleep(0.02)


async def test_a_log_that_always_crashes_its_tailer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One log's tailer is quarantined and named; the others go on; once the cause is gone its lines come, each once."""
    broken = True

    def picky(data: bytes, start: int, base: int, now: Callable[[], str]) -> object:
        if broken and BAD.encode() in data:
            raise KeyError("unheard of")
        return parse_chunk(data, start, base, now)

    monkeypatch.setattr(lines, "parse_chunk", picky)
    logs = home / ".config" / "ctm" / "logs"
    LogFile(logs, BAD).append(line(BAD, "b1") + line(BAD, "b2"))
    async with served(home) as client:
        await component(client, f"tailer:logs/{BAD}", "quarantined: KeyError: 'unheard of'")
        LogFile(logs, GOOD).append(line(GOOD, "good"))
        await fed(client, "good")
        broken = False
        await fed(client, "b2")
        await component(client, f"tailer:logs/{BAD}", "(nothing)")
        assert (await health(client))["status"] == "ok"
        calls = [call["input"] for call in (await client.get("/api/feed")).json()]
        assert sorted(calls) == ["b1", "b2", "good"]


async def test_a_log_that_cannot_be_read_is_named(home: Path) -> None:
    """A pipe or a directory under a log's name is named in /health, there at the start or later, and not once gone."""
    logs = home / ".config" / "ctm" / "logs"
    (logs / f"{BAD}.jsonl").mkdir()
    other = logs / f"{GOOD}.jsonl"
    async with served(home) as client:
        await component(client, f"logs/{BAD}.jsonl", "not a regular file")
        os.mkfifo(other)
        await component(client, f"logs/{other.name}", "not a regular file")
        other.unlink()
        LogFile(logs, GOOD).append(line(GOOD, "now a log"))
        await fed(client, "now a log")
        await component(client, f"logs/{other.name}", "(nothing)")
        (logs / f"{BAD}.jsonl").rmdir()
        await component(client, f"logs/{BAD}.jsonl", "(nothing)")


async def test_one_odd_record_of_sessions_json(home: Path) -> None:
    """A record that is `null` hides no other; it is named in the doctor and in /health, and stays in the file."""
    path = home / ".config" / "ctm" / "sessions.json"
    record = {"name": "alpha", "uuid": GOOD, "mode": "safe", "workdir": "/tmp"}
    document = {"schema_version": 1, "sessions": {"bad": None, "alpha": record, "beta": {**record, "uuid": BAD}}}
    path.write_text(json.dumps(document))
    async with served(home) as client:
        assert [s["name"] for s in (await client.get("/api/sessions")).json()] == ["alpha", "beta"]
        checks = {c["name"]: c for c in (await client.get("/api/doctor")).json()["checks"]}
        assert checks["sessions:store"]["status"] == "warn"
        assert "bad" in checks["sessions:store"]["message"]
        await component(client, "sessions", "degraded: sessions.json: invalid records")
        headers = {"Origin": str(client.base_url).rstrip("/")}
        answer = await client.post("/api/sessions/beta/forget", json={"confirm": "beta"}, headers=headers)
        assert answer.status_code == 200
        assert json.loads(path.read_text())["sessions"].keys() == {"alpha", "bad"}
        path.write_text(json.dumps({"schema_version": 1, "sessions": {"alpha": record}}))
        await component(client, "sessions", "ok")
