"""Events that the stream lost: a feed closes the gap, or shows where it is."""

from __future__ import annotations

import json
import time
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.site import Site, stamp

ROWS = """
  const row = (n) => ({id: `${1763830000000000000n + BigInt(n)}-0`, session: 'one', kind: 'call', input: String(n)});
  const rows = (first, last) => Array.from({length: last - first + 1}, (_, i) => row(first + i));
  const ends = (list) => list.filter((one, i) => Number(list[i - 1]?.input) !== one.input - 1
    || Number(list[i + 1]?.input) !== Number(one.input) + 1).map((one) => Number(one.input));
"""
"""Rows with numbers; `ends` gives the first and last number of each run without a gap."""


def feed(page: Page, body: str) -> Any:
    """What the statements `body` return, given the feed's module as `m`."""
    return page.evaluate(f"() => import('/app/store/feed.js').then((m) => {{ {ROWS} {body} }})")


def test_a_page_that_does_not_reach_back_over_a_gap(site: Site, open_page: OpenPage) -> None:
    """Rows before a gap that the newest page does not reach are dropped; if it reaches them they stay."""
    site.start()
    page, _ = open_page("/")
    merge = """
      m.clearFeeds();
      const feed = m.sessionFeed('one');
      feed.rows.value = [...rows(1, 3), ...rows(402, 410)];
      feed.gap.value = {after: row(3).id};
      const gap = feed.gap.value;
      %s
      m.mergeNewest(feed, %s, %s, gap);
      return [ends(feed.rows.value), feed.gap.value !== null];
    """
    assert feed(page, merge % ("", "rows(702, 901)", "true")) == [[702, 901], False]
    assert feed(page, merge % ("", "rows(4, 401)", "true")) == [[4, 410], False]
    assert feed(page, merge % ("", "rows(3, 410)", "true")) == [[1, 410], False]
    assert feed(page, merge % ("", "rows(1, 410)", "false")) == [[1, 410], False]
    another = "feed.gap.value = {after: row(3).id};"
    assert feed(page, merge % (another, "rows(702, 901)", "true")) == [[702, 901], True]


def test_the_feed_of_all_sessions_marks_a_gap(site: Site, open_page: OpenPage) -> None:
    """A row says where calls are missing, whatever the filter; a session's feed begins behind it."""
    site.start()
    site.sign_up()
    page, _ = open_page("/feed?tool=Bash")
    expect(page.get_by_text("No call matches the filter")).to_be_visible()
    found = feed(
        page,
        """
        m.appendLive(rows(1, 3));
        m.markGap();
        m.markGap();
        m.appendLive(rows(10, 12));
        return [m.allFeed.rows.value.map((one) => one.kind), ends(m.sessionFeed('one').rows.value)];
        """,
    )
    assert found == [["call"] * 3 + ["gap"] + ["call"] * 3, [10, 12]]
    expect(page.locator(".feed-row")).to_have_count(1)
    expect(page.locator(".feed-row")).to_contain_text("Calls are missing here")
    expect(page.locator(".feed-count")).to_have_text("0 rows")


def test_a_gap_is_no_new_call(site: Site, open_page: OpenPage) -> None:
    """Above a list that its reader has scrolled down the calls are counted, not the mark of those that are missing."""
    site.start()
    site.sign_up()
    page, _ = open_page("/feed")
    expect(page.get_by_text("No calls yet")).to_be_visible()
    feed(page, "m.appendLive(rows(1, 200));")
    expect(page.locator(".feed-count")).to_have_text("200 rows")
    page.locator(".feed-list").evaluate("(list) => list.scrollTo(0, 2000)")
    expect(page.locator(".feed-row", has_text="150")).to_be_visible()
    feed(page, "m.markGap(); m.appendLive(rows(301, 302));")
    expect(page.get_by_role("button", name="new call")).to_have_text("2 new calls")
    expect(page.locator(".feed-count")).to_have_text("202 rows")


def test_a_gap_that_opens_while_the_feed_loads(site: Site, open_page: OpenPage) -> None:
    """The newest page is read again after the request under way; if that fails the feed says so and can try again."""
    site.add_session("one", tmux=None)
    site.append("one", site.line("one", tool_input={"command": "echo first"}))
    site.start()
    site.sign_up()
    page, guard = open_page("/")
    guard.expect(500)
    held: list[Route] = []

    def first_waits(route: Route) -> None:
        if held:
            route.fulfill(status=500, json={"error": "internal", "message": "no"})
        else:
            held.append(route)

    page.route("**/feed/history?*", first_waits)
    with page.expect_request("**/feed/history?*"):
        page.goto("/s/one/feed")
    expect(page.locator("a.feed-row")).to_have_count(1)
    feed(page, "m.markGap();")
    held[0].continue_()
    expect(page.get_by_text("Calls may be missing here.")).to_be_visible()
    page.unroute("**/feed/history?*")
    page.get_by_role("button", name="Try again").press("Enter")
    expect(page.get_by_text("Calls may be missing here.")).to_have_count(0)
    expect(page.locator("a.feed-row")).to_have_count(1)
    expect(page.get_by_role("heading", name="one")).to_be_focused()


