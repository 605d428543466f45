"""What the page knows, and how events and answers change it: the modules of the store, driven one by one."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.journey import HIDE
from tests.browser.site import Site


@pytest.fixture
def page(site: Site, open_page: OpenPage) -> Page:
    """A page of which nobody is logged in: no stream changes the stores."""
    site.start()
    opened, _ = open_page("/")
    return opened


def run(page: Page, module: str, body: str, argument: object = None) -> Any:
    """What the statements `body` return, given the module `m` and the argument `a`."""
    return page.evaluate(f"(a) => import('/app/store/{module}').then(async (m) => {{ {body} }})", argument)


REASONS = [
    ("waiting", "Waits for you: The index is built.", "The index is built."),
    ("waiting", "Finished; waits for you.", "Finished; waits for you."),
    ("failed", "Stopped by an error: overloaded", "Overloaded"),
    ("permission", "Waits for your approval: rm -rf build", "rm -rf build"),
    ("permission", "Its sub-agent Explore waits for your approval: ls", "ls"),
    ("question", "Asks you: Which database shall it be?", "Which database shall it be?"),
    ("plan", "Waits for your decision on a plan: Round totals", "Round totals"),
    ("dialog", "A dialog is open: Trust this folder?", "Trust this folder?"),
    ("working", "Works on its turn.", "Works on its turn."),
    ("of_tomorrow", "what nobody knows yet", "What nobody knows yet"),
]
"""A state, the daemon's sentence, and what is shown beside the badge."""


def test_the_reason_is_what_it_is_about(page: Page) -> None:
    """What the badge says already is left out; a state that nobody knows yet is shown by its name."""
    body = "const one = m.standing({status: {state: a[0], reason: a[1], since: ''}, blocked: true}, 0);"
    for state, sentence, shown in REASONS:
        assert run(page, "status.js", f"{body} return one.reason", [state, sentence]) == shown
    assert run(page, "status.js", f"{body} return [one.word, one.group]", ["of_tomorrow", ""]) == [
        "of tomorrow",
        "needs",
    ]


def test_a_session_that_ended_long_ago_is_history(page: Page) -> None:
    """For an hour it needs its person; then it is among those that ended."""
    ended = {"status": {"state": "gone", "reason": "", "since": "1970-01-01T00:00:00Z"}, "blocked": True}
    body = "return [59, 61].map((minutes) => m.standing(a, minutes * 60000).group)"
    assert run(page, "status.js", body, ended) == ["needs", "ended"]


ANSWERS = """
  const waiting = [];
  const json = (value) => new Response(JSON.stringify(value), {headers: {'Content-Type': 'application/json'}});
  const view = (more) => ({name: 'one', mode: 'yolo', workdir: '/', created_at: '', tmux_alive: true, ...more});
  window.fetch = async (path) => {
    if (path === '/api/sessions') return new Promise((resolve) => waiting.push((list) => resolve(json(list))));
    return json(path === '/api/quota' ? {weekly_pct: 1} : {});
  };
"""
"""The daemon's answers in a test's hands: `waiting[n](list)` answers the request number n for the sessions."""


def test_a_late_answer_does_not_undo_what_events_said(page: Page) -> None:
    """What changed while a read was under way is there after its answer: alarms, new names, limits."""
    body = f"""{ANSWERS}
      m.sessions.value = new Map([['one', view()], ['two', view({{name: 'two'}})]]);
      const read = m.refresh();
      m.changeSessions((map) => m.change(map, 'one', {{status: {{state: 'waiting', since: '', reason: ''}}}}));
      m.changeSessions((map) => {{ map.delete('two'); map.set('three', view({{name: 'three'}})); }});
      m.changeQuota({{weekly_pct: 2}});
      waiting[0]([view(), view({{name: 'two'}})]);
      await read;
      return [m.sessions.value.get('one').status?.state, [...m.sessions.value.keys()], m.quota.value.weekly_pct];
    """
    assert run(page, "sessions.js", body) == ["waiting", ["one", "three"], 2]


