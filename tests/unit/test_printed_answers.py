"""An answer that a hook has printed is corrected once the client's next signs say that it did not count."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from msgspec.structs import replace

from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.model.event import Event
from ctm_trio.model.request_record import Answer, Request, State
from ctm_trio.owners.requests.book import Book
from ctm_trio.owners.requests.desk import RequestsDesk
from ctm_trio.owners.requests.printed import MAX_PRINTED, PrintedAnswers
from ctm_trio.transcripts.call_result import Mark
from tests.unit.test_call_result import RECORDED, call_of
from tests.unit.test_requests_book import NOW, WAITING, call, hook, request, says

Steps = Callable[[PrintedAnswers], Awaitable[None]]


async def after(
    choice: str,
    steps: Steps,
    *,
    mark: Mark | None = None,
    use: str = "use",
    agent: str = "",
    clients: ClientsSnapshot = WAITING,
) -> tuple[State, Book]:
    """What an answer by hook has become, a minute after these steps."""
    book = Book()
    book.use_clients(WAITING, NOW)
    settled: list[Request] = []

    async def settle() -> None:
        settled.extend(book.closed)
        book.closed.clear()
        await trio.lowlevel.checkpoint()

    ends = SimpleNamespace(clients=SimpleNamespace(latest=clients))
    desk = cast(RequestsDesk, cast(Any, SimpleNamespace(book=book, ends=ends, settle=settle)))
    async with trio.open_nursery() as nursery:
        printed = PrintedAnswers(desk, nursery)
        book.printed = printed.follow
        entry = book.add(request(use=use, agent=agent), pid=7)
        entry.sent_to_hook, entry.mark = True, mark
        book.close("r", "answered", NOW + 1, Answer(choice, "page", NOW + 1), "key")
        await settle()
        await steps(printed)
        await settle()
        await trio.sleep(60)
    last = settled[-1]
    assert (last.state == "answered_elsewhere") == (len(settled) == 2)
    if last.state == "answered_elsewhere":
        assert last == replace(settled[0], state="answered_elsewhere", answer=Answer("", "terminal", NOW + 1))
    return last.state, book


def step(*signs: Event | ClientsSnapshot) -> Steps:
    """These signs, one after the other."""

    async def steps(printed: PrintedAnswers) -> None:
        for sign in signs:
            if isinstance(sign, Event):
                printed.fold(sign)
            else:
                printed.use_clients(sign)
            await trio.sleep(0.01)

    return steps


BUSY, IDLE = says("busy", NOW + 1), says("idle", NOW + 2)


@pytest.mark.parametrize(
    ("choice", "signs", "expected"),
    [
        ("allow", (), "answered"),
        ("allow", (BUSY, call(), hook("Stop"), IDLE), "answered"),
        ("allow", (BUSY, IDLE), "answered"),  # it was interrupted while it ran
        ("allow", (IDLE,), "answered_elsewhere"),
        ("allow", (says("shell", NOW + 2),), "answered_elsewhere"),
        ("allow", (IDLE, hook("PostToolBatch")), "answered"),
        ("allow", (says("idle", NOW - 9),), "answered"),  # what it said before it asked
        ("allow", (says("idle", NOW + 2, uuid="other"),), "answered_elsewhere"),  # the same process, after `/clear`
        ("deny", (BUSY, hook("PostToolBatch"), IDLE), "answered"),
        ("deny", (BUSY, call()), "answered_elsewhere"),
        ("deny", (BUSY, call("another")), "answered"),
        ("deny", (BUSY, call(""),), "answered"),
        ("keep_planning", (call(),), "answered_elsewhere"),
        ("deny", (IDLE,), "answered_elsewhere"),
        ("deny_stop", (IDLE,), "answered"),
        ("deny_stop", (call(),), "answered_elsewhere"),
        ("allow", (hook("SessionEnd"), IDLE), "answered"),
        ("allow", (hook("Stop", agent="a"), IDLE), "answered_elsewhere"),
    ],
)  # fmt: skip
async def test_signs_without_a_transcript(
    autojump_clock: trio.abc.Clock, choice: str, signs: tuple[Event | ClientsSnapshot, ...], expected: str
) -> None:
    """A call that ran, an idle client: whether they fit the answer."""
    assert (await after(choice, step(*signs)))[0] == expected


@pytest.mark.parametrize(
    ("choice", "line", "signs", "expected"),
    [
        ("allow", "allowed by the hook", (BUSY, call()), "answered"),
        ("allow", "allowed at the terminal", (BUSY, call()), "answered_elsewhere"),
        ("allow", "refused at the terminal", (IDLE,), "answered_elsewhere"),
        ("allow", "interrupted while it ran", (IDLE,), "answered"),
        ("deny", "denied by the hook", (BUSY, hook("PostToolBatch")), "answered"),
        ("deny", "refused at the terminal, with words", (BUSY, hook("PostToolBatch")), "answered_elsewhere"),
        ("deny_stop", "refused at the terminal", (IDLE,), "answered"),
    ],
)
async def test_the_transcript_decides(
    autojump_clock: trio.abc.Clock,
    tmp_path: Path,
    choice: str,
    line: str,
    signs: tuple[Event | ClientsSnapshot, ...],
    expected: str,
) -> None:
    """The client writes the result shortly after its sign, and that tells who decided."""
    file = tmp_path / "t.jsonl"
    file.write_text("{}\n")
    use = call_of(RECORDED[line])
    signs = tuple(call(use) if isinstance(sign, Event) and sign.hook is None else sign for sign in signs)

    async def steps(printed: PrintedAnswers) -> None:
        await step(*signs)(printed)
        await trio.sleep(0.2)
        with file.open("a") as end:
            end.write(json.dumps(RECORDED[line]) + "\n")

    assert (await after(choice, steps, mark=Mark(str(file), 0), use=use))[0] == expected


async def test_the_client_was_idle_already(autojump_clock: trio.abc.Clock) -> None:
    """It said so while the hook was still printing."""
    assert (await after("allow", step(), clients=IDLE))[0] == "answered_elsewhere"


async def test_a_sub_agents_hook_races_with_nothing(autojump_clock: trio.abc.Clock) -> None:
    """No dialog shows while it waits."""
    assert (await after("deny", step(call(agent="a"), IDLE), agent="a"))[0] == "answered"


async def test_of_very_many_the_oldest_are_not_followed(autojump_clock: trio.abc.Clock) -> None:
    """What is remembered is bounded."""

    async def steps(printed: PrintedAnswers) -> None:
        book = Book()
        for number in range(MAX_PRINTED):
            entry = book.add(request(f"r{number}", use=f"u{number}"))
            closed = book.close(f"r{number}", "answered", NOW, Answer("allow", "page", NOW))
            assert closed is not None
            printed.follow(entry, closed)
        printed.fold(call())
        await trio.lowlevel.checkpoint()

    assert (await after("deny", steps))[0] == "answered"
