"""`status`: put together from the files that the daemon keeps."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ctm_trio.__main__ import main
from ctm_trio.cli import status
from ctm_trio.journal.file import open_database
from ctm_trio.model.pricing import PriceTable
from ctm_trio.model.quota import CostPoint
from ctm_trio.model.times import format_time
from ctm_trio.system.cost_store import CostStore


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sessions, dumps, and an event log; a daemon seems to answer."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)
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
