"""A stop ends within ten seconds, also when a step of the daemon hangs in the kernel."""

from __future__ import annotations

import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.process import Daemon, eventually
from tests.faults.rig import line

PROMISE_S = 10.0


@dataclass(frozen=True)
class Stall:
    """What hangs, what provokes it ("log", "search", "config", "session", "login", "dump", "" for the stop alone).

    Attributes:
        code: the exit code that is right then.
        says: what the last message names; "" where the step is left alone and the stop is a clean one.
        or_says: what it may name instead: a commit that meets a lock is made in the writer's thread.
    """

    step: str
    provoked: str
    code: int
    says: str
    or_says: str = ""


STALLS = (
    Stall(
        "ctm_trio.journal.store:EventStore.insert", "log", 1, "_flush_quickly (journal/task.py", "insert_what_can_be ("
    ),
    Stall("ctm_trio.journal.store:EventStore.close", "", 1, "shut (journal/task.py"),
    Stall("ctm_trio.archive.search_index:SearchIndex.step", "log", 0, ""),
    Stall("ctm_trio.archive.search_index:SearchIndex.close", "", 0, ""),
    Stall("ctm_trio.system.cost_store:CostStore.close", "", 0, ""),
    Stall("ctm_trio.system.outbox:Outbox.close", "", 0, ""),
    Stall("ctm_trio.system.settings_file:atomic_write", "config", 0, "change (system/settings_file.py"),
    Stall("ctm_trio.system.sessions_file:atomic_write", "forget", 0, "rewrite (system/sessions_file.py"),
    Stall("ctm_trio.system.sessions_file:SessionsFile._read", "sessions", 0, "quiet"),
    Stall("ctm_trio.system.password_hash:hash_password", "login", 0, "quiet"),
    Stall("ctm_trio.owners.quota.task:read_dumps", "dump", 0, "quiet"),
    Stall("ctm_trio.system.user_file:stamp", "look", 1, "user_stamp (system/user_file.py"),
)


def provoke(daemon: Daemon, what: str, stack: ExitStack) -> None:
    """Make the daemon take the step; what is asked of it may never be answered, and is closed with the stack."""
    if what == "log":
        daemon.log().append(line("11111111-2222-4333-8444-555555555555", "after"))
    elif what == "dump":
        (daemon.home / "dumps" / "d.json").write_text('{"session_id":"d","context_window":{"used_percentage":3}}')
    elif what == "sessions":
        (daemon.root / "sessions.json").write_text('{"schema_version":1,"sessions":{}}')
    elif what:
        method, path, body = {
            "config": ("PATCH", "/api/config", {"attention": {"idle_minutes": 7}}),
            "forget": ("POST", "/api/sessions/alpha/forget", {"confirm": "alpha"}),
            "login": ("POST", "/api/auth/login", {"username": "tester@example.com", "password": "wrong password"}),
            "look": ("GET", "/api/auth/status", None),
        }[what]
        stack.enter_context(daemon.send(method, path, body))


def stop(root: Path, stall: Stall, starting: threading.Semaphore) -> tuple[Stall, int, float, str]:
    """One daemon: it runs, the step hangs, it is stopped. Exit code, seconds, what it said.

    Args:
        starting: held until the stop begins. A start takes the machine, a stop that hangs takes nothing but time.
    """
    root.mkdir()
    environment = {"CTM_TEST_STALL": stall.step}
    with Daemon(root, environment=environment, module="tests.faults.stalled") as daemon, ExitStack() as stack:
        (daemon.root / "sessions.json").write_text(
            '{"schema_version":1,"sessions":{"alpha":{"name":"alpha","uuid":"u","mode":"yolo","workdir":"/"}}}'
        )
        with starting:
            daemon.start()
            eventually(lambda: bool(daemon.get("/api/sessions")), what="the session")
            (root / "stall").touch()
            provoke(daemon, stall.provoked, stack)
            while stall.provoked == "look" and not (root / "stalled").exists():
                provoke(daemon, "look", stack)  # only the first request of each quarter of a second looks
                time.sleep(0.1)
            if stall.provoked:
                eventually((root / "stalled").exists, what=f"the stall of {stall.step}")
            assert daemon.process is not None
            began = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
        code = daemon.process.wait(20)
        took = time.monotonic() - began
        assert (root / "stalled").exists(), stall
        return stall, code, took, daemon.said()


def test_a_step_that_hangs(tmp_path: Path) -> None:
    """Whatever hangs, the process ends in ten seconds: 0 if the last batch is on disk, else 1; what hangs is named."""
    starting = threading.Semaphore(2)
    with ThreadPoolExecutor(len(STALLS)) as pool:
        ends = list(pool.map(lambda pair: stop(tmp_path / str(pair[0]), pair[1], starting), enumerate(STALLS)))
    for stall, code, took, _ in ends:
        print(f"{stall.step}: exit code {code} after {took:.1f} s")
    for stall, code, took, said in ends:
        assert took < PROMISE_S, stall
        assert code == stall.code, (stall, said)
        assert "Traceback" not in said, (stall, said)
        cut_off = said.rpartition("still at work: ")[2] if "still at work" in said else ""
        if stall.says == "quiet":
            assert not cut_off, stall
        elif stall.says:
            assert any(words in cut_off for words in (stall.says, stall.or_says) if words), (stall, said)
    print("worst stop", max(took for _, _, took, _ in ends), file=sys.stderr)


def test_what_was_not_committed_comes_from_the_log(tmp_path: Path) -> None:
    """A line whose commit hung when the daemon was stopped is read from its log by the next one, once."""
    environment = {"CTM_TEST_STALL": "ctm_trio.journal.store:EventStore.insert"}
    with Daemon(tmp_path, environment=environment, module="tests.faults.stalled") as daemon:
        daemon.start()
        log = daemon.log()
        log.append(line(log.uuid, "before"))
        eventually(lambda: [m for _, m in daemon.stored()] == ["before"], what="the first line")
        (tmp_path / "stall").touch()
        log.append(line(log.uuid, "during"))
        eventually((tmp_path / "stalled").exists, what="the stall")
        code, _ = daemon.stop()
        assert code == 1
        daemon.module = "ctm_trio"
        daemon.start()
        eventually(lambda: [m for _, m in daemon.stored()] == ["before", "during"], what="the second line")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_in_peace_is_clean(tmp_path: Path, number: signal.Signals) -> None:
    """Without trouble a stop takes a moment, ends with 0, and says nothing of being cut off."""
    with Daemon(tmp_path).start() as daemon:
        assert daemon.process is not None
        daemon.process.send_signal(number)
        assert daemon.process.wait(PROMISE_S) == 0
        assert "cut off" not in daemon.said()
