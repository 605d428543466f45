"""Field case 16: every hook fires twice, because it is set twice (settings and plugin, two installs, or in HOME)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.faults.process import Daemon, eventually
from tests.field.watched import UUID, attention, calls, given, watched


def test_one_call_each(tmp_path: Path) -> None:
    """Feed, history, counts and search have each call once; the position advances, so a restart adds nothing."""
    with watched(tmp_path) as daemon:
        daemon.log(UUID).append(given("16", "lines.jsonl"))
        assert [call["payload"]["input"] for call in calls(daemon, 3)] == ["c2", "c1", "c0"]
        eventually(lambda: len(daemon.get("/api/search?q=Bash&limit=100")["matches"]) in (0, 3), what="the index")
        daemon.stop()
        daemon.start()
        daemon.log(UUID).append(line("c9", "toolu_9"))
        assert [call["payload"]["input"] for call in calls(daemon, 4)] == ["c9", "c2", "c1", "c0"]
        assert [call["input"] for call in daemon.get("/api/sessions/api/feed")] == ["c9", "c2", "c1", "c0"]


def line(command: str, use: str, *, error: str = "", agent: str = "", at: int = 0) -> bytes:
    """A call of today's client."""
    value = {
        "session_id": UUID, "hook_event_name": "PostToolUseFailure" if error else "PostToolUse", "tool_name": "Bash",
        "tool_input": {"command": command}, "tool_use_id": use, "ctm_timestamp": f"2026-11-25T10:00:{at:02d}.000000Z",
        **({"error": error} if error else {"tool_response": {"stdout": "ok"}}),
        **({"agent_id": agent, "agent_type": "Explore"} if agent else {}),
    }  # fmt: skip
    return json.dumps(value).encode() + b"\n"


def test_a_restart_between_the_two(tmp_path: Path) -> None:
    """A copy that comes after a restart, or after a kill, is one all the same."""
    with watched(tmp_path) as daemon:
        log = daemon.log(UUID)
        log.append(line("one", "t1"))
        calls(daemon, 1)
        for end in (daemon.stop, daemon.kill):
            end()
            daemon.start()
            log.append(line("one", "t1"))
        log.append(line("two", "t2"))
        assert [call["payload"]["input"] for call in calls(daemon, 2)] == ["two", "one"]


def test_sub_agents_and_the_error_window(tmp_path: Path) -> None:
    """A sub-agent has as many calls as it made, and as many failures; the window of errors is as long as set."""
    with watched(tmp_path) as daemon:
        config = json.loads((daemon.root / "config.json").read_text())
        config["serve"]["attention"] = {"error_rate_window": 6, "error_rate_pct": 50}
        (daemon.root / "config.json").write_text(json.dumps(config))
        eventually(lambda: daemon.get("/api/config")["attention"]["error_rate_window"] == 6, what="the window")
        started = {"hook_event_name": "SubagentStart", "agent_id": "a1", "agent_type": "Explore"}
        stopped = {**started, "hook_event_name": "SubagentStop", "last_assistant_message": "done"}
        # Twice each; the second start was written by a slow hook, when the agent had ended.
        for event, second in ((started, 0.0), (started, 0.04), (stopped, 0.9), (stopped, 0.95), (started, 0.97)):
            ask(daemon, event, second)
        rows = [line(f"c{n}", f"t{n}", error="Exit code 1" if n < 3 else "", agent="a1") for n in range(5)]
        daemon.log(UUID).append(b"".join(row + row for row in rows))
        calls(daemon, 5)
        (agent,) = daemon.get("/api/sessions/api/subagents")["subagents"]
        assert (agent["tool_calls"], agent["errors"], agent["status"]) == (5, 3, "failed")
        assert attention(daemon) != "error_burst"
        daemon.log(UUID).append(2 * line("c5", "t5"))  # 3 of the last 6 failed; counted twice it would be none
        eventually(lambda: attention(daemon) == "error_burst", what="3 of 6")


def test_a_question_is_one(tmp_path: Path) -> None:
    """The copy of a permission request that comes a moment after the first leaves the time since when it waits."""
    asked = {"hook_event_name": "PermissionRequest", "tool_name": "Bash", "tool_input": {"command": "x"}}
    with watched(tmp_path) as daemon:
        ask(daemon, asked, 0.1)
        eventually(lambda: attention(daemon) == "permission_request", what="the request")
        since = daemon.get("/api/sessions/api")["attention"]["since"]
        ask(daemon, asked, 0.2)
        other = line("marker", "t1", agent="a9").replace(b"Bash", b"Read")  # another agent's: it answers nothing
        daemon.log(UUID).append(other)
        calls(daemon, 1)
        assert daemon.get("/api/sessions/api")["attention"]["since"] == since


def ask(daemon: Daemon, event: Mapping[str, object], second: float) -> None:
    """Append a hook event, so many seconds after ten."""
    value = {"session_id": UUID, **event, "ctm_timestamp": f"2026-11-25T10:00:{second:09.6f}Z"}
    with open(daemon.root / "hook-events" / f"{UUID}.jsonl", "a") as file:
        file.write(json.dumps(value) + "\n")
