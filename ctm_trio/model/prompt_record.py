"""A prompt through its life: held, then typed, then delivered, queued or failed.

Source: PROTOCOL.md, Prompts and keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from ctm_trio.model.session import Session
from ctm_trio.model.times import format_time, parse_time

HELD: Final = "held"
TYPED: Final = "typed"
DELIVERED: Final = "delivered"
QUEUED: Final = "queued"
FAILED: Final = "failed"

NOW: Final = "now"
IDLE: Final = "idle"

State = Literal["held", "typed", "delivered", "queued", "failed"]
When = Literal["now", "idle"]

EVENT_CHARS = 200
"""Characters of its text in an event."""

NOT_SEEN: Final = "not_seen"
"""The error of a prompt of which the client never said that it has it."""

TAKEN_BACK: Final = "taken_back"
"""The error of a held prompt that its sender has taken back."""


class Prompt(msgspec.Struct, frozen=True):
    """One prompt.

    Attributes:
        id: unguessable. session: whom it is for; a renamed session takes its prompts along.
        text: as `model.prompt_steps.check_prompt` gives it.
        key: the sender's idempotency key; "" for the initial prompt of a session.
        when: "now", or "idle": once the turn is over.
        at: when it was sent, unix seconds.
        initial: it is the first prompt of a session that was made with it.
        typed_at: when typing began, unix seconds, 0.0 before. uuid: the client's Claude session id then.
        digest: `model.prompt_text.digest` of the text. command: it is a slash command.
        busy: a turn was under way when it was typed. wrapped: the client wraps it as a document.
        reason: why it waits, or how it ended, for people. error: of a failed one, a code.
        made, workdir: of the session's record when it was sent: when it was made, and where. A prompt that an older
            program of ours has kept says neither.
    """

    id: str
    session: str
    text: str
    key: str
    when: When
    at: float
    state: State = "held"
    initial: bool = False
    typed_at: float = 0.0
    uuid: str = ""
    digest: str = ""
    command: bool = False
    busy: bool = False
    wrapped: bool = False
    reason: str = ""
    error: str = ""
    made: str | None = None
    workdir: str = ""

    @property
    def is_open(self) -> bool:
        """Something will still come of it."""
        return self.state in (HELD, TYPED)


CREATED_S = 1.0
"""Some programs write when a session was made to the second."""


def belongs(prompt: Prompt, record: Session) -> bool:
    """Whether a prompt was sent to this session, as far as anybody knows: its name says nothing.

    A name may have been forgotten and used again. `/clear`, a resume in the client and a fork give the record another
    uuid, a rename another name; when and where it was made stays.
    """
    if prompt.made is None:
        made = parse_time(record.created_at) if record.created_at else None
        return made is None or prompt.at >= made - CREATED_S
    same = prompt.workdir == record.workdir or _same_uuid(prompt, record)
    return same and _moment(prompt.made) == _moment(record.created_at)


def surely_belongs(prompt: Prompt, record: Session) -> bool:
    """The same without doubt. A record that does not say when it was made is known by its uuid alone."""
    return belongs(prompt, record) and (bool(prompt.made) or _same_uuid(prompt, record))


def _moment(text: str) -> float | str:
    """A time of a record; another program that rewrites the file may spell it in another way."""
    at = parse_time(text)
    return text if at is None else at


def _same_uuid(prompt: Prompt, record: Session) -> bool:
    return prompt.uuid != "" and prompt.uuid == record.uuid


def home_of(prompt: Prompt, records: Mapping[str, Session]) -> Session | None:
    """The session that a prompt was sent to, by whatever name it goes now; None if there is none, or no telling."""
    found = [record for record in records.values() if surely_belongs(prompt, record)]
    exact = [record for record in found if _same_uuid(prompt, record)] or [r for r in found if r.name == prompt.session]
    sure = exact or found
    return sure[0] if len(sure) == 1 else None


def public_prompt(prompt: Prompt) -> dict[str, object]:
    """A prompt as clients see it; what is unknown is left out."""
    shown: dict[str, object] = {
        "id": prompt.id, "state": prompt.state, "text": prompt.text, "when": prompt.when, "at": format_time(prompt.at)
    }  # fmt: skip
    if prompt.typed_at:
        shown["typed_at"] = format_time(prompt.typed_at)
    optional = {"reason": prompt.reason, "error": prompt.error, "wrapped": prompt.wrapped}
    return {**shown, **{key: value for key, value in optional.items() if value}}


def sent_prompt(prompt: Prompt) -> dict[str, object]:
    """The answer to whoever sent it: all but the text."""
    shown = public_prompt(prompt)
    del shown["text"]
    return shown


def prompt_payload(prompt: Prompt) -> bytes:
    """The payload of `prompt_sent`, `prompt_delivered` and `prompt_failed`."""
    fields: dict[str, object] = {
        "session": prompt.session, "id": prompt.id, "state": prompt.state, "text": prompt.text[:EVENT_CHARS]
    }  # fmt: skip
    optional = {"reason": prompt.reason, "error": prompt.error}
    return msgspec.json.encode({**fields, **{key: value for key, value in optional.items() if value}})
