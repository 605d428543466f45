"""One daemon owns a configuration directory, and everything finds it by its lock file.

Source: PROTOCOL.md, Starting and stopping.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ctm_trio.cli import stop as stopping
from ctm_trio.cli.common import CliError
from ctm_trio.daemon.starting import StartFailed, claim
from ctm_trio.system.instance_lock import LOCK_NAME, REINDEX, Holder, InstanceLock, read_holder
from tests.faults.process import Daemon, eventually
from tests.faults.rig import line
from tests.ports import free_port

UUID = "11111111-2222-4333-8444-555555555555"


def command(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the same user."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("CTM_", "TMUX", "CLAUDE", "XDG_"))}
    env |= {"HOME": str(daemon.home), "TMUX_TMPDIR": str(daemon.home / "tmux"), "NO_COLOR": "1"}
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    argv = [sys.executable, "-m", "ctm_trio", *words]
    return subprocess.run(
        argv,
        env=env,
        cwd=daemon.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_second_daemon_says_who_has_the_directory(daemon: Daemon) -> None:
    """On another port: exit 1, with process and port of the first, which goes on; on the same port: 0, in silence."""
    daemon.start()
    assert daemon.process is not None
    other = command(daemon, "serve", "--port", str(free_port()))
    assert (other.returncode, other.stdout) == (1, "")
    assert f"process {daemon.process.pid} on port {daemon.port}" in other.stderr
    assert "Traceback" not in other.stderr
    same = command(daemon, "serve", "--port", str(daemon.port))
    assert (same.returncode, same.stdout, same.stderr) == (0, "", "")
    with daemon.stream() as stream:
        daemon.log().append(line(UUID, "unharmed"))
        stream.until(1)
    assert daemon.stop()[0] == 0
    assert [marker for _, marker in daemon.stored()] == ["unharmed"]


def test_serve_stop_ends_the_daemon(daemon: Daemon) -> None:
    """It is found by the lock file and waited for; where none runs there is nothing to do."""
    daemon.start()
    assert daemon.process is not None
    done = command(daemon, "serve", "--stop")
    assert (done.returncode, done.stderr) == (0, f"The daemon (process {daemon.process.pid}) has ended.\n")
    assert read_holder(daemon.root) is None
    assert daemon.process.wait(20) == 0
    again = command(daemon, "serve", "--stop")
    assert (again.returncode, again.stderr) == (0, "No daemon is running.\n")


def test_serve_stop_of_a_daemon_that_does_not_end(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for only so long; what ends it is said."""
    daemon.start()
    assert daemon.process is not None
    monkeypatch.setenv("HOME", str(daemon.home))
    monkeypatch.setattr(stopping, "STOP_LIMIT_S", 0.2)
    daemon.process.send_signal(signal.SIGSTOP)
    with pytest.raises(CliError, match=f"has not ended within 0.2 s. `kill -9 {daemon.process.pid}` ends it"):
        stopping.stop()
    daemon.process.send_signal(signal.SIGCONT)
    assert daemon.process.wait(20) == 0


