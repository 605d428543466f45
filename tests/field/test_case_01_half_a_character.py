"""Field case 1: half a character in a call or in the last answer, as the client cuts its texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.process import eventually
from tests.field.watched import UUID, attention, calls, detail, given, hook, watched


@pytest.mark.parametrize("way", ["hook", "append"])
def test_the_call_is_there(tmp_path: Path, way: str) -> None:
    """The call is everywhere, with U+FFFD where the half was; the Stop raises waiting_input."""
    payload, stop = given("01", "payload.json"), given("01", "stop.json")
    with watched(tmp_path) as daemon:
        if way == "hook":
            hook(daemon, payload)
            calls(daemon, 1)
            hook(daemon, stop)
        else:
            daemon.log(UUID).append(payload + b"\n")
            calls(daemon, 1)
            (daemon.root / "hook-events" / f"{UUID}.jsonl").write_bytes(stop + b"\n")
        (call,) = calls(daemon, 1)
        assert (call["payload"]["input"], call["payload"]["summary"]) == ("cat log", "cut here \ufffd")
        assert daemon.get("/api/sessions/api/feed")[0]["summary"] == "cut here \ufffd"
        found = detail(daemon, call)
        assert (found["output_excerpt"], json.loads(found["input_json"])) == ("cut here \ufffd", {"command": "cat log"})
        eventually(lambda: len(daemon.get("/api/search?q=cut+here")["matches"]) == 1, what="the match")
        assert daemon.get("/api/search?q=cut+here")["matches"][0]["snippet"].endswith("cut here \ufffd")
        eventually(lambda: attention(daemon) == "waiting_input", what="waiting_input")


CALL = b'{"session_id":"%b","tool_name":"Bash","tool_input":{"command":"odd"},' % UUID.encode()
ODD = {
    "bytes": CALL + b'"tool_response":{"stdout":"so \xff\xed\xa0\xbd"}}',
    "raw": CALL + b'"tool_response":{"stdout":"so \x00\x01"}}',
    "nan": CALL + b'"cost":NaN,"tool_response":{"stdout":"so","n":1e999}}',
    "bom": b"\xef\xbb\xbf" + CALL + b'"tool_response":{"stdout":"so"}}\r\n',
    "huge": CALL + b'"n":' + b"9" * 5000 + b',"tool_response":"so"}',
    "deep": CALL + b'"n":' + b"[" * 3000 + b"]" * 3000 + b',"tool_response":"so"}',
    "stamped": CALL + b'"ctm_timestamp":7,"x":"\\ud83d","tool_response":"so"}',
}


def test_other_odd_lines(tmp_path: Path) -> None:
    """Bad bytes, NaN, huge numbers, a BOM, CRLF, deep nesting: through the hook and appended, each call is there."""
    with watched(tmp_path) as daemon:
        for line in ODD.values():
            hook(daemon, line)
        daemon.log(UUID).append(b"".join(line.rstrip(b"\r\n") + b"\r\n" for line in ODD.values()))
        daemon.log(UUID).append(b"\0" * 512 + ODD["bom"])
        found = calls(daemon, 2 * len(ODD) + 1)
        assert len(found) == 2 * len(ODD) + 1
        assert {call["payload"]["input"] for call in found} == {"odd"}
        assert {call["payload"]["summary"][:2] for call in found} == {"so"}
        assert {detail(daemon, call)["input_json"] for call in found} == {'{"command":"odd"}'}
        assert not (daemon.logs / ".hook-errors.log").exists()
