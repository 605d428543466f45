"""How a prompt is typed so that the client gets exactly its text, as one prompt. Pure.

The client takes a long or many-lined paste for a document and wraps it, runs what begins with `!`, makes a line break
of Enter behind a backslash, and sends along an image whose path stands alone in a line. So a text is cut into short
pastes, and each of the others has a cure of its own.
Source: PROTOCOL.md, Prompts and keys; measured with Claude Code 2.1.330.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from ctm_trio.errors.typing import InvalidText

MAX_BYTES = 100 * 1024
"""Of UTF-8 in a prompt."""

MAX_ESCAPED = 6 * MAX_BYTES
"""Of such a text in JSON, where an `A` may be written as 6 characters; others take no more for each of their bytes."""

CHUNK_CHARS, CHUNK_BREAKS = 700, 2
"""Of one paste: the client wraps one of more than 800 characters, or of more than three lines."""

TAB = 4
"""Spaces that the client makes of a tab."""

MAX_CHUNKS = 600
"""A text that takes more pastes is given as a single one, which the client wraps: each paste costs it a redrawing."""

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""The client removes them in any case, and then wants a second Enter."""

_BREAKS = re.compile("\r\n|[\r\u0085\u2028\u2029]")
_COMMAND = re.compile(r"\s*/[^\s/]+(?:\s|$)")
_EMOJI = re.compile(r"(?:^|\s):[\w+-]{2,}$")
"""The client shows a menu of emoji for such an end, and Enter would take one of them."""

ENDING = frozenset({"exit", "quit", ":q", ":q!", ":wq", ":wq!"})
"""Words at which the client ends, as at `/exit`."""

_NO_COMMAND = re.compile(r"\s*/\s+\S")

_IMAGE = re.compile(r"(?<=\S\.[a-z])(?:ng|pe?g|if|ebp|mp|iff?|vg|eic|vif)\b", re.IGNORECASE)
"""The rest of an image's extension behind its first letter."""


class Steps(msgspec.Struct, frozen=True):
    """What is typed before Enter, in this order.

    Attributes:
        first: a paste of its own, behind which `keys` are pressed; "" for none.
        keys: tmux's names of keys.
        chunks: pastes, one behind the other.
        wrapped: the client will wrap the text as a document.
    """

    chunks: tuple[str, ...]
    first: str = ""
    keys: tuple[str, ...] = ()
    wrapped: bool = False


def check_prompt(text: str) -> str:
    """The text as it is kept: its lines end in line feeds, and what the client removes before it sends is not in it.

    Raises:
        InvalidText: nothing is left, or it is over `MAX_BYTES`, or it has control characters but tabs and line breaks,
            or the client would not take it as a prompt, but end or drop it.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidText("The text has half a character in it.") from None
    if size > MAX_BYTES:
        raise InvalidText(f"The text is longer than {MAX_BYTES} bytes.")
    text = _BREAKS.sub("\n", text)
    if any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in text):
        raise InvalidText("The text must not have control characters but tabs and line breaks.")
    text = _BIDI.sub("", text).rstrip(" \t\n")
    if not any(c.isprintable() and not c.isspace() for c in text):
        raise InvalidText("The text is blank.")
    if text.strip() in ENDING:
        raise InvalidText(f"Claude Code would end at the word {text.strip()!r}; send /exit if that is wanted.")
    if _NO_COMMAND.match(text):
        raise InvalidText("Claude Code takes a slash and a blank at the start for a command, and drops the text.")
    return text


def is_command(text: str) -> bool:
    """True for a slash command, which the client runs without telling its hooks that it got a prompt."""
    return _COMMAND.match(text) is not None


def steps_of(text: str) -> Steps:
    """How a text of `check_prompt` is typed."""
    end = " " if text.endswith("\\") or _EMOJI.search(text) else ""  # the client cuts it off again when it sends
    if text.startswith("!"):
        # Typed before the box has become that of a shell command, and then put right: the cursor goes to the start of
        # the line, the `x` is deleted, and the rest follows behind.
        rest = _cut(text[1:] + end)
        return Steps(rest.chunks, "x!", ("C-a", "DC", "C-e"), rest.wrapped)
    return _cut(text + end)


def _cut(text: str) -> Steps:
    chunks = tuple(_chunks(text))
    if len(chunks) > MAX_CHUNKS:
        return Steps((text,), wrapped=True)
    return Steps(chunks)


def _chunks(text: str) -> Iterator[str]:
    # A paste that ends like the path of an image is looked for on the disk, and comes into the box after Enter.
    borders = {found.start() for found in _IMAGE.finditer(text)}
    chunk: list[str] = []
    size = breaks = 0
    for at, char in enumerate(text):
        width, line = (TAB if char == "\t" else _units(char)), char == "\n"
        full = size + width > CHUNK_CHARS or (line and breaks == CHUNK_BREAKS) or at in borders
        if chunk and full:
            yield "".join(chunk)
            chunk, size, breaks = [], 0, 0
        chunk.append(char)
        size += width
        breaks += line
    if chunk:
        yield "".join(chunk)


def _units(char: str) -> int:
    """The client counts UTF-16 units."""
    return 2 if char > "\uffff" else 1
