"""The input box on recorded screens: a draft is found, a suggestion is not one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.input_box import InputBox, input_box
from tests.fixtures import CLAUDE_CODE

ANSWERS = CLAUDE_CODE / "answers"
RULE = "─" * 60
SIZES = ("60x20", "80x24", "120x40")
EMPTY = InputBox("")


def read(name: str) -> InputBox | None:
    """The box of a capture with colours."""
    return input_box((ANSWERS / "boxes" / f"{name}.ansi.txt").read_text(encoding="utf-8"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "box"),
    [
        ("empty", EMPTY),
        ("draft", InputBox("a draft of mine")),
        ("draft_cursor_first", InputBox("a draft of mine")),
        ("multi", InputBox("first line\n\nthird line")),
        ("pasted", InputBox("[Pasted text #1 +6 lines]")),
        ("busy", EMPTY),
        ("busy_draft", InputBox("draft while busy")),
        ("busy_queued", EMPTY),
        ("busy_queued_draft", InputBox("more")),
        ("interrupted", EMPTY),
        ("mode_acceptEdits", EMPTY),
        ("mode_plan", EMPTY),
        ("mode_auto", EMPTY),
        ("auto", EMPTY),
        ("plan", EMPTY),
        ("bypass", EMPTY),
        ("bash", InputBox("ls -l", "!")),
        ("bash_empty", InputBox("", "!")),
        ("slash", InputBox("/mod")),
        ("at", InputBox("@")),
        ("fake", EMPTY),
        ("fake2", EMPTY),
        ("named_empty", EMPTY),
        ("named_draft", InputBox("a draft of mine")),
        ("named_queued", EMPTY),
    ],
)
def test_recorded(size: str, name: str, box: InputBox) -> None:
    """What stands in it, at each size and in each mode; a queue's hint is no draft."""
    assert read(f"{size}_{name}") == box


def test_wrapped() -> None:
    """Lines that the box wraps are separate ones."""
    box = read("120x40_wrapped")
    assert box is not None
    assert box.draft.split() == ["word"] * 80


@pytest.mark.parametrize("name", ["60x20_long", "60x20_named_long", "120x40_named_long"])
def test_a_draft_higher_than_the_box(name: str) -> None:
    """Its first lines are not shown, and it is not empty."""
    box = read(name)
    assert box is not None
    assert (box.cut, box.empty) == (True, False)
    assert box.draft.endswith("line 7\nline 8")


def test_empty() -> None:
    """A shell command that is just begun is not empty: a text would become part of it."""
    assert InputBox("").empty
    assert not InputBox("a").empty
    assert not InputBox("", "!").empty
    assert not InputBox("", cut=True).empty


@pytest.mark.parametrize("path", sorted((CLAUDE_CODE / "screens" / "colours").glob("*.txt")), ids=lambda p: p.stem)
def test_no_box_beside_a_dialog(path: Path) -> None:
    """Of the recorded screens only the one without a dialog has a box."""
    box = input_box(path.read_text(encoding="utf-8"))
    assert (box == EMPTY) == path.name.startswith("busy_with_queued")
    assert box in (None, EMPTY)


@pytest.mark.parametrize("path", sorted((ANSWERS / "dialogs").glob("*.txt")), ids=lambda p: p.stem)
def test_no_box_in_a_dialog(path: Path) -> None:
    """Nor in any captured dialog, with its mark anywhere."""
    assert input_box(path.read_text(encoding="utf-8")) is None


def drawn(first: str, *more: str) -> str:
    """A box with these lines, raw."""
    return "\n".join(
        [f"\x1b[38;5;244m{RULE}", f"\x1b[39m{first}", *more, f"\x1b[0m\x1b[38;5;244m{RULE}", "\x1b[39m  mode"]
    )


@pytest.mark.parametrize(
    ("first", "draft"),
    [
        ("❯\u00a0\x1b[7m \x1b[0m", ""),
        ("❯\u00a0\x1b[7m", ""),
        ('❯\u00a0\x1b[7mT\x1b[0;2mry "fix the tests"\x1b[0m', ""),
        ('❯\u00a0\x1b[2mTry "fix the tests"\x1b[0m', ""),
        ("❯\u00a0yes\x1b[7m,\x1b[0;2m do that\x1b[0m", "yes"),
        ("❯\u00a0\x1b[7mx\x1b[0m", "x"),
        ("❯\u00a0a\x1b[7mb\x1b[27mc", "abc"),
        ("❯\u00a0\x1b[38;5;2mgreen\x1b[39m", "green"),
        ("❯\u00a0\x1b[38;2;2;2;2mgreen\x1b[48;5;2m!\x1b[0m", "green!"),
        ("❯\u00a0\x1b[2mhint\x1b[22m word", "word"),
        ("❯\u00a0\x1b[m1. Yes", "1. Yes"),
    ],
)
def test_colours(first: str, draft: str) -> None:
    """Dim is a suggestion, and so is the letter below the cursor before it; numbers of a colour mean nothing."""
    assert input_box(drawn(first)) == InputBox(draft)


@given(said=st.lists(st.text(max_size=60), max_size=10), draft=st.text(st.sampled_from("ab 1.❯─")).map(str.strip))
def test_any_conversation_above(said: list[str], draft: str) -> None:
    """Whatever stands above, without escape sequences of its own, the draft is found."""
    above = "\n".join(said).replace("\x1b", "")
    assert input_box(f"{above}\n{drawn('❯' + chr(0xA0) + draft)}") == InputBox(draft)


@given(text=st.text(st.one_of(st.characters(), st.sampled_from("\x1b[m2;─❯\n\u00a0")), max_size=200))
def test_random_screens(text: str) -> None:
    """No screen crashes it."""
    box = input_box(text)
    assert box is None or isinstance(box.draft, str)
