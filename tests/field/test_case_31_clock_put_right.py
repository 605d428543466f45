"""Field case 31: the clock was 20 minutes fast and was put right while a session waited for an approval."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.process import eventually
from tests.field.box import FIXTURES, box

LINES = (FIXTURES / "31" / "lines.jsonl").read_bytes().splitlines()


def shifted(line: bytes, by: timedelta) -> bytes:
    """The line as if it had been written that much later."""
    record = json.loads(line)
    record["ctm_timestamp"] = (datetime.fromisoformat(record["ctm_timestamp"]) + by).isoformat().replace("+00:00", "Z")
    return json.dumps(record).encode()


@pytest.mark.parametrize("recent", [False, True], ids=["as recorded", "now"])
@pytest.mark.parametrize("restart", [False, True], ids=["running", "over a restart"])
def test_the_order_of_lines_counts(tmp_path: Path, recent: bool, restart: bool) -> None:
    """permission_request, then waiting_input: what a file says is what its lines say in their order."""
    by = datetime.now(UTC) - datetime(2026, 11, 25, 10, 0, 5, tzinfo=UTC) if recent else timedelta()
    prompt, begun, asked, stopped = (shifted(line, by) for line in LINES)
    with box(tmp_path) as here:
        here.session()
        here.daemon.start()
        here.hooks(prompt, begun)
        if restart:
            here.daemon.kill()
        here.hooks(asked)
        if restart:
            here.daemon.start()
        eventually(lambda: here.attention() == "permission_request", what="the question")
        if restart:
            here.daemon.kill()
            here.daemon.start()
            eventually(lambda: here.attention() == "permission_request", what="the question, still open")
            here.daemon.kill()
        here.hooks(stopped)
        if restart:
            here.daemon.start()
        eventually(lambda: here.attention() == "waiting_input", what="the end of the turn")
        assert here.daemon.stop()[0] == 0
