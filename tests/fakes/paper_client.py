"""A Claude Code client on paper, without a terminal: a process, its status file, and the real hook that it starts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import ctm_trio
from tests.faults.process import Daemon

HOOK = [sys.executable, "-I", "-S", str(Path(ctm_trio.__file__).parent / "producers" / "start.py"), "hook"]
LIMIT_S = 60.0
"""No hook takes longer, on a busy machine neither."""


class Asking:
    """A hook that was started for a `PermissionRequest`. A context, which ends it."""

    def __init__(self, client: PaperClient, payload: dict[str, Any]) -> None:
        self.payload = payload
        self.process = subprocess.Popen(
            HOOK, env=client.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(payload).encode())
        self.process.stdin.close()
        self.process.stdin = None

    def printed(self) -> dict[str, Any] | None:
        """Wait until it ends; the decision that it printed, None if it printed nothing."""
        out, _ = self.process.communicate(timeout=LIMIT_S)
        assert self.process.returncode == 0
        if not out:
            return None
        decision: dict[str, Any] = json.loads(out)["hookSpecificOutput"]["decision"]
        return decision

    @property
    def waits(self) -> bool:
        """It has not ended."""
        return self.process.poll() is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(LIMIT_S)
        if self.process.stdout is not None:
            self.process.stdout.close()


class PaperClient:
    """A client of a recorded session. A context, which ends its process."""

    def __init__(self, daemon: Daemon, uuid: str) -> None:
        self.daemon, self.uuid = daemon, uuid
        self.process = subprocess.Popen(["sleep", "3600"])
        self.file = daemon.home / ".claude" / "sessions" / f"{self.process.pid}.json"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.transcript = daemon.home / ".claude" / "projects" / "-w" / f"{uuid}.jsonl"
        self.environment = {
            "HOME": str(daemon.home), "PATH": "/usr/bin:/bin", "CLAUDE_PID": str(self.process.pid),
            "CLAUDE_CODE_ENTRYPOINT": "cli",
        }  # fmt: skip

    def says(self, status: str, waiting_for: str = "", **more: object) -> None:
        """Write the status file."""
        begun = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[19]
        now = int(time.time() * 1000)
        entry = {"pid": self.process.pid, "sessionId": self.uuid, "cwd": str(self.daemon.home), "startedAt": now,
                 "procStart": begun, "entrypoint": "cli", "status": status, "waitingFor": waiting_for,
                 "statusUpdatedAt": now, **more}  # fmt: skip
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(entry))
        new.replace(self.file)

    def _payload(self, event: str, **fields: object) -> dict[str, Any]:
        return {"session_id": self.uuid, "cwd": str(self.daemon.home), "hook_event_name": event,
                "transcript_path": str(self.transcript), **fields}  # fmt: skip

    def writes(self, line: dict[str, Any]) -> None:
        """Add a line to the transcript."""
        self.transcript.parent.mkdir(parents=True, exist_ok=True)
        with self.transcript.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def fire(self, event: str, **fields: object) -> None:
        """An event whose hook ends by itself."""
        data = json.dumps(self._payload(event, **fields)).encode()
        subprocess.run(HOOK, input=data, env=self.environment, check=True, timeout=LIMIT_S)

    def works(self) -> None:
        """Begin a turn."""
        self.says("busy")
        self.fire("UserPromptSubmit", prompt="Please do it")

    def asks(self, command: str, *, agent: str = "", use: str = "") -> Asking:
        """A call that needs a person. `use`: its id, `use-COMMAND` if none is given."""
        who = {"agent_id": agent, "agent_type": "Explore"} if agent else {}
        call = {"tool_name": "Bash", "tool_input": {"command": command}, **who}
        self.fire("PreToolUse", **call, tool_use_id=use or f"use-{command}")
        if not agent:
            self.says("waiting", "permission prompt")
        return Asking(self, self._payload("PermissionRequest", **call))

    def ran(self, command: str) -> None:
        """The call has run."""
        self.fire("PostToolUse", tool_name="Bash", tool_input={"command": command}, tool_response={"stdout": ""},
                  tool_use_id=f"use-{command}", duration_ms=1)  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(LIMIT_S)
