"""Acting over HTTP on a whole daemon, with a real tmux and real git: what is refused changes nothing anywhere."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from ctm_trio.daemon.server import Options, Server
from tests.git_repo import Repo
from tests.tmux_server import PrivateTmux, private_tmux, until

TOKEN = "t" * 43


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateTmux]:
    """A private tmux server whose socket the settings name, and a fake claude on PATH."""
    with private_tmux() as server:
        conf = server.root / ".config" / "ctm"
        conf.mkdir(parents=True)
        serve = {"tmux_socket": server.socket, "statusline_dump_dir": str(server.root / "dumps")}
        (conf / "config.json").write_text(json.dumps({"serve": serve}))
        monkeypatch.setenv("PATH", f"{server.bin}:{os.environ['PATH']}")
        monkeypatch.setenv("HOME", str(server.root))
        yield server


class Site:
    """A running daemon."""

    def __init__(self, tmux: PrivateTmux, client: httpx.AsyncClient) -> None:
        self.tmux, self.client, self.root = tmux, client, tmux.root
        self.conf = tmux.root / ".config" / "ctm"

    async def call(self, method: str, path: str, body: Any = None, *, status: int, raw: bytes | None = None) -> Any:
        """A request that must be answered with `status`; the JSON of the answer, None if it is empty."""
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        answer = await self.client.request(method, path, content=content)
        assert answer.status_code == status, answer.text
        if not answer.content or not answer.headers["content-type"].startswith("application/json"):
            return None
        return answer.json()

    def everything(self) -> object:
        """What a refusal must not change: settings, records, tmux, directories."""
        files = {p.name: p.read_bytes() for p in self.conf.iterdir() if p.name in ("config.json", "sessions.json")}
        return files, self.tmux.names(), sorted(p.name for p in self.root.iterdir())


@asynccontextmanager
async def daemon(tmux: PrivateTmux) -> AsyncIterator[Site]:
    server = Server(Options(home=tmux.root, ephemeral=True, token=TOKEN))
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        base = f"http://127.0.0.1:{server.address[1]}"
        headers = {"Authorization": f"Bearer {TOKEN}", "Origin": base}
        async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=15) as client:
            yield Site(tmux, client)
        server.shutdown("the test is over")


async def test_the_life_of_a_session(server: PrivateTmux) -> None:
    """Created, typed into, renamed, killed, forgotten: each answer has the session as it is then."""
    async with daemon(server) as site:
        body = {"workdir": str(site.root / "w"), "name": "alpha", "initial_prompt": "hi;"}
        made = await site.call("POST", "/api/sessions", body, status=201)
        assert (made["name"], made["mode"], made["tmux_alive"]) == ("alpha", "yolo", True)
        await until(lambda: {"line": "hi;"} in server.notes())
        await site.call("POST", "/api/sessions/alpha/input", {"text": "-x;"}, status=204)
        await until(lambda: {"line": "-x;"} in server.notes())
        again = await site.call("POST", "/api/sessions", body, status=409)
        assert (again["error"], again["session"]["uuid"]) == ("name_exists", made["uuid"])
        renamed = await site.call("POST", "/api/sessions/alpha/rename", {"to": "beta"}, status=200)
        assert (renamed["name"], renamed["uuid"], renamed["tmux_alive"]) == ("beta", made["uuid"], True)
        assert await site.call("GET", "/api/sessions/beta/attach-url", status=200) == {"url": "ctm://attach?name=beta"}
        killed = await site.call("POST", "/api/sessions/beta/kill", {"confirm": "beta"}, status=200)
        assert not killed["tmux_alive"]
        await site.call("POST", "/api/sessions/beta/forget", {"confirm": "beta"}, status=200)
        assert await site.call("GET", "/api/sessions", status=200) == []


async def test_refusals_change_nothing(server: PrivateTmux) -> None:
    """Every bad request is refused with its code, and settings, records, tmux and disk stay as they were."""
    async with daemon(server) as site:
        for name in ("alpha", "taken"):
            await site.call("POST", "/api/sessions", {"workdir": str(site.root / "w"), "name": name}, status=201)
        (site.root / "file").touch()
        before = site.everything()
        new, w = "/api/sessions", str(site.root / "w")
        cases: list[tuple[str, str, Any, int, str]] = [
            ("POST", new, {"workdir": "w"}, 400, "workdir_not_absolute"),
            ("POST", new, {"workdir": str(site.root / "file")}, 400, "workdir_not_dir"),
            ("POST", new, {"workdir": str(site.root / "file" / "x"), "name": "a"}, 400, "bad_workdir"),
            ("POST", new, {"workdir": "/x\ny", "name": "a"}, 400, "bad_workdir"),
            ("POST", new, {"workdir": w, "name": "-t"}, 400, "bad_name"),
            ("POST", new, {"workdir": w, "name": "аlpha"}, 400, "bad_name"),  # a Cyrillic letter that looks like an a
            ("POST", new, {"workdir": w, "name": "a", "mode": "reckless"}, 400, "invalid_body"),
            ("POST", new, {"workdir": w, "name": "a", "initial_prompt": "\x1b[A"}, 400, "invalid_body"),
            ("POST", new, {"workdir": w, "name": "taken"}, 409, "name_exists"),
            ("POST", f"{new}/alpha/rename", {"to": "a.b"}, 400, "bad_name"),
            ("POST", f"{new}/alpha/rename", {"to": "taken"}, 409, "name_exists"),
            ("POST", f"{new}/nope/rename", {"to": "b"}, 404, "session not found"),
            ("POST", f"{new}/alpha/kill", {"confirm": "alph"}, 400, "not_confirmed"),
            ("POST", f"{new}/..%2f..%2fx/kill", {"confirm": "../../x"}, 404, "not_found"),
            ("POST", f"{new}/=alpha/kill", {"confirm": "=alpha"}, 404, "session not found"),
            ("POST", f"{new}/alph/kill", {"confirm": "alph"}, 404, "session not found"),
            ("POST", f"{new}/alpha/input", {"text": "a\u2028b"}, 400, "invalid_text"),
            ("POST", f"{new}/alpha/input", {"preset": "maybe"}, 400, "invalid_preset"),
            ("POST", f"{new}/nope/input", {"text": "x"}, 404, "session_not_found"),
            ("POST", f"{new}/alpha/revert", {"sha": "0" * 40}, 422, "sha_not_a_checkpoint"),
            ("POST", f"{new}/alpha/revert", {"sha": "x", "force": 1}, 400, "invalid_request"),
            ("POST", f"{new}/alpha/revert", {"sha": " "}, 400, "missing_sha"),
            ("GET", f"{new}/alpha/checkpoints/HEAD/diff", None, 400, "invalid_sha"),
            ("GET", f"{new}/alpha/checkpoints/{'0' * 40}/diff", None, 404, "checkpoint_not_found"),
            ("PATCH", "/api/config", {"attention": {"quota_pct": 0}}, 400, "invalid_value"),
            ("PATCH", "/api/config", {"a": 1}, 400, "unknown key: a"),
        ]  # fmt: skip
        for method, path, body, status, code in cases:
            answer = await site.call(method, path, body, status=status)
            assert answer["error"] == code, (path, body)
            assert answer["message"]
        for path in (new, f"{new}/alpha/kill", f"{new}/alpha/rename", f"{new}/alpha/input", f"{new}/alpha/revert"):
            for raw in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 4000, b'{"x":' + b'"y"' * 4000):
                assert (await site.call("POST", path, raw=raw, status=400))["error"].startswith("invalid_"), path
        assert site.everything() == before


async def test_without_origin(server: PrivateTmux) -> None:
    """Mutations, and attach-url, need an Origin that is allowed; nothing is done without."""
    async with daemon(server) as site:
        await site.call("POST", "/api/sessions", {"workdir": str(site.root / "w"), "name": "alpha"}, status=201)
        before = site.everything()
        for origin in (None, "http://evil.example", "null"):
            site.client.headers.pop("Origin", None)
            if origin:
                site.client.headers["Origin"] = origin
            for method, path in (("POST", "kill"), ("POST", "forget"), ("POST", "rename"), ("POST", "input"),
                                 ("POST", "revert"), ("GET", "attach-url")):  # fmt: skip
                await site.call(method, f"/api/sessions/alpha/{path}", {"confirm": "alpha", "to": "b"}, status=403)
            await site.call("PATCH", "/api/config", {"webhook_url": ""}, status=403)
            await site.call("POST", "/api/sessions", {"workdir": "/"}, status=403)
        assert site.everything() == before


async def test_checkpoints_over_http(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session in a repository begins with a checkpoint, which can be listed, shown, and reverted to."""
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    async with daemon(server) as site:
        repo = Repo(site.root / "w")
        repo.write("a.txt", "one\n")
        await site.call("POST", "/api/sessions", {"workdir": str(repo.path), "name": "alpha"}, status=201)
        listed = await site.call("GET", "/api/sessions/alpha/checkpoints", status=200)
        (checkpoint,) = listed["checkpoints"]
        assert listed["git_workdir"]
        assert checkpoint["subject"].startswith("checkpoint: pre-yolo ")
        sha = checkpoint["sha"]
        diff = await site.client.get(f"/api/sessions/alpha/checkpoints/{sha}/diff")
        assert "+one" in diff.text
        assert diff.headers["content-type"] == "text/plain; charset=utf-8"
        repo.write("a.txt", "two\n")
        refused = await site.call("POST", "/api/sessions/alpha/revert", {"sha": sha}, status=409)
        assert refused["dirty_files"] == ["a.txt"]
        done = await site.call("POST", "/api/sessions/alpha/revert", {"sha": sha, "stash_first": True}, status=200)
        assert done == {"ok": True, "reverted_to": sha, "stashed_as": repo.git("rev-parse", "stash@{0}")}
        assert (repo.path / "a.txt").read_text() == "one\n"


