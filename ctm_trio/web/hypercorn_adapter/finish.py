"""How an answer comes to its end: what Hypercorn needs of an app that the specification of ASGI does not ask for."""

from __future__ import annotations

import trio

from ctm_trio.web.answers import Answer
from ctm_trio.web.asgi import Message, Receive, Send, send_answer

LAST_SEND_S = 2.0
"""The end of an answer is shielded, so that the connection can be used again, but never longer than this."""


async def send_last(send: Send, message: Message) -> None:
    """Send the last part of an answer.

    Hypercorn recycles the connection inside this call, and Quart cancels itself in the middle of it.
    """
    with trio.move_on_after(LAST_SEND_S, shield=True):
        await send(message)


async def answer_early(receive: Receive, send: Send, answer: Answer) -> None:
    """Answer while the rest of the body is dropped: the queue of body parts has no other reader."""

    async def drop() -> None:
        while (await receive())["type"] == "http.request":
            pass

    with trio.move_on_after(LAST_SEND_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drop)
            await send_answer(send, answer)
            nursery.cancel_scope.cancel()
