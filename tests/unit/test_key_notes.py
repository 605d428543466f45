"""Whoever looks at a request shall know that keys came through us."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from ctm_trio.errors.typing import Exited
from ctm_trio.messages.requests import NoteKeys
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.key_notes import AFTER_S, keys_noted


async def test_keys_are_noted_before_and_after(autojump_clock: trio.abc.Clock) -> None:
    """While they are pressed and a moment longer; not where none were pressed; a full inbox keeps nobody."""
    send, receive = trio.open_memory_channel[NoteKeys](4)
    ends = cast(WebEnds, cast(Any, SimpleNamespace(requests_send=send)))
    async with keys_noted(ends, "alpha"):
        before = receive.receive_nowait()
    assert before.session == "alpha"
    assert before.within_s > 10
    assert receive.receive_nowait().within_s == AFTER_S
    with pytest.raises(Exited):
        async with keys_noted(ends, "alpha"):
            raise Exited
    assert [receive.receive_nowait().within_s > 0 for _ in range(2)] == [True, False]
    for _ in range(4):
        async with keys_noted(ends, "alpha"):
            pass
