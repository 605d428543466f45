"""A call that cannot change a session's state is not held against the rules; what is announced is the same."""

from __future__ import annotations

import random

import pytest

from ctm_trio.messages.quota import QuotaSnapshot
from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.attention import APART, RULES, Inputs, Limit, first_rule
from ctm_trio.model.config import Thresholds
from ctm_trio.model.event import HOOK_TYPE, Event, HookFacts
from ctm_trio.model.quota import Quota, Usage
from ctm_trio.model.session import Session
from ctm_trio.model.times import format_time
from ctm_trio.owners.attention.book import AttentionBook

RECORDS = {"alpha": Session("alpha", uuid="u1"), "beta": Session("beta", uuid="u2", mode="yolo")}
HOOKS = ("PermissionRequest", "Stop", "UserPromptSubmit", "SubagentStop", "SessionEnd", "Notification")


class Both:
    """Two books that hear the same; one of them holds each event against the rules, the other not the calm ones."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = 1000.0
        self.sessions = SessionsSnapshot(RECORDS, frozenset(RECORDS), True)
        thresholds = Thresholds(error_rate_window=4, error_rate_pct=50, yolo_unchecked_minutes=20)
        self.always, self.calmly = (
            AttentionBook(lambda: 1.8e9 + self.now, thresholds, self.sessions, lambda: self.now) for _ in range(2)
        )
        self.skipped = self.events = 0
        for book in self.books:
            book.heard.live = True
            book.look_at(RECORDS)

    @property
    def books(self) -> tuple[AttentionBook, AttentionBook]:
        """Both."""
        return self.always, self.calmly

    def event(self) -> None:
        """A call or another hook event of one of the sessions."""
        self.events += 1
        name, at = self.rng.choice(list(RECORDS)), 1.8e9 + self.now
        id_, ts, uuid = int(at * 1e9) + self.events, format_time(at), RECORDS[name].uuid
        event = Event(id_, "tool_call", name, b"", ts, uuid, "Bash", self.rng.random() < 0.1)
        if self.rng.random() < 0.15:
            facts = HookFacts(self.rng.choice(HOOKS), kind="idle_prompt", tool="Bash")
            event = Event(id_, HOOK_TYPE, name, b"", ts, uuid, facts.name, False, "", facts)
        for book in self.books:
            book.heard.fold(event, at)
        self.always.look_at((name,))
        if self.calmly.is_calm(event):
            self.skipped += 1
        else:
            self.calmly.look_at((name,))

    def pass_time(self) -> None:
        """Some seconds or minutes, with a look at each session whose time has come."""
        self.now += self.rng.choice((0.5, 20.0, 90.0, 400.0))
        for book in self.books:
            book.look_at([name for name, due in book.due.items() if due <= self.now])

    def snapshot(self) -> None:
        """Another word of tmux, of the limits, of a context window, of a checkpoint."""
        if self.rng.random() < 0.4:
            alive = frozenset(name for name in RECORDS if self.rng.random() < 0.8)
            self.sessions = SessionsSnapshot(RECORDS, alive, True)
        resets_at = format_time(1.8e9 + self.now + 300)
        account = Quota(weekly_pct=self.rng.choice((10, 90)), weekly_resets_at=resets_at, five_hr_pct=None)
        usage = {"alpha": Usage(context_pct=self.rng.choice((10, 95)))}
        checkpoint = self.rng.choice((None, 1.8e9 + self.now))
        for book in self.books:
            book.look_at(book.use_sessions(self.sessions))
            book.look_at(book.use_quota(QuotaSnapshot(account, usage)))
            book.yolo.note_checkpoint("beta", checkpoint)
            book.look_at(["beta"])


def announced(book: AttentionBook) -> list[bytes]:
    """What a book has to say, session by session: the order between two of them may be any."""
    told = sorted(book.pending, key=lambda draft: draft.session)
    book.pending.clear()
    return [draft.payload for draft in told]


@pytest.mark.parametrize("seed", range(30))
def test_the_same_is_announced(seed: int) -> None:
    """Whatever happens, and whenever it is looked at."""
    both = Both(seed)
    for _ in range(400):
        both.rng.choices((both.event, both.pass_time, both.snapshot), (10, 2, 0.5))[0]()
        assert both.always.states == both.calmly.states
        assert announced(both.always) == announced(both.calmly)
    assert both.skipped > both.events / 10


def test_what_stands_apart_does_not_come_from_calls() -> None:
    """Each of these states holds with a session that has done nothing at all, and no other one does."""
    causes = {
        "tmux_dead": Inputs(alive=False),
        "quota_high": Inputs(week=Limit(99)),
        "context_imminent": Inputs(context_pct=99),
        "yolo_unchecked": Inputs(yolo_since=0.0, checked_at=1e6),
    }
    assert {name: (first_rule(inputs, 1e6) or ("",))[0] for name, inputs in causes.items()} == {n: n for n in APART}
    assert first_rule(Inputs(), 1e6) is None
    assert {name for name, _ in RULES} >= APART
