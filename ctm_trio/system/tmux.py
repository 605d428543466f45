"""tmux, from outside: every command with a time limit, every target exact, nothing ever interpreted.

Three things in tmux would run, or mean, what somebody else wrote, and are avoided here
(`tests/integration/test_tmux.py` shows it): a word that ends in `;` ends the command; `-c DIRECTORY` expands formats,
and `#(…)` in one is a shell command; a target without `=` also matches names that only begin so.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from ctm_trio.errors.tmux import PaneNotReady, ScreenChanged, TmuxDuplicate, TmuxFailed, TmuxGone, TmuxWouldEnd
from ctm_trio.model.panes import (
    CLIENT_MARK,
    OURS_MARK,
    PANE_FORMAT,
    SHARED_FORMAT,
    UNNAMED,
    Pane,
    client_pane,
    living,
    parse_panes,
)
from ctm_trio.system.process import TooSlow, run
from ctm_trio.system.tmux_words import GONE, exactly, first_pane, literal, tmux_argv, tmux_name, tmux_version

__all__ = ["Tmux", "exactly", "first_pane", "tmux_name", "untypeable"]

COMMAND_LIMIT_S = 5.0
"""After this a tmux command is killed and counts as failed: tmux answers in milliseconds or not at all."""

ENTER_GAP_S = 0.015
"""Between a text and its Enter: a terminal program that reads both at once takes them for a paste."""

NEW_TRIES, NEW_AGAIN_S = 3, 0.1
"""How often a new session is tried while the server is ending, and the pause between."""

MAX_OUTPUT = 64 * 1024 * 1024
"""Bytes that a tmux command may print: ten thousand wide lines with colours stay far below."""

COLUMNS, LINES = "200", "50"
"""The size of a new session while nobody is attached. Source: PROTOCOL.md, Sessions."""

FIXED_VERSION = (3, 4)
"""Before this version of tmux a new session ends the server if `window-size` is `manual`."""

LEAVE_TRIES = 3
"""How often typing is tried again after leaving a mode of tmux, into which somebody may go again."""

START_MARK = "@ctm_start"
"""An option of a session: by which start its client runs, so that a start whose answer never came can be ended."""

PASTES = 50
"""Texts that one call of tmux pastes: a call takes some milliseconds, and tmux holds what it is given."""

REFUSED = "ctm-not-ready"
"""What tmux prints when the pane is not the one, or not ready, in the moment of typing."""

CHANGED = "ctm-screen-changed"
"""What tmux prints when the screen does not show what it must in the moment of pressing a key."""

INPUT_OFF = "Input to its pane is switched off (`tmux select-pane -e` switches it on)."
SHARED = (
    "Its window types into all of its panes at once (synchronize-panes), so keys for it would go to the others as well"
    " (`tmux set-option -w synchronize-panes off` ends that)."
)

MAX_HISTORY = 10_000
"""Lines of history that a capture may ask for. Source: PROTOCOL.md, Pane streams."""


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
        """The names of all sessions that live, asked in one call; none if no server runs. See `model.panes.living`."""
        return living(await self.panes())

    async def panes(self, session: str = "") -> list[Pane]:
        """All panes, or those of one session. Without a session: none if no server runs."""
        where = ("-s", "-t", f"{session}:") if session else ("-a",)
        try:
            return parse_panes(await self._run("list-panes", *where, "-F", PANE_FORMAT))
        except TmuxGone:
            if session:
                raise
            return []

    async def new_session(
        self,
        name: str,
        workdir: str,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        token: str = "",
        conversation: str = "",
    ) -> str:
        """Start a detached session and return its id (`$3`), a target that stays right when it is renamed.

        It has a size of its own, is not ended for having nobody attached, and its pane is kept if its program ends
        (`release_pane` undoes that), whatever the user's tmux.conf says.

        Args:
            name: what it is called, in tmux's spelling (`tmux_name`).
            workdir: where it starts; the client runs there, because `-c` would expand formats in it.
            command: the program and its arguments, run without a shell.
            env: variables of the session's environment.
            token: by which `end_start` finds it, hexadecimal.
            conversation: uuid that the client is started with, noted at its pane (`Pane.conversation`).

        Raises:
            TmuxDuplicate: there is a session of that name.
            TmuxWouldEnd: with a new session this tmux server would end, and all of its sessions with it.
        """
        await self._check_size_option()
        variables = [word for key, value in env.items() for word in ("-e", f"{key}={value}")]
        size = ("-x", COLUMNS, "-y", LINES)
        new = ("new-session", "-d", "-P", "-F", "#{session_id}", *size, "-s", name, *variables, "--", *command)
        here = f"={name}:"
        options = (
            ("set-option", "-t", here, START_MARK, token),
            ("set-option", "-t", here, "destroy-unattached", "off"),
            ("set-option", "-t", here, OURS_MARK, "1"),
            ("set-option", "-p", "-t", here, CLIENT_MARK, conversation or UNNAMED),
            ("set-option", "-p", "-t", here, "remain-on-exit", "on"),
        )
        for attempt in range(NEW_TRIES):
            try:
                return (await self._run(*new, then=options, cwd=workdir)).strip()
            except TmuxGone:
                # The server was just ending, with its last session: then it takes no new one, and the next try
                # starts another server.
                if attempt == NEW_TRIES - 1:
                    raise
            await trio.sleep(NEW_AGAIN_S)
        raise AssertionError("unreachable")

    async def release_pane(self, session: str) -> None:
        """Let the panes of a session close when their program ends, if the user wants it so."""
        for pane in await self.panes(session):
            await self._run("set-option", "-p", "-u", "-t", pane.id, "remain-on-exit")

    async def respawn(
        self,
        session: str,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        end: bool,
        token: str = "",
        conversation: str = "",
    ) -> bool:
        """Run another program in the pane of a session's client; whoever is attached stays so.

        The pane is kept if that program ends, whatever the user's tmux.conf says; `release_pane` undoes that.

        Args:
            command: the program and its arguments, run without a shell, where the pane started.
            env: variables of its environment.
            end: end the client first; else tmux refuses if it runs, also if it was started this very moment.
            token: by which `end_start` finds it, hexadecimal.
            conversation: as for `new_session`.

        Returns:
            True if the user wants that pane kept anyway, so that it is not to be released.
        """
        variables = [word for key, value in env.items() for word in ("-e", f"{key}={value}")]
        pane = client_pane(await self.panes(session))
        target = first_pane(session) if pane is None else pane.id
        marks = (
            ("set-option", "-t", f"{session}:", START_MARK, token),
            ("set-option", "-p", "-t", target, CLIENT_MARK, conversation or UNNAMED),
            ("set-option", "-p", "-t", target, "remain-on-exit", "on"),
        )
        kept = await self._run("show-options", "-p", "-v", "-t", target, "remain-on-exit")
        kill = ("-k",) if end else ()
        await self._run("respawn-pane", *kill, "-t", target, *variables, "--", *command, then=marks)
        return kept.strip() == "on"

    async def end_start(self, session: str, token: str) -> None:
        """End a session whose client runs by the start with this token, and no other.

        For a start whose answer never came: tmux may have carried it out all the same, or carry it out before this.

        Args:
            session: `exactly(name)`, or the id that `new_session` gave.
        """
        ours = f"#{{==:#{{{START_MARK}}},{token}}}"
        await self._run("if-shell", "-F", "-t", f"{session}:", ours, f"kill-session -t '{session}'")

    async def kill(self, session: str) -> None:
        """End a session."""
        await self._must_answer(session)
        await self._run("kill-session", "-t", session)

    async def kill_pane(self, pane: Pane) -> None:
        """End a pane, and with the last one its session. Nothing is done if another program runs in it by now."""
        await self._must_answer(pane.session_id)
        same = f"#{{==:#{{pane_pid}},{pane.pid}}}"
        await self._run("if-shell", "-F", "-t", pane.id, same, f"kill-pane -t {pane.id}")

    async def rename(self, session: str, to: str) -> None:
        """Give a session another name. Raises `TmuxDuplicate` if that is taken."""
        await self._must_answer(session)
        await self._run("rename-session", "-t", session, "--", to)

    async def put(self, pane: Pane, text: str) -> None:
        """Type `text` into a pane, each character as it is, without Enter.

        The text goes to tmux on its standard input: every user of the machine sees the words of a command. It goes to
        the program itself, never to a mode of tmux, and only to this program.

        Raises:
            PaneNotReady: the pane takes no input, or another program runs in it by now; nothing was typed.
        """
        if text:
            buffer = f"ctm-{secrets.token_hex(4)}"
            paste = f"paste-buffer -d -r -b {buffer} -t {pane.id}"
            refuse = f"delete-buffer -b {buffer} ; display-message -p {REFUSED}"
            check = ("if-shell", "-F", "-t", pane.id, _same(pane), paste, refuse)
            await self._guarded(pane, "load-buffer", "-b", buffer, "-", then=(check,), stdin=text.encode())

    async def press(
        self, pane: Pane, key: str, *, shows: Sequence[str] = (), line: str = "", lacks: Sequence[str] = ()
    ) -> None:
        """Press one key in a pane; `key` is tmux's name for it, e.g. "Escape", and is never a user's words.

        Args:
            shows: texts that its screen must all show, each within one line, in the moment of pressing: tmux itself
                looks, so nothing can change in between. Of each the letters, digits and `❯` count, in their order.
            line: a whole line of it, "" for any: with as many characters, and the same ASCII letters and digits.
            lacks: texts of ours that no line of it may show then.

        Raises:
            ScreenChanged: it does not show them, or shows one of the others; nothing is pressed.
            PaneNotReady: as for `put`.
        """
        send, refuse = f"send-keys -t {pane.id} -- {key}", f"display-message -p {REFUSED}"
        if shows or line or lacks:
            changed = f"display-message -p {CHANGED}"
            send = f"if-shell -F -t {pane.id} '{_showing(shows, line, lacks)}' '{send}' '{changed}'"
        if CHANGED in await self._guarded(pane, "if-shell", "-F", "-t", pane.id, _same(pane), send, refuse):
            raise ScreenChanged("Its screen has changed.")

    async def paste(self, pane: Pane, chunks: Sequence[str]) -> None:
        """Give texts to a pane, each as a paste of its own, bracketed if the program wants that. No Enter.

        They go to tmux on its standard input: every user of the machine sees the words of a command.

        Raises:
            PaneNotReady: as for `put`; the texts of a call of tmux, `PASTES` each, are typed as a whole or not at all.
        """
        for start in range(0, len(chunks), PASTES):
            first = f"ctm-{secrets.token_hex(4)}"
            buffers = {f"{first}-{number}": chunk for number, chunk in enumerate(chunks[start : start + PASTES])}
            # Reading its input, tmux does other things. So it is asked afterwards, and all are pasted in the same step:
            # a mode of tmux that is entered in between would paste without brackets, each line with an Enter.
            read = "".join(f'set-buffer -b {name} -- "{_octal(chunk)}"\n' for name, chunk in buffers.items())
            paste = " ; ".join(f"paste-buffer -d -p -r -b {name} -t {pane.id}" for name in buffers)
            refuse = " ; ".join([*(f"delete-buffer -b {name}" for name in buffers), f"display-message -p {REFUSED}"])
            check = ("if-shell", "-F", "-t", pane.id, _same(pane), paste, refuse)
            await self._guarded(pane, "source-file", "-", then=(check,), stdin=read.encode())

    async def press_all(self, pane: Pane, keys: Sequence[str]) -> None:
        """Press keys at once, in one step; as `press`."""
        send, refuse = f"send-keys -t {pane.id} -- {' '.join(keys)}", f"display-message -p {REFUSED}"
        await self._guarded(pane, "if-shell", "-F", "-t", pane.id, _same(pane), send, refuse)

    async def _guarded(self, pane: Pane, *words: str, then: Sequence[Sequence[str]] = (), stdin: bytes = b"") -> str:
        """Run what types; what it printed. While tmux is in a mode of its own, leave that first, and look again."""
        for _ in range(LEAVE_TRIES):
            printed = await self._run(*words, then=then, stdin=stdin)
            if REFUSED not in printed:
                return printed
            now = next((p for p in await self.panes(pane.session_id) if p.id == pane.id), None)
            if now is None or now.dead or now.pid != pane.pid:
                raise PaneNotReady("The program in its pane has ended.")
            if why := untypeable(now):
                raise PaneNotReady(why)
            if now.in_mode:
                await self._run("copy-mode", "-q", "-t", pane.id)
        raise PaneNotReady("Its pane is in a mode of tmux that cannot be left from here.")

    async def capture(self, session: str, *, history: int = 0, plain: bool = False) -> str:
        """What a pane shows, wrapped lines joined: of a session the active one.

        Args:
            session: of a session, or the id of a pane.
            history: lines above the screen that come along, 0 to `MAX_HISTORY`.
            plain: without colours.
        """
        target = session if session.startswith("%") else f"{session}:"
        start = f"-{history}" if history else "0"
        return await self._run("capture-pane", *(() if plain else ("-e",)), "-p", "-J", "-t", target, "-S", start)

    async def _must_answer(self, session: str) -> None:
        """Look before a change: what is sent to a tmux that hangs is done when it goes on, long after it has failed."""
        await self.panes(session)

    async def version(self) -> str:
        """What `tmux -V` says, e.g. "tmux 3.3a"."""
        return (await self._run("-V")).strip()

    def argv(self) -> list[str]:
        """How every tmux command begins."""
        return tmux_argv(self.conf, self.socket())

    async def _check_size_option(self) -> None:
        """Refuse where a new session ends the server: tmux before 3.4, with the option window-size set to manual."""
        try:
            said = await self._run(
                "display-message", "-p", "#{version}", then=(("show-options", "-gv", "window-size"),)
            )
        except TmuxGone:
            return  # no server runs, so none can end
        version, _, size = said.strip().partition("\n")
        if size == "manual" and tmux_version(version) < FIXED_VERSION:
            raise TmuxWouldEnd(
                f"tmux {version} crashes when a session is created while window-size is manual, and all of its sessions"
                " end. Run first: tmux set-option -g window-size latest"
            )

    async def _run(
        self, *words: str, then: Sequence[Sequence[str]] = (), cwd: str | None = None, stdin: bytes = b""
    ) -> str:
        """Run a tmux command, and in the same step those that follow unless it fails; what they printed."""
        more = [word for command in then for word in (";", *map(literal, command))]
        argv = [*self.argv(), *map(literal, words), *more]
        env = None if cwd is None else {**os.environ, "PWD": cwd}  # a symlinked directory keeps its name
        try:
            done = await run(argv, limit_s=COMMAND_LIMIT_S, max_bytes=MAX_OUTPUT, cwd=cwd, env=env, stdin=stdin)
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


def untypeable(pane: Pane) -> str:
    """Why nothing is typed into a pane whose program is the right one, for people; "" if something may be."""
    if pane.input_off:
        return INPUT_OFF
    return SHARED if pane.shared else ""


def _same(pane: Pane) -> str:
    """A format that is true while the same program runs in the pane, and keys go to it and to no other."""
    flags = f"#{{?pane_dead,1,0}}#{{?pane_in_mode,1,0}}#{{?pane_input_off,1,0}}{SHARED_FORMAT}"
    return f"#{{==:#{{pane_pid}} {flags},{pane.pid} 0000}}"


def _octal(text: str) -> str:
    """A text as tmux's parser of commands reads it between double quotes: nothing in it can mean anything else."""
    return "".join(f"\\{byte:03o}" for byte in text.encode())


def _showing(texts: Sequence[str], line: str, others: Sequence[str]) -> str:
    """A format that is true while each of the texts stands in some line of the screen, and none of the others does.

    Somebody else's words become a pattern in it: all that could mean something in a format, in a pattern or to the
    parser of commands is left out. The others are ours.
    """
    patterns = [f":{pattern}" for text in texts if (pattern := re.sub(r"[^A-Za-z0-9❯]+", "*", text).strip("*"))]
    if line:
        patterns.append(f"/r:^{re.sub(r'[^A-Za-z0-9]', '.', line)}$")
    found = "".join(f"#{{?#{{C{pattern}}},1,0}}" for pattern in (*patterns, *(f":{other}" for other in others)))
    return f"#{{==:{found},{'1' * len(patterns)}{'0' * len(others)}}}"
