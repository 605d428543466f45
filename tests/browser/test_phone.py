"""A day with a phone: everything from the list to the end of a session, by thumb."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.journey import furnished
from tests.browser.site import EMAIL, PASSWORD, Site


def test_a_day_on_a_phone(site: Site, open_page: OpenPage) -> None:
    """Log in, read pane, feed and a call, revert with a stash, rename, end it with a key, come back, log out."""
    furnished(site)
    (site.home / "src" / "checkout" / "total.ts").write_text("const total = 99\n")
    page, guard = open_page(phone=True, login=False)
    guard.expect(401, 409)
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").tap()
    page.get_by_role("link", name="checkout", exact=True).tap()
    page.get_by_role("link", name="Pane").tap()
    pane = page.get_by_role("region", name="Text of the terminal")
    expect(pane).to_contain_text("Welcome to Claude Code")
    assert pane.evaluate("(box) => box.scrollWidth <= box.clientWidth"), "the screen does not fit"
    page.get_by_label("Say something to checkout").fill("Look at the rounding too.")
    page.get_by_role("button", name="Send", exact=True).tap()
    expect(page.locator(".said")).to_contain_text("Look at the rounding too.")
    page.get_by_role("navigation", name="Views of").get_by_role("link", name="Feed").tap()
    page.locator("a.feed-row", has_text="Edit").tap()
    expect(page.locator(".diff-line.add")).to_contain_text("+const total = 1")
    page.go_back()
    expect(page.locator("a.feed-row", has_text="npm test")).to_be_visible()
    page.get_by_role("link", name="Checkpoints").tap()
    page.get_by_role("link", name=re.compile("first")).tap()
    page.get_by_role("button", name="Revert to this").tap()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Revert", exact=True).tap()
    dialog.get_by_label("Stash these changes first").check()
    dialog.get_by_role("button", name="Stash and revert").tap()
    expect(page.get_by_text("Your changes are in git’s stash")).to_be_visible()
    page.get_by_role("button", name="More actions").tap()
    page.get_by_role("menuitem", name="Rename").tap()
    page.get_by_label("New name").fill("till")
    dialog.get_by_role("button", name="Rename").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("till")
    page.get_by_role("link", name="Pane").tap()
    site.tmux.run("kill-session", "-t", "=till:")
    expect(page.locator(".session-state")).to_contain_text("Terminal gone")
    expect(page.get_by_text("The terminal has ended.")).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("link", name="All sessions").tap()
    expect(page.locator(".row", has_text="till")).to_contain_text("Terminal gone")
    page.get_by_role("button", name="More").tap()
    page.get_by_role("button", name="Log out").tap()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()


def test_a_message_leaves_the_line_in_reach(site: Site, open_page: OpenPage) -> None:
    """What is said to the person covers neither the keys nor the line: the next word can be typed at once."""
    furnished(site)
    page, _ = open_page("/s/checkout/pane", phone=True)
    page.get_by_role("button", name="Keys").tap()
    page.get_by_role("button", name="Interrupt").tap()
    said = page.locator(".toast")
    expect(said).to_contain_text("Esc was sent")
    for group in (".composer-keys", ".composer-line", ".composer-tools"):
        there, message = page.locator(group).bounding_box(), said.bounding_box()
        assert there is not None
        assert message is not None
        assert message["y"] + message["height"] <= there["y"]
