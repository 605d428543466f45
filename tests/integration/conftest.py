"""What several tests of git and of databases need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.library import Library


@pytest.fixture
def own_git_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git sees no settings of the machine, and no identity; HOME is elsewhere."""
    config = tmp_path / "gitconfig"
    config.write_text("[init]\n\tdefaultBranch = main\n")
    home = tmp_path / "home"
    home.mkdir()
    for key, value in (("GIT_CONFIG_GLOBAL", str(config)), ("GIT_CONFIG_NOSYSTEM", "1"), ("HOME", str(home))):
        monkeypatch.setenv(key, value)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty library. A module that needs another one has its own under this name."""
    made = Library(tmp_path)
    yield made
    made.close()
