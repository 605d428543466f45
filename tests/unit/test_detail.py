"""One call in full: the output of every recorded tool, and diffs that turn the old text into the new."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.detail import EXCERPT_CHARS, Detail, detail_of
from ctm_trio.model.diff import diff_of, lines_of
from ctm_trio.model.log_parse import row_of
from tests.fixtures import recorded

NOW = "2026-01-01T00:00:00Z"


def detail(**line: Any) -> Detail:
    """The detail of a line made of these keys."""
    found = detail_of(json.dumps(line).encode(), NOW)
    assert found is not None
    return found


def call(tool: str, given: object, response: object) -> Detail:
    """The detail of a successful call."""
    return detail(hook_event_name="PostToolUse", tool_name=tool, tool_input=given, tool_response=response)


@pytest.mark.parametrize(
    ("tool", "response", "output"),
    [
        ("Bash", {"output": "a\nb\n"}, "a\nb\n"),
        ("Bash", {"is_error": True, "error": "boom"}, "boom"),
        ("Bash", {"is_error": True, "error": {"message": "deep"}}, "deep"),
        ("Bash", {"is_error": True, "output": "said\nso", "error": "boom"}, "said\nso"),
        ("Bash", {"is_error": True, "output": " \n", "error": "boom"}, "boom"),
        ("Bash", {"is_error": "true", "output": "said\nso", "error": "boom"}, "said\nso"),
        ("Bash", {"is_error": 1, "stdout": "said"}, "said"),
        ("Bash", {"stdout": "a\nb", "stderr": "", "interrupted": False}, "a\nb"),
        ("Bash", {"stdout": "a", "stderr": "warned"}, "a\nwarned"),
        ("Bash", {"stdout": "", "backgroundTaskId": "b1"}, "Runs in the background as b1."),
        ("Read", {"type": "text", "file": {"filePath": "/f", "content": "one\ntwo", "numLines": 2}}, "one\ntwo"),
        ("Read", {"type": "file_unchanged", "file": {"filePath": "/f"}}, "file unchanged: /f"),
        ("Grep", {"mode": "content", "content": "f:1:x", "filenames": []}, "f:1:x"),
        ("Grep", {"mode": "files_with_matches", "filenames": ["a", "b"], "numFiles": 2}, "a\nb"),
        ("Glob", {"filenames": [], "numFiles": 0}, "No matches."),
        ("Write", {"type": "create", "filePath": "/f", "content": "x", "structuredPatch": []}, "Created /f"),
        ("Agent", {"status": "completed", "content": [{"type": "text", "text": "done"}]}, "done"),
        ("Agent", {"status": "async_launched", "agentId": "a1"}, "async launched"),
        ("mcp__x__y", [{"type": "text", "text": "one"}, {"type": "image"}, "two"], "one\n[image]\ntwo"),
        ("TodoWrite", {"oldTodos": [], "newTodos": [{"status": "done", "content": "eat"}]}, "done: eat"),
        ("WebFetch", {"bytes": 3, "result": "page"}, "page"),
        ("Unknown", {"x": 1}, '{"x":1}'),
        ("Unknown", "plain", "plain"),
        ("Unknown", None, ""),
    ],
)  # fmt: skip
def test_outputs(tool: str, response: object, output: str) -> None:
    """Each shape of a response gives the text that it carries."""
    assert call(tool, {}, response).output_excerpt == output


def test_failure() -> None:
    """A failed call of today's client shows its whole error, and no diff of an edit that was not made."""
    found = detail(
        hook_event_name="PostToolUseFailure", tool_name="Edit", tool_input={"file_path": "/f", "old_string": "a"},
        error="Exit code 3\npartial\nbroken",
    )  # fmt: skip
    assert (found.output_excerpt, found.is_error, found.diff) == ("Exit code 3\npartial\nbroken", True, msgspec.UNSET)
    assert found.ts == NOW


def test_long_output() -> None:
    """A long output is cut, and says so in its last character."""
    found = call("Bash", {"command": "yes"}, {"stdout": "y" * 5000}).output_excerpt
    assert (len(found), found[-2:]) == (EXCERPT_CHARS, "y…")


def test_recorded_calls() -> None:
    """Every recorded call has a detail with its input as it was, and an output where the recording has one."""
    calls = [
        p
        for item in recorded("hooks")
        if (p := item["payload"])["hook_event_name"] in ("PostToolUse", "PostToolUseFailure")
    ]
    assert len(calls) > 20
    for payload in calls:
        found = detail(**payload)
        assert json.loads(found.input_json) == payload["tool_input"]
        text = payload.get("error") or json.dumps(payload.get("tool_response"))
        if len(text) > 60 and not found.output_excerpt:
            assert payload["tool_response"].get("stdout") == ""
        if payload["tool_name"] in ("Edit", "Write") and "error" not in payload:
            assert isinstance(found.diff, str)
            assert found.diff.startswith(f"--- {payload['tool_input']['file_path']}\n+++ ")


