"""Field case 10: `/resume` and `/branch` inside the client change its session id."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.faults.process import Daemon, eventually
from tests.field.lines import append, known, lines_of, no_tmux, record, recorded, uuid_of


def attention_details(daemon: Daemon) -> str:
    """What the session's attention says it waits for."""
    return str(daemon.get("/api/sessions/api").get("attention", {}).get("details", ""))


def test_the_record_follows_and_the_request_ends(tmp_path: Path) -> None:
    """The record follows to the resumed id and to the fork; the client's own word ends the request in between."""
    (tmp_path / ".claude" / "sessions").mkdir(parents=True)
    with Daemon(tmp_path) as daemon:
        no_tmux(daemon)
        record(daemon, api=uuid_of(1))
        daemon.start()
        known(daemon, "api")
        lines = lines_of("10")
        append(daemon, lines[:3])
        eventually(lambda: recorded(daemon) == {"api": uuid_of(6)}, what="the record following /resume")
        eventually(lambda: "make" in attention_details(daemon), what="the request")
        status = json.loads((Path(__file__).parents[1] / "fixtures/field/10/live.json").read_text())
        status["statusUpdatedAt"] = int(time.time() * 1000)
        (tmp_path / ".claude" / "sessions" / "111.json").write_text(json.dumps(status))
        eventually(lambda: "make" not in attention_details(daemon), what="the end of the request")
        append(daemon, lines[3:])
        eventually(lambda: recorded(daemon) == {"api": uuid_of(7)}, what="the record following /branch")
