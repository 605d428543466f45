"""`sessions.json`: what is kept and what is reported."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from ctm_trio.errors.files import BrokenSessions
from ctm_trio.model.session import ZERO_TIME, Session, SessionBook, encode_sessions, parse_sessions
from ctm_trio.system.sessions_file import SessionsFile, taken_by

RECORD = {"name": "alpha", "uuid": "u1", "mode": "yolo", "workdir": "/w", "created_at": "2026-01-02T03:04:05Z",
          "last_attached_at": ZERO_TIME, "last_health_at": ZERO_TIME, "note": {"mine": [1]}}  # fmt: skip


def document(**records: object) -> bytes:
    return json.dumps({"schema_version": 1, "sessions": records, "later": "x"}).encode()


def test_what_is_unknown_is_kept() -> None:
    """Unknown keys, records under a key that is no name, and the schema version survive reading and writing."""
    odd = {"a b": {"name": "a b"}}
    book = parse_sessions(document(alpha=RECORD, **odd))
    assert list(book.records) == ["alpha"]
    assert book.records["alpha"].last_attached_at == ""
    again = json.loads(encode_sessions(book))
    assert again == {"schema_version": 1, "later": "x", "sessions": {"alpha": RECORD, "a b": {"name": "a b"}}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"sessions": []}',
        b"\xff",
        b"[" * 99_999,
    ],
)
def test_broken(data: bytes) -> None:
    """What is no such document is broken, and says so by name."""
    with pytest.raises(BrokenSessions):
        parse_sessions(data)


ODD = [
    b"null", b"[1]", b"5", b'"x"', b'{"uuid": 5}', b'{"mode": null, "workdir": ["/w"]}', b'{"x": 1e400}',
    b'{"workdir": "/\\ud800x"}', b'{"workdir": "\xff"}', b'{"created_at": 1' + b"0" * 5000 + b"}",
    b'{"x": "\\\\ud800 \\ud83d\\ude00 \\udfff"}',
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd[:24]))
def test_an_odd_record_hides_only_itself(odd: bytes) -> None:
    """A record that is not understood is named, hides no other, and is in the rewritten file as it was."""
    record = json.dumps(RECORD).encode()
    book = parse_sessions(b'{"schema_version": 1, "sessions": {"bad": %b, "alpha": %b}}' % (odd, record))
    assert list(book.records) == ["alpha"]
    assert "bad" in book.problem
    written = encode_sessions(book.having(Session("beta")))
    assert b"".join(odd.split()) in b"".join(written.split())
    again = parse_sessions(written)
    assert sorted(again.records) == ["alpha", "beta"]
    assert again.problem == book.problem


@pytest.mark.parametrize("name", ["a b", "", "-x", "ä", "x" * 101, "../x", "a\x1b[31m"])
def test_an_odd_name_hides_only_itself(name: str) -> None:
    """A record under a name that no session can have is named and kept."""
    book = parse_sessions(document(**{name: RECORD, "alpha": RECORD}))
    assert list(book.records) == ["alpha"]
    assert "not a session name" in book.problem
    assert json.loads(encode_sessions(book))["sessions"][name] == RECORD


def test_an_odd_record_is_not_overwritten() -> None:
    """Nothing takes the place of a record that is not understood: no new session of its name, no renamed one."""
    book = parse_sessions(document(bad=None, alpha=RECORD))
    with pytest.raises(BrokenSessions, match="bad"):
        book.having(Session("bad"))
    with pytest.raises(BrokenSessions, match="bad"):
        book.renamed("alpha", "bad")


def test_many_odd_records_are_counted() -> None:
    """Of a thousand odd records a few are named and the rest counted."""
    book = parse_sessions(document(**{f"n{i}": None for i in range(1000)}, alpha=RECORD))
    assert list(book.records) == ["alpha"]
    assert "and 997 more" in book.problem
    assert len(book.problem) < 300


def test_rename_keeps_the_place() -> None:
    """A renamed record stays where it was in the file."""
    book = SessionBook({n: Session(n) for n in ("a", "b", "c")})
    assert list(book.renamed("b", "x").records) == ["a", "x", "c"]
    assert book.renamed("b", "x").records["x"].name == "x"


def test_a_name_is_taken_as_tmux_spells_it() -> None:
    """`a.b` and `a_b` are the same to tmux; a session that is renamed is not in its own way."""
    book = SessionBook({name: Session(name) for name in ("a.b", "c")})
    for name, taken in (("a.b", "a.b"), ("a_b", "a.b"), ("c", "c"), ("d", ""), ("ab", "")):
        by = taken_by(book, name)
        assert (by.name if by else "") == taken
    assert taken_by(book, "a_b", but="a.b") is None
    assert taken_by(book, "c", but="a.b") is not None


async def test_change_is_private_and_atomic(tmp_path: Path) -> None:
    """A change writes 0600, leaves only the file and its lock, and a failing step writes nothing."""
    file = SessionsFile(tmp_path / "sessions.json")
    await file.change(lambda book: book.having(Session("alpha")))
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["sessions.json", "sessions.json.lock"]
    before = file.path.read_bytes()

    def refuse(book: SessionBook) -> SessionBook:
        raise KeyError("no")

    with pytest.raises(KeyError):
        await file.change(refuse)
    assert file.path.read_bytes() == before


async def test_broken_file_is_not_overwritten(tmp_path: Path) -> None:
    """A change of a file that does not parse is refused and the bytes stay."""
    file = SessionsFile(tmp_path / "sessions.json")
    file.path.write_bytes(b"{nope")
    with pytest.raises(BrokenSessions):
        await file.change(lambda book: book.having(Session("alpha")))
    assert file.path.read_bytes() == b"{nope"
