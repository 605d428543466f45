"""Between the prompts owner and those who send prompts and keys. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.core.channels import Reply
from ctm_trio.model.prompt_record import Prompt, When


class PromptsSnapshot(msgspec.Struct, frozen=True):
    """What the doctor tells. `untyped`: session → why a prompt for it waits, or how the last one failed."""

    untyped: Mapping[str, str] = msgspec.field(default_factory=dict)


class SendPrompt(msgspec.Struct, frozen=True):
    """Type a prompt now, or once the turn is over. The reply is the prompt, typed or held.

    Args:
        name: of the session. text: of `model.prompt_steps.check_prompt`. key: the sender's idempotency key.
        when: "now" or "idle".

    Fails with InputSessionNotFound, TmuxDead, Exited, NotTypeable, DialogOpen, DraftInTheWay, TooManyPrompts, KeyUsed.
    """

    name: str
    text: str
    key: str
    when: When
    reply: Reply[Prompt]


class HoldPrompt(msgspec.Struct, frozen=True):
    """The first prompt of a session that was just made: held until its client is ready. The reply is the prompt."""

    name: str
    text: str
    reply: Reply[Prompt]


class TakeBack(msgspec.Struct, frozen=True):
    """Take a held prompt back. Fails with InputSessionNotFound, PromptNotFound, PromptNotHeld."""

    name: str
    id: str
    reply: Reply[None]


class ListPrompts(msgspec.Struct, frozen=True):
    """The last prompts of a session, oldest first. Fails with InputSessionNotFound."""

    name: str
    reply: Reply[tuple[Prompt, ...]]


class Interrupt(msgspec.Struct, frozen=True):
    """Press Escape once; the reply is whether the turn has ended. Fails as `SendKeys`."""

    name: str
    reply: Reply[bool]


class SendKeys(msgspec.Struct, frozen=True):
    """Press keys of `model.typing.NAMED_KEYS`. Fails with InputSessionNotFound, TmuxDead, Exited, NotTypeable."""

    name: str
    keys: tuple[str, ...]
    reply: Reply[None]


class SendInput(msgspec.Struct, frozen=True):
    """`POST /api/sessions/{name}/input`: type a text or a preset's words and Enter, or press one key.

    Args:
        text: what is typed. preset: which one it is, "" for a text. key: pressed instead, "" for none.
        asks: by its hooks the session waits for an approval.

    Fails as `SendPrompt` does, and with NotYolo.
    """

    name: str
    text: str
    reply: Reply[None]
    preset: str = ""
    key: str = ""
    asks: bool = False


PromptsMessage = SendPrompt | HoldPrompt | TakeBack | ListPrompts | Interrupt | SendKeys | SendInput
