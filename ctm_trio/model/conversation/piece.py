"""The pieces of a conversation, as the lines of a transcript give them."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

RESULT = "result"
"""What a tool answered: no entry of its own, it is shown with its call."""

PROMPT, TEXT, THINKING, TOOL = "prompt", "text", "thinking", "tool"
COMMAND, COMPACTION, NOTICE = "command", "compaction", "notice"

ROLES = {PROMPT: "prompt", TEXT: "answer", THINKING: "answer", TOOL: "tool", RESULT: "tool"}
"""Kind → `role` of a search; the other kinds have none."""


class Tokens(msgspec.Struct, frozen=True):
    """What one message used, in tokens."""

    input: int = 0
    output: int = 0
    cache_creation: int = 0
    cache_read: int = 0


class Image(msgspec.Struct, frozen=True):
    """An image in a line: its type, and its data in base64."""

    media_type: str
    data: str

    @property
    def bytes(self) -> int:
        """Size of the image, without decoding it."""
        return len(self.data) * 3 // 4 - self.data[-2:].count("=")


class Piece(msgspec.Struct):
    """One piece of a line.

    Attributes:
        kind: of the entry, or `RESULT`.
        same: what the copies of a piece have in common, wherever they stand.
        text: the words; of a compaction its summary, of a result what the tool answered.
        images: of a prompt or a result.
        queued: a prompt that was typed while the session was busy.
        opens_turn: a turn of the conversation begins with it.
        output: of a command: what it printed, not what was typed.
        tool, tool_use_id, input: of a call; `input` is decoded JSON. A result has the id.
        is_error, duration_ms, started_agent: of a result.
        patch: of a result: what an edit has changed, as the client's own response has it; None for other tools.
        message, model, tokens: of what the model said: the id of its message, "" otherwise.
    """

    kind: str
    same: str
    text: str = ""
    images: tuple[Image, ...] = ()
    queued: bool = False
    opens_turn: bool = False
    output: bool = False
    tool: str = ""
    tool_use_id: str = ""
    input: Any = None
    is_error: bool = False
    duration_ms: int | None = None
    started_agent: str = ""
    patch: Any = None
    message: str = ""
    model: str = ""
    tokens: Tokens | None = None

    @property
    def number(self) -> int:
        """`number_of` its `same`."""
        return number_of(self.same)


def number_of(same: str) -> int:
    """A 64-bit number of what copies have in common: the key of an entry, the same after every restart."""
    digest = hashlib.blake2b(same.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def entry_id(number: int) -> str:
    """An entry's id on the wire: 16 hex digits."""
    return f"{number & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def parse_entry_id(text: str) -> int | None:
    """The number of an id on the wire; None if it is none."""
    if len(text) != 16 or not all(c in "0123456789abcdef" for c in text):
        return None
    value = int(text, 16)
    return value - (1 << 64) if value >> 63 else value


def call_key(tool_use_id: str) -> str:
    """`same` of a call."""
    return f"call:{tool_use_id}"


def result_key(tool_use_id: str) -> str:
    """`same` of a call's result."""
    return f"result:{tool_use_id}"