def test_who_asks_again_gets_a_newer_answer(page: Page) -> None:
    """A refresh that is asked for during another one ends with an answer that was asked for afterwards."""
    body = f"""{ANSWERS}
      const first = m.refresh(), second = m.refresh(), third = m.refresh();
      waiting[0]([view()]);
      await first;
      await new Promise((resolve) => setTimeout(resolve));
      const asked = waiting.length;
      waiting[1]([]);
      await Promise.all([second, third]);
      return [asked, waiting.length, m.sessions.value.size];
    """
    assert run(page, "sessions.js", body) == [2, 2, 0]


def test_an_answer_to_an_earlier_login_is_dropped(page: Page) -> None:
    """What was asked for before logging out is not shown after it, and does not hold up the next login."""
    body = f"""{ANSWERS}
      const old = m.refresh();
      m.clearSessions();
      const fresh = m.refresh();
      waiting[1]([view({{name: 'new'}})]);
      await fresh;
      waiting[0]([view({{name: 'old'}})]);
      await old;
      return [...m.sessions.value.keys()];
    """
    assert run(page, "sessions.js", body) == ["new"]


def test_an_unknown_name_is_asked_for_once(page: Page) -> None:
    """A call of a session that is not known makes the sessions be read, but not each call; after a logout again."""
    body = """
      const events = await import('/app/store/events.js'), live = await import('/app/store/live.js');
      const call = () => events.apply({type: 'tool_call', session: 'new', id: '1-0', payload: {tool: 'Bash'}}, []);
      m.sessionsLoaded.value = true;
      const found = [call(), call()];
      live.stopLive();
      return [...found, call()];
    """
    assert run(page, "sessions.js", body) == [True, False, True]


def test_the_clock_of_ten_seconds(page: Page) -> None:
    """It changes once in ten seconds, and is not behind: what is left of a time is not more than it says."""
    body = """
      const at = (ms) => ((m.now.value = ms), m.nearlyNow.value);
      return [at(1763830000000), at(1763830000001), at(1763830010000)];
    """
    assert run(page, "clock.js", body) == [1763830000000, 1763830010000, 1763830010000]


def test_each_call_is_counted_once(page: Page) -> None:
    """A call that comes again is not counted again; the counts say from when on they are whole, and start over."""
    body = """
      const minute = 60000, start = 1763830000000;
      const call = (n) => ({id: `${start + n * minute}000000-0`, at: start + n * minute, isError: n === 1});
      const sum = (list) => list.reduce((a, b) => a + b, 0);
      const state = (now) => {
        const one = m.callsByMinute('one', start + now * minute);
        return [one && sum(one.calls), one && sum(one.errors), m.coveredSince(start + now * minute)];
      };
      for (const n of [0, 1, 2, 1, 2, 3]) m.countCall('one', call(n));
      const found = [state(4), state(32)];
      m.clearActivity();
      found.push(state(32));
      m.countCall('one', call(32));
      return [...found, state(32)];
    """
    start = 1763830000000
    half_hour_later, alone = [1, 0, 0], [1, 0, start + 32 * 60_000]
    assert run(page, "activity.js", body) == [[4, 1, start], half_hour_later, [None, None, 0], alone]


CALLS = """
  const {effect} = await import('/app/html.js'), activity = await import('/app/store/activity.js');
  const made = (n) => ({id: `${n}-0`, at: 0, isError: false, tool: 'Bash', input: `${n}`});
  const call = (name, n) => activity.countCall(name, made(n));
  const follow = (name, seen = []) => (effect(() => void seen.push(activity.lastCall(name)?.input ?? '')), seen);
"""
"""`call` counts a call with a number; `follow` gives what somebody is told who shows a session's newest call."""


def test_a_call_is_told_to_its_own_session_only(page: Page) -> None:
    """Whoever shows one session is not drawn again with the calls of another one."""
    body = f"""{CALLS}
      const one = follow('one'), two = follow('two');
      call('one', 1), call('one', 2), call('two', 3);
      return [one, two];
    """
    assert run(page, "activity.js", body) == [["", "1", "2"], ["", "3"]]


