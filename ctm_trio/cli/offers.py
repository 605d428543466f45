"""What a shell offers for an argument: said where the argument is declared, read by `completion`."""

from __future__ import annotations

import argparse
from typing import Literal

Offer = Literal["sessions", "directories", "files", "choices"]


def offer(action: argparse.Action, what: Offer) -> None:
    """Say what an argument is chosen from; without this the shell offers its `choices`, or nothing."""
    action.offer = what  # type: ignore[attr-defined]


def offered(action: argparse.Action) -> Offer | None:
    """What was said of an argument."""
    return getattr(action, "offer", None)
