"""Typing the initial prompt of a new session once `claude` is ready for it. Source: contract A10."""

from __future__ import annotations

import logging

import trio

from ctm_trio.errors import TmuxFailed
from ctm_trio.model.typing import asks_something
from ctm_trio.system.tmux import Tmux

log = logging.getLogger("ctm.sessions")

SETTLE_LIMIT_S, LOOK_S, ENTER_S = 15.0, 0.2, 0.3
"""How long the screen may take to settle, between two looks at it, between the prompt and Enter."""


async def type_prompt(tmux: Tmux, target: str, name: str, prompt: str) -> None:
    """Wait for a settled screen and type `prompt` and Enter. Nobody waits for this; trouble goes to the log.

    While a dialog of Claude Code asks something nothing is typed: Enter would answer it, and mostly with "No, exit".

    Args:
        target: the tmux session's id, which stays right when it is renamed.
        name: for the log.
    """
    try:
        screen = await _settled(tmux, target)
        if not screen.strip() or asks_something(screen):
            log.warning("sessions: the initial prompt of %s is not typed: it asks something first, or is blank", name)
            return
        await tmux.type(target, prompt, gap_s=ENTER_S)
    except TmuxFailed as error:
        log.warning("sessions: the initial prompt of %s is not typed: %s", name, error.message)


async def _settled(tmux: Tmux, target: str) -> str:
    """The screen once two looks are equal, not blank and no question; after `SETTLE_LIMIT_S` the last one."""
    screen = ""
    with trio.move_on_after(SETTLE_LIMIT_S):
        while True:
            now = await tmux.capture(target)
            if now == screen and now.strip() and not asks_something(now):
                break
            screen = now
            await trio.sleep(LOOK_S)
    return screen
