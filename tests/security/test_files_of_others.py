"""Files, links and directories that another user has made, or may change, are not believed, and that is said."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from ctm_trio.cli.lifecycle import run_hook
from ctm_trio.cli.logs import open_log
from ctm_trio.errors.files import BrokenConfig
from ctm_trio.model.config import Settings
from ctm_trio.model.doctor import Check
from ctm_trio.model.paths import Paths, paths_under
from ctm_trio.model.session import Session
from ctm_trio.producers import statusline
from ctm_trio.system.doctor_owners import owner_checks
from ctm_trio.system.dumps import directory_fault, read_dumps
from ctm_trio.system.files import ensure_private_dir
from ctm_trio.system.live_sessions import read_live
from ctm_trio.system.origins import AllowedOrigins
from ctm_trio.system.owned import file_fault
from ctm_trio.system.settings_file import load_settings, patch_settings
from tests.faults.process import USER, Daemon, eventually
from tests.faults.rig import line
from tests.other_user import OTHER, run_as_other

UUID = "11111111-2222-4333-8444-555555555555"
FOREIGN = "99999999-2222-4333-8444-555555555555"
DUMP = json.dumps({"session_id": UUID, "context_window": {"used_percentage": 12}}).encode()

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")


def give_away(path: Path) -> None:
    """Make it another user's."""
    os.chown(path, OTHER, OTHER, follow_symlinks=False)


def stems(directory: Path) -> list[str]:
    """The dumps that are believed."""
    return [dump.stem for dump in read_dumps(directory, None, {})]


def check(paths: Paths, name: str, settings: Settings | None = None) -> Check:
    """What the doctor finds under this name."""
    found = owner_checks(paths, settings or Settings(statusline_dump_dir=str(paths.root / "nowhere")))
    return next(one for one in found if one.name == name)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """The paths of a fresh home with its configuration directory."""
    made = paths_under(tmp_path)
    for directory in (made.root, made.logs, made.hook_events):
        directory.mkdir(parents=True, mode=0o700)
    return made


# ---------------------------------------------------------------- dumps


@needs_root
def test_dumps_of_others(tmp_path: Path) -> None:
    """In a directory of ours only regular files of ours are dumps, though we run as root."""
    directory = tmp_path / "dumps"
    directory.mkdir(mode=0o755)
    secret = tmp_path / "secret.json"
    for path in (directory / "good.json", directory / "foreign.json", secret):
        path.write_bytes(DUMP)
    give_away(directory / "foreign.json")
    (directory / "link.json").symlink_to(secret)
    os.mkfifo(directory / "pipe.json")
    assert stems(directory) == ["good"]


@needs_root
@pytest.mark.parametrize("how", ["foreign", "link", "group", "world", "file"])
def test_a_dump_directory_of_others(tmp_path: Path, paths: Paths, how: str) -> None:
    """Of a directory of another user, a link, and one that others may write to nothing counts; the doctor says why."""
    real, directory = tmp_path / "real", tmp_path / "dumps"
    real.mkdir(mode=0o755)
    (real / "good.json").write_bytes(DUMP)
    assert stems(real) == ["good"]
    if how == "link":
        directory.symlink_to(real)
    elif how == "file":
        directory.write_bytes(b"")
    else:
        real.rename(directory)
        if how == "foreign":
            give_away(directory)
        else:
            directory.chmod(0o775 if how == "group" else 0o1777)
    assert stems(directory) == []
    assert directory_fault(directory)
    found = check(paths, "statusline:dumps", Settings(statusline_dump_dir=str(directory)))
    assert (found.status, str(directory) in found.message) == ("err", True)
    assert check(paths, "statusline:dumps").status == "ok"


MAKE_FIRST = "import os, sys; os.mkdir(sys.argv[1]); os.chmod(sys.argv[1], 0o777)"
LINK_FIRST = "import os, sys; os.symlink('/var/tmp', sys.argv[1])"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A directory as /tmp is: everybody may make something in it."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    for parent in tmp_path.parents:
        if parent.is_relative_to("/tmp") and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    tmp_path.chmod(0o711)
    return shared


