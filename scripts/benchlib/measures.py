"""The measures. Each gets a command and a scale (1, or less for a quick look) and yields rows of figures."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchlib import answers, conversations
from benchlib.clients import Clients, percentile
from benchlib.daemon import HOST, Daemon, Noise
from benchlib.lines import Lines, log_id, stamped, write

Row = dict[str, Any]
"""`what` names the row, `ms` or `per_s` is the figure that runs are compared by; the rest is shown as it is."""


def cold(command: str, scale: float) -> Iterator[Row]:
    """From exec to the first 200 of /healthz, with an empty HOME."""
    times, memory = [], 0.0
    for _ in range(max(3, int(10 * scale))):
        with Daemon(command) as daemon:
            times.append(daemon.start() * 1e3)
            memory = daemon.memory_mb()[0]
    times.sort()
    yield {"what": "cold start", "ms": round(percentile(times, 0.5)), "max": round(times[-1]), "rss_mb": memory}


def boot(command: str, scale: float) -> Iterator[Row]:
    """Twenty logs of 10,000 lines are there before it starts for the first time; then it starts again."""
    logs, count = 20, max(500, int(10_000 * scale))
    with Daemon(command, sessions=logs) as daemon:
        size = expected = 0
        for i in range(logs):
            lines = Lines(log_id(i), agents=True)
            began = time.time() - 2 * count
            with open(daemon.log(i), "wb") as file:
                for n in range(count):
                    size += file.write(lines.line(n, began + n))
            expected += count + len(lines.made)
        noise = Noise()
        ready_s = daemon.start()
        whole_s = daemon.wait_published(expected, 300)
        cpu_s = daemon.cpu_s()
        yield {
            "what": f"first boot, {logs} x {count} lines, {size / 1e6:.0f} MB", "per_s": round(logs * count / whole_s),
            "s": round(whole_s, 2), "ready_s": round(ready_s, 2), "cpu_s": round(cpu_s, 2),
            "rss_mb": daemon.memory_mb()[0], "others_pct": noise.percent(cpu_s),
        }  # fmt: skip
        daemon.stop()
        ready_s = daemon.start()
        newest = daemon.request("GET", "/api/sessions/s0/feed?limit=1")
        whole = bool(newest) and f"mark:{count - 1}:" in str(newest[0].get("input"))
        yield {"what": "later boot, complete", "ms": round((time.monotonic() - daemon.started) * 1e3),
               "ready_ms": round(ready_s * 1e3), "complete": whole, "rss_mb": daemon.memory_mb()[0]}  # fmt: skip


def _paced(path: Path, lines: list[bytes], rate: float) -> None:
    began = time.monotonic()
    for i, line in enumerate(lines):
        wait_s = began + i / rate - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        write(path, line)


def latency(command: str, scale: float) -> Iterator[Row]:
    """One writer, 50 lines a second, one reader: from the write to the reader."""
    count = max(50, int(1000 * scale))
    with Daemon(command) as daemon:
        daemon.start()
        lines = Lines(log_id(0))
        made = [lines.line(n) for n in range(count)]
        with Clients(daemon, "sse", 1, "/events/session/s0") as clients:
            noise, cpu_s = Noise(), daemon.cpu_s()
            _paced(daemon.log(0), made, 50)
            clients.wait(count)
            cpu_s = daemon.cpu_s() - cpu_s
            got = clients.finish()
        yield {"what": "append to SSE, 50/s", "ms": got["p50"], "p99": got["p99"], "max": got["max"],
               "missing": count - got["least"], "repeats": got["repeats"], "cpu_s": round(cpu_s, 2),
               "others_pct": noise.percent(cpu_s)}  # fmt: skip


def burst(command: str, scale: float) -> Iterator[Row]:
    """20,000 lines over four logs, written at once, to one reader of everything."""
    count = max(1000, int(20_000 * scale))
    with Daemon(command, sessions=4) as daemon:
        daemon.start()
        supply = [Lines(log_id(i)) for i in range(4)]
        made = [supply[n % 4].line(n) for n in range(count)]
        with Clients(daemon, "sse", 1) as clients:
            noise, cpu_s, base = Noise(), daemon.cpu_s(), daemon.published()
            files = [os.open(daemon.log(i), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for i in range(4)]
            began = time.monotonic()
            for n, line in enumerate(made):
                os.write(files[n % 4], stamped(line))
            wrote_s = time.monotonic() - began
            for fd in files:
                os.close(fd)
            daemon.wait_published(base + count)
            took_s = time.monotonic() - began
            clients.wait(count)
            streamed_s = time.monotonic() - began
            cpu_s = daemon.cpu_s() - cpu_s
            got = clients.finish()
        yield {"what": f"burst of {count} lines", "per_s": round(count / took_s), "written_s": round(wrote_s, 2),
               "streamed_s": round(streamed_s, 2), "missing": count - got["least"], "repeats": got["repeats"],
               "cpu_s": round(cpu_s, 2), "rss_mb": daemon.memory_mb()[0],
               "others_pct": noise.percent(cpu_s)}  # fmt: skip


def fan_out(command: str, scale: float) -> Iterator[Row]:
    """200 events a second for ten seconds to 1, 50 and 200 clients, over SSE and over WebSocket."""
    count = max(100, int(2000 * scale))
    for kind in ("sse", "ws"):
        for readers in (1, 50, 200):
            with Daemon(command) as daemon:
                daemon.start()
                lines = Lines(log_id(0))
                made = [lines.line(n) for n in range(count)]
                with Clients(daemon, kind, readers) as clients:
                    noise, cpu_s = Noise(), daemon.cpu_s()
                    _paced(daemon.log(0), made, 200)
                    clients.wait(count * readers)
                    cpu_s = daemon.cpu_s() - cpu_s
                    got = clients.finish()
                yield {"what": f"fan-out, 200/s to {readers} over {kind.upper()}", "ms": got["p50"], "p99": got["p99"],
                       "missing": count * readers - got["all"], "repeats": got["repeats"],
                       "cores": round(cpu_s / (count / 200), 2), "rss_mb": daemon.memory_mb()[0],
                       "others_pct": noise.percent(cpu_s)}  # fmt: skip


class _Asker:
    """Requests on one kept connection, without the cost of a client library."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.sock = self._connect()

    def _connect(self) -> socket.socket:
        return socket.create_connection((HOST, self.daemon.port), timeout=60)

    def ask(self, path: str) -> tuple[int, float]:
        """Status, and milliseconds to the last byte."""
        request = (self.daemon.head("GET", path) + "\r\n").encode()
        began = time.perf_counter()
        self.sock.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(row[15:]) for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")), None
        )
        while len(body) < length if length is not None else not body.endswith(b"0\r\n\r\n"):
            body += self._more()
        ms = (time.perf_counter() - began) * 1e3
        if b"connection: close" in head.lower():  # a server may end a connection after so many requests
            self.sock.close()
            self.sock = self._connect()
        return int(head.split(b" ")[1]), ms

    def _more(self) -> bytes:
        data = self.sock.recv(1 << 18)
        if not data:
            raise ConnectionError("the daemon closed the connection")
        return data


