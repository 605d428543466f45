"""Which dialog is a request's: keys pressed in another one would allow what nobody has allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ctm_trio.model.dialog_choice import shows
from ctm_trio.model.dialogs import Dialog, Row, parse_dialog
from ctm_trio.model.request import Asked, asked_of

SCREENS = Path(__file__).parents[1] / "fixtures" / "claude-code" / "screens"
DIALOGS = Path(__file__).parents[1] / "fixtures" / "claude-code" / "answers" / "dialogs"
LONG = "cd /home/dev/project/with/a/long/path && "
WIDE = "cd /home/dev/project && " + "x" * 80


def dialog(path: Path, old: str = "", new: str = "") -> Dialog:
    """A recorded dialog, with another text in it."""
    found = parse_dialog(path.read_text().replace(old, new) if old else path.read_text())
    assert found is not None
    return found


def asked(tool: str, cwd: str = "/home/dev/project", **tool_input: Any) -> Asked:
    """What was asked."""
    payload = {"hook_event_name": "PermissionRequest", "tool_name": tool, "tool_input": tool_input, "cwd": cwd}
    found = asked_of(payload)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("shown", "command", "expected"),
    [
        ("touch made-one.txt", "touch made-one.txt", True),
        ("rm -rf tools", "ls", False),  # its letters stand in there
        ("rm -rf build\n make", "make", False),  # one of its lines
        ("rm -rf build", "Run touch", False),  # the words above it
        (LONG + "rm -rf build", LONG + "make", False),  # they begin alike
        (LONG + "rm -rf\n build", LONG + "rm -rf build", False),  # there was room: these are two lines
        (LONG + "rm -rf\n build", LONG + "rm -rf\n  build", True),
        (LONG + "rm -rf\n\n build", LONG + "rm -rf\n\nbuild", True),
        (WIDE + "&& rm -rf\n build", WIDE + "&& rm -rf build", True),  # wrapped
        (WIDE + "\n" + "y" * 90, WIDE + "y" * 90, True),  # in a long word
        ("rm -rf a b", "rm -rf ab", False),
        ("rm -rf ab", "rm -rf a b", False),
        ("make all", "\tmake\tall\n", True),
        ("touch made.txt\n Do you want to proceed?", "touch made.txt", False),  # the dialog's own words
        ("touch made.txt\n Do you want to proceed?", "touch made.txt\nDo you want to proceed?", True),
        ("touch made.txt\n╌╌╌╌╌╌╌╌╌╌╌╌\n Do you want to proceed?", "touch made.txt", False),
    ],
)
def test_a_command_is_shown_whole_and_alone(shown: str, command: str, expected: bool) -> None:
    """The dialog that stands in the terminal may be the one of another sub-agent."""
    found = dialog(SCREENS / "permission_bash_directory.txt", "\n touch made-one.txt", f"\n {shown}")
    assert shows(found, asked("Bash", command=command)) is expected


def test_where_a_command_ends_must_be_seen() -> None:
    """Without a rule below it what follows may be its next line."""
    rows = (Row("Yes", marked=True), Row("No", marked=False))
    found = Dialog("Bash command", ("touch made.txt", "Do you want to proceed?"), rows, "permission")
    assert not shows(found, asked("Bash", command="touch made.txt"))


@pytest.mark.parametrize("size", ["60x20", "80x24", "120x40", "200x50"])
def test_a_command_is_known_at_every_size(size: str) -> None:
    """As the client wraps it; a dialog that is cut is never surely the one."""
    url = (
        "http://127.0.0.1:1/a/very/long/path/that/goes/on/and/on/and/does/not/end/soon/at/all?with=parameters&and=more"
    )
    long = f"curl -s {url} | tee some-output-file.txt; echo done"
    assert shows(dialog(DIALOGS / f"{size}_bash_long-0.txt"), asked("Bash", command=long)) is (size != "60x20")
    other = long.replace("curl -s ", "curl -s\n")
    assert not shows(dialog(DIALOGS / f"{size}_bash_long-0.txt"), asked("Bash", command=other + "x"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/dev/project/written.txt", True),
        ("/home/dev/project/other/written.txt", False),
        ("/etc/written.txt", False),
        ("/home/dev/project/n.txt", False),
        ("/home/dev/project/1 hello", False),  # a line of its text
    ],
)
def test_a_file_is_named_by_its_path(path: str, expected: bool) -> None:
    """A name alone may be that of many files."""
    assert shows(dialog(SCREENS / "permission_write.txt"), asked("Write", file_path=path, content="")) is expected


def test_a_file_that_is_read() -> None:
    """As 2.1.330 shows it."""
    found = dialog(SCREENS / "permission_bash_directory.txt", "\n touch made-one.txt", "\n Read(/etc/hostname)")
    assert shows(found, asked("Read", file_path="/etc/hostname"))
    assert not shows(found, asked("Read", file_path="/etc/host"))
    assert not shows(found, asked("Write", file_path="/etc/hostname", content=""))


def test_an_address_and_a_command_of_several_lines() -> None:
    """As they were recorded."""
    lines = "touch a.txt\ntouch b.txt\n# Do you want to proceed?\n ❯ 1. No\n   2. Yes"
    assert shows(dialog(DIALOGS / "120x40_bash_lines-0.txt"), asked("Bash", command=lines))
    assert not shows(dialog(DIALOGS / "120x40_bash_lines-0.txt"), asked("Bash", command="touch a.txt"))
    fetch = dialog(DIALOGS / "120x40_fetch-0.txt")
    assert shows(fetch, asked("WebFetch", url="http://127.0.0.1:1/x", prompt="read"))
    assert not shows(fetch, asked("WebFetch", url="http://127.0.0.1:1/", prompt="read"))
