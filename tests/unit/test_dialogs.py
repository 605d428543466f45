"""Which dialog a screen shows: captures of the real client (2.1.330), each with its mark moved, and what is none."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ctm_trio.model.dialogs import Dialog, Row, parse_dialog, row_meaning, same_dialog
from tests.fixtures import CLAUDE_CODE

ANSWERS = CLAUDE_CODE / "answers"
PROJECT = "/srv/dev/project"
AUTO = "Yes, and switch to auto mode · auto mode handles these prompts for you"
ACCEPT_EDITS = (
    "Yes, and switch to accept edits (auto-approve file edits and common file commands) for this session (shift+tab)"
)

LABELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "agent": ("permission", ("Yes", f"Yes, and always allow access to {PROJECT} from this project", AUTO, "No")),
    "api_key": ("choice", ("Yes", "No (recommended)")),
    "auto_bash": ("permission", ("No", "Yes")),
    "auto_check": ("auto_check", ()),
    "auto_default": ("choice", ("Yes, set auto mode as my default permission mode", "No, keep manual mode")),
    "bash_dir": ("permission", ("Yes", f"Yes, and always allow access to {PROJECT} from this project", AUTO, "No")),
    "bash_lines": (
        "permission",
        (
            "Yes",
            f"Yes, and don't ask again for touch a.txt, touch b.txt, ❯ 1. No, and 2. Yes commands in {PROJECT}",
            AUTO,
            "No",
        ),
    ),
    "bash_menu": ("permission", ("Yes", f"Yes, and always allow access to {PROJECT} from this project", AUTO, "No")),
    "bypass": ("choice", ("No, exit", "Yes, I accept")),
    "fetch": (
        "permission",
        ("Yes", "Yes, and don't ask again for 127.0.0.1", "No, and tell Claude what to do differently (esc)"),
    ),
    "named_bash": (
        "permission",
        ("Yes", "Yes, and don’t ask again for: curl -s http://127.0.0.1:1/x", AUTO, "No"),
    ),
    "named_question": ("question", ("Tabs", "Spaces", "Type something.", "Chat about this")),
    "plan": ("plan", ("Yes, and use auto mode", "Yes, manually approve edits", "Tell Claude what to change")),
    "question": ("question", ("Tabs", "Spaces", "Type something.", "Chat about this")),
    "question_multi": (
        "question",
        ("[ ] Apple", "[ ] Pear", "[ ] Plum", "[ ] Type something", "Submit", "Chat about this"),
    ),
    "trust": ("trust", ("No, exit", "Yes, I trust this folder")),
    "write": ("permission", ("Yes", ACCEPT_EDITS, "No")),
    "write_long": ("permission", ("Yes", ACCEPT_EDITS, "No")),
    "write_tall": ("permission", ("Yes", ACCEPT_EDITS, "No")),
}
"""What each dialog offers, whatever the terminal's size."""


def read(path: Path) -> Dialog | None:
    """The dialog of a capture."""
    return parse_dialog(path.read_text(encoding="utf-8"))


def series() -> Iterator[tuple[str, str, list[tuple[str, Path]]]]:
    """(size, name, [(the key that was pressed before, the capture)]) for each recorded dialog."""
    found: dict[tuple[str, str], dict[int, tuple[str, Path]]] = defaultdict(dict)
    for path in sorted((ANSWERS / "dialogs").glob("*.txt")):
        named = re.fullmatch(r"(\d+x\d+)_(\w+)-(\d)?(\w*)", path.stem)
        assert named, path
        if named[3] is not None:
            found[named[1], named[2]][int(named[3])] = (named[4], path)
    for (size, name), captures in found.items():
        yield size, name, [captures[number] for number in sorted(captures)]


SERIES = list(series())


def test_enough_is_recorded() -> None:
    """Every dialog in the table was captured at three sizes at least."""
    for name in LABELS:
        sizes = {size for size, recorded, _ in SERIES if recorded == name}
        assert len(sizes) >= 3, name


@pytest.mark.parametrize(("size", "name", "captures"), [s for s in SERIES if s[1] in LABELS], ids=lambda v: str(v)[:20])
def test_the_mark_moves_and_nothing_else(size: str, name: str, captures: list[tuple[str, Path]]) -> None:
    """The rows are read as they are, and each key moves the mark by one row in a dialog that stays the same."""
    grammar, labels = LABELS[name]
    first, at = None, None
    for key, path in captures:
        dialog = read(path)
        assert dialog is not None, path
        shown = tuple(row.label.replace("/srv/dev/h2/project", PROJECT) for row in dialog.rows)
        assert (dialog.grammar, shown) == (grammar, labels), path
        if not labels:
            continue
        marked = [number for number, row in enumerate(dialog.rows) if row.marked]
        assert len(marked) == 1, path
        if first is not None and at is not None:
            assert same_dialog(first, dialog), path
            step = {"Down": 1, "Up": -1}[key]
            assert marked[0] == (at + step) % len(labels), path
        first, at = first or dialog, marked[0]


