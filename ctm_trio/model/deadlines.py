"""How long each order may take: one table for the page, the web and the owners. Source: PROTOCOL.md, Orders."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """The times of one kind of order, in seconds from when the web has it.

    Attributes:
        deadline_s: by then it is over, well or not: its owner cuts it off.
        answer_s: by then the web answers; what is still under way is answered 202, with where to look.
    """

    deadline_s: float
    answer_s: float = 10.0


CREATE, RESUME, KILL, FORGET, RENAME, INPUT = "create", "resume", "kill", "forget", "rename", "input"
REVERT, CONFIG, WEBHOOK_TEST, HOOK = "revert", "config", "webhook_test", "hook"
ANSWER = "answer"
PROMPT, KEYS = "prompt", "keys"

LIMITS: Mapping[str, Limits] = MappingProxyType(
    {
        CREATE: Limits(60.0),  # a checkpoint of a large work directory is several git commands of 10 s
        RESUME: Limits(60.0),
        KILL: Limits(20.0),
        FORGET: Limits(20.0),
        RENAME: Limits(30.0),
        INPUT: Limits(15.0),
        REVERT: Limits(90.0),  # about twenty-five git commands, each of 10 s at most and mostly of some milliseconds
        CONFIG: Limits(20.0),
        WEBHOOK_TEST: Limits(30.0, answer_s=12.0),  # a try takes 10 s at most, and another test may be before it
        HOOK: Limits(20.0),
        ANSWER: Limits(20.0, answer_s=12.0),  # a hook says within 5 s that it printed; another answer may be before it
        PROMPT: Limits(30.0),  # it is typed to its end, for half a text would stay in the input box
        KEYS: Limits(20.0),
    }
)


def wire() -> dict[str, dict[str, float]]:
    """The table as a client gets it: kind → `deadline_s`, `answer_s`."""
    return {kind: {"deadline_s": limits.deadline_s, "answer_s": limits.answer_s} for kind, limits in LIMITS.items()}