@pytest.mark.parametrize("pid", [True, False])
def test_serve_stop_ends_no_other_process(pid: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number in the lock file may be that of a process in a container, and here another one has it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    root = tmp_path / ".config" / "ctm"
    root.mkdir(parents=True)
    with subprocess.Popen(["sleep", "600"]) as other, InstanceLock(root) as lock:
        assert lock.take(Holder(other.pid if pid else 0, port=1))
        with pytest.raises(CliError, match="end it there" if pid else "does not say its process"):
            stopping.stop()
        assert other.poll() is None
        other.kill()


def test_a_killed_daemon_frees_the_directory_at_once(daemon: Daemon) -> None:
    """Also while a tmux server that it started lives on: no child has the lock's descriptor."""
    fake = daemon.home / "bin" / "claude"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexec sleep 600\n")
    fake.chmod(0o755)
    daemon.environment["PATH"] = f"{fake.parent}:{os.environ['PATH']}"
    daemon.start()
    tmux = ["tmux", "-f", "/dev/null"]
    env = {k: v for k, v in os.environ.items() if k != "TMUX"} | {"TMUX_TMPDIR": str(daemon.home / "tmux")}
    try:
        body = {"name": "alpha", "workdir": str(daemon.home / "w"), "initial_prompt": ""}
        made = daemon.request("POST", "/api/sessions", json=body)
        assert made.status_code == 201, made.text
        asked = [*tmux, "display-message", "-p", "#{pid}"]
        server = subprocess.run(asked, env=env, capture_output=True, text=True, check=True).stdout.strip()
        open_files = [os.readlink(path) for path in Path(f"/proc/{server}/fd").iterdir() if path.is_symlink()]
        assert not [name for name in open_files if str(daemon.root) in name]
        daemon.kill()
        assert read_holder(daemon.root) is None
        daemon.port = free_port()
        daemon.start()
    finally:
        subprocess.run([*tmux, "kill-server"], env=env, capture_output=True, check=False)
    assert daemon.stop()[0] == 0


def test_commands_find_the_daemon_and_say_that_a_new_port_needs_a_restart(daemon: Daemon) -> None:
    """`serve.port` is edited while the daemon runs: commands still reach it, none starts a second one, it is said."""
    daemon.start()
    config = json.loads((daemon.root / "config.json").read_bytes())
    wanted = free_port()
    config["serve"]["port"] = wanted
    (daemon.root / "config.json").write_text(json.dumps(config))
    status = command(daemon, "status", "--json")
    shown = json.loads(status.stdout)["daemon"]
    assert (shown["running"], shown["port"]) == (True, daemon.port)
    said = f"config.json says port {wanted} now; port {daemon.port} is served until the daemon is restarted."
    assert said in status.stderr
    found = command(daemon, "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(found.stdout)["checks"]}
    assert (checks["daemon"]["status"], checks["daemon"]["message"]) == ("warn", said)

    def told() -> bool:
        ports = {check["name"]: check for check in daemon.get("/api/doctor")["checks"]}
        return bool(ports["port"]["status"] == "warn" and ports["port"]["message"] == said)

    eventually(told, what="the finding in /api/doctor")
    assert json.loads(command(daemon, "service", "status", "--json").stdout)["running"] is True
    assert command(daemon, "serve").returncode == 1
    assert daemon.stop()[0] == 0
    status = command(daemon, "status", "--json")
    nobody = {"running": False, "answers": False, "version": None, "port": wanted, "pid": None}
    assert json.loads(status.stdout)["daemon"] == nobody


def test_a_daemon_that_hangs_is_named(daemon: Daemon) -> None:
    """Its process is there and does not answer: that is what every command says, and not that it does not run."""
    daemon.start()
    assert daemon.process is not None
    pid = daemon.process.pid
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        said = f"(process {pid}, port {daemon.port}) does not answer."
        status = command(daemon, "status")
        assert said in status.stderr
        assert "not running" not in status.stdout + status.stderr
        shown = json.loads(command(daemon, "status", "--json").stdout)["daemon"]
        hangs = {"running": True, "answers": False, "version": None, "port": daemon.port, "pid": pid}
        assert shown == hangs
        assert said in command(daemon, "service", "status").stdout
        assert said in command(daemon, "doctor").stdout
        again = command(daemon, "serve", "--port", str(daemon.port))
        assert again.returncode == 1
        assert f"the daemon (process {pid}) has port {daemon.port} and does not answer" in again.stderr
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    assert daemon.stop()[0] == 0


def test_watch_names_a_daemon_that_cannot_be_reached(daemon: Daemon) -> None:
    """Its lock is held, its port is not listened on: it is not said that it has to be started."""
    token = daemon.home / "token"
    token.write_text("a-token")
    with InstanceLock(daemon.root) as lock:
        assert lock.take(Holder(os.getpid(), port=daemon.port))
        watch = command(daemon, "watch", "--token-file", str(token))
    assert (watch.returncode, "Start it" in watch.stderr) == (4, False)
    assert f"(process {os.getpid()}, port {daemon.port}) does not answer." in watch.stderr


def test_a_daemon_waits_for_reindex(daemon: Daemon) -> None:
    """While `reindex` holds the directory a daemon waits and says so; it begins when the directory is free."""
    with InstanceLock(daemon.root) as lock:
        assert lock.take(Holder(os.getpid(), REINDEX))
        daemon.start(ready=False)
        eventually(lambda: "reindex" in daemon.said(), what="the word of it")
        assert command(daemon, "reindex").stderr.startswith(f"ctm-trio: Another reindex runs, as process {os.getpid()}")
    eventually(daemon.answers, what="the first answer")
    assert daemon.stop()[0] == 0


def test_reindex_is_interrupted(daemon: Daemon) -> None:
    """Ctrl-C in the middle ends it at once, with 130 and no traceback; the databases are as they were."""
    log = daemon.log()
    log.append(b"".join(line(UUID, f"m{i}", size=300) for i in range(30_000)))
    daemon.start()
    eventually(lambda: len(daemon.stored()) == 30_000, within_s=60, what="the ingest")
    before = daemon.stored()
    assert daemon.stop()[0] == 0
    env = {**os.environ, "HOME": str(daemon.home), "PYTHONPATH": str(Path(__file__).parents[2])}
    argv = [sys.executable, "-m", "ctm_trio", "reindex"]
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=daemon.home) as process:
        wal = Path(f"{daemon.database}.rebuild-wal")
        eventually(lambda: wal.exists() and wal.stat().st_size > 100_000, what="the first batches")
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=10)[1].decode()
    assert (process.returncode, said.strip()) == (130, "")
    assert not list(daemon.root.glob("*.rebuild*"))
    assert daemon.stored() == before


