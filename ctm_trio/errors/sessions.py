"""A session's record and its start. Source: PROTOCOL.md, Sessions."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class SessionNotFound(CtmError):
    """No session of that name, or none that we manage. Source: PROTOCOL.md, Errors.

    Args:
        by_hand: there is one, which somebody started by hand: it is in no record.
    """

    code, status = "session not found", 404

    def __init__(self, name: str, *, by_hand: bool = False) -> None:
        text = f"There is no session named {name!r}."
        if by_hand:
            text = f"The session {name!r} was started by hand and is not managed here: end or start it where it runs."
        super().__init__(text, fields={"name": name})


class NameExists(CtmError):
    """The name is taken, by a record or by a tmux session that nobody recorded."""

    code, status = "name_exists", 409


class StillRuns(CtmError):
    """Something runs in the session's terminal, or its conversation is open elsewhere, so it is not started again."""

    code, status = "still_runs", 409

    def __init__(self, message: str = "") -> None:
        super().__init__(
            message
            or "Something still runs in this session's terminal, so it was not started again: "
            "attach to it, or end the session first."
        )


class BadName(CtmError):
    """Not a session name, or the one it has already."""

    code, status = "bad_name", 400


class BadWorkdir(CtmError):
    """The work directory cannot be used or made."""

    code, status = "bad_workdir", 400


class WorkdirNotAbsolute(BadWorkdir):
    """A relative work directory."""

    code = "workdir_not_absolute"


class WorkdirNotDir(BadWorkdir):
    """The path exists but is not a directory."""

    code = "workdir_not_dir"


class NoClaude(CtmError):
    """`claude` is not on PATH."""

    code, status = "no_claude", 503

    def __init__(self) -> None:
        super().__init__(
            "The program `claude` is not on the daemon's PATH; install it, or start the daemon with its PATH."
        )


class SpawnFailed(CtmError):
    """The session could not be started; nothing is left of it."""

    code, status = "spawn_failed", 500


class NotConfirmed(CtmError):
    """The body does not repeat the session's name."""

    code, status = "not_confirmed", 400


class ClientEnded(CtmError):
    """A client that was started has ended at once. Source: PROTOCOL.md, Sessions."""

    code, status = "client_ended", 502

    def __init__(self, words: str, left: str = "nothing is left of the session") -> None:
        said = f" Its last words: {words}" if words else ""
        super().__init__(f"Claude Code ended as soon as it was started; {left}.{said}")
        self.words = words