def rest(command: str, scale: float) -> Iterator[Row]:
    """Reading routes with 50 sessions, one of which has a log of about 50 MB."""
    count = max(1000, int(40_000 * scale))
    asked = max(20, int(200 * scale))
    with Daemon(command, sessions=50) as daemon:
        deep = Lines(log_id(0), agents=True)
        began = time.time() - count
        with open(daemon.log(0), "wb") as file:
            for n in range(count):
                file.write(deep.line(n, began + n))
        for i in range(1, 50):
            lines = Lines(log_id(i))
            daemon.log(i).write_bytes(b"".join(lines.line(n, began + n) for n in range(20)))
        daemon.start()
        daemon.wait_published(count + len(deep.made) + 49 * 20, 300)
        newest = f"{time.time_ns()}-0"
        page = daemon.request("GET", f"/api/sessions/s0/feed/history?before={newest}&limit=500")
        paths = {
            "/healthz": "/healthz",
            "/api/sessions, 50 sessions": "/api/sessions",
            "/api/feed": "/api/feed",
            "history, first page": f"/api/sessions/s0/feed/history?before={newest}",
            "history, further back": f"/api/sessions/s0/feed/history?before={page['events'][-1]['id']}",
            "sub-agents of the long log": "/api/sessions/s0/subagents",
            "search, rare word": f"/api/search?q=mark:{count // 2}:",
            "search, common word": "/api/search?q=module",
        }
        asker = _Asker(daemon)
        for what, path in paths.items():
            noise, cpu_s = Noise(), daemon.cpu_s()
            found = [asker.ask(path) for _ in range(asked)]
            cpu_s = daemon.cpu_s() - cpu_s
            times = sorted(ms for _, ms in found)
            yield {"what": what, "ms": round(percentile(times, 0.5), 2), "p99": round(percentile(times, 0.99), 2),
                   "not_200": sum(status != 200 for status, _ in found), "cpu_ms": round(cpu_s * 1e3 / asked, 2),
                   "others_pct": noise.percent(cpu_s)}  # fmt: skip
        rss, peak = daemon.memory_mb()
        yield {"what": "memory after the reading", "rss_mb": rss, "peak_mb": peak}


def sessions(command: str, scale: float) -> Iterator[Row]:
    """A line to each of 50 and of 500 logs that all have something in them already."""
    for count in (50, 500):
        with Daemon(command, sessions=count) as daemon:
            supply = [Lines(log_id(i)) for i in range(count)]
            for i, lines in enumerate(supply):
                daemon.log(i).write_bytes(lines.line(0, time.time() - 60))
            daemon.start()
            daemon.wait_published(count)
            with Clients(daemon, "sse", 1) as clients:
                noise, cpu_s = Noise(), daemon.cpu_s()
                for i, lines in enumerate(supply):
                    write(daemon.log(i), lines.line(1000 + i))
                clients.wait(count)
                cpu_s = daemon.cpu_s() - cpu_s
                got = clients.finish()
            yield {"what": f"{count} sessions, a line each", "ms": got["p50"], "p99": got["p99"], "max": got["max"],
                   "missing": count - got["least"], "rss_mb": daemon.memory_mb()[0],
                   "others_pct": noise.percent(cpu_s)}  # fmt: skip


MEASURES: dict[str, tuple[str, Callable[[str, float], Iterator[Row]]]] = {
    "a": ("start", cold),
    "b": ("boot", boot),
    "c": ("latency", latency),
    "d": ("burst", burst),
    "e": ("fan-out", fan_out),
    "f": ("reading", rest),
    "g": ("many sessions", sessions),
    "h": ("answers", answers.quick),
    "i": ("answers of a crowd", answers.crowd),
    "j": ("conversations", conversations.conversations),
}
