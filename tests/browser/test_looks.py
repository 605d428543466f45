"""Every view on a phone and a laptop, light and dark: accessible, within the screen, and kept as a picture."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.journey import furnished
from tests.browser.looks import EVERY_LOOK, look, look_at_all
from tests.browser.site import Site

VIEWS = {
    "sessions": ("/", ".row"),
    "pane": ("/s/checkout/pane", ".pane-line"),
    "feed": ("/s/checkout/feed", "a.feed-row"),
    "checkpoints": ("/s/checkout/checkpoints", ".split-item"),
    "agents": ("/s/checkout/agents", ".agent"),
    "details": ("/s/checkout/meta", ".meta-cost :is(canvas, .empty)"),
    "nowhere": ("/no/such/place", ".empty"),
}
"""Name of the picture → address, and what is there once it is drawn."""


@EVERY_LOOK
def test_every_view(site: Site, open_page: OpenPage, phone: bool, dark: bool) -> None:
    """No serious accessibility violation and nothing wider than the screen, in any view, screen and theme."""
    furnished(site)
    site.hook("checkout", "SubagentStart", agent_id="a3f9c2d1e0b84756a", agent_type="reviewer")
    page, _ = open_page(phone=phone, dark=dark)
    expect(page.locator(".row")).to_have_count(4)
    look_at_all(page, VIEWS, phone=phone, dark=dark)
    page.goto("/s/checkout/feed")
    page.locator("a.feed-row", has_text="Edit").click()
    expect(page.locator(".diff-line").first).to_be_visible()
    look(page, "detail", phone=phone, dark=dark)
    page.goto("/s/checkout/checkpoints")
    page.locator(".split-item").first.click()
    expect(page.locator(".diff-line").first).to_be_visible()
    look(page, "checkpoint", phone=phone, dark=dark)
    page.get_by_role("button", name="Revert to this").click()
    look(page, "revert", phone=phone, dark=dark)


@EVERY_LOOK
def test_before_login(site: Site, open_page: OpenPage, phone: bool, dark: bool) -> None:
    """The same for sign-up, login and the first, empty list."""
    site.start()
    page, _ = open_page(phone=phone, dark=dark)
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    look(page, "sign-up", phone=phone, dark=dark)
    site.sign_up()
    page.reload()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    look(page, "login", phone=phone, dark=dark)
    empty, _ = open_page(phone=phone, dark=dark)
    expect(empty.get_by_text("No sessions yet")).to_be_visible()
    look(empty, "empty", phone=phone, dark=dark)
