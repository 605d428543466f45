"""The tokens on disk: whose they are, when they end, and that none is there in the clear."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ctm_trio.system import tokens
from ctm_trio.system.tokens import AnotherUser, TokenFile
from tests.fakes.wall import Wall


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def test_they_survive(tmp_path: Path) -> None:
    """A saved token is valid in the next process, for the same user alone; the file is private."""
    path = tmp_path / "deep" / "tokens.json"
    first = TokenFile(path)
    first.load("user")
    first.add(digest("one"), "user")
    first.add(digest("two"), "user")
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
    held.load("user")
    held.add(digest("expired"), "user")
    assert not held.valid(digest("expired"))
    monkeypatch.setattr(tokens, "LIFETIME_S", 100)
    monkeypatch.setattr(tokens, "MAX_TOKENS", 3)
    assert [held.add(digest(str(number)), "user") for number in range(4)] == [False, False, True, True]
    assert [held.valid(digest(str(n))) for n in range(4)] == [False, True, True, True]


@pytest.mark.parametrize("days", [90, -90])
def test_while_the_clock_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """A clock that is wrong for a while logs nobody out for good, and makes no token last longer than its lifetime."""
    wall = Wall()
    monkeypatch.setattr(tokens.time, "time", wall)  # type: ignore[attr-defined]
    held = TokenFile(tmp_path / "t")
    held.load("user")
    held.add(digest("before"), "user")
    wall.offset = days * 86_400.0
    held.add(digest("meanwhile"), "user")
    held.save()
    wall.offset = 0.0
    assert held.valid(digest("before"))
    again = TokenFile(tmp_path / "t")
    again.load("user")
    assert again.valid(digest("before"))
    assert again.valid(digest("meanwhile")) is (days > 0)
    wall.offset = tokens.LIFETIME_S + 60.0
    assert not again.valid(digest("before"))
    assert not again.valid(digest("meanwhile"))


def test_another_user(tmp_path: Path) -> None:
    """When the user changes or goes, every token is void; the same user again gives none back."""
    held = TokenFile(tmp_path / "t")
    held.load("user")
    held.add(digest("one"), "user")
    assert not held.belong_to("user")
    assert held.belong_to("")
    assert not held.valid(digest("one"))
    assert not held.belong_to("user")
    assert not held.valid(digest("one"))


@pytest.mark.parametrize("now", ["another user", ""])
def test_a_token_for_another_user(tmp_path: Path, now: str) -> None:
    """Whoever is not the user any more gets no token, and nobody gets one while there is no user."""
    held = TokenFile(tmp_path / "t")
    held.load("user")
    held.belong_to(now)
    for mark in ("user", ""):
        with pytest.raises(AnotherUser):
            held.add(digest("one"), mark)
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
