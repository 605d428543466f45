"""`system.file_watch`: a database that is lost while it is open is put back, or begun anew, and used again."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctm_trio.model.webhook import Alert
from ctm_trio.system import file_watch
from ctm_trio.system.outbox import Outbox
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
