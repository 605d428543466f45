"""How a view is looked at: accessible, within the screen, and kept as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import LAPTOP, LIMIT_MS, PHONE, SCREENSHOTS

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()

EVERY_LOOK = pytest.mark.parametrize(
    ("phone", "dark"),
    [(False, False), (False, True), (True, False), (True, True)],
    ids=["laptop-light", "laptop-dark", "phone-light", "phone-dark"],
)
"""A test that is marked with this runs on a laptop and on a phone, light and dark."""


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
    """Check what is on the screen, once everything is there, and keep its picture."""
    expect(page.locator(".loading")).to_have_count(0)
    SCREENSHOTS.mkdir(exist_ok=True)
    screen = PHONE if phone else LAPTOP
    page.screenshot(path=SCREENSHOTS / f"{name}-{screen['width']}-{'dark' if dark else 'light'}.png")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= screen["width"], f"{name} is wider than the screen"  # a phone's innerWidth grows with the page
    problems = serious(page)
    assert not problems, "\n".join([name, *problems])


def look_at_all(page: Page, views: Mapping[str, tuple[str, str]], *, phone: bool, dark: bool) -> None:
    """The same for several views: name of the picture → address, and what is there once it is drawn."""
    for name, (path, there) in views.items():
        page.goto(path)
        expect(page.locator(there).first).to_be_visible()
        look(page, name, phone=phone, dark=dark)


ROUNDS, ROUND_MS = 8, 31_000
"""How often the page's clock is moved on, and by how much: more than the longest wait before a page asks again."""


def look_again_until(page: Page, there: Locator) -> None:
    """Move the page's clock on until it has asked again and shows something of the answer.

    An answer may be on its way, and the wait for the next one begins only with that, so once need not be enough.
    """
    for _ in range(ROUNDS):
        page.clock.run_for(ROUND_MS)
        with suppress(AssertionError):
            expect(there).to_be_visible(timeout=LIMIT_MS / ROUNDS)
            return
    expect(there).to_be_visible()
