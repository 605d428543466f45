"""Search: exactly the calls that have the text, newest first, with an index that goes on where it stopped."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctm_trio.archive import search_index
from ctm_trio.archive.search_index import SearchIndex
from ctm_trio.archive.search_read import connect_search, search
from ctm_trio.journal.store import EventStore
from ctm_trio.model.event import MAX_ID
from ctm_trio.model.search import (
    INPUT_CHARS,
    TRIGRAMS,
    Matches,
    SearchQuery,
    find,
    place_in,
    snippet,
    text_of_line,
    trigrams,
)
from ctm_trio.model.times import parse_time
from ctm_trio.system.bulk_insert import Inserts, insert_rows
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable
from tests.fakes.library import UUID, Library, at, bash

OTHER = "99999999-2222-4333-8444-555555555555"

PAGE = 4096
"""Of a database."""


def index(library: Library, steps: int = 100) -> int:
    """Bring the index up to date in small steps as a new process would; how many had more behind them."""
    made = SearchIndex(library.paths.search_index, library.paths.database, library.paths.logs)
    try:
        return sum(made.step(7) for _ in range(steps))
    finally:
        made.close()


def look(library: Library, text: str, **more: Any) -> Matches:
    """A search on a connection of its own."""
    db = connect_search(library.paths.search_index, library.paths.database)
    try:
        return search(SearchQuery(text, **more), db)
    finally:
        db.close()


def tools(found: Matches) -> list[str]:
    """What a search found, by snippet."""
    return [match.snippet.split(" ")[0] for match in found.matches]


def test_resumes(library: Library) -> None:
    """An index that was stopped anywhere goes on there: every call once, also those of a packed log."""
    library.write([bash(f"needle-{n}", ts=at(n)) for n in range(20)])
    library.rotate(packed=True)
    library.write([bash(f"needle-{n}", ts=at(n)) for n in range(20, 30)])
    index(library, steps=2)
    found = look(library, "needle")
    assert (len(found.matches), found.complete) == (14, False)
    index(library)
    found = look(library, "NEEDLE")
    assert tools(found) == [f"needle-{n}" for n in range(29, -1, -1)]
    assert (found.complete, found.truncated) == (True, False)


def merging(made: SearchIndex) -> int:
    """After how many segments FTS5 merges them as they come, 0 for never."""
    (value,) = made.db.execute("SELECT v FROM words_config WHERE k = 'automerge'").fetchone()
    return int(value)


def segments(made: SearchIndex) -> int:
    """How many segments FTS5 has: the number of one is in the upper bits of its blocks' ids."""
    (count,) = made.db.execute("SELECT count(DISTINCT id >> 37) FROM words_data WHERE id >= 1 << 37").fetchone()
    return int(count)


