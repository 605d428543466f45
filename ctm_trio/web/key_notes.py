"""Keys that go through us to a session may answer its dialog: whoever looks at the request shall know that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import trio

from ctm_trio.errors.base import CtmError
from ctm_trio.messages.requests import NoteKeys
from ctm_trio.model.deadlines import INPUT, LIMITS
from ctm_trio.web.ends import WebEnds

AFTER_S = 3.0
"""So long after the last key what it has answered is seen to close."""

SEND_S = 1.0
"""How long it is waited for room in the owner's inbox; the keys matter more than the note."""


@asynccontextmanager
async def keys_noted(ends: WebEnds, session: str) -> AsyncIterator[None]:
    """Note that keys are pressed in a session while the body has them pressed; none were if it raises."""
    await _note(ends, session, LIMITS[INPUT].deadline_s + AFTER_S)
    try:
        yield
    except CtmError:
        await _note(ends, session, 0.0)
        raise
    await _note(ends, session, AFTER_S)


async def _note(ends: WebEnds, session: str, within_s: float) -> None:
    with trio.move_on_after(SEND_S), suppress(trio.BrokenResourceError):
        await ends.requests_send.send(NoteKeys(session, within_s))
