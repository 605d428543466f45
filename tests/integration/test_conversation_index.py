"""The index of conversations over real files: pages, lists, usage. Source: PROTOCOL.md, Conversations."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ctm_trio.errors.conversations import UnknownConversation, UnknownEntry
from ctm_trio.model.conversation.asked import Conversation, Page, WantedEntries, WantedList
from ctm_trio.model.conversation.piece import Tokens
from ctm_trio.system.store_errors import StoreUnavailable
from ctm_trio.transcripts import index as index_module
from ctm_trio.transcripts import lookup, pages
from ctm_trio.transcripts.file_lines import read_lines
from ctm_trio.transcripts.file_state import FileState, Found, Fresh, Step
from ctm_trio.transcripts.index import ConversationIndex
from ctm_trio.transcripts.listing import read_list, read_one, read_usage
from ctm_trio.transcripts.pages import image_of, next_entries, read_page, views_of
from ctm_trio.transcripts.rows import Rows
from ctm_trio.transcripts.spending import read_spending
from tests.fakes.transcripts import BEGAN, PNG, Line, Talk, append, call_block, encoded, image_block, text_block

A = "aaaaaaaa-0000-4000-8000-000000000000"
B = "bbbbbbbb-0000-4000-8000-000000000000"
C = "cccccccc-0000-4000-8000-000000000000"


class Shelf:
    """An index over a directory of transcripts."""

    def __init__(self, root: Path) -> None:
        self.projects = root / "projects"
        self.file = root / "index.db"
        self.index = ConversationIndex(self.file)

    def write(self, talk: Talk, directory: str = "-home-dev-project") -> str:
        """A whole file, read to its end."""
        path = str(talk.write(self.projects, directory))
        self.read(path)
        return path

    def read(self, *paths: str, live: bool = False) -> Step:
        """Read files to their ends; all that was found."""
        whole, rest = Step(), list(paths)
        while rest:
            done = self.index.step(rest, frozenset(paths) if live else frozenset())
            assert done.read or done.unread or done.missing or done.bytes, "a step that does nothing"
            rest = [path for path in rest if path not in {*done.read, *done.unread, *done.missing}]
            whole.fresh += done.fresh
            whole.read += done.read
            whole.missing += done.missing
            whole.unread |= done.unread
            whole.unknown += done.unknown
            whole.long += done.long
        return whole

    def forget(self, *paths: str) -> None:
        """Files that are gone; what other files have of them is read from there."""
        self.read(*self.index.forget(paths))

    def again(self) -> None:
        """As after a restart."""
        self.index.close()
        self.index = ConversationIndex(self.file)

    def page(self, *uuids: str, agent: str = "", before: str = "", after: str = "", limit: int = 500) -> Page:
        return read_page(WantedEntries(uuids, agent, before, after, limit), self.index.db)

    def entries(self, *uuids: str, kind: str = "", agent: str = "") -> list[dict[str, Any]]:
        return [one for one in self.page(*uuids, agent=agent).entries if kind in ("", one["kind"])]

    def prompts(self, *uuids: str) -> list[str]:
        return [one["text"] for one in self.entries(*uuids, kind="prompt")]

    def list(self, **wanted: Any) -> list[Conversation]:
        return read_list(WantedList(**wanted), self.index.db)[0]

    def one(self, uuid: str) -> Conversation:
        return read_one(uuid, self.index.db)

    def tokens(self, *uuids: str) -> Tokens:
        """All that was used."""
        used = [one.tokens for one in read_usage(uuids, (), self.index.db)]
        return Tokens(
            sum(t.input for t in used), sum(t.output for t in used), sum(t.cache_creation for t in used),
            sum(t.cache_read for t in used),
        )  # fmt: skip

    def spent(self, *uuids: str) -> int:
        """Tokens that were written, as the costs count them."""
        return sum(one.tokens.output for one in read_spending(uuids, (), self.index.db))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.index.close()


def later(talk: Talk, uuid: str, hours: int) -> Talk:
    """Another transcript that begins so much later."""
    return Talk(uuid, talk.cwd, began=talk.began + timedelta(hours=hours))


def forked(lines: Sequence[Line], uuid: str) -> list[Line]:
    """Lines as a fork repeats them."""
    return [{**line, "sessionId": uuid} for line in lines]


def story() -> tuple[Talk, Talk, Talk, Talk]:
    """A session's life: the first transcript with its sub-agent, the one after `/clear`, a fork of the first."""
    first = Talk(A)
    first.bare("mode", mode="normal")
    first.prompt("one")
    first.call("toolu_1", command="sleep 5")
    first.bare("queue-operation", operation="enqueue", content="two, while it is busy")
    first.bare("queue-operation", operation="remove", content="two, while it is busy", reason="absorbed_mid_turn")
    first.result("toolu_1")
    first.queued("two, while it is busy")
    first.said(text_block("Done."), message="m1")
    first.bare("queue-operation", operation="enqueue", content="three, queued")
    first.prompt("three, queued", promptSource="queued")
    first.text("Yes.", message="m2")
    kept = list(first.lines[-2:])
    first.compact("the first summary", kept)
    first.prompt("four", image_block())
    first.call("toolu_2", "Agent", prompt="count", description="child")
    first.result("toolu_2", "launched", toolUseResult={"isAsync": True, "agentId": "a1"})
    first.user([text_block("[Request interrupted by user]")])
    first.prompt("five", parentUuid=kept[0]["uuid"])  # a branch: the person went back
    first.report('Agent "child" finished')
    first.compact("the second summary", kept)
    first.command("/clear")
    child = Talk(A, agent="a1", began=BEGAN + timedelta(seconds=15))
    child.user("count", promptSource="system")
    child.text("1 2 3", message="m9")
    cleared = later(first, B, 1)
    cleared.command("/clear")
    cleared.prompt("six")
    cleared.text("Again.", message="m3")
    fork = later(first, C, 2)
    fork.lines = forked(first.lines, C)
    fork.prompt("seven, in the fork")
    first.bare("mode", mode="normal")
    resumed = later(first, A, 3)
    resumed.seed = "resumed"
    resumed.prompt("eight, resumed")
    first.lines += [*kept, *resumed.lines]
    return first, child, cleared, fork


PROMPTS = [
    "one",
    "two, while it is busy",
    "three, queued",
    "four",
    "five",
    "six",
    "seven, in the fork",
    "eight, resumed",
]


