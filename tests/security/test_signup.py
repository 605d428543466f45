"""Who may sign up: the daemon's own user, and whoever knows the one-time code that only that user can read."""

from __future__ import annotations

import errno
import stat
from pathlib import Path
from typing import Any

import pytest

from ctm_trio.cli.main import main
from ctm_trio.system import signup_code
from ctm_trio.system.signup_code import SignupCode
from ctm_trio.web.asker import Peers
from tests.contract.conftest import open_site
from tests.faults.process import USER, Daemon, eventually
from tests.other_user import Stranger

SIGN_UP = "/api/auth/signup"
LOGIN = "/api/auth/login"
OTHER_USER = {"username": "mallory@example.com", "password": "mallory's word"}


def code_of(daemon: Daemon) -> str:
    """The sign-up code in its file."""
    return (daemon.root / "signup-code").read_text().strip()


def signup(daemon: Daemon, headers: dict[str, str] | None = None, **more: str) -> tuple[int, Any]:
    """Sign up as our own user."""
    answer = daemon.request("POST", SIGN_UP, json={**USER, **more}, headers=headers or {})
    return answer.status_code, answer.json()


def test_another_user_needs_the_code(daemon: Daemon) -> None:
    """Without it 403 `code_needed`, with a wrong one `wrong_code`, with the right one 201; then it is void."""
    stranger = Stranger(daemon.port)
    file = daemon.root / "signup-code"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    wrong, right = {**OTHER_USER, "code": "2222-2222-2222"}, {**OTHER_USER, "code": code_of(daemon).lower()}
    answers = stranger.ask(("POST", SIGN_UP, OTHER_USER), ("POST", SIGN_UP, wrong), ("POST", SIGN_UP, right))
    assert [(status, body.get("error", "")) for status, body in answers] == [
        (403, "code_needed"), (403, "wrong_code"), (201, ""),
    ]  # fmt: skip
    assert "ctm-trio auth code" in answers[0][1]["message"]
    assert not file.exists()
    ((status, body),) = stranger.ask(("POST", SIGN_UP, right))
    assert (status, body["error"]) == (409, "already_registered")


def test_our_own_user_needs_none(daemon: Daemon) -> None:
    """A program of the daemon's own user signs up as ever; a wrong code that is sent all the same is refused."""
    status, body = signup(daemon, code="2222-2222-2222")
    assert (status, body["error"]) == (403, "wrong_code")
    status, body = signup(daemon)
    assert status == 201, body
    assert not (daemon.root / "signup-code").exists()
    ((status, body),) = Stranger(daemon.port).ask(("POST", LOGIN, USER))
    assert (status, body["username"]) == (200, USER["username"])  # that is what the password is for


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "8.8.8.8"}, {"Forwarded": "for=8.8.8.8"}, {"Via": "1.1 proxy"}, {"Host": "ctm.example.org"}],
)
def test_a_proxy_of_our_own_user(tmp_path: Path, headers: dict[str, str]) -> None:
    """What a reverse proxy passes on is not the owner's, though the proxy runs as the owner."""
    with Daemon(tmp_path, environment={"CTM_ALLOWED_ORIGINS": "https://ctm.example.org"}) as daemon:
        daemon.start(ready=False)
        eventually(daemon.answers)
        status, body = signup(daemon, headers)
        assert (status, body["error"]) == (403, "code_needed")
        status, body = signup(daemon, headers, code=code_of(daemon))
        assert status == 201, body


def test_guesses_are_bounded(daemon: Daemon) -> None:
    """After five wrong codes there is another one, and who guessed waits; the code of before does not count."""
    before = code_of(daemon)
    guesses = [("POST", SIGN_UP, {**OTHER_USER, "code": f"{i}222-2222-2222"}) for i in range(2, 7)]
    answers = Stranger(daemon.port).ask(*guesses, ("POST", SIGN_UP, {**OTHER_USER, "code": before}))
    assert [body["error"] for _, body in answers] == ["wrong_code"] * 5 + ["rate_limited"]
    assert answers[5][0] == 429
    assert code_of(daemon) != before
    status, body = signup(daemon, code=before)
    assert (status, body["error"]) == (403, "wrong_code")
    assert signup(daemon, code=code_of(daemon))[0] == 201


