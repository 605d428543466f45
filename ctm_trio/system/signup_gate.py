"""Who may sign up: the daemon's own user, and whoever has the sign-up code. Source: PROTOCOL.md, Sign-up and login."""

from __future__ import annotations

import time
from contextlib import suppress

import trio

from ctm_trio.errors.orders import Unavailable
from ctm_trio.errors.users import CodeNeeded, WrongCode
from ctm_trio.model.asker import Asker
from ctm_trio.model.attempts import Attempts
from ctm_trio.system.signup_code import SignupCode

WRONG_CODES = 5
"""So often a sign-up code may be guessed, by all askers together; then there is another one."""


class SignupGate:
    """Asks for the code and counts the guesses.

    Args:
        code: what a stranger needs; None asks nobody for one.
        guesses: how many one asker has.
    """

    def __init__(self, code: SignupCode | None, guesses: Attempts) -> None:
        self._code = code
        self._guesses = guesses
        self._wrong = 0

    async def check(self, asker: Asker, code: str) -> None:
        """Let in whoever may sign up. A code that is sent must be right, whoever sends it.

        Raises:
            CodeNeeded, WrongCode, RateLimited: as they say.
            Unavailable: the code cannot be read.
        """
        if self._code is None or (asker.is_owner and not code):
            return
        if not code:
            raise CodeNeeded
        self._guesses.take(asker.key, time.monotonic())
        try:
            right = await trio.to_thread.run_sync(self._code.is_right, code)
            if not right:
                self._wrong += 1
                if self._wrong >= WRONG_CODES:
                    await trio.to_thread.run_sync(self._code.renew)
                    self._wrong = 0
        except OSError as error:
            raise _unreadable(error) from error
        if not right:
            raise WrongCode

    async def check_again(self, code: str) -> None:
        """The code that was right may have been replaced since (`auth reset`); this is not a guess.

        Raises:
            WrongCode, Unavailable: as `check`.
        """
        if self._code is None or not code:
            return
        try:
            if not await trio.to_thread.run_sync(self._code.is_right, code):
                raise WrongCode
        except OSError as error:
            raise _unreadable(error) from error

    def close(self) -> None:
        """Somebody has signed up: the code is void. Blocks for a small file."""
        if self._code is not None:
            with suppress(OSError):  # there is a user, so it counts no more; the next start removes it
                self._code.void()


def _unreadable(error: OSError) -> Unavailable:
    return Unavailable(f"The sign-up code cannot be read: {error.strerror}.")