@pytest.mark.parametrize("order", ["as it was", "backwards", "in pieces"])
def test_each_prompt_of_a_session_once_and_in_order(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    """Queued, with images, in branches, over two compactions, `/clear`, a fork and a resume; whatever is read first."""
    if order == "in pieces":
        monkeypatch.setattr(index_module, "STEP_BYTES", 300)
    paths = [str(talk.write(shelf.projects)) for talk in story()]
    shelf.read(*(reversed(paths) if order == "backwards" else paths))
    assert shelf.prompts(A, B, C) == PROMPTS
    assert [one["text"] for one in shelf.entries(A, B, C, kind="prompt") if one["queued"]] == PROMPTS[1:3]
    assert [one["summary"] for one in shelf.entries(A, B, C, kind="compaction")] == [
        "the first summary", "the second summary"
    ]  # fmt: skip
    assert [one["text"] for one in shelf.entries(A, B, C, kind="command")] == ["/clear", "/clear"]
    assert [one["text"] for one in shelf.entries(A, B, C, kind="notice")] == [
        "[Request interrupted by user]", 'Agent "child" finished'
    ]  # fmt: skip
    assert [one["tool_use_id"] for one in shelf.entries(A, B, C, kind="tool")] == ["toolu_1", "toolu_2"]
    times = [one["ts"] for one in shelf.entries(A, B, C)]
    assert times == sorted(times)
    assert shelf.prompts(C) == [*PROMPTS[:5], "seven, in the fork"]
    assert shelf.tokens(A, B, C) == Tokens(4 * 6, 20 * 6, 600, 6000), "two calls, three answers, one of the sub-agent"
    assert shelf.spent(A, B, C) == 120


def test_sub_agents_come_by_their_id(shelf: Shelf) -> None:
    """Not among the main thread; nobody's is an empty page."""
    for talk in story():
        shelf.write(talk)
    assert [(one["kind"], one["text"], one["agent_id"]) for one in shelf.entries(A, B, C, agent="a1")] == [
        ("notice", "count", "a1"), ("text", "1 2 3", "a1")
    ]  # fmt: skip
    assert [one["tool"] for one in shelf.entries(A) if "agent_id" in one] == ["Agent"]
    assert shelf.page(A, agent="nobody") == Page([], False, "")
    with pytest.raises(UnknownEntry):
        shelf.page(A, agent="nobody", before="0" * 16)


def test_a_copy_in_a_sub_agent_hides_nothing(shelf: Shelf) -> None:
    """Each of the two has the entry, whichever is read first; a page goes on from it."""
    main, child = Talk(A, seed="same"), Talk(A, agent="a1")
    main.prompt("shared")
    main.prompt("own")
    child.lines = [{**main.lines[0], "isSidechain": True, "agentId": "a1"}]
    shelf.write(child)
    shelf.write(main)
    assert shelf.prompts(A) == ["shared", "own"]
    (below,) = shelf.entries(A, agent="a1")
    assert (below["text"], below["id"]) == ("shared", shelf.entries(A)[0]["id"])
    assert [one["text"] for one in shelf.page(A, after=below["id"]).entries] == ["own"]


def test_ids_stay_the_same(shelf: Shelf, tmp_path: Path) -> None:
    """After a restart, in another index, in a fork alone."""
    for talk in story():
        shelf.write(talk)
    before = shelf.entries(A, B, C)
    shelf.again()
    assert shelf.entries(A, B, C) == before
    (tmp_path / "other").mkdir()
    other = Shelf(tmp_path / "other")
    try:
        for talk in reversed(story()):
            other.write(talk, "-elsewhere")
        assert other.entries(A, B, C) == before
    finally:
        other.index.close()
    own = {one["id"] for one in before}
    assert {one["id"] for one in shelf.entries(C)} <= own


def test_tokens_stand_at_the_end_of_an_answer(shelf: Shelf) -> None:
    """Of three blocks the last has them; a streamed copy with fewer changes nothing."""
    talk = Talk(A)
    talk.prompt("go")
    talk.said(text_block("a"), message="m", out=3)
    talk.said(text_block("a"), text_block("b"), call_block("t"), message="m", out=20)
    talk.said(text_block("b"), message="m", out=7)
    talk.result("t")
    talk.text("end", message="n", out=5)
    shelf.write(talk)
    found = [(one["kind"], one.get("tokens", Tokens()).output) for one in shelf.entries(A)]
    assert found == [("prompt", 0), ("text", 0), ("text", 0), ("tool", 20), ("text", 5)]
    assert shelf.tokens(A) == Tokens(8, 25, 200, 2000)
    assert shelf.one(A).tokens == Tokens(8, 25, 200, 2000)


# ---------------------------------------------------------------- pages


def test_pages_in_both_directions(shelf: Shelf) -> None:
    """Walked with any size, each entry comes once and in order; `has_more` is true but at the end."""
    for talk in story():
        shelf.write(talk)
    whole = [one["id"] for one in shelf.entries(A, B, C)]
    assert len(whole) == len(set(whole)) == 19
    for limit in (1, 2, 7, 18, 19, 20):
        back: list[str] = []
        page = shelf.page(A, B, C, limit=limit)
        while True:
            back = [one["id"] for one in page.entries] + back
            assert page.has_more == (len(back) < len(whole))
            if not page.has_more:
                break
            page = shelf.page(A, B, C, before=back[0], limit=limit)
        assert back == whole
        forth = whole[:1]
        while (page := shelf.page(A, B, C, after=forth[-1], limit=limit)).entries:
            forth += [one["id"] for one in page.entries]
            assert page.has_more == (len(forth) < len(whole))
        assert forth == whole


@pytest.mark.parametrize("entry", ["0" * 16, "x", "", "f" * 17])
def test_a_cursor_that_is_no_entry(shelf: Shelf, entry: str) -> None:
    """Also one of another conversation, and one of a sub-agent for the main thread."""
    for talk in story():
        shelf.write(talk)
    of_b, of_child = shelf.entries(B)[0]["id"], shelf.entries(A, agent="a1")[0]["id"]
    for cursor in (*([entry] if entry else []), of_b, of_child):
        with pytest.raises(UnknownEntry):
            shelf.page(A, before=cursor)
        with pytest.raises(UnknownEntry):
            shelf.page(A, after=cursor)


def test_an_export_has_every_entry(shelf: Shelf) -> None:
    """Also of a conversation that is longer than what is read at once."""
    talk = Talk(A)
    for i in range(450):
        talk.prompt(f"number {i}")
    shelf.write(talk)
    found, key = next_entries(WantedEntries((A,)), 0, shelf.index.db)
    while key:
        more, key = next_entries(WantedEntries((A,)), key, shelf.index.db)
        found += more
    assert [one["text"] for one in found] == [f"number {i}" for i in range(450)]


@pytest.mark.parametrize("room", [1, 3000, 8000, 20_000])
def test_pages_of_long_entries(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """As many entries as have room, with what calls were answered; walked in any direction they are all there."""
    talk = Talk(A)
    for n in range(6):
        talk.prompt(f"{n} " + "x" * 900)
        talk.call(f"t{n}")
        talk.result(f"t{n}", "y" * 1900)
    shelf.write(talk)
    whole = shelf.entries(A)
    assert len(whole) == 12
    monkeypatch.setattr(pages, "PAGE_BYTES", room)
    back: list[dict[str, Any]] = []
    sizes, page = set[int](), shelf.page(A)
    while page.entries:
        sizes.add(len(page.entries))
        back = page.entries + back
        assert page.has_more == (len(back) < 12)
        page = shelf.page(A, before=back[0]["id"])
    assert back == whole
    assert max(sizes) == {1: 1, 3000: 1, 8000: 3, 20_000: 8}[room]
    forth = whole[:1]
    while (page := shelf.page(A, after=forth[-1]["id"])).entries:
        forth += page.entries
        assert page.has_more == (len(forth) < 12)
    assert forth == whole
    found, key = next_entries(WantedEntries((A,)), 0, shelf.index.db)
    while key:
        more, key = next_entries(WantedEntries((A,)), key, shelf.index.db)
        assert len(more) <= max(sizes)
        found += more
    assert found == whole


def test_pages_of_what_cannot_be_read(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page goes on to an entry that is there; where there is none it is the end."""
    talk, other = Talk(A), later(Talk(A), B, 1)
    for n in range(5):
        talk.prompt(f"one {n}")
    for n in range(30):
        other.prompt(f"two {n}")
    path, away = Path(shelf.write(talk)), Path(shelf.write(other))
    away.rename(away.with_suffix(".away"))
    page = shelf.page(A, B, limit=3)
    assert ([one["text"] for one in page.entries], page.has_more) == (["one 2", "one 3", "one 4"], True)
    page = shelf.page(A, B, limit=3, after=page.entries[-1]["id"])
    assert (page.entries, page.has_more) == ([], False)
    monkeypatch.setattr(pages, "MOST_EMPTY", 5)
    page = shelf.page(A, B, limit=3)
    assert (page.entries, page.has_more) == ([], False), "so many are looked through"
    path.rename(path.with_suffix(".away"))
    assert shelf.page(A, B).has_more is False
    path.with_suffix(".away").rename(path)
    monkeypatch.setattr(pages, "EXPORT_ENTRIES", 3)
    found, key = [], 0
    for _ in range(20):
        entries, key = next_entries(WantedEntries((A, B)), key, shelf.index.db)
        found += [one["text"] for one in entries]
        if not key:
            break
    assert found == [f"one {n}" for n in range(5)]


def test_images(shelf: Shelf) -> None:
    """The bytes come from the transcript; a number or an id that is none is not found."""
    talk = Talk(A)
    talk.prompt("see", image_block("QQ==", "image/gif"), image_block())
    talk.call("t", "Read")
    talk.result("t", [image_block("QUI=", "image/webp")])
    shelf.write(talk)
    prompt, call = shelf.entries(A)
    assert [one["bytes"] for one in prompt["images"]] == [1, 70]
    assert image_of(prompt["id"], 0, shelf.index.db).data == "QQ=="
    assert image_of(prompt["id"], 1, shelf.index.db).data == PNG
    assert image_of(call["id"], 0, shelf.index.db).media_type == "image/webp"
    for entry, number in ((prompt["id"], 2), (call["id"], 1), ("0" * 16, 0), ("x", 0)):
        with pytest.raises(UnknownEntry):
            image_of(entry, number, shelf.index.db)


def test_an_image_of_25_mb(shelf: Shelf) -> None:
    """Its line is read, and so is what follows it; the image is there to the byte."""
    talk = Talk(A)
    big = "QUJD" * (25_000_000 // 3)
    talk.prompt("big", image_block(big))
    talk.prompt("after it")
    path = shelf.write(talk)
    (after,) = shelf.entries(A)
    (prompt,) = shelf.page(A, before=after["id"]).entries
    assert (prompt["text"], after["text"]) == ("big", "after it")
    (image,) = prompt["images"]
    assert image["bytes"] == 25_000_000 // 3 * 3
    assert image_of(prompt["id"], 0, shelf.index.db).data == big
    assert shelf.file.stat().st_size < os.path.getsize(path) / 10


# ---------------------------------------------------------------- files that change


def test_half_a_line_is_read_when_it_is_whole(shelf: Shelf) -> None:
    """Whatever the cut, each entry comes once."""
    talk = Talk(A)
    talk.prompt("gänzlich")
    talk.text("Ja.", message="m")
    data = talk.data
    path = talk.place(shelf.projects)
    path.parent.mkdir(parents=True)
    told = []
    for cut in sorted({*random.Random(7).sample(range(len(data)), 20), len(data)}):
        path.write_bytes(data[:cut])
        told += [one.piece.kind for one in shelf.read(str(path), live=True).fresh]
    assert told == ["prompt", "text"]
    assert shelf.prompts(A) == ["gänzlich"]


def test_a_call_is_told_again_with_its_result(shelf: Shelf) -> None:
    """At once without it, then the same entry with it; nothing else is told twice."""
    talk = Talk(A)
    talk.prompt("go")
    talk.call("t", command="ls")
    path = talk.write(shelf.projects)

    def told() -> list[tuple[str, str | None]]:
        fresh = shelf.read(str(path), live=True).fresh
        return [
            (one.view["kind"], one.view.get("result")) for one in views_of(shelf.index.db, [("a", f) for f in fresh])
        ]

    assert told() == [("prompt", None), ("tool", None)]
    append(path, talk.result("t", "a b"))
    assert told() == [("tool", "a b")]
    append(path, *talk.lines[-2:])
    assert told() == []


def test_a_file_that_is_written_anew(shelf: Shelf) -> None:
    """Shorter, or longer with other lines: what it still has keeps its id and is not told again, the rest is gone."""
    talk = Talk(A)
    for text in ("keep", "drop", "keep too"):
        talk.prompt(text)
    path = Path(shelf.write(talk))
    before = {one["text"]: one["id"] for one in shelf.entries(A)}
    talk.lines = [talk.lines[0], talk.lines[2]]
    path.write_bytes(talk.data)
    assert shelf.read(str(path), live=True).fresh == []
    assert {one["text"]: one["id"] for one in shelf.entries(A)} == {k: before[k] for k in ("keep", "keep too")}
    assert shelf.one(A).prompts == 2
    with pytest.raises(UnknownEntry):
        shelf.page(A, before=before["drop"])
    talk.lines = []
    for i in range(9):
        talk.prompt(f"new {i}")
    path.write_bytes(talk.data)
    assert len(shelf.read(str(path), live=True).fresh) == 9
    assert shelf.prompts(A) == [f"new {i}" for i in range(9)]
    assert shelf.one(A).prompts == 9
    shelf.again()
    path.write_bytes(b"")
    shelf.read(str(path))
    assert (shelf.prompts(A), shelf.one(A).prompts) == ([], 0)


def test_a_file_in_the_place_of_another(shelf: Shelf) -> None:
    """Its lines count, also where its size and its end are those of the one before."""
    talk, other = Talk(A), Talk(A, seed="other")
    for text in ("secretAAAA", "two", "the same end"):
        talk.prompt(text)
    for text in ("XXXX", "twoAAAAAA"):
        other.prompt(text)
    other.lines[0]["parentUuid"], other.lines[1]["parentUuid"] = None, talk.lines[0]["uuid"]
    other.lines.append(talk.lines[2])
    path = Path(shelf.write(talk))
    fresh = path.with_suffix(".new")
    fresh.write_bytes(other.data)
    assert len(other.data) == len(talk.data)
    fresh.rename(path)
    assert [one.piece.text for one in shelf.read(str(path), live=True).fresh] == ["XXXX", "twoAAAAAA"]
    assert shelf.prompts(A) == ["XXXX", "twoAAAAAA", "the same end"]


def test_lines_of_the_same_length_in_place(shelf: Shelf) -> None:
    """A file written anew is another one, though its lines have the lengths and the ends of those before."""
    talk, other = Talk(A, cwd="/a/long/way/" * 20), Talk(A, cwd="/a/long/way/" * 20, seed="other")
    for text in ("old A", "old B"):
        talk.prompt(text)
    for text in ("new A", "new B", "new C"):
        other.prompt(text)
    for one in (talk, other):  # what differs stands at the beginning of a line
        one.lines = [
            {key: line[key] for key in ("parentUuid", "message", "uuid", "timestamp")} | line for line in one.lines
        ]
    path = shelf.write(talk)
    inode = os.stat(path).st_ino
    shelf.write(other)
    assert os.stat(path).st_ino == inode
    assert other.data[: len(talk.data)][-300:] == talk.data[-300:]
    assert shelf.prompts(A) == ["new A", "new B", "new C"]


def test_a_tail_of_an_earlier_version(shelf: Shelf) -> None:
    """It is the last bytes themselves: what is written behind them is read on, and other ones are another file's."""
    talk = Talk(A)
    talk.prompt("one")
    path = shelf.write(talk)
    shelf.index.db.execute("UPDATE files SET tail = ?", (talk.data[-64:],))
    shelf.again()
    append(Path(path), talk.prompt("two"))
    assert [one.piece.text for one in shelf.read(path, live=True).fresh] == ["two"]
    shelf.index.db.execute("UPDATE files SET tail = ?", (b"x" * 64,))
    shelf.again()
    assert shelf.index.step([path]).bytes == len(talk.data)


def test_a_deleted_file(shelf: Shelf) -> None:
    """Its conversation goes from the list and the pages; another that has lines of it keeps them."""
    first, child, cleared, fork = story()
    paths = [shelf.write(talk) for talk in (first, child, cleared, fork)]
    for path in paths[:2]:
        os.unlink(path)
    shelf.forget(*paths[:2])
    assert sorted(one.uuid for one in shelf.list()) == [B, C]
    with pytest.raises(UnknownConversation):
        shelf.one(A)
    assert shelf.entries(A) == []
    assert shelf.prompts(A, B, C) == [*PROMPTS[:7]]
    shelf.again()
    assert shelf.prompts(A, B, C) == [*PROMPTS[:7]]


def test_a_file_that_comes_back(shelf: Shelf) -> None:
    """It is as if it had never been away: title, counts, tokens."""
    first, *_ = story()
    path = shelf.write(first)
    before = (shelf.one(A), shelf.entries(A), shelf.tokens(A))
    os.unlink(path)
    shelf.forget(path)
    shelf.write(first)
    assert (shelf.one(A), shelf.entries(A), shelf.tokens(A)) == before


def test_a_new_conversation_has_nothing_of_a_deleted_one(shelf: Shelf) -> None:
    """Neither its title nor its tokens."""
    old, new = Talk(A), Talk(B)
    old.bare("custom-title", customTitle="the old one")
    old.prompt("old")
    old.text("Yes.", out=500)
    path = shelf.write(old)
    os.unlink(path)
    shelf.forget(path)
    new.prompt("new")
    new.text("No.", out=3)
    shelf.write(new)
    assert (shelf.one(B).title, shelf.one(B).tokens.output, shelf.tokens(B).output) == ("new", 3, 3)


def test_two_files_with_one_uuid(shelf: Shelf) -> None:
    """Their lines are there once; when one of them is deleted, what the other has stays."""
    talk = Talk(A)
    talk.prompt("in both")
    talk.text("Yes.", message="m")
    one = shelf.write(talk, "-one")
    talk.prompt("in the second only")
    two = shelf.write(talk, "-two")
    wanted = ["in both", "in the second only"]
    assert shelf.prompts(A) == wanted
    assert (shelf.one(A).prompts, shelf.tokens(A).output) == (2, 20)
    os.unlink(one)
    shelf.forget(one)
    assert shelf.prompts(A) == wanted
    assert (shelf.one(A).prompts, shelf.tokens(A).output) == (2, 20)
    os.unlink(two)
    shelf.forget(two)
    assert shelf.list() == []


def test_one_of_two_files_is_cut(shelf: Shelf) -> None:
    """What the other has stays, whichever was read first; nothing is told again."""
    talk = Talk(A)
    for text in ("one", "two", "three"):
        talk.prompt(text)
    paths = [shelf.write(talk, name) for name in ("-one", "-two")]
    for path in paths:
        os.truncate(path, len(encoded(talk.lines[0])))
        assert shelf.index.step([path], frozenset([path])).again == [other for other in paths if other != path]
        assert shelf.read(*paths, live=True).fresh == [], "the other file stands at its beginning now"
        wanted = ["one", "two", "three"] if path == paths[0] else ["one"]
        assert shelf.prompts(A) == wanted
        assert shelf.one(A).prompts == len(wanted)


def test_a_directory_that_was_renamed(shelf: Shelf) -> None:
    """The files are found at the new place before the old one is missed; nothing is told again."""
    first, child, *_ = story()
    old = [shelf.write(first), shelf.write(child)]
    before = shelf.entries(A), shelf.entries(A, agent="a1"), shelf.one(A)
    (shelf.projects / "-home-dev-project").rename(shelf.projects / "-moved")
    new = [path.replace("-home-dev-project", "-moved") for path in old]
    assert shelf.read(*new, live=True).fresh == []
    shelf.forget(*old)
    assert (shelf.entries(A), shelf.entries(A, agent="a1"), shelf.one(A)) == before


def test_a_transcript_without_its_main_file_is_not_resumable(shelf: Shelf, tmp_path: Path) -> None:
    """The client would not find it."""
    main, child = Talk(A, cwd=str(tmp_path)), Talk(A, agent="a1", cwd=str(tmp_path))
    main.prompt("go")
    child.text("1 2 3")
    path = shelf.write(main)
    shelf.write(child)
    assert shelf.one(A).resumable
    os.unlink(path)
    shelf.forget(path)
    assert [(one.resumable, one.why_not) for one in shelf.list()] == [(False, "no_transcript")]


def test_a_file_that_has_gone_is_no_problem(shelf: Shelf) -> None:
    """It is said to be missing, not to be unreadable."""
    path = shelf.write(story()[0])
    os.unlink(path)
    done = shelf.read(path)
    assert (done.missing, done.unread, done.read) == ([path], {}, [])


def test_what_is_no_regular_file_is_not_read(shelf: Shelf) -> None:
    """Nor does it block."""
    path = Talk(A).place(shelf.projects)
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    assert shelf.read(str(path)).unread.keys() == {str(path)}


def test_a_step_that_fails_leaves_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken back whole, and the next one does it."""
    paths = [str(talk.write(shelf.projects)) for talk in story()]
    calls = iter([None, None])

    def stop() -> None:
        if next(calls, "end") == "end":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shelf.index.step(paths, going_on=stop)
    assert shelf.list() == []
    assert shelf.index.positions() == {}
    shelf.read(*paths)
    assert shelf.prompts(A, B, C) == PROMPTS


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(5, "Input/output error"), "Input/output error"),
        (OverflowError("SECRET"), "OverflowError in "),
        (UnicodeEncodeError("utf-8", "SECRET", 0, 1, "SECRET"), "UnicodeEncodeError in "),
        (MemoryError(), "MemoryError in "),
        (sqlite3.IntegrityError("UNIQUE constraint failed: entries.key"), "The database rejected a row"),
        (sqlite3.DataError("string or blob too big"), "The database rejected a row"),
        (sqlite3.InterfaceError("Error binding parameter 1: type 'x' is not supported"), "The database rejected a row"),
    ],
)
def test_what_one_file_causes(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, error: Exception, why: str) -> None:
    """The others are read, and copies that it set back are as they were; of it nothing is there, until it is mended."""
    talks = [Talk(uuid, began=BEGAN + timedelta(hours=i)) for i, uuid in enumerate((A, B, C))]
    for talk in talks:
        talk.prompt("one")
        talk.text("Yes.")
    bad, *others = [str(talk.write(shelf.projects)) for talk in talks]
    copy = str(talks[0].write(shelf.projects, "-copy"))
    shelf.read(bad, copy)
    talks[0].lines = [talks[0].lines[0]]
    talks[0].prompt("two")
    talks[0].write(shelf.projects)
    before, positions = shelf.entries(A), shelf.index.positions()
    real = Rows.add

    def failing(self: Rows, state: FileState, agent_id: str, found: Sequence[Found]) -> list[Fresh]:
        fresh = real(self, state, agent_id, found)
        if state.path == bad:
            raise error
        return fresh

    monkeypatch.setattr(Rows, "add", failing)
    for order in ((bad, *others), (*others, bad)):
        done = shelf.read(*order, live=True)
        assert done.unread.keys() == {bad}
        assert done.unread[bad].startswith(why)
        assert "SECRET" not in done.unread[bad]
        assert set(done.read) == set(others)
        assert not [one for one in done.fresh if one.uuid == A]
        assert shelf.entries(A) == before
        assert {path: at for path, at in shelf.index.positions().items() if path in positions} == positions
    assert shelf.prompts(B, C) == ["one", "one"]
    monkeypatch.undo()
    shelf.read(bad, copy)
    assert shelf.prompts(A) == ["one", "two"]


def test_what_the_database_says_is_no_fault_of_a_file(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole step is tried again later."""
    paths = [str(talk.write(shelf.projects)) for talk in story()]

    def full(*_: object) -> list[Fresh]:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Rows, "add", full)
    with pytest.raises(StoreUnavailable, match="full"):
        shelf.index.step(paths)
    assert shelf.index.positions() == {}
    monkeypatch.undo()
    shelf.read(*paths)
    assert shelf.prompts(A, B, C) == PROMPTS


def test_a_disk_that_fails_while_a_page_is_read(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page has what can be read."""
    bad, good = Talk(A), later(Talk(B), B, 1)
    bad.prompt("bad")
    good.prompt("good")
    failing = os.stat(shelf.write(bad)).st_ino
    shelf.write(good)
    real = os.pread

    def pread(file: int, size: int, at: int) -> bytes:
        if os.fstat(file).st_ino == failing:
            raise OSError(5, "Input/output error")
        return real(file, size, at)

    monkeypatch.setattr(os, "pread", pread)
    assert shelf.prompts(A, B) == ["good"]


def test_counts_that_cannot_be(shelf: Shelf) -> None:
    """They are none, so that sums stay numbers."""
    talk = Talk(A)
    for n in range(3):
        talk.text(f"{n}", out=2**53 - 1)
    for n in range(3):
        talk.text(f"large {n}", out=2**40 - 1)
    shelf.write(talk)
    assert shelf.tokens(A).output == shelf.one(A).tokens.output == 3 * (2**40 - 1)


# ---------------------------------------------------------------- odd lines


def test_lines_without_a_uuid_are_entries_too(shelf: Shelf) -> None:
    """Each of them, and their copies once."""
    talk = Talk(A)
    lines = [talk.prompt(text) for text in ("one", "two", "three")]
    for line in lines:
        del line["uuid"]
    talk.lines += lines[:1]
    shelf.write(talk)
    assert shelf.prompts(A) == ["one", "two", "three"]


def test_times_that_go_back_or_are_missing(shelf: Shelf) -> None:
    """The order of a file is that of its lines."""
    talk = Talk(A)
    texts = [f"number {i}" for i in range(6)]
    lines = [talk.prompt(text) for text in texts]
    lines[1]["timestamp"] = "1999-01-01T00:00:00.000Z"
    lines[2]["timestamp"] = "yesterday"
    del lines[3]["timestamp"]
    lines[4]["timestamp"] = lines[5]["timestamp"] = "9999-12-31T23:59:59.999Z"
    shelf.write(talk)
    assert shelf.prompts(A) == texts
    assert shelf.page(A, before=shelf.entries(A)[3]["id"], limit=2).entries[0]["text"] == "number 1"


@pytest.mark.parametrize("ahead", ["2300-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2099-01-01T00:00:00Z"])
def test_a_time_far_ahead(shelf: Shelf, ahead: str) -> None:
    """It is not believed: the lines behind it keep their own times, and other conversations theirs."""
    talk, other = Talk(A), later(Talk(B), B, 1)
    for text in ("first", "ahead", "last"):
        talk.prompt(text)
    talk.lines[1]["timestamp"] = ahead
    path = talk.write(shelf.projects)
    shelf.read(str(path))
    append(path, talk.prompt("later"))
    shelf.read(str(path))
    other.prompt("an ordinary one")
    shelf.write(other)
    assert shelf.prompts(A) == ["first", "ahead", "last", "later"]
    assert [one["ts"][17:] for one in shelf.entries(A)] == ["01Z", "01Z", "03Z", "04Z"]
    assert [one.uuid for one in shelf.list()] == [B, A]


def test_a_file_of_the_far_future(shelf: Shelf) -> None:
    """Also where a file says that it was changed then, whatever comes behind it is read."""
    talk = Talk(A)
    for text in ("one", "two"):
        talk.prompt(text, timestamp="2600-01-01T00:00:00Z")
    path = talk.write(shelf.projects)
    os.utime(path, (20_000_000_000, 20_000_000_000))
    shelf.read(str(path))
    append(path, talk.prompt("three"))
    shelf.read(str(path))
    assert shelf.prompts(A) == ["one", "two", "three"]
    assert shelf.one(A).ended_at == "2199-12-31T23:59:59.999000Z"


def test_a_time_before_all(shelf: Shelf) -> None:
    """A line of 1970, or of no possible time, has that of the file: it is in the list like others."""
    talk = Talk(A)
    for text, at in (("one", "1970-01-01T00:00:00Z"), ("two", "0001-01-01T00:00:00Z")):
        talk.prompt(text, timestamp=at)
    path = talk.write(shelf.projects)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    shelf.read(str(path))
    assert shelf.prompts(A) == ["one", "two"]
    assert [one.started_at for one in shelf.list()] == ["2001-09-09T01:46:40Z"]


def test_an_old_copy_of_newer_lines(shelf: Shelf) -> None:
    """A file that was unpacked with no time of its own does not make its lines unbelievable."""
    talk = Talk(A)
    talk.prompt("one")
    path = talk.write(shelf.projects)
    os.utime(path, (0, 0))
    shelf.read(str(path))
    assert [one.started_at for one in shelf.list()] == ["2026-11-20T09:00:01Z"]


def test_more_entries_than_a_millisecond_has_keys(shelf: Shelf) -> None:
    """They go on in the next one, in their order, whatever has keys there."""
    first, second, third = Talk(A), Talk(B), Talk(C)
    at = "2026-11-20T09:00:00.000Z"
    first.prompt("the last of its ms", timestamp=at)
    second.prompt("of the next ms", timestamp="2026-11-20T09:00:00.001Z")
    shelf.write(first)
    shelf.write(second)
    shelf.index.db.execute("UPDATE entries SET key = key + ? WHERE key & ? = 0", ((1 << 20) - 2, (1 << 20) - 1))
    for text in ("one", "two", "three", "four"):
        third.prompt(text, timestamp=at)
    third.prompt("five", timestamp="2026-11-20T09:00:00.001Z")
    shelf.write(third)
    assert shelf.prompts(C) == ["one", "two", "three", "four", "five"]
    assert [one["ts"][20:23] for one in shelf.entries(C)] == ["", "001", "002", "002", "002"]
    assert len(shelf.prompts(A, B, C)) == 7


def test_a_file_of_rubbish(shelf: Shelf) -> None:
    """What can be understood in it is there; the rest is counted."""
    talk = Talk(A)
    talk.prompt("first")
    path = talk.write(shelf.projects)
    with path.open("ab") as file:
        file.write(b'\x00\xff\n\n[1,2]\n{"type":"hologram"}\nnot json\n' + b"\xf0" * 5000 + b"\n")
    append(path, talk.prompt("sur\ud800rogate"), talk.prompt("nul \x00 nul"), talk.prompt("last"))
    done = shelf.read(str(path))
    assert done.unknown == 5
    first, odd, nul, last = shelf.prompts(A)
    assert (first, nul, last) == ("first", "nul \x00 nul", "last")
    assert odd.startswith("sur")


def test_a_line_that_is_too_long_is_counted(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines around it are there."""
    monkeypatch.setattr("ctm_trio.transcripts.file_lines.MAX_LINE_BYTES", 4096)
    monkeypatch.setattr("ctm_trio.transcripts.file_lines.CHUNK_BYTES", 512)
    talk = Talk(A)
    for text in ("before", "x" * 9000, "behind"):
        talk.prompt(text)
    path = str(talk.write(shelf.projects))
    monkeypatch.setattr(index_module, "read_lines", partial(read_lines, want=512))
    assert shelf.read(path).long == 1
    assert shelf.prompts(A) == ["before", "behind"]


# ---------------------------------------------------------------- the list


def test_titles(shelf: Shelf) -> None:
    """What a person gave, else what the client made, else the first prompt, else the first command."""
    talk = Talk(A)
    path = talk.write(shelf.projects)
    titles = []
    for line in (
        talk.command("/model", "haiku"), talk.prompt("make\nmaps " + "x" * 200), talk.prompt("second"),
        talk.bare("summary", summary="About maps"), talk.bare("ai-title", aiTitle="Maps of Mars"),
        talk.bare("ai-title", aiTitle="Maps of Venus"), talk.bare("custom-title", customTitle="maps"),
        talk.bare("summary", summary="Other"), talk.bare("ai-title", aiTitle="Other"), talk.prompt("third"),
        talk.bare("custom-title", customTitle="atlas"),
    ):  # fmt: skip
        append(path, line)
        assert shelf.read(str(path)).unknown == 0
        titles.append(shelf.one(A).title)
    assert titles[0] == "/model haiku"
    assert titles[1].startswith("make ⏎ maps xxx")
    assert len(titles[1]) <= 121
    assert titles[2] == titles[1]
    assert titles[3:] == ["About maps", "Maps of Mars", "Maps of Venus", "maps", "maps", "maps", "maps", "atlas"]


def test_titles_of_other_conversations(shelf: Shelf) -> None:
    """Older clients wrote them too: one that is of a line counts only where that line is."""
    other, talk, agent = Talk(B), Talk(A), Talk(A, agent="a1")
    leaf = other.prompt("draw maps")["uuid"]
    talk.bare("summary", summary="Maps", leafUuid=leaf)
    own = talk.prompt("fix the bug")["uuid"]
    shelf.write(talk)
    assert shelf.one(A).title == "fix the bug"
    talk.bare("summary", summary="A bug", leafUuid=own)
    talk.bare("summary", summary="Maps", leafUuid=leaf)
    shelf.write(talk)
    assert shelf.one(A).title == "A bug"
    agent.bare("summary", summary="Below", leafUuid=agent.prompt("look")["uuid"])
    shelf.write(agent)
    assert shelf.one(A).title == "A bug"


def test_the_list(shelf: Shelf, tmp_path: Path) -> None:
    """Newest first, with what each is; filters and cursors."""
    (tmp_path / "maps").mkdir()
    for i, (uuid, cwd) in enumerate(((A, str(tmp_path / "maps")), (B, "/gone/maps"), (C, "/gone/other"))):
        talk = Talk(uuid, cwd=cwd, began=BEGAN + timedelta(hours=i))
        talk.prompt(f"prompt {i} of Ärger")
        talk.text(f"answer {i}")
        shelf.write(talk)
    empty = Talk("dddddddd-0000-4000-8000-000000000000")
    empty.bare("mode", mode="normal")
    shelf.write(empty)
    assert [one.uuid for one in shelf.list()] == [C, B, A]
    one = shelf.list()[2]
    assert (one.project, one.prompts, one.tokens, one.resumable) == ("maps", 1, Tokens(4, 20, 100, 1000), True)
    assert (one.started_at, one.ended_at) == ("2026-11-20T09:00:01Z", "2026-11-20T09:00:02Z")
    assert (shelf.list()[1].resumable, shelf.list()[1].why_not) == (False, "no_directory")
    assert [one.uuid for one in shelf.list(project="maps")] == [B, A]
    assert [one.uuid for one in shelf.list(project="/gone/maps")] == [B]
    assert shelf.list(project="aps") == []
    assert [one.uuid for one in shelf.list(q="ärger")] == [C, B, A]
    assert [one.uuid for one in shelf.list(q="prompt 1")] == [B]
    assert shelf.list(q="answer") == [], "what the model said is for the search"
    assert read_list(WantedList(limit=2), shelf.index.db)[1] is True
    assert [one.uuid for one in shelf.list(before=C, limit=1)] == [B]
    assert shelf.list(before=A) == []
    with pytest.raises(UnknownConversation):
        shelf.list(before="x")


def test_a_list_behind_a_conversation_that_was_deleted(shelf: Shelf) -> None:
    """It is unknown: a page that is empty would be the end of the list, with older ones behind it."""
    for i, uuid in enumerate((A, B)):
        talk = Talk(uuid, began=BEGAN + timedelta(hours=i))
        talk.prompt("one")
        path = shelf.write(talk)
    assert [one.uuid for one in shelf.list(before=B)] == [A]
    os.unlink(path)
    shelf.forget(path)
    with pytest.raises(UnknownConversation):
        shelf.list(before=B)


@pytest.mark.parametrize("title", ["Über uns", "Разбор журнала", "ŒUVRE"])
def test_a_title_in_any_case(shelf: Shelf, title: str) -> None:
    """Capitals beyond ASCII have small letters too."""
    talk = Talk(A)
    talk.prompt("hello")
    talk.bare("custom-title", customTitle=title)
    shelf.write(talk)
    for asked in (title, title.lower(), title.upper(), title[1:4]):
        assert [one.uuid for one in shelf.list(q=asked)] == [A], asked
    assert shelf.list(q=title[::-1]) == []


def test_a_query_that_nearly_every_prompt_has(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is what was found among the newest; it is no error."""
    monkeypatch.setattr(lookup, "MAX_CANDIDATES", 3)
    for i, uuid in enumerate((A, B)):
        talk = Talk(uuid, began=BEGAN + timedelta(hours=i))
        talk.bare("custom-title", customTitle="named")
        for n in range(5):
            talk.prompt(f"the {n}")
        shelf.write(talk)
    assert B in [one.uuid for one in shelf.list(q="the")]


def test_a_conversation_that_is_found_is_not_read_on(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with many prompts that have the text hides no older one, and its other prompts are not read."""
    monkeypatch.setattr(lookup, "MAX_CANDIDATES", 3)
    for i, uuid in enumerate((A, B)):
        talk = Talk(uuid, began=BEGAN + timedelta(hours=i))
        talk.bare("custom-title", customTitle="named")
        for n in range(5 * i + 1):
            talk.prompt(f"the {n}")
        shelf.write(talk)
    assert [one.uuid for one in shelf.list(q="the")] == [B, A]
    monkeypatch.setattr(lookup, "MAX_ROWS", 3)
    assert [one.uuid for one in shelf.list(q="the")] == [B], "so many are gone through at most"


def test_usage_by_agent_model_and_day(shelf: Shelf) -> None:
    """Each message once; the day is that of UTC."""
    main = Talk(A, began=BEGAN.replace(hour=23, minute=59, second=57))
    main.text("one", message="m1")
    main.text("two", message="m2")
    main.text("three", message="m3")
    child = Talk(A, agent="a1")
    child.text("four", message="m4")
    shelf.write(main)
    shelf.write(child)
    found = [(one.agent_id, one.day, one.tokens.output) for one in read_usage([A], (), shelf.index.db)]
    assert found == [("", "2026-11-20", 40), ("a1", "2026-11-20", 20), ("", "2026-11-21", 20)]


def test_a_fork_is_counted_once(shelf: Shelf) -> None:
    """For the costs a message counts for one of them, whichever was read first. Each has all of its own in the list."""
    parent = Talk(A)
    parent.text("one", message="m1", out=100)
    fork = later(parent, B, 1)
    fork.lines = forked(parent.lines, B)
    fork.text("two", message="m2", out=7)
    for talk in (fork, parent):
        shelf.write(talk)
    assert shelf.spent(A, B) == 107
    assert shelf.tokens(A, B).output == 107
    assert (shelf.one(A).tokens.output, shelf.one(B).tokens.output) == (100, 107)


def copied_by_fork(lines: Sequence[Line], uuid: str) -> list[Line]:
    """As `--fork-session` writes them."""
    return [
        {**line, "sessionId": uuid} | ({"requestSessionId": line["sessionId"]} if line["type"] == "assistant" else {})
        for line in lines
    ]


def copied_by_branch(lines: Sequence[Line], uuid: str) -> list[Line]:
    """As `/branch` writes them."""
    return [
        {**line, "sessionId": uuid, "forkedFrom": {"sessionId": line["sessionId"], "messageUuid": line["uuid"]}}
        for line in lines
    ]


def spent_by_each(shelf: Shelf, *uuids: str) -> list[int]:
    """Tokens that each has written, as costs and usage count them."""
    usage = [sum(one.tokens.output for one in read_usage([uuid], (), shelf.index.db)) for uuid in uuids]
    assert usage == [shelf.spent(uuid) for uuid in uuids]
    return usage


@pytest.mark.parametrize("copied", [copied_by_fork, copied_by_branch])
@pytest.mark.parametrize("order", ["abc", "acb", "bac", "bca", "cab", "cba"])
def test_what_a_fork_repeats_is_its_parents(
    shelf: Shelf, copied: Callable[[Sequence[Line], str], list[Line]], order: str
) -> None:
    """Whichever is read first, also of a fork's fork; and whose costs are another sum then is said."""
    parent = Talk(A)
    parent.prompt("go")
    parent.text("one", message="m1", out=100)
    fork = later(parent, B, 1)
    fork.lines = copied(parent.lines, B)
    fork.text("two", message="m2", out=7, requestSessionId=B)
    again = later(parent, C, 2)
    again.lines = [*copied(parent.lines, C), *copied(fork.lines[2:], C)]
    again.text("three", message="m3", out=3)
    paths = {name: str(talk.write(shelf.projects)) for name, talk in zip("abc", (parent, fork, again), strict=True)}
    used = [shelf.index.step([paths[name]]).used for name in order]
    assert spent_by_each(shelf, A, B, C) == [100, 7, 3]
    read = [{"a": A, "b": B, "c": C}[name] for name in order]
    assert used == [set(read[:1]), set(read[:2]), set(read)]


def test_a_line_that_is_first_hand_after_all(shelf: Shelf) -> None:
    """A conversation that has a message as a copy and as its own has it as its own."""
    parent = Talk(A)
    parent.text("one", message="m1", out=100)
    fork = later(parent, B, 1)
    fork.lines = copied_by_fork(parent.lines, B)
    path = fork.write(shelf.projects)
    shelf.read(str(path))
    shelf.write(parent)
    assert spent_by_each(shelf, A, B) == [100, 0]
    append(path, {**parent.lines[0], "sessionId": B})
    shelf.read(str(path))
    assert spent_by_each(shelf, A, B) == [0, 100], "both have it; the first row counts"


def test_an_index_of_the_first_schema(shelf: Shelf) -> None:
    """All is read again, for what it did not keep; no entry is told or changed."""
    parent = Talk(A)
    parent.text("one", message="m1", out=100)
    fork = later(parent, B, 1)
    fork.lines = copied_by_fork(parent.lines, B)
    paths = [shelf.write(fork), shelf.write(parent)]
    before = shelf.entries(A, B)
    shelf.index.db.execute("ALTER TABLE messages DROP COLUMN copied")
    shelf.index.db.execute("PRAGMA user_version = 1")
    shelf.again()
    assert (shelf.index.db.execute("PRAGMA user_version").fetchone(), shelf.entries(A, B)) == ((2,), before)
    assert shelf.read(*paths, live=True).fresh == []
    assert (shelf.entries(A, B), spent_by_each(shelf, A, B)) == (before, [100, 0])


def test_lines_of_many_files_in_any_order(shelf: Shelf) -> None:
    """However files are cut, mixed and read again, what is there is each line once."""
    dice = random.Random(11)
    talks = [Talk(f"{i:08}-0000-4000-8000-000000000000") for i in range(8)]
    paths = []
    for talk in talks:
        for n in range(12):
            talk.prompt(f"{talk.uuid} {n}")
        path = talk.place(shelf.projects)
        path.parent.mkdir(parents=True, exist_ok=True)
        paths.append(path)
    sizes = [0] * len(talks)
    while any(size < len(talk.data) for size, talk in zip(sizes, talks, strict=True)):
        i = dice.randrange(len(talks))
        sizes[i] = min(len(talks[i].data), sizes[i] + dice.randrange(1, 900))
        paths[i].write_bytes(talks[i].data[: sizes[i]])
        shelf.read(*(str(path) for path in dice.sample(paths, 3) if path.exists()))
        if dice.random() < 0.1:
            shelf.again()
    shelf.read(*map(str, paths))
    for talk in talks:
        assert shelf.prompts(talk.uuid) == [f"{talk.uuid} {n}" for n in range(12)]
    assert encoded(*talks[0].lines) == paths[0].read_bytes()
