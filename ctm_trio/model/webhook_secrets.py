"""What of a webhook's settings must not be shown, and how it is taken out of words that an endpoint sends back.

Many servers repeat the path, or the headers, of a request that they refuse; for most services the path is the secret.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, unquote, unquote_plus, urlsplit

MIN_CREDENTIAL = 4
"""A shorter part of a credential is left as it is: taking it out would spoil any text and show where it was."""

MIN_URL_PART = 6
"""A shorter segment of the path, or value of the query, is shown where it stands alone."""

HIDDEN = "…"


def secrets_of(url: str, auth: str = "", secret: str = "") -> frozenset[str]:
    """The texts that must not be shown.

    Args:
        url: faultless; its path and its query, whole, their long parts, and these percent-decoded.
        auth: `webhook_auth`; whole, what stands after its scheme, and of `Basic` also the password.
        secret: `webhook_secret`; whole, and what stands after `whsec_`.
    """
    parts = urlsplit(url)
    found = {
        text for text in (parts.path, unquote(parts.path), parts.query, unquote_plus(parts.query)) if len(text) > 1
    }
    found |= {text for text in _url_parts(parts.path, parts.query) if len(text) >= MIN_URL_PART}
    credentials = {auth, secret, secret.removeprefix("whsec_"), *_after_scheme(auth)}
    return frozenset(found | {text for text in credentials if len(text) >= MIN_CREDENTIAL})


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """The text with `…` for each secret, in whatever case, also as HTML, JSON or a URL would write it."""
    forms = {form for secret in secrets for form in _forms(secret)}
    if not forms:
        return text
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.sub("|".join(map(re.escape, longest_first)), HIDDEN, text, flags=re.IGNORECASE)


def _url_parts(path: str, query: str) -> Iterable[str]:
    for segment in path.split("/"):
        yield segment
        yield unquote(segment)
    for pair in query.split("&"):
        yield pair.partition("=")[2]
    for _, value in parse_qsl(query):
        yield value


def _after_scheme(auth: str) -> Iterable[str]:
    scheme, _, rest = auth.partition(" ")
    rest = rest.strip()
    yield rest
    if scheme.lower() != "basic":
        return
    try:
        known = base64.b64decode(rest, validate=True).decode()
    except (binascii.Error, ValueError):
        return  # not what the scheme asks for: the text itself is hidden
    yield known
    yield known.partition(":")[2]


def _forms(secret: str) -> Iterable[str]:
    yield secret
    yield html.escape(secret)
    for ascii_ in (False, True):
        as_json = json.dumps(secret, ensure_ascii=ascii_)[1:-1]
        yield as_json
        yield as_json.replace("/", "\\/")
    for safe in ("", "/", "/%:@!$&'()*+,;=?"):
        yield quote(secret, safe=safe, errors="replace")
