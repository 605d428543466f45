"""`system.file_watch`: a database that is lost while it is open is put back, or begun anew, and used again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctm_trio.journal.store import EventStore, Stamped
from ctm_trio.model.webhook import Alert
from ctm_trio.system import file_clock, file_watch, migration
from ctm_trio.system.migration import copying, write_copy
from ctm_trio.system.outbox import Outbox
from ctm_trio.system.rescued import rescued_of
from ctm_trio.system.store_errors import StoreDamaged, StoreUnavailable

DAMAGED = StoreDamaged("database disk image is malformed")


def fails(*args: object, **more: object) -> None:
    """As a full disk would."""
    raise StoreUnavailable("disk full")


@pytest.fixture
def box(tmp_path: Path) -> Outbox:
    """An outbox with two alerts that wait."""
    made = Outbox(tmp_path / "o.db")
    alerts = [(n, Alert(f"{n}-0", "attention_raised", "stuck", f"s{n}", "2026-01-01T00:00:00Z")) for n in (5, 6)]
    made.store(alerts, 7, 1.0)
    return made


def test_begun_anew_after_it_could_not_be_put_back(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written then is at the path: nothing is off any more, and what waited still waits."""
    box.path.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(file_watch, "write_copy", fails)
        with pytest.raises(StoreUnavailable, match="disk full"):
            box.put_back()
        assert box.detached
        with pytest.raises(StoreUnavailable, match="disk full"):
            box.waiting()
    box.begin_anew(DAMAGED)
    assert box.detached == ""
    assert (box.waiting(), box.cursor()) == (2, 7)
    assert box.look().problem == ""
    box.close()


def test_waiting_alerts_outlive_a_new_file_that_cannot_be_made(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are kept until there is one, and are in it before anything else is done with it."""
    with monkeypatch.context() as patch:
        patch.setattr(box, "_open_file", fails)
        with pytest.raises(StoreUnavailable, match="disk full"):
            box.begin_anew(DAMAGED)
        with pytest.raises(StoreUnavailable):
            box.cursor()
    box.put_back()
    assert (box.cursor(), box.waiting()) == (7, 2)
    box.close()


def settled(box: Outbox) -> None:
    """Wait until a change of the file from now on shows in its stamps."""
    looked = file_clock.file_clock_ns()
    while not all(file_clock.shows_changes(stamp, looked) for stamp in file_watch._stamps(box.path)):
        looked = file_clock.file_clock_ns()


def test_a_file_is_looked_into_when_it_has_changed(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection of its own for each look would be what an idle daemon does most."""
    looks = list[Path]()
    real = file_watch._damage

    def damage(path: Path, **more: float) -> str | None:
        looks.append(path)
        return real(path, **more)

    monkeypatch.setattr(file_watch, "_damage", damage)
    settled(box)
    for _ in range(3):
        assert box.look().problem == ""
    assert len(looks) == 1
    box.store([], 8, 1.0)
    settled(box)
    for _ in range(3):
        assert box.look().problem == ""
    assert len(looks) == 2
    box.db.execute("PRAGMA wal_checkpoint(FULL)")
    with box.path.open("r+b") as file:
        file.seek(100)
        file.write(b"x" * 200)
    assert "was damaged while it was in use" in box.look().problem
    assert "was damaged while it was in use" in box.look().problem
    box.close()


def test_a_look_that_could_not_be_made_is_made_again(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """No descriptor was left, or somebody had the file locked: that does not mean that it was found sound."""
    box.db.execute("PRAGMA wal_checkpoint(FULL)")
    with box.path.open("r+b") as file:
        file.seek(100)
        file.write(b"x" * 200)
    settled(box)
    with monkeypatch.context() as patch:
        patch.setattr(file_watch, "connect", fails)
        assert box.look().problem == ""
    assert "was damaged while it was in use" in box.look().problem
    box.close()


class Killed(BaseException):
    """In the place of a SIGKILL: nothing that catches errors sees it."""


def kill(path: Path) -> None:
    raise Killed


@pytest.mark.parametrize("place", ["deleted", "replaced"])
def test_killed_while_it_is_put_back(box: Outbox, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """The copy was whole, and nothing was at the path any more: the next start puts it there."""
    path = box.path
    if place == "replaced":
        path.with_name("other").write_bytes(b"something else")
        path.with_name("other").replace(path)
    else:
        path.unlink()
    monkeypatch.setattr(file_watch, "put_in_place", kill)
    with pytest.raises(Killed):
        box.put_back()
    monkeypatch.undo()
    assert not path.exists()
    again = Outbox(path)
    assert (again.waiting(), again.cursor()) == (2, 7)
    again.close()
    assert not list(path.parent.glob(".*"))


def test_the_event_log_is_put_back_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above."""
    store = EventStore(tmp_path / "e.db")
    store.insert([Stamped([], [], {}, {1: store.source("u1", "alpha")})])
    store.path.unlink()
    monkeypatch.setattr(file_watch, "put_in_place", kill)
    with pytest.raises(Killed):
        store.put_back()
    again = EventStore(tmp_path / "e.db")
    assert "u1" in again.sources
    again.close()


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + bytes(5000)])
def test_a_copy_that_is_not_whole_is_not_taken(tmp_path: Path, content: bytes) -> None:
    """It is deleted, as what was being written is."""
    path = tmp_path / "o.db"
    rescued_of(path).write_bytes(content)
    copying(rescued_of(path)).write_bytes(b"half")
    box = Outbox(path)
    assert box.waiting() == 0
    box.close()
    assert [found.name for found in tmp_path.iterdir()] == ["o.db"]


def test_a_copy_beside_its_database_is_deleted(box: Outbox) -> None:
    """The database has gone on since."""
    write_copy(box.db, rescued_of(box.path))
    box.store([], 99, 1.0)
    box.close()
    again = Outbox(box.path)
    assert again.cursor() == 99
    again.close()
    assert not rescued_of(box.path).exists()


@pytest.mark.parametrize("size", [0, 4096])
def test_a_copy_beside_what_was_cut_off_is_taken(box: Outbox, size: int) -> None:
    """Killed before the copy was put in the place of the file for which it was made; that one is set aside."""
    write_copy(box.db, rescued_of(box.path))
    box.close()
    os.truncate(box.path, size)
    again = Outbox(box.path)
    assert (again.waiting(), again.cursor()) == (2, 7)
    again.close()
    (aside,) = box.path.parent.glob("o.db.corrupt.*")
    assert aside.stat().st_size == size
    assert not rescued_of(box.path).exists()


def test_no_copy_is_left_where_it_cannot_be_put_back(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be taken for the newest later on."""

    def refuse(path: Path, why: str) -> Path:
        raise PermissionError(13, "Permission denied")

    box.path.unlink()
    box.path.write_bytes(b"something else")
    monkeypatch.setattr(file_watch, "set_aside", refuse)
    with pytest.raises(StoreUnavailable, match="Permission denied"):
        box.put_back()
    assert not rescued_of(box.path).exists()
    monkeypatch.undo()
    box.put_back()
    assert box.waiting() == 2
    box.close()


def test_a_copy_that_cannot_be_opened_leaves_nothing(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made before it is opened."""
    monkeypatch.setattr(migration, "connect", fails)
    with pytest.raises(StoreUnavailable, match="disk full"):
        write_copy(box.db, box.path.with_name("copy"))
    monkeypatch.undo()
    box.close()
    assert [found.name for found in box.path.parent.iterdir()] == ["o.db"]
