"""The doctor's checks, on a machine that the test makes up."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ctm_trio.model import overlay
from ctm_trio.model.config import Settings
from ctm_trio.model.doctor import Check
from ctm_trio.model.paths import Paths, paths_under
from ctm_trio.system.doctor import run_checks


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A HOME with a `claude`, a `tmux` and a `git` that only say their versions."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, says in (("claude", "2.1.330 (Claude Code)"), ("tmux", "tmux 3.3a"), ("git", "")):
        (programs / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/bin:/usr/bin")
    found = paths_under(tmp_path)
    found.logs.mkdir(parents=True)
    return found


def checks(paths: Paths, *live: str, settings: Settings | None = None, problem: str = "") -> dict[str, Check]:
    return {check.name: check for check in run_checks(paths, settings or Settings(), problem, frozenset(live))}


def wire(paths: Paths, events: tuple[str, ...], **more: object) -> None:
    hook = overlay.hook_command("/p", "/x/ctm_trio/producers/start.py")
    document = overlay.with_ours(dict(more), events, hook, "/p", "/x/ctm_trio/producers/start.py", "")
    paths.overlay.write_text(json.dumps(document))


def test_a_sound_machine(paths: Paths) -> None:
    """Everything is there: all checks are ok."""
    wire(paths, overlay.events_for((2, 1, 330)))
    assert {check.status for check in checks(paths).values()} == {"ok"}


def test_what_is_missing_is_named_with_a_way_out(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs, variables and files that are missing or broken: each says what to do."""
    monkeypatch.setenv("PATH", str(paths.root))
    monkeypatch.delenv("CTM_TEST_ABSENT", raising=False)
    paths.sessions.write_text("[")
    found = checks(
        paths,
        settings=Settings(required_env=("CTM_TEST_ABSENT",), required_in_path=("nope",)),
        problem="config.json: no",
    )
    wrong = {name: check.status for name, check in found.items() if check.status != "ok"}
    assert wrong == {
        "dep:tmux": "err",
        "dep:claude": "warn",
        "dep:git": "warn",
        "tmux:version": "err",
        "env:CTM_TEST_ABSENT": "err",
        "path:nope": "warn",
        "config:load": "err",
        "sessions:store": "err",
        "overlay:events": "warn",
    }
    assert all(found[name].remediation for name in wrong)


@pytest.mark.parametrize(
    ("events", "says"),
    [
        (("Stop",), "not wired"),
        ((*overlay.events_for((2, 1, 330)), "NextYearsEvent"), "may not know NextYearsEvent"),
    ],
)
def test_the_overlay_fits_the_installed_client(paths: Paths, events: tuple[str, ...], says: str) -> None:
    """Events that the client does not know, and known ones that are not wired, are reported."""
    wire(paths, events)
    check = checks(paths)["overlay:events"]
    assert check.status == "warn"
    assert says in check.message


def test_hooks_that_a_setting_switches_off(paths: Paths) -> None:
    """`disableAllHooks` is an error: nothing would be logged, and nobody would know why."""
    wire(paths, ("Stop",), disableAllHooks=True)
    assert checks(paths)["claude:hooks"].status == "err"


def test_a_status_line_that_changed(paths: Paths) -> None:
    """The overlay runs the user's own status line; once that is another one it says so."""
    wire(paths, ("Stop",))
    paths.claude_home.mkdir()
    (paths.claude_home / "settings.json").write_text('{"statusLine": {"type": "command", "command": "mine"}}')
    assert checks(paths)["statusline:own"].status == "warn"


def test_when_hooks_arrived(paths: Paths) -> None:
    """For each session that runs: the time of its last hook, or that nothing has arrived. Fresh trouble is shown."""
    records = {name: {"name": name, "uuid": f"u-{name}", "workdir": "/"} for name in ("a", "b", "ended")}
    paths.sessions.write_text(json.dumps({"schema_version": 1, "sessions": records}))
    log = paths.logs / "u-a.jsonl"
    log.touch()
    os.utime(log, (1_700_000_000, 1_700_000_000))
    (paths.logs / ".hook-errors.log").write_text("2026-01-01T00:00:00Z payload of 7 bytes is not JSON\n")
    found = checks(paths, "a", "b")
    assert found["hooks:a"].message == "last at 2023-11-14T22:13:20Z"
    assert found["hooks:b"].status == "warn"
    assert "hooks:ended" not in found
    assert "not JSON" in found["hooks:trouble"].message


@pytest.mark.parametrize("document", ["[]", "{", '{"hooks": []}', '{"hooks": {"Stop": 3}, "statusLine": 1}'])
def test_odd_settings_are_no_crash(paths: Paths, document: str) -> None:
    """A settings file that is none, or of other types, counts as one that does not call us."""
    paths.overlay.write_text(document)
    assert checks(paths)["overlay:events"].status == "warn"