async def test_reload_in_place(server: PrivateTmux) -> None:
    """A PATCH and an edit by hand are taken over while an event stream stays open; the tmux server can change too."""
    async with daemon(server) as site, site.client.stream("GET", "/events/all") as stream:
        assert stream.status_code == 200
        await site.call("PATCH", "/api/config", {"attention": {"quota_pct": 51}}, status=202)
        assert (await site.call("GET", "/api/config", status=200))["attention"]["quota_pct"] == 51
        document = json.loads((site.conf / "config.json").read_bytes())
        document["serve"]["attention"]["quota_pct"] = 52
        Path(site.conf / "config.json").write_text(json.dumps(document))
        with trio.fail_after(30):
            while (await site.call("GET", "/api/config", status=200))["attention"]["quota_pct"] != 52:  # noqa: ASYNC110
                await trio.sleep(0.02)  # nothing tells a client
        assert (await site.call("GET", "/health", status=200))["config_reloads"] == 2
        with pytest.raises(httpx.ReadTimeout):
            await anext_chunk(stream)


async def anext_chunk(stream: httpx.Response) -> bytes:
    """The stream's next bytes after its greeting; a timeout means that it is open and quiet."""
    stream.request.extensions["timeout"] = {"read": 0.2}
    chunks = stream.aiter_raw()
    greeting = await chunks.__anext__()
    assert greeting.startswith(b": ok")
    return await chunks.__anext__()