@pytest.mark.parametrize("code", [MAKE_FIRST, LINK_FIRST], ids=["directory", "link"])
def test_the_status_line_in_a_directory_that_another_user_made_first(
    shared: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """It writes nothing there, and says so in the log of the hooks' errors; the line itself still comes."""
    directory = shared / "ctm-statusline"
    run_as_other(code, str(directory))
    assert directory.lstat().st_uid == OTHER
    monkeypatch.setattr(statusline, "DUMP_DIR", str(directory))
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c",
         "import sys; from ctm_trio.producers import statusline; statusline.DUMP_DIR = sys.argv[1]; "
         "sys.exit(statusline.main(['statusline', '--dump']))", str(directory)],
        {"HOME": str(paths.root.parent.parent), "PYTHONPATH": str(Path(__file__).parents[2])},
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, str(dump_file(shared)), os.O_RDONLY, 0),
                      (os.POSIX_SPAWN_OPEN, 1, str(shared / "said"), os.O_WRONLY | os.O_CREAT, 0o600)],
    )  # fmt: skip
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert (shared / "said").read_text().strip() == "context 12%"
    assert not [path for path in directory.iterdir() if UUID in path.name]
    assert str(directory) in (paths.logs / ".hook-errors.log").read_text()


def dump_file(directory: Path) -> Path:
    """The payload of a status line as a file."""
    made = directory / "payload"
    made.write_bytes(DUMP)
    return made


