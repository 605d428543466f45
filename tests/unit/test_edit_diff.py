"""`model.edit_diff`: what a file would become, against the file as it is; checked by applying the diff."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.diff import MATCH_LINES
from ctm_trio.model.edit_diff import CUT, MAX_BYTES, MAX_RESULT, NO_NEWLINE, edit_diff
from tests.unit.json_values import ANY_JSON

TEN = "".join(f"line {n}\n" for n in range(1, 11))
HEAD = "--- /w/a.py\n+++ /w/a.py\n"


def edit(old: str, new: str, before: str | None, **more: object) -> str:
    return edit_diff("Edit", {"file_path": "/w/a.py", "old_string": old, "new_string": new, **more}, before)


def write(content: str, before: str | None) -> str:
    return edit_diff("Write", {"file_path": "/w/a.py", "content": content}, before)


def lines_with_ends(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def applied(diff: str, before: str) -> str:
    """The file after this diff. It checks line numbers, counts and what is removed on the way."""
    if not diff:
        return before
    old, new = lines_with_ends(before), list[str]()
    at, lines = 0, diff.split("\n")
    assert lines[0].startswith("--- ")
    assert lines[1].startswith("+++ ")
    assert lines.pop() == ""
    number = 2
    while number < len(lines):
        match = re.fullmatch(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@", lines[number])
        assert match, lines[number]
        start, count, new_start, new_count = map(int, match.groups())
        number += 1
        first = start - 1 if count else start
        new += old[at:first]
        at = first
        assert len(new) == (new_start - 1 if new_count else new_start)
        begun, made = at, len(new)
        while number < len(lines) and not lines[number].startswith("@@ "):
            sign, text = lines[number][0], lines[number][1:]
            number += 1
            if number < len(lines) and lines[number] == NO_NEWLINE:
                number += 1
            else:
                text += "\n"
            if sign in " -":
                assert old[at] == text
                at += 1
            if sign in " +":
                new.append(text)
        assert (at - begun, len(new) - made) == (count, new_count)
    return "".join(new + old[at:])


def test_an_edit_in_its_file() -> None:
    """Three lines around it, with the numbers that it has there."""
    assert edit("line 6", "six", TEN) == (
        HEAD + "@@ -3,7 +3,7 @@\n line 3\n line 4\n line 5\n-line 6\n+six\n line 7\n line 8\n line 9\n"
    )


def test_every_place_of_an_edit() -> None:
    """The first place alone, or all of them."""
    before = "x\n" + TEN + "x\n"
    assert edit("x", "y", before).count("\n+y") == 1
    assert applied(edit("x", "y", before, replace_all=True), before) == "y\n" + TEN + "y\n"
    assert edit("x", "y", before, replace_all=True).count("\n@@ ") == 2


def test_several_edits() -> None:
    """Each works on what the one before made."""
    edits = [{"old_string": "line 2\n", "new_string": "two\n"}, {"old_string": "two", "new_string": "2\n2"}]
    diff = edit_diff("MultiEdit", {"file_path": "/w/a.py", "edits": edits}, TEN)
    assert applied(diff, TEN) == TEN.replace("line 2\n", "2\n2\n")


def test_an_edit_that_does_not_fit() -> None:
    """The texts are compared alone: the file is unknown, is another one, or would become too long."""
    alone = HEAD + "@@ -1,1 +1,1 @@\n-a\n+b\n"
    assert edit("a\n", "b\n", None) == alone
    assert edit("a\n", "b\n", "something else") == alone
    assert edit("a\n", "b\n", "") == alone
    long = edit("a\n", "b" * (MAX_RESULT // 1000) + "\n", "a\n" * 2000, replace_all=True)
    assert long.startswith(HEAD + "@@ -1,1 +1,1 @@\n-a\n+b")


def test_an_edit_that_makes_a_file() -> None:
    """The old text is empty then."""
    assert edit("", "a\nb\n", None) == HEAD + "@@ -0,0 +1,2 @@\n+a\n+b\n"
    assert edit("", "a\n", "is there") == HEAD + "@@ -0,0 +1,1 @@\n+a\n"


def test_carriage_returns() -> None:
    """A file with CRLF is found by an edit without, as the client does it; the ends stay in the lines."""
    before = "a\r\nb\r\nc\r\n"
    assert edit("a\nb", "a\nB", before) == HEAD + "@@ -1,3 +1,3 @@\n a\r\n-b\r\n+B\r\n c\r\n"


def test_write() -> None:
    """A new file, a changed one, one that is the same, one that is emptied."""
    assert write("hello\nworld\n", None) == HEAD + "@@ -0,0 +1,2 @@\n+hello\n+world\n"
    assert applied(write(TEN.replace("4", "four"), TEN), TEN) == TEN.replace("4", "four")
    assert write(TEN, TEN) == ""
    assert write("", "a\n") == HEAD + "@@ -1,1 +0,0 @@\n-a\n"
    assert write("", None) == ""


def test_the_last_line_feed() -> None:
    """That it goes or comes is a change."""
    assert write("a", "a\n") == HEAD + f"@@ -1,1 +1,1 @@\n-a\n+a\n{NO_NEWLINE}\n"
    assert write("a\n", "a") == HEAD + f"@@ -1,1 +1,1 @@\n-a\n{NO_NEWLINE}\n+a\n"


@pytest.mark.parametrize("end", ["\r", "\f", "\v", "\x1c", "\x85", "\u2028", "\u2029"])
def test_only_a_line_feed_ends_a_line(end: str) -> None:
    """All else that may end one elsewhere stays inside."""
    assert write(f"a{end}b\n", "x\n") == HEAD + f"@@ -1,1 +1,1 @@\n-x\n+a{end}b\n"
    assert edit(f"a{end}b", "c", None) == HEAD + f"@@ -1,1 +1,1 @@\n-a{end}b\n+c\n"


def test_large_files() -> None:
    """One changed line of many is one hunk; too many changes are not matched, but the whole is still right."""
    before = "".join(f"{n}\n" for n in range(20_000))
    after = before.replace("\n9999\n", "\nchanged\n")
    assert write(after, before).count("\n") == 11
    assert applied(write(after, before), before) == after
    swapped = "".join(f"{n ^ 1}\n" for n in range(MATCH_LINES + 10))
    whole = "".join(f"{n}\n" for n in range(MATCH_LINES + 10))
    assert applied(write("a\nb\n" + swapped + "c\n", "a\nb\n" + whole + "c\n"), "a\nb\n" + whole + "c\n")
    assert write(swapped, whole).count("\n@@ ") == 1


@pytest.mark.parametrize(
    "content", ["x\n" * 200_000, "ä" * 200_000, "ä" * 200_000 + "\nb", "a\n" * 60_000 + "ö" * 300_000]
)
def test_long_diffs_are_cut(content: str) -> None:
    """The bound holds, and the last line says so."""
    for diff in (write(content, None), edit("y", content, None), edit("y", content, "y")):
        assert len(diff.encode()) <= MAX_BYTES
        assert diff.endswith("\n" + CUT)
        assert diff.startswith(HEAD)


def test_other_tools_and_shapes() -> None:
    """Nothing is there to show."""
    assert edit_diff("Bash", {"command": "x"}, None) == ""
    assert edit_diff("Write", {"file_path": "/x"}, None) == ""
    assert edit_diff("Edit", {}, "x") == ""
    assert edit_diff("MultiEdit", {"edits": [1]}, "x") == ""
    assert edit("same", "same", "same") == ""
    assert edit("same", "same", None) == ""


def test_a_path_with_a_line_break() -> None:
    """It cannot look like lines of the diff."""
    diff = edit_diff("Write", {"file_path": "/w/a\n+evil", "content": "x\n"}, None)
    assert diff.split("\n")[:2] == ["--- /w/a ⏎ +evil", "+++ /w/a ⏎ +evil"]


TEXTS = st.text(st.sampled_from("ab\n\r\f\u2028")) | st.text()


@given(TEXTS, TEXTS)
def test_any_write(before: str, after: str) -> None:
    """The diff, applied to the file, gives what is written."""
    assert applied(write(after, before), before) == after


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_any_edit(start: str, old: str, new: str, end: str) -> None:
    """The diff, applied to the file, is the edit."""
    before = start + old + end
    if old:
        assert applied(edit(old, new, before), before) == before.replace(old, new, 1)


@given(
    st.sampled_from(["Edit", "MultiEdit", "Write", "X"]),
    st.dictionaries(
        st.sampled_from(["file_path", "content", "old_string", "new_string", "edits", "replace_all"]), ANY_JSON
    ),
    st.none() | st.text(),
)
def test_any_input(tool: str, tool_input: dict[str, object], before: str | None) -> None:
    """Any JSON gives a diff or nothing."""
    diff = edit_diff(tool, tool_input, before)
    assert diff == "" or diff.startswith("--- ")
