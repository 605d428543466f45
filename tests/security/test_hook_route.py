"""The route without a token: for our own user's programs alone, bounded, and nothing stays of what nobody knows."""

from __future__ import annotations

import json
import sqlite3
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from ctm_trio.web.asker import Peers
from ctm_trio.web.routes import hooks
from tests.contract.conftest import open_site
from tests.faults.process import Daemon, eventually
from tests.faults.rig import line
from tests.other_user import Stranger

UUID = "11111111-2222-4333-8444-555555555555"
HOOK = "/api/hooks/session_new"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with the session alpha."""
    with Daemon(tmp_path) as made:
        record = {"name": "alpha", "uuid": UUID, "mode": "yolo", "workdir": "/w", "created_at": "2026-05-01T10:00:00Z"}
        (made.root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": {"alpha": record}}))
        yield made.start()


def rows(daemon: Daemon, what: str) -> list[tuple[str, ...]]:
    """A query of the event log."""
    with sqlite3.connect(f"file:{daemon.database}?mode=ro", uri=True) as db:
        found = db.execute(what).fetchall()
    db.close()
    return found


def post(daemon: Daemon, event: str = "session_new", **fields: str) -> int:
    """Post as the command line does; the status."""
    return daemon.request("POST", f"/api/hooks/{event}", data=fields).status_code


def test_another_user_is_refused(daemon: Daemon) -> None:
    """403, whatever is sent; a reverse proxy of ours does not pass it on for others either."""
    answers = Stranger(daemon.port).ask(("POST", HOOK, f"name=alpha&uuid={UUID}"), ("POST", "/api/hooks/nonsense", ""))
    assert [(status, body["error"]) for status, body in answers] == [(403, "forbidden_peer")] * 2
    answer = daemon.request("POST", HOOK, data={"name": "alpha"}, headers={"X-Forwarded-For": "192.0.2.1"})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden_peer")
    assert post(daemon, name="alpha", uuid=UUID) == 204


def test_nothing_stays_of_unknown_ids(daemon: Daemon) -> None:
    """Who follows hears of a session that nobody knows; the event log, a restart and the sessions do not."""
    unknown = [str(uuid.uuid4()) for _ in range(50)]
    sources = rows(daemon, "SELECT uuid FROM sources")
    with daemon.stream() as stream:
        assert stream.read(5)
        for i, id_ in enumerate(unknown):
            assert post(daemon, name=f"ghost{i}", uuid=id_, mode="safe", workdir="/x") == 204
            assert post(daemon, "session_killed", name="alpha", uuid=id_) == 204
        while unknown[-1].encode() not in stream.heard:
            assert stream.read(5)
    assert post(daemon, name="alpha", uuid=UUID, mode="yolo", workdir="/w") == 204
    kept = rows(daemon, "SELECT uuid FROM sources")
    assert {found for (found,) in kept} - {found for (found,) in sources} <= {UUID, "session:alpha"}
    daemon.stop()
    stored = b"".join(path.read_bytes() for path in daemon.root.glob("ctm-trio.db*"))
    assert not [id_ for id_ in unknown if f'"name":"ghost{unknown.index(id_)}"'.encode() in stored]
    daemon.start()
    assert [session["name"] for session in daemon.get("/api/sessions")] == ["alpha"]


def test_known_sessions_and_logs_are_kept(daemon: Daemon) -> None:
    """Events of a recorded session stay, and those of a session whose record is gone but whose log is known."""
    assert post(daemon, "on_yolo", name="alpha", uuid=UUID, mode="yolo") == 204
    daemon.log().append(line(UUID, "one"))
    eventually(lambda: bool(daemon.stored()))
    (daemon.root / "sessions.json").write_text('{"schema_version": 1, "sessions": {}}')
    eventually(lambda: daemon.get("/api/sessions") == [])
    assert post(daemon, "session_killed", name="alpha", uuid=UUID) == 204
    daemon.stop()
    kept = "SELECT type FROM events WHERE type NOT LIKE 'attention%' AND type NOT LIKE 'status%' ORDER BY id"
    told = rows(daemon, kept)
    assert [kind for (kind,) in told] == ["on_yolo", "tool_call", "session_killed"]


def test_a_replay_is_whole_beside_unknown_ones(daemon: Daemon) -> None:
    """Many events of unknown sessions do not push a session's own calls out of its replay."""
    daemon.log().append(b"".join(line(UUID, f"call {i}") for i in range(300)))
    eventually(lambda: len(daemon.stored()) == 300)
    for i in range(250):
        assert post(daemon, name=f"ghost{i}") == 204
    with daemon.stream("/events/session/alpha") as stream:
        stream.until(300)
    assert [marker for _, marker in stream.events] == [f"call {i}" for i in range(300)]


