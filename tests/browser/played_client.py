"""A Claude Code client on paper, in the pane of a session: its status file, and the real hook command that it starts.

It behaves as measured with Claude Code 2.1.330: the status file says what it is at, each event starts a hook, and a
call that needs a person starts one that may wait for the answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.browser.site import ROOT, Site

HOOK = [sys.executable, "-I", "-S", str(ROOT / "ctm_trio" / "producers" / "start.py"), "hook"]
LIMIT_S = 60.0
"""How long a hook may take; a loaded machine is slow."""


class Hold:
    """A hook that was started for a PermissionRequest and may be waiting for an answer. A context, which ends it."""

    def __init__(self, client: PlayedClient, payload: dict[str, Any]) -> None:
        self.client, self.payload = client, payload
        self._process = subprocess.Popen(
            HOOK, env=client.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(payload).encode())
        self._process.stdin.close()
        self._process.stdin = None

    def decision(self) -> dict[str, Any]:
        """Wait until it ends; what it decided, in the client's own format."""
        out, _ = self._process.communicate(timeout=LIMIT_S)
        decided: dict[str, Any] = json.loads(out)["hookSpecificOutput"]["decision"]
        return decided

    def silent(self) -> None:
        """Wait until it ends, and fail if it decided anything."""
        out, _ = self._process.communicate(timeout=LIMIT_S)
        assert not out.strip(), out

    def kill(self) -> None:
        """End it, if it has not ended."""
        self._process.kill()
        self._process.wait(LIMIT_S)
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class PlayedClient:
    """The client of a session that runs in tmux. The daemon must have been started."""

    def __init__(self, site: Site, name: str) -> None:
        record = site.records[name]
        wanted = "#{pane_pid}|#{pane_id}|#{socket_path},#{pid},0|#{session_name}:#{window_id}.#{pane_id}"
        pid, pane, server, where = site.tmux.run("display-message", "-p", "-t", f"={name}:", wanted).strip().split("|")
        self.pid, self._where, self.uuid, self.cwd = int(pid), where, record["uuid"], record["workdir"]
        self._file = site.home / ".claude" / "sessions" / f"{pid}.json"
        self.environment = site.environment() | {
            "CLAUDE_CODE_ENTRYPOINT": "cli",
            "CLAUDECODE": "1",
            "CLAUDE_CODE_SESSION_ID": self.uuid,
            "CLAUDE_PROJECT_DIR": self.cwd,
            "CLAUDE_PID": pid,
            "CTM_SESSION": name,
            "TMUX_PANE": pane,
            "TMUX": server,
        }

    def says(self, status: str, waiting: str = "", *, ago_s: float = 0.0) -> None:
        """Write the status file: busy, idle, shell, or waiting (for what), for so long."""
        begun = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[19]
        now = int((time.time() - ago_s) * 1000)
        entry = {
            "pid": self.pid, "sessionId": self.uuid, "cwd": self.cwd, "startedAt": now - 60_000, "procStart": begun,
            "version": "2.1.330", "peerProtocol": 1, "kind": "interactive", "entrypoint": "cli", "status": status,
            "updatedAt": now, "statusUpdatedAt": now, "tmux": self._where,
        }  # fmt: skip
        if waiting:
            entry["waitingFor"] = waiting
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps(entry))
        draft.replace(self._file)

    def payload(self, event: str, **fields: Any) -> dict[str, Any]:
        """What a hook of this event reads."""
        mode = "plan" if fields.get("tool_name") == "ExitPlanMode" else "default"
        return {
            "session_id": self.uuid, "transcript_path": f"{self.cwd}/{self.uuid}.jsonl", "cwd": self.cwd,
            "permission_mode": mode, "hook_event_name": event, **fields,
        }  # fmt: skip

    def fire(self, event: str, **fields: Any) -> None:
        """An event whose hook ends by itself."""
        data = json.dumps(self.payload(event, **fields)).encode()
        done = subprocess.run(HOOK, input=data, env=self.environment, capture_output=True, timeout=LIMIT_S, check=False)
        assert (done.returncode, done.stdout) == (0, b""), done

    def works(self, prompt: str = "Please do it") -> None:
        """Begin a turn."""
        self.says("busy")
        self.fire("UserPromptSubmit", prompt=prompt)

    def stops(self, words: str = "All done.") -> None:
        """End the turn well."""
        self.fire("Stop", stop_hook_active=False, last_assistant_message=words, background_tasks=[], session_crons=[])
        self.says("idle")

    def fails(self, error: str, words: str) -> None:
        """End the turn with an error of the API."""
        self.fire("StopFailure", error=error, error_details=words, last_assistant_message=words)
        self.says("idle")

    def asks(
        self, tool: str, tool_input: dict[str, Any], *, suggestions: list[Any] | None = None, agent: str = ""
    ) -> Hold:
        """A call that needs a person: PreToolUse, the status file, then the hook that may wait."""
        who = {"agent_id": agent, "agent_type": "Explore"} if agent else {}
        call = {"tool_name": tool, "tool_input": tool_input, **who}
        self.fire("PreToolUse", tool_use_id=f"toolu_{uuid.uuid4().hex[:24]}", **call)
        if not agent:
            self.says("waiting", "input needed" if tool == "AskUserQuestion" else "permission prompt")
        more = {"permission_suggestions": suggestions} if suggestions else {}
        return Hold(self, self.payload("PermissionRequest", **call, **more))

    def terminal_says_yes(self, hold: Hold) -> None:
        """The person at the terminal allows the call: it runs, and the hook is left alone."""
        self.says("busy")
        call = {key: hold.payload[key] for key in ("tool_name", "tool_input")}
        self.fire("PostToolUse", tool_use_id="", tool_response={"stdout": "", "stderr": ""}, duration_ms=12, **call)
