"""A daemon whose wall clock is set by days while it runs: nothing is lost, late, or announced for that."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from ctm_trio.model.times import format_time
from tests.faults.process import eventually
from tests.field.box import Box, Endpoint, box, endpoint

DAY_S = 86_400.0
SOON_S = 30.0
"""What happens at once may take so long on a busy machine; waiting for a clock would take days."""


class SetClock:
    """The daemon's wall clock, as a file says it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(struct.pack("d", 0.0))

    def set(self, offset_s: float) -> None:
        """So many seconds from the true time."""
        with open(self.path, "r+b") as file:
            file.write(struct.pack("d", offset_s))
        self.offset_s = offset_s

    offset_s = 0.0

    def now(self) -> float:
        """What the box's clock shows."""
        return time.time() + self.offset_s


@contextmanager
def boxed(home: Path) -> Iterator[tuple[Box, SetClock, Endpoint]]:
    """A box with a clock that can be set, three live sessions, and an endpoint that hears of them."""
    clock = SetClock(home / "clock")
    root = Path(__file__).parents[2]
    with endpoint() as hook, box(home) as here:
        words = (f"PYTHONPATH={root / 'tests' / 'faults' / 'clock'}:{root}", f"CTM_TEST_CLOCK={clock.path}")
        here.daemon.prefix = ("env", *words)
        for name in ("alpha", "beta", "gamma"):
            here.session(name, uuid=f"u-{name}")
        here.serve(webhook_url=hook.url)
        here.daemon.start()
        yield here, clock, hook


def asks(here: Box, clock: SetClock, name: str, event: str = "PermissionRequest") -> None:
    """A session asks for an approval, at the time that the box's clock shows."""
    line = {"session_id": f"u-{name}", "hook_event_name": event, "tool_name": "Bash", "tool_input": {"command": "make"}}
    here.hooks(json.dumps({**line, "ctm_timestamp": format_time(clock.now())}).encode(), uuid=f"u-{name}")


def heard(hook: Endpoint, *names: str) -> Callable[[], bool]:
    """True once the endpoint has heard of these sessions, in this order and of nothing else."""
    return lambda: [body["session"] for _, body in list(hook.got)] == list(names)


@pytest.mark.parametrize("jump", [3 * DAY_S, -3 * DAY_S, 1200.0])
def test_alerts_while_the_clock_is_set(tmp_path: Path, jump: float) -> None:
    """Before a jump, after it, and after it was put right: each alert is raised, sent and cleared at once, no other."""
    with boxed(tmp_path) as (here, clock, hook):
        asks(here, clock, "alpha")
        eventually(heard(hook, "alpha"), within_s=SOON_S, what="the first alert")
        clock.set(jump)
        told = int(here.daemon.request("GET", "/healthz").headers["X-Ctm-Time"]) / 1000
        assert abs(told - clock.now()) < 5, "the daemon has another clock than this test thinks"
        asks(here, clock, "beta")
        eventually(heard(hook, "alpha", "beta"), within_s=SOON_S, what="the alert after the jump")
        clock.set(0.0)
        asks(here, clock, "gamma")
        eventually(heard(hook, "alpha", "beta", "gamma"), within_s=SOON_S, what="the alert after the jump back")
        for name in ("alpha", "beta", "gamma"):
            asks(here, clock, name, "UserPromptSubmit")
        eventually(
            lambda: not any(here.attention(n) for n in ("alpha", "beta", "gamma")), within_s=SOON_S, what="the end"
        )
        assert {d["status"] for d in here.daemon.get("/api/webhook/deliveries")["deliveries"]} == {"delivered"}
        assert here.daemon.get("/health")["status"] == "ok"
        assert here.daemon.stop()[0] == 0


def refuse(handler: BaseHTTPRequestHandler) -> None:
    """500."""
    handler.send_response(500)
    handler.end_headers()


def tries(here: Box) -> int:
    """How often the one alert was tried, as the daemon has noted it."""
    found = here.daemon.get("/api/webhook/deliveries")["deliveries"]
    return int(found[0]["tries"]) if found else 0


@pytest.mark.parametrize("jump", [2 * DAY_S, -2 * DAY_S])
@pytest.mark.parametrize("restart", [False, True], ids=["running", "over a restart"])
def test_retries_while_the_clock_is_set(tmp_path: Path, jump: float, restart: bool) -> None:
    """An alert that waits for its next try gets it after its own pause, whatever the clock shows by then."""
    with boxed(tmp_path) as (here, clock, hook):
        hook.script = [refuse] * 3
        asks(here, clock, "alpha")
        eventually(lambda: tries(here) == 2, within_s=SOON_S, what="the second try, and that it is noted")
        clock.set(jump)
        if restart:
            here.daemon.kill()
            here.daemon.start()
        eventually(lambda: len(hook.got) == 4, within_s=SOON_S + 6, what="the tries after 2 and 4 s")
        (delivery,) = here.daemon.get("/api/webhook/deliveries")["deliveries"]
        assert (delivery["status"], delivery["tries"]) == ("delivered", 4)
        assert here.daemon.stop()[0] == 0


@pytest.mark.parametrize("jump", [1200.0, -1200.0])
def test_a_question_after_the_clock_was_set(tmp_path: Path, jump: float) -> None:
    """A call, then (in another file) a question after the clock was set: open, also over a restart, until a call."""

    def call(n: int) -> None:
        entry: dict[str, object] = {
            "session_id": "u-alpha",
            "hook_event_name": "PostToolUse",
            "tool_name": "Bash",
            "tool_use_id": f"t{n}",
        }
        entry |= {"tool_input": {"command": "make"}, "ctm_timestamp": format_time(clock.now())}
        here.daemon.log("u-alpha").append(json.dumps(entry).encode() + b"\n")
        eventually(lambda: len(here.daemon.stored()) == n, what="the call")

    with boxed(tmp_path) as (here, clock, _):
        clock.set(jump)
        call(1)
        clock.set(0.0)
        asks(here, clock, "alpha")
        eventually(lambda: here.attention() == "permission_request", within_s=SOON_S, what="the question")
        here.daemon.kill()
        asks(here, clock, "beta")
        here.daemon.start()
        # What was raised before is shown at once; what is new, not before it is known what the old has come to.
        eventually(lambda: here.attention("beta") == "permission_request", within_s=SOON_S, what="the end of the start")
        assert here.attention() == "permission_request"
        call(2)
        eventually(lambda: here.attention() == "", within_s=SOON_S, what="the answer")
        assert here.daemon.stop()[0] == 0
