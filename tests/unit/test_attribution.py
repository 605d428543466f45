"""Whose log is it: by record, by process, by hints, in whatever order the lines come."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from ctm_trio.model.attribution import Attribution, orphan_name
from ctm_trio.model.session import Session, successors

API = Session("api", "u1", "yolo", "/srv/api", "2026-11-25T09:00:00Z")
T0, T1, T2 = "2026-11-25T10:00:00Z", "2026-11-25T10:00:05Z", "2026-11-25T10:00:06Z"


def rules(*records: Session) -> Attribution:
    """Rules that know these records."""
    made = Attribution()
    made.use_records({record.name: record for record in records})
    return made


def test_a_process_goes_on_under_another_uuid_in_any_order() -> None:
    """However the lines of two files cross, /clear in the session's process is the session's, and moves the record."""
    lines = [
        ("u1", "SessionStart", "startup", T0), ("u1", "SessionEnd", "clear", T1),
        ("u3", "SessionStart", "clear", T2), ("u3", "", "", T2),
    ]  # fmt: skip
    for order in itertools.permutations(lines):
        if order.index(lines[0]) > order.index(lines[1]):
            continue  # they are in one file, whose order is what it is
        made = rules(replace(API, name="api-old"), Session("api", "u2", "yolo", "/srv/two", T0))
        moves = []
        for uuid, hook, kind, ts in order:
            made.see(uuid, "api", "%0", "111", hook=hook, kind=kind, ts=ts)
            moves += made.adoptions()
        assert made.known["u3"] == "api-old", order
        assert moves == [("api-old", "u3", "u1")], order


@pytest.mark.parametrize("kind", ["clear", "resume", "fork"])
def test_what_moves_a_record(kind: str) -> None:
    """Each of the three goes on in the process; the same start in a process of its own moves nothing."""
    made = rules(API)
    made.see("u1", "api", "%0", "111", ts=T0)
    made.see("u2", "api", "%0", "111", hook="SessionStart", kind=kind, ts=T1)
    if kind != "fork":  # the end of the one before is not read yet, or no hook tells of it
        assert made.adoptions() == []
        assert made.is_doubtful("u2")
        made.trust("u2")
    assert made.adoptions() == [("api", "u2", "u1")]
    assert made.adoptions() == [], "told once"
    other = rules(API)
    other.see("u1", "api", "%0", "111", ts=T0)
    other.see("u2", "api", "%1", "222", hook="SessionStart", kind=kind, ts=T1)
    assert (other.adoptions(), other.known["u2"]) == ([], orphan_name("u2"))


def test_reused_numbers_in_any_order() -> None:
    """A process that begins under the numbers of one that is gone is another one, also if its start is read last."""
    lines = [("u5", "SessionStart", "startup", T1), ("u6", "SessionStart", "clear", T2), ("u6", "", "", T2)]
    for order in itertools.permutations(lines):
        made = rules(API)
        made.see("u1", "api", "%0", "111", hook="SessionStart", kind="startup", ts=T0)
        moves = []
        for uuid, hook, kind, ts in order:
            made.see(uuid, "", "%0", "111", hook=hook, kind=kind, ts=ts)
            moves += made.adoptions()
        assert (made.known["u6"], made.known["u5"], moves) == (orphan_name("u6"), orphan_name("u5"), []), order


def test_a_conversation_of_another_session_is_not_taken() -> None:
    """`/resume` into a conversation that is another record's leaves both records as they are."""
    made = rules(API, Session("two", "u9"))
    made.see("u1", "api", "%0", "111", ts=T0)
    made.see("u9", "api", "%0", "111", hook="SessionStart", kind="resume", ts=T1)
    made.trust("u9")
    assert (made.adoptions(), made.known["u9"]) == ([], "two")


def test_an_older_start_moves_nothing() -> None:
    """Of two starts the later one holds, whichever is read first."""
    made = rules(API)
    made.see("u1", "", "%0", "111", ts=T0)
    made.see("u3", "", "%0", "111", hook="SessionStart", kind="fork", ts=T2)
    assert made.adoptions() == [("api", "u3", "u1")]
    made.see("u2", "", "%0", "111", hook="SessionStart", kind="resume", ts=T1)
    made.trust("u2")
    assert made.adoptions() == []


def test_hints() -> None:
    """A name on a line counts at once if it has no process, else after a wait; never against a process."""
    made = rules(API)
    made.see("u2", "api", "", "", ts=T0)
    assert made.known["u2"] == "api"
    made.see("u3", "api", "%7", "777", ts=T0)
    assert made.is_doubtful("u3")
    assert made.known["u3"] == orphan_name("u3")
    assert made.trust("u3") == {"u3": "api"}
    changed = made.see("u1", "api", "%0", "111", ts=T1)
    assert changed["u3"] == orphan_name("u3"), "now the session's own process is known, and it is another one"
    assert made.known["u2"] == "api"


