"""Between the sessions owner and those who ask it for something. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.core.channels import Reply
from ctm_trio.model.panes import Pane
from ctm_trio.model.session import Session


class SessionsSnapshot(msgspec.Struct, frozen=True):
    """All sessions, and what tmux says.

    Attributes:
        records: by name: those of `sessions.json` in the order of the file, then the unmanaged ones.
        alive: names of the tmux sessions that exist (all of them, not only ours), and of the unmanaged sessions.
        tmux_known: False until tmux was asked once, or if tmux cannot be asked at all.
        problem: why `sessions.json` could not be read, or "".
        tmux_problem: why tmux cannot be asked, so that `alive` is what it said last; "" while it answers.
        panes: all panes of the tmux server, as it said last, each with whether a shell waits in it.
    """

    records: Mapping[str, Session] = msgspec.field(default_factory=dict)
    alive: frozenset[str] = frozenset()
    tmux_known: bool = False
    problem: str = ""
    tmux_problem: str = ""
    panes: tuple[Pane, ...] = ()


class LookAtTmux(msgspec.Struct, frozen=True):
    """Something has begun or ended: ask tmux now rather than with the next look. No answer: the snapshot tells."""


class FoundUnmanaged(msgspec.Struct, frozen=True):
    """The sessions that nobody recorded, by name: all that there are now. No answer: the snapshot has them."""

    sessions: Mapping[str, Session]


class Lifecycle(msgspec.Struct, frozen=True):
    """A lifecycle event that the CLI posted (`/api/hooks/{event}`). Answered once it is recorded and published."""

    event: str
    fields: Mapping[str, str]
    reply: Reply[None]


class CreateSession(msgspec.Struct, frozen=True):
    """`POST /api/sessions`. The answer is the new record, after tmux runs it and the file has it.

    `name` None: the directory's, or another one like it if a session that works elsewhere has that.
    `resume`: the conversation to go on with, "" to begin one; `fork`: in one of its own that begins with it.
    """

    workdir: str
    name: str | None
    initial_prompt: str
    mode: str
    reply: Reply[Session]
    resume: str = ""
    fork: bool = False


class KillSession(msgspec.Struct, frozen=True):
    """End the tmux session; already gone is fine."""

    name: str
    reply: Reply[Session]


class ResumeSession(msgspec.Struct, frozen=True):
    """Start a session that has ended again, in its mode and with its conversation. The answer is its record.

    Fails with SessionNotFound, StillRuns, and what starting a session fails with.
    """

    name: str
    reply: Reply[Session]


class ForgetSession(msgspec.Struct, frozen=True):
    """Drop the record, keep the log."""

    name: str
    reply: Reply[Session]


class RenameSession(msgspec.Struct, frozen=True):
    """tmux first, then the file; undone if the second fails."""

    name: str
    to: str
    reply: Reply[Session]


class AdoptUuid(msgspec.Struct, frozen=True):
    """The session's process went on under a new Claude session id (`/clear`, `/resume`, a fork): the record follows.

    Sent by the attribution owner. It is tried until it is done, or until another one for that session comes.

    Args:
        name: of the session.
        uuid: its new Claude session id.
        was: the one that its record had, "" if the name alone tells. A record that has another one by now is another
            session, or has followed already; a renamed one is still found.
    """

    name: str
    uuid: str
    was: str = ""


SessionsMessage = (
    Lifecycle
    | CreateSession
    | ResumeSession
    | KillSession
    | ForgetSession
    | RenameSession
    | AdoptUuid
    | LookAtTmux
    | FoundUnmanaged
)
