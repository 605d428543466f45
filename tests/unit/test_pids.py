"""Numbers of processes that are none: no call of the system takes them, so they go no further."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio
from hypothesis import given

from ctm_trio.model.pids import MAX_PID, pid_of
from ctm_trio.owners.requests.opening import client_pid_of
from ctm_trio.system.live_sessions import read_client, runs
from ctm_trio.system.owned import believed_owners
from ctm_trio.system.process_end import process_ended
from tests.unit.json_values import ANY_JSON

NONE = [0, -1, MAX_PID + 1, 9_999_999_999, 2**80]


@given(ANY_JSON)
def test_anything(value: object) -> None:
    """It is a number that the system can take, or 0."""
    assert 0 <= pid_of(value) <= MAX_PID


def test_what_is_one() -> None:
    """As a text and as a number, up to the greatest."""
    assert [pid_of(text) for text in ("1", "0017", str(MAX_PID), MAX_PID, 7)] == [1, 17, MAX_PID, MAX_PID, 7]
    assert [pid_of(odd) for odd in ("", "-1", "1.0", "٣", "9" * 5000, True, 1.0, None, *NONE)] == [0] * 13


@pytest.mark.parametrize("pid", NONE)
async def test_where_they_come_in(tmp_path: Path, pid: int) -> None:
    """A log line, a client's own file, what is kept from before: nothing raises."""
    assert client_pid_of({"ctm_pid": str(pid)}) == client_pid_of({"ctm_pid": pid}) == 0
    file = tmp_path / "1.json"
    file.write_text(json.dumps({"pid": pid, "sessionId": "u", "status": "busy"}))
    found = read_client(file, believed_owners(tmp_path))
    assert found is None or (found.pid, found.alive) == (0, False)
    assert not runs(pid)
    with trio.fail_after(30):
        await process_ended(pid)
