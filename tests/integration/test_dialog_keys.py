"""Choosing a row by keys, with a real tmux and a program that draws dialogs: the wanted row, or none at all."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trio

import tests.fakes.dialog_program
from ctm_trio.errors.asked import NotAnswerable, NotTaken
from ctm_trio.errors.sessions import SessionNotFound
from ctm_trio.errors.tmux import PaneNotReady
from ctm_trio.model.dialogs import Dialog, parse_dialog
from ctm_trio.model.panes import Pane
from ctm_trio.system.dialog_keys import DIALOG_STANDS_S, choose_row
from ctm_trio.system.tmux import Tmux
from tests.tmux_server import PrivateTmux, private_tmux, until

PROGRAM = tests.fakes.dialog_program.__file__
ROWS = ["Yes", "Yes, and don’t ask again for: ls", "Yes, and switch to auto mode", "No"]
NUMBERS = count()
Json = dict[str, Any]


def bash(command: str = "ls", rows: list[str] | None = None, **more: object) -> Json:
    """A permission dialog."""
    return {"head": ["Bash command", command, "Do you want to proceed?"], "rows": rows or ROWS, **more}


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateTmux]:
    """A private tmux server."""
    with private_tmux() as server:
        yield server


class Player:
    """A session whose program shows dialogs."""

    def __init__(self, server: PrivateTmux, dialogs: list[Json]) -> None:
        self.server, self.name = server, f"d{next(NUMBERS)}"
        self.tmux = Tmux(server.conf, lambda: server.socket)
        self.directory = server.root / self.name
        self.directory.mkdir()
        (self.directory / "dialogs.json").write_text(json.dumps(dialogs))
        server.run("new-session", "-d", "-s", self.name, "-x", "100", "-y", "30", "--", *self.command)

    @property
    def command(self) -> tuple[str, ...]:
        """How the program is started."""
        return (sys.executable, PROGRAM, str(self.directory))

    async def pane(self) -> Pane:
        """Its pane as it is now."""
        return (await self.tmux.panes(f"={self.name}"))[0]

    async def dialog(self) -> Dialog:
        """The dialog, once it is shown."""
        await until(lambda: bool(self.notes("shown")))  # drawn to its end; half a dialog may be one too
        await until(lambda: parse_dialog(self.server.screen(self.name)) is not None)
        found = parse_dialog(self.server.screen(self.name))
        assert found is not None
        return found

    async def choose(self, label: str, **more: Any) -> None:
        """Choose a row of the first dialog, seen just now."""
        dialog = await self.dialog()
        await choose_row(self.tmux, await self.pane(), dialog, label, seen_at=trio.current_time(), **more)

    def notes(self, kind: str) -> list[Any]:
        """What the program noted: `key`, `chose`, `shown`, or `at` for all times."""
        path = self.directory / "notes.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [note[kind] for note in map(json.loads, lines) if kind in note]

    async def next(self) -> None:
        """Another dialog appears by itself."""
        shown = len(self.notes("shown"))
        os.kill((await self.pane()).pid, signal.SIGUSR1)
        await until(lambda: len(self.notes("shown")) > shown)
        await until(lambda: parse_dialog(self.server.screen(self.name)) is not None)


@pytest.mark.parametrize("digits", [True, False])
@pytest.mark.parametrize(("label", "at", "keys"), [
    ("Yes", 0, ["Enter"]),
    ("No", 0, ["Down", "Down", "Down", "Enter"]),
    ("Yes", 3, ["Up", "Up", "Up", "Enter"]),
    (ROWS[1], 2, ["Up", "Enter"]),
])  # fmt: skip
async def test_the_wanted_row(server: PrivateTmux, digits: bool, label: str, at: int, keys: list[str]) -> None:
    """It moves the mark there, one row at a time, and presses Enter once."""
    player = Player(server, [bash(at=at, digits=digits)])
    await player.choose(label)
    assert player.notes("chose") == [label]
    assert player.notes("key") == keys


@pytest.mark.parametrize("label", ["No", "Yes"])
async def test_no_first(server: PrivateTmux, label: str) -> None:
    """In auto mode's own dialog No stands first: the label counts, not the place."""
    player = Player(server, [bash(rows=["No", "Yes"], digits=False)])
    await player.choose(label)
    assert player.notes("chose") == [label]


async def test_not_before_it_has_stood(server: PrivateTmux) -> None:
    """No key comes sooner than half a second after it was seen first."""
    player = Player(server, [bash()])
    await player.dialog()
    seen = trio.current_time()
    await player.choose("Yes")
    assert trio.current_time() - seen >= DIALOG_STANDS_S
    shown, pressed = player.notes("at")[:2]
    assert pressed - shown >= DIALOG_STANDS_S


async def test_long_seen(server: PrivateTmux) -> None:
    """One that has stood is answered at once: no waiting is added to a time long past."""
    player = Player(server, [bash()])
    dialog = await player.dialog()
    await choose_row(player.tmux, await player.pane(), dialog, "Yes", seen_at=trio.current_time() - 60)
    assert player.notes("chose") == ["Yes"]


