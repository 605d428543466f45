"""The tokens on disk: whose they are, when they end, and that none is there in the clear."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ctm_trio.system import tokens
from ctm_trio.system.tokens import TokenFile


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def test_they_survive(tmp_path: Path) -> None:
    """A saved token is valid in the next process, for the same user alone; the file is private."""
    path = tmp_path / "deep" / "tokens.json"
    first = TokenFile(path)
    first.load("user")
    first.add(digest("one"))
    first.add(digest("two"))
    first.drop(digest("two"))
    first.save()
    assert path.stat().st_mode & 0o777 == 0o600
    again = TokenFile(path)
    again.load("user")
    assert again.valid(digest("one"))
    assert not again.valid(digest("two"))
    other = TokenFile(path)
    other.load("another user")
    assert not other.valid(digest("one"))


def test_they_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is valid for its lifetime, and past the bound the oldest makes room."""
    monkeypatch.setattr(tokens, "LIFETIME_S", -1)
    held = TokenFile(tmp_path / "t")
    held.add(digest("expired"))
    assert not held.valid(digest("expired"))
    monkeypatch.setattr(tokens, "LIFETIME_S", 100)
    monkeypatch.setattr(tokens, "MAX_TOKENS", 3)
    for number in range(4):
        held.add(digest(str(number)))
    assert [held.valid(digest(str(n))) for n in range(4)] == [False, True, True, True]


def test_another_user(tmp_path: Path) -> None:
    """When the user changes or goes, every token is void; the same user again gives none back."""
    held = TokenFile(tmp_path / "t")
    held.load("user")
    held.add(digest("one"))
    assert not held.belong_to("user")
    assert held.belong_to("")
    assert not held.valid(digest("one"))
    assert not held.belong_to("user")
    assert not held.valid(digest("one"))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"user":"user","tokens":{"zz":1}}', b'{"user":"user","tokens":{"00":"x"}}']
)
def test_broken_file(tmp_path: Path, content: bytes) -> None:
    """A file that is none of ours logs nobody in."""
    path = tmp_path / "t"
    path.write_bytes(content)
    held = TokenFile(path)
    held.load("user")
    assert not held.valid(digest("one"))
