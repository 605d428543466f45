"""Answering from here: how long a tap takes to reach the hook, and 200 requests at once that are each decided once."""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from benchlib.daemon import Daemon
from benchlib.lines import log_id

Row = dict[str, Any]
START = [sys.executable, "-I", "-S", str(Path(__file__).parents[2] / "ctm_trio" / "producers" / "start.py"), "hook"]


class Session:
    """A client that the measure plays: a process, its status file, its hooks."""

    def __init__(self, daemon: Daemon, number: int) -> None:
        self.daemon, self.uuid, self.name = daemon, log_id(number), f"s{number}"
        self.process = subprocess.Popen(["sleep", "3600"])
        self.file = daemon.home / ".claude" / "sessions" / f"{self.process.pid}.json"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.env = {
            "HOME": str(daemon.home), "PATH": os.environ["PATH"], "CLAUDE_PID": str(self.process.pid),
            "CLAUDE_CODE_ENTRYPOINT": "cli",
        }  # fmt: skip

    def says(self, status: str, waiting: str = "") -> None:
        """Write the status file."""
        begun = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[19]
        now = int(time.time() * 1000)
        entry = {"pid": self.process.pid, "sessionId": self.uuid, "cwd": "/", "startedAt": now, "procStart": begun,
                 "entrypoint": "cli", "status": status, "waitingFor": waiting, "statusUpdatedAt": now}  # fmt: skip
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(entry))
        new.replace(self.file)

    def payload(self, event: str, **fields: object) -> bytes:
        """What the client gives its hook."""
        return json.dumps({"session_id": self.uuid, "cwd": "/", "hook_event_name": event, **fields}).encode()

    def fire(self, event: str, **fields: object) -> None:
        """An event whose hook ends by itself."""
        subprocess.run(START, input=self.payload(event, **fields), env=self.env, check=True, timeout=60)

    def ask(self, command: str, agent: str = "") -> Asking:
        """A call that needs a person."""
        who = {"agent_id": agent, "agent_type": "Explore"} if agent else {}
        tool = {"tool_name": "Bash", "tool_input": {"command": command}, **who}
        if not agent:
            self.says("waiting", "permission prompt")
        return Asking(self, command, self.payload("PermissionRequest", **tool), agent)

    def end(self) -> None:
        """End its process."""
        self.process.kill()
        self.process.wait()


