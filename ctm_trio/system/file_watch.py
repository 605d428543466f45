"""Whether the file that a connection has open is still the one at its path, and how it gets there again.

A database that is deleted or replaced while it is open goes on working and is lost when the process ends; a -wal that
is deleted takes the newest commits with it. What the connection sees is whole all the while, so it is written out
again, into a new file at the old path. Source: PROTOCOL.md, Databases and upgrades.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ctm_trio.system.file_clock import file_clock_ns, shows_changes
from ctm_trio.system.migration import remove_database, write_copy
from ctm_trio.system.open_file import Look, OpenFile
from ctm_trio.system.rescued import put_in_place, rescued_of
from ctm_trio.system.side_database import begin_anew
from ctm_trio.system.sqlite_file import connect
from ctm_trio.system.store_errors import (
    StoreDamaged,
    StoreUnavailable,
    WordsDamaged,
    clear_beside,
    set_aside,
    translated,
)

if TYPE_CHECKING:
    import trio

log = logging.getLogger("ctm.store")

WATCH_S = 2.0
"""How often a file is looked at. What is wrong is in /health within 5 s."""

NOTE_S = 30.0
"""How long /health says that a file had to be restored."""

DEEP_GAP_S = 60.0
"""All of a file is looked at once in so many seconds at most, and only when there is a reason."""

DEEP_S, DEEP_MET_S = 5.0, 60.0
"""And for so long at most; the longer time is for a file in which somebody met damage."""

DEEP_STEPS = 20_000
"""Steps of SQLite's machine between two looks at the clock."""

REPLACED = "replaced"

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
"""A full-text index without its texts cannot be read row by row; what it is made of can."""


class Watched:
    """A database with its one writing connection, `db`. One thread at a time, except for `look`.

    Args:
        path: of the file. open_: makes or opens it; called again when it must be opened anew.

    `has_words`: there is a full-text index in it, and it can be made anew.
    `detached` says why nothing may be written: what is open is not at its path, and could not be put there again. After
    `close` it says the same of what was written.

    Raises:
        StoreUnavailable, StoreDamaged: as `open_` does.
    """

    has_words = False

    def __init__(self, path: Path, open_: Callable[[Path], sqlite3.Connection]) -> None:
        self.path = path
        with translated():
            self.db = open_(path)
        self.detached = ""
        self._deep_at = 0.0
        self._sound: tuple[int, ...] = ()
        """The stamps with which the file was looked into last and found sound."""
        self._hopeless = False
        """It is damaged where no copy can be seen to be sound."""
        self._open_file = open_
        self._file: OpenFile | None = None
        self._note_open()

    def look(self) -> Look:
        """How the file is; see `OpenFile.look`. Opens it too, as anybody else would, and reads a little."""
        file = self._file
        if file is None:
            return Look(f"{self.path.name} is not open.", lost=True)
        seen = file.look()
        if seen.problem:
            return seen
        deep = file.suspect and time.monotonic() >= self._deep_at
        if deep:
            file.suspect, self._deep_at = False, time.monotonic() + DEEP_GAP_S
            damage = self._look_deep(file)
        else:
            damage = self._look_into()
        damage = file.damage = file.damage or damage
        if damage and not (seen := file.look()).problem:
            return Look(f"{self.path.name} was damaged while it was in use ({damage}).", lost=True, damaged=True)
        return seen

    def _look_into(self) -> str:
        """Look at its beginning, unless nothing of it has changed since that was found sound."""
        looked_ns, stamps = file_clock_ns(), _stamps(self.path)
        if stamps and stamps == self._sound:
            return ""
        damage = _damage(self.path)
        plain = stamps and damage == "" and all(shows_changes(stamp, looked_ns) for stamp in stamps)
        self._sound = stamps if plain else ()
        return damage or ""

    def _look_deep(self, file: OpenFile) -> str:
        met, file.met = file.met, None
        damage = _damage(self.path, deep_s=DEEP_S if met is None else DEEP_MET_S) or ""
        if met is not None and not damage and self.has_words and isinstance(met, WordsDamaged):
            self._hopeless, damage = True, met.message
        return damage

    def put_back(self) -> None:
        """Write what the connection sees into a new file at the path, and go on with that.

        What stands at the path instead is set aside, not overwritten. Nobody else may have the file open for writing.

        Raises:
            StoreUnavailable: it cannot be done now; nothing may be written meanwhile, and it can be tried again.
            StoreDamaged: what is open is damaged itself.
        """
        seen = self.look()
        if self._hopeless:
            raise StoreDamaged(seen.problem)
        try:
            self._put_back(check=seen.damaged)
        except StoreDamaged as error:
            raise StoreDamaged(f"{seen.problem} {error.message}" if seen.damaged else error.message) from error
        except StoreUnavailable as error:
            self.detached = f"{self.look().problem} It cannot be restored now: {error.message}"
            raise
        self.detached = ""

    def settle(self) -> None:
        """Put the file back if it is lost, or go on with it if it is at its path again by itself. Looks at little.

        Raises:
            StoreUnavailable, StoreDamaged: as `put_back`.
        """
        file = self._file
        if file is None or file.look().lost:
            self.put_back()
        elif self.detached and file.is_ours():
            self.detached = ""
            log.warning("%s is at its place again", self.path.name)

    def _put_back(self, *, check: bool = False) -> None:
        rescued = rescued_of(self.path)
        try:
            if self._file is not None:
                try:
                    self._rescue(self._file, rescued, check=check)
                except BaseException:
                    with suppress(OSError):
                        remove_database(rescued)  # the connection sees all of it, and soon more
                    raise
                self.db.close()  # before the new file is there: closing deletes the -wal of this name
                self._note_closed()
            if os.path.lexists(rescued):
                clear_beside(self.path)
                put_in_place(self.path)
        except OSError as error:
            raise StoreUnavailable(error.strerror or str(error)) from error
        with translated():
            self.db = self._open_file(self.path)
        self._note_open()

    def _rescue(self, file: OpenFile, to: Path, *, check: bool) -> None:
        """Write what the connection sees into a copy, and make room for it at the path."""
        write_copy(self.db, to, check=check)
        if os.path.lexists(self.path) and not file.is_ours():
            if file.wal_is_ours():
                os.unlink(f"{self.path}-wal")  # or SQLite would lay our -wal over the other file
            aside = set_aside(self.path, REPLACED)
            log.error("what was in the place of %s is now %s", self.path.name, aside.name)

    def begin_anew(self, error: StoreDamaged) -> None:
        """Set the damaged file aside, and go on with a new one.

        Raises:
            StoreUnavailable: it cannot be done now.
        """
        begin_anew(self.path, error)
        self.db.close()
        self._note_closed()
        with translated():
            self.db = self._open_file(self.path)
        self._note_open()
        self.detached = ""

    def close(self) -> None:
        """Close the connection. A file that was deleted a moment ago is put back first, if that can be done."""
        if self._file is not None and (seen := self._file.look()).lost:
            try:
                self._put_back(check=seen.damaged)
            except (StoreUnavailable, StoreDamaged) as error:
                self.detached = f"{seen.problem} It cannot be restored now: {error.message}"
        self._note_closed()
        self.db.close()

    def _note_open(self) -> None:
        self._file, self._hopeless = OpenFile(self.path), False
        self._file.register()

    def _note_closed(self) -> None:
        if self._file is not None:
            self._file.forget()
        self._file = None


