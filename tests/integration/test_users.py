"""What happens to a sign-up or login while its password is hashed: the user or the code may change meanwhile."""

from __future__ import annotations

import errno
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest
import trio

from ctm_trio.errors.base import CtmError
from ctm_trio.errors.orders import Unavailable
from ctm_trio.errors.users import AlreadyRegistered, InvalidCredentials, WrongCode
from ctm_trio.model.asker import Asker
from ctm_trio.system import password_hash, tokens, users
from ctm_trio.system.signup_code import SignupCode, has_signed_up
from ctm_trio.system.user_file import HashParams
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
    real, there, go = password_hash.hash_password, trio.Event(), threading.Event()

    def slow(password: bytes, salt: bytes, params: HashParams) -> bytes:
        monkeypatch.setattr(password_hash, "hash_password", real)
        digest = real(password, salt, params)
        trio.from_thread.run_sync(there.set)
        go.wait()
        return digest

    monkeypatch.setattr(password_hash, "hash_password", slow)
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
    assert not store.is_registered()


async def test_a_logout_while_the_files_are_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts at once, and whoever sees the revision rise finds the token void; only the file has to wait."""
    store = UserStore(tmp_path / "user.json", tmp_path / "tokens.json")
    token = await store.signup(NAME, PASSWORD, OWNER)
    revision = store.revision()
    async with trio.open_nursery() as nursery, store._writing:
        nursery.start_soon(store.logout, token)
        with trio.fail_after(30):
            while store.revision() == revision:
                await trio.lowlevel.checkpoint()
        assert not store.check(token)
    again = UserStore(tmp_path / "user.json", tmp_path / "tokens.json")
    assert not again.check(token)


def full_disk(monkeypatch: pytest.MonkeyPatch) -> trio.Event:
    """From now on no file of tokens can be written; the event says that it was tried."""
    tried = trio.Event()

    def no_room(*_: object) -> None:
        trio.from_thread.run_sync(tried.set)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tokens, "atomic_write", no_room)
    return tried


async def test_a_logout_that_cannot_be_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused and can be repeated: a token that is void must not be valid again after a restart."""
    store = store_in(tmp_path)
    token = await store.signup(NAME, PASSWORD, OWNER)
    with monkeypatch.context() as patch:
        full_disk(patch)
        with pytest.raises(Unavailable):
            await store.logout(token)
    assert store.check(token)
    await store.logout(token)
    assert not store.check(token)
    assert not store_in(tmp_path).check(token)


async def test_a_logout_that_is_cancelled(tmp_path: Path) -> None:
    """A client that goes before its logout is on disk finds its token as the next start would."""
    store = store_in(tmp_path)
    token = await store.signup(NAME, PASSWORD, OWNER)
    async with store._writing:
        with trio.CancelScope() as scope:
            scope.cancel()
            await store.logout(token)
    assert store.check(token)
    assert store_in(tmp_path).check(token)


async def test_a_logout_is_not_undone_for_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that goes and comes back while a logout fails gets no token back."""
    store = store_in(tmp_path)
    token = await store.signup(NAME, PASSWORD, OWNER)
    aside = tmp_path / "aside.json"

    def fail(*_: object) -> None:
        for old, new in ((store._path, aside), (aside, store._path)):
            old.replace(new)
            store._look()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tokens, "atomic_write", fail)
    with pytest.raises(Unavailable):
        await store.logout(token)
    assert store.is_registered()
    assert not store.check(token)


async def test_a_login_that_cannot_be_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gets its token, so it takes no place among the others."""
    store = store_in(tmp_path)
    await store.signup(NAME, PASSWORD, OWNER)
    full_disk(monkeypatch)
    with pytest.raises(Unavailable):
        await store.login(NAME, PASSWORD, OWNER)
    assert len(store._tokens._ends) == 1


@asynccontextmanager
async def following(store: UserStore) -> AsyncIterator[None]:
    """A store that looks by itself, as in the daemon; at the end it is stopped."""
    async with trio.open_nursery() as nursery:
        await nursery.start(store.follow)
        yield
        nursery.cancel_scope.cancel()