def test_after_a_reset(daemon: Daemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`auth reset` makes another code and shows it, `auth code` and `status` show it again, a stranger needs it."""
    monkeypatch.setenv("HOME", str(daemon.home))
    first = code_of(daemon)
    assert main(["auth", "code"]) == 0
    assert capsys.readouterr().out.strip() == first
    assert signup(daemon)[0] == 201
    assert main(["auth", "code"]) == 1
    assert main(["auth", "reset", "--yes"]) == 0
    shown = capsys.readouterr().out.strip()
    assert shown == code_of(daemon) != first
    assert main(["auth", "code"]) == 0
    assert main(["status"]) == 0
    assert capsys.readouterr().out.count(shown) == 2
    eventually(lambda: not daemon.get("/api/auth/status")["registered"])
    stranger = Stranger(daemon.port)
    answers = stranger.ask(
        ("POST", SIGN_UP, OTHER_USER), ("POST", SIGN_UP, {**OTHER_USER, "code": first}),
        ("POST", SIGN_UP, {**OTHER_USER, "code": shown}),
    )  # fmt: skip
    assert [status for status, _ in answers] == [403, 403, 201]


def test_a_user_file_that_is_deleted_by_hand(daemon: Daemon) -> None:
    """The code of before the sign-up does not come back: another one is made when it is needed."""
    before = code_of(daemon)
    assert signup(daemon)[0] == 201
    (daemon.root / "user.json").unlink()
    eventually(lambda: not daemon.get("/api/auth/status")["registered"])
    ((status, body),) = Stranger(daemon.port).ask(("POST", SIGN_UP, {**OTHER_USER, "code": before}))
    assert (status, body["error"]) == (403, "wrong_code")
    assert code_of(daemon) != before


def test_where_the_code_is_told(tmp_path: Path) -> None:
    """`serve` prints it into a log that is the owner's alone; where others may read it says how to see it."""
    for mode, told in ((0o600, True), (0o644, False)):
        (tmp_path / str(mode)).mkdir()
        with Daemon(tmp_path / str(mode)) as daemon:
            daemon.output.touch(mode)
            daemon.output.chmod(mode)
            daemon.start(ready=False)
            eventually(lambda daemon=daemon: "sign-up code" in daemon.said())  # type: ignore[misc]
            assert (code_of(daemon) in daemon.said()) is told
            assert ("ctm-trio auth code" in daemon.said()) is not told


def test_what_stands_in_its_place(tmp_path: Path) -> None:
    """A link, a damaged file or an open one is not the code; a link's target is neither read nor changed."""
    path, elsewhere = tmp_path / "signup-code", tmp_path / "elsewhere"
    code = SignupCode(path)
    elsewhere.write_text("2222-2222-2222\n")
    path.symlink_to(elsewhere)
    assert not code.is_right("2222-2222-2222")
    assert not path.is_symlink()
    assert elsewhere.read_text() == "2222-2222-2222\n"
    for text in ("", "short", "x" * 5000, "\0" * 14):
        path.write_text(text)
        assert not code.is_right(text)
        assert code.is_right(code.current())
    made = code.current()
    assert code.is_right(f" {made.lower().replace('-', ' ')}\n")
    assert code.renew() != made
    code.void()
    code.void()
    assert not path.exists()


def test_the_bare_command(daemon: Daemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`ctm-trio` alone tells the code while nobody has signed up; where nothing was ever started it makes no file."""
    monkeypatch.setenv("HOME", str(daemon.home))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert code_of(daemon) in capsys.readouterr().err
    assert signup(daemon)[0] == 201
    with pytest.raises(SystemExit):
        main([])
    assert "signed up" not in capsys.readouterr().err
    (daemon.home / "fresh").mkdir()
    monkeypatch.setenv("HOME", str(daemon.home / "fresh"))
    assert main(["status"]) == 0
    assert not list((daemon.home / "fresh").iterdir())


def test_the_code_outlives_a_shortage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no descriptor is free it cannot be told whether a code is right; it is not replaced for that."""
    code = SignupCode(tmp_path / "signup-code")
    made = code.current()

    def none_free(*_: object, **__: object) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as short:
        short.setattr(signup_code, "read_regular", none_free)
        with pytest.raises(OSError, match="Too many"):
            code.is_right(made)
    assert code.is_right(made)


async def test_whoever_cannot_be_told(tmp_path: Path) -> None:
    """A client that has closed already, or a system that tells nothing: nobody is taken for the owner."""
    for quick in (True, False):
        async with open_site(tmp_path, seed="", peers=Peers(lambda *_: None, quick)) as site, site.client() as client:
            answer = await client.post(SIGN_UP, json=USER, headers={"Origin": site.origin})
            assert (answer.status_code, answer.json()["error"]) == (403, "code_needed")
            assert not (tmp_path / "user.json").exists()
