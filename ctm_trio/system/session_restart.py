"""Starting a recorded session again: no client is ended unasked, and the record never says too much."""

from __future__ import annotations

import secrets
from contextlib import suppress

import trio
from msgspec.structs import replace

from ctm_trio.errors.base import CtmError
from ctm_trio.errors.sessions import ClientEnded, NameExists
from ctm_trio.errors.tmux import TmuxFailed
from ctm_trio.model.panes import living
from ctm_trio.model.session import Session, SessionBook
from ctm_trio.system.claude import find_claude, launch_command
from ctm_trio.system.overlay_file import ensure_overlay
from ctm_trio.system.running_twice import refuse_running
from ctm_trio.system.session_actions import Records, SessionActions
from ctm_trio.system.spawn import UNDO_LIMIT_S, refuse_files_of_others, spawned, still_runs
from ctm_trio.system.tmux import exactly, tmux_name
from ctm_trio.system.transcripts import has_transcript


async def start_again(actions: SessionActions, record: Session, mode: str, *, end: bool) -> Session | None:
    """Start a recorded session anew in this mode, with its conversation if there was one.

    "safe" is recorded before such a client starts, "yolo" after: the daemon types only into what is recorded so.

    Args:
        actions: what it works with.
        record: the session. mode: "yolo" or "safe".
        end: one that runs is ended; the user wants that.

    Returns:
        The record; None if it runs and is not to be ended: somebody else has started it in the meantime.

    Raises:
        StillRuns: another client has its conversation open, or the session's does and is not to be ended.
        ClientEnded: the client ended within `LOOK_AFTER_S`; the record, and a pane that was kept, are as they were.
        CtmError: it cannot be started.
    """
    panes = [pane for pane in await actions.tmux.panes() if pane.session == tmux_name(record.name)]
    if not end and living(panes):
        return None
    await refuse_running(actions.clients, record.uuid, panes if end else ())
    before = mode if mode == "yolo" else await _note_mode(actions.records, record, mode)
    started = False
    try:
        started = await _start(actions, record, mode, bool(panes), end=end)
    finally:
        if not started and before != mode:
            with trio.move_on_after(UNDO_LIMIT_S, shield=True), suppress(CtmError):
                await _note_mode(actions.records, record, before, instead_of=mode)
    return replace(record, mode=mode) if started else None


async def _start(actions: SessionActions, record: Session, mode: str, in_tmux: bool, *, end: bool) -> bool:
    """Run the client, and record the mode; False if tmux says that it runs already."""
    resume = await trio.to_thread.run_sync(has_transcript, actions.paths.claude_home, record.uuid)
    try:
        if in_tmux:
            await _respawn(actions, record, mode, end=end, resume=resume)
        else:
            new = replace(record, mode=mode)
            async with spawned(actions.tmux, new, actions.paths, actions.before(mode), resume=resume):
                await _note_mode(actions.records, record, mode)
    except ClientEnded as error:
        raise ClientEnded(error.words, "the session is recorded as it was") from error
    except (TmuxFailed, NameExists):
        if not end and tmux_name(record.name) in await actions.tmux.sessions():
            return False
        raise
    return True


async def _respawn(actions: SessionActions, record: Session, mode: str, *, end: bool, resume: bool) -> None:
    """Run the client in the pane that it had: attached terminals stay, and tmux does not end with its last session."""
    paths, target, token = actions.paths, exactly(record.name), secrets.token_hex(8)
    claude = await trio.to_thread.run_sync(find_claude, abandon_on_cancel=True)
    await trio.to_thread.run_sync(refuse_files_of_others, paths)
    if checkpoint := actions.before(mode):
        await checkpoint(record.workdir)  # while it still runs: without a checkpoint nothing is ended
    overlay = await trio.to_thread.run_sync(ensure_overlay, paths)
    command = launch_command(claude, record.uuid, mode, env_sh=paths.env_sh, overlay=overlay, resume=resume)
    try:
        kept = await actions.tmux.respawn(
            target, command, {"CTM_SESSION": record.name}, end=end, token=token, conversation=record.uuid
        )
        try:
            await still_runs(actions.tmux, target)
        finally:
            if not kept:
                with trio.move_on_after(UNDO_LIMIT_S, shield=True), suppress(TmuxFailed):
                    await actions.tmux.release_pane(target)
        await _note_mode(actions.records, record, mode)
    except ClientEnded:
        raise  # its pane was there before, and shows what it said
    except BaseException:  # also a cancellation or Ctrl-C: a client whose mode is not recorded does not run on
        with trio.move_on_after(UNDO_LIMIT_S, shield=True), suppress(TmuxFailed):
            await actions.tmux.end_start(target, token)
        raise


async def _note_mode(records: Records, record: Session, mode: str, *, instead_of: str = "") -> str:
    """Record a session's mode, and if it is given only in the place of that one; which it was before."""
    was = record.mode

    def step(book: SessionBook) -> SessionBook:
        nonlocal was
        known = book.records.get(record.name, record)
        was = known.mode
        return book.having(replace(known, mode=mode)) if instead_of in ("", was) else book

    await records.change(step)
    return was
