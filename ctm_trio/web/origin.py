"""Which web pages may talk to us, and under which names we answer. Source: PROTOCOL.md, Origins and hosts."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

Origins = Callable[[], frozenset[str]]
"""The extra origins (environment and file), as of now. Cheap: called for each request."""

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def own_origins(port: int) -> frozenset[str]:
    """The origins of our own dashboard."""
    return frozenset({f"http://127.0.0.1:{port}", f"http://localhost:{port}"})


def host_of(origin: str) -> str:
    """The Host header that a browser sends to an origin: its port only where it is not the scheme's own."""
    try:
        parts = urlsplit(origin)
        default = {"http": 80, "https": 443}.get(parts.scheme)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return name if port in (None, default) else f"{name}:{port}"


class Gate:
    """Answers whether an Origin and a Host are ours.

    Args:
        port: the port that we listen on.
        extra: see `Origins`.
    """

    def __init__(self, port: int, extra: Origins) -> None:
        self._own = own_origins(port)
        self._extra = extra
        self._own_hosts = frozenset(f"{name}:{port}" for name in LOOPBACK_NAMES)
        if port == 80:
            self._own_hosts |= frozenset(LOOPBACK_NAMES)
        self._seen: frozenset[str] = frozenset()
        self._extra_hosts: frozenset[str] = frozenset()

    def origin_ok(self, origin: str) -> bool:
        """True for our own origins and the added ones; exact, as browsers send them."""
        return origin in self._own or origin in self._extra()

    def host_ok(self, host: str) -> bool:
        """True for a loopback name with our port, and for the hosts of added origins."""
        host = host.lower()
        if host in self._own_hosts:
            return True
        extra = self._extra()
        if extra is not self._seen:
            self._seen, self._extra_hosts = extra, frozenset(filter(None, map(host_of, extra)))
        return host in self._extra_hosts
