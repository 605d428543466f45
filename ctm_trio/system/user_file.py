"""`user.json`: what it holds, and what of it is believed. Source: PROTOCOL.md, Sign-up and login."""

from __future__ import annotations

import base64
import hashlib
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ctm_trio.model.decoding import BAD_JSON
from ctm_trio.system.files import UNREAD, Stamp, stamp
from ctm_trio.system.owned import file_fault
from ctm_trio.system.regular import read_regular
from ctm_trio.system.signup_code import has_signed_up

MAX_USER_BYTES = 64 << 10
"""A larger `user.json` was not written by us."""

MAX_MEMORY_KIB = 1024 * 1024
MAX_ROUNDS = 64
"""Parameters of a `user.json` beyond these are not run: they would take the machine down."""

SALT_BYTES = 16


class HashParams(msgspec.Struct, frozen=True):
    """How much work a password's hash is: memory in KiB, rounds, lanes."""

    m: int = 65536
    t: int = 3
    p: int = 2
    salt_len: int = SALT_BYTES
    hash_len: int = 32


class _User(msgspec.Struct, frozen=True):
    username: str
    algo: str
    params: HashParams
    salt_b64: str
    hash_b64: str
    created_at: str


class User(msgspec.Struct, frozen=True):
    """The user in the file, with a password of which only the hash is known."""

    username: bytes
    params: HashParams
    salt: bytes
    hash: bytes

    @property
    def mark(self) -> str:
        """Names this very user and password; tokens belong to it."""
        return hashlib.sha256(self.salt + self.hash + self.username).hexdigest()


def new_salt() -> bytes:
    """A salt for a new password."""
    return secrets.token_bytes(SALT_BYTES)


def encode_user(user: User) -> bytes:
    """What the file of a user who has signed up just now holds."""
    written = _User(
        username=user.username.decode(),
        algo="argon2id",
        params=user.params,
        salt_b64=base64.b64encode(user.salt).decode(),
        hash_b64=base64.b64encode(user.hash).decode(),
        created_at=datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
    )
    return msgspec.json.format(msgspec.json.encode(written), indent=2) + b"\n"


def read_user(path: Path) -> User | None:
    """The user in the file; None if there is none or the file is not one of ours. Blocks for a small read."""
    if file_fault(path):  # whoever may write it could let themselves in
        return None
    try:
        user = msgspec.json.decode(read_regular(path, max_bytes=MAX_USER_BYTES), type=_User)
        salt, digest = base64.b64decode(user.salt_b64, validate=True), base64.b64decode(user.hash_b64, validate=True)
    except (OSError, ValueError, *BAD_JSON):
        return None
    sane = 8 <= user.params.m <= MAX_MEMORY_KIB and 1 <= user.params.t <= MAX_ROUNDS and 1 <= user.params.p <= 64
    if user.algo != "argon2id" or not sane or len(digest) != user.params.hash_len or not 8 <= len(salt) <= 1024:
        return None
    return User(user.username.encode(), user.params, salt, digest)


def is_usable(path: Path) -> bool:
    """True if somebody can sign in with this `user.json`. Blocks for a small read."""
    return read_user(path) is not None


def user_stamp(path: Path) -> Stamp:
    """The stamp of the user's file; zero only if there is none. One that cannot be reached has the stamp `UNREAD`."""
    found = stamp(path)
    with suppress(OSError):
        if found != Stamp() or not has_signed_up(path):
            return found
    return UNREAD
