"""Case 66: `~/.config/ctm` is a file, or cannot be made or used: one calm line and exit code 1, never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import free_port

LIMIT_S = 30.0


def serve(home: Path, *, weak: bool = False) -> subprocess.CompletedProcess[str]:
    """Start the daemon; it must end by itself. `weak`: without root's right to write everywhere."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("CTM_", "TMUX", "CLAUDE", "XDG_"))}
    env |= {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
    prefix: tuple[str, ...] = ()
    if weak and os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("as root this needs setpriv, which takes away the right to read everything")
        prefix = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    argv = [*prefix, sys.executable, "-m", "ctm_trio", "serve", "--port", str(free_port())]
    return subprocess.run(argv, env=env, cwd="/", capture_output=True, text=True, timeout=LIMIT_S, check=False)


def calm(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line on stderr with these words, and exit code 1."""
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("where", [".config/ctm", ".config", ".config/ctm/logs", ".config/ctm/hook-events"])
def test_a_file_in_its_place(tmp_path: Path, where: str) -> None:
    """A file stands where a directory must be: it is named, and stays as it is."""
    path = tmp_path / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("precious")
    calm_of = serve(tmp_path)
    assert calm_of.returncode == 1
    assert "Traceback" not in calm_of.stderr
    assert str(path) in calm_of.stderr.splitlines()[-1]
    assert path.read_text() == "precious"


@pytest.mark.parametrize("command", ["status", "ls", "new", "doctor", "setup"])
def test_the_commands_say_what_is_in_the_way(tmp_path: Path, command: str) -> None:
    """With a file in the place of the directory no command says that all is well, nor only "not a directory"."""
    path = tmp_path / ".config" / "ctm"
    path.parent.mkdir()
    path.write_text("precious")
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    argv = [sys.executable, "-m", "ctm_trio", command]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 1
    assert f"{path} must be a directory, but it is a file." in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_text() == "precious"


@pytest.mark.parametrize(("where", "mode"), [("", 0o500), (".config", 0o500), (".config/ctm", 0o500)])
def test_a_directory_that_cannot_be_written(tmp_path: Path, where: str, mode: int) -> None:
    """HOME, `~/.config` or `~/.config/ctm` is read-only: the directory is named with the reason."""
    path = tmp_path / "home" / where
    path.mkdir(parents=True)
    path.chmod(mode)
    try:
        calm(serve(tmp_path / "home", weak=True), str(tmp_path / "home"))
    finally:
        path.chmod(0o700)


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_something_else_in_the_place_of_the_lock(tmp_path: Path, kind: str) -> None:
    """A directory or a FIFO in the place of the lock file is refused in time, by name."""
    lock = tmp_path / ".config" / "ctm" / "ctm-trio.lock"
    lock.parent.mkdir(parents=True)
    if kind == "fifo":
        os.mkfifo(lock)
    else:
        lock.mkdir()
    calm(serve(tmp_path), "ctm-trio.lock")
