"""Text that cannot control or reorder a terminal: for everything we print that others wrote.

Names, paths, commands and answers are written by others. Printed as they are, an escape sequence, a C1 control or a
bidirectional override in them would move the cursor, change the clipboard, or show something else than is there.
Imports nothing: the status line, which Claude Code waits for, uses it too.
"""

from __future__ import annotations

KEPT = frozenset(
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u200c\u200d"
)
"""Spaces of other scripts, and the joiners that emoji and some scripts are written with: Python calls them
unprintable, but they do nothing else than they should."""


def harmless(char: str) -> bool:
    """True if a terminal only shows this character.

    Controls (C0, C1), formats such as bidi overrides, lone surrogates, private and unassigned characters may do more.
    """
    return char.isprintable() or char in KEPT


def plain(text: object, instead: str = "?") -> str:
    """Text for one line of a terminal: whatever is not `harmless`, line breaks included, becomes `instead`.

    Args:
        text: anything; it is made a text first.
        instead: "" leaves such characters out.
    """
    known = str(text)
    return known if known.isprintable() else "".join([c if harmless(c) else instead for c in known])


def plain_lines(text: object) -> str:
    """The same for a text of several lines: its line breaks (only LF) stay."""
    return "\n".join([plain(line) for line in str(text).split("\n")])


def plain_json(text: str, *, ascii_only: bool = False) -> str:
    r"""JSON that means the same, with every character that is not `harmless` written as an escape (`\u009b`).

    Args:
        text: JSON. Line breaks between its tokens stay.
        ascii_only: escape everything beyond ASCII, for where nothing else can be written.
    """
    if "".join(text.split("\n")).isprintable() and (text.isascii() or not ascii_only):
        return text
    return "".join([c if c == "\n" or (harmless(c) and (c < "\x7f" or not ascii_only)) else _escape(c) for c in text])


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
