"""`system.live_sessions`: files that another program writes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ctm_trio.model.activity import LiveStatus
from ctm_trio.system.client_registry import ClientRegistry
from ctm_trio.system.live_sessions import MAX_FILES, client_files, read_clients, read_live
from tests.fixtures import recorded

OURS = {
    "pid": os.getpid(),
    "procStart": Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19],
}
"""As if this process had written the file."""


def test_recorded_files(tmp_path: Path) -> None:
    """Each recorded file gives the client's status; one without a status, or of another shape, gives nothing."""
    wanted: dict[str, set[str]] = {}
    for n, item in enumerate(recorded("live_sessions")):
        content = item["content"] and {**item["content"], **OURS}
        (tmp_path / f"{n:04d}.json").write_text(json.dumps(content))
        if content and content.get("status"):
            wanted[content["sessionId"]] = {content["status"]} | wanted.get(content["sessionId"], set())
    found = read_live(tmp_path)
    assert found.keys() == wanted.keys()
    assert all(status.status in wanted[uuid] for uuid, status in found.items())


def test_whose_file_it_is(tmp_path: Path) -> None:
    """A file of a process that has ended, or whose number is another one's now, says nothing; its pane is read."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    mine = {"sessionId": "mine", "status": "waiting", "tmux": "api:@1.%3", **OURS}
    files = {
        "1": mine, "2": {**mine, "sessionId": "other", "procStart": "1"},
        "3": {**mine, "sessionId": "ended", "pid": gone.pid}, "4": {**mine, "sessionId": "odd", "procStart": ""},
        "5": {**mine, "sessionId": "boxed", "pid": gone.pid, "pidDomain": "linux:0:pid:[4026999999]"},
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    assert set(read_live(tmp_path)) == {"mine", "odd", "boxed"}
    found = {client.uuid: client for client in read_clients(tmp_path)}
    assert (found["mine"].alive, found["mine"].pane, found["mine"].pid) == (True, "%3", os.getpid())
    assert not found["other"].alive
    assert not found["ended"].alive


def test_odd_files(tmp_path: Path) -> None:
    """Half a file, a link, another type, a huge one: ignored. No directory: nothing is known."""
    good = {"sessionId": "u", "status": "busy", "statusUpdatedAt": 1500}
    (tmp_path / "1.json").write_text(json.dumps(good))
    (tmp_path / "2.json").write_text('{"sessionId": "v", "sta')
    (tmp_path / "3.json").write_text('{"sessionId": 7, "status": "busy"}')
    (tmp_path / "4.json").write_text(json.dumps({**good, "sessionId": "big", "name": "x" * 100_000}))
    (tmp_path / "5.json").symlink_to(tmp_path / "1.json")
    (tmp_path / "6.json").mkdir()
    assert read_live(tmp_path) == {"u": LiveStatus("busy", 1.5)}
    assert read_live(tmp_path / "none") == {}


def test_more_files_than_are_looked_at(tmp_path: Path) -> None:
    """Clients that were killed leave their files behind; those of the clients that run are looked at all the same."""
    for number in range(MAX_FILES):
        (tmp_path / f"{9_000_000_000 + number}.json").write_text("{}")
    (tmp_path / "odd name.json").write_text("{}")
    (tmp_path / f"{os.getpid()}.json").write_text("{}")
    found = client_files(tmp_path)
    assert len(found) == MAX_FILES
    assert f"{os.getpid()}.json" in found


def test_a_client_that_was_killed_while_it_wrote(tmp_path: Path) -> None:
    """A file that is just being written says what it said before, but only as long as its process runs."""
    with subprocess.Popen(["sleep", "600"]) as process:
        begun = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
        file = tmp_path / f"{process.pid}.json"
        file.write_text(json.dumps({"sessionId": "u", "status": "busy", "pid": process.pid, "procStart": begun}))
        registry = ClientRegistry(tmp_path)
        assert [client.status for client in registry.look(None, ())] == ["busy"]
        file.write_bytes(b"")
        assert [client.status for client in registry.look([file.name], ())] == ["busy"]
        process.kill()
        process.wait()
    assert registry.look([file.name], ()) == []


@pytest.mark.parametrize("how", ["everybody's", "another user's"])
def test_a_file_that_others_may_have_written(tmp_path: Path, how: str) -> None:
    """It says nothing but that the process of its name runs; the reason is kept for people."""
    if how == "another user's" and os.geteuid() != 0:
        pytest.skip("only root can give files to another user")
    name = f"{os.getpid()}.json"
    file = tmp_path / name
    file.write_text(json.dumps({**OURS, "sessionId": "u", "status": "idle"}))
    (tmp_path / "3999999.json").write_text(json.dumps({**OURS, "sessionId": "v", "status": "idle"}))
    (tmp_path / "3999999.json").chmod(0o666)
    registry = ClientRegistry(tmp_path)
    assert [client.uuid for client in registry.look(None, ())] == ["u"]
    if how == "everybody's":
        file.chmod(0o666)
    else:
        os.chown(file, 1000, 1000)
    assert read_live(tmp_path) == {}
    (client,) = registry.look([name], ())
    assert (client.pid, client.uuid, client.status) == (os.getpid(), "", "")
    assert {"everybody's": "everybody may write", "another user's": "another user"}[how] in client.fault
    file.chmod(0o600)
    os.chown(file, os.geteuid(), os.getegid())
    assert [(client.uuid, client.fault) for client in registry.look([name], ())] == [("u", "")]