def test_segments_are_merged_at_the_end(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """While there is much to index they are left; once all is in they are merged, in steps, and no more is done."""
    monkeypatch.setattr(search_index, "STEP_ROWS", 7)
    library.write([bash(f"needle-{n}", ts=at(n)) for n in range(70)])
    made = SearchIndex(library.paths.search_index, library.paths.database, library.paths.logs)
    with closing(made):
        usual = merging(made)
        assert usual
        assert made.step(3)
        assert merging(made) == usual, "calls that come in are merged as ever"
        while made.count < 66:
            assert made.step(7)
            assert merging(made) == 0
        left = segments(made)
        while made.step(7):
            pass
        assert segments(made) < left
        assert merging(made) == usual
        before = made.db.total_changes
        assert not made.step(7)
        assert made.db.total_changes == before
    assert len(look(library, "needle").matches) == 50
    assert tools(look(library, "needle", limit=200)) == [f"needle-{n}" for n in range(69, -1, -1)]


def test_rebuilt_journal(library: Library) -> None:
    """After the event log was rebuilt, with other ids, the index begins again and has nothing twice."""
    library.write([bash("needle")])
    index(library)
    library.store.close()
    library.paths.database.unlink()
    library.store = EventStore(library.paths.database)
    library.segments.clear()
    (library.paths.logs / "11111111-2222-4333-8444-555555555555.jsonl").unlink()
    (id_,) = library.write([bash("needle")])
    index(library)
    assert [match.id for match in look(library, "needle").matches] == [f"{id_}-0"]


def test_damaged_index(library: Library) -> None:
    """A damaged index is set aside and made anew."""
    library.write([bash("needle")])
    library.paths.search_index.write_bytes(b"rubbish " * 1000)
    index(library)
    assert len(look(library, "needle").matches) == 1


@pytest.mark.parametrize("how", ["no database", "no sound table"])
def test_a_damaged_event_log_is_not_the_index_s_fault(library: Library, how: str) -> None:
    """An index that is opened beside a damaged event log waits until that is made again, and loses nothing."""
    library.write([bash("needle")])
    index(library)
    library.store.close()
    sound = library.paths.database.read_bytes()
    keep = 0 if how == "no database" else PAGE  # the schema is on the first page
    library.paths.database.write_bytes(sound[:keep] + b"\xff" * (len(sound) - keep))
    with pytest.raises(StoreUnavailable, match="event log cannot be read"):
        index(library)
    library.paths.database.write_bytes(sound)
    library.store = EventStore(library.paths.database)
    assert len(look(library, "needle").matches) == 1


def test_a_position_that_is_not_a_number_is_damage(library: Library) -> None:
    """What this program never writes is taken for damage, so that the index is made anew."""
    index(library)
    with closing(sqlite3.connect(library.paths.search_index)) as db, db:
        db.execute("UPDATE meta SET value = 'x' WHERE key = 'cursor'")
    with pytest.raises(StoreDamaged, match="not a number"):
        index(library)


def test_filters(library: Library) -> None:
    """Session, tool, failure and time narrow a search, together and alone."""
    failed = {"hook_event_name": "PostToolUseFailure", "error": "needle failed"}
    library.write(
        [bash("needle a", ts=at(1)), bash("needle b", ts=at(2), tool_name="Other", tool_input={"x": "needle"})]
    )
    library.write([bash("needle c", ts=at(3)) | failed, bash("needle d", ts=at(4))], uuid=OTHER, session="beta")
    index(library)

    def times(**more: Any) -> list[str]:
        return [match.ts[17:19] for match in look(library, "needle", **more).matches]

    assert times() == ["04", "03", "02", "01"]
    assert times(session="alpha") == ["02", "01"]
    assert times(session="nobody") == []
    assert times(tool="Other") == ["02"]
    assert times(tool="Nothing") == []
    assert times(error=True) == ["03"]
    assert times(error=False) == ["04", "02", "01"]
    assert times(error=False, tool="Bash", session="beta") == ["04"]
    noon = 1778068800.0
    assert times(since=noon + 2, until=noon + 3) == ["03", "02"]


def test_pages_of_equal_times(library: Library) -> None:
    """Pages join without a gap or a double, also where many calls have the same time; newest logged first."""
    ids = library.write([bash(f"needle {n}", ts=at(n // 10)) for n in range(55)])
    index(library)
    seen: list[str] = []
    truncated = True
    while truncated:
        page = look(library, "needle", limit=7, before=int(seen[-1][:-2]) if seen else 0)
        seen += [match.id for match in page.matches]
        truncated = page.truncated
    assert seen == [f"{id_}-0" for id_ in reversed(ids)]
    assert look(library, "needle", before=ids[0]).matches == []


def test_times_beyond_every_key(library: Library) -> None:
    """A call of the year 9999 is found like any other, and so are those after it; nor do such bounds stop a search."""
    far = "9999-12-31T23:59:59Z"
    ids = library.write([bash("needle", ts=ts) for ts in (at(1), far, far, at(2))])
    index(library)
    newest_first = [f"{ids[n]}-0" for n in (2, 1, 3, 0)]

    def found(**more: Any) -> list[str]:
        return [match.id for match in look(library, "needle", **more).matches]

    assert found() == newest_first
    assert found(before=ids[2]) == newest_first[1:]
    assert found(before=ids[1]) == newest_first[2:]
    assert found(before=MAX_ID) == newest_first[2:]  # as an unknown one it counts by its time
    last = parse_time(far)
    assert found(until=last) == newest_first
    assert found(since=last) == newest_first[:2]
    index(library)
    library.write([bash("needle again", ts=far)])
    index(library)
    assert len(found(since=last)) == 3


def test_whole_texts(library: Library) -> None:
    """Not only the summary is found: later lines of the output, every string of the input, a failure's text."""
    edit = {"file_path": "/f", "old_string": "before-text", "new_string": "after-text"}
    library.write([bash("x", "first\nsecond-line"), bash("y", tool_name="Edit", tool_input=edit)])
    index(library)
    for text in ("second-line", "before-text", "after-text", "/f\nbef"):
        assert len(look(library, text).matches) == 1, text


def test_gone_log(library: Library) -> None:
    """Of a log that is gone, what the database keeps is found."""
    library.write([bash("needle", "one\ntwo")])
    for path in library.paths.logs.iterdir():
        path.unlink()
    index(library)
    assert (len(look(library, "needle").matches), len(look(library, "two").matches)) == (1, 0)


def test_a_tool_of_a_step_that_was_rolled_back(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number is given out again with the step, and to no other tool by the next process."""
    library.write([bash("needle-a")])
    made = SearchIndex(library.paths.search_index, library.paths.database, library.paths.logs)

    def full(db: sqlite3.Connection, statements: Inserts, rows: Sequence[Sequence[object]]) -> None:
        if statements is search_index.PUT_WORDS:
            raise sqlite3.OperationalError("database or disk is full")
        insert_rows(db, statements, rows)

    with monkeypatch.context() as patch:
        patch.setattr(search_index, "insert_rows", full)
        with pytest.raises(StoreUnavailable, match="full"):
            made.step()
    made.step()
    made.close()
    library.write([bash("needle-b", tool_name="Read", tool_input={"file_path": "needle-b"})])
    index(library)
    assert tools(look(library, "needle", tool="Bash")) == ["needle-a"]
    assert tools(look(library, "needle", tool="Read")) == ["needle-b"]


def test_a_damaged_row(library: Library) -> None:
    """It has no text of its own; the calls before and behind it are found."""
    ids = library.write([bash(f"needle-{n}") for n in range(3)])
    (library.paths.logs / f"{UUID}.jsonl").unlink()
    library.store.db.execute("UPDATE events SET payload = CAST('\x02' AS BLOB) || payload WHERE id = ?", (ids[1],))
    index(library)
    assert tools(look(library, "needle")) == ["needle-2", "needle-0"]


TEXTS = st.text(alphabet="abAB%_\"'* \n(äßé日", min_size=3, max_size=12)


def test_like_a_plain_comparison(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever is asked for, the calls with that text in them are found and no others."""
    library = Library(tmp_path_factory.mktemp("search"))
    alphabet = "abAB%_\"'* \n(äßé日"
    inputs = [alphabet[i % 16 :] + alphabet[: i * 7 % 16] + alphabet[i % 5 : i % 11] for i in range(60)]
    library.write([bash(text, "", ts=at(n)) for n, text in enumerate(inputs)])
    index(library)

    @settings(max_examples=60, deadline=None)
    @given(TEXTS)
    def check(wanted: str) -> None:
        expected = sum(wanted.lower() in f"Bash\n{text}\n".lower() for text in inputs)
        assert len(look(library, wanted, limit=100).matches) == expected

    check()
    library.close()


def test_texts() -> None:
    """What is searched of a line is bounded; a line that is no call has nothing."""
    long = b'{"tool_name":"Write","tool_input":{"content":"%b"},"tool_response":{"output":"%b"}}' % (
        b"a" * 9999,
        b"b" * 9999,
    )
    text = text_of_line(long)
    assert text is not None
    assert text.split("\n")[1] == "a" * INPUT_CHARS
    assert len(text) < 700
    assert text_of_line(b"{}") is None
    assert text_of_line(b"rubbish") is None


@given(st.text(min_size=3, max_size=300))
def test_trigrams(text: str) -> None:
    """Trigrams are parts of the text, few of them, from its beginning to its end."""
    found = trigrams(text)
    assert 0 < len(found) <= TRIGRAMS
    assert all(len(t) == 3 and t in text for t in found)
    assert found[0] == text[:3]


def test_snippets() -> None:
    """A snippet has the match in it, on one line, with an ellipsis where text was left out."""
    text = "Bash\n" + "x " * 100 + "the  needle\nhere" + " y" * 200
    at_ = find(text, "needle")
    cut = snippet(text, at_)
    assert "the needle here" in cut
    assert (cut[0], cut[-1]) == ("…", "…")
    assert len(cut) <= 202
    assert snippet("Bash\nls -l\n", find("Bash\nls -l\n", "bash")) == "ls -l"


def test_snippets_behind_letters_that_grow_in_lower_case() -> None:
    """Each I with a dot is two characters in lower case: the match is no further on for that."""
    text = "Bash\n" + "İ" * 100 + " the needle here" + " İ" * 100
    assert snippet(text, find(text, "needle")) == "…" + "İ" * 35 + " the needle here" + " İ" * 74 + "…"
    assert [place_in("İ needle", at) for at in (0, 1, 2, 3, -1)] == [0, 0, 1, 2, -1]
    assert [c for c in map(chr, range(0x110000)) if len(c.lower()) != 1] == ["İ"]


def test_index_is_private(library: Library) -> None:
    """Nobody else may read the index."""
    index(library)
    assert library.paths.search_index.stat().st_mode & 0o077 == 0
    with sqlite3.connect(library.paths.search_index) as db:
        assert db.execute("SELECT count(*) FROM docs").fetchone() == (0,)
    db.close()


def test_a_step_can_be_ended(library: Library) -> None:
    """A stop need not wait until all lines of a step are read; nothing of that step is in the index."""
    library.write([bash(f"needle-{n}", ts=at(n)) for n in range(30)])
    made = SearchIndex(library.paths.search_index, library.paths.database, library.paths.logs)
    asked = 0

    def going_on() -> None:
        nonlocal asked
        asked += 1
        if asked == 10:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        made.step(30, going_on)
    assert (asked, made.cursor) == (10, 0)
    assert look(library, "needle").matches == []
    made.step(30)
    made.close()
    assert len(look(library, "needle").matches) == 30


def test_a_directory_of_many_files(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the lines of a file are by now is looked for once, not for each line."""
    library.write([bash(f"needle-{n}", ts=at(n)) for n in range(30)])
    log = library.paths.logs / f"{UUID}.jsonl"
    log.rename(f"{log}.1")
    os.utime(library.paths.logs, ns=(0, 0))
    listings, real = list[str](), os.listdir

    def listdir(path: str) -> list[str]:
        listings.append(str(path))
        return real(path)

    monkeypatch.setattr(os, "listdir", listdir)
    index(library)
    assert len(look(library, "needle").matches) == 30
    assert len(listings) < 5, "the directory was listed for each line"