class Asking:
    """A hook that waits."""

    def __init__(self, session: Session, command: str, payload: bytes, agent: str) -> None:
        self.session, self.command, self.agent = session, command, agent
        self.began = time.monotonic()
        self.process = subprocess.Popen(START, env=session.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin is not None
        self.process.stdin.write(payload)
        self.process.stdin.close()
        self.id = ""
        self.printed = b""
        self.printed_at = 0.0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.printed = self.process.stdout.read()
        self.printed_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join(10)


def quick(command: str, scale: float) -> Iterator[Row]:
    """One request after the other: hook → list, and tap → the hook's output."""
    with Daemon(command) as daemon:
        daemon.start()
        session = Session(daemon, 0)
        session.says("busy")
        session.fire("UserPromptSubmit", prompt="go")
        seen, taken, memory = [], [], 0.0
        for number in range(max(20, int(200 * scale))):
            with session.ask(f"echo {number}") as asking:
                while not (found := daemon.request("GET", "/api/requests")["requests"]):
                    time.sleep(0.001)
                seen.append((time.monotonic() - asking.began) * 1e3)
                if not memory:
                    time.sleep(0.2)
                    memory = rss_mb(asking.process.pid)
                tap = time.monotonic()
                daemon.request("POST", f"/api/requests/{found[0]['id']}/answer", {"choice": "allow", "key": "k"})
                asking.reader.join(10)
                taken.append((asking.printed_at - tap) * 1e3)
            session.says("busy")
        session.end()
        yield {"what": "hook begins → request is listed", **spread(seen)}
        yield {"what": "tap → hook's output", **spread(taken)}
        yield {"what": "a waiting hook", "rss_mb": memory}


def crowd(command: str, scale: float) -> Iterator[Row]:
    """50 sessions with 4 requests each, half answered here and half in the terminal; the daemon is killed twice."""
    count = max(5, int(50 * scale))
    rng = random.Random(7)
    with Daemon(command, sessions=count) as daemon:
        settings = json.loads((daemon.root / "config.json").read_text())
        settings["serve"]["requests"] = {"hold_agent_seconds": 600}
        (daemon.root / "config.json").write_text(json.dumps(settings))
        daemon.start()
        daemon.request("POST", "/api/presence", {"visible": True})
        sessions = [Session(daemon, number) for number in range(count)]
        asked: list[Asking] = []
        for session in sessions:
            session.says("busy")
            asked += [session.ask(f"echo {session.name} {n}", f"a{n:016x}" if n else "") for n in range(4)]
        for asking in asked:
            find(daemon, asking)
        rng.shuffle(asked)
        began = time.monotonic()
        outcome: dict[str, str] = {}
        for number, asking in enumerate(asked):
            if number in (len(asked) // 3, 2 * len(asked) // 3):
                daemon.process.send_signal(signal.SIGKILL)
                daemon.process.wait()
                daemon.start()
                daemon.request("POST", "/api/presence", {"visible": True})
                time.sleep(2.5)
            outcome[asking.id] = here(daemon, asking, rng) if number % 2 else terminal(asking)
        took = time.monotonic() - began
        once = sum(decided_once(daemon, asking, outcome[asking.id]) for asking in asked)
        for asking in asked:
            asking.__exit__()
        for session in sessions:
            session.end()
        yield {"what": f"{len(asked)} requests, the daemon killed twice", "decided_once": once,
               "missing": len(asked) - once, "here": sum(v.startswith("here") for v in outcome.values()),
               "let_go": sum(v == "not held" for v in outcome.values()), "s": round(took, 1)}  # fmt: skip


def find(daemon: Daemon, asking: Asking) -> None:
    """Learn the id of its request."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for request in daemon.request("GET", f"/api/requests?session={asking.session.name}")["requests"]:
            if request["input"]["command"] == asking.command:
                asking.id = request["id"]
                return
        time.sleep(0.02)
    raise RuntimeError(f"{asking.command} is not listed")


def here(daemon: Daemon, asking: Asking, rng: random.Random) -> str:
    """Answer it by the API."""
    choice = rng.choice(("allow", "deny"))
    try:
        daemon.request("POST", f"/api/requests/{asking.id}/answer", {"choice": choice, "key": str(uuid.uuid4())})
    except RuntimeError as error:
        if "not_answerable" in str(error):
            return "not held"
        raise
    return f"here {choice}"


def terminal(asking: Asking) -> str:
    """The terminal says Yes, as the client's next events tell."""
    who = {"agent_id": asking.agent, "agent_type": "Explore"} if asking.agent else {}
    tool = {"tool_name": "Bash", "tool_input": {"command": asking.command}, **who}
    asking.session.fire("PostToolUse", **tool, tool_response={}, tool_use_id="", duration_ms=1)
    return "terminal"  # the client's file says that it waits as long as one of its dialogs is open


def decided_once(daemon: Daemon, asking: Asking, outcome: str) -> bool:
    """The request and what the hook printed say the same."""
    end = time.monotonic() + 10
    while True:
        request = daemon.request("GET", f"/api/requests/{asking.id}")
        if request["state"] != "open" or outcome == "not held" or time.monotonic() > end:
            break
        time.sleep(0.05)
    asking.reader.join(10)
    printed = asking.printed.decode().strip()
    good = _fits(request, printed, outcome)
    if not good:
        print(f"  {asking.command}: {outcome}, request {request['state']}, printed {printed!r}", file=sys.stderr)
    return good


def _fits(request: Row, printed: str, outcome: str) -> bool:
    if outcome.startswith("here"):
        behavior = json.loads(printed)["hookSpecificOutput"]["decision"]["behavior"] if printed else ""
        return bool(request["state"] == "answered" and request["answer"]["choice"] == behavior == outcome.split()[1])
    if outcome == "terminal":
        return bool(request["state"] == "answered_elsewhere" and not printed)
    return bool(request["state"] == "open" and not printed)


def rss_mb(pid: int) -> float:
    """Resident memory of a process, in MB (10^6 bytes)."""
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(row.split()[1]) for row in rows if row.startswith("VmRSS:")) * 1024 / 1e6, 1)


def spread(times: list[float]) -> Row:
    """Median and 95th percentile, in ms."""
    times.sort()
    return {"ms": round(statistics.median(times), 1), "p95": round(times[int(len(times) * 0.95)], 1)}
