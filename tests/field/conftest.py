"""What several field cases need."""

from __future__ import annotations

from tests.tmux_server import server

__all__ = ["server"]
