"""The command line acts on sessions: as the daemon does, and with errors in its own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import trio

from ctm_trio.cli.common import NOT_FOUND, CliError, plain, say
from ctm_trio.errors.base import CtmError
from ctm_trio.errors.sessions import NoClaude, SessionNotFound
from ctm_trio.model.session import Session, SessionBook, clean_workdir
from ctm_trio.system.first_prompt import type_first_prompt
from ctm_trio.system.session_actions import NameRecorded, SessionActions, Step
from ctm_trio.system.session_restart import start_again
from ctm_trio.system.sessions_file import SessionsFile
from ctm_trio.system.tmux import Tmux

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.paths import Paths

T = TypeVar("T")


class Starter:
    """Acts on one user's files and tmux server. Every method raises CliError if it cannot be done.

    Args:
        paths, settings: of the user.
    """

    def __init__(self, paths: Paths, settings: Settings) -> None:
        self._tmux = Tmux(paths.tmux_conf, lambda: settings.tmux_socket)
        self._records = _RecordsOnDisk(SessionsFile(paths.sessions))
        self._actions = SessionActions(self._tmux, paths, self._records, lambda: settings, _checkpoint)
        self._clients = paths.claude_home / "sessions"

    def new(self, name: str, workdir: str, mode: str, prompt: str) -> Session:
        """A new session, running and recorded; if it cannot be started, nothing is left of it."""

        async def steps() -> Session:
            record, _ = await self._actions.create(name, clean_workdir(workdir), mode)
            if prompt:
                # Whoever waits here is not attached yet, and so cannot close a dialog: it is not waited for.
                problem = await type_first_prompt(self._tmux, record, prompt, self._clients)
                if problem:
                    say(f"The prompt was not typed: {problem}")
            return record

        return _run(steps)

    def again(self, record: Session, mode: str, *, end: bool) -> Session | None:
        """As `start_again`."""
        return _run(lambda: start_again(self._actions, record, mode, end=end))

    def kill(self, name: str) -> None:
        """End the tmux session; already gone is fine."""
        _run(lambda: self._actions.kill(name))

    def forget(self, name: str) -> None:
        """Drop the record; already gone is fine."""

        async def steps() -> None:
            with suppress(SessionNotFound):
                await self._actions.forget(name)

        _run(steps)

    def rename(self, name: str, to: str) -> None:
        """Rename it in tmux and in the record, or in neither."""
        _run(lambda: self._actions.rename(name, to))

    def change(self, step: Step) -> None:
        """Change `sessions.json` under its lock."""
        _run(lambda: self._records.change(step))


class _RecordsOnDisk:
    """The `Records` of a command, which keeps no reading of its own."""

    def __init__(self, file: SessionsFile) -> None:
        self._file = file

    async def read(self) -> SessionBook:
        book, _ = await self._file.read()
        return book

    async def change(self, step: Step) -> SessionBook:
        book, _ = await self._file.change(step)
        return book


async def _checkpoint(workdir: str) -> None:
    from ctm_trio.system.git_checkpoint import checkpoint_for_yolo

    if note := await checkpoint_for_yolo(workdir):
        say(plain(note))


def _run(steps: Callable[[], Awaitable[T]]) -> T:
    try:
        return trio.run(steps)
    except NoClaude:
        raise CliError("The program `claude` is not on your PATH; install it, or add its directory.") from None
    except SessionNotFound as error:
        raise CliError(f"There is no session named {plain(str(error.fields['name']))}.", NOT_FOUND) from None
    except NameRecorded as error:
        raise CliError(f"{plain(error.message)} `ctm-trio attach {plain(error.by.name)}` goes to it.") from None
    except CtmError as error:
        raise CliError(error.message) from None