def test_a_client_after_the_one_that_ended() -> None:
    """Once the session's client has ended, another one that names it there is its next; a child before that is not."""
    made = rules(API)
    made.see("u1", "api", "%0", "111", ts=T0)
    made.see("u2", "api", "%0", "222", hook="SessionStart", kind="startup", ts=T1)
    assert made.known["u2"] == orphan_name("u2")
    made.see("u1", "api", "%0", "111", hook="SessionEnd", kind="other", ts=T2)
    assert made.known["u2"] == "api"
    assert made.adoptions() == []


def test_nothing_before_a_session_was_made_is_its_own() -> None:
    """Hints of lines and transcripts that are older than the record do not count."""
    made = rules(replace(API, created_at=T2))
    made.see("u2", "api", "", "", ts=T0)
    made.see("u3", "", "", "")
    made.learn_transcripts("u3", (("-srv-api", 1.0),))
    assert (made.known["u2"], made.known["u3"]) == (orphan_name("u2"), orphan_name("u3"))
    made.learn_transcripts("u3", (("-srv-api", 4e9),))
    assert made.known["u3"] == "api"


def test_a_forgotten_session_leaves_nothing() -> None:
    """Its logs go back to their own ids, and stay there when the name is used again, whatever their lines say."""
    made = rules(API)
    made.see("u1", "api", "%0", "111", ts=T0)
    made.see("u1", "api", "%0", "111", hook="SessionEnd", kind="clear", ts=T1)
    made.see("u2", "api", "%0", "111", hook="SessionStart", kind="clear", ts=T1)
    made.use_records({"api": replace(API, uuid="u2")})
    assert made.known == {"u1": "api", "u2": "api"}
    left = {"u1": orphan_name("u1"), "u2": orphan_name("u2")}
    assert made.use_records({}) == {**left, "session:api": orphan_name("u2")}, "and what was published without a log"
    made.use_records({"api": Session("api", "u9", "yolo", "/elsewhere", T2)})
    made.see("u2", "api", "%0", "111", ts=T2)
    made.see("u3", "api", "%0", "111", hook="SessionStart", kind="clear", ts=T2)
    assert made.known == {"u1": orphan_name("u1"), "u2": orphan_name("u2"), "u3": orphan_name("u3"), "u9": "api"}
    made.use_records({"api": Session("api", "u1", "yolo", "/srv/api", T0)})
    assert made.known["u1"] == "api", "a record that comes back has its log again"


def test_a_name_replaced_in_one_step() -> None:
    """A record that was taken out and another one put in between two looks is another session."""
    made = rules(API)
    made.see("u1", "api", "%0", "111", ts=T0)
    assert made.use_records({"api": Session("api", "u9", "yolo", "/elsewhere", T2)})["u1"] == orphan_name("u1")


def test_after_a_restart() -> None:
    """What the event log knew holds for sessions that are still there, also renamed; not for a name used anew."""
    made = rules(replace(API, name="new-name", uuid="u2"), Session("two", "u9", created_at=T1), Session("three", "u8"))
    known = {"u1": "api", "u2": "api", "u5": "two", "u6": "two", "u4": "three", "u7": orphan_name("u7")}
    known["session:api"] = "api"
    made.remember({uuid: (name, T2 if uuid == "u6" else "2026-11-24T10:00:00Z") for uuid, name in known.items()})
    assert made.settle_all() == {
        "u1": "new-name", "u2": "new-name", "u5": orphan_name("u5"), "u8": "three", "u9": "two"
    }  # fmt: skip
    assert (made.known["u6"], made.known["u4"]) == ("two", "three"), "called after the record was made, or nobody knows"
    assert made.known["u7"] == orphan_name("u7")


def test_successors() -> None:
    """A session is known again by its uuid, or by name, place and time; never by its name alone."""
    a, b = API, Session("b", "u2", "safe", "/b", T0)
    before = {"api": a, "b": b}
    assert successors(before, before) == {"api": "api", "b": "b"}
    assert successors(before, {"x": replace(a, name="x")}) == {"x": "api"}
    assert successors(before, {"api": replace(a, uuid="u7")}) == {"api": "api"}, "/clear"
    assert successors(before, {"api": replace(b, name="api")}) == {"api": "b"}, "renamed onto a freed name"
    fresh = replace(a, uuid="u8", created_at=T1)
    assert successors(before, {"api": fresh, "old": replace(a, name="old")}) == {"old": "api"}
    swapped = {"api": replace(b, name="api"), "b": replace(a, name="b")}
    assert successors(before, swapped) == {"api": "b", "b": "api"}
