"""Every failure that a person may see, by name.

`system` and the owners raise these, `web.errors` maps each to a status and a code. An error carries what a client
needs (`fields`) and a message that says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping


class CtmError(Exception):
    """Base of all of them.

    Args:
        message: for people; says what happened and what to do.
        fields: extra keys of the JSON answer, as PROTOCOL.md names them.
    """

    code = "internal"
    status = 500

    def __init__(self, message: str = "", *, fields: Mapping[str, object] | None = None) -> None:
        super().__init__(message or self.code)
        self.message = message or self.code.replace("_", " ")
        self.fields: Mapping[str, object] = fields or {}


class Unavailable(CtmError):
    """An owner did not answer in time, or is being restarted."""

    code, status = "unavailable", 503


class BrokenOff(CtmError):
    """An owner ended in the middle of an order: nobody knows how far it got."""

    code, status = "broken_off", 500

    def __init__(self) -> None:
        super().__init__("This part of the daemon was restarted while it did this; check how far it got.")


class OrderTooLate(CtmError):
    """An order was not done by its deadline, and was cut off there. Source: PROTOCOL.md, Orders."""

    code, status = "too_late", 504

    def __init__(self) -> None:
        super().__init__("It took too long and was stopped; check how far it got before you try again.")


class NotFollowed(CtmError):
    """An order outlasts its request, and the part of the daemon that would keep its answer is down."""

    code, status = "not_followed", 500

    def __init__(self) -> None:
        super().__init__("This is being done, but its end cannot be followed; check how far it got.")


class OrderNotFound(CtmError):
    """No order of that id whose answer is still kept."""

    code, status = "order_not_found", 404

    def __init__(self) -> None:
        super().__init__("There is no such order: answers are kept for ten minutes and do not survive a restart.")


class SessionNotFound(CtmError):
    """No session of that name. Source: PROTOCOL.md, Errors."""

    code, status = "session not found", 404

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no session named {name!r}.", fields={"name": name})


class FileLocked(CtmError):
    """Another program holds a file's lock for too long."""

    code, status = "unavailable", 503


class BrokenConfig(CtmError):
    """`config.json` does not parse; it is never overwritten. Source: PROTOCOL.md, Configuration."""

    code, status = "config_broken", 500


class BadPatch(CtmError):
    """A `PATCH /api/config` that is refused as a whole. Source: PROTOCOL.md, Configuration.

    Args:
        code: what the answer's `error` says, e.g. "unknown key: x".
    """

    status = 400

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code


class BrokenSessions(CtmError):
    """`sessions.json` does not parse; it is never overwritten. Source: PROTOCOL.md, Files and directories."""

    code, status = "sessions_broken", 500


class TmuxFailed(CtmError):
    """tmux cannot be run, did not answer in time, or refused."""

    code, status = "tmux_failed", 500


# ---------------------------------------------- who may do it, and how often (PROTOCOL.md, Authentication)


class MissingToken(CtmError):
    """The request carries no bearer token."""

    code, status = "missing_token", 401

    def __init__(self) -> None:
        super().__init__("Sign in first: this address needs a session token.")


class InvalidToken(CtmError):
    """The token is unknown, revoked, or expired."""

    code, status = "invalid_token", 401

    def __init__(self) -> None:
        super().__init__("Your login has ended; sign in again.")


class ForbiddenOrigin(CtmError):
    """The Origin header is missing or not one of ours."""

    code, status = "forbidden_origin", 403

    def __init__(self) -> None:
        super().__init__("Requests from that origin are not allowed; add it to allowed_origins if it is yours.")


class ForbiddenPeer(CtmError):
    """What takes no token is for programs of the daemon's own user, on its machine."""

    code, status = "forbidden_peer", 403

    def __init__(self) -> None:
        super().__init__("Only programs of the daemon's own user may tell it what happens to sessions.")


class WrongHost(CtmError):
    """The Host header is not a name of this daemon."""

    code, status = "wrong_host", 421

    def __init__(self) -> None:
        super().__init__(
            "The daemon does not answer to this host name; if it is yours, add its origin to allowed_origins."
        )


class RateLimited(CtmError):
    """Too many attempts, or too many open streams.

    Args:
        retry_after_s: whole seconds, at least 1, for the Retry-After header.
    """

    code, status = "rate_limited", 429

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = max(1, retry_after_s)


class TooManyStreams(RateLimited):
    """One user has as many streams open as one user may."""

    code = "too_many_streams"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} streams are open already; close one and try again.", retry_after_s=5)


# ---------------------------------------------------------------- acting on sessions (PROTOCOL.md, Sessions;
# Checkpoints and revert)


class TmuxGone(TmuxFailed):
    """tmux has no such session, or no server at all."""


class TmuxDuplicate(TmuxFailed):
    """tmux has a session of that name already."""


class TmuxWouldEnd(TmuxFailed):
    """The tmux server is known to end on what was asked for."""


class PaneNotReady(TmuxFailed):
    """A pane takes no input now; the message says why."""


class NameExists(CtmError):
    """The name is taken, by a record or by a tmux session that nobody recorded."""

    code, status = "name_exists", 409


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


class InvalidBody(CtmError):
    """The body is not what the route takes."""

    code, status = "invalid_body", 400


class AlreadyRegistered(CtmError):
    """There is a user, and there is only one."""

    code, status = "already_registered", 409

    def __init__(self) -> None:
        super().__init__("Someone has signed up already; sign in instead.")


class CodeNeeded(CtmError):
    """A client not known to be the daemon's own user needs the one-time code to sign up."""

    code, status = "code_needed", 403

    def __init__(self) -> None:
        super().__init__(
            "Signing up from here needs the one-time code; `ctm-trio auth code` shows it on the daemon's machine."
        )