def test_a_first_page_that_fails_is_tried_again(site: Site, open_page: OpenPage) -> None:
    """A feed without rows whose first page could not be read says so, and reads it when it is asked to."""
    site.add_session("one", tmux=None)
    site.append("one", site.line("one", tool_input={"command": "echo first"}))
    site.start()
    site.sign_up()
    page, guard = open_page("/")
    guard.expect(500)
    # The stream stays silent: its rows would be there without the page.
    page.route("**/events/all", lambda route: route.fulfill(body=": ok\n\n", content_type="text/event-stream"))
    page.route(
        "**/feed/history?*", lambda route: route.fulfill(status=500, json={"error": "internal", "message": "no"})
    )
    page.goto("/s/one/feed")
    expect(page.get_by_role("alert")).to_contain_text("That did not work")
    page.unroute("**/feed/history?*")
    page.get_by_role("button", name="Try again").press("Enter")
    expect(page.locator("a.feed-row")).to_contain_text("echo first")
    expect(page.get_by_role("heading", name="one")).to_be_focused()


def frame(number: int, ns: int) -> str:
    """A call in the stream, so many seconds after `ns`."""
    call = {"session": "one", "tool": "Bash", "input": f"echo {number}", "is_error": False, "ts": stamp()}
    return f"event: tool_call\nid: {ns + number * 10**9}-0\ndata: {json.dumps(call)}\n\n"


def test_a_stream_that_lost_events(site: Site, open_page: OpenPage) -> None:
    """What came before the loss stands before the gap, what came after it behind it, and only that is counted."""
    site.start()
    site.sign_up()
    page, _ = open_page("/")
    ns = time.time_ns() - 60 * 10**9
    held: list[Route] = []

    def stream(route: Route) -> None:
        if not route.request.frame.url.endswith("/feed"):
            route.continue_()  # of the page before
            return
        if not held:
            body = ": ok\n\n" + frame(1, ns) + ": lost\n\n" + frame(9, ns)
            route.fulfill(body=body, content_type="text/event-stream")
        held.append(route)  # the page asks again when it has read all of it, and waits

    page.route("**/events/all", stream)
    page.goto("/feed")
    rows = page.locator(".feed-row")
    expect(rows).to_have_count(3)
    expect(rows).to_contain_text(["echo 9", "Calls are missing here", "echo 1"])
    counted = page.evaluate(
        """() => import('/app/store/activity.js').then((m) => {
          const calls = m.callsByMinute('one', Date.now()).calls;
          return [calls.reduce((a, b) => a + b, 0), m.coveredSince(Date.now())];
        })"""
    )
    assert counted == [1, (ns + 9 * 10**9) // 10**6]


def test_a_lifecycle_event_has_its_session(site: Site, open_page: OpenPage) -> None:
    """In the feed of all sessions a row says whose start or end it is."""
    site.start()
    site.sign_up()
    page, _ = open_page("/")
    held: list[Route] = []

    def stream(route: Route) -> None:
        if not route.request.frame.url.endswith("/feed"):
            route.continue_()  # of the page before
            return
        if not held:
            end = json.dumps({"name": "parser", "uuid": "u", "mode": "safe", "workdir": "/w"})
            body = f": ok\n\nevent: session_killed\nid: {time.time_ns()}-0\ndata: {end}\n\n"
            route.fulfill(body=body, content_type="text/event-stream")
        held.append(route)

    page.route("**/events/all", stream)
    page.goto("/feed")
    expect(page.locator(".feed-row")).to_contain_text(["Session ended"])
    expect(page.locator(".feed-row .feed-session")).to_have_text("parser")


def test_links_of_the_navigation(site: Site, open_page: OpenPage) -> None:
    """What is in the address bar after a click can be bookmarked."""
    site.start()
    site.sign_up()
    page, _ = open_page("/")
    expect(page.locator("a.nav-link").first).to_be_attached()
    addresses = page.locator("a.nav-link").evaluate_all("(links) => links.map((one) => one.getAttribute('href'))")
    assert "/feed" in addresses
    assert not [address for address in addresses if ":" in address]