def _stamps(path: Path) -> tuple[int, ...]:
    """When a database and its -wal were changed last, in nanoseconds; nothing if that cannot be seen.

    Of the -wal it is the time of its content: SQLite gives it its owner anew each time it is opened.
    """
    try:
        return os.stat(path).st_ctime_ns, os.stat(f"{path}-wal").st_mtime_ns
    except OSError:
        return ()


def _damage(path: Path, *, deep_s: float = 0.0) -> str | None:
    """What a new connection finds damaged; "" for nothing, None if it could not look. It changes no byte.

    Args:
        deep_s: look at all of it, for so many seconds at most; 0 for the beginning of it only.
    """
    until = time.monotonic() + deep_s
    try:
        with closing(connect(path, "ro", timeout_s=0.0)) as db, translated():
            for (table,) in db.execute(_TABLES).fetchall():
                db.execute(f'SELECT * FROM "{table}" LIMIT 1').fetchone()
            if deep_s:
                db.set_progress_handler(lambda: time.monotonic() > until, DEEP_STEPS)
                (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
                return "" if verdict == "ok" else " ".join(str(verdict).split())
    except StoreDamaged as error:
        return error.message
    except StoreUnavailable:
        return None  # locked, no descriptor is left, it took too long: that says nothing of the file
    return ""


class Trouble:
    """What is wrong with one part, gathered from all who may notice it.

    Args:
        say: gets the sentences whenever they change, "" when nothing is wrong any more, and first of all: what an
            earlier incarnation of the part said is not known to be true any more.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._known: dict[str, str] = {}
        say("")

    def note(self, who: str, problem: str) -> bool:
        """`problem` is what `who` noticed, "" for nothing. True if that is news."""
        if self._known.get(who, "") == problem:
            return False
        self._known[who] = problem
        self._say(" ".join(dict.fromkeys(filter(None, self._known.values()))))
        return True


async def watch_file(
    store: Watched, limiter: trio.CapacityLimiter, say: Callable[[str], object], *, lock: trio.Lock | None = None
) -> NoReturn:
    """Look at a file every `WATCH_S`, put it back when it is lost, and say how it is. Until cancelled.

    Args:
        store: whose file. limiter: of the owner's thread, in which it is put back.
        say: gets a sentence when it changes, "" for all is well.
        lock: held by whoever has a second writing connection open.

    Raises:
        StoreDamaged: the file is lost or damaged, and so is what the connection sees.
    """
    import trio  # here, because quick commands read databases and have no use for it

    from ctm_trio.core.threads import in_thread

    said, note, until = "", "", 0.0
    while True:
        await trio.sleep(WATCH_S)
        seen = await in_thread(store.look)
        text = seen.problem
        if seen.lost:
            if seen.damaged:
                say(text)  # a copy of a large file takes a while
            try:
                async with lock or trio.Lock():
                    await in_thread(store.put_back, limiter=limiter)
            except StoreUnavailable as error:
                text = f"{seen.problem} It cannot be restored now: {error.message}"
            else:
                text = note = f"{seen.problem} It was restored with all its contents."
                until = trio.current_time() + NOTE_S
        elif store.detached:
            with suppress(StoreUnavailable):  # it is lost again; the next look says so
                await in_thread(store.settle, limiter=limiter)
        elif not text and trio.current_time() < until:
            text = note
        if text != said:
            said = text
            say(text)
            if text:
                log.error("%s", text)


async def watch_side_file(store: Watched, limiter: trio.CapacityLimiter, say: Callable[[str], object]) -> NoReturn:
    """As `watch_file`, for a database that can be begun anew at any time: a damaged one is."""
    from ctm_trio.core.threads import in_thread

    while True:
        try:
            await watch_file(store, limiter, say)
        except StoreDamaged as error:
            try:
                await in_thread(partial(store.begin_anew, error), limiter=limiter)
            except StoreUnavailable as problem:
                say(problem.message)
            else:
                say("")
