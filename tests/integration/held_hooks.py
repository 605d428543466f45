"""Hooks that wait, as processes on a private HOME, and what takes them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

import ctm_trio
from ctm_trio.system.held_hook import HeldHook
from ctm_trio.system.hook_socket import serve_hooks

START = Path(ctm_trio.__file__).parent / "producers" / "start.py"
BASE = (sys.executable, "-I", "-S", str(START), "hook")
UUID = "5f0c1b1e-9a2b-4c3d-8e4f-001122334455"
LIMIT_S = 60.0
"""No test waits longer for anything."""

DENY = {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": {"behavior": "deny", "message": "né"}}}


def impatient(**limits: float) -> list[str]:
    """The command of a hook with other limits of `producers.hold` (its names, in seconds)."""
    code = f"from ctm_trio.producers import hold, hook; vars(hold).update({limits!r}); hook.main(['hook'])"
    return [sys.executable, "-c", code]


class Waiting:
    """A hook that was started."""

    def __init__(self, process: trio.Process, payload: bytes) -> None:
        self.process = process
        self._payload = payload

    async def tell(self) -> None:
        """Give it its event. Without one it does nothing."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(self._payload)
        await self.process.stdin.aclose()

    async def end(self) -> str:
        """Wait until it ends with exit code 0; what it printed."""
        assert self.process.stdout is not None
        out = bytearray()
        with trio.fail_after(LIMIT_S):
            async for data in self.process.stdout:
                out += data
            assert await self.process.wait() == 0
        return out.decode()


class Home:
    """A private HOME, in which hooks are started and taken."""

    def __init__(self, root: Path) -> None:
        self.conf = root / ".config" / "ctm"
        self.conf.mkdir(parents=True, mode=0o700)
        self.socket = self.conf / "ctm-trio.sock"
        coverage = {key: value for key, value in os.environ.items() if key.startswith("COVERAGE")}
        self.env = {"HOME": str(root), "PATH": os.environ["PATH"], "CLAUDE_PID": str(os.getpid()), **coverage}

    @asynccontextmanager
    async def hook(
        self, *words: str, event: str = "PermissionRequest", fill: int = 0, told: bool = True, **env: str
    ) -> AsyncIterator[Waiting]:
        """Start a hook; it is killed at the end if it still runs.

        Args:
            words: its command, or that of hooks.
            event: that it reports.
            fill: bytes that the call's input has.
            told: False if the test gives it its event itself, once there is a daemon.
            env: more of its environment.
        """
        payload = {"session_id": UUID, "hook_event_name": event, "tool_name": "Bash", "tool_input": {"x": "x" * fill}}
        process = await trio.lowlevel.open_process(
            [*(words or BASE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**self.env, **env}
        )
        waiting = Waiting(process, json.dumps(payload).encode())
        try:
            if told:
                await waiting.tell()
            yield waiting
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
                if process.stdout is not None:
                    await process.stdout.aclose()

    def lines(self) -> list[bytes]:
        """What stands in the log of hook events."""
        return (self.conf / "hook-events" / f"{UUID}.jsonl").read_bytes().splitlines()

    def listen(self) -> Played:
        """A daemon that the test plays, word for word."""
        return Played(self.socket)

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[trio.MemoryReceiveChannel[HeldHook]]:
        """The real socket; the hooks that it takes, each of which is held until the end."""
        send, receive = trio.open_memory_channel[HeldHook](1000)

        async def take(hook: HeldHook) -> None:
            await hook.wait()
            await send.send(hook)
            await hook.ended()

        async with trio.open_nursery() as nursery:
            await nursery.start(serve_hooks, self.socket, take)
            with trio.fail_after(LIMIT_S * 2):
                yield receive
            nursery.cancel_scope.cancel()


class Played:
    """A listening socket at the daemon's place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(8)
        self._listener.setblocking(False)

    def __enter__(self) -> Played:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """As a daemon that was killed: the socket stays behind."""
        self._listener.close()

    async def accept(self) -> trio.SocketStream:
        """The next hook's connection."""
        with trio.fail_after(LIMIT_S), trio.socket.from_stdlib_socket(self._listener.dup()) as listener:
            sock, _ = await listener.accept()
        return trio.SocketStream(sock)

    def nobody_came(self) -> bool:
        """True if no hook has connected that was not accepted."""
        try:
            self._listener.accept()
        except BlockingIOError:
            return True
        return False


async def heard(stream: trio.SocketStream, lines: int = 1) -> list[bytes]:
    """The next lines from a hook, without their line breaks; fewer if it ends before."""
    data = bytearray()
    with trio.fail_after(LIMIT_S):
        while data.count(b"\n") < lines:
            more = await stream.receive_some(65536)
            if not more:
                break
            data += more
    return bytes(data).splitlines()


async def handed_over(stream: trio.SocketStream) -> tuple[dict[str, object], bytes]:
    """A hook's first message and its line."""
    data = bytearray()
    with trio.fail_after(LIMIT_S):
        while b"\n" not in data:
            data += await stream.receive_some(65536)
        head, _, line = bytes(data).partition(b"\n")
        found: dict[str, object] = json.loads(head)
        size = found["bytes"]
        assert isinstance(size, int)
        while len(line) < size:
            line += await stream.receive_some(65536)
    return found, line
