"""Field case 56: a browser whose clock is 20 minutes away from the box's."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, LAPTOP, LIMIT_MS, PHONE, find_chromium
from tests.browser.guards import WATCH_POLICY, Guard
from tests.browser.journey import furnished
from tests.browser.site import Site
from tests.field.box import FIXTURES
from tests.tmux_server import private_tmux

AHEAD = (FIXTURES / "56" / "init.js").read_text()
BEHIND = AHEAD.replace("o=20*60e3", "o=-20*60e3")
JUMP = "(() => { const real = Date.now; Date.now = () => real() + %d; })()"
"""Sets the clock of an open page by so many milliseconds."""


@pytest.fixture
def site() -> Iterator[Site]:
    """A HOME with sessions, and the daemon that follows them."""
    with private_tmux() as tmux, tempfile.TemporaryDirectory(prefix="ctmb", dir="/tmp") as home:
        made = Site(Path(home), tmux)
        with made.at_end:
            furnished(made)
            yield made
        made.stop()


def ages_are_true(page: Page, *, phone: bool) -> None:
    """What was two minutes ago is that, what was just now too, and a limit of two hours resets in less than that."""
    row = page.locator(".row", has_text="mobile-app")
    expect(row.locator(".row-last")).to_have_text(re.compile(r"^[23] min ago$"))
    expect(row.locator(".row-since")).to_have_text(re.compile(r"^for (\d+ s|1 min)$"))
    expect(page.locator(".row", has_text="checkout").locator(".row-last")).to_have_text(
        re.compile(r"^(just now|\d+ s ago|1 min ago)$")
    )
    if not phone:  # there is no room for it on a phone
        expect(page.get_by_text(re.compile(r"resets .*\b1 h\b", re.IGNORECASE)).first).to_be_visible()


def visit(site: Site, before: str, phone: bool, dark: bool) -> None:
    """Look at the page with a clock that is wrong, set it, and look again."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        context = browser.new_context(
            viewport=PHONE if phone else LAPTOP, color_scheme="dark" if dark else "light", base_url=site.url
        )
        context.set_default_timeout(LIMIT_MS)
        context.add_init_script(f"{WATCH_POLICY}{before}\nlocalStorage.setItem('ctm.token', {site.token!r})")
        page = context.new_page()
        guard = Guard(page, site.url)
        page.goto("/")
        expect(page.locator(".row")).to_have_count(4)
        ages_are_true(page, phone=phone)
        for jump in (40 * 60_000, -40 * 60_000):
            page.evaluate(JUMP % jump)
            page.wait_for_timeout(1200)  # more than a tick of the page's clock
            ages_are_true(page, phone=phone)
        site.append("mobile-app", site.line("mobile-app"))
        last = page.locator(".row", has_text="mobile-app").locator(".row-last")
        expect(last).to_have_text(re.compile(r"^(just now|\d s ago)$"))
        guard.check()
        browser.close()


@pytest.mark.parametrize("before", [AHEAD, BEHIND], ids=["ahead", "behind"])
@pytest.mark.parametrize(("phone", "dark"), [(False, True), (True, False)], ids=["laptop", "phone"])
def test_ages_by_the_clock_of_the_box(site: Site, before: str, phone: bool, dark: bool) -> None:
    """Ages and resets are by the box's clock, however wrong the browser's is, also when that is set meanwhile."""
    # In a thread: the browser of other tests may live in this one, and each wants a thread of its own.
    with ThreadPoolExecutor(1) as apart:
        apart.submit(visit, site, before, phone, dark).result()
