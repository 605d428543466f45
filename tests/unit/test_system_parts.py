"""The small parts that acting stands on: files, locks, processes, and what may be typed."""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.core.keyed_locks import KeyedLocks
from ctm_trio.errors.files import FileLocked
from ctm_trio.errors.requests import InvalidBody
from ctm_trio.errors.sessions import BadWorkdir, WorkdirNotAbsolute, WorkdirNotDir
from ctm_trio.errors.typing import InvalidText
from ctm_trio.model.config import Settings
from ctm_trio.model.doctor import Check, Facts, daemon_checks
from ctm_trio.model.paths import paths_under
from ctm_trio.model.session import clean_workdir, is_name, is_new_name
from ctm_trio.model.typing import asks_something, check_text, clean_prompt
from ctm_trio.system import daemon_doctor, process
from ctm_trio.system.daemon_doctor import Doctor
from ctm_trio.system.files import atomic_write, ensure_private_dir, flocked
from ctm_trio.system.git_tree import find_tree
from ctm_trio.system.process import TooSlow, run
from ctm_trio.system.workdir import make_workdir, unmake
from tests.tmux_server import until


def test_a_failed_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full the old file is as it was, and no temporary one is left."""
    path = tmp_path / "file"
    atomic_write(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic_write(path, b"new")
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["file"])


def test_a_write_that_was_done_did_not_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory cannot be synced after the file was replaced: an error would say that nothing has changed."""
    real = os.fsync

    def fsync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(22, "Invalid argument")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    atomic_write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """A settings file that is kept elsewhere is replaced there."""
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "real", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    atomic_write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_an_open_directory_is_closed(tmp_path: Path) -> None:
    """A configuration directory that others may read is tightened to 0700."""
    directory = tmp_path / "ctm"
    directory.mkdir(mode=0o755)
    ensure_private_dir(directory)
    assert directory.stat().st_mode & 0o777 == 0o700


async def test_a_lock_that_stays_taken(tmp_path: Path) -> None:
    """Who waits too long for a lock is told, and who comes when it is free gets it."""
    path = tmp_path / "lock"
    async with flocked(path, timeout_s=1):
        with pytest.raises(FileLocked):
            async with flocked(path, timeout_s=0.05):
                pass
    async with flocked(path, timeout_s=1):
        pass


async def test_keyed_locks() -> None:
    """Work on one key is apart, work on different keys is not, and nothing is kept afterwards."""
    locks, inside, most = KeyedLocks(), 0, 0

    async def work(*keys: str) -> None:
        nonlocal inside, most
        async with locks.holding(*keys):
            inside += 1
            most = max(most, inside)
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            inside -= 1

    async with trio.open_nursery() as nursery:
        for i in range(20):
            nursery.start_soon(work, "a", str(i))
            nursery.start_soon(work, str(i), "a")
    assert most == 1
    assert len(locks) == 0


async def test_process_gives_what_was_printed() -> None:
    """Both outputs, the exit code, and what went in."""
    code = "import sys; sys.stdout.write(sys.stdin.read()); print('oops', file=sys.stderr); sys.exit(3)"
    done = await run([sys.executable, "-c", code], limit_s=10, max_bytes=100, stdin=b"hello")
    assert (done.code, done.stdout, done.stderr, done.cut) == (3, b"hello", "oops", False)


async def test_process_that_prints_too_much() -> None:
    """It is ended at the bound, and what fitted is there."""
    code = "import sys\nwhile True: sys.stdout.write('x' * 1000)"
    with trio.fail_after(10):
        done = await run([sys.executable, "-c", code], limit_s=10, max_bytes=5000)
    assert (done.cut, done.stdout) == (True, b"x" * 5000)


@pytest.mark.parametrize("stubborn", [False, True])
async def test_process_that_hangs(tmp_path: Path, stubborn: bool) -> None:
    """It is ended after its time, also if it does not listen to SIGTERM, and it is gone then."""
    told = tmp_path / "pid"
    trap = "trap '' TERM; " if stubborn else ""
    script = f"{trap}echo $$ > '{told}'; while :; do sleep 0.01; done"
    with trio.fail_after(10), pytest.raises(TooSlow):
        await run(["/bin/sh", "-c", script], limit_s=0.3, max_bytes=100)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


