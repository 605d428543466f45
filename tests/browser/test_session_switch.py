"""What belongs to one session stays with it when another one is opened."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.site import Site


def two_sessions(site: Site, open_page: OpenPage) -> Page:
    """The page of session `a`; `b` is there too."""
    site.add_session("a")
    site.add_session("b")
    site.start()
    site.sign_up()
    page, _ = open_page("/s/b")
    expect(page.get_by_role("heading", level=1)).to_have_text("b")
    go(page, "/s/a")
    return page


def go(page: Page, path: str) -> None:
    """Follow an address inside the page, as the palette and notifications do."""
    page.evaluate("(to) => import('/app/router.js').then((m) => m.go(to))", path)
    expect(page.get_by_role("heading", level=1)).to_have_text(path.split("/")[2])


def test_a_draft_is_not_sent_to_another_session(site: Site, open_page: OpenPage) -> None:
    """What was typed for one session is not in the input line of the next, whichever way one gets there."""
    page = two_sessions(site, open_page)
    page.get_by_label("Say something to a").fill("for a only")
    go(page, "/s/b")
    expect(page.get_by_label("Say something to b")).to_have_value("")
    go(page, "/s/a")
    page.get_by_label("Say something to a").fill("for a only")
    page.go_back()
    expect(page.get_by_label("Say something to b")).to_have_value("")


def test_a_dialog_does_not_change_its_session(site: Site, open_page: OpenPage) -> None:
    """The Rename dialog of one session closes when another one is opened."""
    page = two_sessions(site, open_page)
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Rename").click()
    expect(page.get_by_role("dialog", name="Rename a")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("b")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_rename_does_not_lead_away_from_another_session(site: Site, open_page: OpenPage) -> None:
    """A rename whose answer comes after its user has gone elsewhere leaves the page where it is."""
    page = two_sessions(site, open_page)
    held: list[Route] = []
    page.route("**/api/sessions/a/rename", lambda route: held.append(route))
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("New name").fill("a2")
    with page.expect_request("**/api/sessions/a/rename"):
        page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("b")
    held.pop().continue_()
    expect(page.get_by_text("Renamed to a2")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("b")
    expect(page).to_have_url(f"{site.url}/s/b")


def test_what_is_typed_while_a_line_is_sent_stays(site: Site, open_page: OpenPage) -> None:
    """Only the line that was sent leaves the input, not what was typed since."""
    page = two_sessions(site, open_page)
    held: list[Route] = []
    page.route("**/api/sessions/a/prompt", lambda route: held.append(route))
    box = page.get_by_label("Say something to a")
    box.fill("first")
    with page.expect_request("**/api/sessions/a/prompt"):
        page.keyboard.press("Enter")
    box.fill("second")
    held.pop().fulfill(status=202, json={"id": "p1", "state": "typed"})
    expect(page.locator(".said")).to_contain_text("first")
    expect(box).to_have_value("second")
