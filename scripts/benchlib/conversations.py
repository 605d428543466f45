"""Conversations: gigabytes of transcripts read and searched, pages of a long one, and what that costs live work."""

from __future__ import annotations

import json
import os
import random
import re
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchlib.clients import Clients, percentile
from benchlib.daemon import Daemon
from benchlib.lines import Lines, log_id, write

Row = dict[str, Any]

RECORDED = Path(__file__).parents[2] / "tests" / "fixtures" / "claude-code" / "projects"
IDS = re.compile(rb"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|toolu_[0-9a-f]{24}|msg_mock\d+")

TOTAL_BYTES = 2_000_000_000
LONG_BYTES = 200_000_000
SEARCHES = (
    "hello",
    "Count the lines",
    "scripted failure",
    "no such thing here",
    "exit 3",
    "ello.py",
    "NoSuch",
    "round 7",
)


class Replay:
    """Recorded transcripts, again and again with other ids."""

    def __init__(self) -> None:
        files = [path for path in sorted(RECORDED.rglob("*.jsonl")) if "subagents" not in path.parts]
        self.parts = [self._split(path) for path in files]

    @staticmethod
    def _split(path: Path) -> tuple[bytes, list[bytes], list[bytes]]:
        data = path.read_bytes()
        ids = [match[0] for match in IDS.finditer(data)]
        return path.stem.encode(), IDS.sub(b"\0", data).split(b"\0"), ids

    def copy(self, number: int, session: str = "") -> tuple[str, bytes]:
        """One transcript with ids of its own: its uuid, its bytes."""
        stem, texts, ids = self.parts[number % len(self.parts)]
        own = session or str(uuid.UUID(int=random.Random(number).getrandbits(128), version=4))
        new = {id_: own.encode() if id_ == stem else self._renamed(id_, number) for id_ in set(ids)}
        out = [texts[0]]
        for id_, text in zip(ids, texts[1:], strict=True):
            out += (new[id_], text)
        return own, b"".join(out).replace(b"[[tour]]", b"round %d" % number)

    @staticmethod
    def _renamed(id_: bytes, number: int) -> bytes:
        if id_.startswith(b"toolu_"):
            return id_[:14] + b"%016x" % ((int(id_[14:], 16) + number) % (1 << 64))
        if id_.startswith(b"msg_"):
            return id_ + b"_%d" % number
        return b"%08x" % ((int(id_[:8], 16) + number) % (1 << 32)) + id_[8:]


def fill(daemon: Daemon, total: int) -> tuple[int, int]:
    """Write so many bytes of transcripts; how many files and bytes it became."""
    replay, files, size = Replay(), 0, 0
    while size < total:
        own, data = replay.copy(files)
        path = daemon.home / ".claude" / "projects" / f"-home-dev-p{files % 40}" / f"{own}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        files, size = files + 1, size + len(data)
    return files, size


def long_one(daemon: Daemon, total: int) -> None:
    """The conversation of session s2: the recordings one after the other."""
    replay, own = Replay(), log_id(2)
    path = daemon.home / ".claude" / "projects" / "-home-dev-long" / f"{own}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        number = 10_000_000
        while file.tell() < total:
            file.write(replay.copy(number, own)[1])
            number += 1


def complete(daemon: Daemon, limit_s: float = 900.0) -> float:
    """Wait until every transcript is read; seconds from now."""
    began = time.monotonic()
    while not daemon.request("GET", "/api/search?q=zzzzzz")["complete"]:
        if time.monotonic() - began > limit_s:
            raise RuntimeError(f"not all is read after {limit_s} s")
        time.sleep(0.2)
    return time.monotonic() - began


def ready(daemon: Daemon) -> Row:
    """Start it: until it answers /healthz, and until it lists the sessions."""
    healthy_s = daemon.start()
    daemon.request("GET", "/api/sessions")
    return {"ms": round(1000 * (time.monotonic() - daemon.started)), "healthz_ms": round(1000 * healthy_s)}


def timed(daemon: Daemon, paths: list[str]) -> Row:
    """How long requests take, one after the other."""
    times = []
    for path in paths:
        began = time.monotonic()
        daemon.request("GET", path)
        times.append(1000 * (time.monotonic() - began))
    times.sort()
    return {
        "ms": round(percentile(times, 0.95), 1),
        "p50": round(percentile(times, 0.5), 1),
        "max": round(times[-1], 1),
    }


