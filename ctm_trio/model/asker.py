"""Who sends a request, as far as this machine can tell. Source: PROTOCOL.md, Sign-up and login; Rate limits."""

from __future__ import annotations

import ipaddress

import msgspec

V6_NETWORK_BITS = 64
"""One subscriber of the network usually has so much of an IPv6 address to choose from; it counts as one address."""


class Asker(msgspec.Struct, frozen=True):
    """The other end of a request.

    Attributes:
        address: numeric, as the connection has it; never from a header.
        uid: of the program at the other end, None where it cannot be told (it is on another machine, or has gone).
        ours: that uid is the daemon's own.
        gone: this machine tells whose its connections are, and of this one not: its program has closed it already.
        direct: nothing says that the program only passes on what somebody else asks, as a reverse proxy does.
    """

    address: str = ""
    uid: int | None = None
    ours: bool = False
    direct: bool = False
    gone: bool = False

    @property
    def key(self) -> str:
        """What attempts are counted by: users of this machine apart, but all of 127.0.0.0/8 as one address."""
        return f"{address_class(self.address)} {'?' if self.uid is None else self.uid}"

    @property
    def is_other_user(self) -> bool:
        """True for a program of another user of this machine; root can do everything anyway and is none."""
        return self.uid is not None and self.uid != 0 and not self.ours

    @property
    def is_owner(self) -> bool:
        """True if this is a program of the daemon's own user, and nobody stands behind it."""
        return self.ours and self.direct


def is_loopback(address: str) -> bool:
    """True for an address of this machine, also written as an IPv4-mapped IPv6 address."""
    try:
        return _plain(address).is_loopback
    except ValueError:
        return False


def address_class(address: str) -> str:
    """Addresses that one client can have at will are one: 127.0.0.0/8 with ::1, and a /64 of IPv6."""
    try:
        known = _plain(address)
    except ValueError:
        return "?"
    if known.is_loopback:
        return "loopback"
    if known.version == 6:
        return str(ipaddress.ip_network((int(known), V6_NETWORK_BITS), strict=False))
    return str(known)


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    known = ipaddress.ip_address(address.partition("%")[0])
    return (known.ipv4_mapped or known) if isinstance(known, ipaddress.IPv6Address) else known