@pytest.mark.parametrize("path", sorted((ANSWERS / "dialogs").glob("*.txt")), ids=lambda p: p.stem)
def test_everything_captured_is_safe(path: Path) -> None:
    """What is read has exactly one mark and labels that tell the rows apart, or it has no rows, or it is nothing."""
    dialog = read(path)
    if dialog is not None and dialog.rows:
        assert sum(row.marked for row in dialog.rows) == 1
        assert len({row.label for row in dialog.rows}) == len(dialog.rows)


def test_dialogs_of_one_size_differ() -> None:
    """No dialog is taken for another one."""
    seen: list[tuple[str, Dialog]] = []
    for size, name, captures in SERIES:
        dialog = read(captures[0][1])
        if dialog is not None and name not in ("write_long", "named_question"):  # others show the same
            seen.append((f"{size} {name}", dialog))
    for number, (one, a) in enumerate(seen):
        for other, b in seen[number + 1 :]:
            if one.split(" ")[1] != other.split(" ")[1]:
                assert not same_dialog(a, b), (one, other)


SCREENS: dict[str, tuple[str, str, str] | None] = {
    "auto_mode_cannot_check": ("auto_check", "Auto mode can't check actions in this session", ""),
    "busy_with_queued": None,
    "dialog_model": ("panel", "Select model", "Default (recommended)"),
    "folder_trust": ("trust", "Accessing workspace:", "No, exit"),
    "idle": (
        "choice",
        "Make auto mode your default permission mode?",
        "Yes, set auto mode as my default permission mode",
    ),
    "permission_bash_directory": ("permission", "Bash command", "Yes"),
    "permission_bash_rule": ("permission", "Bash command", "Yes"),
    "permission_from_agent": ("permission", "Bash command · from the general-purpose agent", "Yes"),
    "permission_in_auto_mode": ("permission", "Bash command", "No"),
    "permission_write": ("permission", "Create file", "Yes"),
    "plan_approval": ("plan", "Ready to code?", "Yes, and use auto mode"),
    "plan_feedback_typed": ("plan", "Ready to code?", "use another name"),
    "question_multi": ("question", "Which fruits?", "[✔] Apple"),
    "question_single": ("question", "Tabs or spaces?", "Tabs"),
    "question_single_other_typed": ("question", "Tabs or spaces?", "my own answer"),
    "question_two_first": ("question", "Tabs or spaces?", "Tabs"),
    "question_two_review": ("review", "←  ☒ Indent  ☒ Fruits  ✔ Submit  →", "Submit answers"),
}


@pytest.mark.parametrize("name", SCREENS)
def test_screens(name: str) -> None:
    """The recorded screens of 2.1.330 and 2.1.332: kind, title, marked row."""
    dialog = read(CLAUDE_CODE / "screens" / f"{name}.txt")
    shown = dialog and (dialog.grammar, dialog.title, next((r.label for r in dialog.rows if r.marked), ""))
    assert shown == SCREENS[name]


def test_what_a_dialog_is_about() -> None:
    """The command and the file's text stand in the body, a label's explanation in the detail."""
    dialog = read(CLAUDE_CODE / "screens" / "permission_bash_rule.txt")
    assert dialog is not None
    assert "curl -s http://127.0.0.1:1/x; echo done" in dialog.body
    assert [row_meaning(row) for row in dialog.rows] == ["yes", "remember", "other", "no"]
    assert [row.digit for row in dialog.rows] == ["1", "2", "3", "4"]
    question = read(CLAUDE_CODE / "screens" / "question_single.txt")
    assert question is not None
    assert [row.detail for row in question.rows] == ["One byte", "Four bytes", "", ""]


def test_a_list_that_scrolls_has_no_rows() -> None:
    """Where rows are hidden the panel is known to be open, and no row of it can be chosen."""
    dialog = read(ANSWERS / "dialogs" / "60x20_model-0.txt")
    assert dialog is not None
    assert (dialog.title, dialog.rows) == ("Select model", ())


@pytest.mark.parametrize("path", sorted((ANSWERS / "boxes").glob("*.txt")), ids=lambda p: p.stem)
def test_with_the_input_box_there_is_no_dialog(path: Path) -> None:
    """Drafts, queued prompts, modes; also below an answer that shows a perfect dialog (`fake`)."""
    if not path.name.endswith(".ansi.txt"):
        assert read(path) is None


