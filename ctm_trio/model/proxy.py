"""Which proxy a request goes through, as the environment says. Pure.

What cannot be understood in `no_proxy` is left out, and this machine itself is always reached directly.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

_PORT = re.compile(r"\d{1,5}", re.ASCII)
_PORTS = {"http": 80, "https": 443}
KINDS = ("http", "https", "socks5", "socks5h")
"""Kinds of proxies that the HTTP client knows."""

MAX_ENTRIES = 1000
"""Entries of `no_proxy` that are looked at."""


class Proxy(msgspec.Struct, frozen=True):
    """A proxy of the environment. `variable`: where it stands; `url`: with its scheme, and perhaps a password."""

    variable: str
    url: str

    @property
    def shown(self) -> str:
        """The setting for people, without user and password."""
        scheme, _, rest = self.url.partition("://")
        return f"{self.variable}={scheme}://{rest.rpartition('@')[2]}"[:200]


def proxy_for(url: str, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy for a faultless `http` or `https` address, None if it is reached directly.

    The variables are `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`; the lower-case name goes first, as with
    curl. Loopback addresses need no proxy, whatever the environment says.
    """
    parts = urlsplit(url)
    scheme, host = parts.scheme, (parts.hostname or "").rstrip(".")
    port = parts.port or _PORTS.get(scheme, 0)
    if is_loopback(host) or _exempt(host, port, _read(environment, "no_proxy")[1]):
        return None
    for name in (f"{scheme}_proxy", "all_proxy"):
        variable, value = _read(environment, name)
        if value:
            return Proxy(variable, value if "://" in value else f"http://{value}")
    return None


def proxy_fault(proxy: Proxy) -> str:
    """What is wrong with a proxy's address, for people; "" if nothing is."""
    if proxy.url.partition("://")[0].lower() not in KINDS:
        return f"The proxy setting {proxy.shown} cannot be used: it must start with http://, https:// or socks5://."
    try:
        parts = urlsplit(proxy.url)
        well = bool(parts.hostname) and parts.port != 0
    except ValueError:
        well = False
    if not well or any(ord(c) <= 32 or ord(c) == 127 for c in proxy.url):
        return f"The proxy setting {proxy.shown} is not a valid address."
    return ""


def is_loopback(host: str) -> bool:
    """True for `localhost`, names under it, and the loopback addresses of both kinds."""
    host = host.lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    if address is None:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def _read(environment: Mapping[str, str], name: str) -> tuple[str, str]:
    for variable in (name, name.upper()):
        value = environment.get(variable, "").strip()
        if value:
            return variable, value
    return name, ""


def _exempt(host: str, port: int, no_proxy: str) -> bool:
    entries = [entry for entry in re.split(r"[,\s]+", no_proxy, maxsplit=MAX_ENTRIES)[:MAX_ENTRIES] if entry]
    return any(_matches(host.lower(), port, entry.lower()) for entry in entries)


def _matches(host: str, port: int, entry: str) -> bool:
    """One entry: `*`, a name (with the names under it), an address, a network, each perhaps with a port."""
    if entry == "*":
        return True
    name, wanted = _split_port(entry.partition("://")[2] or entry)
    if wanted is not None and wanted != port:
        return False
    address = _address(host)
    if address is not None:
        try:
            return address in ipaddress.ip_network(name, strict=False)
        except ValueError:
            return False
    name = name.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, int(rest[1:]) if rest[:1] == ":" and _PORT.fullmatch(rest[1:]) else None
    name, colon, port = entry.rpartition(":")
    if colon and ":" not in name and _PORT.fullmatch(port):
        return name, int(port)
    return entry, None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
