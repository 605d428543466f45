"""`system.live_sessions`: files that another program writes."""

from __future__ import annotations

import json
from pathlib import Path

from ctm_trio.model.activity import LiveStatus
from ctm_trio.system.live_sessions import read_live
from tests.fixtures import recorded


def test_recorded_files(tmp_path: Path) -> None:
    """Each recorded file gives the client's status; one without a status, or of another shape, gives nothing."""
    wanted: dict[str, set[str]] = {}
    for n, item in enumerate(recorded("live_sessions")):
        content = item["content"]
        (tmp_path / f"{n:04d}.json").write_text(json.dumps(content))
        if content and content.get("status"):
            wanted[content["sessionId"]] = {content["status"]} | wanted.get(content["sessionId"], set())
    found = read_live(tmp_path)
    assert found.keys() == wanted.keys()
    assert all(status.status in wanted[uuid] for uuid, status in found.items())


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
