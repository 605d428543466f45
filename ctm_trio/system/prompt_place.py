"""Where a session's client can be typed into, and whether it may be now. Source: PROTOCOL.md, Prompts and keys.

A client is known by its own status file: its process, and the pane that runs it. Nothing is typed into a pane that is
not shown to be the client's. On a machine whose clients write no such files (older ones) it is the pane that we started
it in, and the screen alone says whether a text may be typed.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import trio

from ctm_trio.errors.tmux import TmuxGone
from ctm_trio.errors.typing import DialogOpen, DraftInTheWay, Exited, NotTypeable, TmuxDead
from ctm_trio.model.box_text import LEAST_SHOWN
from ctm_trio.model.clients import Client
from ctm_trio.model.dialogs import parse_dialog
from ctm_trio.model.input_box import InputBox, input_box
from ctm_trio.model.panes import Pane, client_pane
from ctm_trio.model.screen import between_last_rules, lines_of
from ctm_trio.model.session import Session
from ctm_trio.model.typing import asks_something
from ctm_trio.system.at_shell import at_shell
from ctm_trio.system.foreground import BEHIND, in_front
from ctm_trio.system.live_sessions import ClientFile, read_client, runs
from ctm_trio.system.owned import believed_owners, file_fault
from ctm_trio.system.process_tree import ancestors
from ctm_trio.system.tmux import Tmux, tmux_name, untypeable

LOOK_S, DRAWN_S = 0.06, 1.0
"""Between two looks at a screen; how long one that shows neither a dialog nor an input box may be just being drawn."""

SETTLE_S = 2.0
"""How long the screen of an older client may take until two looks at it are the same."""

NO_CLIENT = "No Claude Code is known to run in its terminal, so nothing is typed there."
ELSEWHERE = "It runs in no terminal of our tmux server, so nothing can be typed into it from here."


class Place(msgspec.Struct, frozen=True):
    """A pane that a session's client runs in.

    Attributes:
        pane: as tmux has it now. client: None for one that writes no status file, or has not yet.
        old: no client of this machine writes status files.
    """

    pane: Pane
    client: Client | None
    old: bool = False


class Reach(msgspec.Struct, frozen=True):
    """Looks at clients and panes.

    Args:
        tmux: the server that the sessions live in. clients: the directory of the clients' status files.
    """

    tmux: Tmux
    clients: Path

    async def place(self, record: Session, client: Client | None, *, ended: bool = False) -> Place:
        """The pane of a session's client, alive and taking input.

        Args:
            client: that is known to run for it. ended: its client was seen to end.

        Raises:
            TmuxDead: tmux has no such session.
            Exited: the client has ended; its pane is kept, or something else runs there.
            NotTypeable: no pane is shown to be the client's, or it takes no input.
            TmuxFailed: tmux cannot be asked.
        """
        panes = await self.tmux.panes()
        if client is not None:
            pane = self._of_client(panes, record, client)
        else:
            pane = self._of_session(panes, record, ended=ended)
        if pane.dead:
            raise Exited
        if client is not None and await trio.to_thread.run_sync(_is_behind, client, pane, abandon_on_cancel=True):
            raise NotTypeable(BEHIND)  # a shell may wait in front of it, and it has not ended
        if await trio.to_thread.run_sync(at_shell, pane.pid, abandon_on_cancel=True):
            raise Exited
        old = client is None and not await trio.to_thread.run_sync(self.clients.is_dir, abandon_on_cancel=True)
        if client is None and not old and not pane.client:
            raise NotTypeable(NO_CLIENT)
        if client is not None and not await trio.to_thread.run_sync(_is_its, client, pane, abandon_on_cancel=True):
            raise Exited
        if why := untypeable(pane):
            raise NotTypeable(why)
        return Place(pane, client, old)

    @staticmethod
    def _of_client(panes: list[Pane], record: Session, client: Client) -> Pane:
        if not client.pane:
            raise NotTypeable(ELSEWHERE)
        pane = next((pane for pane in panes if pane.id == client.pane), None)
        if pane is not None and pane.pid == client.pane_pid:
            return pane
        raise Exited if pane is not None or _has(panes, record) else TmuxDead

    @staticmethod
    def _of_session(panes: list[Pane], record: Session, *, ended: bool) -> Pane:
        if not _has(panes, record):
            raise TmuxDead
        if ended:
            raise Exited
        pane = client_pane(pane for pane in panes if pane.session == tmux_name(record.name))
        if pane is None:
            raise Exited
        return pane

    async def file(self, client: Client) -> ClientFile:
        """What the client says of itself now.

        Raises:
            Exited: it runs no more. NotTypeable: its file is not believed, or something else has the keyboard.
            DialogOpen: it has no file.
        """
        path = self.clients / f"{client.pid}.json"
        file = await trio.to_thread.run_sync(_read, path, abandon_on_cancel=True)
        if file is None or not file.alive or (client.begun and file.begun != client.begun):
            if await trio.to_thread.run_sync(runs, client.pid, client.begun, abandon_on_cancel=True):
                if fault := await trio.to_thread.run_sync(file_fault, path, abandon_on_cancel=True):
                    raise NotTypeable(f"Its status file {path} is not believed: {fault}. Nothing was typed.")
                raise DialogOpen(ready=False)
            raise Exited
        if not await trio.to_thread.run_sync(in_front, client.pid, abandon_on_cancel=True):
            raise NotTypeable(BEHIND)
        return file

    async def ready(self, place: Place, *, text: str = "", asks: bool = False) -> ClientFile | None:
        """Look whether a text, or Enter behind it, would be taken as a prompt: no dialog, and an empty input box.

        Args:
            text: stands in the box already, typed by us; "" before anything is typed.
            asks: the client waits for an answer by its hooks; believed of one that writes no status file.

        Returns:
            What the client says of itself; None for one that writes no status file.

        Raises:
            DialogOpen: a dialog is open, or it is not known that none is.
            DraftInTheWay: something else stands in the input box.
            NotTypeable: the screen shows neither, or tmux cannot read it.
            Exited, TmuxDead: the client, or its pane, has ended.
        """
        typed = bool(text)
        if place.client is None:
            if not place.old:
                raise DialogOpen(ready=False, typed=typed)
            await self._old_ready(place, typed=typed, asks=asks)
            return None
        file = await self.file(place.client)
        if file.status not in ("idle", "shell", "busy"):
            raise DialogOpen(ready=bool(file.status), typed=typed)
        box = await self._box(place, text)
        if not typed and not box.empty:
            raise DraftInTheWay(box=box)
        if typed and box.mode != "❯":
            raise NotTypeable("The input box does not take the text as a prompt; Enter was not pressed.")
        return file

    async def box(self, pane: Pane) -> InputBox | None:
        """The input box that a pane shows now, None if it shows none.

        Raises:
            TmuxFailed: it cannot be read.
        """
        return input_box(await self.tmux.capture(pane.id))

    async def _box(self, place: Place, text: str) -> InputBox:
        end, typed = trio.current_time() + DRAWN_S, bool(text)
        while True:
            try:
                screen = await self.tmux.capture(place.pane.id, plain=True)
                if parse_dialog(screen) is not None:
                    raise DialogOpen(typed=typed)
                box = await self.box(place.pane)
            except TmuxGone:
                raise Exited(typed=typed) from None
            if box is None and typed and shows_end(screen, text):
                box = InputBox(text, cut=True)
            if box is not None:
                return box
            if trio.current_time() >= end:
                what = " The text was typed, but Enter was not pressed." if typed else " Nothing was typed."
                raise NotTypeable("Its screen shows no input box." + what)
            await trio.sleep(LOOK_S)

    async def _old_ready(self, place: Place, *, typed: bool, asks: bool) -> None:
        """Two looks at the screen are the same, and neither is blank or shows a dialog."""
        if asks:
            raise DialogOpen(typed=typed)
        end, before = trio.current_time() + SETTLE_S, ""
        while True:
            try:
                screen = await self.tmux.capture(place.pane.id, plain=True)
            except TmuxGone:
                raise Exited(typed=typed) from None
            if asks_something(screen) or parse_dialog(screen) is not None:
                raise DialogOpen(typed=typed)
            if typed or (screen == before and screen.strip()):
                return
            if trio.current_time() >= end:
                raise DialogOpen(ready=False)
            before = screen
            await trio.sleep(LOOK_S)


def shows_end(screen: str, text: str) -> bool:
    """True if what stands between the last two rules of a screen is the end of a text that is higher than the box."""
    shown = "".join("".join(between_last_rules(lines_of(screen))).split())
    return len(shown) >= LEAST_SHOWN and "".join(text.split()).endswith(shown)


def _has(panes: list[Pane], record: Session) -> bool:
    return any(pane.session == tmux_name(record.name) for pane in panes)


def _read(path: Path) -> ClientFile | None:
    return read_client(path, believed_owners(path.parent))


def _is_behind(client: Client, pane: Pane) -> bool:
    """True if the client's process runs in that pane, and another has the keyboard."""
    return _is_its(client, pane) and not in_front(client.pid)


def _is_its(client: Client, pane: Pane) -> bool:
    """True if the client's process runs in that pane."""
    return runs(client.pid, client.begun) and pane.pid in ancestors(client.pid)
