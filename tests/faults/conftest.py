"""What several tests of faults need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.process import Daemon
from tests.faults.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Journal and tailers over an empty directory."""
    return Rig(tmp_path)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that has not been started. A module that needs another one has its own under this name."""
    with Daemon(tmp_path) as made:
        yield made
