"""`status`: put together from the files that the daemon keeps."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path

import pytest

from ctm_trio.__main__ import main
from ctm_trio.cli import ls, status
from ctm_trio.journal.file import open_database
from ctm_trio.model.pricing import PriceTable
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.times import format_time
from ctm_trio.system.cost_store import CostStore
from ctm_trio.system.instance_lock import Holder
from tests.fakes.api import played_api


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sessions, dumps, and an event log; a daemon seems to answer."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    for name in ("TMUX", "CLAUDE_CONFIG_DIR", "CTM_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(status, "probe", lambda port: "9.9")
    root = tmp_path / ".config" / "ctm"
    root.mkdir(parents=True)
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    (root / "config.json").write_text(json.dumps({"serve": {"port": 1, "statusline_dump_dir": str(dumps)}}))
    table = {name: {"name": name, "uuid": f"u-{name}", "mode": "yolo", "workdir": "/"} for name in ("alpha", "beta")}
    (root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": table}))
    return root


def dump(root: Path, uuid: str, cost: float, context: int, week: float, resets_at: int) -> None:
    """What a status line left behind."""
    payload = {
        "session_id": uuid,
        "cost": {"total_cost_usd": cost},
        "context_window": {"used_percentage": context, "total_input_tokens": 1},
        "rate_limits": {"seven_day": {"used_percentage": week, "resets_at": resets_at}},
    }
    (root.parent.parent / "dumps" / f"{uuid}.json").write_text(json.dumps(payload))


def fill(root: Path) -> None:
    """Two logs of alpha, one of beta; both needed someone, beta no longer does."""
    db = open_database(root / "ctm-trio.db")
    rows = [(1, "u-old", "alpha", "2026-01-01T00:00:00Z"), (2, "u-alpha", "alpha", ""), (3, "u-beta", "beta", "")]
    db.executemany("INSERT INTO sources (id, uuid, session, last_call_at) VALUES (?, ?, ?, ?)", rows)
    raised = b'"state":"stuck","since":"2026-01-01T00:00:00Z","details":"no tool call","trigger_rule":"stuck"}'
    events = [
        (10, 2, "attention_raised", raised),
        (11, 3, "attention_raised", raised),
        (12, 3, "attention_cleared", b'"state":"stuck"}'),
    ]
    for id_, source, type_, payload in events:
        db.execute(
            "INSERT INTO events VALUES (?, ?, ?, '2026-01-01T00:00:00Z', ?, '', 0, '', '', '', 0, 0, 0)",
            (id_, source, type_, payload),
        )
    db.close()


def test_cost_of_a_counter_that_began_anew(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command counts as the daemon does: what was counted before stays, and what the dump says since is added."""
    dump(root, "u-alpha", 0.25, 7, 41, 0)
    fill(root)
    costs = CostStore(root / "ctm-trio-cost.db", PriceTable("2026-01-01", {}))
    for micros in (5_500_000, 20_000):
        costs.add([CostPoint("alpha", "u-alpha", format_time(time.time()), "m", 1, 1, 1, micros)])
    costs.close()
    assert main(["status", "--json"]) == 0
    alpha, _ = json.loads(capsys.readouterr().out)["sessions"]
    assert alpha["cost_usd_micros"] == 5_750_000


