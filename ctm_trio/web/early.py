"""The app from the first moment on: it says that the daemon lives; everything else waits until it can be answered.

Quart takes longer to import than all else that the daemon needs, and the owners need a moment to begin. Whoever
started the daemon, and a sibling on the same port, wait for `/healthz` alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import trio

from ctm_trio.errors.access import WrongHost
from ctm_trio.web.answers import NO_STORE, answer_of
from ctm_trio.web.asgi import Receive, Scope, Send, header_of, send_answer
from ctm_trio.web.asker import NO_PEERS, Peers
from ctm_trio.web.origin import Gate, Origins

if TYPE_CHECKING:
    from ctm_trio.web.app import CtmApp
    from ctm_trio.web.ends import WebEnds

READY_S = 10.0
"""How long a request waits for the owners to begin; then it is answered with what there is."""


@dataclass(frozen=True, slots=True)
class EarlyEnds:
    """What the web needs to accept connections and to say that the daemon lives. Nothing else has to be imported."""

    port: int
    version: str
    started_at: float
    """Monotonic seconds (`trio.current_time`) when the daemon started."""
    origins: Origins
    """`system.origins.AllowedOrigins`: the origins that the user added."""
    peers: Peers = NO_PEERS
    """Tells whose program is at the other end of a connection."""


class EarlyApp:
    """The ASGI app in front of Quart's.

    Args:
        early: see `EarlyEnds`.
        ends: returns the others, once they are there.
    """

    def __init__(self, early: EarlyEnds, ends: Callable[[], Awaitable[WebEnds]]) -> None:
        self._early = early
        self._ends = ends
        self._gate = Gate(early.port, early.origins)
        self._app: CtmApp | None = None
        self._open = trio.Event()

    async def load(self) -> None:
        """Import the real app, and use it once the owners have begun."""
        ends = await self._ends()  # first: two imports at once only get in each other's way
        create = await trio.to_thread.run_sync(_import_app, abandon_on_cancel=True)
        self._app = create(ends)
        with trio.move_on_after(READY_S):
            await ends.ready()
        self._open.set()

    def stop(self) -> None:
        """The daemon stops: every stream ends."""
        if self._app is not None:
            self._app.streams.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if not self._open.is_set():
            if scope["type"] == "http" and scope["path"] == "/healthz" and scope["method"] in ("GET", "HEAD"):
                await self._healthz(scope, send)
                return
            await self._open.wait()
        assert self._app is not None
        await self._app(scope, receive, send)

    async def _healthz(self, scope: Scope, send: Send) -> None:
        if not self._gate.host_ok(header_of(scope, b"host") or ""):
            await send_answer(send, answer_of(WrongHost()))
            return
        headers = {"Content-Type": "application/json", "Cache-Control": NO_STORE, "X-Ctm-Serve": self._early.version}
        await send_answer(send, (200, headers, msgspec.json.encode(alive(self._early))))


def alive(early: EarlyEnds) -> dict[str, object]:
    """What `/healthz` says: the status, and how long the daemon has been running, in seconds."""
    return {"status": "ok", "uptime_seconds": round(trio.current_time() - early.started_at, 3)}


def _import_app() -> Callable[[WebEnds], CtmApp]:
    from ctm_trio.web.app import create_app

    return create_app
