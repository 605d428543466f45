"""One search over logged calls and conversations: merged in one order, walked page by page.

Source: PROTOCOL.md, History, search, details.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from ctm_trio.archive import conversations as archive_module
from ctm_trio.archive.archive import Archive
from ctm_trio.archive.search_index import SearchIndex
from ctm_trio.model.conversation.asked import WantedEntries, WantedList
from ctm_trio.model.conversation.piece import Piece
from ctm_trio.model.search import Match, Matches
from ctm_trio.model.times import parse_time
from ctm_trio.system.store_errors import StoreUnavailable
from ctm_trio.transcripts import lookup
from ctm_trio.transcripts.index import ConversationIndex
from ctm_trio.transcripts.pieces import Reader, Row
from ctm_trio.web.routes.search import BadQuery, query_of
from tests.fakes.library import Library, bash
from tests.fakes.transcripts import BEGAN, Talk, text_block

A = "aaaaaaaa-0000-4000-8000-000000000000"
B = "bbbbbbbb-0000-4000-8000-000000000000"
C = "cccccccc-0000-4000-8000-000000000000"
NAMES = {A: "alpha", B: "beta"}


def at(second: float) -> str:
    """A time so many seconds after the transcripts begin."""
    return (BEGAN + timedelta(seconds=second)).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Shelves:
    """Logs and transcripts, both indexed."""

    def __init__(self, library: Library, projects: Path) -> None:
        self.library = library
        self.projects = projects

    def index(self, talks: Iterable[Talk]) -> None:
        """Bring both indexes up to date."""
        paths = self.library.paths
        made = SearchIndex(paths.search_index, paths.database, paths.logs)
        while made.step(100):
            pass
        made.close()
        index = ConversationIndex(paths.conversations)
        rest = [str(talk.write(self.projects)) for talk in talks]
        while rest:
            done = index.step(rest)
            rest = [path for path in rest if path not in done.read]
        index.close()

    @asynccontextmanager
    async def archive(self) -> AsyncIterator[Archive]:
        archive = Archive(self.library.paths)
        try:
            yield archive
        finally:
            archive.close()


@pytest.fixture
def shelves(library: Library, tmp_path: Path) -> Shelves:
    return Shelves(library, tmp_path / "projects")


async def look(archive: Archive, text: str = "needle", **more: Any) -> Matches:
    """A search as its route does it."""
    given = {key.rstrip("_"): str(value) for key, value in more.items()}
    return await archive.search(query_of({"q": text, "limit": "500", **given}), NAMES)


async def walk(archive: Archive, limit: int, **more: Any) -> list[Match]:
    """All pages, one after the other."""
    found: list[Match] = []
    cursor: dict[str, str] = {}
    while True:
        page = await look(archive, limit=limit, **more, **cursor)
        assert len(page.matches) <= limit
        found += page.matches
        if not page.truncated:
            return found
        assert page.matches, "there is more, and nothing to go on from"
        cursor = {"before": page.matches[-1].id}


def told(matches: Iterable[Match]) -> list[tuple[str, str]]:
    return [(match.kind, match.snippet.split(" ")[0]) for match in matches]


async def test_both_in_one_order(shelves: Shelves) -> None:
    """Newest first by their own times; a call that both have is there once, as the logged one."""
    talk = Talk(A)
    talk.prompt("needle-1 prompt")  # a second apart
    talk.said(text_block("needle-2 answer"), message="m")
    talk.call("toolu_logged", command="echo needle-3 in both")
    talk.result("toolu_logged", "needle-4 output")
    talk.call("toolu_other", command="echo needle-5 here only")
    talk.compact("needle-7 summary")
    shelves.library.write([
        bash("needle-0 log", ts=at(0.5)), bash("echo needle-3 in both", ts=at(4.2), tool_use_id="toolu_logged"),
        bash("needle-8 log", ts=at(99)),
    ], uuid=A)  # fmt: skip
    shelves.index([talk])
    async with shelves.archive() as archive:
        found = await look(archive)
        assert told(found.matches) == [
            ("call", "needle-8"), ("compaction", "needle-7"), ("tool", "echo"), ("call", "echo"), ("text", "needle-2"),
            ("prompt", "needle-1"), ("call", "needle-0"),
        ]  # fmt: skip
        assert (found.truncated, found.complete) == (False, True)
        entry = found.matches[5]
        assert (entry.session, entry.uuid, entry.tool, entry.is_error, len(entry.entry)) == ("alpha", A, "", False, 16)
        assert entry.ts == "2026-11-20T09:00:01Z"
        assert found.matches[2].tool_use_id == "toolu_other"
        for limit in (1, 2, 3, 6, 7, 8):
            assert await walk(archive, limit) == found.matches


async def test_where_and_whose(shelves: Shelves) -> None:
    """`in`, `role`, `session`, `since`, `until`, and the filters that only calls have."""
    talk, other, nobodys = Talk(A), Talk(B, began=BEGAN + timedelta(hours=1)), Talk(C)
    talk.prompt("needle-1")
    talk.text("needle-2")
    talk.call("t", command="needle-3")
    talk.result("t", "needle-4")
    other.prompt("needle-5")
    nobodys.prompt("needle-6")
    shelves.library.write([bash("needle-7", ts=at(1800))], uuid=A)
    shelves.index([talk, other, nobodys])
    async with shelves.archive() as archive:

        async def found(**more: Any) -> list[str]:
            return sorted(word for _, word in told((await look(archive, **more)).matches))

        everything = ["needle-1", "needle-2", "needle-4", "needle-5", "needle-6", "needle-7"]
        assert await found() == await found(in_="all") == everything
        assert await found(in_="calls") == ["needle-7"]
        assert await found(in_="conversation") == everything[:-1]
        assert await found(role="prompt") == ["needle-1", "needle-5", "needle-6"]
        assert await found(role="answer") == ["needle-2"]
        assert await found(role="tool") == ["needle-4", "needle-7"]
        assert await found(role="tool", in_="conversation") == ["needle-4"]
        assert await found(session="beta") == ["needle-5"]
        assert await found(session="nobody") == []
        assert await found(tool="Bash") == await found(error="false") == ["needle-7"]
        assert await found(since=at(1000)) == ["needle-5", "needle-7"]
        assert await found(until=at(2), session="alpha") == ["needle-1", "needle-2"], "inclusive"
        assert await found(since=at(2), until=at(2), session="alpha") == ["needle-2"]
        assert {match.session for match in (await look(archive, "needle-6")).matches} == {""}


@pytest.mark.parametrize(
    "args", [{"in": "everything"}, {"role": "system"}, {"role": "Prompt"}, {"q": "x" * 501}, {"error": "maybe"}]
)
def test_filters_that_are_none(args: dict[str, str]) -> None:
    """They are refused, not ignored."""
    with pytest.raises(BadQuery):
        query_of({"q": "needle", **args})


async def test_whole_texts_and_parts_of_words(shelves: Shelves) -> None:
    """What stands far inside, in any case, across words, at a word's end; of a result of many pages too."""
    talk = Talk(A)
    talk.prompt("x " * 50_000 + "Straßenbahnhaltestelle am Ring")
    talk.call("t", "Write", content="y " * 50_000 + "def find_the_thing():")
    talk.result("t", "z " * 50_000 + "E1234-cafe\u0301 end")
    talk.prompt("日本語のテスト文")
    shelves.index([talk])
    async with shelves.archive() as archive:
        for text, kind in (
            ("STRASSENBAHN", None), ("bahnhalte", "prompt"), ("haltestelle am ri", "prompt"), ("le am", "prompt"),
            ("find_the", "tool"), ("the_thing():", "tool"), ("1234", "tool"), ("e1234-CAFE", "tool"),
            ("cafe\u0301 end", "tool"), ("cafe\u0301", "tool"), ("Straße", "prompt"), ("am ring", "prompt"),
            ("am  ring", None), ("テスト", "prompt"), ("ringelnatz", None),
        ):  # fmt: skip
            found = [match.kind for match in (await look(archive, text, in_="conversation")).matches]
            assert found == ([kind] if kind else []), text
        (match,) = (await look(archive, "haltestelle", in_="conversation")).matches
        assert len(match.snippet) <= 202
        assert "Straßenbahnhaltestelle am Ring" in match.snippet