async def test_cancelled_process(tmp_path: Path) -> None:
    """Nothing outlives the call that started it."""
    told = tmp_path / "pid"
    with trio.move_on_after(0.3):
        await run(["/bin/sh", "-c", f"echo $$ > '{told}'; exec sleep 60"], limit_s=60, max_bytes=100)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


async def test_a_grandchild_that_keeps_the_output(tmp_path: Path) -> None:
    """A program that has ended is done, also if something that it started holds its output open; that one goes on."""
    told = tmp_path / "pid"
    with trio.fail_after(8):
        done = await run(["/bin/sh", "-c", f"sleep 30 & echo $! > '{told}'; echo said"], limit_s=9, max_bytes=100)
    assert (done.code, done.stdout, done.cut) == (0, b"said\n", False)
    os.kill(int(told.read_text()), signal.SIGKILL)  # it lives: nobody said that it should not


@pytest.mark.parametrize("stubborn", [False, True])
async def test_grandchildren_end_with_a_program_that_is_ended(tmp_path: Path, stubborn: bool) -> None:
    """What a program started in its group does not outlive it when its time is over, whatever it listens to."""
    told = tmp_path / "pid"
    trap = "trap '' TERM;" if stubborn else ""
    inner = f"{trap} echo $$ > '{told}'; while :; do sleep 0.05; done"
    with trio.fail_after(10), pytest.raises(TooSlow):
        await run(["/bin/sh", "-c", '/bin/sh -c "$1" & wait', "sh", inner], limit_s=0.5, max_bytes=100)
    pid = int(told.read_text())
    await until(lambda: state_of(pid) in ("", "Z"))


def state_of(pid: int) -> str:
    """The state of a process as /proc has it, "" if there is none. A zombie waits for whoever adopts orphans here."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


async def test_a_start_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program whose start hangs (a directory of a dead file system) is given up in its time; what comes of it ends.

    Those that hang take their own places only: other programs start as ever.
    """
    real, let_go, started = subprocess.Popen, threading.Event(), []

    def hangs(*words: Any, **more: Any) -> Any:
        if more.get("cwd") is not None:
            let_go.wait()
        process = real(*words, **more)
        started.append(process)
        return process

    monkeypatch.setattr(subprocess, "Popen", hangs)
    try:
        with trio.fail_after(8):
            async with trio.open_nursery() as nursery:

                async def one() -> None:
                    with pytest.raises(TooSlow):
                        await run(["sleep", "60"], limit_s=0.3, max_bytes=10, cwd=str(tmp_path))

                for _ in range(process.STARTING + 4):
                    nursery.start_soon(one)
            assert (await run(["echo", "x"], limit_s=5, max_bytes=10)).stdout == b"x\n"
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    finally:
        let_go.set()
    await until(lambda: len(started) == process.STARTING + 1 and all(p.returncode is not None for p in started))


