"""The status over the recorded runs: hooks beside the client's own file, with the clock between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.clients import Client
from ctm_trio.model.event import HOOK_TYPE, Event
from ctm_trio.model.hook_event import parse_hook_line
from ctm_trio.model.panes import Pane
from ctm_trio.model.session import Session
from ctm_trio.model.status import ASKING, BLOCKED
from ctm_trio.model.status_rules import TURN_SETTLE_S
from ctm_trio.model.times import format_time
from ctm_trio.model.tool_call import TOOL_EVENTS
from ctm_trio.owners.requests.book import Book
from ctm_trio.owners.requests.opening import payload_of, request_of
from ctm_trio.owners.status.book import StatusBook
from tests.fixtures import hook_line, recorded

STEP_S = 0.05
SLACK_S = 2.0
"""What is missed for no longer than this is no fault."""

PANE = Pane("alpha", "$0", "%0", 1, False, False, False, True, True)


def clients() -> list[int]:
    """The recorded clients that have both: a status file that changes, and hooks."""
    files = {item["content"]["pid"] for item in recorded("live_sessions") if item.get("content")}
    hooks = {int(item["env"]["CLAUDE_PID"]) for item in recorded("hooks") if item["env"].get("CLAUDE_PID")}
    return sorted(files & hooks)


def happenings(pid: int) -> Iterator[tuple[float, dict[str, Any]]]:
    """What one client's file and hooks said, in order of time."""
    found = [(item["ts"], item) for item in recorded("hooks") if item["env"].get("CLAUDE_PID") == str(pid)]
    found += [(item["ts"], item) for item in recorded("live_sessions") if item["file"] == f"{pid}.json"]
    yield from sorted(found, key=lambda pair: pair[0])


class Replay:
    """One client's session, told what was recorded."""

    def __init__(self) -> None:
        self.now = 0.0
        self.book = StatusBook(lambda: self.now, lambda: self.now, lambda pid: 0.0)
        self.requests = Book()
        self.client: Client | None = None
        self.said: list[tuple[float, str]] = []
        """When the file said what."""
        self.states: list[tuple[float, str]] = []
        self.record = Session("alpha", "u")
        self.event_id = 0

    def tell(self, item: dict[str, Any]) -> None:
        """A line of the recordings."""
        if "payload" in item:
            self._hook(item)
        else:
            self._file(item.get("content"))

    def _hook(self, item: dict[str, Any]) -> None:
        line = hook_line(item)
        parsed = parse_hook_line(line)
        assert parsed is not None
        facts, self.event_id = parsed.facts, self.event_id + 1
        is_call = facts.name in TOOL_EVENTS
        event = Event(
            self.event_id, "tool_call" if is_call else HOOK_TYPE, "alpha", b"{}", format_time(item["ts"]), parsed.uuid,
            facts.tool if is_call else facts.name, facts.name == "PostToolUseFailure", facts.agent_id,
            None if is_call else facts, facts.tool_use_id,
        )  # fmt: skip
        if facts.name == "PermissionRequest":
            payload = payload_of(line)
            assert payload is not None
            request = request_of(f"r{self.event_id}", "alpha", parsed.uuid, payload, self.now)
            assert request is not None
            self.requests.add(request)
        else:
            self.requests.fold(event, self.now)
        self.book.fold(event)

    def _file(self, content: dict[str, Any] | None) -> None:
        self.client = None
        if content and content.get("status"):
            self.client = Client(
                content["pid"], content["procStart"], content["sessionId"], status=content["status"],
                waiting_for=content.get("waitingFor", ""), since=content["statusUpdatedAt"] / 1000, pane="%0",
            )  # fmt: skip
        says = self.client.status if self.client else ""
        if not self.said or self.said[-1][1] != says:
            self.said.append((self.now, says))
        snapshot = ClientsSnapshot({"alpha": self.client} if self.client else {})
        self.requests.use_clients(snapshot, self.now)
        self.book.use_clients(snapshot)

    def look(self) -> None:
        """Decide, as the owner does after each change and when time alone may change something."""
        uuid = self.client.uuid if self.client else self.record.uuid
        self.record = Session("alpha", uuid, workdir="/w", created_at="2026-01-01T00:00:00Z")
        self.book.use_sessions(SessionsSnapshot({"alpha": self.record}, frozenset({"alpha"}), True, panes=(PANE,)))
        self.book.use_requests(self.requests.snapshot())
        self.book.look_at(["alpha"])
        self.book.pending.clear()
        state = self.book.snapshot().sessions["alpha"].state
        if not self.states or self.states[-1][1] != state:
            self.states.append((self.now, state))

    def since(self) -> tuple[float, str]:
        """Since when the file says what it says now."""
        return self.said[-1] if self.said else (self.now, "")


@pytest.mark.parametrize("pid", clients())
def test_no_false_word_and_none_missed(pid: int) -> None:
    """Two seconds after the client's own file has changed, the status says the same, and never the opposite."""
    replay = Replay()
    last = None
    for ts, item in happenings(pid):
        if last is not None:
            steps = min(int((ts - last) / STEP_S), 400)
            for step in range(1, steps):
                replay.now = last + step * STEP_S
                replay.look()
                check(replay)
        replay.now = last = ts
        replay.tell(item)
        replay.look()
        check(replay)
    told = {state for _, state in replay.states}
    assert len(told) > 1 or replay.now - replay.states[0][0] < TURN_SETTLE_S  # one that ended at once


def check(replay: Replay) -> None:
    """The status must fit what the file has said for `SLACK_S`."""
    at, says = replay.since()
    status = replay.book.snapshot().sessions["alpha"]
    of_agents = any(entry.request.asked.agent_id for entry in replay.requests.open.values())
    if replay.now - at < SLACK_S or not says:
        return
    where = (round(replay.now - at, 2), says, status)
    if says == "waiting":
        assert status.state in ASKING, where
    elif says == "busy":
        assert of_agents or status.state not in BLOCKED, where
    else:
        assert status.state in (*BLOCKED - ASKING, "background"), where


def test_the_recordings_are_there() -> None:
    """Several clients were recorded with both."""
    assert len(clients()) >= 3