def test_the_status_line_in_its_own_directory(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default directory is made private, closed if it was left open, and what lies in its way goes."""
    directory = shared / "ctm-statusline"
    monkeypatch.setattr(statusline, "DUMP_DIR", str(directory))
    target = directory / f"{UUID}.json"
    statusline.write_dump(str(target), DUMP)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert target.stat().st_mode & 0o777 == 0o600
    directory.chmod(0o777)
    elsewhere = shared / "elsewhere"
    elsewhere.write_bytes(b"mine")
    (directory / f".{UUID}.json.{os.getpid()}.tmp").symlink_to(elsewhere)
    statusline.write_dump(str(target), DUMP + b" ")
    assert directory.stat().st_mode & 0o777 == 0o700
    assert target.read_bytes() == DUMP + b" "
    assert elsewhere.read_bytes() == b"mine"
    assert [path.name for path in directory.iterdir()] == [target.name]
    assert stems(directory) == [UUID]


# ---------------------------------------------------------------- logs, and what the client says of itself


@needs_root
def test_logs_of_others(tmp_path: Path) -> None:
    """A log, a packed part and a link of somebody else make no event; /health and the doctor name them."""
    with Daemon(tmp_path) as daemon:
        daemon.log().append(line(UUID, "mine"))
        daemon.log(FOREIGN).append(line(FOREIGN, "theirs"))
        give_away(daemon.log(FOREIGN).path)
        part = Path(f"{daemon.log().path}.1790000000000000000")
        part.write_bytes(line(UUID, "slipped in"))
        give_away(part)
        outside = tmp_path / "outside.jsonl"
        outside.write_bytes(line(UUID, "outside"))
        Path(f"{daemon.log().path}.1780000000000000000").symlink_to(outside)
        daemon.start()
        eventually(lambda: [marker for _, marker in daemon.stored()] == ["mine"])
        daemon.log(FOREIGN).append(line(FOREIGN, "theirs again"))
        daemon.log().append(line(UUID, "mine again"))
        eventually(lambda: [marker for _, marker in daemon.stored()] == ["mine", "mine again"])
        eventually(lambda: FOREIGN in json.dumps(daemon.get("/health")))
        found = {one["name"]: one for one in daemon.get("/api/doctor")["checks"]}
        assert found["logs:owner"]["message"].startswith("3 of the files")
        os.chown(daemon.log(FOREIGN).path, os.geteuid(), -1)
        daemon.log(FOREIGN).append(line(FOREIGN, "given back"))
        eventually(lambda: "given back" in [marker for _, marker in daemon.stored()])


@needs_root
@pytest.mark.parametrize("name", [f"{UUID}.jsonl", f"{UUID}.jsonl.1790000000000000000.gz"])
def test_the_command_line_reads_no_logs_of_others(paths: Paths, name: str) -> None:
    """`logs` opens a plain or packed part of ours, and none that another user owns or that a link leads to."""
    path, outside = paths.logs / name, paths.root / "outside"
    data = line(UUID, "one")
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    with open_log(path) as file:
        assert file.read() == data
    give_away(path)
    with pytest.raises(PermissionError, match="another user"):
        open_log(path)
    path.rename(outside)
    os.chown(outside, os.geteuid(), -1)
    path.symlink_to(outside)
    with pytest.raises(OSError, match="symbolic links"):
        open_log(path)


@needs_root
def test_a_container_that_works_on_a_users_files(paths: Paths) -> None:
    """Files of whoever owns the directory are believed: that user could put anything there anyway."""
    sessions = paths.claude_home / "sessions"
    sessions.mkdir(parents=True)
    for name, uuid_ in (("1", "mine"), ("2", "theirs")):
        text = json.dumps({"sessionId": uuid_, "status": "busy", "statusUpdatedAt": 1790000000000})
        (sessions / f"{name}.json").write_text(text)
    give_away(sessions / "2.json")
    assert set(read_live(sessions)) == {"mine"}
    give_away(sessions)
    assert set(read_live(sessions)) == {"mine", "theirs"}


# ---------------------------------------------------------------- what decides, and what is run


@needs_root
def test_what_is_the_matter_with_a_file(tmp_path: Path) -> None:
    """Another user's file or link, and one that everybody may write to; ours, root's and a link of ours are fine."""
    path, target = tmp_path / "env.sh", tmp_path / "dotfiles.sh"
    assert file_fault(path) == ""
    target.write_text("x")
    path.symlink_to(target)
    assert file_fault(path) == ""
    target.chmod(0o666)
    assert "everybody" in file_fault(path)
    target.chmod(0o600)
    give_away(target)
    assert f"uid {OTHER}" in file_fault(path)
    os.chown(target, 0, 0)
    give_away(path)
    assert f"uid {OTHER}" in file_fault(path)


@needs_root
def test_origins_that_others_may_add_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`allowed_origins` counts once it is ours and closed, without a restart."""
    monkeypatch.setattr("ctm_trio.system.origins.LOOK_EVERY_S", 0.0)
    path = tmp_path / "allowed_origins"
    path.write_text("https://evil.example\n")
    path.chmod(0o666)
    origins = AllowedOrigins(path, "https://mine.example")
    assert origins() == {"https://mine.example"}
    path.chmod(0o600)
    assert origins() == {"https://mine.example", "https://evil.example"}
    give_away(path)
    path.write_text("https://evil.example\nhttps://more.example\n")
    assert origins() == {"https://mine.example"}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with a fake `claude` on its PATH."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "claude").write_text("#!/bin/sh\nexec cat\n")
    (tmp_path / "bin" / "claude").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with Daemon(tmp_path, environment={"PATH": path, "SHELL": "/bin/sh"}) as made:
        yield made.start()


@needs_root
@pytest.mark.parametrize("name", ["env.sh", "claude-overlay.json", "tmux.conf"])
def test_nothing_of_others_is_run(daemon: Daemon, tmp_path: Path, name: str) -> None:
    """A session is not started with a file of another user, or one that everybody may change; nothing is left of it."""
    path = daemon.root / name
    path.write_text("{}" if name.endswith("json") else f"touch {tmp_path / 'CANARY'}\n")
    for mode, uid in ((0o666, os.geteuid()), (0o600, OTHER)):
        path.chmod(mode)
        os.chown(path, uid, -1)
        answer = daemon.request("POST", "/api/sessions", json={"workdir": str(tmp_path / "work"), "name": "alpha"})
        assert (answer.status_code, answer.json()["error"]) == (500, "spawn_failed")
        assert name in answer.json()["message"]
        found = {one["name"]: one for one in daemon.get("/api/doctor")["checks"]}
        assert (found["files:owner"]["status"], name in found["files:owner"]["message"]) == ("err", True)
    assert daemon.get("/api/sessions") == []
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "CANARY").exists()


