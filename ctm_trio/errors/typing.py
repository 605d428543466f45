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
        super().__init__(f"Claude Code is no longer running in this session.{what}")


class NotTypeable(CtmError):
    """Nothing can be typed into the client's pane now. Source: PROTOCOL.md, Sessions."""

    code, status = "not_typeable", 409


class NotShown(NotTypeable):
    """The text was typed and did not appear: the input box was seen empty after it."""


class DialogOpen(CtmError):
    """A dialog of the client is open, where a text would be taken for an answer. Source: PROTOCOL.md, Prompts and keys.

    Args:
        typed: the text was typed, but not sent.
        request_id: of the open request that the dialog is, "" if none is known.
        ready: False for a client that has not said yet that it is ready, which is a dialog as far as anybody knows.
    """

    code, status = "dialog_open", 409

    def __init__(self, *, typed: bool = False, request_id: str = "", ready: bool = True) -> None:
        shown = (
            "Claude Code is showing a dialog; answer it first."
            if ready
            else "Claude Code is not ready yet: it is starting, or shows a first-run dialog in the terminal."
        )
        what = "The text was typed, but Enter was not pressed." if typed else "Nothing was typed."
        super().__init__(f"{shown} {what}", fields={"request_id": request_id} if request_id else {})
        self.typed, self.ready = typed, ready


class DraftInTheWay(CtmError):
    """The user's own half-written text is in the input box. Source: PROTOCOL.md, Prompts and keys.

    Args:
        typed: it came while ours was being typed, which was not sent.
        ours: it is the text of a prompt that was typed before, as far as anybody can see.
        box: `model.input_box.InputBox` that was seen, None if nobody says.
    """

    code, status = "draft_in_the_way", 409

    def __init__(self, *, typed: bool = False, ours: bool = False, box: object = None) -> None:
        shown = "A half-written text stands in the input box of the terminal; nothing was typed."
        if typed:
            shown = "Something else was typed into the terminal in the same moment; Enter was not pressed."
        elif ours:
            shown = (
                "The prompt that was typed before still stands in the input box of the terminal, so it was not sent;"
                " nothing was typed. Send or remove it there."
            )
        super().__init__(shown)
        self.typed, self.box = typed, box


class PromptNotFound(CtmError):
    """No prompt of that id in that session."""

    code, status = "prompt_not_found", 404

    def __init__(self) -> None:
        super().__init__("There is no such prompt.")


class PromptNotHeld(CtmError):
    """It was typed already, so it cannot be taken back."""

    code, status = "prompt_not_held", 409

    def __init__(self) -> None:
        super().__init__("This prompt was typed already; it cannot be taken back.")


class KeyUsed(CtmError):
    """The key of a prompt was sent before with another text, which is what was typed or held. Nothing is typed.

    Args:
        prompt: of that key, as its sender sees it.
    """

    code, status = "key_used", 409

    def __init__(self, prompt: dict[str, object]) -> None:
        super().__init__(
            "This key was sent before with another text; nothing was typed. Send a new text with a new key.",
            fields={"prompt": prompt},
        )


class TooManyPrompts(CtmError):
    """The session has as many held prompts as it may have."""

    code, status = "too_many_prompts", 409


class InputSessionNotFound(CtmError):
    """Where the wire spells it with underscores: input."""

    code, status = "session_not_found", 404


class SessionReplaced(InputSessionNotFound):
    """The session that a held prompt was sent to is gone; another one has its name."""

    def __init__(self) -> None:
        super().__init__("The session that it was sent to is gone; the one that has its name now is another.")


class InvalidText(CtmError):
    """What is to be typed is blank, too long, or has control characters."""

    code, status = "invalid_text", 400


class InvalidPreset(CtmError):
    """Not one of the presets."""

    code, status = "invalid_preset", 400


class InvalidKey(CtmError):
    """Not one of the keys."""

    code, status = "invalid_key", 400


class InvalidKeys(CtmError):
    """Not a list of at most sixteen named keys."""

    code, status = "invalid_keys", 400
