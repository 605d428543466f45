"""The views about more than one session, on a phone and a laptop, light and dark: accessible, and kept as pictures."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.journey import failed, furnished
from tests.browser.looks import EVERY_LOOK, look, look_at_all
from tests.browser.site import Site

VIEWS = {
    "all-feed": ("/feed", "a.feed-row"),
    "search": ("/search?q=npm", ".match"),
    "search-empty": ("/search", ".empty"),
    "cost": ("/cost", ".cost-table"),
    "doctor": ("/doctor", ".check-row"),
    "settings": ("/settings", ".threshold-grid"),
}
"""Name of the picture → address, and what is there once it is drawn."""


def wrong_settings(page: Page) -> None:
    """The settings with something wrong in two fields."""
    page.goto("/settings")
    page.get_by_label("Address").fill("ftp://nowhere")
    page.get_by_label("Seems stuck").fill("2000")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".field-problem")).to_have_count(2)


def new_session(page: Page) -> None:
    """The dialog over the list, with a recent directory chosen."""
    page.goto("/")
    page.get_by_role("button", name="New session").click()
    page.locator(".chip").first.click()


def palette(page: Page) -> None:
    """The palette with something typed."""
    page.goto("/")
    expect(page.locator(".row").first).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("se")
    expect(page.get_by_role("option").first).to_be_visible()


@EVERY_LOOK
def test_every_view(site: Site, open_page: OpenPage, phone: bool, dark: bool) -> None:
    """No serious accessibility violation and nothing wider than the screen, in any view, screen and theme."""
    furnished(site)
    site.append("docs", site.line("docs", ago_s=15, tool_input={"command": "npm run docs"}))
    site.append("docs", failed(site, "docs", 10))
    site.dump("checkout", context=47, cost=2.1, five_hour=83)
    page, _ = open_page(phone=phone, dark=dark)
    look_at_all(page, VIEWS, phone=phone, dark=dark)
    page.goto("/feed")
    page.locator("a.feed-row", has_text="Edit").click()
    expect(page.locator(".diff-line").first).to_be_visible()
    look(page, "all-feed-detail", phone=phone, dark=dark)
    for step in (wrong_settings, new_session, palette):
        step(page)
        look(page, step.__name__.replace("_", "-"), phone=phone, dark=dark)
