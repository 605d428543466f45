"""A search while the index is behind the logs."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.journey import HIDE
from tests.browser.site import Site, stamp


def match(number: int) -> dict[str, Any]:
    """A match with this number in its text; larger is newer."""
    id_ = f"{1763830000000000000 + number}-0"
    return {"id": id_, "session": "one", "uuid": "u", "ts": stamp(60), "tool": "Bash", "snippet": f"needle {number}"}


class Index:
    """Answers `/api/search` with its matches, newest first, in pages of 50.

    Attributes:
        failing: answers 500. bounded: a bound ends each search behind the last match.
    """

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.complete = False
        self.failing = False
        self.bounded = False
        self.asked = 0

    def answer(self, route: Route) -> None:
        """One request."""
        self.asked += 1
        if self.failing:
            return route.fulfill(status=500, json={"error": "internal", "message": "no"})
        words = dict(part.split("=") for part in route.request.url.split("?")[1].split("&"))
        before = int(words.get("before", f"{2**63}-0").split("-")[0]) - 1763830000000000000
        limit = int(words["limit"])
        found = [match(one) for one in sorted(self.numbers, reverse=True) if one < before]
        more = len(found) > limit or self.bounded
        return route.fulfill(
            json={"query": "needle", "matches": found[:limit], "truncated": more, "complete": self.complete}
        )


def test_a_further_page_that_fails(site: Site, open_page: OpenPage) -> None:
    """That it is missing is said until it is asked for again, or until there is none any more; looks do not hide it."""
    site.start()
    site.sign_up()
    page, guard = open_page("/")
    guard.expect(500)
    index = Index()
    index.numbers = list(range(1000, 1060))
    page.route("**/api/search?*", index.answer)
    page.clock.install()
    page.goto("/search?q=needle")
    page.clock.run_for(300)
    matches, alert = page.locator(".match"), page.get_by_role("alert")
    more = page.get_by_role("button", name="More matches")
    expect(matches).to_have_count(50)
    index.failing = True
    more.click()
    expect(alert).to_have_text("More matches could not be loaded.")
    index.failing = False
    index.numbers.append(1060)
    page.clock.run_for(1100)
    expect(matches).to_have_count(51)
    expect(alert).to_have_text("More matches could not be loaded.")
    more.click()
    expect(matches).to_have_count(61)
    expect(alert).to_have_count(0)
    index.numbers = list(range(1000, 1200))
    page.clock.run_for(1100)
    expect(page.locator(".match", has_text="needle 1199")).to_have_count(1)
    index.failing = True
    more.click()
    expect(alert).to_have_text("More matches could not be loaded.")
    index.failing = False
    index.numbers = [1000]
    page.clock.run_for(1100)
    expect(matches).to_have_count(1)
    expect(alert).to_have_count(0)


def test_a_search_that_a_bound_ends(site: Site, open_page: OpenPage) -> None:
    """Without a match nothing leads on: it is said that there may be more, and what helps."""
    site.start()
    site.sign_up()
    page, _ = open_page("/")
    index = Index()
    index.complete = index.bounded = True
    page.route("**/api/search?*", index.answer)
    page.goto("/search?q=needle")
    main, more = page.get_by_role("main"), page.get_by_role("button", name="More matches")
    expect(page.locator(".summary")).to_have_text("Nothing found for “needle” in the newest")
    expect(main).to_contain_text("More letters or a filter narrow it down.")
    index.numbers = [1000]
    page.goto("/search?q=needle")
    expect(page.locator(".summary")).to_have_text("The newest 1 matches")
    more.click()
    expect(main).to_contain_text("More letters or a filter narrow it down.")
    expect(page.locator(".match")).to_have_count(1)
    expect(more).to_have_count(0)


def test_an_index_that_is_behind(site: Site, open_page: OpenPage) -> None:
    """It is said that matches may be missing; a look that fails keeps those there are; after more pages it goes on."""
    site.start()
    site.sign_up()
    page, guard = open_page("/")
    guard.expect(500)
    index = Index()
    page.route("**/api/search?*", index.answer)
    page.clock.install()
    page.goto("/search?q=needle")
    page.clock.run_for(300)
    expect(page.get_by_text("Nothing found for “needle” so far")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="still being indexed")).to_be_visible()
    index.numbers = list(range(1000, 1060))
    page.clock.run_for(1100)
    matches = page.locator(".match")
    expect(matches).to_have_count(50)
    page.get_by_role("button", name="More matches").click()
    expect(matches).to_have_count(60)
    index.failing, asked = True, index.asked
    with page.expect_response("**/api/search?*"):
        page.clock.run_for(1100)
    assert index.asked > asked
    expect(matches).to_have_count(60)
    expect(page.get_by_role("alert")).to_have_count(0)
    index.failing, index.complete = False, True
    index.numbers = list(range(998, 1061))
    page.clock.run_for(1100)
    expect(matches).to_have_count(60 + 1 + 2)
    expect(page.get_by_role("status").filter(has_text="matches")).to_have_text("63 matches")


def test_a_hidden_page_asks_nothing(site: Site, open_page: OpenPage) -> None:
    """While its tab is hidden it does not look at an index that is behind; seen again, it does."""
    site.start()
    site.sign_up()
    page, _ = open_page("/", before=f"({HIDE})(true);")
    index = Index()
    page.route("**/api/search?*", index.answer)
    page.clock.install()
    page.goto("/search?q=needle")
    page.clock.run_for(300)
    expect(page.get_by_text("Nothing found for “needle” so far")).to_be_visible()
    page.clock.run_for(60_000)
    assert index.asked == 1
    index.numbers = [1000]
    page.evaluate(HIDE, False)
    page.clock.run_for(1100)
    expect(page.locator(".match")).to_have_count(1)
