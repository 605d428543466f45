"""Every view on a phone and a laptop, light and dark: accessible, within the screen, and kept as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SCREENSHOTS, OpenPage
from tests.browser.journey import furnished
from tests.browser.site import Site

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()

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


def serious(page: Page) -> list[str]:
    """What axe finds that is serious or critical, one line each. axe-core is put in by the browser's debugger."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def look(page: Page, name: str, *, phone: bool, dark: bool) -> None:
    """Check what is on the screen and keep its picture."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}-{390 if phone else 1440}-{'dark' if dark else 'light'}.png")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), f"{name} is wider than the screen"
    assert serious(page) == [], name


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["laptop", "phone"])
def test_every_view(site: Site, open_page: OpenPage, phone: bool, dark: bool) -> None:
    """No serious accessibility violation and nothing wider than the screen, in any view, screen and theme."""
    furnished(site)
    site.hook("checkout", "SubagentStart", agent_id="a3f9c2d1e0b84756a", agent_type="reviewer")
    page, _ = open_page(phone=phone, dark=dark)
    expect(page.locator(".row")).to_have_count(4)
    for name, (path, there) in VIEWS.items():
        page.goto(path)
        expect(page.locator(there).first).to_be_visible()
        look(page, name, phone=phone, dark=dark)
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


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["laptop", "phone"])
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
