"""The first prompt of a session that the command line has just made. Source: PROTOCOL.md, Prompts and keys."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import trio

from ctm_trio.errors.base import CtmError
from ctm_trio.errors.tmux import TmuxFailed
from ctm_trio.errors.typing import DialogOpen, DraftInTheWay, NotTypeable
from ctm_trio.model.prompt_steps import Steps, check_prompt
from ctm_trio.model.session import Session
from ctm_trio.system.client_registry import ClientRegistry
from ctm_trio.system.live_sessions import ClientFile
from ctm_trio.system.prompt_place import Reach
from ctm_trio.system.prompt_typing import type_prompt
from ctm_trio.system.tmux import Tmux

LIMIT_S, LOOK_S = 15.0, 0.2
"""How long the client may take until it is ready, and how often it is looked at."""


async def type_first_prompt(
    tmux: Tmux, record: Session, prompt: str, clients: Path, *, limit_s: float = LIMIT_S
) -> str:
    """Type a prompt as soon as the client takes it. Why it was not typed, "" if it was.

    The checks are those of every prompt: while a dialog is open, or nobody knows that none is, nothing is typed.

    Args:
        clients: the directory of the clients' status files.
        limit_s: how long it is waited for the client to be ready.
    """
    reach, registry, begun = Reach(tmux, clients), ClientRegistry(clients), list[Steps]()

    async def begin(file: ClientFile | None, steps: Steps) -> None:
        begun.append(steps)

    end = trio.current_time() + limit_s
    try:
        text = check_prompt(prompt)
        while True:
            try:
                found = await trio.to_thread.run_sync(
                    partial(registry.look, None, await tmux.panes()), abandon_on_cancel=True
                )
                client = next((client for client in found if client.uuid == record.uuid), None)
                await type_prompt(reach, await reach.place(record, client), text, begin)
            except (DialogOpen, DraftInTheWay, NotTypeable, TmuxFailed) as error:
                if begun or trio.current_time() >= end:
                    return error.message
            else:
                return ""
            await trio.sleep(LOOK_S)
    except CtmError as error:
        return error.message
