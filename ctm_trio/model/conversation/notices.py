"""What is told beside the conversation: interrupts, reports of background tasks and teammates, errors."""

from __future__ import annotations

from ctm_trio.model.conversation.piece import NOTICE, Piece
from ctm_trio.model.conversation.tags import plain, within

INTERRUPTED = "[Request interrupted by user"
"""How the client marks an interrupt in a transcript."""

_TEAMMATE = "Another Claude session sent a message:"


def notice(same: str, text: str) -> Piece:
    """A notice with these words."""
    return Piece(NOTICE, same, plain(text))


def is_interrupt(text: str) -> bool:
    """True if a text of a user's line is the client's mark of an interrupt."""
    return text.lstrip().startswith(INTERRUPTED)


def is_report(text: str) -> bool:
    """True if a text in a prompt's place was written by the client: a task's or a teammate's report."""
    return text.lstrip().startswith(("<task-notification>", _TEAMMATE))


def report_text(text: str) -> str:
    """A report in words: its summary, and the result if there is one."""
    parts = [(within(text, tag) or "").strip() for tag in ("summary", "result")]
    told = "\n\n".join(part for part in parts if part)
    return told or text.strip()
