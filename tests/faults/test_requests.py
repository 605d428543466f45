"""Requests over kills, restarts, damage and nonsense: each is decided once, and silence decides nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.paper_client import Asking, PaperClient
from tests.faults.process import Daemon, eventually
from tests.field.lines import no_tmux, record, uuid_of
from tests.unit.test_call_result import RECORDED, call_of

ALPHA = uuid_of(1)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with one session, alpha, that no tmux knows."""
    with Daemon(tmp_path) as made:
        no_tmux(made)
        record(made, alpha=ALPHA)
        yield made.start()


@pytest.fixture
def client(daemon: Daemon) -> Iterator[PaperClient]:
    """Alpha's client, in the middle of a turn."""
    with PaperClient(daemon, ALPHA) as made:
        made.works()
        yield made


def opened(daemon: Daemon, command: str) -> dict[str, Any]:
    """The open request for a command, once there is one."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = [r for r in daemon.get("/api/requests")["requests"] if r["input"]["command"] == command]
        return bool(found)

    eventually(look, what=f"a request for {command}")
    return found[0]


def answer(daemon: Daemon, id_: str, choice: str, key: str = "k", **more: object) -> tuple[int, dict[str, Any]]:
    """Answer a request: status and body."""
    done = daemon.request("POST", f"/api/requests/{id_}/answer", json={"choice": choice, "key": key, **more})
    return done.status_code, done.json()


def state(daemon: Daemon, id_: str) -> str:
    return str(daemon.get(f"/api/requests/{id_}")["state"])


def test_a_kill_between_two_answers(daemon: Daemon, client: PaperClient) -> None:
    """The hook comes back to the next daemon; the answer of the first stands, with its key, over the kill."""
    with client.asks("one") as one:
        first = opened(daemon, "one")["id"]
        assert answer(daemon, first, "deny", "k1", message="no")[0] == 200
        assert one.printed() == {"behavior": "deny", "message": "no"}
        client.says("busy")
    with client.asks("two") as two:
        second = opened(daemon, "two")["id"]
        daemon.kill()
        daemon.start()
        status, body = answer(daemon, first, "allow", "k1")
        assert (status, body["answer"]["choice"]) == (200, "deny")
        assert answer(daemon, first, "allow", "k2")[1]["error"] == "request_closed"
        back = partial(daemon.get, f"/api/requests/{second}")
        eventually(lambda: not two.waits or back()["answerable"] == "hook", what="the hook, back or ended")
        if two.waits:
            assert answer(daemon, second, "allow", "k3")[0] == 200
            assert two.printed() == {"behavior": "allow"}
        else:
            assert two.printed() is None
            assert state(daemon, second) == "open"


def test_a_race_has_one_winner(daemon: Daemon, client: PaperClient) -> None:
    """Twenty answers and the terminal at once: one decision, and everybody hears the same."""
    with client.asks("race") as asking:
        id_ = opened(daemon, "race")["id"]
        replies: list[tuple[int, dict[str, Any]]] = []
        threads = [
            threading.Thread(target=lambda n=n: replies.append(answer(daemon, id_, ("allow", "deny")[n % 2], f"k{n}")))
            for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        printed = asking.printed()
        assert sorted(status for status, _ in replies) == [200] + [409] * 19
        won = next(body for status, body in replies if status == 200)
        assert printed is not None
        assert printed["behavior"] == won["answer"]["choice"] == daemon.get(f"/api/requests/{id_}")["answer"]["choice"]


@pytest.mark.parametrize("how", ["Escape", "Yes"])
def test_the_terminal_was_a_little_faster(daemon: Daemon, client: PaperClient, how: str) -> None:
    """The hook prints, but its client has the terminal's word already: the next signs tell, and everybody hears it."""
    line = RECORDED["refused at the terminal" if how == "Escape" else "allowed at the terminal"]
    command = call_of(line)
    with client.asks(command, use=command) as asking:
        id_ = opened(daemon, command)["id"]
        status, body = answer(daemon, id_, "allow")
        assert (status, body["state"]) == (200, "answered")
        assert asking.printed() == {"behavior": "allow"}
        client.writes(line)
        if how == "Escape":
            client.says("idle")
        else:
            client.says("busy")
            client.fire("PostToolUse", tool_name="Bash", tool_input={"command": command}, tool_response={"stdout": ""},
                        tool_use_id=command, duration_ms=1)  # fmt: skip
        eventually(lambda: state(daemon, id_) == "answered_elsewhere", what="the terminal's answer")
        found = daemon.get(f"/api/requests/{id_}")
        assert (found["answer"]["choice"], found["answer"]["where"]) == ("", "terminal")
        assert answer(daemon, id_, "allow")[0] == 200, "a repeat of the answer that was taken"
        assert answer(daemon, id_, "allow", "other")[1]["error"] == "request_closed"
        daemon.kill()
        daemon.start()
        assert state(daemon, id_) == "answered_elsewhere"


