"""The one user and the login tokens. Source: PROTOCOL.md, Sign-up and login; Tokens."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from pathlib import Path
from typing import NoReturn

import trio

from ctm_trio.errors.orders import Unavailable
from ctm_trio.errors.users import AlreadyRegistered, InvalidCredentials, NotRegistered
from ctm_trio.model.asker import Asker
from ctm_trio.model.attempts import Attempts
from ctm_trio.system.files import Stamp, atomic_write, ensure_private_dir
from ctm_trio.system.password_hash import PasswordHashes
from ctm_trio.system.signup_code import SignupCode
from ctm_trio.system.signup_gate import SignupGate
from ctm_trio.system.tokens import AnotherUser, TokenFile
from ctm_trio.system.user_file import HashParams, User, encode_user, new_salt, read_user, user_stamp

log = logging.getLogger("ctm.auth")

ATTEMPTS = 5
WINDOW_S = 60.0
"""So many logins from one asker in so many seconds; more is 429. So many sign-up codes too.
Source: PROTOCOL.md, Rate limits."""

LOOK_EVERY_S = 0.25
"""How often `user.json` is looked at, at most. Source: PROTOCOL.md, Tokens."""

FOLLOW_S = 2.0
"""How often it is looked at while nobody asks, and how often it is tried to save the tokens while that fails."""


class UserStore:
    """Sign-up, login and tokens of the one user; what the web knows as its `AuthStore`.

    `check`, `is_registered` and `revision` never wait: at most four times a second they `stat` the user's file.
    `follow` does so while nobody asks.

    Args:
        user_path: `user.json`; it may appear and vanish at any time.
        tokens_path: where the tokens' SHA-256 are kept, so that a restart logs nobody out.
        seed: a token that is valid from the start, for tests and embedding; "" for none. It is never written.
        code: what a stranger needs to sign up; None asks nobody for one.
    """

    def __init__(self, user_path: Path, tokens_path: Path, *, seed: str = "", code: SignupCode | None = None) -> None:
        self._path = user_path
        self._tokens = TokenFile(tokens_path)
        self._seed = hashlib.sha256(seed.encode()).digest() if seed else b""
        self._hashes = PasswordHashes()
        self._writing = trio.Lock()
        self._logins = Attempts(ATTEMPTS, WINDOW_S)
        self._gate = SignupGate(code, Attempts(ATTEMPTS, WINDOW_S))
        self._stamp = Stamp()
        self._look_at = 0.0
        self._user: User | None = None
        self.known_revision = 0
        self._told = False
        """It was said that the tokens cannot be saved."""
        self._look()
        self._tokens.load(self._user.mark if self._user else "")

    # -- what every request asks

    def is_registered(self) -> bool:
        """True if somebody has signed up. A file that we cannot read counts, so that nobody can sign up over it."""
        self._refresh()
        return self._stamp != Stamp()

    def revision(self) -> int:
        """Rises whenever a token that was valid may be so no longer; long-lived streams look at it."""
        self._refresh()
        return self.known_revision

    def check(self, token: str) -> bool:
        """True if the token is valid now."""
        self._refresh()
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        # Looked up by its hash: how long that takes tells nothing about any token.
        return self._tokens.valid(digest) or (self._seed != b"" and hmac.compare_digest(digest, self._seed))

    def _refresh(self) -> None:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._look()

    def _look(self) -> None:
        found = user_stamp(self._path)
        unread = self._user is None and found != Stamp()  # a `chmod` that mends it changes no stamp
        if found == self._stamp and not unread:
            return
        if found == Stamp() and not self._path.parent.is_dir():
            return  # the whole directory is away (moved, not mounted): that says nothing of the user
        vanished = found == Stamp()
        self._stamp = found
        self._user = None if vanished else read_user(self._path)
        void = self._tokens.belong_to(self._user.mark if self._user else "")
        if vanished and self._seed:
            self._seed, void = b"", True
        if void:
            self.known_revision += 1

    async def follow(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> NoReturn:
        """Look at the user's file also while nobody asks, and save the tokens again while their file is behind.

        Tokens that are void must not be found in their file by the next start. Runs until cancelled; then they are
        saved a last time.
        """
        task_status.started()
        try:
            while True:
                self._refresh()
                if self._tokens.behind:
                    await self._catch_up()
                await trio.sleep(FOLLOW_S)
        finally:
            with trio.CancelScope(shield=True):
                await self._catch_up()

    async def _catch_up(self) -> None:
        """Have the tokens' file say what is held here, if that can be done now."""
        async with self._writing:
            try:
                # A directory that is away (moved, not mounted) is not made anew for this.
                if self._tokens.behind and self._path.parent.is_dir():
                    await trio.to_thread.run_sync(self._tokens.save)
                self._told = False
            except OSError as error:
                if not self._told:
                    log.warning("tokens that are void cannot be removed from their file: %s", error.strerror)
                self._told = True

    # -- what changes things

    async def signup(self, username: str, password: str, asker: Asker, code: str = "") -> str:
        """Make the one user and return a token.

        Args:
            asker: whoever is not the daemon's own user needs the sign-up code.
            code: as it was typed, "" for none. One that is sent must be right, whoever sends it.

        Raises:
            AlreadyRegistered: there is one.
            CodeNeeded, WrongCode, RateLimited: as they say.
            Unavailable: too many logins wait already, or the file cannot be written.
        """
        async with self._writing:
            self._must_be_free()
            await self._gate.check(asker, code)
            params, salt = HashParams(), new_salt()
            digest = await self._hashes.run(password, salt, params)
            self._must_be_free()
            await self._gate.check_again(code)
            self._must_be_free()
            user = User(username.encode(), params, salt, digest)
            try:
                await trio.to_thread.run_sync(self._write_user, encode_user(user))
            except OSError as error:
                raise Unavailable(f"The user cannot be saved: {error.strerror}.") from error
            try:
                return await self._new_token(user.mark)
            except AnotherUser:
                raise AlreadyRegistered from None

    def _must_be_free(self) -> None:
        """Look whether nobody has signed up; asked again after each wait, in which another program may have done it."""
        self._look()
        if self._stamp != Stamp():
            raise AlreadyRegistered

    def _write_user(self, data: bytes) -> None:
        ensure_private_dir(self._path.parent)
        atomic_write(self._path, data)
        self._gate.close()

    async def login(self, username: str, password: str, asker: Asker) -> str:
        """A new token for the right name and password; both wrong ways take the same time.

        Args:
            asker: for the rate limit; every attempt counts, also while nobody has signed up.

        Raises:
            NotRegistered, InvalidCredentials, RateLimited: as they say.
            Unavailable: too many logins wait already.
        """
        self._logins.take(asker.key, time.monotonic())
        self._look()
        user = self._user
        if user is None:
            if self._stamp != Stamp():
                raise Unavailable("user.json cannot be read; repair or delete it.")
            raise NotRegistered
        digest = await self._hashes.run(password, user.salt, user.params)  # the user may change or go meanwhile
        right = hmac.compare_digest(digest, user.hash) & hmac.compare_digest(username.encode(), user.username)
        if not right:
            raise InvalidCredentials
        async with self._writing:
            try:
                token = await self._new_token(user.mark)
            except AnotherUser:
                raise InvalidCredentials from None
        self._logins.clear(asker.key)
        return token

    async def logout(self, token: str) -> None:
        """Revoke this token and no other. It counts at once; if it cannot be saved the token is valid again.

        Raises:
            Unavailable: it cannot be saved, and the next start would find the token valid: log out again.
        """
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        if hmac.compare_digest(digest, self._seed or b"-"):
            self._seed = b""
        put_back = self._tokens.drop(digest)
        self.known_revision += 1  # once it is void: a stream that looks before finds it valid, and does not look again
        if put_back is not None:
            try:
                async with self._writing:
                    await self._save()
            except BaseException:  # also if the client has gone: a token that is void would count again after a restart
                put_back()
                raise

    async def _new_token(self, mark: str) -> str:
        """A token for the user whose password was checked. Raises AnotherUser if that is not the user any more."""
        self._look()
        token = secrets.token_urlsafe(32)
        digest = hashlib.sha256(token.encode()).digest()
        if self._tokens.add(digest, mark):
            self.known_revision += 1
        try:
            await self._save()
        except BaseException:  # nobody gets it
            self._tokens.drop(digest)
            raise
        return token

    async def _save(self) -> None:
        try:
            await trio.to_thread.run_sync(self._tokens.save)
        except OSError as error:
            raise Unavailable(f"The login cannot be saved: {error.strerror}.") from error