def test_who_needs_you_quota_and_cost(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The state that was raised last and not cleared; the highest figure of a limit; costs over /clear and of today."""
    later = int(time.time()) + 90_000
    dump(root, "u-old", 1.5, 80, 40, later)
    dump(root, "u-alpha", 0.25, 7, 41, later)
    fill(root)
    costs = CostStore(root / "ctm-trio-cost.db", PriceTable("2026-01-01", {}))
    for at, micros in ((time.time() - 90_000, 1_000_000), (time.time(), 3_500_000)):
        costs.add([CostPoint("alpha", "u-gone", format_time(at), "m", 1, 1, 1, micros)])
    costs.close()
    assert main(["status", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    alpha, beta = shown["sessions"]
    assert alpha["attention"] == {"state": "stuck", "since": "2026-01-01T00:00:00Z", "details": "no tool call"}
    assert (alpha["context_pct"], alpha["cost_usd_micros"]) == (7, 1_750_000)
    assert alpha["last_tool_call_at"] == "2026-01-01T00:00:00Z"
    assert "attention" not in beta
    assert shown["quota"]["weekly"] == {"pct": 41, "resets_at": later}
    assert shown["cost_today_usd_micros"] == 2_500_000
    assert main(["status"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("1 needs you\n")
    assert "week 41% (resets in 1d 0h)" in text
    assert "$1.75" in text
    assert "$2.50 today" in text
    assert "\033" not in text


def tell(root: Path, **states: dict[str, object]) -> None:
    """Announce the status of sessions, one after the other."""
    db = open_database(root / "ctm-trio.db")
    for number, (name, state) in enumerate(states.items(), 1):
        told = {"since": "2026-01-01T00:00:00Z", "reason": f"why\x1b {name}", "source": "hook", **state}
        db.execute("INSERT INTO sources (id, uuid, session) VALUES (?, ?, ?)", (number + 50, f"u-{name}", name))
        db.execute(
            "INSERT INTO events VALUES (?, ?, 'status_changed', '2026-01-01T00:00:00Z', ?, '', 0, '', '', '', 0, 0, 0)",
            (number + 100, number + 50, json.dumps(told)[1:].encode()),
        )
    db.close()


def record(root: Path, *names: str) -> None:
    """These sessions are recorded."""
    table = {name: {"name": name, "uuid": f"u-{name}", "mode": "yolo", "workdir": "/"} for name in names}
    (root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": table}))


def test_who_needs_you_by_urgency(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Most urgent first, then who waits longest; those at a limit of the account are one; ended ones need nobody."""
    record(root, "works", "ended", "waits", "long", "one", "two", "asks")
    waiting = {"state": "waiting", "blocked": True}
    limited = {"state": "limited", "blocked": True, "resets_at": format_time(time.time() + 3700)}
    tell(
        root, works={"state": "working", "blocked": False}, ended={"state": "gone", "blocked": True}, waits=waiting,
        long={**waiting, "since": "2025-01-01T00:00:00Z"}, one=limited, two=limited,
        asks={"state": "permission", "blocked": True, "request_id": "r"}, stranger=waiting,
    )  # fmt: skip
    assert main(["status"]) == 0
    first, *needs = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert first == "5 need you"
    assert [line.split("  ")[1].split(" ", 1)[1] for line in needs] == ["asks", "one, two", "long", "waits"]
    assert "asks permission, " in needs[0]
    assert needs[0].endswith("why\ufffd asks")
    assert "resets in 1h 1m; " in needs[1]
    assert main(["status", "--json"]) == 0
    shown = {session["name"]: session for session in json.loads(capsys.readouterr().out)["sessions"]}
    assert (shown["asks"]["status"]["state"], shown["asks"]["blocked"], shown["works"]["blocked"]) == (
        "permission", True, False,
    )  # fmt: skip


def test_the_words_of_ls_and_pick(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a daemon keeps the status up to date it is shown in words; without one, what tmux says."""
    tell(root, alpha={"state": "plan", "blocked": True}, beta={"state": "background", "blocked": False})

    def states() -> list[str]:
        assert main(["ls"]) == 0
        return capsys.readouterr().out.splitlines()[1:]

    assert all("ended" in line for line in states())
    monkeypatch.setattr(ls, "running", lambda paths: Holder(pid=1, port=1))
    one, two = states()
    assert "shows a plan" in one
    assert "runs in the background" in two
    assert main(["ls", "--json"]) == 0
    alpha, _ = json.loads(capsys.readouterr().out)
    assert (alpha["status"]["state"], alpha["blocked"], alpha["is_active"]) == ("plan", True, False)
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert main(["pick"]) == 1
    assert "  1  alpha  yolo  shows a plan            /\n" in capsys.readouterr().err


def test_with_a_token_the_daemon_is_asked(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It knows sessions that nobody recorded, warnings, and how many clients run unwatched."""
    status = {"state": "question", "since": "2026-01-01T00:00:00Z", "reason": "Asks you: x", "source": "hook"}
    base = {"uuid": "u", "mode": "safe", "workdir": "/w", "created_at": "2026-01-01T00:00:00Z", "tmux_alive": True}
    warnings = [{"state": state, "since": "", "details": "d"} for state in ("quota_high", "error_burst")]
    warnings.append({"state": "last_error_call", "since": "", "details": "last tool call returned is_error=true"})
    working = {**status, "state": "working"}
    views = [
        {**base, "name": "alpha", "managed": True, "status": working, "blocked": False, "warnings": warnings},
        {**base, "name": "byhand", "managed": False, "status": status, "blocked": True, "warnings": []},
    ]
    monkeypatch.setenv("CTM_TOKEN", "token")
    with played_api() as api:
        (root / "config.json").write_text(json.dumps({"serve": {"port": api.port}}))
        api.routes = {"GET /api/sessions": [(200, views)], "GET /health": [(200, {"unwatched_clients": 2})]}
        assert main(["status"]) == 0
        text = capsys.readouterr().out
        assert text.startswith("1 needs you\n  ● byhand  asks a question, ")
        assert "  ! alpha  many errors  d\n" in text
        assert "  ! alpha  last call failed\n" in text
        assert "quota" not in text
        assert "by hand" in text
        assert "2 Claude Code clients run unwatched: no hooks arrive. `ctm-trio setup --global` watches them." in text
        api.routes = {}  # one that is older, or does not know the token: the files tell what they can
        assert main(["status", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert ([session["name"] for session in shown["sessions"]], shown["unwatched_clients"]) == (
            ["alpha", "beta"],
            0,
        )


def test_clients_that_run_unwatched(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of a person that run, are nobody's session, and have no log; `setup` says so too."""
    sessions = root.parent.parent / ".claude" / "sessions"
    sessions.mkdir(parents=True)
    begun = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    for number, (uuid, more) in enumerate({
        "stranger": {}, "u-alpha": {}, "heard": {}, "asked": {}, "printed": {"entrypoint": "sdk-cli"},
        "ended": {"procStart": "1"},
    }.items()):  # fmt: skip
        file = {"pid": os.getpid(), "procStart": begun, "sessionId": uuid, "status": "idle", "entrypoint": "cli"}
        (sessions / f"{number}.json").write_text(json.dumps({**file, **more}))
    for directory, uuid in (("logs", "heard"), ("hook-events", "asked")):
        (root / directory).mkdir()
        (root / directory / f"{uuid}.jsonl").touch()
    said = "1 Claude Code client runs unwatched: no hooks arrive. `ctm-trio setup --global` watches it."
    assert main(["status"]) == 0
    assert said in capsys.readouterr().out
    assert main(["setup"]) == 0
    assert said in capsys.readouterr().err


def test_without_a_daemon(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It says how to start it, and claims nothing about who needs someone."""
    fill(root)
    monkeypatch.setattr(status, "probe", lambda port: None)
    assert main(["status"]) == 0
    text = capsys.readouterr().out
    assert "`ctm-trio serve` starts it; `ctm-trio service install` makes it start at every login." in text
    assert "stuck" not in text


def test_a_damaged_event_log_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is shown all the same."""
    (root / "ctm-trio.db").write_bytes(b"no database" * 500)
    assert main(["status"]) == 0
    out = capsys.readouterr()
    assert "alpha" in out.out
    assert "cannot be read now" in out.err
