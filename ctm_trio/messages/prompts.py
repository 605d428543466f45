"""Between the prompts owner and those who send prompts and keys. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ctm_trio.core.channels import Reply
from ctm_trio.model.prompt_record import Prompt, When


@dataclass(frozen=True, slots=True)
class PromptsSnapshot:
    """What the doctor tells. `untyped`: session → why a prompt for it waits, or how the last one failed."""

    untyped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SendPrompt:
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


@dataclass(frozen=True, slots=True)
class HoldPrompt:
    """The first prompt of a session that was just made: held until its client is ready. The reply is the prompt."""

    name: str
    text: str
    reply: Reply[Prompt]


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Take a held prompt back. Fails with InputSessionNotFound, PromptNotFound, PromptNotHeld."""

    name: str
    id: str
    reply: Reply[None]


@dataclass(frozen=True, slots=True)
class ListPrompts:
    """The last prompts of a session, oldest first. Fails with InputSessionNotFound."""

    name: str
    reply: Reply[tuple[Prompt, ...]]


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Press Escape once; the reply is whether the turn has ended. Fails as `SendKeys`."""

    name: str
    reply: Reply[bool]


@dataclass(frozen=True, slots=True)
class SendKeys:
    """Press keys of `model.typing.NAMED_KEYS`. Fails with InputSessionNotFound, TmuxDead, Exited, NotTypeable."""

    name: str
    keys: tuple[str, ...]
    reply: Reply[None]


@dataclass(frozen=True, slots=True)
class SendInput:
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
