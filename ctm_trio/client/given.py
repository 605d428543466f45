"""What a caller hands over, looked at before anything is done with it: the daemon's address and a token."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from ctm_trio.client.errors import BadInput

PORTS = {"http": 80, "https": 443}

_VISIBLE = re.compile(r"[!-~]*")


class Address(msgspec.Struct, frozen=True):
    """Where a daemon is. `netloc`: host and port as the address has them."""

    host: str
    port: int
    secure: bool
    netloc: str


def parse_address(url: str) -> Address:
    """The parts of a daemon's address.

    Raises:
        BadInput: it is not an http or https address, or its host or port cannot be one.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
        if not host or not port or not _VISIBLE.fullmatch(url):
            raise ValueError
        host.encode("idna")  # as the system's resolver will be asked
    except ValueError:
        raise BadInput(f"{url!r} is not an address; expected one like http://127.0.0.1:37778") from None
    return Address(host, port, parts.scheme == "https", parts.netloc)


def check_token(token: str) -> None:
    """Refuse what cannot be a token, because it cannot be sent in a header.

    Raises:
        BadInput: it has spaces, control characters, or others than those of ASCII.
    """
    if not _VISIBLE.fullmatch(token):
        raise BadInput("The token cannot be used: it has characters that no token has.")