def test_what_was_counted_goes_with_its_session(page: Page) -> None:
    """Of a session that is gone nothing stays, one of the same name begins anew, a renamed one takes it along."""
    body = f"""{CALLS}
      const one = follow('one'), two = follow('two');
      const count = (name) => activity.callsByMinute(name, 0)?.calls.reduce((a, b) => a + b, 0) ?? null;
      m.changeSessions((map) => map.set('one', {{name: 'one'}}));
      call('one', 1), call('one', 2);
      m.changeSessions((map) => map.delete('one'));
      const gone = count('one');
      call('one', 3);
      const anew = count('one');
      activity.renameActivity('one', 'two');
      return [one, two, gone, anew, count('one'), count('two')];
    """
    told = [["", "1", "2", "", "3", ""], ["", "3"]]
    assert run(page, "sessions.js", body) == [*told, None, 1, None, 1]


def test_stale_is_what_was_heard_last(page: Page) -> None:
    """A connection that is found dead after a silence is stale since the last sign of life; the banner waits."""
    page.clock.install()
    page.reload()
    # The form is drawn with an answer: from then on the page has the daemon's time, which would else move its clock.
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    step = "m.streamStatus({state: a, retryInMs: 0}); return [m.staleMs.value, m.bannerShown.value];"
    assert not run(page, "connection.js", step, "lost")[1]  # nothing was ever heard: it begins now
    assert run(page, "connection.js", f"m.streamHeard(); {step}", "live") == [0, False]
    page.clock.run_for(41_000)
    stale, shown = run(page, "connection.js", step, "lost")
    assert stale >= 39_000
    assert not shown
    page.clock.run_for(4000)
    stale, shown = run(page, "connection.js", step, "connecting")
    assert stale >= 43_000
    assert shown
    assert run(page, "connection.js", step, "live") == [0, False]


def test_a_hidden_page_without_a_stream_is_stale(site: Site, open_page: OpenPage) -> None:
    """A tab that let its stream go says for how long, if the stream does not come back; else it reads all again."""
    site.add_session("checkout")
    site.start()
    site.sign_up()
    page, guard = open_page("/")
    page.clock.install()
    page.reload()
    expect(page.locator(".row")).to_have_count(1)
    page.evaluate("() => void navigator.locks.request('ctm.hidden-stream', () => new Promise(() => {}))")
    state = "() => import('/app/store/connection.js').then((m) => m.streamState.value)"
    page.wait_for_function(f"({state})().then((value) => value === 'live')")
    for away in (False, True):
        page.evaluate(HIDE, True)
        page.clock.run_for(31_000)
        page.wait_for_function(f"({state})().then((value) => value === 'idle')")
        if away:
            guard.expect_outage()
            site.stop()
            page.clock.run_for(600_000)
            page.evaluate(HIDE, False)
            page.clock.run_for(4000)
            expect(page.locator(".banner")).to_contain_text("10 min old")
        else:
            with page.expect_response("**/api/sessions"):
                page.evaluate(HIDE, False)
            page.wait_for_function(f"({state})().then((value) => value === 'live')")
            expect(page.locator(".banner")).to_have_count(0)


def test_figures_that_are_unknown(page: Page) -> None:
    """An event says null where a session view leaves a figure out, and the page shows neither as a number."""
    body = """
        const map = new Map([['one', {name: 'one'}]]);
        m.applyTo(map, {type: 'quota_update', session: 'one', id: '1-0', payload: {session: 'one', ...a}});
        return JSON.stringify(map.get('one'));
    """
    unknown = {"context_pct": None, "input_tokens": None, "output_tokens": None, "cache_tokens": None}
    tokens = '{"input_tokens":7,"output_tokens":0,"cache_tokens":0}'
    assert run(page, "events.js", body, {**unknown, "context_pct": 12}) == '{"name":"one","context_pct":12}'
    assert run(page, "events.js", body, {**unknown, "input_tokens": 7}) == f'{{"name":"one","tokens":{tokens}}}'
