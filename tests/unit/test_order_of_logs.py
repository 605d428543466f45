"""Which of several logs of a session counts: the order of their lines, not what the clock said of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ctm_trio.model.attribution import Attribution
from ctm_trio.model.session import Session
from ctm_trio.model.times import format_time

NOW = 1_800_000_000.0


def clear(rules: Attribution, uuid: str, ts: float, now: float) -> list[str]:
    """A `/clear` in the process of alpha: its log ends, another begins. The uuids that its record then follows to."""
    was = rules.records["alpha"].uuid
    rules.see(was, "alpha", "%1", "77", hook="SessionEnd", kind="clear", ts=format_time(ts), now=now)
    rules.see(uuid, "alpha", "%1", "77", hook="SessionStart", kind="clear", ts=format_time(ts), now=now)
    found = [new for _, new, _ in rules.adoptions()]
    for new in found:
        rules.use_records({"alpha": replace(rules.records["alpha"], uuid=new)})
    return found


def rules_of_alpha(began: float = NOW - 1000) -> Attribution:
    rules = Attribution()
    rules.use_records({"alpha": Session("alpha", uuid="u1", created_at=format_time(began))})
    rules.see("u1", "alpha", "%1", "77", hook="SessionStart", kind="startup", ts=format_time(began), now=began)
    return rules


@pytest.mark.parametrize("jump", [-1200.0, 1200.0, -86_400.0])
def test_clear_after_the_clock_was_set(jump: float) -> None:
    """Two `/clear`s with the clock set between them: the record follows to both."""
    rules = rules_of_alpha()
    assert clear(rules, "u2", NOW, NOW) == ["u2"]
    assert clear(rules, "u3", NOW + jump, NOW + jump) == ["u3"]


def test_clear_of_a_session_that_began_in_the_future() -> None:
    """The clock was set back to before the session began: its lines are its own all the same."""
    rules = rules_of_alpha(NOW)
    assert clear(rules, "u2", NOW - 1200, NOW - 1200) == ["u2"]
    rules.see("u4", "alpha", "", "", hook="Stop", ts=format_time(NOW - 1100), now=NOW - 1100)
    assert rules.known["u4"] == "alpha"


def test_a_new_process_after_the_clock_was_set_back() -> None:
    """A process that begins under a number that was used before is a new one, though the old one's lines seem newer."""
    rules = rules_of_alpha(NOW)
    rules.see("other", "", "%1", "77", hook="SessionStart", kind="startup", ts=format_time(NOW - 900), now=NOW - 900)
    assert rules.processes.beside("other") == []


def test_clears_that_are_read_late() -> None:
    """At a start the log of an earlier `/clear` may be read after that of a later one: it moves nothing back."""
    rules = rules_of_alpha()
    assert clear(rules, "u3", NOW - 100, NOW) == ["u3"]
    assert clear(rules, "u2", NOW - 200, NOW) == []
    assert clear(rules, "u4", NOW - 50, NOW) == ["u4"]
