"""Field case 34: a background sub-agent asks, and the main thread works on."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from tests.faults.process import Daemon, eventually
from tests.field.lines import FIXTURES, append, attention, feed, known, lines_of, no_tmux, record, uuid_of


def test_the_request_stays_while_the_client_waits(tmp_path: Path) -> None:
    """The main thread's call does not end it, a restart of the daemon neither; the client's own word does."""
    status = {**json.loads((FIXTURES / "34" / "live.json").read_text()), "pid": os.getpid()}  # a process that runs
    file = tmp_path / ".claude" / "sessions" / f"{os.getpid()}.json"
    file.parent.mkdir(parents=True)
    lines = lines_of("34")
    with Daemon(tmp_path) as daemon:
        no_tmux(daemon)
        record(daemon, api=uuid_of(1))
        daemon.start()
        known(daemon, "api")
        append(daemon, lines[:1])
        file.write_text(json.dumps({**status, "statusUpdatedAt": int(time.time() * 1000)}))
        eventually(lambda: attention(daemon, "api") == "permission_request", what="the request")
        append(daemon, lines[1:])
        eventually(lambda: feed(daemon, "api") == ["main goes on"], what="the main thread's call")
        assert attention(daemon, "api") == "permission_request"
        daemon.stop()
        daemon.start()
        eventually(lambda: attention(daemon, "api") == "permission_request", what="the request after a restart")
        file.write_text(json.dumps({**status, "status": "busy", "statusUpdatedAt": int(time.time() * 1000)}))
        eventually(lambda: attention(daemon, "api") == "", what="the end of the request")