async def test_doctor_over_http(server: PrivateTmux) -> None:
    """The doctor names the contract's checks and ours, each with a status."""
    async with daemon(server) as site:
        checks = {c["name"]: c for c in (await site.call("GET", "/api/doctor", status=200))["checks"]}
        wanted = {"dep:tmux", "dep:claude", "dep:git", "tmux:version", "env:PATH", "config:load", "sessions:store",
                "disk:space", "inotify:limits", "clock", "port", "journal:state", "webhook:reachable"}  # fmt: skip
        assert wanted <= set(checks)
        assert all(check["status"] in ("ok", "warn", "err") for check in checks.values())


async def test_reading_starts_no_process(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the sessions are read, tmux is asked once in two seconds at most, for all of them at once."""
    calls = server.root / "calls"
    tmux = server.bin / "tmux"
    tmux.write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\nexec /usr/bin/env PATH="$REST" tmux "$@"\n')
    tmux.chmod(0o755)
    monkeypatch.setenv("REST", os.environ["PATH"].removeprefix(f"{server.bin}:"))
    table = {f"s{i}": {"name": f"s{i}", "uuid": f"u{i}", "mode": "yolo", "workdir": "/"} for i in range(50)}
    (server.root / ".config" / "ctm" / "sessions.json").write_text(json.dumps({"sessions": table}))
    async with daemon(server) as site:
        before, began = calls.read_text().count("\n"), trio.current_time()
        for _ in range(200):
            assert len(await site.call("GET", "/api/sessions", status=200)) == 50
        asked = calls.read_text().count("\n") - before
        assert asked <= (trio.current_time() - began) / 2 + 1
        assert all("list-panes" in call for call in calls.read_text().splitlines())


async def test_orders_to_one_session_are_apart(server: PrivateTmux) -> None:
    """Thirty orders at once to three sessions: each session's texts are whole, none is lost."""
    async with daemon(server) as site:
        for name in ("a", "b", "c"):
            await site.call("POST", "/api/sessions", {"workdir": str(site.root), "name": name}, status=201)
            await until(lambda name=name: "ready" in server.screen(name))  # type: ignore[misc]
        async with trio.open_nursery() as nursery:
            for i in range(30):
                path, body = f"/api/sessions/{'abc'[i % 3]}/input", {"text": f"line {i}" + "." * 60}
                nursery.start_soon(lambda path=path, body=body: site.call("POST", path, body, status=204))  # type: ignore[misc]
        await until(lambda: sum("line" in note for note in server.notes()) >= 30)
        told = sorted(str(note["line"]) for note in server.notes() if "line" in note)
        assert told == sorted(f"line {i}" + "." * 60 for i in range(30))


async def test_a_directory_that_is_no_directory(server: PrivateTmux) -> None:
    """A record with a work directory that nothing can be, as an edit by hand may leave it, is no error to read."""
    record = {"name": "odd", "uuid": "u", "mode": "safe", "workdir": "/x\0y"}
    (server.root / ".config" / "ctm" / "sessions.json").write_text(json.dumps({"sessions": {"odd": record}}))
    async with daemon(server) as site:
        answer = await site.call("GET", "/api/sessions/odd/checkpoints", status=200)
        assert answer == {"git_workdir": False, "checkpoints": []}