def test_a_request_of_the_time_when_no_daemon_ran(daemon: Daemon, client: PaperClient) -> None:
    """Its hook has ended; the next start reads it from the log, and the client's own word closes it."""
    daemon.stop()
    with client.asks("meanwhile") as asking:
        assert asking.printed() is None
    daemon.start()
    found = opened(daemon, "meanwhile")
    assert (found["answerable"], found["tool_use_id"]) == ("no", "use-meanwhile")
    assert answer(daemon, found["id"], "allow")[1]["error"] == "not_answerable"
    client.says("busy")
    eventually(lambda: state(daemon, found["id"]) == "answered_elsewhere", what="the end")


def test_closed_while_no_daemon_ran(daemon: Daemon, client: PaperClient) -> None:
    """What was asked and answered meanwhile is not asked again."""
    with client.asks("seen") as asking:
        id_ = opened(daemon, "seen")["id"]
        daemon.stop()
        assert asking.printed() is None
        client.ran("seen")
        client.says("busy")
        daemon.start()
        eventually(lambda: state(daemon, id_) == "answered_elsewhere", what="the end")
        assert daemon.get("/api/requests")["requests"] == []


def test_the_client_dies(daemon: Daemon, client: PaperClient) -> None:
    """Killed without a word: withdrawn, and the hook ends without one."""
    with client.asks("left behind") as asking:
        id_ = opened(daemon, "left behind")["id"]
        client.process.send_signal(signal.SIGKILL)
        client.process.wait()
        eventually(lambda: state(daemon, id_) == "withdrawn", what="the end")
        assert asking.printed() is None


def test_a_damaged_store_begins_anew(daemon: Daemon, client: PaperClient) -> None:
    """The file is set aside; what is open now is asked from the log again, and can be answered."""
    with client.asks("still open") as asking:
        opened(daemon, "still open")
        daemon.kill()
        (daemon.root / "ctm-trio-requests.db").write_bytes(b"no database" * 1000)
        for suffix in ("-wal", "-shm"):
            (daemon.root / f"ctm-trio-requests.db{suffix}").unlink(missing_ok=True)
        daemon.start()
        found = opened(daemon, "still open")
        if asking.waits:
            assert answer(daemon, found["id"], "allow")[0] == 200
            assert asking.printed() == {"behavior": "allow"}
    with sqlite3.connect(daemon.root / "ctm-trio-requests.db") as db:
        assert db.execute("SELECT count(*) FROM documents").fetchone() == (1,)


