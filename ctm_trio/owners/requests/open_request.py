"""An open request, and the hooks that wait for its answer. Source: PROTOCOL.md, Requests."""

from __future__ import annotations

import msgspec
import trio

from ctm_trio.model.dialogs import Dialog
from ctm_trio.model.request_record import Request
from ctm_trio.system.held_hook import HeldHook
from ctm_trio.transcripts.call_result import Mark


class Use(msgspec.Struct):
    """The last call that a thread of a session has begun. `event`: id of its `PreToolUse`."""

    tool: str
    tool_use_id: str
    event: int


class Hold:
    """A hook that waits for the answer to a request.

    Args:
        hook: the hook.
    """

    def __init__(self, hook: HeldHook) -> None:
        self.hook = hook
        self.over = trio.Event()
        """Set when it need not wait any more."""

    def let_go(self) -> None:
        """It need not wait any more."""
        self.over.set()


class Open(msgspec.Struct):
    """An open request.

    Attributes:
        request: as everybody sees it.
        ready: everybody may see it; until then it is known by its event alone, and nobody hears of it if it closes.
        holds: the hooks that wait for its answer.
        dialog: the one in the terminal that it is, None for one that a hook told of, or that was not read again yet.
        seen_waiting: its client has said that a dialog is open since it was asked, or since its hook was let go.
        pid: of its client, 0 if unknown.
        had_client: its client was seen to run.
        held_before: a hook waited for it when the daemon ended.
        mark: where its transcript was when it was asked, None if that is not known.
        sent_to_hook: the last answer was sent to a hook of it, not pressed as keys.
        shown: when its dialog could show, on Trio's clock: a sub-agent's once its hook was let go. 0.0 if not known.
    """

    request: Request
    ready: bool = True
    holds: list[Hold] = msgspec.field(default_factory=list)
    dialog: Dialog | None = None
    seen_waiting: bool = False
    pid: int = 0
    had_client: bool = False
    held_before: bool = False
    mark: Mark | None = None
    sent_to_hook: bool = False
    shown: float = 0.0

    @property
    def shows_dialog(self) -> bool:
        """Its dialog stands in the terminal: a sub-agent's does only after its hook was let go."""
        return not (self.request.asked.agent_id and self.holds)

    @property
    def turn(self) -> tuple[float, float]:
        """Its place among the dialogs of one client, which stand one behind the other."""
        return self.shown, self.request.asked_at
