"""tmux, from outside: every command with a time limit, every target exact, nothing ever interpreted."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from ctm_trio.errors import TmuxFailed

COMMAND_LIMIT_S = 5.0
"""After this a tmux command is killed and counts as failed: tmux answers in milliseconds or not at all."""

_GONE = ("no server running", "error connecting to", "can't find session", "can't find pane", "can't find window",
         "no current target", "server exited")  # fmt: skip


def tmux_name(name: str) -> str:
    """What tmux makes of a session name: it allows no dots and writes `_` for them."""
    return name.replace(".", "_")


def _literal(word: str) -> str:
    """A word that ends in `;` would end the tmux command there; written so, the semicolon is part of the word."""
    return word[:-1] + "\\;" if word.endswith(";") else word


@dataclass(frozen=True, slots=True)
class Output:
    """What a tmux command said. `gone`: it failed because there is no such session, or no server at all."""

    code: int
    stdout: str
    stderr: str

    @property
    def gone(self) -> bool:
        return self.code != 0 and any(word in self.stderr for word in _GONE)


@dataclass(frozen=True, slots=True)
class Tmux:
    """The tmux server that the sessions live in.

    Args:
        conf: `tmux.conf`, given with `-f` if the file is there.
        socket: says which server: "" for tmux's own default, a path (with a slash) or a socket's name.
    """

    conf: Path
    socket: Callable[[], str] = lambda: ""

    async def sessions(self) -> frozenset[str]:
        """The names of all sessions; none if no server runs.

        Raises:
            TmuxFailed: tmux cannot be asked.
        """
        out = await self._run("list-sessions", "-F", "#{session_name}")
        if out.gone:
            return frozenset()
        return frozenset(self._checked(out).stdout.splitlines())

    async def _run(self, *words: str, cwd: str | None = None, env: dict[str, str] | None = None) -> Output:
        """Run one tmux command.

        Args:
            words: the command; each word reaches it as it is.
            cwd: where the client runs, which is where a new session starts.
            env: the whole environment of the client, None for ours.

        Raises:
            TmuxFailed: tmux is missing or did not end in time.
        """
        argv = [*self.argv(), *map(_literal, words)]
        try:
            with trio.fail_after(COMMAND_LIMIT_S):
                done = await trio.run_process(
                    argv,
                    stdin=subprocess.DEVNULL,
                    capture_stdout=True,
                    capture_stderr=True,
                    check=False,
                    cwd=cwd,
                    env=env,
                )
        except trio.TooSlowError:
            raise TmuxFailed(f"tmux did not answer within {COMMAND_LIMIT_S:.0f} s.") from None
        except OSError as error:
            raise TmuxFailed(f"tmux cannot be run: {error.strerror or error}.") from error
        return Output(
            done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace").strip()
        )

    def argv(self) -> Sequence[str]:
        """How every tmux command begins."""
        socket = self.socket()
        where = ["-S" if "/" in socket else "-L", socket] if socket else []
        conf = ["-f", str(self.conf)] if self.conf.is_file() else []
        return ["tmux", *where, *conf]

    @staticmethod
    def _checked(out: Output) -> Output:
        if out.code != 0:
            raise TmuxFailed(f"tmux said: {out.stderr or f'exit status {out.code}'}")
        return out