def test_a_config_that_is_closed_again_counts(daemon: Daemon) -> None:
    """A daemon takes nothing from a `config.json` that everybody may write to, and takes it after a `chmod`."""

    def found() -> tuple[str, int]:
        one = next(one for one in daemon.get("/api/doctor")["checks"] if one["name"] == "config:load")
        return one["status"], daemon.get("/api/config")["attention"]["idle_minutes"]

    path = daemon.root / "config.json"
    config = json.loads(path.read_text())
    config["serve"]["attention"] = {"idle_minutes": 77}
    path.chmod(0o606)
    path.write_text(json.dumps(config))
    eventually(lambda: found()[0] != "ok")
    assert found()[1] != 77
    path.chmod(0o600)
    eventually(lambda: found() == ("ok", 77))


@needs_root
def test_a_user_file_of_others(daemon: Daemon) -> None:
    """A `user.json` that everybody may write to lets nobody in, and nobody signs up over it; `chmod` mends that."""
    path = daemon.root / "user.json"
    path.chmod(0o666)
    path.write_text(path.read_text() + " ")
    answer = daemon.request("POST", "/api/auth/login", json=USER)
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert daemon.request("POST", "/api/auth/signup", json=USER).status_code == 409
    path.chmod(0o600)
    assert daemon.request("POST", "/api/auth/login", json=USER).status_code == 200


def test_the_doctor_on_open_files(paths: Paths) -> None:
    """Everything closed is fine; a group that may write is a warning, everybody is an error, an open directory too."""
    paths.sessions.write_text("{}")
    paths.sessions.chmod(0o600)
    assert check(paths, "files:owner").status == "ok"
    paths.sessions.chmod(0o660)
    assert check(paths, "files:owner").status == "warn"
    paths.sessions.chmod(0o662)
    assert check(paths, "files:owner").status == "err"
    paths.sessions.chmod(0o600)
    paths.root.chmod(0o777)
    assert check(paths, "files:owner").status == "err"


def test_a_config_that_others_may_change(tmp_path: Path) -> None:
    """Its values do not count and it is not rewritten, until it is ours and closed."""
    path = tmp_path / "config.json"
    path.write_text('{"serve": {"webhook_url": "http://evil.example/"}}')
    path.chmod(0o606)
    found = load_settings(path)
    assert (found.settings, "everybody may write to it" in found.problem) == (Settings(), True)
    with pytest.raises(BrokenConfig, match="everybody may write to it"):
        trio.run(lambda: patch_settings(path, {"webhook_url": ""}, fallback="{}"))
    path.chmod(0o600)
    again = load_settings(path)
    assert (again.problem, again.settings.webhook_url) == ("", "http://evil.example/")
    assert again.stamp != found.stamp


def test_parents_are_private_under_a_lax_umask(tmp_path: Path) -> None:
    """What is missing above our directory is made 0700 too: who may write there could exchange all of ours."""
    before = os.umask(0)
    try:
        ensure_private_dir(tmp_path / "home" / ".config" / "ctm")
    finally:
        os.umask(before)
    for made in (tmp_path / "home", tmp_path / "home" / ".config", tmp_path / "home" / ".config" / "ctm"):
        assert made.stat().st_mode & 0o777 == 0o700


def test_the_doctor_on_an_open_parent(paths: Paths) -> None:
    """A `~/.config` that everybody may write to is an error; one of a group, or with the sticky bit, is none."""
    for mode, status in ((0o777, "err"), (0o1777, "ok"), (0o775, "ok")):
        paths.root.parent.chmod(mode)
        assert check(paths, "files:owner").status == status
    paths.root.parent.chmod(0o755)
    if os.geteuid() == 0:
        give_away(paths.root.parent)
        assert "another user" in check(paths, "files:owner").message


def test_hooks_of_a_config_that_others_may_change(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands in `hooks` are not run from a `config.json` that everybody may write to, and that is said."""
    monkeypatch.setenv("HOME", str(paths.root.parent.parent))
    paths.config.write_text("{}")
    ran = paths.root / "ran"
    settings = Settings(hooks=(("on_kill", f"echo x >> {ran}"),))
    record = Session("alpha", UUID, "safe", "/w", "2026-05-01T10:00:00Z")
    for mode, times in ((0o666, 0), (0o600, 1)):
        paths.config.chmod(mode)
        run_hook(settings, "on_kill", record)
        assert ran.exists() is (times == 1)
    assert "everybody may write to it" in capsys.readouterr().err
