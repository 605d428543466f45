"""Starting and restarting `claude` in tmux, recorded as the daemon records it."""

from __future__ import annotations

import os
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import trio

from ctm_trio.cli.common import NOT_FOUND, CliError, plain, say
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.sessions import NameExists, NoClaude
from ctm_trio.errors.tmux import TmuxFailed, TmuxGone
from ctm_trio.model.panes import living
from ctm_trio.model.session import Session, SessionBook, clean_workdir, is_name
from ctm_trio.model.times import format_time
from ctm_trio.system.claude import find_claude, launch_command
from ctm_trio.system.prompt import SETTLE_LIMIT_S, type_prompt
from ctm_trio.system.sessions_file import SessionsFile, taken_by
from ctm_trio.system.spawn import UNDO_LIMIT_S, refuse_files_of_others, renamed, spawned
from ctm_trio.system.tmux import Tmux, exactly, tmux_name

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.paths import Paths

T = TypeVar("T")


class Starter:
    """Does the steps for one user's files and tmux server.

    Args:
        paths, settings: of the user.
    """

    def __init__(self, paths: Paths, settings: Settings) -> None:
        self._paths, self._settings = paths, settings
        self._tmux = Tmux(paths.tmux_conf, lambda: settings.tmux_socket)
        self._file = SessionsFile(paths.sessions)
        self._clients = paths.claude_home / "sessions"

    def new(self, name: str, workdir: str, mode: str, prompt: str) -> Session:
        """A new session, running and recorded.

        Raises:
            CliError: it cannot be started; nothing is left of it.
        """

        async def steps() -> Session:
            record = Session(name, str(uuid.uuid4()), mode, clean_workdir(workdir), format_time(time.time()))
            _refuse_taken((await self._file.read())[0], name)
            async with spawned(self._tmux, record, self._paths, self._checkpoint(mode)) as target:
                await self._file.change(lambda book: _refuse_taken(book, name).having(record))
            if prompt:
                # Whoever waits here is not attached yet, and so cannot close a dialog: it is not waited for.
                problem = await type_prompt(self._tmux, target, name, prompt, self._clients, hold_s=SETTLE_LIMIT_S)
                if problem:
                    say(f"The prompt was not typed: {problem}")
            return record

        return self._run(steps)

    def again(self, record: Session, mode: str, *, end: bool) -> Session | None:
        """Start a recorded session anew in this mode, with its conversation if there was one.

        "safe" is recorded before such a client starts, "yolo" after: the daemon types only into what is recorded so.

        Args:
            end: one that runs is ended; the user wants that.

        Returns:
            The record; None if it runs and is not to be ended: somebody else has started it in the meantime.

        Raises:
            CliError: it cannot be started.
        """

        async def steps() -> Session | None:
            panes = [pane for pane in await self._tmux.panes() if pane.session == tmux_name(record.name)]
            if not end and living(panes):
                return None
            before = mode if mode == "yolo" else await self._note_mode(record, mode)
            started = False
            try:
                started = await self._run_again(record, mode, bool(panes), end=end)
            finally:
                if not started and before != mode:
                    with trio.move_on_after(UNDO_LIMIT_S, shield=True), suppress(CtmError):
                        await self._note_mode(record, before, instead_of=mode)
            return replace(record, mode=mode) if started else None

        return self._run(steps)

    async def _run_again(self, record: Session, mode: str, in_tmux: bool, *, end: bool) -> bool:
        """Run the client, and record the mode; False if tmux says that it runs already."""
        resume = await trio.to_thread.run_sync(self._has_transcript, record.uuid)
        target, token = exactly(record.name), secrets.token_hex(8)
        try:
            if not in_tmux:
                new = replace(record, mode=mode)
                async with spawned(self._tmux, new, self._paths, self._checkpoint(mode), resume=resume):
                    await self._note_mode(record, mode)
                return True
            refuse_files_of_others(self._paths)
            if checkpoint := self._checkpoint(mode):
                await checkpoint(record.workdir)  # while it still runs: without a checkpoint nothing is ended
            overlay = self._paths.overlay if os.path.isfile(self._paths.overlay) else None
            claude, env_sh = find_claude(), self._paths.env_sh
            command = launch_command(claude, record.uuid, mode, env_sh=env_sh, overlay=overlay, resume=resume)
            # In the same pane: attached terminals stay, and tmux does not end with its last session in between.
            try:
                await self._tmux.respawn(target, command, {"CTM_SESSION": record.name}, end=end, token=token)
                await self._note_mode(record, mode)
            except BaseException:  # also Ctrl-C: a client whose mode is not recorded does not run on
                with trio.move_on_after(UNDO_LIMIT_S, shield=True), suppress(TmuxFailed):
                    await self._tmux.end_start(target, token)
                raise
        except (TmuxFailed, NameExists):
            if not end and tmux_name(record.name) in await self._tmux.sessions():
                return False
            raise
        return True

    async def _note_mode(self, record: Session, mode: str, *, instead_of: str = "") -> str:
        """Record a session's mode, and if it is given only in the place of that one; which it was before."""
        was = record.mode

        def step(book: SessionBook) -> SessionBook:
            nonlocal was
            known = book.records.get(record.name, record)
            was = known.mode
            return book.having(replace(known, mode=mode)) if instead_of in ("", was) else book

        await self._file.change(step)
        return was

    def kill(self, name: str) -> None:
        """End the tmux session; already gone is fine."""

        async def steps() -> None:
            try:
                await self._tmux.kill(exactly(name))
            except TmuxGone:
                pass  # which is what was wanted

        self._run(steps)

    def change(self, step: Callable[[SessionBook], SessionBook]) -> None:
        """Change `sessions.json` under its lock."""

        async def steps() -> None:
            await self._file.change(step)

        self._run(steps)

    def rename(self, name: str, to: str) -> None:
        """Tmux first, then the record; if the record cannot follow, tmux gets the old name back."""

        def step(book: SessionBook) -> SessionBook:
            if name not in book.records:
                raise CliError(f"There is no session named {plain(name)}.", NOT_FOUND)
            return _refuse_taken(book, to, but=name).renamed(name, to)

        async def steps() -> None:
            step((await self._file.read())[0])
            async with renamed(self._tmux, name, to):
                await self._file.change(step)

        self._run(steps)

    def _checkpoint(self, mode: str) -> Callable[[str], Awaitable[None]] | None:
        """What makes a checkpoint before yolo mode, if the settings want one."""
        if mode != "yolo" or not self._settings.git_checkpoint_before_yolo:
            return None
        from ctm_trio.system.git_checkpoint import checkpoint_for_yolo

        async def checkpoint(workdir: str) -> None:
            if note := await checkpoint_for_yolo(workdir):
                say(plain(note))

        return checkpoint

    def _has_transcript(self, session_id: str) -> bool:
        """True if Claude Code can resume this conversation. The directory's name is not needed: ids are unique."""
        if not is_name(session_id):
            return False
        return any((self._paths.claude_home / "projects").glob(f"*/{session_id}.jsonl"))

    def _run(self, steps: Callable[[], Awaitable[T]]) -> T:
        try:
            return trio.run(steps)
        except NoClaude:
            raise CliError("The program `claude` is not on your PATH; install it, or add its directory.") from None
        except CtmError as error:
            raise CliError(error.message) from None


def _refuse_taken(book: SessionBook, name: str, *, but: str = "") -> SessionBook:
    """The book, if no session has this name or one that tmux takes for the same (`a.b` and `a_b`)."""
    if other := taken_by(book, name, but=but):
        text = f"There is a session named {plain(other.name)} already."
        raise CliError(f"{text} `ctm-trio attach {plain(other.name)}` goes to it.")
    return book
