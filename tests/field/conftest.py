"""What several field cases need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tmux_server import PrivateTmux, private_tmux


@pytest.fixture
def server() -> Iterator[PrivateTmux]:
    """A private tmux server with a fake claude."""
    with private_tmux() as server:
        yield server
