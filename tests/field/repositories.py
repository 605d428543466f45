"""A daemon that starts sessions in git repositories, for the field cases that are about git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.field.box import FIXTURES, Box, box

GIT_USER = {"GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@e", "GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@e",
            "GIT_CONFIG_NOSYSTEM": "1"}  # fmt: skip


@contextmanager
def git_box(home: Path) -> Iterator[Box]:
    """A box whose daemon runs, with a `claude` on its PATH."""
    with box(home, GIT_CONFIG_NOSYSTEM="1") as made:
        made.daemon.environment["PATH"] = f"{made.tmux.bin}{os.pathsep}{os.environ['PATH']}"
        made.daemon.start()
        yield made


def git(directory: Path, *words: str) -> str:
    """What git prints there; it must succeed."""
    env = {**os.environ, **GIT_USER, "HOME": str(directory.parent)}
    done = subprocess.run(["git", *words], cwd=directory, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout.strip()


def steps(case: str, directory: Path) -> None:
    """Run a case's steps in a new directory."""
    directory.mkdir()
    env = {**os.environ, **GIT_USER, "HOME": str(directory.parent)}
    subprocess.run(["sh", str(FIXTURES / case / "steps.sh"), str(directory)], env=env, check=True)


def yolo(made: Box, name: str, directory: Path) -> httpx.Response:
    """Ask for a session in yolo mode there."""
    return made.daemon.request("POST", "/api/sessions", json={"workdir": str(directory), "name": name})


def go_back(made: Box, name: str, sha: str, *, stash: bool) -> httpx.Response:
    """Ask for a revert."""
    return made.daemon.request("POST", f"/api/sessions/{name}/revert", json={"sha": sha, "stash_first": stash})
