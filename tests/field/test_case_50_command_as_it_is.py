"""Field case 50: a person approves the command that runs, not what a chat service makes of it."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest

from tests.faults.process import eventually
from tests.field.box import FIXTURES, box, endpoint

LINE = (FIXTURES / "50" / "line.jsonl").read_bytes().strip()
COMMAND = json.loads(LINE)["tool_input"]["command"]


@pytest.mark.parametrize("format_", ["discord", "slack", "telegram", "ntfy"])
def test_the_command_is_shown_as_it_is(tmp_path: Path, format_: str) -> None:
    """Every character of the command stands where no mark counts."""
    with endpoint() as hook, box(tmp_path) as here:
        here.session()
        here.serve(webhook_url=f"{hook.url}?chat_id=7", webhook_format=format_)
        here.daemon.start()
        here.hooks(LINE)
        eventually(lambda: here.attention() == "permission_request", what="the state")
        eventually(lambda: len(hook.got) == 1, what="the alert")
        (_, body) = hook.got[0]
        if format_ == "ntfy":
            assert COMMAND in body
        elif format_ == "telegram":
            (entity,) = body["entities"]
            shown = body["text"][entity["offset"] : entity["offset"] + entity["length"]]
            assert entity["type"] == "pre"
            assert shown.endswith(COMMAND)
            assert "parse_mode" not in body
        else:
            text = html.unescape(body["text"]) if format_ == "slack" else body["content"]
            assert COMMAND in text.split("```")[1]
        assert here.daemon.stop()[0] == 0
