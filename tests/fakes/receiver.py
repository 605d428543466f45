"""A webhook's endpoint: a real HTTP server that answers as it is told, or does not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Listens on a port of its own.

    Attributes:
        script: how the next requests are answered, first first: a status, "hang", "close", "redirect", "flood"
            (a 500 whose body does not end), or the very bytes.
        linger: after such bytes the connection stays open until the other side closes it.
        got: every request, also the unanswered ones.
    """

    def __init__(self, *script: int | str | bytes, port: int = 0) -> None:
        self.script = list(script)
        self.got: list[Received] = []
        self.port = port
        self.linger = False
        self.most_at_once = self.at_once = 0
        self._changed = trio.lowlevel.ParkingLot()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, self._serve, self.port, host="127.0.0.1"))
            self.port = listeners[0].socket.getsockname()[1]
            task_status.started()

    async def until(self, count: int, limit_s: float = 30) -> list[Received]:
        """Wait for so many requests."""
        with trio.fail_after(limit_s):
            while len(self.got) < count:
                await self._changed.park()
        return self.got

    async def _serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                chunk = await stream.receive_some()
                if not chunk:
                    return
                data += chunk
            head, _, body = data.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            while len(body) < int(headers.get("content-length", "0")):
                body += await stream.receive_some()
            self.got.append(Received(first.split()[1], headers, body))
            answer = self.script.pop(0) if self.script else 200
            self._changed.unpark_all()
            if isinstance(answer, bytes):
                try:
                    await stream.send_all(answer)
                    if self.linger:
                        await stream.receive_some()
                except trio.BrokenResourceError:
                    pass  # they had enough
            elif answer == "hang":
                await stream.receive_some()
            elif answer == "redirect":
                await stream.send_all(b"HTTP/1.1 302 x\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")
            elif answer == "flood":
                await stream.send_all(b"HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n")
                try:
                    while True:
                        await stream.send_all(b"5\r\nhello\r\n" * 1000)
                except trio.BrokenResourceError:
                    pass  # they had enough
            elif answer != "close":
                await stream.send_all(f"HTTP/1.1 {answer} x\r\nContent-Length: 2\r\n\r\nno".encode())
