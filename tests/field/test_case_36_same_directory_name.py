"""Field case 36: a directory called like the one of another session."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_walk import Machine
from tests.field.box import FIXTURES


@pytest.fixture
def box() -> Iterator[Machine]:
    """A machine whose command line and daemon use a port of their own."""
    machine = Machine(Path(tempfile.mkdtemp(prefix="field-")))
    machine.conf.mkdir(parents=True)
    (machine.conf / "config.json").write_text(json.dumps({"serve": {"port": machine.port}}))
    program = machine.root / "bin" / "ctm-trio"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ctm_trio "$@"\n')
    program.chmod(0o755)
    yield machine
    machine.close()


def sessions(machine: Machine) -> dict[str, dict[str, Any]]:
    """What `ls` shows, by name."""
    return {view["name"]: view for view in json.loads(machine.ctm("ls", "--json").stdout)}


def test_the_session_of_another_directory_is_not_touched(box: Machine) -> None:
    """`yolo` in two/api makes a session of its own; the safe one of one/api runs on with its mode and process."""
    steps = (FIXTURES / "36" / "steps.sh").read_text().replace("@TMP@", str(box.root)).splitlines()
    script = "\n".join([*steps[:2], "tmux display-message -p -t =api: '#{pane_pid}' > ~/pid", *steps[2:]])
    done = subprocess.run(
        ["sh", "-e", "-c", script], env=box.env, cwd=box.root, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = sessions(box)
    assert {name: (view["mode"], view["tmux_alive"]) for name, view in found.items()} == {
        "api": ("safe", True),
        "api-2": ("yolo", True),
    }
    assert found["api"]["workdir"] == str(box.root / "x" / "one" / "api")
    assert found["api-2"]["workdir"] == str(box.root / "x" / "two" / "api")
    pid = subprocess.run(
        ["tmux", "display-message", "-p", "-t", "=api:", "#{pane_pid}"], env=box.env, capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    assert pid == (box.root / "pid").read_text()


def test_each_directory_finds_its_own_session_again(box: Machine) -> None:
    """Also a renamed one, and by a link; two of one directory are asked apart; a new one does not take another's."""
    for name in ("one/api", "two/api"):
        (box.root / name).mkdir(parents=True)
        box.ctm("safe", "-d", where=name)
    (box.root / "link").symlink_to(box.root / "two")
    box.ctm("rename", "api-2", "other")
    box.ctm("yolo", "-y", "-d", where="link/api")
    assert {name: view["mode"] for name, view in sessions(box).items()} == {"api": "safe", "other": "yolo"}
    assert "api already" in box.ctm("new", "-d", where="one/api", code=1).stderr
    assert "other already" in box.ctm("new", "-d", where="two/api", code=1).stderr
    box.ctm("safe", "third", "-d", where="two/api")
    said = box.ctm("yolo", "-y", "-d", where="two/api", code=2).stderr
    assert "other" in said
    assert "third" in said
    assert sessions(box)["third"]["mode"] == "safe"


def test_directories_of_other_scripts(box: Machine) -> None:
    """日本語 and 한국어 are two sessions, and each is found again."""
    names = []
    for directory in ("日本語", "한국어", "日本語"):
        (box.root / directory).mkdir(exist_ok=True)
        box.ctm("safe", "-d", where=directory)
        names.append(set(sessions(box)))
    assert [len(found) for found in names] == [1, 2, 2]