def tool_calls(daemon: Daemon, session: int, count: int) -> Row:
    """From a line of a log to the reader, 50 lines a second."""
    lines = Lines(log_id(session))
    made = [lines.line(n) for n in range(count)]
    with Clients(daemon, "sse", 1, f"/events/session/s{session}") as clients:
        began = time.monotonic()
        for i, line in enumerate(made):
            time.sleep(max(0.0, began + i / 50 - time.monotonic()))
            write(daemon.log(session), line)
        clients.wait(count)
        return clients.finish()


def said(session: str, number: int) -> bytes:
    """A line of the model with a mark."""
    block = {"type": "text", "text": f"mark:{number}:{'0' * 19} said"}
    value = {
        "type": "assistant",
        "uuid": str(uuid.uuid4()),
        "sessionId": session,
        "cwd": "/home/dev",
        "isSidechain": False,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "message": {
            "id": f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": [block],
            "usage": {"input_tokens": 4, "output_tokens": 22},
        },
    }
    return json.dumps(value).encode() + b"\n"


def conversations(command: str, scale: float) -> Iterator[Row]:
    """Two gigabytes of transcripts, and a long one."""
    with Daemon(command, sessions=3) as daemon:
        daemon.start()  # signs up
        daemon.stop()
        files, size = fill(daemon, int(TOTAL_BYTES * scale))
        long_one(daemon, int(LONG_BYTES * scale))
        size += int(LONG_BYTES * scale)
        yield {"what": f"start beside {files} unread transcripts", **ready(daemon)}
        during: Row = {}
        beside = threading.Thread(target=lambda: during.update(tool_calls(daemon, 0, max(100, int(500 * scale)))))
        beside.start()
        cpu_s, took_s = daemon.cpu_s(), complete(daemon)
        beside.join()
        yield {
            "what": f"{size / 1e6:.0f} MB of transcripts indexed",
            "per_s": round(size / 1e6 / took_s, 1),
            "unit": "MB",
            "cpu_s": round(daemon.cpu_s() - cpu_s, 1),
            "rss_mb": daemon.memory_mb()[0],
            "peak_mb": daemon.memory_mb()[1],
            "index_mb": index_mb(daemon),
        }
        calm = tool_calls(daemon, 1, max(100, int(500 * scale)))
        yield {
            "what": "tool call to SSE meanwhile",
            "ms": during["p50"],
            "p99": during["p99"],
            "calm_p50": calm["p50"],
            "calm_p99": calm["p99"],
        }
        dice = random.Random(1)
        words = [dice.choice(SEARCHES) for _ in range(100)]
        yield {"what": "search, p95", **timed(daemon, [f"/api/search?in=conversation&q={quoted(w)}" for w in words])}
        first = "/api/sessions/s2/conversation"
        yield {"what": "first page of the long one, p95", **timed(daemon, [first] * 50)}
        page, ids = daemon.request("GET", f"{first}?limit=500"), []
        while page["has_more"] and len(ids) < 60:
            ids.append(page["entries"][0]["id"])
            page = daemon.request("GET", f"{first}?limit=500&before={ids[-1]}")
        yield {"what": "any page of it, p95", **timed(daemon, [f"{first}?before={id_}" for id_ in ids])}
        path = daemon.home / ".claude" / "projects" / "-home-dev-long" / f"{log_id(2)}.jsonl"
        with Clients(daemon, "sse", 1, "/events/session/s2") as clients:
            for n in range(100):
                time.sleep(0.05)
                write(path, said(log_id(2), n))
            clients.wait(100)
            got = clients.finish()
        yield {
            "what": "a line of a transcript to SSE",
            "ms": got["p50"],
            "p99": got["p99"],
            "missing": 100 - got["least"],
            "repeats": got["repeats"],
        }
        daemon.stop()
        yield {
            "what": f"start beside {files} read transcripts",
            **ready(daemon),
            "complete_ms": round(1000 * complete(daemon)),
            "rss_mb": daemon.memory_mb()[0],
        }


def quoted(text: str) -> str:
    """A word of a query."""
    return text.replace(" ", "%20")


def index_mb(daemon: Daemon) -> int:
    """Size of the index."""
    return round(sum(os.stat(path).st_size for path in daemon.root.glob("ctm-trio-conversations.db*")) / 1e6)
