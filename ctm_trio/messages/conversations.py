"""What the owner of conversations tells."""

from __future__ import annotations

import msgspec


class ConversationsSnapshot(msgspec.Struct, frozen=True):
    """How far the index is, and what was in the way since the daemon started.

    Attributes:
        complete: every transcript that was there is read. behind: how many are not.
        unknown_lines: lines of a kind that nobody knows. long_lines: lines that were left out for their length.
    """

    complete: bool = False
    behind: int = 0
    unknown_lines: int = 0
    long_lines: int = 0
