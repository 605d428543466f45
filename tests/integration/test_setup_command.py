"""`overlay` and `setup --global`: shown, written, kept, undone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ctm_trio.__main__ import main
from ctm_trio.cli import common, tmux_conf
from ctm_trio.model import overlay
from tests.tmux_server import private_tmux

OWN = '{"model":"opus",\n  "statusLine": {"type": "command", "command": "mine --fast"},"hooks":{}}\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME with a `claude` on PATH that says its version."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "claude").write_text("#!/bin/sh\necho '2.1.330 (Claude Code)'\n")
    (programs / "claude").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return tmp_path


@pytest.fixture
def settings(home: Path) -> Path:
    """The user's settings, kept elsewhere behind a link."""
    real = home / "dotfiles.json"
    real.write_text(OWN)
    real.chmod(0o640)
    (home / ".claude").mkdir()
    link = home / ".claude" / "settings.json"
    link.symlink_to(real)
    return link


def test_setup_global_and_back_to_the_letter(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The change is shown first; the link, the mode and all other keys stay; undo gives the very bytes back."""
    assert main(["setup", "--global", "--yes"]) == 0
    out = capsys.readouterr().out
    assert '+    "command": "exec' in out
    document = json.loads(settings.read_text())
    assert set(document["hooks"]) == set(overlay.events_for((2, 1, 330)))
    assert document["model"] == "opus"
    assert overlay.own_statusline(document) == "mine --fast"
    assert settings.is_symlink()
    assert settings.stat().st_mode & 0o777 == 0o640
    assert main(["setup", "--global", "--yes"]) == 0
    assert "up to date" in capsys.readouterr().err
    assert main(["setup", "--global", "--undo", "--yes"]) == 0
    assert settings.read_text() == OWN
    assert settings.is_symlink()
    assert [path.name for path in settings.parent.iterdir()] == ["settings.json"]


def test_undo_keeps_what_was_changed_since(settings: Path) -> None:
    """An edit made after the setup stays; only ours goes."""
    main(["setup", "--global", "--yes"])
    document = json.loads(settings.read_text())
    document["model"] = "sonnet"
    settings.write_text(json.dumps(document))
    assert main(["setup", "--global", "--undo", "--yes"]) == 0
    left = json.loads(settings.read_text())
    assert left["model"] == "sonnet"
    assert left["statusLine"]["command"] == "mine --fast"
    assert overlay.without_ours(left) == left


def test_without_an_answer_nothing_is_written(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal nobody can agree: the diff is shown, the file stays."""
    assert main(["setup", "--global"]) == common.FAILED
    assert settings.read_text() == OWN
    assert "--yes" in capsys.readouterr().err


def test_no_settings_before_no_settings_after(home: Path) -> None:
    """A file that we made is gone after the undo."""
    assert main(["setup", "--global", "--yes"]) == 0
    assert main(["setup", "--global", "--undo", "--yes"]) == 0
    assert list((home / ".claude").iterdir()) == []


@pytest.mark.parametrize("text", ["{", "[1]", '"x"'])
def test_settings_that_are_none_stay(home: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What does not parse is never overwritten."""
    (home / ".claude").mkdir()
    path = home / ".claude" / "settings.json"
    path.write_text(text)
    assert main(["setup", "--global", "--yes"]) == common.FAILED
    assert path.read_text() == text
    assert "it was left as it is" in capsys.readouterr().err


def test_overlay(settings: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Init writes it around the user's own status line and keeps what else is in it; path and show say it."""
    path = home / ".config" / "ctm" / "claude-overlay.json"
    assert main(["overlay", "show"]) == common.NOT_FOUND
    assert main(["overlay", "init"]) == 0
    assert capsys.readouterr().out == f"{path} is new: hooks for 29 events and a status line.\n"
    path.write_text(
        '{"env": {"A": "1"}, "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "ctm log-tool-use"}]}]}}'
    )
    assert main(["overlay", "init"]) == 0
    document = json.loads(path.read_text())
    assert document["env"] == {"A": "1"}
    assert len(document["hooks"]["Stop"]) == 1
    assert overlay.own_statusline(document) == "mine --fast"
    assert path.stat().st_mode & 0o777 == 0o600
    capsys.readouterr()
    assert main(["overlay", "path"]) == 0
    assert capsys.readouterr().out.strip() == str(path)
    assert main(["overlay"]) == 0
    assert json.loads(capsys.readouterr().out) == document
    assert settings.read_text() == OWN


def test_setup_writes_what_is_missing_and_nothing_else(home: Path) -> None:
    """config.json, tmux.conf and the overlay appear; a tmux.conf that is there stays."""
    root = home / ".config" / "ctm"
    assert main(["setup"]) == 0
    assert {path.name for path in root.iterdir()} == {"config.json", "tmux.conf", "claude-overlay.json"}
    (root / "tmux.conf").write_text("# mine\n")
    assert main(["setup"]) == 0
    assert (root / "tmux.conf").read_text() == "# mine\n"


OLD_CLIPBOARD = "# Copies reach the terminal's clipboard, also over ssh.\nset -g set-clipboard on\n"


def first_version(lines: int) -> str:
    """`tmux.conf` as the first version of this program wrote it."""
    known = tmux_conf.TEXT.format(lines=lines, clipboard=OLD_CLIPBOARD)
    assert known.endswith(OLD_CLIPBOARD)
    return known


def test_the_clipboard_is_not_open_to_programs(home: Path) -> None:
    """The tmux.conf that we write sets the clipboard to external, and real tmux takes it so."""
    assert main(["setup"]) == 0
    conf = home / ".config/ctm/tmux.conf"
    with private_tmux() as tmux:
        words = ("tmux", "-S", tmux.socket, "-f", str(conf))
        subprocess.run([*words, "new-session", "-d", "cat"], check=True, stdin=subprocess.DEVNULL)
        assert tmux.run("show", "-s", "set-clipboard").split() == ["set-clipboard", "external"]
        assert tmux.run("show", "-g", "history-limit").split() == ["history-limit", "50000"]


def test_an_open_clipboard_of_ours_is_mended(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tmux.conf of the first version is mended by `setup`, with the limit that it had, once and with a word."""
    conf = home / ".config/ctm/tmux.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(first_version(1234))
    assert main(["setup"]) == 0
    assert "set-clipboard external" in capsys.readouterr().err
    assert conf.read_text() == tmux_conf.TEXT.format(lines=1234, clipboard=tmux_conf.CLIPBOARD)
    assert main(["setup"]) == 0
    assert "set-clipboard" not in capsys.readouterr().err


@pytest.mark.parametrize("more", ["set -g status off\n", "set -s set-clipboard on\n"])
def test_an_open_clipboard_of_the_user_is_left_and_said(
    home: Path, more: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tmux.conf that somebody has changed stays to the letter; `setup` says what is wrong with it."""
    conf = home / ".config/ctm/tmux.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(first_version(50000) + more)
    assert main(["setup"]) == 0
    assert "left as it is" in capsys.readouterr().err
    assert conf.read_text() == first_version(50000) + more


def test_a_tmux_conf_with_another_choice_is_not_mentioned(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of the user that does not open the clipboard, or only in a comment, is nobody's business."""
    conf = home / ".config/ctm/tmux.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("# set -g set-clipboard on\nset -g set-clipboard off\n")
    assert main(["setup"]) == 0
    assert "set-clipboard" not in capsys.readouterr().err
