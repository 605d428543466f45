"""Who may stay connected: the least useful connection makes room, and no single user can take all connections.

Every program of the machine may connect, so 512 idle connections of somebody else must not lock the owner out.
Source: PROTOCOL.md, Connections and limits.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Protocol

MAX_CONNECTIONS = 512
"""Open connections. Twice the bound on streams."""

RESERVE_PART = 4
"""One place in so many is kept for programs of the owner and for those who are signed in."""

USER_PART = 2
"""One other user of the machine may have one place in so many, unless they are signed in."""


class Guest(Protocol):
    """A connection.

    Attributes:
        uid: of the program at the other end, None where it cannot be told.
        trusted: it has sent a valid token.
        idle: no request of it is being answered; its head may be on the way.
        served: it has sent a whole request before.
    """

    @property
    def uid(self) -> int | None: ...

    @property
    def trusted(self) -> bool: ...

    @property
    def idle(self) -> bool: ...

    @property
    def served(self) -> bool: ...

    def evict(self) -> None:
        """Cut it now; nothing of it is in flight."""


class Room:
    """The connections that are open.

    Args:
        places: how many there may be.
    """

    def __init__(self, places: int = MAX_CONNECTIONS) -> None:
        self._places = places
        self._for_strangers = places - places // RESERVE_PART
        self._for_a_user = max(1, places // USER_PART)
        self._guests: dict[Guest, None] = {}  # oldest first
        self._me = os.geteuid()

    def make_place(self, uid: int | None) -> bool:
        """See to it that a connection of this user may come in. False: it may not, everything useful is taken.

        A connection that is cut for it is the least useful one, the oldest of its kind first.
        """
        if len(self._guests) < min(self._for_a_user, self._for_strangers):
            return True
        if uid == self._me:
            return len(self._guests) < self._places or self._cut(self._guests)
        strangers = [guest for guest in self._guests if self._is_stranger(guest)]
        theirs = [guest for guest in strangers if uid is not None and guest.uid == uid]
        if len(theirs) >= self._for_a_user:
            return self._cut(theirs)
        if len(strangers) >= self._for_strangers or len(self._guests) >= self._places:
            return self._cut(strangers)
        return True

    def enter(self, guest: Guest) -> None:
        """It is connected."""
        self._guests[guest] = None

    def leave(self, guest: Guest) -> None:
        """It is not any more. Harmless if it was cut."""
        self._guests.pop(guest, None)

    def _is_stranger(self, guest: Guest) -> bool:
        return not guest.trusted and guest.uid != self._me

    def _usefulness(self, guest: Guest) -> tuple[bool, bool]:
        return not self._is_stranger(guest), guest.served

    def _cut(self, among: Iterable[Guest]) -> bool:
        victim = min((guest for guest in among if guest.idle), key=self._usefulness, default=None)
        if victim is None:
            return False
        self.leave(victim)
        victim.evict()
        return True
