"""Log lines as Claude Code's hook writes them, each with a mark that comes back in the event."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

MARK = re.compile(rb"mark:(\d+):(\d{19})")
"""`mark:<number>:<CLOCK_MONOTONIC in ns when the line was written>`; all processes of a machine share that clock."""

_HOLE = b"0" * 19
_TOOLS = (("Bash", 40), ("Read", 25), ("Edit", 15), ("Grep", 12), ("Agent", 8))
_PROSE = ["def", "handle(self):", "return", "await", "self.store.get(key)", "or", "default", "naïve", "— see", "#", ""]


def log_id(index: int) -> str:
    """The same Claude session id for the same number, always."""
    return str(uuid.UUID(int=random.Random(index).getrandbits(128), version=4))


class Lines:
    """An endless, repeatable supply of lines of one session, 0.5 to 4 kB each."""

    def __init__(self, uuid_: str, *, agents: bool = False) -> None:
        self.uuid, self.agents = uuid_, agents
        self.dice = random.Random(uuid_)
        self.text = " ".join(self.dice.choice(_PROSE) for _ in range(4000))
        self.made: set[str] = set()
        """The sub-agents that occurred so far; each of them brings an event of its own."""

    def line(self, number: int, when: float | None = None) -> bytes:
        """One line with a mark that `write` fills in.

        Args:
            number: comes back in the mark.
            when: unix seconds of the call; now by default.
        """
        dice = self.dice
        size = int(300 * 10 ** dice.random())
        at = dice.randrange(len(self.text) - size)
        bulk = self.text[at : at + size]
        mark = f"mark:{number}:{_HOLE.decode()}"
        tool = dice.choices([name for name, _ in _TOOLS], [share for _, share in _TOOLS])[0]
        given: dict[str, object]
        answer: dict[str, object]
        if tool == "Bash":
            given = {"command": f"{mark}; make test", "description": "Run the tests"}
            answer = {"stdout": bulk, "stderr": "", "interrupted": False, "isImage": False}
        elif tool == "Grep":
            given = {"pattern": mark, "path": "src"}
            answer = {"mode": "content", "numFiles": 2, "filenames": ["a.py", "b.py"], "content": bulk, "numLines": 9}
        elif tool == "Agent":
            given = {"description": f"{mark} look around", "prompt": bulk, "subagent_type": "Explore"}
            answer = {"status": "completed", "content": [{"type": "text", "text": bulk[:200]}]}
        else:
            given = {"file_path": f"{mark}/module.py"}
            file = {"filePath": "module.py", "content": bulk, "numLines": 20, "startLine": 1, "totalLines": 20}
            answer = {"type": "text", "file": file} if tool == "Read" else {"filePath": "x", "structuredPatch": []}
        value = {
            "session_id": self.uuid, "transcript_path": f"/home/dev/.claude/projects/-home-dev/{self.uuid}.jsonl",
            "cwd": "/home/dev/project", "permission_mode": "acceptEdits", "hook_event_name": "PostToolUse",
            "tool_name": tool, "tool_input": given, "tool_response": answer,
            "tool_use_id": f"toolu_{dice.getrandbits(96):024x}", "duration_ms": dice.randrange(5, 4000),
        }  # fmt: skip
        if self.agents and dice.random() < 0.1:
            agent = f"a{number // 100:08x}"
            self.made.add(agent)
            value |= {"agent_id": agent, "agent_type": "Explore"}
        moment = datetime.fromtimestamp(time.time() if when is None else when, UTC)
        value["ctm_timestamp"] = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def write(path: Path, line: bytes) -> None:
    """Append a line as the hook does, under the lock, with the time in its mark."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(fd, stamped(line))
    finally:
        os.close(fd)


def stamped(line: bytes) -> bytes:
    """The line with the time of now in its mark."""
    return line.replace(_HOLE, b"%019d" % time.monotonic_ns(), 1)
