"""How long a new session's prompt waits, on a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import trio
from trio.testing import MockClock

from ctm_trio.model.panes import Pane
from ctm_trio.system import prompt
from ctm_trio.system.prompt import HOLD_S, SETTLE_LIMIT_S
from ctm_trio.system.tmux import Tmux

DIALOG, BOX = " Do you trust it?\n ❯ 1. Yes\n   2. No\n", "ready"
PANE = Pane("demo", "$1", "%1", 1, False, False, False, True, True)

SETTLES_S, TOO_LONG_S = SETTLE_LIMIT_S * 2 / 3, SETTLE_LIMIT_S * 4 / 3
"""Less than the screen may take to settle, and more."""


@dataclass
class Screen:
    """A client that shows a dialog for so many seconds, then for so many a screen that changes at each look."""

    asks_s: float
    changes_s: float
    looks: int = 0
    typed: str = ""

    async def capture(self, target: str, *, plain: bool) -> str:
        self.looks += 1
        if trio.current_time() < self.asks_s:
            return DIALOG
        return f"{BOX}{self.looks}" if trio.current_time() < self.asks_s + self.changes_s else BOX

    async def type(self, pane: Pane, text: str, **more: object) -> None:
        self.typed = text


@pytest.mark.parametrize(
    ("asks_s", "changes_s", "problem"),
    [
        (0.0, SETTLES_S, ""),
        (0.0, TOO_LONG_S, "keeps changing"),
        (TOO_LONG_S, SETTLES_S, ""),
        (HOLD_S - SETTLES_S, SETTLES_S, ""),
        (TOO_LONG_S, TOO_LONG_S, "keeps changing"),
        (HOLD_S + TOO_LONG_S, 0.0, "asking a question"),
    ],
)
async def test_the_screen_settles_after_a_dialog(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, asks_s: float, changes_s: float, problem: str
) -> None:
    """A dialog that is open for long takes nothing of the time in which the screen may settle."""

    async def client_of(tmux: Tmux, session: str, clients: Path) -> tuple[Pane, None]:
        return PANE, None

    monkeypatch.setattr("ctm_trio.system.prompt.client_of", client_of)
    start = trio.current_time()
    screen = Screen(start + asks_s, changes_s)
    said = await prompt.type_prompt(cast("Tmux", screen), "$1", "demo", "go", Path("/nowhere"))
    assert problem in said
    assert bool(said) is bool(problem)
    assert screen.typed == ("" if problem else "go")
