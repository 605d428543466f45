"""What tmux refuses."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class TmuxFailed(CtmError):
    """tmux cannot be run, did not answer in time, or refused."""

    code, status = "tmux_failed", 500


class TmuxGone(TmuxFailed):
    """tmux has no such session, or no server at all."""


class TmuxDuplicate(TmuxFailed):
    """tmux has a session of that name already."""


class TmuxWouldEnd(TmuxFailed):
    """The tmux server is known to end on what was asked for."""


class PaneNotReady(TmuxFailed):
    """A pane takes no input now; the message says why."""


class ScreenChanged(PaneNotReady):
    """A pane did not show what it must in the moment of a key, which was not pressed."""
