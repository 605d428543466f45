"""What an owner keeps in a database of documents: written in a thread, in memory while the disk refuses.

Source: PROTOCOL.md, Databases and upgrades.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Generic, NoReturn, Protocol, TypeVar

import msgspec
import trio

from ctm_trio.errors.base import CtmError
from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.system.document_store import Document, DocumentStore
from ctm_trio.system.file_watch import watch_side_file
from ctm_trio.system.migration import Schema

PRUNE_EVERY = 1000
"""Documents that are saved between two prunings of the database."""

T = TypeVar("T")


class Kept(Protocol):
    """What can be kept: a frozen dataclass that msgspec can write."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def session(self) -> str:
        """The session it belongs to now."""

    @property
    def is_open(self) -> bool:
        """Its owner works on it."""


K = TypeVar("K", bound=Kept)


class Keeping(msgspec.Struct, Generic[K], frozen=True):
    """How things of one kind are kept.

    Attributes:
        schema: of the database. kind: the class. began: when one began, unix seconds.
    """

    schema: Schema
    kind: type[K]
    began: Callable[[K], float]


@asynccontextmanager
async def kept_documents(
    path: Path, keeping: Keeping[K], report: Callable[[str], object]
) -> AsyncIterator[KeptDocuments[K]]:
    """The documents of an owner, until the body ends.

    Args:
        path: of the database.
        report: told what is wrong with it, "" when nothing is any more.

    Raises:
        StoreUnavailable, StoreNewer: it cannot be opened.
    """
    one = trio.CapacityLimiter(1)
    store = await trio.to_thread.run_sync(DocumentStore, path, keeping.schema, limiter=one)
    try:
        yield KeptDocuments(store, one, keeping, report)
    finally:
        with trio.CancelScope(shield=True):  # a disk that hangs is the business of `daemon.hard_stop`
            await trio.to_thread.run_sync(store.close, limiter=one)


class KeptDocuments(Generic[K]):
    """See above.

    Args:
        store: used in one thread at a time, of `one`.

    Attributes:
        unsaved: by id, what the disk does not have yet.
        cursor: id of the last event that the owner has taken in; saved along.
    """

    def __init__(
        self, store: DocumentStore, one: trio.CapacityLimiter, keeping: Keeping[K], report: Callable[[str], object]
    ) -> None:
        self.unsaved: dict[str, K] = {}
        self.cursor = 0
        self._store, self._one, self._keeping, self._report = store, one, keeping, report
        self._decoder = msgspec.json.Decoder(keeping.kind)
        self._saved = 0

    async def watch(self) -> NoReturn:
        """Open the file again when somebody takes it away or puts another one in its place."""
        await watch_side_file(self._store, self._one, self._report)

    async def load(self) -> list[K]:
        """What was open when the daemon ended, oldest first; the cursor is known then."""
        found = await self._in_thread(lambda: self._decoded(self._store.opened()))
        self.cursor = await self._in_thread(self._store.cursor) or 0
        await self._in_thread(self._store.prune)
        return found or []

    async def get(self, id_: str) -> K | None:
        """One by its id; None if there is none, or the disk refuses."""
        if id_ in self.unsaved:
            return self.unsaved[id_]
        found = await self._in_thread(lambda: self._decoded(filter(None, (self._store.get(id_),))))
        return found[0] if found else None

    async def newest(self, limit: int, session: str = "") -> list[K]:
        """The newest of a session, or of all, oldest first; without those that are not saved yet."""
        return await self._in_thread(lambda: self._decoded(reversed(self._store.newest(limit, session)))) or []

    async def save(self, *things: K) -> bool:
        """Keep them; True if the disk has them now. Else they are in `unsaved`, and saved with the next ones."""
        self.unsaved.update({thing.id: thing for thing in things})
        wanted = dict(self.unsaved)
        if not await self._in_thread(partial(self._save, tuple(wanted.values()))):
            return False
        for id_, thing in wanted.items():
            if self.unsaved.get(id_) is thing:
                del self.unsaved[id_]
        return True

    def _save(self, things: tuple[K, ...]) -> bool:
        began = self._keeping.began
        documents = [Document(t.id, t.session, t.is_open, began(t), msgspec.json.encode(t)) for t in things]
        self._store.save(documents, self.cursor or None)
        self._saved += len(documents)
        if self._saved >= PRUNE_EVERY:
            self._saved = 0
            self._store.prune()
        return True

    def _decoded(self, documents: Iterable[Document]) -> list[K]:
        found = []
        for document in documents:
            try:
                found.append(self._decoder.decode(document.body))
            except BAD_JSON:
                continue  # of a newer program, or damaged
        return found

    async def _in_thread(self, work: Callable[[], T]) -> T | None:
        """Do it; None, and said in /health, if the disk refuses."""
        try:
            found = await trio.to_thread.run_sync(work, limiter=self._one)
        except CtmError as error:
            self._report(error.message)
            return None
        self._report("")
        return found
