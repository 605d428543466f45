"""What is attacked: a daemon, or the web alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import site
from tests.faults.process import Daemon, eventually

__all__ = ["daemon", "site"]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon where nobody has signed up. A module that needs another one has its own under this name."""
    with Daemon(tmp_path) as made:
        made.start(ready=False)
        eventually(made.answers)
        yield made
