"""Figures that are old or not whole, on a phone and a laptop, light and dark: accessible, and kept as pictures."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.journey import furnished
from tests.browser.looks import EVERY_LOOK, look, look_again_until
from tests.browser.site import Site, stamp

OLD = {
    "old-cost": ("/cost", "**/api/cost?*", ".cost-table"),
    "old-checkpoints": ("/s/checkout/checkpoints", "**/checkpoints?*", ".split-item"),
    "old-agents": ("/s/checkout/agents", "**/subagents", ".agent"),
    "old-deliveries": ("/settings", "**/api/webhook/deliveries", ".deliveries > p, .deliveries > ul"),
}
"""Name of the picture → address, what fails once it is drawn, and what is there then."""


def old_answers(page: Page, *, phone: bool, dark: bool) -> None:
    """Each view after asking again has failed."""
    for name, (path, asked, there) in OLD.items():
        page.goto(path)
        expect(page.locator(there).first).to_be_visible()
        page.route(asked, lambda route: route.fulfill(status=500, json={"error": "internal", "message": "no"}))
        note = page.locator(".out-of-date")
        look_again_until(page, note)
        note.scroll_into_view_if_needed()
        look(page, name, phone=phone, dark=dark)
        page.unroute(asked)


@EVERY_LOOK
def test_what_is_old_or_not_whole(site: Site, open_page: OpenPage, phone: bool, dark: bool) -> None:
    """Notes beside old answers, a gap in the feed, an index that is behind, and limits from before their reset."""
    furnished(site)
    site.hook("checkout", "SubagentStart", agent_id="a3f9c2d1e0b84756a", agent_type="reviewer")
    site.request("PATCH", "/api/config", {"webhook_url": "http://127.0.0.1:9/hook"})
    page, guard = open_page(phone=phone, dark=dark)
    guard.expect(500)
    page.clock.install()
    old_answers(page, phone=phone, dark=dark)
    page.goto("/feed")
    expect(page.locator("a.feed-row")).to_have_count(7)
    page.evaluate("import('/app/store/feed.js').then((m) => m.markGap())")
    site.append("docs", site.line("docs", tool_input={"command": "echo later"}))
    expect(page.locator("a.feed-row").first).to_contain_text("echo later")
    look(page, "feed-gap", phone=phone, dark=dark)
    behind = {"query": "npm", "matches": [], "truncated": False, "complete": False}
    page.route("**/api/search?*", lambda route: route.fulfill(json=behind))
    page.goto("/search?q=npm")
    page.clock.run_for(300)
    expect(page.get_by_text("Nothing found for “npm” so far")).to_be_visible()
    look(page, "search-behind", phone=phone, dark=dark)


@EVERY_LOOK
def test_limits_from_before_their_reset(site: Site, open_page: OpenPage, phone: bool, dark: bool) -> None:
    """They look calm and fit."""
    site.add_session("checkout", tmux=None)
    site.start()
    site.sign_up()
    page, _ = open_page("/settings", phone=phone, dark=dark)
    quota = {"five_hr_pct": 100, "five_hr_resets_at": stamp(60), "weekly_pct": 96, "weekly_resets_at": stamp(200_000)}
    page.route("**/api/quota", lambda route: route.fulfill(json=quota))
    page.goto("/")
    expect(page.get_by_role("region", name="Limits of your account")).to_be_visible()
    look(page, "limits-over", phone=phone, dark=dark)
