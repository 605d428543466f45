"""How a conversation's entries are kept while it goes on: the store of a reader, with pages that the test answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import OpenPage
from tests.browser.site import Site

UUID = "aaaaaaaa-0000-4000-8000-000000000000"
READING = f"""
  const reading = (window.reading ??= new m.Reading({{uuid: '{UUID}'}}));
  const shown = () => reading.entries.value.map((one) => [one.id, one.result ?? '']);
"""


@pytest.fixture
def page(site: Site, open_page: OpenPage) -> Page:
    """A page of which nobody is logged in: no stream changes the store. Entries may be unknown, or away."""
    site.start()
    opened, guard = open_page("/")
    guard.expect(404, 503)
    return opened


def run(page: Page, body: str, argument: object = None) -> Any:
    """What the statements `body` return, given a reader's store `reading`, what it has `shown()` and `a`."""
    return page.evaluate(f"(a) => import('/app/store/reading.js').then(async (m) => {{ {READING} {body} }})", argument)


def entry(id_: str, ts: str, **more: object) -> dict[str, object]:
    return {"id": id_, "ts": ts, "kind": "text", "turn": 1, "text": id_, **more}


class Told:
    """Answers pages of what was said so far, as the daemon does; 503 while it is `away`."""

    def __init__(self, page: Page, said: list[dict[str, object]]) -> None:
        self.said = said
        self.away = False
        page.route(f"**/conversations/{UUID}/entries*", self._answer)

    def _answer(self, route: Route) -> None:
        asked = {key: value[0] for key, value in parse_qs(urlsplit(route.request.url).query).items()}
        limit, found = int(asked["limit"]), self.said
        if self.away:
            route.fulfill(status=503, json={"error": "unavailable", "message": "Try again."})
            return
        if {asked.get("after"), asked.get("before")} - {None, *(one["id"] for one in found)}:
            route.fulfill(status=404, json={"error": "entry_not_found", "message": "No such entry."})
            return
        if "after" in asked:
            found = found[self._place(asked["after"]) + 1 :]
            shown = found[:limit]
        else:
            found = found[: self._place(asked["before"])] if "before" in asked else found
            shown = found[-limit:]
        route.fulfill(json={"entries": shown, "has_more": len(shown) < len(found)})

    def _place(self, id_: str) -> int:
        return [one["id"] for one in self.said].index(id_)


def talk(count: int, *calls: int) -> list[dict[str, object]]:
    """Entries a second apart, named by their numbers; some are calls without a result."""
    return [
        entry(f"{number}", f"2026-11-20T09:{number // 60:02}:{number % 60:02}Z")
        | ({"kind": "tool", "tool": "Bash"} if number in calls else {})
        for number in range(count)
    ]


@pytest.mark.parametrize(("how", "more"), [("look", 1), ("look", 150), ("catchUp", 1), ("catchUp", 70)])
def test_a_result_that_no_event_told(page: Page, how: str, more: int) -> None:
    """A call gets its result, be it far above what is new or the first of all."""
    for call in (0, 20, 119):
        told = Told(page, talk(120, call))
        run(page, "await reading.start(); await reading.loadOlder();")
        told.said = talk(120 + more, call)
        told.said[call]["result"] = "done"
        wanted = [[str(number), "done" if number == call else ""] for number in range(120 + more)]
        assert run(page, f"await reading.{how}(); return shown();") == wanted[:220]  # a page of 100 more


def test_a_gap_that_no_page_closes(page: Page) -> None:
    """At the end what came last is shown; further up what was read stays, with its result."""
    for at_end in (True, False):
        told = Told(page, talk(120, 20))
        run(page, "await reading.start(); await reading.loadOlder();")
        told.said = talk(270, 20)
        told.said[20]["result"] = "done"
        wanted = [[str(number), "done" if number == 20 else ""] for number in range(270)]
        found = run(page, "reading.atEnd = a; await reading.catchUp(); return [shown(), reading.newer.value];", at_end)
        assert found == ([wanted[-100:], False] if at_end else [wanted[:120], True])


@pytest.mark.parametrize("more", [3, 150])
def test_a_gap_that_could_not_be_closed(page: Page, more: int) -> None:
    """What comes is not put behind it: that would be a hole for good. Once more, and all is there in its order."""
    told = Told(page, talk(20))
    run(page, "await reading.start();")
    told.said, told.away = talk(20 + more), True
    live = "reading.live([a]); await tried; reading.live([a]); return [shown().length, reading.failed.value];"
    assert run(page, f"const tried = reading.catchUp(); {live}", told.said[-1]) == [20, "newer"]
    told.away = False
    run(page, "await reading.retry(); while (reading.newer.value) await reading.loadNewer();")
    assert run(page, "return shown().map(([id]) => id);") == [one["id"] for one in told.said]
    told.said = talk(220)
    found = run(page, "const tried = reading.catchUp(); reading.live([a]); await tried; return shown();", told.said[-1])
    assert [id_ for id_, _ in found] == [one["id"] for one in told.said[120 if more == 3 else 0 :]]


@pytest.mark.parametrize("how", ["look", "loadOlder", "around"])
def test_what_failed_is_done_again(page: Page, how: str) -> None:
    """Whatever it was."""
    told = Told(page, talk(300))
    run(page, "await reading.start();")
    told.said, told.away = talk(301), True
    run(page, f"await reading.{how}('50');")
    told.away = False
    assert run(page, "await reading.retry(); return [shown().map(([id]) => id), reading.error.value];") == [
        [
            one["id"]
            for one in {"look": told.said[200:], "loadOlder": told.said[100:300], "around": told.said[:111]}[how]
        ],
        None,
    ]


def test_results_of_a_stretch_that_goes_on(page: Page) -> None:
    """The next page is loaded: what is here already comes in its place with its result, once."""
    told = Told(page, talk(300, 120))
    run(page, "await reading.around('100');")
    told.said[120]["result"] = "done"
    found = run(page, "await reading.loadNewer(); return shown();")
    assert found == [[str(number), "done" if number == 120 else ""] for number in range(41, 261)]


@pytest.mark.parametrize(
    ("begin", "how"), [("start()", "look"), ("around('100')", "loadNewer"), ("around('100')", "loadOlder")]
)
def test_entries_that_are_gone(page: Page, begin: str, how: str) -> None:
    """The transcript was written anew without the entry to go on from: what it has now is shown, and it goes on."""
    told = Told(page, talk(200))
    run(page, f"await reading.{begin};")
    told.said = talk(30)
    found = run(page, f"await reading.{how}(); return [shown().length, reading.newer.value, reading.error.value];")
    assert found == [30, False, None]
    told.said = [*told.said, entry("next", "2026-11-20T10:00:00Z")]
    assert run(page, "await reading.look(); return shown().at(-1)[0];") == "next"


def test_entries_of_one_second(page: Page) -> None:
    """A fraction of zero is left out: what came later in that second is behind it all the same."""
    shown = [entry("prompt", "2026-11-20T09:00:05Z")]
    told = [entry("answer", "2026-11-20T09:00:05.300000Z"), entry("call", "2026-11-20T09:00:06Z")]
    Told(page, shown)
    assert run(page, "await reading.start(); reading.live(a); return shown().map(([id]) => id);", told) == [
        "prompt",
        "answer",
        "call",
    ]