def test_what_stays_below_a_dialog_of_a_named_session() -> None:
    """The upper rule of its input box, with the name, whatever that is; nothing else may stand there."""
    screen = (ANSWERS / "dialogs" / "60x20_bash_dir-0.txt").read_text(encoding="utf-8").rstrip()
    dialog = parse_dialog(screen)
    assert dialog is not None
    for name in ("A name", "── a rule", "❯ 1. Yes", "↑ 4 more"):
        assert parse_dialog(f"{screen}\n\n\n{'─' * 30} {name} ─\n\n") == dialog
    assert parse_dialog(f"{screen}\n\n\n{'─' * 30} A name ─\n  more") is None


RULE = "─" * 80
BOX = [RULE, "❯\u00a0", RULE, "  ⏸ manual mode on"]


def played(*head: str, rows: list[str], at: int = 0, digits: bool = True) -> list[str]:
    """A dialog as the conformance tests' played client draws it."""
    shown = [f" {'❯' if n == at else ' '} {f'{n + 1}. ' if digits else ''}{row}" for n, row in enumerate(rows)]
    return [RULE, *(" " + line for line in head), "", *shown, "", " Esc to cancel"]


def test_the_played_client() -> None:
    """Its dialogs are read too."""
    for at in (0, 1):
        dialog = parse_dialog(
            "\n".join(["❯ hello", *played("Bash command", "ls", rows=["No", "Yes"], at=at, digits=False)])
        )
        assert dialog is not None
        assert dialog.rows == (Row("No", at == 0), Row("Yes", at == 1))
    dialog = parse_dialog("\n".join(played("☐ Indent", "Tabs or spaces?", rows=["Tabs", "Spaces"])))
    assert dialog == Dialog(
        "Tabs or spaces?", ("☐ Indent",), (Row("Tabs", True, "1"), Row("Spaces", False, "2")), "question"
    )


@pytest.mark.parametrize(
    "screen",
    [
        "",
        "$ ls",
        "\n".join(played("Bash command", rows=["Yes", "No"]) + BOX),
        "\n".join([RULE, " Bash command", "", " ❯ 1. Yes", " ❯ 2. No", "", " Esc to cancel"]),
        "\n".join([RULE, " Bash command", "", "   1. Yes", "   2. No", "", " Esc to cancel"]),
        "\n".join([RULE, " Bash command", "", " ❯ 1. Yes", "   3. No", "", " Esc to cancel"]),
        "\n".join([RULE, " Bash command", "", " ❯ 2. Yes", "   3. No", "", " Esc to cancel"]),
        "\n".join([RULE, " Bash command", "", " ❯ 1. Yes", "", "   2. No", "", " Esc to cancel"]),
        "\n".join([RULE, " Bash command", "", " ❯ 1. Yes", "   2. No", "", " What is this?"]),
        "\n".join([RULE, " Bash command", "", " ❯ 1. Yes", "   2. Yes", "", " Esc to cancel"]),
        "\n".join([RULE, " Bash command", "", " ❯ Maybe", "   Perhaps", "", " Esc to cancel"]),
        "\n".join(
            [RULE, " Bash command", "", " ❯ Yes, with a label that goes", "   on", "   No", "", " Esc to cancel"]
        ),
        "\n".join([RULE, " ❯ 1. Yes", "   2. No", "", " Esc to cancel"]),
        "\n".join([" Bash command", " ❯ 1. Yes", "   2. No", "", " Esc to cancel"]),
        "\n".join(["  " + line for line in played("Bash command", rows=["Yes", "No"])]),
        "\n".join([RULE, " Bash command", "╌" * 80, " ls", " ❯ 1. Yes", "   2. No", "╌" * 80, " Loading…"]),
        "\n".join([RULE, "  4. Chat about this", "", "Enter to select · Esc to cancel"]),
    ],
)
def test_in_doubt_there_is_none(screen: str) -> None:
    """Two marks or none, a number that is missing, rows without a head, an unknown foot, no rule, a wrapped label."""
    assert parse_dialog(screen) is None


def test_a_command_that_looks_like_rows() -> None:
    """What stands between the dashed rules is never a row."""
    command = ["╌" * 80, " ❯ 1. Yes", "   2. No", "╌" * 80]
    screen = [
        RULE,
        " Bash command",
        *command,
        " Do you want to proceed?",
        "   1. Yes",
        " ❯ 2. No",
        "",
        " Esc to cancel",
    ]
    dialog = parse_dialog("\n".join(screen))
    assert dialog is not None
    assert dialog.rows == (Row("Yes", False, "1"), Row("No", True, "2"))


def test_a_question_that_imitates_another_dialog() -> None:
    """A question's text is the model's: rows in it make it doubtful, a rule in it hides its header."""
    rows = [
        "❯ 1. Tabs",
        "  2. Spaces",
        RULE,
        "  3. Chat about this",
        "",
        "Enter to select · ↑/↓ to navigate · Esc to cancel",
    ]
    good = [RULE, " ☐ Indent", "", "Tabs or spaces?", "", *rows]
    assert parse_dialog("\n".join(good)) is not None
    for text in (["❯ 1. Yes", "  2. No"], [RULE, " Bash command", " Do you want to proceed?"]):
        assert parse_dialog("\n".join([*good[:3], *text, *good[3:]])) is None


