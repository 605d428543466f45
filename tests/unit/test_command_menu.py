"""The menu of slash commands, as the client draws it."""

from __future__ import annotations

import pytest

from ctm_trio.model.command_menu import has_menu, other_command

RULE = "─" * 80

CLEAR = "  ❯ /clear (reset, new)         Start a new session\n    /deep-research              [dynamic workflow] more"
NONE = '  No commands match "/nosuchthing"'
SAID = "❯ /clear\n  ⎿  No assistant message"


@pytest.mark.parametrize(
    ("above", "text", "other"),
    [
        (CLEAR, "/clear", ""),
        (CLEAR, "/reset", ""),
        (CLEAR, "/new", ""),
        (CLEAR, "/cle", "/clear"),
        (CLEAR, "/", "/clear"),
        ("  ❯ /clear", "/", "/clear"),
        (NONE, "/nosuchthing", ""),
        (SAID, "/cle", None),
        (f"{SAID}\n{CLEAR}", "/cle", "/clear"),
        ("", "/cle", None),
    ],
)
def test_what_enter_would_run(above: str, text: str, other: str | None) -> None:
    """The marked row counts, by its name or one of its other names."""
    screen = f"{above}\n{RULE}\n❯\u00a0{text}\n{RULE}\n  ? for shortcuts"
    assert other_command(screen, text) == other


@pytest.mark.parametrize(
    ("text", "shown"), [("/clear", True), ("/", True), ("/ hello", False), ("/a b", False), ("/etc/hosts", False)]
)
def test_which_texts_have_a_menu(text: str, shown: bool) -> None:
    """A name that nothing follows."""
    assert has_menu(text) is shown
