"""The overlay that new sessions get: made with the time that a hook may wait, and given it later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctm_trio.model.paths import Paths, paths_under
from ctm_trio.system import overlay_file
from ctm_trio.system.overlay_file import ensure_overlay


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setattr(overlay_file, "version_of", lambda *_, **__: "2.1.330 (Claude Code)")
    made = paths_under(tmp_path)
    made.root.mkdir(parents=True)
    return made


def timeout(paths: Paths) -> int:
    """That of our hook for requests."""
    document = json.loads(paths.overlay.read_text())
    found: int = document["hooks"]["PermissionRequest"][0]["hooks"][0]["timeout"]
    return found


def settings(paths: Paths, **requests: object) -> None:
    paths.config.write_text(json.dumps({"serve": {"requests": requests}}))


def test_it_is_made_by_the_settings(paths: Paths) -> None:
    """A minute longer than the daemon holds; without settings by the defaults, and none are written."""
    assert ensure_overlay(paths) == paths.overlay
    assert timeout(paths) == 3660
    assert not paths.config.exists()
    paths.overlay.unlink()
    settings(paths, hold_seconds=7200)
    ensure_overlay(paths)
    assert timeout(paths) == 7260
    paths.overlay.unlink()
    settings(paths, hold_seconds=0)
    ensure_overlay(paths)
    assert timeout(paths) == 60


def test_an_older_one_gets_only_that(paths: Paths) -> None:
    """All else is as the user left it, its mode too; one that has the time is not written again."""
    ensure_overlay(paths)
    document = json.loads(paths.overlay.read_text())
    document["hooks"]["PermissionRequest"][0]["hooks"][0]["timeout"] = 60
    document["mine"] = "né"
    paths.overlay.write_text(json.dumps(document))
    paths.overlay.chmod(0o640)
    assert ensure_overlay(paths) == paths.overlay
    document["hooks"]["PermissionRequest"][0]["hooks"][0]["timeout"] = 3660
    assert json.loads(paths.overlay.read_text()) == document
    assert paths.overlay.stat().st_mode & 0o777 == 0o640
    before = paths.overlay.stat()
    settings(paths, hold_seconds=5)
    ensure_overlay(paths)
    assert paths.overlay.stat().st_ino == before.st_ino
    assert paths.overlay.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("text", ["", "[]", "{", '{"hooks": []}', '{"hooks": {"PermissionRequest": 1}}'])
def test_what_is_not_understood_stays(paths: Paths, text: str) -> None:
    """A file that is no settings of Claude Code is for Claude Code to complain about."""
    paths.overlay.write_text(text)
    assert ensure_overlay(paths) == paths.overlay
    assert paths.overlay.read_text() == text


def test_one_that_cannot_be_changed_is_used(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full does not keep a session from starting."""
    ensure_overlay(paths)
    settings(paths, hold_seconds=9999)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(overlay_file, "atomic_write", full)
    assert ensure_overlay(paths) == paths.overlay
    assert timeout(paths) == 3660