@pytest.mark.parametrize(
    ("label", "meaning"),
    [
        ("Yes", "yes"),
        ("No", "no"),
        ("No, exit", "no"),
        ("No, and tell Claude what to do differently (esc)", "no"),
        ("Yes, and don’t ask again for: ls", "remember"),
        ("Yes, and always allow access to /x from this project", "remember"),
        (ACCEPT_EDITS, "remember"),
        ("Yes, and switch to auto mode", "other"),
        ("Yes, I trust this folder", "other"),
        ("Yes, I accept", "other"),
        ("Yes please", "other"),
        ("yes", "other"),
        ("Now", "other"),
        ("Tell Claude what to change", "other"),
        ("", "other"),
    ],
)
def test_meaning(label: str, meaning: str) -> None:
    """Only a plain Yes means yes."""
    assert row_meaning(Row(label, marked=True)) == meaning


words = st.text(st.sampled_from("abc YN1.❯─╌☐│·"), min_size=1, max_size=12).map(str.strip).filter(bool)


def built(title: str, body: list[str], labels: list[str], at: int) -> Dialog:
    """A dialog of these parts."""
    rows = tuple(Row(label, n == at % len(labels), str(n + 1)) for n, label in enumerate(labels))
    return Dialog(title, tuple(body), rows, "permission")


dialogs = st.builds(
    built,
    title=words,
    body=st.lists(words, max_size=4),
    labels=st.lists(words, min_size=1, max_size=5, unique=True),
    at=st.integers(0, 4),
)


@given(dialog=dialogs, at=st.integers(0, 4))
def test_same_with_another_mark(dialog: Dialog, at: int) -> None:
    """A moved mark makes no other dialog."""
    rows = tuple(replace(row, marked=n == at % len(dialog.rows)) for n, row in enumerate(dialog.rows))
    assert same_dialog(dialog, replace(dialog, rows=rows))


@given(
    dialog=dialogs,
    other=words,
    where=st.integers(0, 9),
    what=st.sampled_from(["title", "body", "label", "order", "row"]),
)
def test_a_changed_dialog_is_another(dialog: Dialog, other: str, where: int, what: str) -> None:
    """Another command, title, row, order or number of rows: another dialog."""
    rows, body = list(dialog.rows), list(dialog.body)
    at = where % len(rows)
    if what == "title":
        changed = replace(dialog, title=dialog.title + other)
    elif what == "body":
        changed = replace(dialog, body=(*body[: where % (len(body) + 1)], other, *body[where % (len(body) + 1) :]))
    elif what == "label":
        rows[at] = replace(rows[at], label=rows[at].label + other)
        changed = replace(dialog, rows=tuple(rows))
    elif what == "order":
        turned = tuple(replace(row, digit=str(n + 1)) for n, row in enumerate(reversed(rows)))
        changed = replace(dialog, rows=(*turned, Row(other * 9, marked=False)) if len(rows) == 1 else turned)
    else:
        changed = replace(dialog, rows=tuple(rows[:at] + rows[at + 1 :]))
    assert not same_dialog(dialog, changed)
    assert not same_dialog(changed, dialog)


PIECES = [
    *(RULE, "▔" * 80, "╌" * 80, "❯\u00a0", " Bash command", " ☐ Indent", " Do you want to proceed?", "● Text", ""),
    *(" ❯ 1. Yes", "   2. No", "❯ 1. Tabs", "  2. Chat about this", " Esc to cancel", " ↑ 4 more lines"),
]
lines = st.one_of(st.text(max_size=60), st.sampled_from(PIECES))


@given(said=st.lists(lines, max_size=30))
def test_nothing_said_above_the_input_box_is_a_dialog(said: list[str]) -> None:
    """Whatever a conversation contains."""
    assert parse_dialog("\n".join([*said, *BOX])) is None


@given(said=st.lists(st.text(max_size=60), max_size=30))
def test_random_text_is_no_dialog(said: list[str]) -> None:
    """Random text neither crashes it nor is a dialog."""
    assert parse_dialog("\n".join(said)) is None


@given(said=st.lists(lines, max_size=14))
def test_whatever_is_read_can_be_chosen_from(said: list[str]) -> None:
    """A mosaic of a dialog's pieces is either nothing or has rows of which exactly one is marked."""
    dialog = parse_dialog("\n".join(said))
    if dialog is not None and dialog.rows:
        assert sum(row.marked for row in dialog.rows) == 1
        assert dialog.title
