"""An auth store with one token that the test makes void. For tests of the streams alone."""

from __future__ import annotations

from ctm_trio.errors.access import InvalidToken
from ctm_trio.model.asker import Asker


class OneToken:
    """Its token is `token`.

    Attributes:
        good: the token counts.
        asked: how often somebody looked at it.
    """

    def __init__(self) -> None:
        self.known_revision = 0
        self.good = True
        self.asked = 0

    def void(self) -> None:
        """The token counts no more."""
        self.good = False
        self.known_revision += 1

    def is_registered(self) -> bool:
        """Somebody has."""
        return True

    def revision(self) -> int:
        """There is no file to look at."""
        return self.known_revision

    def check(self, token: str) -> bool:
        """What the test says."""
        self.asked += 1
        return self.good and token == "token"

    async def signup(self, username: str, password: str, asker: Asker, code: str = "") -> str:
        """Nobody does."""
        raise InvalidToken

    async def login(self, username: str, password: str, asker: Asker) -> str:
        """Nobody does."""
        raise InvalidToken

    async def logout(self, token: str) -> None:
        """Nobody does."""
