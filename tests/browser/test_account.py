"""Signing up, logging in and out, and what happens when the daemon goes away."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.looks import EVERY_LOOK, look
from tests.browser.site import EMAIL, PASSWORD, Site


def test_from_sign_up_to_the_live_feed(site: Site, open_page: OpenPage) -> None:
    """A new user reads what this is, signs up, opens a session and sees the next call arrive by itself."""
    site.add_session("checkout")
    site.append("checkout", site.line("checkout", ago_s=30))
    site.start()
    page, _ = open_page()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    expect(page.get_by_text("Everything stays on this computer")).to_be_visible()
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.get_by_role("link", name="checkout", exact=True).click()
    page.get_by_role("navigation", name="Views of checkout").get_by_role("link", name="Feed").click()
    rows = page.locator("a.feed-row")
    expect(rows).to_have_count(1)
    site.append("checkout", site.line("checkout", tool="Read", tool_input={"file_path": "/etc/hostname"}))
    expect(rows.first).to_contain_text("/etc/hostname")
    expect(rows).to_have_count(2)


def test_log_in_and_out(site: Site, open_page: OpenPage) -> None:
    """A wrong password is explained, the right one leads to the page that was asked for, logging out forgets it."""
    site.add_session("checkout")
    site.start()
    site.sign_up()
    page, guard = open_page("/s/checkout/meta", login=False)
    guard.expect(401)
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill("not my password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("e-mail address or password is wrong")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="checkout")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()


def test_the_daemon_restarts_under_the_page(site: Site, open_page: OpenPage) -> None:
    """While it is away a banner says how stale the page is; afterwards every call is there, once, without a reload."""
    site.add_session("checkout")
    site.start()
    site.sign_up()
    page, guard = open_page("/s/checkout/feed")
    guard.expect_outage()
    site.append("checkout", site.line("checkout", tool_input={"command": "echo before"}))
    rows = page.locator("a.feed-row")
    expect(rows).to_have_count(1)
    site.stop()
    banner = page.locator(".banner")
    expect(banner).to_contain_text("Connection lost")
    expect(banner).to_contain_text("s old")
    site.append("checkout", site.line("checkout", tool_input={"command": "echo meanwhile"}))
    site.start()
    expect(banner).to_be_hidden(timeout=20_000)
    site.append("checkout", site.line("checkout", tool_input={"command": "echo after"}))
    expect(rows).to_have_count(3)
    assert [row.split("\n")[-1] for row in page.locator(".feed-input").all_inner_texts()] == [
        "echo after",
        "echo meanwhile",
        "echo before",
    ]


def test_calls_are_counted_once_after_a_second_login(site: Site, open_page: OpenPage) -> None:
    """Logging out and in again counts the same calls, and says from when on they are counted."""
    site.add_session("checkout")
    site.append("checkout", *[site.line("checkout", ago_s=30 - n) for n in range(10)])
    site.start()
    site.sign_up()
    page, _ = open_page("/")
    calls = page.get_by_role("img", name=re.compile(r"^10 calls since \d\d:\d\d, 0 failed$"))
    expect(calls).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sessions")
    expect(calls).to_be_visible()


@EVERY_LOOK
def test_sign_up_with_a_code(site: Site, open_page: OpenPage, phone: bool, dark: bool) -> None:
    """Behind a proxy the form asks for the code in plain words, says when it is wrong, and takes the right one."""
    site.start()
    page, guard = open_page(phone=phone, dark=dark)
    guard.expect(403)

    def pass_on(route: Route) -> None:
        route.continue_(headers={**route.request.headers, "X-Forwarded-For": "192.0.2.7"})

    page.route("**/api/auth/signup", pass_on)
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    code = page.get_by_label("Sign-up code")
    expect(code).to_have_count(0)
    page.get_by_role("button", name="Create account").click()
    expect(code).to_be_focused()
    expect(page.get_by_text("ctm-trio auth code")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    look(page, "code", phone=phone, dark=dark)
    code.fill("2222-2222-2222")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("alert")).to_contain_text("not the current sign-up code")
    look(page, "code-wrong", phone=phone, dark=dark)
    code.fill((site.conf / "signup-code").read_text().strip().lower())
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
