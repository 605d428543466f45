"""Many stream clients in a process of their own, which only receives while events flow and counts afterwards."""

from __future__ import annotations

import base64
import json
import select
import socket
import subprocess
import sys
import time
from bisect import bisect_right
from typing import Any, Self

from benchlib.daemon import HOST, Daemon
from benchlib.lines import MARK

OLD = b":" + b"0" * 19
"""The end of a mark that was there before the measure."""

LIMIT_S = 300.0
"""A process of clients never lives longer."""


class Clients:
    """The handle on such a process.

    Args:
        kind: "sse" or "ws".
        count: of clients.
        path: of the stream.
    """

    def __init__(self, daemon: Daemon, kind: str, count: int, path: str = "/events/all") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchlib.clients"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        head = daemon.head("GET", "/ws" if kind == "ws" else path)
        if kind == "ws":
            key = base64.b64encode(b"sixteen bytes ok").decode()
            head += f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ctm.v1\r\n"
        self._say({"port": daemon.port, "head": head + "\r\n", "count": count, "ws": kind == "ws"})
        if self._hear() != "ready":
            raise RuntimeError("the clients could not connect")

    def _say(self, value: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(value).encode() + b"\n")
        self.process.stdin.flush()

    def _hear(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline() or b"null")

    def wait(self, marks: int, limit_s: float = 30.0) -> None:
        """Wait until about so many marks have come to all clients together, or the time is over."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            self._say("count")
            if self._hear() >= marks:
                return
            time.sleep(0.05)

    def finish(self) -> dict[str, Any]:
        """End them: what they received, and how late it came."""
        self._say("end")
        found: dict[str, Any] = self._hear()
        self.process.wait(30)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def percentile(sorted_values: list[float], share: float) -> float:
    """Nearest rank."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))] if sorted_values else 0.0


def main() -> None:
    """The process: connect, receive until told, count."""
    order = json.loads(sys.stdin.buffer.readline())
    subscribe = b'{"op":"subscribe","id":"b"}'
    mask = b"\x00\x00\x00\x00"
    poll = select.epoll()
    poll.register(0, select.EPOLLIN)
    chunks: dict[int, list[tuple[int, bytes]]] = {}
    sockets: dict[int, socket.socket] = {}
    for _ in range(order["count"]):
        sock = socket.create_connection((HOST, order["port"]), timeout=20)
        sock.sendall(order["head"].encode())
        first = sock.recv(65536)
        if first.split(b" ", 2)[1] not in (b"200", b"101"):
            raise SystemExit(first[:200].decode())
        if order["ws"]:
            sock.sendall(bytes([0x81, 0x80 | len(subscribe)]) + mask + subscribe)
        sock.setblocking(False)
        sockets[sock.fileno()] = sock
        chunks[sock.fileno()] = [(time.monotonic_ns(), first)]
        poll.register(sock.fileno(), select.EPOLLIN)
    time.sleep(0.3)  # the last subscription is on its way through the daemon
    print(json.dumps("ready"), flush=True)
    count, end = 0, time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        for fd, _ in poll.poll(1):
            if fd == 0:
                word = json.loads(sys.stdin.buffer.readline() or b'"end"')
                if word == "end":
                    print(json.dumps(digest(list(chunks.values()))), flush=True)
                    return
                print(count, flush=True)
                continue
            try:
                data = sockets[fd].recv(1 << 18)
            except OSError:
                data = b""
            if not data:
                poll.unregister(fd)
                continue
            chunks[fd].append((time.monotonic_ns(), data))
            count += data.count(b"mark:") - data.count(OLD)


def digest(clients: list[list[tuple[int, bytes]]]) -> dict[str, Any]:
    """Distinct marks, repeats, and times from write to arrival in ms. Marks whose time is 0 were there before."""
    late: list[float] = []
    distinct: list[int] = []
    repeats = disorder = 0
    for pieces in clients:
        ends, times, size = [], [], 0
        for when, data in pieces:
            size += len(data)
            ends.append(size)
            times.append(when)
        seen: set[int] = set()
        newest = -1
        for mark in MARK.finditer(b"".join(data for _, data in pieces)):
            number, written = int(mark[1]), int(mark[2])
            if not written:
                continue
            repeats += number in seen
            seen.add(number)
            disorder += number < newest
            newest = max(newest, number)
            late.append((times[bisect_right(ends, mark.end() - 1)] - written) / 1e6)
        distinct.append(len(seen))
    late.sort()
    return {
        "clients": len(clients),
        "least": min(distinct),
        "all": sum(distinct),
        "repeats": repeats,
        "disorder": disorder,
        "p50": round(percentile(late, 0.5), 3),
        "p99": round(percentile(late, 0.99), 3),
        "max": round(late[-1], 3) if late else 0.0,
    }


if __name__ == "__main__":
    main()
