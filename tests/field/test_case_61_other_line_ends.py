"""Field case 61: a file whose lines hold form feeds, U+2028 and NEL."""

from __future__ import annotations

import json
from pathlib import Path

from tests.field.watched import UUID, calls, detail, given, watched


def test_three_lines(tmp_path: Path) -> None:
    """Three lines are written, and the diff has three, with these characters in them."""
    line = given("61", "line.jsonl")
    content = json.loads(line)["tool_input"]["content"]
    with watched(tmp_path) as daemon:
        daemon.log(UUID).append(line)
        (call,) = calls(daemon, 1)
        assert call["payload"]["summary"] == "created, 3 lines"
        diff = detail(daemon, call)["diff"]
        head, body = diff.split("@@ -0,0 +1,3 @@\n")
        assert head == "--- /x/f.c\n+++ /x/f.c\n"
        assert body == "".join(f"+{row}\n" for row in content.split("\n")[:-1])
