"""Who decided about a call: what the client writes with its result, as it was recorded."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ctm_trio.model.call_result import decider_of
from ctm_trio.transcripts.call_result import Mark, find_decider, mark_of
from tests.fixtures import CLAUDE_CODE
from tests.unit.json_values import ANY_JSON

RECORDED: dict[str, dict[str, Any]] = json.loads((CLAUDE_CODE / "answers" / "decisions.json").read_text())

DECIDERS = {
    "allowed by the hook": "hook",
    "denied by the hook": "hook",
    "allowed at the terminal": "terminal",
    "refused at the terminal": "terminal",
    "refused at the terminal, with words": "terminal",
    "interrupted while it ran": "unknown",
    "nobody was asked": "unknown",
}


def call_of(line: dict[str, Any]) -> str:
    """The call that a line is the result of."""
    return str(line["message"]["content"][0]["tool_use_id"])


def test_each_recorded_line_is_tested() -> None:
    """No line is left out of the table."""
    assert RECORDED.keys() == DECIDERS.keys()


@pytest.mark.parametrize("name", DECIDERS)
def test_who_decided(name: str) -> None:
    """The result of this call says it, and nothing about another one."""
    line = RECORDED[name]
    assert decider_of(line, call_of(line)) == DECIDERS[name]
    assert decider_of(line, "another") is None


@given(ANY_JSON)
def test_any_value(value: object) -> None:
    """Whatever stands in a line, it raises nothing."""
    assert decider_of({"message": value, "permissionDecision": value, "toolDenialKind": value}, "x") in (
        None,
        "unknown",
    )
    line = {**RECORDED["nobody was asked"], "permissionDecision": value}
    assert decider_of(line, call_of(line)) == "unknown"


def test_only_what_came_later_is_searched(tmp_path: Path) -> None:
    """From the mark on; a half line is none, and neither is a file that went."""
    file = tmp_path / "t.jsonl"
    line = RECORDED["allowed by the hook"]
    call, data = call_of(line), json.dumps(line).encode() + b"\n"
    file.write_bytes(data)
    mark = mark_of(str(file))
    assert mark == Mark(str(file), len(data))
    assert find_decider(mark, call) is None
    with file.open("ab") as end:
        end.write(b'no JSON "tool_result" ' + call.encode() + b"\n")
        end.write(data[:-1])
        end.flush()
        assert find_decider(mark, call) is None
        end.write(b"\n")
    assert find_decider(mark, call) == "hook"
    file.unlink()
    assert find_decider(mark, call) is None


@pytest.mark.parametrize("path", [None, 7, "", "a\0b"])
def test_no_path(path: object) -> None:
    """A hook that names no transcript."""
    assert mark_of(path) is None


def test_what_is_no_file(tmp_path: Path) -> None:
    """A transcript that is not there yet begins at 0; a FIFO in its place blocks nothing."""
    mark = mark_of(str(tmp_path / "none"))
    assert mark == Mark(str(tmp_path / "none"), 0)
    os.mkfifo(tmp_path / "none")
    assert find_decider(mark, "x") is None
