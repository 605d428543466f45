"""The description of the API is held against the app's routes and against what a running daemon answers."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from ctm_trio.web.http import GUARDS
from ctm_trio.web.openapi import PATHS
from ctm_trio.web.openapi_schemas import SCHEMAS
from tests.contract.conftest import Site
from tests.fakes.transcripts import Talk, image_block
from tests.faults.process import Daemon, eventually
from tests.faults.rig import line

UUID = "11111111-2222-4333-8444-555555555555"
STREAMS = {"/events/all", "/events/session/{name}", "/events/session/{name}/pane"}
"""Answered below the framework, so they are in no table of routes."""

ERROR = {**SCHEMAS["Error"], "additionalProperties": {"description": "of the code"}}
"""The further keys of an error are those of its code; see PROTOCOL.md, Errors."""

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,),
    "object": (dict,), "null": (type(None),),
}  # fmt: skip


def problems(value: Any, schema: dict[str, Any], at: str = "$") -> Iterator[str]:
    """Where a value is not what the schema says: the part of JSON Schema that the description uses.

    A key that the description does not have is one too, though clients ignore it: the description is to be whole.
    """
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rsplit("/", 1)[1]]
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(
        isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds
    ):
        yield f"{at}: {value!r} is not {kinds}"
        return
    if isinstance(value, str) and "pattern" in schema and re.search(schema["pattern"], value) is None:
        yield f"{at}: {value!r} does not match"
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from problems(item, schema.get("items", {}), f"{at}[{i}]")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        yield from (f"{at}: no {key!r}" for key in schema.get("required", []) if key not in value)
        for key, item in value.items():
            rest = schema.get("additionalProperties", {})
            if known and key not in known and not rest:
                yield f"{at}: {key!r} is not described"
            yield from problems(item, known.get(key, rest or {}), f"{at}.{key}")


def test_the_checker_finds_problems() -> None:
    """Our small schema checker sees a missing key, a wrong type, a wrong value and a bad pattern."""
    good = {
        "id": "12-0", "session": "a", "uuid": "u", "ts": "t", "tool": "Bash", "is_error": False, "snippet": "s",
        "kind": "call",
    }  # fmt: skip
    assert not list(problems(good, {"$ref": "#/components/schemas/Match"}))
    wrong: list[Any] = [
        {**good, "id": "x"},
        {**good, "tool": 1},
        {**good, "kind": "word"},
        {**good, "new": 1},
        {k: v for k, v in good.items() if k != "ts"},
        [],
        None,
    ]
    for bad in wrong:
        assert list(problems(bad, {"$ref": "#/components/schemas/Match"})), bad
    assert list(problems(True, {"type": "integer"}))
    assert list(problems("c", {"enum": ["a", "b"]}))


async def test_every_route_is_described(site: Site) -> None:
    """Each route of the app is described with its method and its guard, and each described one exists."""
    async with site.client() as client:
        assert (await client.get("/api/bootstrap")).status_code == 200  # the routes are there from now on
    described = {
        (method.upper(), path): operation for path, methods in PATHS.items() for method, operation in methods.items()
    }
    routes = {}
    for endpoint, guard in GUARDS.items():
        method, rule = endpoint.split(" ", 1)
        routes[method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)] = guard
    names = {(method, path.replace(".", "_")): (method, path) for method, path in described if path not in STREAMS}
    assert set(routes) == set(names)
    for key, guard in routes.items():
        if key[1] != "/ws":  # its guard stands before the upgrade
            assert bool(described[names[key]]["security"]) == guard.token, key
    async with site.client(token=False) as client:
        for path in STREAMS:
            assert (await client.get(path.replace("{name}", "alpha"))).status_code == 401, path
        assert (await client.get("/api/openapi.json")).status_code == 401


async def test_it_is_served(site: Site) -> None:
    """The document is OpenAPI 3.1, and every reference in it leads somewhere."""
    async with site.client() as client:
        document = (await client.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == set(PATHS)
    text = json.dumps(document)
    used = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert used <= set(document["components"]["schemas"])
    for path, methods in document["paths"].items():
        for operation in methods.values():
            parts = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert parts == set(re.findall(r"\{(\w+)\}", path)), path


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with a session in a git repository, a log with sub-agents, and a dump."""
    home = tmp_path_factory.mktemp("home")
    with Daemon(home) as made:
        work = home / "work"
        git = ["git", "-C", str(work), "-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", "init", "-q", str(work)], check=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "checkpoint: one"], check=True)
        record = {"name": "alpha", "uuid": UUID, "mode": "safe", "workdir": str(work),
                  "created_at": "2026-05-01T10:00:00Z"}  # fmt: skip
        (made.root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": {"alpha": record}}))
        dump = {
            "session_id": UUID, "context_window": {"used_percentage": 12.5, "total_input_tokens": 10,
            "total_output_tokens": 20}, "rate_limits": {"five_hour": {"used_percentage": 3, "resets_at": 1999999999},
            "seven_day": {"used_percentage": 4, "resets_at": 1999999999}}, "cost": {"total_cost_usd": 0.5},
        }  # fmt: skip
        (home / "dumps" / f"{UUID}.json").write_text(json.dumps(dump))
        talk = Talk(UUID, cwd=str(work))
        talk.prompt("Look at this", image_block())
        talk.call("toolu_1", command="ls")
        talk.result("toolu_1", "call 1")
        talk.text("It is a dot.")
        talk.write(home / ".claude" / "projects")
        made.log().append(b"".join(line(UUID, f"call {i}", agent="a1" if i % 2 else "") for i in range(20)))
        yield made.start()


def test_answers_are_as_described(daemon: Daemon) -> None:
    """What a running daemon answers to every GET, and to requests that are wrong, is what the description says."""
    eventually(lambda: len(daemon.get("/api/feed")) == 20, what="the log")
    eventually(lambda: daemon.request("GET", "/api/quota").status_code == 200, what="the dump")
    feed = daemon.get("/api/sessions/alpha/feed/history?before=9000000000000000000-0")
    sha = daemon.get("/api/sessions/alpha/checkpoints")["checkpoints"][0]["sha"]
    eventually(lambda: len(daemon.get("/api/sessions/alpha/conversation")["entries"]) == 3, what="the transcript")
    (entry, *_) = daemon.get("/api/sessions/alpha/conversation")["entries"]
    fill = {"{name}": "alpha", "{call}": feed["events"][0]["id"], "{sha}": sha, "{uuid}": UUID,
            "media/{id}": f"media/{entry['id']}-0"}  # fmt: skip
    query = {
        "/api/sessions/{name}/feed/history": "?before=9000000000000000000-0",
        "/api/search": "?q=call",
        "/api/conversations/{uuid}/export": "?format=json",
    }
    checked = 0
    for path, methods in PATHS.items():
        if "get" not in methods or path in STREAMS or path in ("/ws", "/api/orders/{order}", "/api/requests/{id}"):
            continue  # no order outlasts its request here, and nothing is asked; other tests hold these
        url = path + query.get(path, "")
        for part, value in fill.items():
            url = url.replace(part, value)
        answer = daemon.request("GET", url)
        content = methods["get"]["responses"][str(answer.status_code)].get("content", {})
        assert answer.status_code == 200, (url, answer.text)
        media = answer.headers["Content-Type"].split(";")[0]
        media = "image/*" if media.startswith("image/") else media
        assert media in content, (url, media)
        if media == "application/json":
            found = list(problems(answer.json(), content[media]["schema"]))
            assert not found, (url, found[:5])
            checked += 1
    assert checked > 15


def test_a_hook_takes_what_is_described(daemon: Daemon) -> None:
    """A form of either kind, or none at all."""
    body = PATHS["/api/hooks/{event}"]["post"]["requestBody"]
    forms: dict[str, dict[str, Any]] = {
        "application/x-www-form-urlencoded": {"data": {"name": "nobody"}},
        "multipart/form-data": {"files": {"name": (None, "nobody")}},
    }
    assert not body["required"]
    assert body["content"].keys() == forms.keys()
    for kind, sent in {**forms, "": {}}.items():
        answer = daemon.request("POST", "/api/hooks/on_yolo", **sent)
        assert answer.request.headers.get("Content-Type", "").split(";")[0] == kind
        assert answer.status_code == 204, (kind, answer.text)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/sessions/nobody", None, 404),
        ("GET", "/api/sessions/alpha/feed/history", None, 400),
        ("GET", "/api/sessions/alpha/checkpoints/xyz/diff", None, 400),
        ("GET", "/api/sessions/alpha/tool_calls/1-0/detail", None, 404),
        ("GET", "/api/sessions/alpha/subagents?since=yesterday", None, 400),
        ("GET", "/api/cost?window=year", None, 400),
        ("GET", "/api/search?q=x", None, 400),
        ("GET", "/api/sessions/alpha/conversation?before=1&after=2", None, 400),
        ("GET", "/api/sessions/nobody/conversation", None, 404),
        ("GET", "/api/sessions/alpha/conversation/export?format=pdf", None, 400),
        ("GET", "/api/conversations/11111111-0000-4000-8000-000000000000", None, 404),
        ("GET", "/api/conversation/media/0000000000000000-0", None, 404),
        ("POST", "/api/sessions", {"workdir": "/tmp", "fork": True}, 400),
        ("POST", "/api/sessions", {"workdir": "relative"}, 400),
        ("POST", "/api/sessions/alpha/kill", {"confirm": "beta"}, 400),
        ("POST", "/api/sessions/nobody/forget", {"confirm": "nobody"}, 404),
        ("POST", "/api/sessions/alpha/rename", {"to": "../etc"}, 400),
        ("POST", "/api/sessions/alpha/input", {"text": "hello"}, 403),
        ("POST", "/api/sessions/alpha/revert", {"sha": "1" * 40}, 422),
        ("PATCH", "/api/config", {"nonsense": 1}, 400),
        ("POST", "/api/auth/signup", {"username": "a@b.cc", "password": "long enough"}, 409),
    ],
)
def test_refusals_are_as_described(daemon: Daemon, method: str, path: str, body: object, status: int) -> None:
    """A refused request gets a status that the description names, and our error object."""
    answer = daemon.request(method, path, json=body) if body is not None else daemon.request(method, path)
    assert answer.status_code == status, answer.text
    bare = path.split("?")[0]
    known = next(p for p in PATHS if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", p), bare) and method.lower() in PATHS[p])
    assert str(status) in PATHS[known][method.lower()]["responses"]
    assert not list(problems(answer.json(), ERROR))
