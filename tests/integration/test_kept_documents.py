"""What owners keep on disk: there after a restart, and in memory while the disk refuses."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from ctm_trio.model.prompt_record import DELIVERED, Prompt
from ctm_trio.system import document_store, kept_documents
from ctm_trio.system.document_store import PROMPTS
from ctm_trio.system.kept_documents import Keeping

KEEPING = Keeping(PROMPTS, Prompt, lambda prompt: prompt.at)


def prompt(id_: str, at: float = 1.0) -> Prompt:
    """One of alpha's."""
    return Prompt(id_, "alpha", "text", f"key {id_}", "now", at)


async def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    """Open ones are loaded, oldest first, and the cursor with them; the others are found by id and by session."""
    path = tmp_path / "kept.db"
    async with kept_documents.kept_documents(path, KEEPING, len) as kept:
        assert await kept.load() == []
        kept.cursor = 17
        over = replace(prompt("over"), state=DELIVERED)
        assert await kept.save(prompt("two", 2.0), prompt("one"), over)
    async with kept_documents.kept_documents(path, KEEPING, len) as kept:
        assert await kept.load() == [prompt("one"), prompt("two", 2.0)]
        assert kept.cursor == 17
        assert await kept.get("over") == over
        assert await kept.get("nobody") is None
        assert {p.id for p in await kept.newest(9, "alpha")} == {"one", "two", "over"}
        assert await kept.newest(9, "beta") == []


async def test_while_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept in memory, found there, said, and saved with what comes next."""
    monkeypatch.setattr(document_store, "LOCKED_S", 0.0)
    path, said = tmp_path / "kept.db", list[str]()
    async with kept_documents.kept_documents(path, KEEPING, said.append) as kept:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert not await kept.save(prompt("one"))
            assert "locked" in said[-1]
            assert await kept.get("one") == prompt("one")
            other.execute("COMMIT")
        assert await kept.save(prompt("two"))
        assert said[-1] == ""
        assert kept.unsaved == {}
        assert {p.id for p in await kept.newest(9)} == {"one", "two"}


async def test_what_cannot_be_read_hides_nothing(tmp_path: Path) -> None:
    """A document of a newer program, or a damaged one, is left out."""
    path = tmp_path / "kept.db"
    async with kept_documents.kept_documents(path, KEEPING, len) as kept:
        await kept.save(prompt("one"))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("INSERT INTO documents VALUES ('odd', 'alpha', 1, 0.5, '{\"id\": 7}')")
        assert [p.id for p in await kept.newest(9)] == ["one"]
        assert await kept.load() == [prompt("one")]
        assert await kept.get("odd") is None


async def test_old_ones_go_while_the_daemon_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that are over so many are kept; open ones stay, however old."""
    monkeypatch.setattr(kept_documents, "PRUNE_EVERY", 4)
    monkeypatch.setattr(document_store, "KEEP_CLOSED", 2)
    async with kept_documents.kept_documents(tmp_path / "kept.db", KEEPING, len) as kept:
        await kept.save(prompt("open", 0.0))
        for number in range(1, 4):
            await kept.save(replace(prompt(f"over {number}", float(number)), state=DELIVERED))
        assert {p.id for p in await kept.newest(9)} == {"open", "over 2", "over 3"}
