"""What several unit tests need."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def own_git_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git sees no settings of the machine, and no identity; HOME is elsewhere."""
    config = tmp_path / "gitconfig"
    config.write_text("[init]\n\tdefaultBranch = main\n")
    home = tmp_path / "home"
    home.mkdir()
    for key, value in (("GIT_CONFIG_GLOBAL", str(config)), ("GIT_CONFIG_NOSYSTEM", "1"), ("HOME", str(home))):
        monkeypatch.setenv(key, value)
