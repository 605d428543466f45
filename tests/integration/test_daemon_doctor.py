"""The daemon's doctor: what it looks at, and that it ends in time."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from ctm_trio.model.config import Settings
from ctm_trio.model.doctor import Check, Facts, daemon_checks
from ctm_trio.model.paths import paths_under
from ctm_trio.system import daemon_doctor
from ctm_trio.system.daemon_doctor import Doctor


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
