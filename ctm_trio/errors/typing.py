"""What is typed into a session. Source: PROTOCOL.md, Sessions."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


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
