"""Answers that are shown belong to the question that is asked now, and say so when they are old."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.journey import furnished
from tests.browser.looks import look_again_until
from tests.browser.site import Site, stamp


def test_a_figure_is_not_shown_under_another_name(site: Site, open_page: OpenPage) -> None:
    """The sum of the day is gone as soon as the hour is asked for, also if the hour cannot be read."""
    furnished(site)
    page, guard = open_page("/cost")
    guard.expect(500)
    total = page.locator(".cost-total")
    expect(total).to_contain_text("in the last 24 hours")
    held: list[Route] = []
    page.route("**/api/cost?window=hour*", lambda route: held.append(route))
    with page.expect_request("**/api/cost?window=hour*"):
        page.get_by_role("button", name="Hour").click()
    expect(page.get_by_role("button", name="Hour")).to_have_attribute("aria-pressed", "true")
    expect(total).to_have_count(0)
    held.pop().fulfill(status=500, json={"error": "internal", "message": "The log cannot be read."})
    expect(page.get_by_role("alert")).to_contain_text("The log cannot be read.")
    expect(total).to_have_count(0)


POLLED = {
    "/cost": ("**/api/cost*", ".cost-total", "Cost"),
    "/s/checkout/checkpoints": ("**/checkpoints?*", ".split-item", "checkout"),
    "/s/checkout/agents": ("**/subagents", ".agent", "checkout"),
    "/settings": ("**/api/webhook/deliveries", ".deliveries > p, .deliveries > ul", "Last messages"),
}
"""A page → what it asks again and again, what it shows of the answer, and the heading above that."""


@pytest.mark.parametrize("path", POLLED)
def test_an_old_answer_says_that_it_is_old(site: Site, open_page: OpenPage, path: str) -> None:
    """While asking again fails, the old answer stays with a note; it goes when an answer comes, the focus does not."""
    furnished(site)
    site.hook("checkout", "SubagentStart", agent_id="a3f9c2d1e0b84756a", agent_type="reviewer")
    site.request("PATCH", "/api/config", {"webhook_url": "http://127.0.0.1:9/hook"})
    asked, shown, heading = POLLED[path]
    page, guard = open_page("/")
    guard.expect(500)
    page.clock.install()
    page.goto(path)
    expect(page.locator(shown).first).to_be_visible()
    note = page.get_by_text("This could not be read again.")
    expect(note).to_have_count(0)
    page.route(asked, lambda route: route.fulfill(status=500, json={"error": "internal", "message": "no"}))
    look_again_until(page, note)
    expect(page.locator(shown).first).to_be_visible()
    page.unroute(asked)
    page.locator(".out-of-date").get_by_role("button", name="Try again").press("Enter")
    expect(note).to_have_count(0)
    expect(page.locator(shown).first).to_be_visible()
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_focused()


def test_the_cost_of_a_session_in_a_span(site: Site, open_page: OpenPage) -> None:
    """Beside Hour, Day and Week stands what was spent in that time; the total says that it is one."""
    furnished(site)
    page, _ = open_page("/")
    point = {"session": "checkout", "input_tokens": 1, "output_tokens": 1, "cache_tokens": 0}
    costs = [("2026-04-21T14:00:00Z", 1_500_000), ("2026-04-21T14:30:00Z", 1_620_000)]
    page.route(
        "**/api/cost?*",
        lambda route: route.fulfill(
            json={
                "window": "hour",
                "points": [{**point, "ts": ts, "cost_usd_micros": micros} for ts, micros in costs],
                "base": {"checkout": 1_400_000},
                "totals": {"input": 2, "output": 2, "cache": 0, "cost_usd_micros": 1_620_000},
            }
        ),
    )
    page.goto("/s/checkout/meta")
    card = page.locator(".meta-cost")
    expect(card).to_contain_text("$0.22 in the last 24 hours")
    expect(card).to_contain_text("$1.62 for the whole session")
    card.get_by_role("button", name="Hour").click()
    expect(card).to_contain_text("$0.22 in the last hour")
    expect(card.locator(".chart tbody tr").last).to_contain_text("$0.22")


DELIVERIES = "**/api/webhook/deliveries"


def test_deliveries_stay_while_the_address_goes(site: Site, open_page: OpenPage) -> None:
    """Without an address there are no new deliveries; those of before are shown, also while they are read again."""
    furnished(site)
    site.request("PATCH", "/api/config", {"webhook_url": "http://127.0.0.1:9/hook"})
    page, _ = open_page("/")
    one: dict[str, object] = {
        "id": "1763830000000000000-0", "event": "attention_raised", "alert": "stuck", "session": "checkout",
        "created_at": stamp(60), "status": "failed", "tries": 1, "last_status": 500, "last_error": "",
        "next_try_at": "",
    }  # fmt: skip
    held: list[Route] = []
    page.route(DELIVERIES, lambda route: route.fulfill(json={"deliveries": [one]}))
    with page.expect_request(DELIVERIES):
        page.goto("/settings")
    delivery = page.locator(".delivery")
    expect(delivery).to_contain_text("checkout")
    page.unroute(DELIVERIES)
    page.route(DELIVERIES, lambda route: held.append(route))
    page.get_by_label("Address").fill("")
    with page.expect_request(DELIVERIES):
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved. The daemon uses it now")).to_be_visible()
    expect(delivery).to_contain_text("checkout")
    held[-1].fulfill(json={"deliveries": [one, {**one, "id": "1763830000000000001-0"}]})
    expect(delivery).to_have_count(2)
