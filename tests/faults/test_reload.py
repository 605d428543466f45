"""Settings that change under the running process."""

from __future__ import annotations

import signal
from pathlib import Path

import msgspec

from tests.faults.process import Daemon, eventually


def test_hangup_reads_the_settings(tmp_path: Path) -> None:
    """SIGHUP ends nothing: the settings are read again, a broken file is reported and survived, SIGTERM still works."""
    daemon = Daemon(tmp_path)
    daemon.start()
    try:
        assert daemon.process is not None
        path = daemon.root / "config.json"
        good = path.read_bytes()
        document = msgspec.json.decode(good)
        document["serve"]["attention"] = {"quota_pct": 51}
        path.write_bytes(msgspec.json.encode(document))
        for _ in range(5):
            daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: daemon.get("/api/config")["attention"]["quota_pct"] == 51, what="the new threshold")
        path.write_bytes(b"{")
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: daemon.get("/health")["components"]["config"] != "ok", what="the report")
        assert daemon.get("/api/config")["attention"]["quota_pct"] == 51
        path.write_bytes(good)
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: daemon.get("/api/config")["attention"]["quota_pct"] == 85, what="the old threshold")
    finally:
        assert daemon.stop()[0] == 0