@pytest.mark.parametrize(
    "form",
    ["&".join(f"x{i}=1" for i in range(33)), "name=" + "n" * 257, "uuid=" + "u" * 257, "mode=" + "m" * 257,
     "workdir=" + "w" * 4097, "workdir=a%00b"],
    ids=["fields", "name", "uuid", "mode", "workdir", "nul"],
)  # fmt: skip
def test_bounds(daemon: Daemon, form: str) -> None:
    """Too many fields, too long ones, and what is no text are 400."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = daemon.request("POST", HOOK, content=form, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body")


PART = '--b\r\nContent-Disposition: form-data; name="mode"\r\n\r\n' + "m" * 300


@pytest.mark.parametrize(
    ("kind", "body"),
    [("boundary=b", "garbage"), ("boundary=b", f"{PART}\r\n"), ("boundary=b", f"{PART}\r\n--c--\r\n"),
     ("x=1", f"{PART}\r\n--b--\r\n"),
     ("boundary=%E4", "garbage"), ("boundary=b", "--b\r\nx\r\n\r\n\r\n--b--\r\n"),
     ("boundary=b", "--b\r\nX: y\r\n\r\n\r\n--b--\r\n")],
    ids=["garbage", "cut off", "another boundary", "no boundary", "odd boundary", "no header", "no name"],
)  # fmt: skip
async def test_a_multipart_form_that_is_broken(tmp_path: Path, kind: str, body: str) -> None:
    """It is refused, and not taken for an empty form: an event would be published that says nothing."""
    async with open_site(tmp_path) as site, site.client(token=False) as client:
        headers = {"Content-Type": f"multipart/form-data; {kind}"}
        answer = await client.post(HOOK, content=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body")
        assert "multipart" in answer.json()["message"]


async def test_a_multipart_form(tmp_path: Path) -> None:
    """One that is whole is read: here as far as a field that is too long."""
    async with open_site(tmp_path) as site, site.client(token=False) as client:
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = await client.post(HOOK, content=f"{PART}\r\n--b--\r\n", headers=headers)
        assert (answer.status_code, answer.json()["message"][:4]) == (400, "mode")


async def test_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound within its time it is 429 with Retry-After, before anything of the body is taken apart."""
    monkeypatch.setattr(hooks, "HOOKS", 3)
    monkeypatch.setattr(hooks, "MAX_FIELDS", 0)
    async with open_site(tmp_path) as site, site.client(token=False) as client:
        answers = [await client.post(HOOK, data={"name": "alpha"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400] * 3 + [429]
    assert int(answers[3].headers["Retry-After"]) >= 1


@pytest.mark.parametrize("quick", [True, False])
async def test_whoever_cannot_be_told(tmp_path: Path, quick: bool) -> None:
    """Where the machine tells whose connections are, one that is nobody's was closed already and is refused.

    Whichever way the machine was asked; elsewhere it is taken.
    """
    nobody = Peers(lambda *_: None, quick)
    assert nobody.tells == (sys.platform == "linux")
    for peers, status in ((replace(nobody, tells=True), 403), (replace(nobody, tells=False), 400)):
        async with open_site(tmp_path, peers=peers) as site, site.client(token=False) as client:
            answer = await client.post(HOOK, data={"name": "n" * 300})  # 400: it was taken as far as its name
            assert answer.status_code == status, answer.text
