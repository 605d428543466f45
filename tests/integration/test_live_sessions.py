"""`system.live_sessions`: files that another program writes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from ctm_trio.model.activity import LiveStatus
from ctm_trio.system.live_sessions import read_clients, read_live
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
