"""Nothing secret is said to another user's program that has taken the daemon's port. Source: PROTOCOL.md, CLI."""

from __future__ import annotations

from ctm_trio.client.errors import Stranger
from ctm_trio.client.given import parse_address
from ctm_trio.system.peers import Address, is_foreign, listener_uid, server_uid

LOCAL_NAMES = {"localhost": ("127.0.0.1", "::1")}
"""Names of this machine, and where a program may listen for them."""


def check_listener(url: str) -> None:
    """Look who listens at an address of this machine, before a connection is made.

    Only root's programs and our own are believed. An address elsewhere, and what cannot be told, is not judged.

    Raises:
        Stranger: a program of another user does. BadInput: it is not an address.
    """
    where = parse_address(url)
    for address in LOCAL_NAMES.get(where.host, (where.host,)):
        _refuse(listener_uid(where.port, address), where.port)


def check_connection(ours: Address, theirs: Address) -> None:
    """The same for a connection that stands, before anything is sent over it.

    Args:
        ours, theirs: its two ends, ours first.

    Raises:
        Stranger: a program of another user serves it.
    """
    _refuse(server_uid(ours[:2], theirs[:2]), theirs[1])


def _refuse(uid: int | None, port: int) -> None:
    if is_foreign(uid):
        raise Stranger(
            f"Port {port} of this machine is held by a program of another user (uid {uid}), so nothing was sent to it."
        )