@pytest.mark.parametrize("left", [0, 1, 2])
async def test_no_descriptor_is_left(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    """That is an OSError as for a program that cannot be started; the program is ended and nothing stays open."""
    real, made = os.dup, list[int]()

    def dup(fd: int) -> int:
        if len(made) == left:
            raise OSError(errno.EMFILE, "Too many open files")
        made.append(real(fd))
        return made[-1]

    monkeypatch.setattr(os, "dup", dup)
    with trio.fail_after(8), pytest.raises(OSError, match="Too many open files"):
        await run(["sleep", "60"], limit_s=9, max_bytes=10, stdin=b"x")
    for fd in made:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


async def test_a_nul_is_an_error_with_a_name() -> None:
    """A NUL in a directory or a word is an OSError, not a bug; a record with such a directory has no checkpoints."""
    with pytest.raises(OSError, match="null"):
        await run(["true", "a\0b"], limit_s=1, max_bytes=1)
    assert await find_tree("/x\0y") is None


def test_workdirs_are_made_and_unmade(tmp_path: Path) -> None:
    """Only what was made is taken back, and only while it is empty."""
    made = make_workdir(str(tmp_path / "a" / "b" / "c"))
    assert made == [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"]
    (tmp_path / "a" / "file").touch()
    unmake(made)
    assert sorted(os.listdir(tmp_path / "a")) == ["file"]
    assert make_workdir(str(tmp_path / "a")) == []
    with pytest.raises(WorkdirNotDir):
        make_workdir(str(tmp_path / "a" / "file"))
    with pytest.raises(BadWorkdir):
        make_workdir(str(tmp_path / "a" / "file" / "x" / "y"))
    with pytest.raises(BadWorkdir):
        make_workdir(f"/{'x' * 300}")


@pytest.mark.parametrize(
    ("text", "clean"),
    [("/a/b/", "/a/b"), (" /a//b ", "/a/b"), ("/a/../b/./c", "/b/c"), ("//a", "/a"), ("/", "/"), ("/../..", "/")],
)
def test_clean_workdir(text: str, clean: str) -> None:
    """What is recorded is absolute and plain."""
    assert clean_workdir(text) == clean


@pytest.mark.parametrize(
    ("text", "error"),
    [("a", WorkdirNotAbsolute), ("~/a", WorkdirNotAbsolute), ("", WorkdirNotAbsolute), ("/a\0b", BadWorkdir),
     ("/a\nb", BadWorkdir), ("/" + "a" * 5000, BadWorkdir), ("/\ud800", BadWorkdir)],
)  # fmt: skip
def test_bad_workdirs(text: str, error: type[Exception]) -> None:
    """Relative paths, and characters that no terminal could show, are refused."""
    with pytest.raises(error):
        clean_workdir(text)


@given(st.text(max_size=300))
def test_what_may_be_typed(text: str) -> None:
    """Whatever passes is one line of at most 256 bytes without control characters, and is typed as it is."""
    try:
        checked = check_text(text)
    except InvalidText:
        return
    assert checked == text
    assert len(text.encode()) <= 256
    assert len(text.splitlines()) == 1
    assert all(c == "\t" or ord(c) >= 32 for c in text)


@given(st.text(max_size=100))
def test_prompts(text: str) -> None:
    """A prompt that passes has no control characters but tab and line feed, and no blanks around it."""
    try:
        prompt = clean_prompt(text)
    except InvalidBody:
        return
    assert prompt == prompt.strip()
    assert all(c in "\t\n" or ord(c) >= 32 for c in prompt)


@given(st.text(max_size=70))
def test_names_are_harmless(text: str) -> None:
    """No name that passes is an option, a path, a tmux target or a pattern."""
    if is_name(text) or is_new_name(text):
        assert text[0].isalnum()
        assert not set(text) & set("/\\=:$@%*?[]{}#;~ \n\t'\"`!&|<>()")
        assert text.isascii()


def test_dialogs_are_known() -> None:
    """The screens on which Enter would answer something are told from a prompt that waits."""
    assert asks_something("Do you trust this folder?\n❯ No, exit\n  Yes\n")
    assert asks_something("Enter to confirm · Esc to cancel")
    assert not asks_something("❯ \n ⏵⏵ bypass permissions on (shift+tab to cycle)")


def facts(tmp_path: Path, **more: Any) -> Facts:
    return replace(Facts(settings=Settings(), paths=paths_under(tmp_path)), **more)


async def examine(found: Facts, clock: Callable[[], float]) -> dict[str, Check]:
    return {check.name: check for check in await Doctor(lambda: found, clock)()}


async def test_doctor_knocks_at_the_webhook(tmp_path: Path) -> None:
    """Somebody listens, nobody does, or the URL means nothing; no secret of the URL is shown."""
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        port = receiver.getsockname()[1]
        for url, status in ((f"http://u:s3cret@127.0.0.1:{port}/s3cret", "ok"), ("ftp://", "err"), ("http://[", "err")):
            check = (await examine(facts(tmp_path, settings=Settings(webhook_url=url)), lambda: 2e9))[
                "webhook:reachable"
            ]
            assert check.status == status
            assert "s3cret" not in check.message
    closed = facts(tmp_path, settings=Settings(webhook_url=f"http://127.0.0.1:{port}/"))
    assert (await examine(closed, lambda: 2e9))["webhook:reachable"].status == "warn"


async def test_doctor_knocks_at_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a proxy is set it is asked instead of the receiver; its password is not shown, a wrong setting is named."""
    for variable in ("no_proxy", "all_proxy", "https_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    found = facts(tmp_path, settings=Settings(webhook_url="https://receiver.invalid/s3cret"))
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        at = f"127.0.0.1:{proxy.getsockname()[1]}"
        monkeypatch.setenv("https_proxy", f"http://u:s3cret@{at}")
        up = (await examine(found, lambda: 2e9))["webhook:reachable"]
    down = (await examine(found, lambda: 2e9))["webhook:reachable"]
    monkeypatch.setenv("https_proxy", "gopher://x")
    wrong = (await examine(found, lambda: 2e9))["webhook:reachable"]
    assert [up.status, down.status, wrong.status] == ["ok", "warn", "err"]
    assert up.message.startswith(f"receiver.invalid:443 through the proxy https_proxy=http://{at}; ")
    assert "https_proxy" in down.remediation
    assert "gopher" in wrong.message
    assert "s3cret" not in str([up, down, wrong])


async def test_doctor_reads_the_clock(tmp_path: Path) -> None:
    """A clock before this program, or before our own logs, is wrong."""
    logs = paths_under(tmp_path).logs
    logs.mkdir(parents=True)
    (logs / "x.jsonl").touch()
    os.utime(logs / "x.jsonl", (1.9e9, 1.9e9))
    for now, status in ((0.0, "warn"), (1.8e9, "warn"), (1.9e9 - 30, "ok"), (2e9, "ok")):
        assert (await examine(facts(tmp_path), lambda now=now: now))["clock"].status == status  # type: ignore[misc]


async def test_doctor_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that takes too long is a finding; the others are there."""

    async def never(_: Facts) -> Check:
        await trio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr(daemon_doctor, "LIMIT_S", 2.0)
    monkeypatch.setattr(daemon_doctor, "_webhook", never)
    found = await examine(facts(tmp_path), lambda: 2e9)
    assert found["webhook:reachable"].status == "warn"
    assert "dep:git" in found


def test_doctor_of_the_daemon(tmp_path: Path) -> None:
    """A degraded journal, a part that is down and another port are named."""
    bad = facts(tmp_path, settings=Settings(port=5), port=6, journal_problem="disk full", down={"quota": "restarting"})
    assert {c.name: c.status for c in daemon_checks(bad)} == {
        "port": "warn", "journal:state": "err", "daemon:quota": "err", "hooks:lost": "ok",
    }  # fmt: skip
    assert {c.status for c in daemon_checks(facts(tmp_path, port=6))} == {"ok"}


async def test_a_doctor_who_waits_for_a_dead_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody who asks has an answer in the time of one look, and no more threads hang than are allowed to."""
    let_go, hanging = threading.Event(), []

    def hangs(*_: object) -> list[Check]:
        hanging.append(1)
        let_go.wait()
        return []

    monkeypatch.setattr(daemon_doctor, "run_checks", hangs)
    monkeypatch.setattr(daemon_doctor, "LIMIT_S", 0.3)
    monkeypatch.setattr(daemon_doctor, "SHARED_S", 0.0)
    doctor = Doctor(lambda: facts(tmp_path), time.time)
    try:
        with trio.fail_after(2):  # eight looks, one after the other, would take longer
            async with trio.open_nursery() as nursery:
                for _ in range(8):
                    nursery.start_soon(doctor)
        for _ in range(4):
            assert "no answer" in (await doctor())[0].message
        assert len(hanging) == daemon_doctor.THREADS
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    finally:
        let_go.set()
