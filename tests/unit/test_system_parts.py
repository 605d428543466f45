"""The small parts that acting stands on: files, locks, and what may be typed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.core.keyed_locks import KeyedLocks
from ctm_trio.errors.files import FileLocked
from ctm_trio.errors.requests import InvalidBody
from ctm_trio.errors.sessions import BadWorkdir, WorkdirNotAbsolute, WorkdirNotDir
from ctm_trio.errors.typing import InvalidText
from ctm_trio.model.session import clean_workdir, is_name, is_new_name
from ctm_trio.model.typing import asks_something, check_text, clean_prompt
from ctm_trio.system.files import atomic_write, ensure_private_dir, flocked
from ctm_trio.system.workdir import make_workdir, unmake


def test_a_failed_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full the old file is as it was, and no temporary one is left."""
    path = tmp_path / "file"
    atomic_write(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic_write(path, b"new")
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["file"])


def test_a_write_that_was_done_did_not_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory cannot be synced after the file was replaced: an error would say that nothing has changed."""
    real = os.fsync

    def fsync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(22, "Invalid argument")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    atomic_write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """A settings file that is kept elsewhere is replaced there."""
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "real", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    atomic_write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_an_open_directory_is_closed(tmp_path: Path) -> None:
    """A configuration directory that others may read is tightened to 0700."""
    directory = tmp_path / "ctm"
    directory.mkdir(mode=0o755)
    ensure_private_dir(directory)
    assert directory.stat().st_mode & 0o777 == 0o700


async def test_a_lock_that_stays_taken(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    """Who waits too long for a lock is told, and who comes when it is free gets it."""
    path = tmp_path / "lock"
    async with flocked(path, timeout_s=1):
        with pytest.raises(FileLocked):
            async with flocked(path, timeout_s=0.05):
                pass
    async with flocked(path, timeout_s=1):
        pass


async def test_keyed_locks() -> None:
    """Work on one key is apart, work on different keys is not, and nothing is kept afterwards."""
    locks, inside, most = KeyedLocks(), 0, 0

    async def work(*keys: str) -> None:
        nonlocal inside, most
        async with locks.holding(*keys):
            inside += 1
            most = max(most, inside)
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            inside -= 1

    async with trio.open_nursery() as nursery:
        for i in range(20):
            nursery.start_soon(work, "a", str(i))
            nursery.start_soon(work, str(i), "a")
    assert most == 1
    assert len(locks) == 0


def test_workdirs_are_made_and_unmade(tmp_path: Path) -> None:
    """Only what was made is taken back, and only while it is empty."""
    made = make_workdir(str(tmp_path / "a" / "b" / "c"))
    assert made == [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"]
    (tmp_path / "a" / "file").touch()
    unmake(made)
    assert sorted(os.listdir(tmp_path / "a")) == ["file"]
    assert make_workdir(str(tmp_path / "a")) == []
    with pytest.raises(WorkdirNotDir):
        make_workdir(str(tmp_path / "a" / "file"))
    with pytest.raises(BadWorkdir):
        make_workdir(str(tmp_path / "a" / "file" / "x" / "y"))
    with pytest.raises(BadWorkdir):
        make_workdir(f"/{'x' * 300}")


@pytest.mark.parametrize(
    ("text", "clean"),
    [("/a/b/", "/a/b"), (" /a//b ", "/a/b"), ("/a/../b/./c", "/b/c"), ("//a", "/a"), ("/", "/"), ("/../..", "/")],
)
def test_clean_workdir(text: str, clean: str) -> None:
    """What is recorded is absolute and plain."""
    assert clean_workdir(text) == clean


@pytest.mark.parametrize(
    ("text", "error"),
    [("a", WorkdirNotAbsolute), ("~/a", WorkdirNotAbsolute), ("", WorkdirNotAbsolute), ("/a\0b", BadWorkdir),
     ("/a\nb", BadWorkdir), ("/" + "a" * 5000, BadWorkdir), ("/\ud800", BadWorkdir)],
)  # fmt: skip
def test_bad_workdirs(text: str, error: type[Exception]) -> None:
    """Relative paths, and characters that no terminal could show, are refused."""
    with pytest.raises(error):
        clean_workdir(text)


@given(st.text(max_size=300))
def test_what_may_be_typed(text: str) -> None:
    """Whatever passes is one line of at most 256 bytes without control characters, and is typed as it is."""
    try:
        checked = check_text(text)
    except InvalidText:
        return
    assert checked == text
    assert len(text.encode()) <= 256
    assert len(text.splitlines()) == 1
    assert all(c == "\t" or ord(c) >= 32 for c in text)


@given(st.text(max_size=100))
def test_prompts(text: str) -> None:
    """A prompt that passes has no control characters but tab and line feed, and no blanks around it."""
    try:
        prompt = clean_prompt(text)
    except InvalidBody:
        return
    assert prompt == prompt.strip()
    assert all(c in "\t\n" or ord(c) >= 32 for c in prompt)


@given(st.text(max_size=70))
def test_names_are_harmless(text: str) -> None:
    """No name that passes is an option, a path, a tmux target or a pattern."""
    if is_name(text) or is_new_name(text):
        assert text[0].isalnum()
        assert not set(text) & set("/\\=:$@%*?[]{}#;~ \n\t'\"`!&|<>()")
        assert text.isascii()


def test_dialogs_are_known() -> None:
    """The screens on which Enter would answer something are told from a prompt that waits."""
    assert asks_something("Do you trust this folder?\n❯ No, exit\n  Yes\n")
    assert asks_something("Enter to confirm · Esc to cancel")
    assert not asks_something("❯ \n ⏵⏵ bypass permissions on (shift+tab to cycle)")
