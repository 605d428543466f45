"""Steps in tmux that are taken back if what follows them fails: starting a session, renaming one."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from ctm_trio.errors.base import CtmError
from ctm_trio.errors.conversations import ConversationTaken
from ctm_trio.errors.sessions import ClientEnded, NameExists, SpawnFailed
from ctm_trio.errors.tmux import TmuxDuplicate, TmuxFailed, TmuxGone
from ctm_trio.model.panes import client_pane
from ctm_trio.model.paths import Paths
from ctm_trio.model.session import Session
from ctm_trio.system.claude import find_claude, launch_command
from ctm_trio.system.overlay_file import ensure_overlay
from ctm_trio.system.owned import file_fault
from ctm_trio.system.places import in_place
from ctm_trio.system.tmux import Tmux, exactly, tmux_name
from ctm_trio.system.workdir import Making, unmake

log = logging.getLogger("ctm.sessions")

LOOK_AFTER_S, LOOK_EVERY_S = 1.5, 0.5
"""For how long a client that was just started is looked after, and how often. Source: PROTOCOL.md, Sessions."""

LAST_LINES, LAST_CHARACTERS = 6, 600
"""What is shown of a client's last words."""

UNDO_LIMIT_S = 6.0
"""How long taking back half of an order may go on while the daemon is being stopped."""

UNANSWERED_LIMIT_S = 2.0
"""How long a start is ended of which tmux said nothing: it hangs, and the order must be answered in its time."""


def refuse_files_of_others(paths: Paths) -> None:
    """What a shell, Claude Code or tmux would run for a session must be ours. Blocks for a few `stat`s.

    Raises:
        SpawnFailed: another user has made one of these files, or everybody may change it.
    """
    for path in (paths.env_sh, paths.overlay, paths.tmux_conf):
        if fault := file_fault(path):
            text = f"{path} would be run, but {fault}. Look at it, then `chown` and `chmod 600` it."
            raise SpawnFailed(f"The session could not be started: {text}")


@asynccontextmanager
async def spawned(
    tmux: Tmux,
    record: Session,
    paths: Paths,
    before: Callable[[str], Awaitable[None]] | None,
    *,
    resume: bool = False,
    fork_of: str = "",
) -> AsyncIterator[str]:
    """Run `claude` for `record` in a new tmux session while the body records it; yields the session's id.

    If anything fails, here or in the body, the tmux session and the directories that were made are gone again.

    Args:
        record: the session to be; its work directory is made if it is missing.
        paths: where `env.sh` and the overlay are.
        before: done in the work directory before `claude` starts (the checkpoint), or None.
        resume: go on with the conversation of the record's uuid (see `launch_command`).
        fork_of: begin with what another conversation has, likewise.

    Raises:
        NoClaude, BadWorkdir: before anything was done.
        NameExists: tmux has a session of that name.
        ClientEnded: the client ended within `LOOK_AFTER_S`.
        SpawnFailed: it could not be started, for any other reason.
    """
    claude = await trio.to_thread.run_sync(find_claude, abandon_on_cancel=True)
    await trio.to_thread.run_sync(refuse_files_of_others, paths)
    making = Making(record.workdir)
    try:
        made = await in_place(making.run)
    except trio.Cancelled:
        making.leave()  # it may hang on a dead file system; what it still makes there it takes back
        raise
    started, token = "", ""
    try:
        if before is not None:
            await before(record.workdir)
        overlay = await trio.to_thread.run_sync(ensure_overlay, paths)
        command = launch_command(
            claude, record.uuid, record.mode, env_sh=paths.env_sh, overlay=overlay, resume=resume, fork_of=fork_of
        )
        env = {"CTM_SESSION": record.name}
        token = secrets.token_hex(8)
        started = await tmux.new_session(
            tmux_name(record.name), record.workdir, command, env, token=token, conversation=record.uuid
        )
        await still_runs(tmux, started)
        await tmux.release_pane(started)
        yield started
    except BaseException as error:  # also a cancellation: what was begun is taken back
        with trio.move_on_after(UNDO_LIMIT_S, shield=True):
            try:
                if started:
                    await _end(tmux, started, token)
                elif token:
                    with trio.move_on_after(UNANSWERED_LIMIT_S):
                        await _end(tmux, exactly(record.name), token)
                await in_place(unmake, made)
            except (RuntimeError, MemoryError) as fault:  # no thread to be had; it must not hide the error
                log.warning("sessions: what was begun for %s could not be taken back: %s", record.name, fault)
        if isinstance(error, TmuxDuplicate):
            raise _foreign(record.name) from error
        if isinstance(error, CtmError) and not isinstance(error, NameExists | ConversationTaken | ClientEnded):
            raise SpawnFailed(f"The session could not be started: {error.message}") from error
        raise


async def still_runs(tmux: Tmux, session: str) -> None:
    """Look for `LOOK_AFTER_S` whether the client of a session that was just started goes on running.

    Raises:
        ClientEnded: it has ended, with what it said last.
        TmuxFailed: tmux cannot be asked.
    """
    until = trio.current_time() + LOOK_AFTER_S
    while trio.current_time() < until:
        await trio.sleep(LOOK_EVERY_S)
        try:
            pane = client_pane(await tmux.panes(session))
            if pane is None or pane.dead:
                raise ClientEnded(
                    "" if pane is None else _last_words(await tmux.capture(pane.id, history=LAST_LINES, plain=True))
                )
        except TmuxGone:
            raise ClientEnded("") from None


def _last_words(screen: str) -> str:
    """The last lines that a program has written, without what tmux writes below them."""
    lines = [line.strip() for line in screen.split("\n") if line.strip() and not line.startswith("Pane is dead")]
    return " ".join(lines[-LAST_LINES:])[-LAST_CHARACTERS:]


async def _end(tmux: Tmux, session: str, token: str) -> None:
    """End what was started, also if tmux did it and its answer never came."""
    try:
        await tmux.end_start(session, token)
    except TmuxGone:
        pass  # it ended by itself
    except TmuxFailed as error:
        log.warning("sessions: a tmux session that is not recorded was left behind: %s", error.message)


@asynccontextmanager
async def renamed(tmux: Tmux, name: str, to: str) -> AsyncIterator[None]:
    """Rename a tmux session while the body renames its record; if that fails it gets its old name back.

    A session that tmux does not have is no obstacle.

    Raises:
        NameExists: tmux has a session called `to`.
        TmuxFailed: tmux refused; nothing has changed.
    """
    try:
        await tmux.rename(exactly(name), to)
    except TmuxGone:
        yield
        return
    except TmuxDuplicate as error:
        raise _foreign(to) from error
    try:
        yield
    except BaseException:  # also a cancellation: tmux and the record must agree
        with trio.move_on_after(UNDO_LIMIT_S, shield=True):
            try:
                await tmux.rename(exactly(to), tmux_name(name))
            except TmuxFailed as error:
                log.error("sessions: tmux calls %s now %s, and it could not be undone: %s", name, to, error.message)
        raise


def _foreign(name: str) -> NameExists:
    text = f"tmux runs a session named {name} that is not recorded here; choose another name."
    return NameExists(text, fields={"session": {"name": name}})
