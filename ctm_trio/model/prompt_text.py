"""A prompt's text, recognised when the client says that it has it. Pure.

The client changes a text before it says it: it wraps a long paste in a tag of its own, makes spaces of tabs, drops
white space at the ends and characters that nobody sees, and composes letters and accents. So two texts are the same
prompt if their words are. Source: measured with Claude Code 2.1.330.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

_WRAPPED = re.compile(r"</?pasted_content(?: id=\"[^\"]{0,20}\")?>")

_UNSEEN = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Characters without a picture: those of the category Cf, variation selectors and fillers."""

DIGEST_BYTES = 12


def digest(text: str) -> str:
    """A short fingerprint of the words of a prompt, hexadecimal; the same before and after the client's changes."""
    seen = unicodedata.normalize("NFC", _UNSEEN.sub("", _WRAPPED.sub(" ", text)))
    words = " ".join(seen.split())
    return hashlib.blake2b(words.encode(errors="replace"), digest_size=DIGEST_BYTES).hexdigest()
