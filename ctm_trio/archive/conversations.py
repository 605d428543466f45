"""What is read of conversations for a request: in threads, on read-only connections to the index."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import trio

from ctm_trio.archive.read_pool import ReadPool
from ctm_trio.model.conversation.asked import Conversation, Page, Usage, WantedEntries, WantedList
from ctm_trio.model.conversation.piece import Image
from ctm_trio.model.paths import Paths
from ctm_trio.model.search import Match, SearchQuery
from ctm_trio.system.side_database import connect_reader
from ctm_trio.transcripts.listing import read_list, read_one, read_usage
from ctm_trio.transcripts.pages import image_of, next_entries, read_page
from ctm_trio.transcripts.schema import CONVERSATIONS
from ctm_trio.transcripts.search import holders_of, search_entries
from ctm_trio.transcripts.spending import read_spending

READERS = 2
"""Connections for pages, lists and figures. A search has one more to itself: it may take a second, and no page waits
for it."""


class ConversationArchive:
    """The reads. Construct it in Trio; `close` it when the web has stopped.

    Each raises what `ReadPool.run` does, and StoreUnavailable while there is no index.

    Args:
        paths: the daemon's files.
    """

    def __init__(self, paths: Paths) -> None:
        connect, files = partial(connect_reader, paths.conversations, CONVERSATIONS), (paths.conversations,)
        self._pool = ReadPool(connect, size=READERS, files=files)
        self._searches = ReadPool(connect, size=1, files=files)

    async def page(self, wanted: WantedEntries) -> Page:
        """A page of a conversation. Raises UnknownEntry for a cursor that is none of its entries."""
        return await self._pool.run(partial(read_page, wanted))

    async def next_entries(self, wanted: WantedEntries, key: int) -> tuple[list[dict[str, Any]], int]:
        """For an export: the entries behind a key, 0 for the first; and the key to go on from, 0 at the end."""
        return await self._pool.run(partial(next_entries, wanted, key))

    async def listed(self, wanted: WantedList) -> tuple[list[Conversation], bool]:
        """Conversations, newest first, and whether there are more. Raises UnknownConversation for an unknown cursor."""
        pool = self._searches if wanted.q else self._pool
        return await pool.run(partial(read_list, wanted, going_on=trio.from_thread.check_cancelled))

    async def one(self, uuid: str) -> Conversation:
        """A conversation. Raises UnknownConversation."""
        return await self._pool.run(partial(read_one, uuid))

    async def search(
        self, query: SearchQuery, until_ms: int | None, names: Mapping[str, str]
    ) -> tuple[list[Match], bool]:
        """Matches of a search, and whether there are more; see `search_entries`."""
        going_on = trio.from_thread.check_cancelled
        return await self._searches.run(partial(search_entries, query, until_ms, names, going_on=going_on))

    async def holders(self, entries: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """The conversations that have each of these entries, by the entries' ids."""
        return await self._pool.run(partial(holders_of, entries))

    async def usage(self, uuids: Sequence[str], forks: Collection[str]) -> Sequence[Usage]:
        """What conversations used, each message once; see `read_usage`."""
        return await self._pool.run(partial(read_usage, uuids, forks))

    async def usage_of_each(self, uuids: Sequence[str], forks: Collection[str]) -> Mapping[str, Sequence[Usage]]:
        """What each of some conversations used, by its id; those without tokens are left out. See `read_spending`."""
        found = await self._pool.run(partial(read_spending, uuids, forks))
        return {one.uuid: one.usage for one in found}

    async def image(self, entry: str, index: int) -> Image:
        """An image of an entry. Raises UnknownEntry."""
        return await self._pool.run(partial(image_of, entry, index))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
        self._searches.close()
