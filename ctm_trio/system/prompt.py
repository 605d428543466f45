"""Typing the initial prompt of a new session once `claude` is ready for it. Source: PROTOCOL.md, Sessions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio

from ctm_trio.errors.tmux import TmuxFailed
from ctm_trio.errors.typing import DialogOpen, Exited
from ctm_trio.model.panes import Pane
from ctm_trio.model.typing import asks_something
from ctm_trio.system.reach import client_of
from ctm_trio.system.tmux import Tmux

log = logging.getLogger("ctm.sessions")

SETTLE_LIMIT_S, LOOK_S, ENTER_S = 15.0, 0.2, 0.3
"""How long the screen may take to settle, from the start and from the end of each dialog on; between two looks at it;
between the prompt and Enter."""

TELL_S = 2.0
"""A prompt that waits for longer than this for a dialog is said to be held."""

HOLD_S, HOLD_LOOK_S = 600.0, 1.0
"""How long a prompt is held while a dialog of the client is open, and how often it is looked at then."""


async def type_prompt(
    tmux: Tmux,
    target: str,
    name: str,
    prompt: str,
    clients: Path,
    *,
    hold_s: float = HOLD_S,
    held: Callable[[str], None] | None = None,
) -> str:
    """Wait until the client is ready, and type `prompt` and Enter. Why it was not typed, "" if it was; that is logged.

    While a dialog of Claude Code asks something nothing is typed: Enter would answer it, and mostly with "No, exit".

    Args:
        target: the tmux session's id, which stays right when it is renamed.
        name: for the log.
        clients: the directory of the clients' status files.
        hold_s: how long it is held while a dialog is open, in seconds, instead of `SETTLE_LIMIT_S`.
        held: told why it waits when it does for longer than a moment.
    """
    problem = ""
    try:
        pane, problem = await _ready(tmux, target, clients, hold_s, held)
        if pane is not None:
            await tmux.type(pane, prompt, gap_s=ENTER_S, still=partial(_asks_nothing, tmux, target, clients))
            return ""
    except (TmuxFailed, DialogOpen, Exited) as error:
        problem = error.message
    log.warning("sessions: the initial prompt of %s is not typed: %s", name, problem)
    return problem


async def _asks_nothing(tmux: Tmux, target: str, clients: Path) -> None:
    """Raises DialogOpen or Exited if Enter must not follow the prompt."""
    pane, file = await client_of(tmux, target, clients)
    if pane is None or pane.dead:
        raise Exited(typed=True)
    if file is not None and file.status == "waiting":
        raise DialogOpen(typed=True)


async def _ready(
    tmux: Tmux, target: str, clients: Path, hold_s: float, held: Callable[[str], None] | None
) -> tuple[Pane | None, str]:
    """The pane once its client takes a prompt; else None and why not.

    The client's own file says it, if there is one. Else two looks in a row must be the same, not blank and no dialog.
    """
    began = settling_since = trio.current_time()
    screen = ""
    while True:
        pane, file = await client_of(tmux, target, clients)
        if pane is None or pane.dead:
            return None, "its client has ended."
        now = await tmux.capture(pane.id, plain=True)
        asks = asks_something(now) if file is None else file.status == "waiting"
        if not asks and (file is not None or (now == screen and now.strip())):
            return pane, ""
        screen = "" if asks else now
        at = trio.current_time()
        waited = at - began
        if asks:
            settling_since = at  # the screen has its time again once the dialog is closed
            if waited > hold_s:
                return None, "it is asking a question."
            if held is not None and waited > TELL_S:
                held("it is asking a question; the prompt is held until that is answered.")
                held = None
        elif at - settling_since > SETTLE_LIMIT_S:
            return None, "its screen keeps changing."
        await trio.sleep(HOLD_LOOK_S if asks and waited > SETTLE_LIMIT_S else LOOK_S)