@pytest.mark.parametrize(
    "other",
    [
        bash("rm -rf /"),
        bash(rows=["No", *ROWS[:3]]),
        bash(rows=ROWS[:3]),
        {**bash(), "head": ["Create file", "ls", "Do you want to proceed?"]},
        {"head": ["☐ Colour", "Which one?"], "rows": ["Yes", "No"]},
    ],
)
@pytest.mark.parametrize("moment", ["before Enter", "by the arrow", "before"])
async def test_another_dialog_is_never_confirmed(server: PrivateTmux, other: Json, moment: str) -> None:
    """Whenever it takes the place of the one that was read: its command, its rows or its kind differ."""
    player = Player(server, [bash(arrow="next" if moment == "by the arrow" else ""), other])

    async def changes() -> None:
        """It is called before each key; the dialog changes when all has been read and only Enter is left."""
        if moment == "before Enter" and len(player.notes("key")) == 3 and len(player.notes("shown")) == 1:
            await player.next()

    dialog, pane = await player.dialog(), await player.pane()
    if moment == "before":
        await player.next()
    with pytest.raises(NotAnswerable):
        await choose_row(player.tmux, pane, dialog, "No", seen_at=trio.current_time(), still=changes)
    assert player.notes("chose") == []
    assert "Enter" not in player.notes("key")
    assert len(player.notes("shown")) == 2


async def test_a_moved_mark_is_not_confirmed(server: PrivateTmux) -> None:
    """Somebody at the terminal moves it in the last moment: tmux sees it elsewhere, and presses nothing."""
    player = Player(server, [bash()])

    async def somebody() -> None:
        """Down, once."""
        if not player.notes("key"):
            server.run("send-keys", "-t", f"={player.name}:", "Down")
            await until(lambda: "❯ 2." in server.screen(player.name))

    with pytest.raises(NotAnswerable):
        await player.choose("Yes", still=somebody)
    assert player.notes("key") == ["Down"]


async def test_gone(server: PrivateTmux) -> None:
    """A dialog that somebody has answered meanwhile: no key comes."""
    player = Player(server, [bash()])
    dialog, pane = await player.dialog(), await player.pane()
    os.kill(pane.pid, signal.SIGUSR1)
    await until(lambda: "manual mode" in server.screen(player.name))
    with pytest.raises(NotAnswerable):
        await choose_row(player.tmux, pane, dialog, "Yes", seen_at=trio.current_time())
    assert player.notes("key") == []


@pytest.mark.parametrize("label", ["Maybe", "yes", "Yes ", "", "1", "Yes, and"])
async def test_no_such_row(server: PrivateTmux, label: str) -> None:
    """Labels are compared exactly."""
    player = Player(server, [bash()])
    with pytest.raises(NotAnswerable):
        await player.choose(label)
    assert player.notes("key") == []


async def test_a_dialog_without_rows(server: PrivateTmux) -> None:
    """One that is recognised without rows cannot be chosen from."""
    player = Player(server, [bash()])
    await player.dialog()
    text = "─" * 100 + "\n  Auto mode can't check actions in this session\n\n  Enter to stay in auto mode\n"
    (player.directory / "screen").write_text(text)
    words = ("sh", "-c", f"clear; cat {player.directory}/screen; sleep 1000")
    server.run("respawn-pane", "-k", "-t", f"={player.name}:", "--", *words)
    dialog = await player.dialog()
    await until(lambda: "stay in auto mode" in server.screen(player.name))
    assert dialog.rows == ()
    with pytest.raises(NotAnswerable):
        await player.choose("Yes")


async def test_copy_mode_is_left(server: PrivateTmux) -> None:
    """Keys go to the client, not to tmux's copy mode."""
    player = Player(server, [bash()])
    await player.dialog()
    server.run("copy-mode", "-t", f"={player.name}:")
    await player.choose("No")
    assert player.notes("chose") == ["No"]
    assert not (await player.pane()).in_mode


async def test_input_off(server: PrivateTmux) -> None:
    """A pane that takes no input is said so, and nothing is switched on."""
    player = Player(server, [bash()])
    await player.dialog()
    server.run("select-pane", "-d", "-t", f"={player.name}:")
    with pytest.raises(NotAnswerable, match="switched off"):
        await player.choose("Yes")
    assert player.notes("key") == []


async def test_panes_that_get_all_keys(server: PrivateTmux) -> None:
    """Where tmux gives each key to the panes beside as well nothing is chosen; of one pane alone it makes no odds."""
    player = Player(server, [bash()])
    await player.dialog()
    server.run("split-window", "-d", "-t", f"={player.name}:", "cat")
    server.run("set-option", "-w", "-t", f"={player.name}:", "synchronize-panes", "on")
    with pytest.raises(NotAnswerable, match="synchronize-panes"):
        await player.choose("Yes")
    assert player.notes("key") == []
    server.run("kill-pane", "-t", f"={player.name}:.1")
    await player.choose("Yes")
    assert player.notes("chose") == ["Yes"]


