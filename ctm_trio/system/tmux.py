"""tmux, from outside: every command with a time limit, every target exact, nothing ever interpreted.

Three things in tmux would run, or mean, what somebody else wrote, and are avoided here (`tests/unit/test_tmux.py` shows
it): a word that ends in `;` ends the command; `-c DIRECTORY` expands formats, and `#(…)` in one is a shell command; a
target without `=` also matches names that only begin so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from ctm_trio.errors import TmuxDuplicate, TmuxFailed, TmuxGone
from ctm_trio.system.process import TooSlow, run
from ctm_trio.system.tmux_words import GONE, exactly, first_pane, literal, tmux_argv, tmux_name

__all__ = ["Tmux", "exactly", "first_pane", "tmux_name"]

COMMAND_LIMIT_S = 5.0
"""After this a tmux command is killed and counts as failed: tmux answers in milliseconds or not at all."""

ENTER_GAP_S = 0.015
"""Between a text and its Enter: a terminal program that reads both at once takes them for a paste."""

NEW_TRIES, NEW_AGAIN_S = 3, 0.1
"""How often a new session is tried while the server is ending, and the pause between."""

MAX_OUTPUT = 64 * 1024 * 1024
"""Bytes that a tmux command may print: ten thousand wide lines with colours stay far below."""

MAX_HISTORY = 10_000
"""Lines of history that a capture may ask for. Source: contract A10."""


@dataclass(frozen=True, slots=True)
class Tmux:
    """The tmux server that the sessions live in.

    Every method raises `TmuxGone` if there is no such session (or no server), and `TmuxFailed` if tmux is missing, does
    not end within `COMMAND_LIMIT_S`, or refuses. Names must be checked session names; where it says `session`, a
    target: `exactly(name)`, or an id that `new_session` gave.

    Args:
        conf: `tmux.conf`, given with `-f` if the file is there.
        socket: says which server: "" for tmux's own default, a path (with a slash) or a socket's name.
    """

    conf: Path
    socket: Callable[[], str] = lambda: ""

    async def sessions(self) -> frozenset[str]:
        """The names of all sessions; none if no server runs."""
        try:
            return frozenset((await self._run("list-sessions", "-F", "#{session_name}")).split("\n")) - {""}
        except TmuxGone:
            return frozenset()

    async def new_session(self, name: str, workdir: str, command: Sequence[str], env: Mapping[str, str]) -> str:
        """Start a detached session and return its id (`$3`), a target that stays right when it is renamed.

        Args:
            name: what it is called, in tmux's spelling (`tmux_name`).
            workdir: where it starts; the client runs there, because `-c` would expand formats in it.
            command: the program and its arguments, run without a shell.
            env: variables of the session's environment.

        Raises:
            TmuxDuplicate: there is a session of that name.
        """
        variables = [word for key, value in env.items() for word in ("-e", f"{key}={value}")]
        words = ("new-session", "-d", "-P", "-F", "#{session_id}", "-s", name, *variables, "--", *command)
        for attempt in range(NEW_TRIES):
            try:
                return (await self._run(*words, cwd=workdir)).strip()
            except TmuxGone:
                # The server was just ending, with its last session: then it takes no new one, and the next try
                # starts another server.
                if attempt == NEW_TRIES - 1:
                    raise
            await trio.sleep(NEW_AGAIN_S)
        raise AssertionError("unreachable")

    async def respawn(self, session: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        """End what runs in the first pane of a session and run another program there; whoever is attached stays so.

        Args:
            command: the program and its arguments, run without a shell, where the pane started.
            env: variables of its environment.
        """
        variables = [word for key, value in env.items() for word in ("-e", f"{key}={value}")]
        await self._run("respawn-pane", "-k", "-t", first_pane(session), *variables, "--", *command)

    async def kill(self, session: str) -> None:
        """End a session."""
        await self._run("kill-session", "-t", session)

    async def rename(self, session: str, to: str) -> None:
        """Give a session another name. Raises `TmuxDuplicate` if that is taken."""
        await self._run("rename-session", "-t", session, "--", to)

    async def type(self, session: str, text: str, *, gap_s: float = ENTER_GAP_S) -> None:
        """Type `text` (which may be "") into the first pane, each character as it is, then the Enter key.

        Args:
            gap_s: seconds between the text and Enter.
        """
        pane = first_pane(session)
        if text:
            await self._run("send-keys", "-t", pane, "-l", "--", text)
            await trio.sleep(gap_s)
        await self._run("send-keys", "-t", pane, "Enter")

    async def press(self, session: str, key: str) -> None:
        """Press one key in the first pane; `key` is tmux's name for it, e.g. "Escape", and is never a user's words."""
        await self._run("send-keys", "-t", first_pane(session), "--", key)

    async def capture(self, session: str, *, history: int = 0) -> str:
        """What the active pane shows, with its colours, wrapped lines joined.

        Args:
            history: lines above the screen that come along, 0 to `MAX_HISTORY`.
        """
        return await self._run(
            "capture-pane", "-e", "-p", "-J", "-t", f"{session}:", "-S", f"-{history}" if history else "0"
        )

    async def version(self) -> str:
        """What `tmux -V` says, e.g. "tmux 3.3a"."""
        return (await self._run("-V")).strip()

    def argv(self) -> list[str]:
        """How every tmux command begins."""
        return tmux_argv(self.conf, self.socket())

    async def _run(self, *words: str, cwd: str | None = None) -> str:
        """Run one tmux command and return what it printed."""
        argv = [*self.argv(), *map(literal, words)]
        env = None if cwd is None else {**os.environ, "PWD": cwd}  # a symlinked directory keeps its name
        try:
            done = await run(argv, limit_s=COMMAND_LIMIT_S, max_bytes=MAX_OUTPUT, cwd=cwd, env=env)
        except TooSlow:
            raise TmuxFailed(f"tmux did not answer within {COMMAND_LIMIT_S:.0f} s.") from None
        except OSError as error:
            raise TmuxFailed(f"tmux cannot be run: {error.strerror or error}.") from error
        if done.cut:
            raise TmuxFailed(f"tmux printed more than {MAX_OUTPUT >> 20} MiB.")
        said = done.stderr
        if done.code == 0:
            return done.stdout.decode(errors="replace")
        if any(word in said for word in GONE):
            raise TmuxGone(f"tmux said: {said}")
        if "duplicate session" in said:
            raise TmuxDuplicate(f"tmux said: {said}")
        raise TmuxFailed(f"tmux said: {said or f'exit status {done.code}'}")
