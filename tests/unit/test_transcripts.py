"""Transcripts of many logs, looked for at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctm_trio.system import transcripts
from ctm_trio.system.transcripts import Transcripts, directories_of


def put(path: Path) -> None:
    """A transcript, with its directory's time of change long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path.parent, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000))


def test_many_are_found_as_one_is(tmp_path: Path) -> None:
    """A look for many finds what a look for each of them does; what is not a file, or not asked for, is left out."""
    for place in ("a/u1", "b/u1", "b/u2", "c/u9"):
        put(tmp_path / f"{place}.jsonl")
    (tmp_path / "a" / "u3.jsonl").mkdir()
    (tmp_path / "file").touch()
    wanted = frozenset({"u1", "u2", "u3", "u4", "../u9", ""})
    found = Transcripts(tmp_path).look(wanted)
    assert found == {uuid: one for uuid in wanted if (one := directories_of(tmp_path, uuid))}
    assert found.keys() == {"u1", "u2"}
    assert Transcripts(tmp_path / "missing").look(wanted) == {}


def test_only_what_changed_is_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that has not changed is not listed again; a new transcript, and one that went, are noticed."""
    listed: list[Path] = []
    real = transcripts._uuids

    def counting(directory: Path) -> frozenset[str]:
        listed.append(directory)
        return real(directory)

    monkeypatch.setattr(transcripts, "_uuids", counting)
    put(tmp_path / "a" / "u1.jsonl")
    put(tmp_path / "b" / "u2.jsonl")
    book, wanted = Transcripts(tmp_path), frozenset({"u1", "u2", "u3"})
    assert book.look(wanted).keys() == book.look(wanted).keys() == {"u1", "u2"}
    assert len(listed) == 2
    (tmp_path / "b" / "u3.jsonl").touch()
    assert book.look(wanted).keys() == {"u1", "u2", "u3"}
    assert listed[2:] == [tmp_path / "b"]
    (tmp_path / "a" / "u1.jsonl").unlink()
    assert book.look(wanted).keys() == {"u2", "u3"}


def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound directories are listed anew, and everything is found all the same."""
    monkeypatch.setattr(transcripts, "MAX_REMEMBERED", 1)
    for place in ("a/u1", "b/u2", "b/u3"):
        put(tmp_path / f"{place}.jsonl")
    book = Transcripts(tmp_path)
    for _ in range(2):
        assert book.look(frozenset({"u1", "u2", "u3"})).keys() == {"u1", "u2", "u3"}
