"""Odd values in `config.json` on a whole daemon: it goes on, says what is wrong, and takes over what is mended."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.faults.process import Daemon, eventually
from tests.faults.rig import line

UUID = "11111111-2222-4333-8444-555555555555"

ODD: dict[str, Any] = {
    "dump directory of nobody": {"statusline_dump_dir": "~typo/x"},
    "huge": {"attention": {"error_rate_window": 1e20}},
    "negative": {"attention": {"error_rate_window": -5}},
    "list": {"attention": [1]},
    "table": {"webhook_url": {"a": 1}},
    "port": {"port": 70000},
    "socket": {"tmux_socket": "a/b\n"},
    "no table": None,
}
TEXTS = {
    "not a number": b'{"serve": {"attention": {"quota_pct": NaN}}}',
    "deep": b"[" * 1_000_000,
    "large": b" " * (100 << 20),
    "half": b'{"serve": {',
}


def check_of(daemon: Daemon, name: str) -> dict[str, str]:
    """One check of the doctor."""
    found: dict[str, str] = next(c for c in daemon.get("/api/doctor")["checks"] if c["name"] == name)
    return found


def goes_on(daemon: Daemon, marker: str) -> None:
    """A line is written, and comes."""
    daemon.log(UUID).append(line(UUID, marker))
    eventually(lambda: any(c["input"] == marker for c in daemon.get("/api/feed")), what=marker)


def test_odd_values_while_it_runs(tmp_path: Path) -> None:
    """Each odd value leaves the running settings as they are and is reported by its key; the next good edit counts."""
    with Daemon(tmp_path) as daemon:
        path = daemon.root / "config.json"
        good = json.loads(path.read_bytes())
        good["serve"]["attention"] = {"quota_pct": 70}
        path.write_text(json.dumps(good))
        daemon.start()
        for number, (word, over) in enumerate(ODD.items()):
            bad = {**good, "serve": {**good["serve"], **over} if over is not None else "not a table"}
            path.write_text(json.dumps(bad))
            eventually(lambda: check_of(daemon, "config:load")["status"] != "ok", what=f"the report of {word}")
            key = "serve" if over is None else next(iter(over))
            assert key in check_of(daemon, "config:load")["message"]
            assert daemon.get("/health")["components"]["config"].startswith("degraded: config.json: serve")
            assert daemon.get("/api/config")["attention"]["quota_pct"] == 70 - number
            goes_on(daemon, f"with {word}")
            good["serve"]["attention"] = {"quota_pct": 69 - number}
            path.write_text(json.dumps(good))
            eventually(lambda: check_of(daemon, "config:load")["status"] == "ok", what="the good edit")
        for word, text in TEXTS.items():
            path.write_bytes(text)
            eventually(lambda: check_of(daemon, "config:load")["status"] != "ok", what=f"the report of {word}")
            goes_on(daemon, f"with {word} text")
            assert daemon.request("PATCH", "/api/config", json={"webhook_url": ""}).status_code == 500
            assert path.read_bytes() == text
            path.write_text(json.dumps(good))
            eventually(lambda: check_of(daemon, "config:load")["status"] == "ok", what="the good edit")
        path.unlink()
        os.mkfifo(path)
        eventually(lambda: check_of(daemon, "config:load")["status"] != "ok", what="the report of a pipe")
        goes_on(daemon, "with a pipe")
        assert daemon.stop()[0] == 0


@pytest.mark.parametrize("all_at_once", [True, False], ids=["values", "text"])
def test_odd_values_at_the_start(tmp_path: Path, all_at_once: bool) -> None:
    """Wrong values have their defaults at the start, the rest counts, all is reported, the file stays as it is."""
    with Daemon(tmp_path) as daemon:
        path = daemon.root / "config.json"
        serve = {
            "statusline_dump_dir": "~typo/x",
            "attention": {"error_rate_window": 1e20, "quota_pct": 61},
            "port": -1,
            "webhook_url": ["x"],
            "tmux_socket": 5,
        }
        values = {"serve": serve, "hooks": 7, "required_env": "PATH", "hook_timeout_seconds": 1e300}
        text = json.dumps(values).encode() if all_at_once else b"\xff{" * 1000
        path.write_bytes(text)
        daemon.start()
        goes_on(daemon, "here")
        check = check_of(daemon, "config:load")
        assert check["status"] != "ok"
        thresholds = daemon.get("/api/config")["attention"]
        assert thresholds["error_rate_window"] == 20
        assert thresholds["quota_pct"] == (61 if all_at_once else 85)
        if all_at_once:
            assert "serve.statusline_dump_dir must be" in check["message"]
        assert path.read_bytes() == text
        assert "Traceback" not in daemon.said()
        assert daemon.stop()[0] == 0