def test_a_removed_lock_file_is_made_again(daemon: Daemon) -> None:
    """Somebody tidies up and deletes the lock file: it is there again within seconds, and still keeps others out."""
    daemon.start()
    assert daemon.process is not None
    pid = daemon.process.pid
    (daemon.root / LOCK_NAME).unlink()

    def held() -> bool:
        holder = read_holder(daemon.root)
        return holder is not None and holder.pid == pid

    eventually(held, what="the new lock file")
    assert command(daemon, "serve", "--port", str(free_port())).returncode == 1
    assert daemon.stop()[0] == 0


def test_no_second_daemon_before_the_lock_file_is_made_again(daemon: Daemon) -> None:
    """The one that starts right after the deletion begins nothing, and names the first."""
    daemon.start()
    assert daemon.process is not None
    log = daemon.log()
    log.append(b"".join(line(UUID, f"a{i}") for i in range(50)))
    eventually(lambda: len(daemon.stored()) == 50, what="the ingest")
    (daemon.root / LOCK_NAME).unlink()
    second = command(daemon, "serve", "--port", str(free_port()))
    assert second.returncode == 1
    assert f"process {daemon.process.pid} on port {daemon.port}" in second.stderr
    assert "serving on" not in second.stderr
    log.append(line(UUID, "b"))
    eventually(lambda: len(daemon.stored()) == 51, what="the next line")
    assert daemon.stop()[0] == 0


def test_the_directory_is_held_too(tmp_path: Path) -> None:
    """Without its lock file it is still held, by one at a time, until that one lets go.

    Another lock file in its place is taken over.
    """
    holder = Holder(os.getpid(), port=4711)
    root = tmp_path / "ctm"
    root.mkdir()
    with InstanceLock(root) as lock:
        assert lock.take(holder)
        (root / LOCK_NAME).unlink()
        with InstanceLock(root) as other:
            assert not other.take_now(Holder(1))
            assert lock.keep()
            assert read_holder(root) == holder
            root.rename(tmp_path / "away")
            root.mkdir()
            assert lock.keep()
            with InstanceLock(root) as third:
                assert not third.take_now(Holder(1))
    with InstanceLock(root) as other:
        assert other.take_now(Holder(1))


def test_what_stands_in_the_file_counts_only_while_it_is_held(tmp_path: Path) -> None:
    """A record of a process that has let go, a half-written one and rubbish name nobody; the file is private."""
    holder = Holder(os.getpid(), port=4711, version="1", started=5)
    with InstanceLock(tmp_path) as lock:
        assert read_holder(tmp_path) is None
        assert lock.take(holder)
        assert read_holder(tmp_path) == holder
        path = tmp_path / LOCK_NAME
        assert path.stat().st_mode & 0o777 == 0o600
        with InstanceLock(tmp_path) as other:
            assert not other.take(Holder(1))
        assert read_holder(tmp_path) == holder
        data = path.read_bytes()
        for damaged in (b"", b"rubbish", data[:40], data.replace(b"4711", b"4712")):
            path.write_bytes(damaged)
            assert read_holder(tmp_path) == Holder()
        path.write_bytes(data)
    assert read_holder(tmp_path) is None
    assert read_holder(tmp_path / "nowhere") is None


def test_a_daemon_of_the_first_version_is_noticed(tmp_path: Path) -> None:
    """It shares the lock and says nothing of itself: the directory still counts as taken."""
    import fcntl

    with open(tmp_path / LOCK_NAME, "w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        with pytest.raises(StartFailed, match="older version"):
            claim(tmp_path, Holder(os.getpid()))


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing would keep two daemons apart there, so none starts, and the reason is said."""

    def refuse(fd: int, kind: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("ctm_trio.system.instance_lock.fcntl.flock", refuse)
    with pytest.raises(StartFailed, match="file system without file locks"):
        claim(tmp_path, Holder(os.getpid()))
