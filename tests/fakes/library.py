"""Logs on disk and the database that the daemon would make of them, without the daemon."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from ctm_trio.journal.stamping import stamp_lines
from ctm_trio.journal.store import EventStore
from ctm_trio.model.log_line import HOOK_EVENTS, LOGS, LineBatch, Segment
from ctm_trio.model.log_parse import parse_chunk
from ctm_trio.model.paths import Paths, paths_under

UUID = "11111111-2222-4333-8444-555555555555"
NOW = "2026-05-06T07:08:09Z"


def at(second: float) -> str:
    """A time so many seconds after noon."""
    return f"2026-05-06T{12 + int(second) // 3600:02d}:{int(second) // 60 % 60:02d}:{second % 60:09.6f}Z"


def bash(command: str, output: str = "ok", ts: str = NOW, **more: Any) -> dict[str, Any]:
    """A log line of a Bash call."""
    line = {"hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_input": {"command": command}}
    return {**line, "tool_response": {"stdout": output}, "ctm_timestamp": ts, **more}


class Library:
    """A configuration directory whose logs are in its database.

    Args:
        home: a fresh directory.
    """

    def __init__(self, home: Path) -> None:
        self.paths: Paths = paths_under(home)
        self.paths.logs.mkdir(parents=True)
        self.paths.hook_events.mkdir()
        self.store = EventStore(self.paths.database)
        self.segments: dict[tuple[str, str], Segment] = {}

    def write(
        self, lines: Iterable[dict[str, Any]], *, uuid: str = UUID, session: str = "alpha", kind: str = LOGS
    ) -> list[int]:
        """Append lines to a log and commit them; the ids of their events and hook rows."""
        path = (self.paths.hook_events if kind == HOOK_EVENTS else self.paths.logs) / f"{uuid}.jsonl"
        start = path.stat().st_size if path.exists() else 0
        data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        with path.open("ab") as file:
            file.write(data)
        segment = self.segments.get((kind, uuid)) or self.store.new_segment(uuid, kind)
        self.segments[kind, uuid] = segment
        status = os.stat(path)
        segment.device, segment.inode, segment.position = status.st_dev, status.st_ino, start + len(data)
        rows = [row for part in parse_chunk(data, 0, start, lambda: NOW) for row in part.rows]
        self.store.source(uuid, session).session = session
        stamped, events = stamp_lines(self.store, LineBatch(msgspec.structs.replace(segment), rows))
        self.store.insert([stamped])
        return [event.id for event in events if event.type != "subagent_start"]

    def rotate(self, *, uuid: str = UUID, packed: bool, told: bool = True) -> None:
        """Rotate a log; `told`: the database knows the part's new name."""
        current = self.paths.logs / f"{uuid}.jsonl"
        part = current.with_name(f"{current.name}.1700000000000000000")
        current.rename(part)
        if packed:
            part.with_name(f"{part.name}.gz").write_bytes(gzip.compress(part.read_bytes()))
            part.unlink()
        segment = self.segments.pop((LOGS, uuid))
        if told:
            segment.name = part.name
            stamped, _ = stamp_lines(self.store, LineBatch(msgspec.structs.replace(segment), []))
            self.store.insert([stamped])

    def close(self) -> None:
        """Close the store."""
        self.store.close()
