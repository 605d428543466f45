"""Conversations and their entries. Source: PROTOCOL.md, Conversations."""

from __future__ import annotations

from ctm_trio.errors.base import CtmError


class UnknownEntry(CtmError):
    """No such entry in this conversation, or no such image."""

    code, status = "entry_not_found", 404

    def __init__(self) -> None:
        super().__init__("There is no such entry in this conversation.")


class UnknownConversation(CtmError):
    """No transcript with this id is on this machine."""

    code, status = "unknown_conversation", 404

    def __init__(self) -> None:
        super().__init__("There is no conversation with this id on this machine.")


class InvalidResume(CtmError):
    """`resume` is no Claude session id, or `fork` stands without it."""

    code, status = "invalid_resume", 400

    def __init__(self) -> None:
        super().__init__("`resume` must be the id of a conversation (a UUID); `fork` needs it.")


class ConversationTaken(CtmError):
    """A session has this conversation: two clients would write into one transcript."""

    code, status = "conversation_taken", 409

    def __init__(self, name: str, session: object) -> None:
        super().__init__(
            f"The session {name} has this conversation. Resume that session, or start a fork of the conversation.",
            fields={"session": session},
        )
