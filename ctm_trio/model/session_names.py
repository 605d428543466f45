"""A session's name from its directory, where none is given; never the other way round."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Container, Sequence

from ctm_trio.model.session import Session, is_new_name

BASE_LENGTH = 56
"""Characters of a name before the number or the letters that tell it from others."""

_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]+")


def name_of(directory: str) -> str:
    """A name made of a directory's: the same for the same, and another one for another in any script.

    What has no letters that a name may have gets some of its own: `日本語` is `session-…`, not the same as `한국어`.

    Args:
        directory: the last part of a path, "" for `/`.
    """
    letters = unicodedata.normalize("NFKD", directory)
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    name = _NO_NAME.sub("-", plain).strip("-_")[:BASE_LENGTH].rstrip("-_")
    if name and plain.isascii():
        return name
    if not directory:
        return "session"
    whole = unicodedata.normalize("NFC", directory).encode(errors="surrogatepass")
    return f"{name or 'session'}-{hashlib.sha256(whole).hexdigest()[:6]}"


def new_name(base: str, here: Sequence[Session], taken: Container[str], spelled: Callable[[str], str]) -> str | Session:
    """The name of a new session in a directory, where nobody gave one.

    Args:
        base: the directory's own name, as a session's.
        here: the sessions that work in this directory.
        taken: names that others have, as tmux spells them.
        spelled: how tmux spells a name.

    Returns:
        `base` if it is free; the session that has it if it works here; if others have it, the session that works
        here under another name, or else a name with a number.
    """
    if spelled(base) not in taken:
        return base
    for session in here:
        if spelled(session.name) == spelled(base):
            return session
    if here:
        return here[0]
    number, base = 2, base[:BASE_LENGTH]
    while spelled(f"{base}-{number}") in taken:
        number += 1
    return f"{base}-{number}"


def base_name(directory: str) -> str:
    """The directory's own name where a session may be called so, else `name_of` it. Source: PROTOCOL.md, Sessions."""
    return directory if is_new_name(directory) else name_of(directory)
