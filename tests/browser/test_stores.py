"""What the page knows, and how events and answers change it: the modules of the store, driven one by one."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.site import Site


@pytest.fixture
def page(site: Site, open_page: OpenPage) -> Page:
    """A page of which nobody is logged in: no stream changes the stores."""
    site.start()
    opened, _ = open_page("/")
    return opened


def run(page: Page, module: str, body: str, argument: object = None) -> Any:
    """What the statements `body` return, given the module `m` and the argument `a`."""
    return page.evaluate(f"(a) => import('/app/store/{module}').then(async (m) => {{ {body} }})", argument)


REASONS = [
    ("waiting_input", "waits for your input", "Waits for your input"),
    (
        "waiting_input",
        "stopped by an error (authentication_failed) and waits for your input",
        "Stopped by an error (authentication_failed) and waits for your input",
    ),
    ("waiting_input", "", "It waits for your next words"),
    ("permission_request", "waits for your approval of Bash: rm -rf build", None),
    ("permission_request", "asks you: Which database shall it be?", None),
    ("error_burst", "5 errors in last 20 calls", "5 errors in last 20 calls"),
    ("quota_high", "weekly 86% / 5h 12%", None),
    ("context_imminent", "context window 93%", None),
    ("last_error_call", "last tool call returned is_error=true", "The last tool call was an error"),
    ("stuck", "no tool call in > idle threshold", "No tool call for a while"),
    ("of_tomorrow", "what nobody knows yet", "What nobody knows yet"),
    ("permission_request", "x" * 300, "X" + "x" * 198 + "…"),
    ("permission_request", "😀" * 300, "😀" * 199 + "…"),
]
"""A state, what the daemon says of it, and the reason that is shown; None: the same with a capital letter."""


def test_the_reason_is_what_the_daemon_says(page: Page) -> None:
    """Details are shown unless they are the same words every time; they are cut between characters."""
    body = "return m.standing({attention: {state: a[0], details: a[1], since: ''}}, 0).reason"
    for state, details, shown in REASONS:
        assert run(page, "attention.js", body, [state, details]) == (shown or details[0].upper() + details[1:])
