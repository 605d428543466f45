"""The list of sessions and what can be done to one."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.journey import HIDE, failed, furnished
from tests.browser.played_client import PlayedClient
from tests.browser.site import Site


def test_who_needs_you_comes_first(site: Site, open_page: OpenPage) -> None:
    """Sessions that need their user are on top, say why in words, are counted, and move when they no longer do."""
    furnished(site)
    page, _ = open_page()
    needs, working = (page.get_by_role("region", name=name) for name in ("Need you", "Working"))
    expect(needs.locator(".row-link").nth(0)).to_have_text("mobile-app")
    expect(needs.locator(".row-link").nth(1)).to_have_text("old-experiment")
    expect(needs.locator(".row", has_text="mobile-app")).to_contain_text("Asks permission")
    expect(needs.locator(".row", has_text="mobile-app").locator(".row-reason")).to_have_text("Bash rm -rf build")
    expect(working.locator(".row", has_text="docs")).to_contain_text("Last call failed")
    expect(page.get_by_role("status").filter(has_text="need you")).to_have_text("2 of 4 need you")
    expect(page.locator(".row", has_text="checkout")).to_contain_text("41%")
    expect(working.locator(".row", has_text="checkout").locator(".row-reason")).to_have_text("Grep roundHalfEven")
    expect(page).to_have_title(re.compile(r"^\(2\)"))
    docs = PlayedClient(site, "docs")
    docs.stops("The docs are ready.")
    expect(needs.locator(".row", has_text="docs")).to_contain_text("Waits for you")
    expect(needs.locator(".row", has_text="docs").locator(".row-reason")).to_have_text("The docs are ready.")
    docs.works()
    expect(working.locator(".row", has_text="docs")).to_be_visible()
    site.append("checkout", failed(site, "checkout"))
    expect(working.locator(".row", has_text="checkout")).to_contain_text("Last call failed")


def test_what_concerns_the_account_stands_once(site: Site, open_page: OpenPage) -> None:
    """A limit that is nearly used is one line above the list, not a state of every session."""
    for name in ("one", "two"):
        site.add_session(name, tmux=None)
    site.dump("one", context=10, cost=1.0, five_hour=97.0)
    site.start()
    site.sign_up()
    page, _ = open_page()
    expect(page.get_by_text("Your account has used 97 % of its limit (5-hour limit).")).to_have_count(1)
    expect(page.locator(".row")).to_have_count(2)
    expect(page.locator(".row").filter(has_text="Quota")).to_have_count(0)


def test_a_session_that_was_started_by_hand(site: Site, open_page: OpenPage) -> None:
    """It is marked and followed, but not renamed, killed or forgotten, nor typed into where that cannot be."""
    furnished(site)
    page, _ = open_page("/settings")
    (found,) = (one for one in site.request("GET", "/api/sessions") if one["name"] == "docs")
    shown = {**found, "managed": False, "can_type": False}
    page.route("**/api/sessions", lambda route: route.fulfill(json=[shown]))
    page.goto("/")
    expect(page.locator(".row")).to_contain_text("started by hand")
    page.goto("/s/docs/meta")
    expect(page.locator(".meta")).to_contain_text("not renamed, killed or forgotten from here")
    expect(page.get_by_role("button", name="More actions")).to_have_count(0)
    for action in ("Rename", "Kill", "Forget", "Attach"):
        expect(page.get_by_role("button", name=action, exact=True)).to_have_count(0)
    page.goto("/s/docs/pane")
    expect(page.get_by_text("What it asks can be answered here.").last).to_be_visible()


def test_clients_that_nobody_watches(site: Site, open_page: OpenPage) -> None:
    """They are one line at the end of the list, also of an empty one; once dismissed it waits until there are more."""
    site.start()
    site.sign_up()
    page, _ = open_page("/settings")
    health = site.request("GET", "/health")
    count = 0

    def answer(route: Route) -> None:
        route.fulfill(json={**health, "unwatched_clients": count})

    def seen_again() -> None:
        with page.expect_response("**/health"):
            page.evaluate(HIDE, True)
            page.evaluate(HIDE, False)

    page.route("**/health", answer)
    page.goto("/")
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    note = page.locator(".unwatched")
    expect(note).to_have_count(0)
    count = 2
    seen_again()
    expect(note).to_contain_text("2 Claude Code sessions run on this machine that are not watched.")
    note.get_by_role("button", name="Copy the command").click()
    expect(page.get_by_text("Copied: ctm-trio setup --global")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "ctm-trio setup --global"
    note.get_by_role("button", name="Do not say this until there are more").click()
    expect(note).to_have_count(0)
    with page.expect_response("**/health"):
        page.reload()
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    expect(note).to_have_count(0)
    count = 1
    seen_again()
    expect(note).to_have_count(0)
    count = 2
    seen_again()
    expect(note).to_be_visible()


def test_the_filter_and_the_keyboard(site: Site, open_page: OpenPage) -> None:
    """The filter narrows by any word and is part of the address; keys move, open and go back; `?` lists them."""
    furnished(site)
    page, _ = open_page()
    expect(page.locator(".row")).to_have_count(4)
    page.keyboard.press("/")
    page.keyboard.type("permission")
    expect(page.locator(".row")).to_have_count(1)
    page.reload()
    expect(page.locator(".row")).to_have_count(1)
    page.get_by_label("Filter sessions").fill("nothing like this")
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.locator(".row")).to_have_count(4)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("mobile-app")
    page.keyboard.press("3")
    expect(page).to_have_url(f"{site.url}/s/mobile-app/feed")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sessions")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_rename_kill_forget(site: Site, open_page: OpenPage) -> None:
    """A rename keeps the view open; kill and forget want the name typed; tmux and the list follow each."""
    furnished(site)
    page, _ = open_page("/s/checkout/feed")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Rename").click()
    name = page.get_by_label("New name")
    name.fill("has space")
    expect(page.get_by_role("dialog").get_by_role("button", name="Rename")).to_be_disabled()
    name.fill("checkout-2")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}/s/checkout-2/feed")
    expect(page.get_by_role("heading", level=1)).to_have_text("checkout-2")
    expect(page.locator("a.feed-row")).to_have_count(5)
    assert "checkout-2" in site.tmux.names()
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Kill").click()
    kill = page.get_by_role("dialog").get_by_role("button", name="Kill", exact=True)
    expect(kill).to_be_disabled()
    page.get_by_label("Type checkout-2 to confirm").fill("checkout-2")
    kill.click()
    expect(page.locator(".session-state")).to_contain_text("Terminal gone")
    assert "checkout-2" not in site.tmux.names()
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Forget").click()
    page.get_by_label("Type checkout-2 to confirm").fill("checkout-2")
    page.get_by_role("dialog").get_by_role("button", name="Forget", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sessions")
    expect(page.locator(".row")).to_have_count(3)


def test_the_cost_is_the_one_of_the_session(site: Site, open_page: OpenPage) -> None:
    """The list shows what the session's own figures say, and follows them with the next reading."""
    site.add_session("checkout")
    site.dump("checkout", context=10, cost=1.62)
    site.start()
    site.sign_up()
    page, _ = open_page()
    page.clock.install()
    page.reload()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/cost" in request.url else None)
    cost = page.locator(".row", has_text="checkout").locator(".row-cost")
    expect(cost).to_have_text("$1.62")
    site.dump("checkout", context=11, cost=3.0)
    expect(page.locator(".row", has_text="checkout")).to_contain_text("11%")
    with page.expect_response("**/api/sessions"):
        page.clock.run_for(31_000)
    expect(cost).to_have_text("$3.00")
    assert not asked


def test_fifty_sessions(site: Site, open_page: OpenPage) -> None:
    """Fifty sessions are on the list, each once, and a call in one of them reaches its row."""
    for number in range(50):
        site.add_session(f"session-{number:02}", tmux=None)
    site.start()
    site.sign_up()
    page, _ = open_page()
    expect(page.locator(".row")).to_have_count(50)
    site.append("session-07", site.line("session-07"))
    expect(page.locator(".row", has_text="session-07").locator(".row-last")).to_have_text("just now")
