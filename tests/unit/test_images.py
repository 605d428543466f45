"""Images that are given to sessions: what counts as one, and how the directory stays bounded and private."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
import trio

from ctm_trio.errors.images import InvalidImage
from ctm_trio.errors.orders import Unavailable
from ctm_trio.model.image import check_image, kind_of
from ctm_trio.system import images
from ctm_trio.system.images import MAX_AGE_S, ImageStore

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8
HEADS = {
    "image/png": (PNG, "png"),
    "image/jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF", "jpg"),
    "image/gif": (b"GIF89a\1\0\1\0", "gif"),
    "image/webp": (b"RIFF\x24\0\0\0WEBPVP8 ", "webp"),
}
NOW = 1_600_000_000.0
"""In the past, so that what a test writes is younger than what it finds."""


def old_image(directory: Path, number: int, *, age_s: float, size: int = 1) -> Path:
    """A file as an earlier upload has left it."""
    directory.mkdir(mode=0o700, exist_ok=True)
    path = directory / f"{number:032x}.png"
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


def store(directory: Path) -> ImageStore:
    """The store on a clock that stands."""
    return ImageStore(directory, lambda: NOW)


@pytest.mark.parametrize("said", HEADS)
def test_the_kinds(said: str) -> None:
    """Each kind is known by its first bytes, whatever the parameters of its header, and refused under another name."""
    head, extension = HEADS[said]
    assert kind_of(head) == said
    assert check_image(f"{said.upper()}; charset=x", head) == extension
    for other in HEADS:
        if other != said:
            with pytest.raises(InvalidImage, match="not an image of the type"):
                check_image(other, head)


@pytest.mark.parametrize(
    ("said", "head"),
    [("image/svg+xml", b"<svg"), ("", PNG), ("text/html", b"<html>"), ("image/png", b""), ("image/png", b"\x89PNG"),
     ("image/gif", b"GIF88a"), ("image/webp", b"RIFF\x24\0\0\0WAVE")],
)  # fmt: skip
def test_what_is_none(said: str, head: bytes) -> None:
    """A type that is not taken, and bytes that are not of the type."""
    with pytest.raises(InvalidImage):
        check_image(said, head)


async def test_it_is_private(tmp_path: Path) -> None:
    """Whatever the umask is: the file is 0600 in a directory of 0700, whole, under a name that nobody guesses."""
    before = os.umask(0)
    try:
        path = Path(await store(tmp_path / "deep" / "images").save([PNG, b"more"], "png"))
    finally:
        os.umask(before)
    assert path.is_absolute()
    assert path.read_bytes() == PNG + b"more"
    assert re.fullmatch(r"[0-9a-f]{32}\.png", path.name)
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)] == [0o600, 0o700]
    assert list(path.parent.iterdir()) == [path]


def test_an_open_directory_is_closed(tmp_path: Path) -> None:
    """One that others may look into is tightened."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images").chmod(0o755)
    store(tmp_path / "images").write([PNG], "png")
    assert stat.S_IMODE((tmp_path / "images").stat().st_mode) == 0o700


def test_old_ones_go(tmp_path: Path) -> None:
    """After thirty days, and what a write that was cut off has left; a younger one and other people's names stay."""
    directory = tmp_path / "images"
    old = old_image(directory, 1, age_s=MAX_AGE_S + 1)
    young = old_image(directory, 2, age_s=MAX_AGE_S - 1)
    left = old.rename(directory / f".{old.name}.{'0' * 12}.tmp")
    old = old_image(directory, 1, age_s=MAX_AGE_S + 1)
    theirs = [directory / name for name in ("holiday.png", f"{3:032x}.txt", f"{3:032X}.png.bak")]
    for path in theirs:
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    new = store(directory).write([PNG], "png")
    assert set(directory.iterdir()) == {young, new, *theirs}
    assert left not in directory.iterdir()


def test_at_most_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest make room, also when the bound was made smaller meanwhile."""
    monkeypatch.setattr(images, "MAX_FILES", 3)
    directory = tmp_path / "images"
    kept = [old_image(directory, number, age_s=100 - number) for number in range(5)]
    new = store(directory).write([PNG], "png")
    assert set(directory.iterdir()) == {*kept[-2:], new}


def test_at_most_so_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one counts too."""
    monkeypatch.setattr(images, "MAX_BYTES", 100)
    directory = tmp_path / "images"
    kept = [old_image(directory, number, age_s=100 - number, size=40) for number in range(2)]
    first = store(directory).write([b"x" * 20], "png")
    assert set(directory.iterdir()) == {*kept, first}
    second = store(directory).write([b"x"], "png")
    assert set(directory.iterdir()) == {kept[1], first, second}


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link under a name of ours is no file of ours, nor is a directory; what it leads to stays as it is."""
    directory, precious = tmp_path / "images", tmp_path / "precious"
    directory.mkdir(mode=0o700)
    precious.write_bytes(b"precious")
    os.utime(precious, (0, 0))
    link, folder = directory / f"{1:032x}.png", directory / f"{2:032x}.png"
    link.symlink_to(precious)
    folder.mkdir()
    os.utime(link, (0, 0), follow_symlinks=False)
    os.utime(folder, (0, 0))
    new = store(directory).write([PNG], "png")
    assert set(directory.iterdir()) == {link, folder, new}
    assert precious.read_bytes() == b"precious"


@pytest.mark.parametrize("kind", ["link", "dangling", "file"])
async def test_a_directory_that_is_none(tmp_path: Path, kind: str) -> None:
    """A link or a file in its place: a sentence, and nothing is written anywhere."""
    elsewhere, directory = tmp_path / "elsewhere", tmp_path / "images"
    elsewhere.mkdir()
    if kind == "file":
        directory.write_bytes(b"")
    else:
        directory.symlink_to(elsewhere if kind == "link" else tmp_path / "nowhere")
    with pytest.raises(Unavailable, match="The image cannot be saved: "):
        await store(directory).save([PNG], "png")
    assert not list(elsewhere.iterdir())
    assert not (tmp_path / "nowhere").exists()


async def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, and no part of the image is left."""

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        await store(tmp_path / "images").save([PNG], "png")
    assert not list((tmp_path / "images").iterdir())


async def test_several_at_once_keep_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are written one behind the other."""
    monkeypatch.setattr(images, "MAX_FILES", 3)
    kept = ImageStore(tmp_path / "images")
    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(kept.save, [PNG], "png")
    assert len(list((tmp_path / "images").iterdir())) == 3