def test_another_program_holds_the_database(daemon: Daemon, client: PaperClient) -> None:
    """The answer is given all the same, by its request; /health says what cannot be saved, and saves it afterwards."""
    with client.asks("locked") as asking:
        found = opened(daemon, "locked")
        with closing(sqlite3.connect(daemon.root / "ctm-trio-requests.db", isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            assert answer(daemon, found["id"], "allow")[0] == 200
            assert asking.printed() == {"behavior": "allow"}
            assert "locked" in daemon.get("/health")["components"]["requests"]
            db.execute("COMMIT")
    with client.asks("free") as asking:
        assert answer(daemon, opened(daemon, "free")["id"], "deny")[0] == 200
    assert daemon.get("/health")["components"]["requests"] == "ok"
    daemon.kill()
    daemon.start()
    assert state(daemon, found["id"]) == "answered"


@pytest.mark.parametrize(
    "said",
    [b"", b"\xff\xfe\x00", b"GET / HTTP/1.1\r\n\r\n", b'{"ctm":1,"op":"hold"}\n', b'{"ctm":2}\n', b"{" * 5000,
     b'{"ctm":1,"op":"hold","request":"' + b"0" * 32 + b'","bytes":5,"client_pid":""}\nhello',
     b'{"ctm":1,"op":"hold","request":"' + b"0" * 32 + b'","bytes":99999999999,"client_pid":""}\n'],
    ids=["nothing", "bytes", "http", "short", "version", "long", "no-line", "huge"],
)  # fmt: skip
def test_nonsense_at_the_socket(daemon: Daemon, client: PaperClient, said: bytes) -> None:
    """It opens nothing, answers nothing, and is in nobody's way."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(daemon.root / "ctm-trio.sock"))
        sock.sendall(said)
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(20)
        while sock.recv(4096):
            pass
    with client.asks("after it") as asking:
        assert len(daemon.get("/api/requests")["requests"]) <= 1
        assert answer(daemon, opened(daemon, "after it")["id"], "allow")[0] == 200
        assert asking.printed() == {"behavior": "allow"}


def test_something_else_where_the_socket_belongs(daemon: Daemon, client: PaperClient) -> None:
    """It is left alone, and /health says so; requests are there all the same, and the terminal decides."""
    daemon.stop()
    (daemon.root / "ctm-trio.sock").write_text("mine")
    daemon.start()
    with client.asks("no socket") as asking:
        assert asking.printed() is None
        assert opened(daemon, "no socket")["answerable"] == "no"
    said = daemon.get("/health")["components"]["hook_socket"]
    assert said.startswith("degraded: hooks cannot wait for answers")
    assert "ctm-trio.sock" in said
    assert (daemon.root / "ctm-trio.sock").read_text() == "mine"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"choice": "allow"}, 400, "invalid_body"),
        ({"choice": "allow", "key": ""}, 400, "invalid_body"),
        ({"choice": "allow", "key": "k" * 200}, 400, "invalid_body"),
        ({"choice": "maybe", "key": "k"}, 400, "invalid_choice"),
        ({"choice": ["allow"], "key": "k"}, 400, "invalid_choice"),
        ({"choice": "allow", "key": "k", "updated_input": {"file": 1}}, 400, "invalid_input"),
        ({"choice": "deny", "key": "k", "message": "x" * 20_000}, 400, "invalid_body"),
        ({"choice": "deny", "key": "k", "answers": {}}, 400, "invalid_answers"),
        ([], 400, "invalid_body"),
    ],
)
def test_bad_answers(daemon: Daemon, client: PaperClient, body: object, status: int, code: str) -> None:
    """Each is refused with its reason, and the request waits on."""
    with client.asks("patient") as asking:
        id_ = opened(daemon, "patient")["id"]
        done = daemon.request("POST", f"/api/requests/{id_}/answer", json=body)
        assert (done.status_code, done.json()["error"]) == (status, code)
        assert asking.waits
        assert state(daemon, id_) == "open"


def test_a_reused_pid_says_nothing(daemon: Daemon, client: PaperClient) -> None:
    """A status file of a process that is another one by now neither closes a request nor moves the status."""
    with client.asks("mine") as asking:
        id_ = opened(daemon, "mine")["id"]
        stranger = client.file.with_name(f"{os.getpid()}.json")
        stranger.write_text(client.file.read_text().replace(f'"pid": {client.process.pid}', f'"pid": {os.getpid()}'))
        client.fire("Notification", notification_type="permission_prompt", message="waits")
        eventually(lambda: daemon.get("/api/sessions/alpha")["status"]["state"] == "permission", what="the status")
        assert asking.waits
        assert state(daemon, id_) == "open"


def test_the_hook_is_there_twice(daemon: Daemon, client: PaperClient) -> None:
    """Two settings files, one call: one request, told of once, and both hooks end with its answer."""
    with client.asks("doubled") as one:
        id_ = opened(daemon, "doubled")["id"]
        with Asking(client, one.payload) as two:
            eventually(lambda: hook_events(daemon).count("PermissionRequest") == 2, what="the second line")
            client.fire("Notification", notification_type="permission_prompt", message="waits")
            eventually(lambda: hook_events(daemon)[-1] == "Notification", what="the event after it")
            assert [r["id"] for r in daemon.get("/api/requests?state=all")["requests"]] == [id_]
            assert one.waits
            assert answer(daemon, id_, "allow")[0] == 200
            assert {"behavior": "allow"} in (one.printed(), two.printed())


def test_the_session_is_resumed_beside(daemon: Daemon, client: PaperClient) -> None:
    """A second client with the same id begins, and works: what the first one asks stays open, and its hook waits."""
    eventually(lambda: daemon.get("/api/sessions/alpha")["status"]["source"] == "client", what="the first client")
    with client.asks("mine") as asking, PaperClient(daemon, ALPHA) as other:
        id_ = opened(daemon, "mine")["id"]
        other.says("idle")
        eventually(lambda: len(daemon.get("/api/sessions")) == 2, what="the second client")
        other.fire("SessionStart", source="resume")
        other.works()
        eventually(lambda: hook_events(daemon)[-1] == "UserPromptSubmit", what="the other's turn")
        assert state(daemon, id_) == "open"
        assert daemon.get("/api/sessions/alpha")["status"]["request_id"] == id_
        assert answer(daemon, id_, "allow")[0] == 200
        assert asking.printed() == {"behavior": "allow"}


def test_the_client_dies_while_no_daemon_runs(daemon: Daemon, client: PaperClient) -> None:
    """Nobody hears its end, and its hook has gone too; the next daemon looks."""
    with client.asks("orphan") as asking:
        id_ = opened(daemon, "orphan")["id"]
        daemon.kill()
        client.process.kill()
        client.process.wait()
        assert asking.printed() is None
        daemon.start()
        eventually(lambda: state(daemon, id_) == "withdrawn", what="the end")


def test_an_answer_that_was_never_sent(daemon: Daemon, client: PaperClient) -> None:
    """Killed between writing an answer down and sending it: the hook comes back, so the terminal's refusal counts."""
    with client.asks("unsent"):
        id_ = opened(daemon, "unsent")["id"]
        daemon.kill()
    with sqlite3.connect(daemon.root / "ctm-trio-requests.db") as db:
        body = json.loads(db.execute("SELECT body FROM documents WHERE id = ?", (id_,)).fetchone()[0])
        attempt = {"choice": "allow", "where": "page", "at": 1.0, "message": "", "by": ""}
        new = json.dumps({**body, "attempt": attempt, "attempt_key": "k"}).encode()
        db.execute("UPDATE documents SET body = ? WHERE id = ?", (new, id_))
    daemon.start()
    with socket.socket(socket.AF_UNIX) as hook:
        hook.connect(str(daemon.root / "ctm-trio.sock"))
        hook.sendall(b'{"ctm":1,"op":"hold","request":"%b","bytes":2,"client_pid":""}\n{}' % id_.encode())
        hook.settimeout(20)
        assert b'"op":"wait"' in hook.recv(4096)
        eventually(lambda: daemon.get(f"/api/requests/{id_}")["answerable"] == "hook", what="the hook")
        hook.sendall(b'{"ctm":1,"op":"ended","signal":15}\n')
    eventually(lambda: state(daemon, id_) != "open", what="the refusal")
    found = daemon.get(f"/api/requests/{id_}")
    assert (found["state"], found["answer"]["choice"]) == ("answered_elsewhere", "")


def test_half_a_character(daemon: Daemon, client: PaperClient) -> None:
    """The client cuts texts amid a character; such a call is asked about like any other."""
    with client.asks("echo \ud83d") as asking:
        found = opened(daemon, "echo \ufffd")
        assert found["answerable"] == "hook"
        assert answer(daemon, found["id"], "allow")[0] == 200
        assert asking.printed() == {"behavior": "allow"}


def hook_events(daemon: Daemon) -> list[str]:
    """The names of the hook events that the event log has, oldest first."""
    with sqlite3.connect(f"file:{daemon.database}?mode=ro", uri=True) as db:
        return [name for (name,) in db.execute("SELECT name FROM hooks ORDER BY id")]
