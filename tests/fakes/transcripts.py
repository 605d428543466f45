"""Transcripts as Claude Code 2.1.330 writes them: lines of the recorded shapes, with texts of our own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

UUID = "11111111-2222-4333-8444-555555555555"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A dot: 70 bytes in base64."""

BEGAN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

MODEL = "claude-haiku-5-5"

Line = dict[str, Any]


def encoded(*lines: Line) -> bytes:
    """Lines as they stand in the file."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def text_block(text: str) -> Line:
    return {"type": "text", "text": text}


def thinking_block(text: str) -> Line:
    return {"type": "thinking", "thinking": text, "signature": "c2ln"}


def call_block(id_: str, tool: str = "Bash", **given: object) -> Line:
    return {"type": "tool_use", "id": id_, "name": tool, "input": given}


def image_block(data: str = PNG, media_type: str = "image/png") -> Line:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


@dataclass
class Talk:
    """One transcript that grows line by line; each line is a second later than the one before.

    Attributes:
        uuid: of the conversation. agent: of the sub-agent whose file it is, "" for the main thread.
        seed: lines of two transcripts with one seed have the same uuids.
    """

    uuid: str = UUID
    cwd: str = "/home/dev/project"
    agent: str = ""
    seed: str = ""
    began: datetime = BEGAN
    lines: list[Line] = field(default_factory=list)
    _count: int = 0

    # -- any line

    def add(self, type_: str, **keys: object) -> Line:
        """A line with what most lines have."""
        self._count += 1
        seed = f"{self.seed or self.uuid}{self.agent}{self._count}"
        at = self.began + timedelta(seconds=self._count)
        line: Line = {
            "parentUuid": self.lines[-1].get("uuid") if self.lines else None, "isSidechain": bool(self.agent),
            "type": type_, "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, seed)),
            "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "userType": "external",
            "entrypoint": "cli", "cwd": self.cwd, "sessionId": self.uuid, "version": "2.1.330", "gitBranch": "HEAD",
        }  # fmt: skip
        line |= {"agentId": self.agent} if self.agent else {}
        line |= keys
        self.lines.append(line)
        return line

    def bare(self, type_: str, **keys: object) -> Line:
        """A line of bookkeeping: without uuid and time."""
        self.lines.append({"type": type_, "sessionId": self.uuid, **keys})
        return self.lines[-1]

    def user(self, content: str | Sequence[Line], **keys: object) -> Line:
        """A line of type `user`."""
        return self.add("user", message={"role": "user", "content": content}, **keys)

    # -- what people do

    def prompt(self, text: str, *images: Line, **keys: object) -> Line:
        """A typed prompt."""
        content = [text_block(text), *images] if images else text
        return self.user(content, **{"promptSource": "typed", "origin": {"kind": "human"}, **keys})

    def queued(self, text: str | Sequence[Line], **keys: object) -> Line:
        """A prompt that the running turn took up."""
        told = {"type": "queued_command", "prompt": text, "commandMode": "prompt", "origin": {"kind": "human"}, **keys}
        return self.add("attachment", attachment=told)

    def command(self, name: str, args: str = "") -> Line:
        """A slash command."""
        return self.user(
            f"<command-name>{name}</command-name>\n            <command-message>{name[1:]}</command-message>\n"
            f"            <command-args>{args}</command-args>"
        )

    def report(self, summary: str) -> Line:
        """A background task's report."""
        text = f"<task-notification>\n<task-id>a1</task-id>\n<summary>{summary}</summary>\n</task-notification>"
        return self.user(text, promptSource="system", origin={"kind": "task-notification"})

    # -- what the model does

    def said(self, *blocks: Line, message: str, out: int = 20, cut: int = 4, **keys: object) -> list[Line]:
        """An answer: a line for each block, all with the same id and the same usage."""
        usage = {
            "input_tokens": cut, "output_tokens": out, "cache_creation_input_tokens": 100,
            "cache_read_input_tokens": 1000,
        }  # fmt: skip
        return [
            self.add(
                "assistant", requestId="req_1",
                message={"id": message, "type": "message", "role": "assistant", "model": MODEL, "content": [block],
                         "usage": usage}, **keys,
            )
            for block in blocks
        ]  # fmt: skip

    def text(self, text: str, *, message: str = "", **keys: Any) -> Line:
        """An answer of words alone."""
        return self.said(text_block(text), message=message or f"msg_{self.seed or self.uuid}_{self._count}", **keys)[0]

    def call(self, id_: str, tool: str = "Bash", *, message: str = "", **given: object) -> Line:
        """A call."""
        return self.said(call_block(id_, tool, **given), message=message or f"msg_{id_}")[0]

    def result(self, id_: str, content: object = "done", **keys: object) -> Line:
        """What a tool answered."""
        failed = bool(keys.pop("is_error", False))
        block = {"tool_use_id": id_, "type": "tool_result", "content": content} | ({"is_error": True} if failed else {})
        return self.user([block], **keys)

    def compact(self, summary: str, again: Iterable[Line] = ()) -> None:
        """A compaction: its mark, its summary, and lines that are written again."""
        self.add("system", subtype="compact_boundary", content="Conversation compacted", level="info",
                 parentUuid=None, compactMetadata={"trigger": "manual", "preTokens": 10, "postTokens": 1})  # fmt: skip
        words = f"<system-reminder>\nfor the model\n</system-reminder>\n{summary}"
        self.user(words, isCompactSummary=True, isVisibleInTranscriptOnly=True)
        self.lines += again

    # -- files

    @property
    def data(self) -> bytes:
        """The whole file."""
        return encoded(*self.lines)

    def place(self, projects: Path, directory: str = "-home-dev-project") -> Path:
        """Where its file is."""
        if self.agent:
            return projects / directory / self.uuid / "subagents" / f"agent-{self.agent}.jsonl"
        return projects / directory / f"{self.uuid}.jsonl"

    def write(self, projects: Path, directory: str = "-home-dev-project") -> Path:
        """Write the file anew."""
        path = self.place(projects, directory)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.data)
        return path


def append(path: Path, *lines: Line) -> None:
    """Write more lines at the end, as the client does: at once."""
    with path.open("ab") as file:
        file.write(encoded(*lines))
