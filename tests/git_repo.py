"""Real git repositories for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false",
            "-c", "protocol.file.allow=always")  # fmt: skip


class Repo:
    """A repository at `path`, made if there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        if not (path / ".git").exists():
            self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        """Run git here, with an identity, and return what it printed."""
        argv = ["git", *IDENTITY, *words]
        done = subprocess.run(argv, cwd=self.path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        """A file, with its directories."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str) -> str:
        """Commit everything; the sha."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def head(self) -> str:
        """The sha of HEAD."""
        return self.git("rev-parse", "HEAD")

    def state(self) -> tuple[str, str, str, str]:
        """What a refusal must leave as it was: HEAD, branch, status, stashes."""
        return (
            self.head(),
            self.git("branch", "--show-current"),
            self.git("status", "--porcelain"),
            self.git("stash", "list"),
        )


def two_checkpoints(path: Path) -> Repo:
    """A clean repository with two checkpoints of `a.txt` and `b.txt`: `one`, then `two`."""
    made = Repo(path)
    for text in ("one", "two"):
        made.write("a.txt", f"{text}\n")
        made.write("b.txt", f"{text}\n")
        made.commit(f"checkpoint: {text}")
    return made


def two_checkpoints_and_more(made: Repo) -> Repo:
    """Fill a repository with two checkpoints of three files, and a change and a new file on top."""
    for text in ("one", "two"):
        for name in ("a", "b", "d/c"):
            made.write(name, f"{text}\n")
        if text == "one":
            made.write("only/one", "one\n")
        else:
            made.git("rm", "-q", "only/one")
        made.commit(f"checkpoint: {text}")
    made.write("b", "mine\n")
    made.write("new", "new\n")
    return made
