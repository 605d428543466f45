"""The sessions owner: `sessions.json` and tmux in, one snapshot and the lifecycle events out; it also acts on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn

import trio

from ctm_trio.core.channels import StateReceiver, StateSender
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.messages.journal import JournalMessage
from ctm_trio.messages.prompts import PromptsMessage
from ctm_trio.messages.sessions import SessionsMessage, SessionsSnapshot
from ctm_trio.model.paths import Paths
from ctm_trio.owners.sessions.adoptions import Adoptions
from ctm_trio.owners.sessions.announcements import Announcements
from ctm_trio.owners.sessions.followed import FollowedSessions
from ctm_trio.owners.sessions.orders import SessionOrders
from ctm_trio.system.session_actions import Checkpoint, SessionActions
from ctm_trio.system.sessions_file import SessionsFile
from ctm_trio.system.tmux import Tmux

FIRST_PROBE_S = 0.5
"""How long the start waits for tmux's first answer; a slow tmux does not keep the daemon from being ready."""


async def run_sessions(
    inbox: trio.MemoryReceiveChannel[SessionsMessage],
    state: StateSender[SessionsSnapshot],
    journal: trio.MemorySendChannel[JournalMessage],
    settings: StateReceiver[ConfigSnapshot],
    paths: Paths,
    tmux: Tmux,
    checkpoint: Checkpoint | None,
    changed: Callable[[], Awaitable[object]],
    prompts: trio.MemorySendChannel[PromptsMessage],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Own the sessions: follow the file, ask tmux, act, publish. Until it is cancelled; closes its ends of channels.

    Args:
        inbox: orders, capacity 0: whoever sends waits.
        state: the snapshot; it is published before an order is answered.
        journal: lifecycle events go here; this owner waits if it is full.
        settings: whether a session in yolo mode begins with a checkpoint.
        paths: where `sessions.json`, `env.sh` and the overlay are.
        tmux: the server that the sessions live in.
        checkpoint: see `session_actions.Checkpoint`; None never makes one.
        changed: returns when `sessions.json` may have changed since the last time.
        prompts: gets the first prompts of new sessions.
    """
    with inbox, journal, prompts:
        followed = FollowedSessions(state, SessionsFile(paths.sessions), tmux)
        await followed.read()
        with trio.move_on_after(FIRST_PROBE_S):
            await followed.ask_tmux()
        adoptions = Adoptions(followed.change, followed.tell_not_adopted)
        announcements = Announcements(followed, journal)
        actions = SessionActions(tmux, paths, followed, lambda: settings.latest.settings, checkpoint)
        async with trio.open_nursery() as nursery:
            orders = SessionOrders(nursery, followed, actions, announcements, prompts, adoptions)
            nursery.start_soon(followed.follow_file, changed)
            nursery.start_soon(followed.follow_tmux)
            nursery.start_soon(adoptions.run)
            nursery.start_soon(orders.work, inbox)
            task_status.started()
    raise AssertionError("its tasks never end")
