"""What happens to a sign-up or login while its password is hashed: the user or the code may change meanwhile."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from ctm_trio.errors import AlreadyRegistered, CtmError, InvalidCredentials, WrongCode
from ctm_trio.model.asker import Asker
from ctm_trio.system import tokens, users
from ctm_trio.system.signup_code import SignupCode
from ctm_trio.system.users import UserStore

OWNER = Asker("127.0.0.1", 0, ours=True, direct=True)
STRANGER = Asker("192.0.2.1")
NAME, PASSWORD = "a@b.example", "correct horse"


def store_in(root: Path, *, code: SignupCode | None = None) -> UserStore:
    """The daemon's store."""
    return UserStore(root / "user.json", root / "tokens.json", code=code)


async def new_password(root: Path) -> None:
    """What `auth passwd` does: another sign-up beside the file, then a rename over it."""
    beside = root / "beside.json"
    await UserStore(beside, root / "beside.tokens").signup(NAME, "another horse", OWNER)
    beside.replace(root / "user.json")


async def reset(root: Path) -> None:
    """What `auth reset` does to the user."""
    await trio.lowlevel.checkpoint()
    (root / "user.json").unlink()


@asynccontextmanager
async def held_hash(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[trio.Event, threading.Event]]:
    """The next hash stops at its end: the first event says that it has, the second lets it go."""
    real, there, go = users._hash, trio.Event(), threading.Event()

    def slow(password: bytes, salt: bytes, params: users._Params) -> bytes:
        monkeypatch.setattr(users, "_hash", real)
        digest = real(password, salt, params)
        trio.from_thread.run_sync(there.set)
        go.wait()
        return digest

    monkeypatch.setattr(users, "_hash", slow)
    try:
        yield there, go
    finally:
        go.set()


async def meanwhile(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[], Awaitable[str]], change: Callable[[], Awaitable[None]]
) -> str | CtmError:
    """What `work` ends with when `change` happens while it hashes."""
    ended: list[str | CtmError] = []

    async def run() -> None:
        try:
            ended.append(await work())
        except CtmError as error:
            ended.append(error)

    with trio.fail_after(20):
        async with held_hash(monkeypatch) as (there, go), trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await there.wait()
            await change()
            go.set()
    return ended[0]


@pytest.mark.parametrize("change", [new_password, reset])
async def test_a_login_whose_user_changes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], Awaitable[None]]
) -> None:
    """The password was right when the login began; it is not any more, so there is no token."""
    store = store_in(tmp_path)
    await store.signup(NAME, PASSWORD, OWNER)
    before = (tmp_path / "tokens.json").read_bytes()
    ended = await meanwhile(monkeypatch, lambda: store.login(NAME, PASSWORD, OWNER), lambda: change(tmp_path))
    assert isinstance(ended, InvalidCredentials)
    assert (tmp_path / "tokens.json").read_bytes() == before


async def test_a_login_whose_user_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a change it gets its token."""
    store = store_in(tmp_path)
    await store.signup(NAME, PASSWORD, OWNER)
    ended = await meanwhile(monkeypatch, lambda: store.login(NAME, PASSWORD, OWNER), trio.lowlevel.checkpoint)
    assert isinstance(ended, str)
    assert store.check(ended)


async def test_a_sign_up_that_another_program_overtakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user who was there first stays, and the second one is told so."""
    store = store_in(tmp_path)
    ended = await meanwhile(monkeypatch, lambda: store.signup(NAME, PASSWORD, OWNER), lambda: new_password(tmp_path))
    assert isinstance(ended, AlreadyRegistered)
    assert await store.login(NAME, "another horse", OWNER)


async def test_a_sign_up_whose_code_is_replaced_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A code that `auth reset` replaced signs nobody up, though it was right when the request came."""
    code = SignupCode(tmp_path / "signup-code")
    store, right = store_in(tmp_path, code=code), code.current()

    async def renew() -> None:
        await trio.to_thread.run_sync(code.renew)

    ended = await meanwhile(monkeypatch, lambda: store.signup(NAME, PASSWORD, STRANGER, right), renew)
    assert isinstance(ended, WrongCode)
    assert not store.registered


async def test_a_logout_during_a_sign_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts at once, and whoever sees the revision rise finds the token void; only the file has to wait."""
    store = UserStore(tmp_path / "user.json", tmp_path / "tokens.json")
    token = await store.signup(NAME, PASSWORD, OWNER)
    revision = store.revision
    async with trio.open_nursery() as nursery, store._writing:
        nursery.start_soon(store.logout, token)
        with trio.fail_after(5):
            while store.revision == revision:
                await trio.lowlevel.checkpoint()
        assert not store.check(token)
    again = UserStore(tmp_path / "user.json", tmp_path / "tokens.json")
    assert not again.check(token)


async def test_streams_hear_that_the_seed_is_void(tmp_path: Path) -> None:
    """The token of an embedder goes with the user too, and the revision says so though no other token is known."""
    (tmp_path / "user.json").write_text("{}")
    store = UserStore(tmp_path / "user.json", tmp_path / "tokens.json", seed="seed")
    revision = store.revision
    assert store.check("seed")
    (tmp_path / "user.json").unlink()
    store._look()
    assert not store.check("seed")
    assert store.revision > revision


async def test_streams_hear_that_a_token_made_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One login more than there may be logs the oldest out; the revision says so."""
    monkeypatch.setattr(tokens, "MAX_TOKENS", 2)
    store = store_in(tmp_path)
    oldest = await store.signup(NAME, PASSWORD, OWNER)
    revision = store.revision
    await store.login(NAME, PASSWORD, OWNER)
    assert store.revision == revision
    await store.login(NAME, PASSWORD, OWNER)
    assert not store.check(oldest)
    assert store.revision > revision
