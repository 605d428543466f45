"""What all streams share: the count of open ones, their tokens, the end of all, and batches that are encoded once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from ctm_trio.errors.access import TooManyStreams
from ctm_trio.journal.view import Batch
from ctm_trio.web.auth import AuthStore, require
from ctm_trio.web.ends import Events

MAX_STREAMS = 256
"""Open streams of the one user, SSE and WebSocket together; the next one is 429.
Source: PROTOCOL.md, Connections and limits."""

REFRESH_S = 0.25
"""So often at most the streams have it looked at whether the user's file says that tokens are void."""

RECHECK_S = 15.0
"""A stream looks at its token again with the first thing it sends so long after its last look: a token that expires
tells nobody. Source: PROTOCOL.md, Tokens."""

SHARED_BATCHES = 16
"""Batches whose encoded bytes are kept: one for each different filter among the streams is enough."""


class Shared:
    """Encoded batches, so that many streams with one filter encode once.

    All readers at the same cursor with the same view get the same `Batch` object. It is kept here as long as its
    bytes, so its identity cannot be taken by another one meanwhile.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], tuple[Batch, bytes]] = OrderedDict()

    def bytes_of(self, batch: Batch, kind: str, encode: Callable[[Batch], bytes]) -> bytes:
        """`encode(batch)`, at most once for a batch and a `kind` of encoding."""
        key = (id(batch), kind)
        found = self._kept.get(key)
        if found is not None:
            return found[1]
        data = encode(batch)
        self._kept[key] = (batch, data)
        if len(self._kept) > SHARED_BATCHES:
            self._kept.popitem(last=False)
        return data


class Streams:
    """The open streams of one app.

    Args:
        auth: to look again whether a stream's token is still valid.
        events: what they follow.
    """

    def __init__(self, auth: AuthStore, events: Events) -> None:
        self._auth = auth
        self.events = events
        self.open = 0
        self.stopping = trio.Event()
        self.sse = Shared()
        self.ws = Shared()
        self.refresh_at = 0.0
        """When the user's file is looked at next, see `REFRESH_S`."""

    def stop(self) -> None:
        """The daemon stops: every stream ends now."""
        self.stopping.set()

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Count a stream while it is open.

        Raises:
            TooManyStreams: `MAX_STREAMS` are.
        """
        if self.open >= MAX_STREAMS:
            raise TooManyStreams(MAX_STREAMS)
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    def pass_for(self, token: str) -> StreamPass:
        """What a stream asks before each write, whether its token still counts.

        Raises:
            MissingToken, InvalidToken: it does not now.
        """
        return StreamPass(self._auth, require(self._auth, token), self)

    def refresh(self, now: float) -> None:
        """Have the user's file looked at: it is due."""
        self.refresh_at = now + REFRESH_S
        self._auth.revision()


class StreamPass:
    """A stream's token.

    Looked at again when some token became void, and every `RECHECK_S`; else it costs some comparisons.
    """

    __slots__ = ("_auth", "_look_at", "_revision", "_streams", "_token", "_void")

    def __init__(self, auth: AuthStore, token: str, streams: Streams) -> None:
        self._auth, self._token, self._revision, self._streams = auth, token, auth.revision(), streams
        self._look_at = trio.current_time() + RECHECK_S
        self._void = False

    def valid(self, now: float | None = None, *, again: bool = False) -> bool:
        """False for good once the token was found void: several tasks of one stream ask.

        Args:
            now: the time on Trio's clock, if the caller knows it. again: look in any case.
        """
        if self._void:
            return False
        if now is None:
            now = trio.current_time()
        if now >= self._streams.refresh_at:
            self._streams.refresh(now)
        revision = self._auth.known_revision
        if revision != self._revision or now >= self._look_at or again:
            self._revision, self._look_at = revision, now + RECHECK_S
            self._void = not self._auth.check(self._token)
        return not self._void
