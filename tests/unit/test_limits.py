"""`model.limits`: which figure of the account's limits counts, of all that its sessions say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ctm_trio.model.limits import MAX_SESSIONS, MAX_WINDOWS, SAME_WINDOW_S, Limits
from ctm_trio.model.quota import Dump, Meter, Window

T = 1_800_000_000
DAY = 86_400


def answer(uuid: str, pct: float | None, resets_at: int | None = T, cost: int = 0) -> Dump:
    """What a session's status line shows after an answer."""
    return Dump(uuid, Window(pct, resets_at), None, Meter(cost_usd_micros=cost))


def week(*dumps: Dump) -> Window:
    limits = Limits()
    for dump in dumps:
        limits.take(dump)
    return limits.week


def test_one_window() -> None:
    """The highest figure, whoever says it and in whatever order."""
    assert week(answer("a", 50), answer("b", 40)).pct == 50
    assert week(answer("a", 50), answer("b", 40), answer("a", 60)).pct == 60
    assert week(answer("a", 50), answer("a", 40)).pct == 50


@pytest.mark.parametrize("off", [-SAME_WINDOW_S, -1, 1, 2, SAME_WINDOW_S])
def test_times_a_second_apart_are_one_window(off: int) -> None:
    """80 and 20 of two sessions whose windows end a second apart, then 84 of the first: it is 84."""
    found = week(answer("a", 80), answer("b", 20, T + off))
    assert found.pct == 80
    assert week(answer("a", 80), answer("b", 20, T + off), answer("a", 84)).pct == 84


@pytest.mark.parametrize("moved", [-3 * DAY, -60, 60, 7 * DAY])
def test_the_newest_answer_says_which_window(moved: int) -> None:
    """The next week, or an account whose week ends earlier: the newest answer counts, whichever session it is of."""
    for uuid in ("a", "b"):
        assert week(answer("a", 93), answer(uuid, 12, T + moved, cost=1)) == Window(12, T + moved)


def test_back_to_the_first_account() -> None:
    """What was heard of a window before is still known when an answer comes of it again."""
    found = week(answer("a", 93), answer("b", 12, T - DAY), answer("c", 90))
    assert found == Window(93, T)


def test_a_repetition_is_no_answer() -> None:
    """A session of the other account whose status line is only drawn again changes nothing; its next answer does."""
    old, new = answer("a", 93), answer("b", 12, T - DAY)
    assert week(old, new, old) == Window(12, T - DAY)
    other_model = replace(old, meter=Meter(cost_usd_micros=0, model="m", context_pct=9))
    assert week(old, new, other_model) == Window(12, T - DAY)
    assert week(old, new, replace(old, meter=Meter(cost_usd_micros=5))) == Window(93, T)


def test_missing_parts() -> None:
    """A figure without a time is taken as it comes; a time without a figure keeps the one before."""
    assert week(answer("a", 50), answer("b", 40, None)) == Window(40, T)
    assert week(answer("a", 50), answer("b", 40, None), answer("a", 51)) == Window(51, T)
    assert week(answer("a", 50), answer("a", None, T + DAY)) == Window(50, T + DAY)
    assert week(answer("a", None)) == Window(None, T)
    assert week(answer("a", 50), Dump("a", None, Window(1, 5), Meter())) == Window(50, T)
    assert week() == Window()


def test_bounds() -> None:
    """However many windows and sessions there were, what is remembered is bounded and the newest counts."""
    limits = Limits()
    for n in range(MAX_SESSIONS + 10):
        limits.take(answer(f"s{n}", n % 100, T + n * 60))
    assert limits.week.resets_at == T + (MAX_SESSIONS + 9) * 60
    assert len(limits._last) == MAX_SESSIONS
    assert len(limits._week.windows) <= MAX_WINDOWS + 1


ANSWERS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 100), st.integers(0, SAME_WINDOW_S)), min_size=1)


@given(ANSWERS, st.randoms())
def test_order_does_not_matter_within_a_window(found: list[tuple[str, int, int]], random: object) -> None:
    """Sessions report one window in any order: the figure known at the end is the highest."""
    dumps = [answer(uuid, pct, T + off) for uuid, pct, off in found]
    shuffled = list(dumps)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert week(*dumps).pct == week(*shuffled).pct == max(pct for _, pct, _ in found)


STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 9), st.sampled_from([T, T - DAY, T + DAY])), max_size=20
)


@given(STEPS)
def test_the_last_dumps_alone_say_the_same(steps: list[tuple[str, int, int]]) -> None:
    """Who reads only the files, which hold each session's last dump, finds what the daemon knows: usage only rises."""
    known: dict[int, int] = {}
    files: dict[str, Dump] = {}
    dumps = []
    for cost, (uuid, rise, end) in enumerate(steps):
        known[end] = min(100, known.get(end, 0) + rise)
        files.pop(uuid, None)
        files[uuid] = answer(uuid, known[end], end, cost)
        dumps.append(files[uuid])
    assert week(*dumps) == week(*files.values())


@given(STEPS)
def test_repeating_everything_changes_nothing(steps: list[tuple[str, int, int]]) -> None:
    """Each session's last dump, read again in any place, is no news."""
    limits = Limits()
    last: dict[str, Dump] = {}
    for cost, (uuid, pct, end) in enumerate(steps):
        last[uuid] = answer(uuid, pct, end, cost)
        limits.take(last[uuid])
    before = limits.week
    assert not any(limits.take(dump) for dump in last.values())
    assert limits.week == before


def test_a_window_that_was_over_gives_way() -> None:
    """An idle session's status line, shown again after another's answer, wins nothing by being the newest dump."""
    limits = Limits()
    for dump, written in ((answer("b", 95, T + 3600), T), (answer("a", 40, T - 100), T + 5)):
        limits.take(dump, written)
    assert limits.week == Window(95, T + 3600)
    limits.take(answer("a", 41, T - 100), T + 6)
    limits.take(answer("c", 3, T + 2 * DAY), T + 3600)
    assert limits.week == Window(3, T + 2 * DAY)


def test_a_clock_that_is_ahead_makes_no_window_current() -> None:
    """Where all windows seem to be over the newest answer counts, as always."""
    limits = Limits()
    for pct, ends in ((40, T), (95, T + 3600), (41, T - DAY)):
        limits.take(answer("a", pct, ends), T + 9 * DAY)
        assert limits.week == Window(pct, ends)
