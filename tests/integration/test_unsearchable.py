"""Directories that cannot be searched: whether something is in them cannot be seen, and nothing falls over that."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ctm_trio.cli import auth
from ctm_trio.cli.common import CliError
from ctm_trio.cli.doctor import _is_missing
from ctm_trio.cli.status import read_cost, read_events
from ctm_trio.ingest.rotated_files import rotated_by_others
from ctm_trio.model.config import Settings
from ctm_trio.model.doctor import Facts
from ctm_trio.model.paths import Paths, paths_under
from ctm_trio.system import daemon_doctor
from ctm_trio.system.daemon_doctor import Doctor
from ctm_trio.system.doctor import run_checks
from ctm_trio.system.tmux_words import tmux_argv
from ctm_trio.system.transcripts import directories_of

Close = Callable[[Path], None]


@pytest.fixture
def close(monkeypatch: pytest.MonkeyPatch) -> Close:
    """Makes what is in a directory unreachable, as its mode would for anybody but root."""
    closed: list[str] = []
    real = os.stat

    def stat(path: Any, *args: Any, **more: Any) -> os.stat_result:
        if not isinstance(path, int) and os.path.dirname(os.fsdecode(path)) in closed:
            raise PermissionError(13, "Permission denied", os.fsdecode(path))
        return real(path, *args, **more)

    monkeypatch.setattr(os, "stat", stat)
    return lambda directory: closed.append(str(directory))


@pytest.fixture
def paths(tmp_path: Path, close: Close) -> Paths:
    """A configuration directory that cannot be searched."""
    found = paths_under(tmp_path)
    found.logs.mkdir(parents=True)
    close(found.root)
    return found


def test_the_doctor(paths: Paths) -> None:
    """Every check has an answer."""
    assert "statusline:own" in {check.name for check in run_checks(paths, Settings(), "")}


async def test_a_look_that_fails(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a finding that names the file, beside what the daemon knows of itself."""

    def fails(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/some/file")

    monkeypatch.setattr(daemon_doctor, "run_checks", fails)
    found = {check.name: check for check in await Doctor(lambda: Facts(Settings(), paths, port=1), time.time)()}
    assert (found["machine"].status, found["machine"].message) == (
        "err",
        "/some/file cannot be reached: Permission denied",
    )
    assert "webhook:reachable" in found


def test_what_is_started_and_looked_for(tmp_path: Path, close: Close) -> None:
    """Tmux starts without its file; one closed directory of transcripts hides no other; no copies of a log are seen."""
    for name in ("closed", "open"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "u1.jsonl").touch()
    close(tmp_path / "closed")
    assert tmux_argv(tmp_path / "closed" / "tmux.conf", "") == ["tmux"]
    assert [name for name, _ in directories_of(tmp_path, "u1")] == ["open"]
    assert rotated_by_others(tmp_path / "closed", "u1") == []


def test_commands(paths: Paths) -> None:
    """They show what they know, or say in a line what cannot be reached; a hint that is not asked for is left out."""
    assert read_events(paths).needs == {}
    assert read_cost(paths) is None
    assert not _is_missing(paths.config)
    assert auth.signup_notice(paths) == ""
    with pytest.raises(CliError, match=r"user\.json cannot be reached: Permission denied"):
        auth.code(paths)
