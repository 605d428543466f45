"""Records and hook lines for the field cases, put where their writers put them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.faults.process import Daemon, eventually
from tests.tmux_server import PrivateTmux

FIXTURES = Path(__file__).parents[1] / "fixtures" / "field"

TOOL_EVENTS = ("PostToolUse", "PostToolUseFailure")


def uuid_of(n: int) -> str:
    """The Claude session id that ends in this digit."""
    return f"0a1b2c3d-0000-4000-8000-00000000000{n}"


def lines_of(case: str, name: str = "lines.jsonl") -> list[dict[str, Any]]:
    """The lines of a case's input file."""
    return [json.loads(line) for line in (FIXTURES / case / name).read_text().splitlines()]


def append(daemon: Daemon, lines: Iterable[dict[str, Any]]) -> None:
    """Append lines as the producer does: finished calls to `logs`, the rest to `hook-events`, by session id."""
    for line in lines:
        kind = "logs" if line["hook_event_name"] in TOOL_EVENTS else "hook-events"
        with (daemon.root / kind / f"{line['session_id']}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")


def line(uuid: str, event: str, *, pid: str = "", pane: str = "", session: str = "", **more: Any) -> dict[str, Any]:
    """One line. `more`: other keys."""
    found = {"session_id": uuid, "hook_event_name": event, "ctm_timestamp": "2026-11-25T10:00:00.000000Z", **more}
    names = (("ctm_pid", pid), ("ctm_pane", pane), ("ctm_session", session))
    return found | {key: value for key, value in names if value}


def call(uuid: str, command: str, **more: Any) -> dict[str, Any]:
    """A finished Bash call."""
    return line(uuid, "PostToolUse", tool_name="Bash", tool_input={"command": command},
                tool_response={"stdout": "ok"}, tool_use_id=f"toolu_{command}", **more)  # fmt: skip


def record(daemon: Daemon, **uuids: str) -> None:
    """Write `sessions.json` with exactly these sessions: name (with `_` for `-`) and uuid."""
    made = "2026-11-25T09:00:00Z"
    table = {
        name.replace("_", "-"): {
            "name": name.replace("_", "-"), "uuid": uuid, "mode": "yolo", "workdir": f"/srv/{name}", "created_at": made
        }
        for name, uuid in uuids.items()
    }  # fmt: skip
    path = daemon.root / "sessions.json"
    path.with_suffix(".new").write_text(json.dumps({"schema_version": 1, "sessions": table}))
    path.with_suffix(".new").replace(path)


def recorded(daemon: Daemon) -> dict[str, str]:
    """Name → uuid, as `sessions.json` has it."""
    table = json.loads((daemon.root / "sessions.json").read_bytes())["sessions"]
    return {name: entry["uuid"] for name, entry in table.items()}


def feed(daemon: Daemon, name: str) -> list[str]:
    """The commands in a session's feed, newest first."""
    return [entry["input"] for entry in daemon.get(f"/api/sessions/{name}/feed")]


def attention(daemon: Daemon, name: str) -> str:
    """The state of a session's attention, "" if there is none."""
    return str(daemon.get(f"/api/sessions/{name}").get("attention", {}).get("state", ""))


def known(daemon: Daemon, name: str) -> None:
    """Wait until the daemon has a record."""
    eventually(lambda: daemon.request("GET", f"/api/sessions/{name}").status_code == 200, what=f"the record of {name}")


def with_tmux(daemon: Daemon, server: PrivateTmux, **serve: object) -> None:
    """Point the daemon at a private tmux server with a fake claude. Before it is started. `serve`: more settings."""
    config = json.loads((daemon.root / "config.json").read_bytes())
    config["serve"] |= {"tmux_socket": server.socket, **serve}
    (daemon.root / "config.json").write_text(json.dumps(config))
    daemon.environment["PATH"] = f"{server.bin}:/usr/bin:/bin"


def no_tmux(daemon: Daemon) -> None:
    """Give the daemon a tmux that cannot be asked, so that no session counts as dead. Before it is started."""
    shim = daemon.home / "bin" / "tmux"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\nexit 1\n")
    shim.chmod(0o755)
    daemon.environment["PATH"] = f"{shim.parent}:/usr/bin:/bin"
