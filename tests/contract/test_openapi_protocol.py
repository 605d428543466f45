"""The description of the API is held against the tables of PROTOCOL.md, as far as those can be read by a program."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from http import HTTPStatus
from pathlib import Path

import pytest

import ctm_trio
from ctm_trio.daemon.reindex import NotWritten
from ctm_trio.errors.base import CtmError
from ctm_trio.model.settings_rules import fault
from ctm_trio.owners.prompts.sending import NotIdle
from ctm_trio.system.courier import CannotSend
from ctm_trio.system.hook_socket import SocketInTheWay
from ctm_trio.system.instance_lock import NoLocks
from ctm_trio.system.store_errors import StoreDamaged
from ctm_trio.web.openapi import PATHS
from ctm_trio.web.openapi_schemas import THRESHOLDS

PACKAGE = Path(ctm_trio.__file__).parent

PROTOCOL = (PACKAGE / "web" / "PROTOCOL.md").read_text()

Route = tuple[str, str]
S = "/api/sessions/{}"
C = "/api/conversations"

TYPED = tuple(("post", f"{S}/{what}") for what in ("input", "prompt", "interrupt", "keys"))
CODES: dict[str, tuple[Route, ...]] = {
    "already_registered": (("post", "/api/auth/signup"),),
    "wrong_code": (("post", "/api/auth/signup"),),
    "invalid_credentials": (("post", "/api/auth/login"),),
    "not_registered": (("post", "/api/auth/login"),),
    "rate_limited": (("post", "/api/auth/signup"), ("post", "/api/auth/login"), ("post", "/api/hooks/{}")),
    "forbidden_peer": (("post", "/api/hooks/{}"),),
    "unknown_hook": (("post", "/api/hooks/{}"),),
    "bad_workdir": (("post", "/api/sessions"),),
    "no_claude": (("post", "/api/sessions"),),
    "client_ended": (("post", "/api/sessions"),),
    "still_runs": (("post", f"{S}/resume"), ("post", "/api/sessions")),
    "spawn_failed": (("post", "/api/sessions"),),
    "name_exists": (("post", "/api/sessions"), ("post", f"{S}/rename")),
    "not_confirmed": (("post", f"{S}/kill"), ("post", f"{S}/forget")),
    "session not found": (
        ("get", S), ("get", f"{S}/explain"),
        ("post", f"{S}/kill"), ("post", f"{S}/forget"), ("post", f"{S}/rename"), ("post", f"{S}/revert"),
        ("get", f"{S}/attach-url"), ("get", f"{S}/feed/history"), ("get", f"{S}/subagents"), ("get", f"{S}/teams"),
        ("get", f"{S}/checkpoints"), ("get", "/events/session/{}/pane"),
        ("get", f"{S}/conversation"), ("get", f"{S}/conversation/export"), ("get", f"{S}/usage"),
    ),
    "session_not_found": (
        ("post", f"{S}/input"), ("post", f"{S}/prompt"), ("get", f"{S}/prompts"), ("delete", f"{S}/prompts/{{}}"),
        ("post", f"{S}/interrupt"), ("post", f"{S}/keys"), ("post", f"{S}/images"),
    ),
    "invalid_image": (("post", f"{S}/images"),),
    "prompt_not_found": (("delete", f"{S}/prompts/{{}}"),),
    "prompt_not_held": (("delete", f"{S}/prompts/{{}}"),),
    "too_many_prompts": (("post", f"{S}/prompt"),),
    "key_used": (("post", f"{S}/prompt"),),
    "draft_in_the_way": (("post", f"{S}/input"), ("post", f"{S}/prompt")),
    "invalid_keys": (("post", f"{S}/keys"),),
    "request_not_found": (("get", "/api/requests/{}"), ("post", "/api/requests/{}/answer")),
    "request_closed": (("post", "/api/requests/{}/answer"),),
    "not_answerable": (("post", "/api/requests/{}/answer"),),
    "not_taken": (("post", "/api/requests/{}/answer"),),
    "invalid_choice": (("post", "/api/requests/{}/answer"),),
    "invalid_answers": (("post", "/api/requests/{}/answer"),),
    "invalid_input": (("post", "/api/requests/{}/answer"),),
    "not_yolo": (("post", f"{S}/input"),),
    "tmux_dead": TYPED, "exited": TYPED, "not_typeable": TYPED,
    "dialog_open": (("post", f"{S}/input"), ("post", f"{S}/prompt")),
    "invalid_cursor": (("get", f"{S}/feed/history"), ("get", "/api/search")),
    "invalid_since": (("get", f"{S}/subagents"), ("get", "/api/search")),
    "query_too_short": (("get", "/api/search"),),
    "invalid_query": (
        ("get", "/api/search"), ("get", C), ("get", f"{S}/conversation"), ("get", f"{C}/{{}}/entries"),
        ("get", f"{S}/conversation/export"), ("get", f"{C}/{{}}/export"),
    ),
    "entry_not_found": (
        ("get", f"{S}/conversation"), ("get", f"{C}/{{}}/entries"), ("get", "/api/conversation/media/{}"),
    ),
    "unknown_conversation": (
        ("get", C), ("get", f"{C}/{{}}"), ("get", f"{C}/{{}}/entries"), ("get", f"{C}/{{}}/export"),
        ("post", "/api/sessions"),
    ),
    "invalid_resume": (("post", "/api/sessions"),),
    "conversation_taken": (("post", "/api/sessions"),),
    "unknown_window": (("get", "/api/cost"),),
    "tool_call_not_found": (("get", f"{S}/tool_calls/{{}}/detail"),),
    "log_gone": (("get", f"{S}/tool_calls/{{}}/detail"),),
    "too_many_log_files": (("get", "/api/logs/usage"),),
    "invalid_sha": (("get", f"{S}/checkpoints/{{}}/diff"),),
    "checkpoint_not_found": (("get", f"{S}/checkpoints/{{}}/diff"),),
    "git_failed": (("get", f"{S}/checkpoints"), ("get", f"{S}/checkpoints/{{}}/diff")),
    "missing_sha": (("post", f"{S}/revert"),),
    "sha_not_a_checkpoint": (("post", f"{S}/revert"),),
    "dirty_workdir": (("post", f"{S}/revert"),),
    "revert_failed": (("post", f"{S}/revert"),),
    "config_broken": (("patch", "/api/config"),),
    "no_webhook": (("post", "/api/webhook/test"),),
    "order_not_found": (("get", "/api/orders/{}"),),
    "store_unavailable": (("get", "/api/search"), ("get", "/api/cost"), ("get", f"{S}/feed/history"),
                          ("get", f"{S}/tool_calls/{{}}/detail"), ("get", f"{S}/subagents"), ("get", f"{S}/teams"),
                          ("get", f"{S}/conversation"), ("get", f"{S}/usage"), ("get", C),
                          ("get", "/api/conversation/media/{}")),
    "too_many_streams": (("get", "/events/all"), ("get", "/events/session/{}"), ("get", "/events/session/{}/pane"),
                         ("get", "/ws")),
    "broken_off": (("post", f"{S}/kill"), ("patch", "/api/config"), ("post", "/api/hooks/{}")),
    "too_late": (("post", f"{S}/kill"), ("patch", "/api/config"), ("post", "/api/hooks/{}")),
}  # fmt: skip
"""Code of an error → routes that PROTOCOL.md says it is an answer of."""


def bare(path: str) -> str:
    """A path without the names of its parts and without its query."""
    return re.sub(r"\{\w+\}", "{}", path.partition("?")[0])


OPERATIONS = {
    (method, bare(path)): operation for path, methods in PATHS.items() for method, operation in methods.items()
}

DESCRIBED = {
    route: {int(status) for status in operation["responses"] if status != "default"}
    for route, operation in OPERATIONS.items()
}


def table(heading: str) -> Iterator[list[str]]:
    """The rows of the first table under a heading, without its head."""
    text = "\n" + PROTOCOL.split(f"\n{heading}\n", 1)[1]
    lines = text[text.index("\n|") + 1 :].split("\n")
    for line in lines[2:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def paths_in(cell: str) -> list[str]:
    """The paths in a cell; `…/x` is one of a session."""
    found: list[str] = []
    for text in re.findall(r"`([^`]+)`", cell):
        path = bare(text)
        found.append(S + path[1:] if path.startswith("…") else path)
    return found


def queries_in(cell: str) -> list[set[str]]:
    """The names in the query of each path in a cell."""
    queries = [text.partition("?")[2] for text in re.findall(r"`([^`]+)`", cell)]
    return [{part.partition("=")[0] for part in query.split("&") if part} for query in queries]


INNER = (StoreDamaged, NoLocks, CannotSend, NotIdle, NotWritten, SocketInTheWay)
"""What no client hears: the end of a start, of `reindex`, of one try to send an alert, of one to type a held prompt."""

STATUSES = {int(status) for status in HTTPStatus}


def statuses_in(cell: str) -> set[int]:
    """The statuses that a cell names. They begin it or one of its parts; a number within a sentence is another one."""
    found = re.findall(r"(?:^|[,;] )(?:the last )?(\d{3})\b", re.sub(r"`[^`]*`", "", cell).strip())
    return {int(number) for number in found} & STATUSES


def codes_in(rows: Iterable[list[str]]) -> set[str]:
    """The codes in the first column of the table of errors. Further keys of an answer stand there, too."""
    return {code for row in rows for code in re.findall(r"`([^`]+)`", row[0])}


@cache
def errors_in_the_source() -> frozenset[tuple[str, str]]:
    """Module and name of each class that comes from `CtmError`, itself too, wherever in the program it stands."""
    classes = [
        (".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts), node)
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    found: set[tuple[str, str]] = set()
    names = {CtmError.__name__}
    while True:
        more = {
            (module, node.name)
            for module, node in classes
            if node.name == CtmError.__name__ or names & {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        }
        if more == found:
            return frozenset(found)
        found, names = more, names | {name for _, name in more}


@cache
def errors() -> frozenset[type[CtmError]]:
    """The classes themselves, whatever else a run of tests has imported."""
    for module, _ in errors_in_the_source():
        importlib.import_module(module)
    kinds: set[type[CtmError]] = set()
    rest = [CtmError]
    while rest:
        kind = rest.pop()
        rest += kind.__subclasses__()
        if kind.__module__.startswith("ctm_trio."):  # not one that some test made
            kinds.add(kind)
    return frozenset(kinds)


def statuses_by_code() -> dict[str, set[int]]:
    """The errors that a client may hear."""
    found: dict[str, set[int]] = {}
    for kind in errors():
        if not issubclass(kind, INNER):
            found.setdefault(kind.code, set()).add(kind.status)
    return found


def test_all_errors_are_found() -> None:
    """Those of the source are those that exist once its modules are imported: none is made in a hidden way."""
    assert {(kind.__module__, kind.__name__) for kind in errors()} == errors_in_the_source()


def test_the_table_of_routes() -> None:
    """It has the routes that the description has, and names no status that the description does not."""
    routes = {(row[0].lower(), path): statuses_in(row[3]) for row in table("## Routes") for path in paths_in(row[1])}
    assert set(routes) == set(DESCRIBED)
    assert {route: named - DESCRIBED[route] for route, named in routes.items() if named - DESCRIBED[route]} == {}


def test_the_queries_in_the_table_of_routes() -> None:
    """They have the names of the parameters that are described."""
    for row in table("## Routes"):
        for path, names in zip(paths_in(row[1]), queries_in(row[1]), strict=True):
            parameters = OPERATIONS[row[0].lower(), path].get("parameters", ())
            assert names == {one["name"] for one in parameters if one["in"] == "query"}, path


def test_the_header_of_the_streams() -> None:
    """Those of events go on where the header says; the one of a terminal has no past."""
    taking = {
        path: [one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"]
        for (_, path), operation in OPERATIONS.items()
        if path.startswith("/events/")
    }
    resumes = ["Last-Event-ID"]
    assert taking == {"/events/all": resumes, "/events/session/{}": resumes, "/events/session/{}/pane": []}
    assert f"| `{resumes[0]}` |" in PROTOCOL


def test_the_table_of_the_login() -> None:
    """Here all statuses are named, so they are the same."""
    rows = list(table("### Sign-up and login"))
    assert len(rows) == 3
    for what, _, success, errors in rows:
        path = paths_in(what)[0]
        assert statuses_in(success) | statuses_in(errors) == DESCRIBED["post", path], path


def test_the_table_of_errors() -> None:
    """Every code that a client may hear is there, and every status that is described."""
    assert statuses_by_code().keys() <= codes_in(table("## Errors"))
    named = set().union(*(statuses_in(row[1]) for row in table("## Errors")))
    for route, statuses in DESCRIBED.items():
        assert {status for status in statuses if status >= 400} <= named, route


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_its_status_and_routes(code: str) -> None:
    """It has the status that the table of errors says, and its routes are described with it."""
    (status,) = statuses_by_code()[code]
    (row,) = [row for row in table("## Errors") if f"`{code}`" in row[0]]
    assert status in statuses_in(row[1])
    for route in CODES[code]:
        assert status in DESCRIBED[route], route


@pytest.mark.parametrize("name", THRESHOLDS)
def test_a_threshold_has_the_bounds_of_a_patch(name: str) -> None:
    """It is described with the bounds that a PATCH holds it to."""
    low, high = THRESHOLDS[name]["minimum"], THRESHOLDS[name]["maximum"]
    refused = [value for value in (low - 1, low, high, high + 1) if fault(f"serve.attention.{name}", value)]
    assert refused == [low - 1, high + 1]