@pytest.mark.parametrize(
    ("response", "summary", "failed"),
    [
        ({"is_error": True, "output": "said\nso", "error": "boom"}, "said", True),
        ({"is_error": True, "output": "\nso", "error": "boom"}, "boom", True),
        ({"is_error": True, "error": {"message": "deep"}}, "deep", True),
        ({"is_error": "true", "output": "said\nso", "error": "boom"}, "said", False),
        ({"is_error": 1, "stdout": "\nsaid"}, "said", False),
        ({"output": ["no text"], "stdout": "said"}, "said", False),
    ],
)
def test_summaries_of_old_shapes(response: object, summary: str, failed: bool) -> None:
    """The first line of the output comes before an error's message; a key of another type counts as absent."""
    line = json.dumps(
        {"tool_name": "Bash", "tool_input": {"command": "x", "url": 5}, "tool_response": response}
    ).encode()
    row, _ = row_of(line, 0, lambda: NOW)
    assert row is not None
    payload = json.loads(b'{"session":"",' + row.tail)
    assert (payload["input"], payload["summary"], payload["is_error"]) == ("x", summary, failed)


def test_a_failure_with_both() -> None:
    """Today's failure tells its error; one without an error tells what its response says."""
    both = {
        "hook_event_name": "PostToolUseFailure",
        "tool_name": "Bash",
        "tool_input": {},
        "tool_response": {"stdout": "out"},
    }
    assert detail(**both, error="Exit code 3").output_excerpt == "Exit code 3"
    assert detail(**both).output_excerpt == "out"
    assert detail(**both).is_error
    assert detail(tool_name="Bash", tool_response=None, error="Exit code 3").output_excerpt == "Exit code 3"
    assert detail(tool_name="Bash", tool_response=None, error="Exit code 3").is_error


@pytest.mark.parametrize("edits", [None, [], {}, "x", [5], [{}], [{"old_string": 5}]])
def test_an_edit_without_texts_has_no_diff(edits: object) -> None:
    """A MultiEdit that names no edits has no diff; nor has an Edit without texts."""
    given = {"file_path": "/f"} if edits is None else {"file_path": "/f", "edits": edits}
    assert call("MultiEdit", given, {}).diff is msgspec.UNSET
    assert call("Edit", {"file_path": "/f"}, {}).diff is msgspec.UNSET


STRANGE = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\r"


def test_only_a_line_feed_ends_a_line() -> None:
    """Every other character at which `str.splitlines` cuts stays in its line; CRLF keeps its carriage return."""
    content = f"a{STRANGE}b\r\nc\n"
    assert call("Write", {"file_path": "/f", "content": content}, {}).diff == (
        f"--- /f\n+++ /f\n@@ -0,0 +1,2 @@\n+a{STRANGE}b\r\n+c\n"
    )
    edit = {"file_path": "/f", "old_string": f"a{STRANGE}b\nx", "new_string": f"a{STRANGE}b\ny"}
    assert call("Edit", edit, {}).diff == f"--- /f\n+++ /f\n@@ -1,2 +1,2 @@\n a{STRANGE}b\n-x\n+y\n"
    assert lines_of("") == []
    assert lines_of("\n\n") == ["", ""]


def test_no_call() -> None:
    """What is not a tool call has no detail."""
    assert detail_of(b'{"hook_event_name":"Stop"}', NOW) is None
    assert detail_of(b"no json", NOW) is None


def test_structured_patch() -> None:
    """The client's own patch counts: it knows the line numbers."""
    patch = [{"oldStart": 7, "oldLines": 2, "newStart": 7, "newLines": 2, "lines": [" a", "-b", "+c"]}]
    given = {"file_path": "/f", "old_string": "b", "new_string": "c"}
    assert diff_of("Edit", given, {"structuredPatch": patch}) == "--- /f\n+++ /f\n@@ -7,2 +7,2 @@\n a\n-b\n+c\n"


@given(st.lists(st.sampled_from("abcd"), max_size=8), st.lists(st.sampled_from("abcd"), max_size=8))
def test_diff_applies(old: list[str], new: list[str]) -> None:
    """Without a patch: the context and removed lines are the old text, the context and added ones the new."""
    given = {"file_path": "/f", "old_string": "\n".join(old), "new_string": "\n".join(new)}
    text = diff_of("Edit", given, {})
    assert text is not None
    body = [line for line in text.splitlines()[2:] if not line.startswith("@@")]
    if old != new:
        assert [line[1:] for line in body if line[0] in " -"] == old
        assert [line[1:] for line in body if line[0] in " +"] == new
    else:
        assert body == []


def test_big_diff() -> None:
    """Huge texts are not matched line by line: all removed, all added."""
    old, new = "\n".join("x" * 3000), "\n".join("y" * 3000)
    text = diff_of("MultiEdit", {"file_path": "/f", "edits": [{"old_string": old, "new_string": new}, "rubbish"]}, {})
    assert text is not None
    assert (text.count("\n-x"), text.count("\n+y")) == (3000, 3000)