class WrongCode(CtmError):
    """A wrong or expired sign-up code."""

    code, status = "wrong_code", 403

    def __init__(self) -> None:
        super().__init__("That is not the current sign-up code; `ctm-trio auth code` on the daemon's machine shows it.")


class NotRegistered(CtmError):
    """Nobody has signed up."""

    code, status = "not_registered", 404

    def __init__(self) -> None:
        super().__init__("Nobody has signed up yet; sign up first.")


class InvalidCredentials(CtmError):
    """Wrong name or wrong password; which of them is not told."""

    code, status = "invalid_credentials", 401

    def __init__(self) -> None:
        super().__init__("The name or the password is wrong.")


class UnknownHook(CtmError):
    """The CLI posts a lifecycle event that we do not know."""

    code, status = "unknown_hook", 404

    def __init__(self) -> None:
        super().__init__("There is no such lifecycle event.")


class NotConfirmed(CtmError):
    """The body does not repeat the session's name."""

    code, status = "not_confirmed", 400


class NotYolo(CtmError):
    """Only sessions in yolo mode are typed into."""

    code, status = "not_yolo", 403

    def __init__(self) -> None:
        super().__init__(
            "This session is not in yolo mode, so nothing is typed into it from here; attach to it instead."
        )


class TmuxDead(CtmError):
    """The session is recorded, but tmux does not have it."""

    code, status = "tmux_dead", 409

    def __init__(self) -> None:
        super().__init__("The session has ended: tmux does not have it any more.")


class Exited(CtmError):
    """The client has ended, and something else stands in its pane. Source: PROTOCOL.md, Sessions."""

    code, status = "exited", 409

    def __init__(self, *, typed: bool = False) -> None:
        what = " The text was typed, but Enter was not pressed." if typed else ""
        super().__init__(f"Claude Code is no longer running in this session; another program is.{what}")


class NotTypeable(CtmError):
    """Nothing can be typed into the client's pane now. Source: PROTOCOL.md, Sessions."""

    code, status = "not_typeable", 409


class DialogOpen(CtmError):
    """A dialog of the client is open, where a text would be taken for an answer. Source: PROTOCOL.md, Sessions."""

    code, status = "dialog_open", 409

    def __init__(self, *, typed: bool = False) -> None:
        what = "The text was typed, but Enter was not pressed." if typed else "Nothing was typed."
        super().__init__(f"Claude Code is showing a dialog; answer it first, in the terminal. {what}")


class ClientEnded(CtmError):
    """A client that was started has ended at once. Source: PROTOCOL.md, Sessions."""

    code, status = "client_ended", 502

    def __init__(self, words: str) -> None:
        said = f" Its last words: {words}" if words else ""
        super().__init__(f"Claude Code ended as soon as it was started; nothing is left of the session.{said}")


class InputSessionNotFound(CtmError):
    """Where the wire spells it with underscores: input."""

    code, status = "session_not_found", 404


class InvalidText(CtmError):
    """What is to be typed is blank, too long, or has control characters."""

    code, status = "invalid_text", 400


class InvalidPreset(CtmError):
    """Not one of the presets."""

    code, status = "invalid_preset", 400


class InvalidKey(CtmError):
    """Not one of the keys."""

    code, status = "invalid_key", 400


class GitFailed(CtmError):
    """git cannot be run, took too long, or refused."""

    code, status = "git_failed", 500


class RevertFailed(GitFailed):
    """A revert failed half-way. A stash that was made is always named. Source: PROTOCOL.md, Checkpoints and revert."""

    code = "revert_failed"

    def __init__(self, message: str, stashed_as: str) -> None:
        kept = f" The changes are in the stash {stashed_as}." if stashed_as else ""
        super().__init__(message + kept, fields={"stashed_as": stashed_as} if stashed_as else {})
        self.stashed_as = stashed_as


class DirtyWorkdir(CtmError):
    """There are changes that a revert would lose."""

    code, status = "dirty_workdir", 409

    def __init__(self, files: list[str]) -> None:
        super().__init__("There are changes that would be lost; stash them first.", fields={"dirty_files": files})


class RevertRefused(CtmError):
    """A revert that would lose something that cannot be stashed; nothing has changed.

    Args:
        files: what is in the way, for the answer.
    """

    code, status = "revert_refused", 409

    def __init__(self, message: str, files: list[str] | None = None) -> None:
        super().__init__(message, fields={"files": files} if files else {})


class CheckpointNotListed(CtmError):
    """Not the full sha of a listed checkpoint, in a revert."""

    code, status = "sha_not_a_checkpoint", 422

    def __init__(self) -> None:
        super().__init__("That is not the full sha of one of the listed checkpoints.")


class CheckpointNotFound(CtmError):
    """Not a listed checkpoint, in a diff."""

    code, status = "checkpoint_not_found", 404

    def __init__(self) -> None:
        super().__init__("That commit is not one of the listed checkpoints.")


class InvalidSha(CtmError):
    """Not 40 lower-case hex digits (64 in a sha256 repository)."""

    code, status = "invalid_sha", 400

    def __init__(self) -> None:
        super().__init__("A sha is 40 lower-case hex digits (64 in a sha256 repository).")


class MissingSha(CtmError):
    """A revert without a sha."""

    code, status = "missing_sha", 400

    def __init__(self) -> None:
        super().__init__("Say which checkpoint: the sha is missing.")


class InvalidRequest(CtmError):
    """A revert's body is not JSON, or has an unknown key."""

    code, status = "invalid_request", 400


class NoWebhook(CtmError):
    """There is no webhook to test."""

    code, status = "no_webhook", 409
