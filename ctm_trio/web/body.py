"""The body of a request: how much of it a path takes, and how long it may take to come.

Source: PROTOCOL.md, Connections and limits.
"""

from __future__ import annotations

import re

import trio

from ctm_trio.model.image import MAX_IMAGE_BYTES
from ctm_trio.model.prompt_steps import MAX_ESCAPED
from ctm_trio.web.asgi import Message, Receive, Scope

DEFAULT_BODY_BYTES = 64 * 1024
"""What a route takes unless the table says otherwise; more is 413."""

BODY_LIMITS: tuple[tuple[str, int], ...] = (
    ("/api/auth/", 8 * 1024),
    ("/api/hooks/", 64 * 1024),
    ("/api/requests", (1 << 20) + 1024),
    ("/api/sessions", MAX_ESCAPED + 80 * 1024),
)
"""Path prefix → bytes. The routes themselves are stricter and say so in their own words."""

BODY_TIMEOUT_S = 15.0
"""For the whole body of a request; nothing we take is large, images aside."""

IMAGE_TIMEOUT_S = 60.0
"""For an image, which may come from a phone far away."""

_IMAGES = re.compile(r"/api/sessions/[^/]+/images")

OVERTAKEN_S = 1.0
"""How long an answer waits for the rest of its request's body; then it closes the connection."""


def takes_image(path: str) -> bool:
    """True for a path whose body may be an image."""
    return _IMAGES.fullmatch(path) is not None


def body_limit(path: str) -> int:
    """How many bytes of body a path takes."""
    if takes_image(path):
        return MAX_IMAGE_BYTES
    return next((limit for prefix, limit in BODY_LIMITS if path.startswith(prefix)), DEFAULT_BODY_BYTES)


def body_time(path: str) -> float:
    """How many seconds the whole body of a path may take."""
    return IMAGE_TIMEOUT_S if takes_image(path) else BODY_TIMEOUT_S


class Body:
    """The request body, counted and timed.

    Args:
        receive: ASGI's. limit: bytes. within_s: seconds for the whole of it.
        expected: the request has one.
    """

    def __init__(self, receive: Receive, limit: int, within_s: float, *, expected: bool) -> None:
        self._receive, self._left, self._deadline = receive, limit, trio.current_time() + within_s
        self.whole = trio.Event()
        """Set once nothing of it is on its way any more."""
        self.refused = 0
        """The status once the body was too long (413) or too slow (408)."""
        if not expected:
            self.whole.set()

    async def receive(self) -> Message:
        """Like ASGI's receive; a body past its bounds looks like a disconnect to the app."""
        if self.whole.is_set():
            return await self._receive()
        with trio.CancelScope(deadline=self._deadline) as scope:
            message = await self._receive()
        if scope.cancelled_caught:
            self.refused = self.refused or 408
            return {"type": "http.disconnect"}
        if message["type"] != "http.request":
            return message
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.refused = self.refused or 413
            return {"type": "http.disconnect"}
        if not message.get("more_body", False):
            self.whole.set()
        return message

    async def settled(self) -> bool:
        """Wait a moment for the rest of the body, which somebody else receives. True if there is none any more.

        An answer that overtakes its request's body cannot be followed by another request on the same connection.
        """
        if not self.whole.is_set() and not self.refused:
            with trio.move_on_after(OVERTAKEN_S):
                await self.whole.wait()
        return self.whole.is_set()


def announced_length(scope: Scope) -> int | None:
    """The body's length as the request says it: 0 for no body, None if it comes in chunks."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
        if name == b"transfer-encoding":
            return None
    return 0
