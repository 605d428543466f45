"""The hash of a password, a few at a time and never for long. Source: PROTOCOL.md, Sign-up and login."""

from __future__ import annotations

from functools import partial

import trio
from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw

from ctm_trio.errors.orders import Unavailable
from ctm_trio.system.user_file import HashParams

HASH_LIMIT_S = 20.0
"""How long a login waits for its turn and the hash together. A `user.json` may ask for more work than that."""

HASHES_AT_ONCE = 2
"""Argon2 runs that may go on side by side: each takes 64 MiB and a core."""

MAX_WAITING = 16
"""Logins that may wait for a turn; the next one is told to come back (503)."""


class PasswordHashes:
    """Argon2id in threads."""

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(HASHES_AT_ONCE)

    async def run(self, password: str, salt: bytes, params: HashParams) -> bytes:
        """The hash of a password.

        Raises:
            Unavailable: too many wait already, it took too long, or there is not enough memory.
        """
        if self._limiter.statistics().tasks_waiting >= MAX_WAITING:
            raise Unavailable("Too many logins are waiting; try again in a few seconds.")
        data = password.encode(errors="replace")
        try:
            work = partial(
                hash_password, data, salt, params
            )  # left alone on a cancel: nobody needs it, and it touches nothing
            with trio.fail_after(HASH_LIMIT_S):  # left alone then: nobody needs it, and it touches nothing
                return await trio.to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)
        except trio.TooSlowError:
            raise Unavailable("The password could not be checked in time; try again later.") from None
        except HashingError as error:
            raise Unavailable("The password cannot be checked now; there is not enough memory.") from error


def hash_password(password: bytes, salt: bytes, params: HashParams) -> bytes:
    """Argon2id of a password. Takes a core and the memory that the parameters say: call it in a thread."""
    return hash_secret_raw(password, salt, params.t, params.m, params.p, params.hash_len, Type.ID)
