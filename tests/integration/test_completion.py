"""Shell completion, in the shells themselves: bash and zsh on a terminal of their own, fish by its own question."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ctm_trio.__main__ import main
from ctm_trio.cli import completion
from ctm_trio.cli.main import COMMANDS, declare

CODE = Path(completion.__file__).parents[2]

LIMIT_S = 120
"""For all that one shell is asked; on a busy machine a start of Python takes its time."""

COMPLETED = {
    "att": "attach",
    "overlay p": "path",
    "service --no-start st": "status",
    "kill --y": "--yes",
    "new --det": "--detached",
    "new demo wo": "work",
    "new wo": "work",
    "watch --token-file no": "notes.txt",
    "watch --session oth": "other",
    "logs -n 5 d": "demo",
    "requests --session oth": "other",
    "answer demo keep": "keep_planning",
    "send demo --when i": "idle",
    "kill -y d": "demo",
    **{
        f"{name} d": "demo"
        for name in (
            "answer",
            "attach",
            "detach",
            "explain",
            "forget",
            "interrupt",
            "rename",
            "safe",
            "send",
            "switch",
            "yolo",
        )
    },
}
"""What is typed after the program's name, and what its last word becomes: there is but one way to go on."""

BASH = """\
eval "$(ctm-trio completion bash)"
bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items 0'; bind 'set page-completions off'
show() { printf '%s\\n' "$READLINE_LINE" >> ~/lines; READLINE_LINE=; READLINE_POINT=0; }
bind -x '"\\C-t": show'
PS1='ready> '
"""

ZSH = """\
autoload -Uz compinit; compinit -u -D
eval "$(ctm-trio completion zsh)"
tab() { zle complete-word; zle -R; }  # -R: what there is to choose from is shown although more was typed
show() { print -r -- "$BUFFER" >> ~/lines; BUFFER=; }
zle -N tab; bindkey '^I' tab; zle -N show; bindkey '^T' show
LINES=100 COLUMNS=200 PS1='ready> '
"""

START = {"bash": (".bashrc", BASH, ["bash", "-i"]), "zsh": (".zshrc", ZSH, ["zsh", "-i"])}
"""Where a shell looks as it starts, what it finds there, and how it is started. Ctrl-T notes the line."""

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Colours, and moves of the cursor."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME with `ctm-trio` on its PATH, two sessions, a directory and a file."""
    records(tmp_path, "demo", "other")
    (tmp_path / "work").mkdir()
    (tmp_path / "notes.txt").touch()
    program = tmp_path / "bin" / "ctm-trio"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{CODE}" exec "{sys.executable}" -m ctm_trio "$@"\n')
    program.chmod(0o755)
    for name in ("CLAUDE_CONFIG_DIR", "INPUTRC", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def records(home: Path, *names: str) -> None:
    table = {name: {"name": name, "uuid": f"u-{i}", "mode": "safe", "workdir": "/w"} for i, name in enumerate(names)}
    root = home / ".config" / "ctm"
    root.mkdir(parents=True, exist_ok=True)
    (root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": table}))


def need(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


def typed(shell: str, home: Path, words: list[str]) -> tuple[list[str], str]:
    """Type `ctm-trio` and each of these words with a Tab behind them: the lines then, and all that was shown."""
    name, start, command = START[shell]
    (home / name).write_text(start)
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        shown, asked, end = b"", False, time.monotonic() + LIMIT_S
        try:
            while select.select([ours], [], [], max(0, end - time.monotonic()))[0]:
                data = os.read(ours, 65_536)
                if not data:
                    break
                shown += data
                if not asked and b"ready> " in shown:
                    asked = True
                    os.write(ours, "".join(f"ctm-trio {word}\t\x14" for word in words).encode() + b"exit\r")
        except OSError:
            pass  # the shell has ended, and its terminal with it
        finally:
            process.kill()
            os.close(ours)
    lines = (home / "lines").read_text().splitlines()
    assert len(lines) == len(words), shown
    return lines, ESCAPE.sub(" ", shown.decode())


def fish(*words: str) -> list[dict[str, str]]:
    """What fish offers behind `ctm-trio` and each of these words: what may come → what it says of it."""
    ask = 'ctm-trio completion fish | source; for word in $argv; complete -C "ctm-trio $word"; echo; end'
    done = subprocess.run(
        ["fish", "--no-config", "-c", ask, *words], capture_output=True, text=True, timeout=LIMIT_S, check=True
    )
    assert done.stderr == ""
    return [
        dict(row.partition("\t")[::2] for row in block.splitlines())
        for block in done.stdout.split("\n\n")[: len(words)]
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_word_is_completed(shell: str, home: Path) -> None:
    """Commands, their actions and options, sessions, directories and files."""
    need(shell)
    lines, _ = typed(shell, home, list(COMPLETED))
    assert [line.split()[-1].rstrip("/") for line in lines] == list(COMPLETED.values())


def test_a_word_is_completed_in_fish(home: Path) -> None:
    """The same in fish."""
    need("fish")
    found = [[word.rstrip("/") for word in offers] for offers in fish(*COMPLETED)]
    assert found == [[word] for word in COMPLETED.values()]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_all_that_can_be_typed_is_shown(shell: str, home: Path) -> None:
    """Every command, and every option of one; zsh says what each does."""
    need(shell)
    _, shown = typed(shell, home, ["", "logs -"])
    options = [option for action in declare(("logs",))[1]["logs"]._actions for option in action.option_strings]
    assert "--grep" in options
    for word in (*COMMANDS, *options):
        assert word in shown.split(), word
    if shell == "zsh":
        for text in (*(text for _, text in COMMANDS.values()), "only lines that match, whatever the case"):
            assert text in shown


def test_all_that_can_be_typed_is_shown_in_fish(home: Path) -> None:
    """The same in fish, which says what each does."""
    need("fish")
    commands, options = fish("", "kill -")
    assert commands == {name: text for name, (_, text) in COMMANDS.items()}
    assert options == {
        "-h": "show this help message and exit",
        "--help": "show this help message and exit",
        "-y": "do not ask",
        "--yes": "do not ask",
    }


@pytest.mark.parametrize("odd", ["a b", "$(touch here)", "`touch here`", "a;b", "-rf", "a\nb", "*", "a'b", "\x1b[2J"])
def test_only_names_that_no_shell_misreads(odd: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that a file brings along but no session may have is not offered."""
    records(home, "demo", odd, "other.one-2_3")
    assert main(["completion", "names"]) == 0
    assert capsys.readouterr().out == "demo\nother.one-2_3\n"