async def test_a_match_behind_letters_that_grow_in_lower_case(shelves: Shelves) -> None:
    """Its snippet has it, however many there are before it."""
    talk = Talk(A)
    talk.prompt("İlk " * 100 + "the needle is here" + " son" * 100)
    shelves.index([talk])
    async with shelves.archive() as archive:
        [match] = (await look(archive)).matches
    assert "the needle is here" in match.snippet


async def test_one_index_that_is_away_hides_nothing_of_the_other(shelves: Shelves) -> None:
    """Calls are found, and the answer says that it is not complete; a search of conversations alone is refused."""
    shelves.library.write([bash("needle-7", ts=at(1))], uuid=A)
    shelves.index([])
    shelves.library.paths.conversations.unlink()
    async with shelves.archive() as archive:
        found = await look(archive)
        assert (told(found.matches), found.complete) == ([("call", "needle-7")], False)
        with pytest.raises(StoreUnavailable):
            await look(archive, in_="conversation")


async def test_a_part_of_too_many_words(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found in the newest and the oldest of them, and the answer says that there may be more."""
    monkeypatch.setattr(lookup, "MAX_FORMS", 3)
    talk = Talk(A)
    for n in range(6):
        talk.prompt(f"fetch{n}Handler is slow")
    shelves.index([talk])
    async with shelves.archive() as archive:
        found = await look(archive, "handler", in_="conversation")
        assert [match.snippet[:6] for match in found.matches] == ["fetch5", "fetch4", "fetch0"]
        assert found.truncated
        for text in ("handler is", "fetch", " is"):
            found = await look(archive, text, in_="conversation")
            assert (len(found.matches), found.truncated) == (6, False)
        found = await look(archive, "handler ", in_="conversation")
        assert ([match.snippet[:6] for match in found.matches], found.truncated) == (
            ["fetch5", "fetch4", "fetch0"],
            True,
        )
        monkeypatch.setattr(lookup, "MAX_FORMS", 6)
        found = await look(archive, "handler", in_="conversation")
        assert (len(found.matches), found.truncated) == (6, False)


async def test_a_search_with_too_many_candidates(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was compared is answered, and that there may be more."""
    monkeypatch.setattr(lookup, "MAX_CANDIDATES", 5)
    talk = Talk(A)
    for n in range(20):
        talk.prompt(f"needle {n}")
    shelves.index([talk])
    async with shelves.archive() as archive:
        found = await look(archive, in_="conversation", limit=2)
        assert (len(found.matches), found.truncated) == (2, True)
        assert len(await walk(archive, 3, in_="conversation")) == 20


async def test_a_search_in_long_lines(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many bytes are read for one page, whatever they say; all is found page by page, with the calls of the logs."""
    monkeypatch.setattr(lookup, "MAX_BYTES", 20_000)
    read: list[int] = []
    pread = os.pread

    def counted(file: int, size: int, at: int) -> bytes:
        read.append(size)
        return pread(file, size, at)

    talk = Talk(A)
    for n in range(20):
        talk.prompt(f"needle {n} " + "long " * 1000)
    shelves.library.write([{**bash(f"needle {n}"), "ctm_timestamp": at(n * 2 + 0.5)} for n in range(10)])
    shelves.index([talk])
    monkeypatch.setattr(os, "pread", counted)
    async with shelves.archive() as archive:
        found = await look(archive, in_="conversation")
        assert (len(found.matches), found.truncated) == (4, True)
        assert sum(read) < 26_000
        read.clear()
        assert (await look(archive)).truncated
        assert sum(read) < 26_000
        matches = await walk(archive, 500)
        assert len(matches) == 30
        assert matches == sorted(matches, key=lambda match: parse_time(match.ts) or 0, reverse=True)


async def test_a_page_waits_for_no_search(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    """While searches take their time, one at once, a page and a list are read."""
    talk = Talk(A)
    talk.prompt("needle")
    shelves.index([talk])
    running: list[str] = []
    most: list[int] = []
    go_on = threading.Event()

    def slow(*_: object, **__: object) -> tuple[list[Match], bool]:
        running.append("search")
        most.append(len(running))
        assert go_on.wait(30)
        running.pop()
        return [], False

    monkeypatch.setattr(archive_module, "search_entries", slow)
    async with shelves.archive() as archive:
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(partial(look, archive, in_="conversation"))
                await wait_all_tasks_blocked()
                assert len((await archive.conversations.page(WantedEntries((A,)))).entries) == 1
                assert len((await archive.conversations.listed(WantedList()))[0]) == 1
                go_on.set()
    assert most == [1] * 5


async def test_a_search_that_nobody_waits_for(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads no further text: the next search need not wait for it."""
    talk = Talk(A)
    for n in range(100):
        talk.prompt(f"needle {n}")
    shelves.index([talk])
    read: list[Row] = []
    first, go_on = trio.Event(), threading.Event()
    piece = Reader.piece

    def slow(reader: Reader, row: Row) -> Piece | None:
        read.append(row)
        if len(read) == 1:
            trio.from_thread.run_sync(first.set)
            assert go_on.wait(30)
        return piece(reader, row)

    monkeypatch.setattr(Reader, "piece", slow)
    async with shelves.archive() as archive:
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(look, archive, in_="conversation"))
                await first.wait()
                nursery.cancel_scope.cancel()
            go_on.set()
            assert len((await look(archive, "needle 7", in_="conversation")).matches) == 11
    assert len(read) == 12


@pytest.mark.parametrize("seed", range(6))
async def test_walking_all_pages(shelves: Shelves, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Calls that both have, late ones, results that match alone, forks, one ms for many: nothing twice or missing."""
    dice = random.Random(seed)
    talk, other = Talk(A), Talk(B, began=BEGAN + timedelta(seconds=dice.randrange(40)))
    logged: list[tuple[float, str, dict[str, Any]]] = []
    wanted: set[tuple[str, str]] = set()
    for n in range(40):
        one = dice.choice((talk, other))
        kind = dice.choice(("prompt", "text", "call", "result", "both", "log", "logged", "silent"))
        word = f"needle-{n:02}"
        second = (one.began - BEGAN).total_seconds() + len(one.lines) + 1
        if kind == "prompt":
            one.prompt(f"{word} x")
            wanted.add(("prompt", word))
        elif kind == "text":
            one.said(text_block(f"{word} x"), message=f"m{n}")
            wanted.add(("text", word))
        elif kind in ("call", "result", "both"):
            one.call(f"t{n}", command=f"{word} x" if kind != "result" else "x")
            if dice.random() < 0.5:
                one.text("between")
            one.result(f"t{n}", f"{word} y" if kind != "call" else "y")
            wanted.add(("tool", f"t{n}"))
        elif kind == "log":
            logged.append((second + dice.choice((0, 0.0004, 0.0005, 0.0006, 0.3)), one.uuid, bash(f"{word} x")))
            wanted.add(("call", word))
        elif kind == "logged":
            one.call(f"t{n}", command=f"{word} x")
            one.result(f"t{n}", dice.choice((f"{word} y", "y")))
            late = second + dice.choice((0, 0.0005, 1, 15))
            logged.append((late, one.uuid, bash(f"{word} x", tool_use_id=f"t{n}")))
            wanted.add(("call", word))
        else:  # the log has the call, but not the part of its result that is looked for
            one.call(f"t{n}", command="quiet")
            one.result(f"t{n}", "y " * 400 + f"{word} z")
            logged.append((second, one.uuid, bash("quiet", tool_use_id=f"t{n}")))
            wanted.add(("tool", f"t{n}"))
        if dice.random() < 0.3 and one.lines:
            one.lines[-1]["timestamp"] = one.lines[0]["timestamp"]
    fork = Talk(C, began=BEGAN + timedelta(minutes=5))
    fork.lines = [{**line, "sessionId": C} for line in talk.lines]
    fork.prompt("needle-99 x")
    wanted.add(("prompt", "needle-99"))
    for second, uuid, line in logged:
        shelves.library.write([{**line, "ctm_timestamp": at(second)}], uuid=uuid, session=NAMES[uuid])
    shelves.index(dice.sample([talk, other, fork], 3))
    async with shelves.archive() as archive:
        whole = (await look(archive)).matches
        names = [(m.kind, m.tool_use_id if m.kind == "tool" else m.snippet.split(" ")[0].lstrip("…")) for m in whole]
        assert sorted(names) == sorted(wanted)
        times = [round((parse_time(match.ts) or 0) * 1000) for match in whole]
        assert times == sorted(times, reverse=True)
        for limit in (1, 2, 3, 7, 19):
            assert await walk(archive, limit) == whole, limit
        assert [m.entry for m in await walk(archive, 1, in_="conversation")] == [
            m.entry for m in (await look(archive, in_="conversation")).matches
        ]
        monkeypatch.setattr(lookup, "MAX_CANDIDATES", 20)  # a page ends before it is full
        for limit in (3, 19, 500):
            assert await walk(archive, limit) == whole, limit


@pytest.mark.parametrize(
    "alphabet",
    ["ab_-. ", "aé e\u0301ñ", "ßẞſsK kKİiı", "ΣσςΑα ", "日本語 の", "aA1٣² x", "हिन्दी न", "a\u200db\u00ad 🙂"],
)
async def test_exactly_the_texts_that_have_the_query(shelves: Shelves, alphabet: str) -> None:
    """Parts of texts of any script are found where they stand, in any case, and nowhere else."""
    dice = random.Random(alphabet)
    texts = ["".join(dice.choices(alphabet, k=dice.randrange(3, 14))) for _ in range(60)]
    talk = Talk(A)
    for text in texts:
        talk.prompt(f"[{text}]")
    shelves.index([talk])
    async with shelves.archive() as archive:
        for _ in range(150):
            text = f"[{dice.choice(texts)}]"
            start = dice.randrange(len(text) - 2)
            part = text[start : start + dice.randrange(3, 8)]
            query = dice.choice((part, part.upper(), part.lower()))
            if len(query) < 3 or not query.strip():
                continue
            more = dice.choice(({}, {"role": "prompt"}, {"session": "alpha"}))
            found = (await look(archive, query, in_="conversation", **more)).matches
            wanted = sum(query.lower() in f"[{one}]".lower() for one in texts if one.strip())
            assert len(found) == wanted, (query, [f"[{one}]" for one in texts if query.lower() in f"[{one}]".lower()])
