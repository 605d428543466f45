"""How a conversation's entries are kept while it goes on: the store of a reader, with pages that the test answers."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.site import Site

UUID = "aaaaaaaa-0000-4000-8000-000000000000"
READING = (
    f"const reading = new m.Reading({{uuid: '{UUID}'}}); const ids = () => reading.entries.value.map((one) => one.id);"
)


@pytest.fixture
def page(site: Site, open_page: OpenPage) -> Page:
    """A page of which nobody is logged in: no stream changes the store."""
    site.start()
    opened, _ = open_page("/")
    return opened


def run(page: Page, body: str, argument: object = None) -> Any:
    """What the statements `body` return, given a reader's store `reading`, its `ids()` and the argument `a`."""
    return page.evaluate(f"(a) => import('/app/store/reading.js').then(async (m) => {{ {READING} {body} }})", argument)


def entry(id_: str, ts: str, **more: object) -> dict[str, object]:
    return {"id": id_, "ts": ts, "kind": "text", "turn": 1, "text": id_, **more}


def test_entries_of_one_second(page: Page) -> None:
    """A fraction of zero is left out: what came later in that second is behind it all the same."""
    shown = [entry("prompt", "2026-11-20T09:00:05Z")]
    told = [entry("answer", "2026-11-20T09:00:05.300000Z"), entry("call", "2026-11-20T09:00:06Z")]
    page.route(
        f"**/conversations/{UUID}/entries*", lambda route: route.fulfill(json={"entries": shown, "has_more": False})
    )
    assert run(page, "await reading.start(); reading.live(a); return ids();", told) == ["prompt", "answer", "call"]