async def until_saved(store: UserStore) -> None:
    """Wait until the file says what the store holds."""
    with trio.fail_after(30):
        while store._tokens.behind:
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "while it is stopped"])
async def test_a_user_who_comes_back(tmp_path: Path, running: bool) -> None:
    """A `user.json` that was away voids the tokens for good, though the same bytes return and nobody asked."""
    store = store_in(tmp_path)
    token = await store.signup(NAME, PASSWORD, OWNER)
    user = store._path.read_bytes()
    if not running:
        store._path.unlink()
        store = store_in(tmp_path)
    async with following(store):
        store._path.unlink(missing_ok=True)
        with trio.fail_after(30):
            while store._user is not None or store._tokens.behind:
                await trio.lowlevel.checkpoint()
    store._path.write_bytes(user)
    assert not store_in(tmp_path).check(token)


async def test_a_user_who_goes_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The tokens are removed from their file as soon as that works, and at the latest at the stop."""
    monkeypatch.setattr(users, "FOLLOW_S", 0.01)
    store = store_in(tmp_path)
    token = await store.signup(NAME, PASSWORD, OWNER)
    user = store._path.read_bytes()
    with monkeypatch.context() as patch:
        tried = full_disk(patch)
        async with following(store):
            store._path.unlink()
            with trio.fail_after(30):
                await tried.wait()
        assert store._tokens.behind
    async with following(store):
        await until_saved(store)
    assert caplog.text.count("cannot be removed") == 1
    store._path.write_bytes(user)
    assert not store_in(tmp_path).check(token)


async def test_streams_hear_that_the_seed_is_void(tmp_path: Path) -> None:
    """The token of an embedder goes with the user too, and the revision says so though no other token is known."""
    (tmp_path / "user.json").write_text("{}")
    store = UserStore(tmp_path / "user.json", tmp_path / "tokens.json", seed="seed")
    revision = store.revision()
    assert store.check("seed")
    (tmp_path / "user.json").unlink()
    store._look()
    assert not store.check("seed")
    assert store.revision() > revision


async def test_streams_hear_that_a_token_made_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One login more than there may be logs the oldest out; the revision says so."""
    monkeypatch.setattr(tokens, "MAX_TOKENS", 2)
    store = store_in(tmp_path)
    oldest = await store.signup(NAME, PASSWORD, OWNER)
    revision = store.revision()
    await store.login(NAME, PASSWORD, OWNER)
    assert store.revision() == revision
    await store.login(NAME, PASSWORD, OWNER)
    assert not store.check(oldest)
    assert store.revision() > revision


@pytest.mark.parametrize("leads_to", ["nowhere", "user.json"])
async def test_a_link_that_leads_nowhere(tmp_path: Path, leads_to: str) -> None:
    """It is a user that cannot be read: nobody signs up over it, and no code is told.

    It counts again once it leads somewhere.
    """
    store = store_in(tmp_path)
    await store.signup(NAME, PASSWORD, OWNER)
    store._path.rename(tmp_path / "aside.json")
    store._path.symlink_to(leads_to)
    store._look()
    assert store.is_registered()
    assert has_signed_up(store._path)
    with pytest.raises(AlreadyRegistered):
        await store.signup(NAME, PASSWORD, OWNER)
    with pytest.raises(Unavailable):
        await store.login(NAME, PASSWORD, OWNER)
    store._path.unlink()
    store._path.symlink_to("aside.json")
    assert await store.login(NAME, PASSWORD, OWNER)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES, errno.ENOTDIR])
def test_a_user_that_cannot_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Whatever the system says but that there is no such file, somebody may have signed up."""

    def fail(self: Path, **_: object) -> NoReturn:
        raise OSError(number, "it cannot be seen", str(self))

    store = store_in(tmp_path)
    assert not store.is_registered()
    monkeypatch.setattr(Path, "stat", fail)
    store._look()
    assert store.is_registered()


async def test_the_directory_is_away(tmp_path: Path) -> None:
    """Moved with all that is in it: nothing is made in its place, and its tokens count when it is back."""
    root, away = tmp_path / "ctm", tmp_path / "away"
    root.mkdir()
    store = users.UserStore(root / "user.json", root / "tokens.json")
    token = await store.signup("a@b.cd", "correct horse", Asker())
    root.rename(away)
    store._look()
    await store._catch_up()
    assert (store.is_registered(), store.check(token), root.exists()) == (True, True, False)
    away.rename(root)
    store._look()
    assert store.check(token)
    (root / "user.json").unlink()
    store._look()
    assert (store.is_registered(), store.check(token)) == (False, False)
