"""Transcripts as Claude Code writes them: the lines of a conversation below `~/.claude/projects`."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RED_DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
USAGE = {
    "input_tokens": 4, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000, "output_tokens": 50,
    "service_tier": "standard", "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 100},
}  # fmt: skip
Block = dict[str, Any]


def words(text: str) -> Block:
    """A block of an answer."""
    return {"type": "text", "text": text}


def thought(text: str) -> Block:
    """A block of thinking."""
    return {"type": "thinking", "thinking": text, "signature": ""}


def use(tool: str, tool_input: dict[str, Any], id_: str = "") -> Block:
    """A tool call."""
    return {"type": "tool_use", "id": id_ or f"toolu_{secrets.token_hex(12)}", "name": tool, "input": tool_input}


def image() -> Block:
    """A red dot."""
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(RED_DOT).decode()}
    return {"type": "image", "source": source}


class Transcript:
    """One conversation's file; each method appends what the client would.

    Args:
        home, workdir: of the user and of the session. id_: of the conversation, that of the session's record.
        agent: the file of this sub-agent of it. ago_s: when it began; each line is a second later.
    """

    def __init__(self, home: Path, workdir: str, id_: str = "", *, agent: str = "", ago_s: float = 3600) -> None:
        self.id = id_ or str(uuid.uuid4())
        self.workdir, self.agent = workdir, agent
        folder = home / ".claude" / "projects" / re.sub(r"[^a-zA-Z0-9]", "-", workdir)
        self.path = folder / (f"{self.id}/subagents/agent-{agent}.jsonl" if agent else f"{self.id}.jsonl")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._moment = time.time() - ago_s
        self._parent: str | None = None

    def now(self) -> None:
        """What follows was said now."""
        self._moment = time.time() - 1

    def line(self, type_: str, **fields: Any) -> dict[str, Any]:
        """A line that is not written yet."""
        self._moment += 1
        own = str(uuid.uuid4())
        stamp = datetime.fromtimestamp(self._moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        made = {
            "parentUuid": self._parent, "isSidechain": bool(self.agent), "type": type_, **fields, "uuid": own,
            "timestamp": stamp, "userType": "external", "entrypoint": "cli", "cwd": self.workdir, "sessionId": self.id,
            "version": "2.1.330", "gitBranch": "HEAD", **({"agentId": self.agent} if self.agent else {}),
        }  # fmt: skip
        self._parent = own
        return made

    def write(self, *lines: dict[str, Any]) -> None:
        """Append lines in one write."""
        with open(self.path, "a") as file:
            file.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))

    def prompt_line(self, content: str | list[Block], **fields: Any) -> dict[str, Any]:
        """What a person typed, as a line."""
        head = {"promptId": str(uuid.uuid4()), "permissionMode": "default", "origin": {"kind": "human"},
                "promptSource": "typed", "turnOrigin": "human"}  # fmt: skip
        return self.line("user", message={"role": "user", "content": content}, **{**head, **fields})

    def prompt(self, content: str | list[Block], **fields: Any) -> None:
        """What a person typed."""
        self.write(self.prompt_line(content, **fields))

    def answer_lines(self, *blocks: Block, model: str = "claude-sonnet-5-5") -> list[dict[str, Any]]:
        """A message of the model: a line a block."""
        calls = any(block["type"] == "tool_use" for block in blocks)
        message = {
            "id": f"msg_{secrets.token_hex(8)}", "type": "message", "role": "assistant", "model": model,
            "stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None, "usage": USAGE,
        }  # fmt: skip
        request = f"req_{secrets.token_hex(6)}"
        return [
            self.line("assistant", message={**message, "content": [block]}, apiBlockIndex=at, requestId=request)
            for at, block in enumerate(blocks)
        ]

    def answer(self, *blocks: Block, model: str = "claude-sonnet-5-5") -> None:
        """What the model said and called."""
        self.write(*self.answer_lines(*blocks, model=model))

    def result(self, call: Block, content: Any, *, error: bool = False, **fields: Any) -> None:
        """What a tool gave back."""
        block = {"tool_use_id": call["id"], "type": "tool_result", "content": content, "is_error": error}
        self.write(self.line("user", message={"role": "user", "content": [block]}, **fields))
