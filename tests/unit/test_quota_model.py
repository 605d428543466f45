"""`model.quota`: what a dump says, what is known after it, and the recorded status lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.limits import Limits
from ctm_trio.model.quota import (
    EMPTIED,
    Dump,
    Meter,
    Window,
    merge_meter,
    parse_dump,
    round_half_up,
    session_meter,
)
from tests.fixtures import recorded


def parse(**fields: Any) -> Dump:
    dump = parse_dump(json.dumps(fields).encode(), "stem")
    assert dump is not None
    return dump


@pytest.mark.parametrize(
    ("value", "whole"), [(45.5, 46), (3.49, 3), (84.4, 84), (0.5, 1), (99.5, 100), (0.49999999999999994, 0), (2.5, 3)]
)
def test_halves_go_up(value: float, whole: int) -> None:
    """Percentages round half up, not to even and not by a sum that rounds itself."""
    assert round_half_up(value) == whole


def test_whole_dump() -> None:
    """Every field of the wire is found where it stands."""
    dump = parse(
        session_id="u",
        model={"id": "claude-sonnet-5-5"},
        cost={"total_cost_usd": 0.1234567},
        context_window={
            "used_percentage": 12.5, "total_input_tokens": 10, "total_output_tokens": 20,
            "current_usage": {"cache_creation_input_tokens": 1, "cache_read_input_tokens": 2},
        },
        rate_limits={
            "seven_day": {"used_percentage": 45.5, "resets_at": 1790000000}, "five_hour": {"used_percentage": 3},
        },
    )  # fmt: skip
    assert dump == Dump("u", Window(45.5, 1790000000), Window(3.0), Meter(13, 10, 20, 3, 123_457, "claude-sonnet-5-5"))


def test_stem_names_the_session() -> None:
    """Without a session id the file's name says whose dump it is."""
    assert parse(model={}).uuid == "stem"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'"x"', b"\xff{}"])
def test_no_dump(data: bytes) -> None:
    """A dump that is half written, or is no object, gives None."""
    assert parse_dump(data, "stem") is None


def test_wrong_types_and_ranges_count_as_absent() -> None:
    """A field that cannot be right is no field; the others of the dump count."""
    dump = parse(
        session_id=7,
        cost={"total_cost_usd": True},
        context_window={
            "used_percentage": -1,
            "total_input_tokens": "10",
            "total_output_tokens": 5,
            "current_usage": [],
        },
        rate_limits={"seven_day": {"used_percentage": 10**400, "resets_at": 1e18}, "five_hour": {"used_percentage": 7}},
    )
    assert dump == Dump("stem", None, Window(7.0), Meter(output_tokens=5))


def test_nulls_before_the_first_answer_say_nothing() -> None:
    """Zeros beside a null percentage are no figures; zeros with a percentage of zero (after /compact) are."""
    zeros = {"total_input_tokens": 0, "total_output_tokens": 0}
    assert parse(context_window={**zeros, "used_percentage": None, "current_usage": None}).meter == Meter()
    usage = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    assert parse(context_window={**zeros, "used_percentage": 0, "current_usage": usage}).meter == EMPTIED


def test_missing_fields_never_overwrite() -> None:
    """What a dump lacks stays as it was."""
    known = Meter(10, 1, 2, 3, 4, "m")
    assert merge_meter(known, Meter()) == known
    assert merge_meter(known, Meter(context_pct=0)) == Meter(0, 1, 2, 3, 4, "m")


def test_session_over_clears() -> None:
    """Tokens are the newest Claude session's, cost is the sum; after /clear the context is empty until it says more."""
    old, new = Meter(90, 5, 6, 7, 1000, "a"), Meter(3, 1, 1, 1, 10, "b")
    assert session_meter([old, new]) == Meter(3, 1, 1, 1, 1010, "b")
    assert session_meter([old, Meter(cost_usd_micros=0, model="b")]) == Meter(0, 0, 0, 0, 1000, "b")
    assert session_meter([Meter()]) == Meter()


def test_recorded_status_lines() -> None:
    """Over the whole recording the limits only rise, and a session's cost spans its /clear."""
    limits = Limits()
    meters: dict[str, Meter] = {}
    seen: list[float] = []
    for item in recorded("statusline"):
        dump = parse_dump(json.dumps(item["payload"]).encode(), "x")
        assert dump is not None
        limits.take(dump)
        if limits.five_hours.pct is not None:
            seen.append(limits.five_hours.pct)
        meters[dump.uuid] = merge_meter(meters.get(dump.uuid, Meter()), dump.meter)
    assert seen == sorted(seen)
    assert (limits.five_hours.pct, limits.week.pct) == (55.5, 42.7)
    first = next(uuid for uuid in meters if uuid.startswith("00000002"))
    cleared = next(uuid for uuid in meters if uuid.startswith("d0eb91cf"))
    assert session_meter([meters[first], meters[cleared]]).cost_usd_micros == 61_332 + 1_201


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=9),
        lambda x: st.dictionaries(
            st.sampled_from(
                [
                    "session_id",
                    "context_window",
                    "used_percentage",
                    "rate_limits",
                    "seven_day",
                    "resets_at",
                    "cost",
                    "total_cost_usd",
                    "total_input_tokens",
                    "current_usage",
                    "model",
                    "id",
                ]
            ),
            x,
            max_size=6,
        ),
    )
)
def test_any_json(value: Any) -> None:
    """No JSON raises."""
    parse_dump(json.dumps(value).encode(), "stem")
