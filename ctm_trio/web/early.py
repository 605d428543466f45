"""The app from the first moment on: it says that the daemon lives; everything else waits until it can be answered.

Quart takes longer to import than all else that the daemon needs, and the owners need a moment to begin. Whoever
started the daemon, and a sibling on the same port, wait for `/healthz` alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
import trio

from ctm_trio.errors.access import WrongHost
from ctm_trio.web.answers import NO_STORE, answer_of
from ctm_trio.web.asgi import Receive, Scope, Send, header_of, send_answer
from ctm_trio.web.early_ends import EarlyEnds, alive
from ctm_trio.web.origin import Gate

if TYPE_CHECKING:
    from ctm_trio.web.app import CtmApp
    from ctm_trio.web.ends import WebEnds

READY_S = 10.0
"""How long a request waits for the owners to begin; then it is answered with what there is."""


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


def _import_app() -> Callable[[WebEnds], CtmApp]:
    from ctm_trio.web.app import create_app

    return create_app