async def test_the_program_dies(server: PrivateTmux) -> None:
    """When its pane goes under the arrow, that is said."""
    player = Player(server, [bash(arrow="ends")])
    with pytest.raises(NotAnswerable):
        await player.choose("No")
    assert player.notes("chose") == []


async def test_the_pane_is_gone(server: PrivateTmux) -> None:
    """A pane that is gone before takes no key."""
    player = Player(server, [bash()])
    dialog, pane = await player.dialog(), await player.pane()
    server.new("stays")
    server.run("kill-session", "-t", f"={player.name}")
    with pytest.raises(NotAnswerable):
        await choose_row(player.tmux, pane, dialog, "Yes", seen_at=trio.current_time())


async def test_another_program_in_the_pane(server: PrivateTmux) -> None:
    """The same dialog by another program is not the one that was read."""
    player = Player(server, [bash()])
    dialog, pane = await player.dialog(), await player.pane()
    server.run("respawn-pane", "-k", "-t", f"={player.name}:", "--", *player.command)
    await until(lambda: len(player.notes("shown")) == 2)
    with pytest.raises(NotAnswerable):
        await choose_row(player.tmux, pane, dialog, "Yes", seen_at=trio.current_time())
    assert player.notes("key") == []


async def test_a_lost_arrow(server: PrivateTmux) -> None:
    """If the mark does not move, no second arrow and no Enter come: the client may take the first one late."""
    player = Player(server, [bash(arrow="lost")])
    with pytest.raises(NotTaken):
        await player.choose("No")
    assert player.notes("key") == ["Down"]


async def test_a_lost_enter(server: PrivateTmux) -> None:
    """Enter is pressed once, and that it was not taken is said."""
    player = Player(server, [bash(enter="lost")])
    with pytest.raises(NotTaken):
        await player.choose(ROWS[1])
    assert player.notes("key") == ["Down", "Enter"]


async def test_enter_that_ends_the_client(server: PrivateTmux) -> None:
    """`No, exit` ends it, and its pane with it: that is an answer too."""
    trust = {
        "head": ["Accessing workspace:", "/srv"],
        "rows": ["No, exit", "Yes, I trust this folder"],
        "digits": False,
    }
    player = Player(server, [{**trust, "enter": "ends"}])
    await player.choose("No, exit")
    assert player.notes("key") == ["Enter"]


async def test_a_screen_drawn_in_halves(server: PrivateTmux) -> None:
    """A moment without the dialog is neither its end nor a reason to give up."""
    player = Player(server, [bash(arrow="halves")])
    await player.choose("No")
    assert player.notes("chose") == ["No"]


async def test_the_next_dialog(server: PrivateTmux) -> None:
    """It returns when the next dialog stands there, and chooses nothing in it."""
    player = Player(server, [bash(), bash("make")])
    await player.choose("Yes")
    assert player.notes("chose") == ["Yes"]
    assert (await player.dialog()).body[0] == "make"


async def test_not_wanted_any_more(server: PrivateTmux) -> None:
    """What `still` raises keeps the key from being pressed."""
    player = Player(server, [bash()])

    async def closed() -> None:
        """Somebody else was faster."""
        raise SessionNotFound("x")

    with pytest.raises(SessionNotFound):
        await player.choose("Yes", still=closed)
    assert player.notes("key") == []


HOSTILE = [
    "#(touch PWNED)",
    "'; kill-server ; '",
    "a}b,c:d",
    "#{pane_id}",
    "*?[x]",
    "\\",
    'Yes" "',
    "漢字 🙂",
    "~$HOME",
]


@pytest.mark.parametrize("label", HOSTILE)
async def test_labels_mean_nothing_to_tmux(server: PrivateTmux, label: str) -> None:
    """Rows and commands are somebody else's words: they are found on the screen, and never interpreted."""
    player = Player(server, [bash(label, rows=["Yes", label, "No"])])
    await player.choose(label)
    assert player.notes("chose") == [label]
    assert not list(server.root.rglob("PWNED"))
    assert not Path("PWNED").exists()


async def test_tmux_looks_itself(server: PrivateTmux) -> None:
    """A key that is bound to what the screen shows is pressed while it does, and not otherwise."""
    player = Player(server, [bash("echo one two")])
    await player.dialog()
    pane = await player.pane()
    for wrong in (("echo two one",), ("❯ 2. Yes",), ("echo one two", "nothing like it"), ("one", "four")):
        with pytest.raises(PaneNotReady, match="screen has changed"):
            await player.tmux.press(pane, "Down", shows=wrong)
    await player.tmux.press(pane, "Down", shows=("echo one two", "❯ 1. Yes", "", "…"))
    await until(lambda: player.notes("key") == ["Down"])
