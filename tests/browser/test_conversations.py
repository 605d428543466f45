"""All conversations on the machine, going on with them, searching what was said, and what a session used."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.looks import EVERY_LOOK, look
from tests.browser.site import Site
from tests.browser.talk import AGENT, every_kind
from tests.browser.transcripts import Transcript, words


@pytest.fixture
def told(site: Site) -> dict[str, Transcript]:
    """A session that runs, one that has ended, and a conversation that was never ours."""
    site.add_session("checkout")
    site.add_session("docs", mode="safe", tmux=None)
    made = {"checkout": every_kind(site, "checkout")}
    record = site.records["docs"]
    made["docs"] = Transcript(site.home, record["workdir"], record["uuid"], ago_s=9000)
    made["docs"].prompt("Write the handbook about needles")
    made["docs"].answer(words("The handbook stands."))
    elsewhere = site.home / "src" / "elsewhere"
    elsewhere.mkdir(parents=True)
    made["elsewhere"] = Transcript(site.home, str(elsewhere), ago_s=90_000)
    made["elsewhere"].prompt("Sort the haystack, please")
    made["elsewhere"].answer(words("It is sorted by **length**."))
    agent = Transcript(site.home, str(elsewhere), made["elsewhere"].id, agent=AGENT, ago_s=89_999)
    agent.answer(words("Straw was found."))  # it was interrupted: no call's result names it
    site.dump("checkout", context=41, cost=9.5)
    site.start()
    site.sign_up()
    return made


def test_the_list(told: dict[str, Transcript], site: Site, open_page: OpenPage) -> None:
    """It has every conversation, newest first; it is narrowed, read and exported."""
    page, _ = open_page("/")
    page.get_by_role("navigation", name="Main").first.get_by_role("link", name="Conversations").click()
    rows = page.locator(".talk")
    expect(rows).to_have_count(3)
    expect(rows).to_contain_text(["Refunds lose", "Write the handbook", "Sort the haystack"])
    expect(rows.first.get_by_role("link", name="checkout")).to_have_attribute("href", "/s/checkout")
    expect(rows.first).to_contain_text("3 prompts")
    expect(rows.first).to_contain_text("tok in all")
    for column in (1, 2, 3):
        ends = rows.locator(f".talk-figures > :nth-child({column})").evaluate_all(
            "(all) => all.map((one) => Math.round(one.getBoundingClientRect().right))"
        )
        assert len(set(ends)) == 1, f"the figures of column {column} are not below each other"
    page.get_by_label("Project").select_option("elsewhere")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("project=elsewhere"))
    page.get_by_label("Project").select_option("")
    page.get_by_role("searchbox").fill("HAYSTACK")
    expect(rows).to_have_count(1)
    page.get_by_role("searchbox").fill("sorted by")
    expect(page.get_by_text("No conversation matches")).to_be_visible()
    page.get_by_role("link", name="Search everything for “sorted by”").click()
    expect(page.locator(".match")).to_contain_text("It is sorted by")
    page.go_back()
    page.get_by_role("searchbox").fill("HAYSTACK")
    rows.get_by_role("link", name="Sort the haystack").click()
    expect(page.locator(".kind-text strong")).to_have_text("length")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sort the haystack")
    expect(page.locator(".reader-title")).to_have_text("")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="Save as Markdown").click()
    day = time.strftime("%Y-%m-%d", time.localtime(time.time() - 90_000))
    assert waiting.value.suggested_filename == f"elsewhere-sort-the-haystack-please-{day}.md"
    assert "It is sorted by **length**." in Path(waiting.value.path()).read_text()
    page.get_by_role("link", name="All conversations").click()
    page.get_by_role("button", name="Actions for Sort the haystack").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="Save as JSON").click()
    assert [one["kind"] for one in json.loads(Path(waiting.value.path()).read_text())["entries"]] == ["prompt", "text"]


def test_more_of_the_list(site: Site, open_page: OpenPage) -> None:
    """Long lists come page by page."""
    for number in range(70):
        talk = Transcript(site.home, str(site.home / "src" / f"p{number % 3}"), ago_s=1000 + number)
        talk.prompt(f"Task number {number}")
    site.start()
    site.sign_up()
    page, _ = open_page("/conversations")
    expect(page.locator(".talk")).to_have_count(50, timeout=15_000)
    page.get_by_role("button", name="More conversations").click()
    expect(page.locator(".talk")).to_have_count(70)
    expect(page.get_by_role("button", name="More conversations")).to_have_count(0)


def listed(number: int) -> dict[str, object]:
    """A conversation of the list, as the daemon tells it."""
    uuid, at = f"{number:08d}-0000-4000-8000-000000000000", "2026-11-20T09:00:00Z"
    tokens = {"input": 1, "output": 1, "cache_creation": 0, "cache_read": 0}
    return {
        "uuid": uuid, "title": f"Task number {number}", "project": "p", "cwd": "/p", "started_at": at, "ended_at": at,
        "prompts": 1, "tokens": tokens, "resumable": True,
    }  # fmt: skip


@pytest.mark.parametrize("how", ["deleted", "went on"])
def test_more_of_a_list_that_has_changed(site: Site, open_page: OpenPage, how: str) -> None:
    """The last one that is shown is not there any more, or is the newest: the list is shown as it is now."""
    site.start()
    site.sign_up()
    page, guard = open_page("/")
    guard.expect(404)
    order = list(range(70))

    def answer(route: Route) -> None:
        asked = dict(part.split("=") for part in urlsplit(route.request.url).query.split("&"))
        at = int(asked["before"][:8]) if "before" in asked else None
        if at is not None and at not in order:
            route.fulfill(status=404, json={"error": "unknown_conversation", "message": "There is none."})
            return
        rest = order if at is None else order[order.index(at) + 1 :]
        route.fulfill(json={"conversations": [listed(one) for one in rest[:50]], "has_more": len(rest) > 50})

    page.route("**/api/conversations?*", answer)
    page.goto("/conversations")
    rows, more = page.locator(".talk"), page.get_by_role("button", name="More conversations")
    expect(rows).to_have_count(50)
    order.remove(49)
    if how == "went on":
        order.insert(0, 49)
    more.click()
    expect(rows.first).to_contain_text("Task number 0" if how == "deleted" else "Task number 49")
    expect(rows).to_have_count(50)
    more.click()
    expect(rows).to_have_count(len(order))
    expect(rows.last).to_contain_text("Task number 69")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_going_on(told: dict[str, Transcript], site: Site, open_page: OpenPage) -> None:
    """A foreign one goes on in a new session, a running one can be forked, an ended one has its own Resume."""
    page, _ = open_page("/conversations")
    page.get_by_role("button", name="Actions for Sort the haystack").click()
    page.get_by_role("menuitem", name="Resume").click()
    dialog = page.get_by_role("dialog", name="Go on with this conversation")
    expect(dialog.get_by_label("Safe")).to_have_accessible_name(re.compile("you answer here or in its terminal"))
    dialog.get_by_label("Yolo").check()
    dialog.get_by_label("Name").fill("hay")
    dialog.get_by_role("button", name="Resume").click()
    expect(page).to_have_url(re.compile("/s/hay/conversation"))
    expect(page.locator(".kind-prompt")).to_contain_text("Sort the haystack")
    started = next(one for one in site.tmux.notes() if one.get("session") == "hay")
    argv = started["argv"]
    assert isinstance(argv, list)
    assert argv[argv.index("--resume") + 1] == told["elsewhere"].id

    page.goto("/conversations")
    page.get_by_role("button", name="Actions for Refunds").click()
    expect(page.get_by_role("menuitem", name="Resume")).to_be_disabled()
    page.get_by_role("menuitem", name="Fork").click()
    dialog = page.get_by_role("dialog", name="Fork this conversation")
    dialog.get_by_label("Name").fill("branch")
    dialog.get_by_role("button", name="Fork").click()
    expect(page).to_have_url(re.compile("/s/branch/conversation"))
    started = next(one for one in site.tmux.notes() if one.get("session") == "branch")
    assert "--fork-session" in str(started["argv"])

    page.goto("/conversations")
    page.get_by_role("button", name="Actions for Write the handbook").click()
    with page.expect_request("**/api/sessions/docs/resume"):
        page.get_by_role("menuitem", name="Resume").click()
    expect(page).to_have_url(re.compile("/s/docs/conversation"))


def test_the_head_of_a_conversation(told: dict[str, Transcript], site: Site, open_page: OpenPage) -> None:
    """Resume and Fork are seen; what cannot be done is off and says why; one that runs has no Resume."""
    page, _ = open_page(f"/conversations/{told['elsewhere'].id}")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("dialog", name="Go on with this conversation")).to_be_visible()
    page.goto(f"/conversations/{told['checkout'].id}")
    expect(page.get_by_role("button", name="Fork")).to_be_enabled()
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    (site.home / "src" / "elsewhere").rmdir()
    page.goto(f"/conversations/{told['elsewhere'].id}")
    resume = page.get_by_role("button", name="Resume")
    expect(resume).to_be_disabled()
    expect(resume).to_have_accessible_description(re.compile("Its directory is not there any more"))
    expect(page.get_by_text("It can be neither resumed nor forked. Its directory")).to_be_visible()
    page.goto("/conversations")
    page.get_by_role("button", name="Actions for Sort the haystack").click()
    expect(page.get_by_role("menuitem", name="Fork")).to_contain_text("Its directory is not there any more.")
    page.get_by_role("button", name="Actions for Refunds").click()
    expect(page.get_by_role("menuitem", name="Resume")).to_contain_text("Its session runs already.")


def test_a_conversation_that_is_taken(told: dict[str, Transcript], open_page: OpenPage) -> None:
    """What the daemon refuses is said in the dialog, with the session that has it."""
    page, guard = open_page("/conversations")
    guard.expect(409)
    taken = {"error": "conversation_taken", "message": "Taken.", "session": {"name": "checkout"}}
    page.route(
        "**/api/sessions",
        lambda route: route.fulfill(status=409, json=taken) if route.request.method == "POST" else route.continue_(),
    )
    page.get_by_role("button", name="Actions for Sort the haystack").click()
    page.get_by_role("menuitem", name="Resume").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    alert = page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text("A session has this conversation.")
    expect(alert.get_by_role("link", name="Open checkout")).to_have_attribute("href", "/s/checkout")


def test_searching_what_was_said(told: dict[str, Transcript], open_page: OpenPage) -> None:
    """Filters say where and by whom; a match leads to its entry, without a session and in a sub-agent's thread too."""
    page, _ = open_page("/search?q=sorted")
    matches = page.locator(".match")
    expect(matches).to_have_count(1, timeout=15_000)
    expect(matches).to_contain_text("Answer")
    expect(matches.locator(".match-title")).to_have_text("Sort the haystack, please")
    expect(matches.locator(".match-session")).to_have_text("elsewhere")
    page.get_by_label("Who said it").select_option("prompt")
    expect(matches).to_have_count(0)
    page.get_by_label("Who said it").select_option("answer")
    page.get_by_label("Where").select_option("conversation")
    expect(page).to_have_url(re.compile("in=conversation&role=answer"))
    matches.first.click()
    expect(page.locator(".entry[data-marked]")).to_contain_text("It is sorted by length.")
    page.goto("/search?q=handbook&role=prompt")
    matches.first.click()
    expect(page).to_have_url(re.compile("/s/docs/conversation"))
    expect(page.locator(".entry[data-marked]")).to_contain_text("about needles")
    page.goto("/search?q=look+at+the+change")
    matches.first.click()
    expect(page).to_have_url(re.compile(f"agent={AGENT}"))
    expect(page.locator(".entry[data-marked]")).to_contain_text("I look at the change.")
    expect(page.get_by_text("the thread of a sub-agent: reviewer · Review the change")).to_be_visible()
    page.get_by_role("link", name="Back to the main thread").click()
    expect(page.locator(".entry[data-marked]")).to_contain_text("Review the change")


def test_a_match_of_a_sub_agent_that_no_call_names(told: dict[str, Transcript], open_page: OpenPage) -> None:
    """A match leads into its thread without a look at the calls."""
    page, _ = open_page("/search?q=straw+was+found")
    expect(page.locator(".match")).to_have_count(1, timeout=15_000)
    page.locator(".match").click()
    expect(page).to_have_url(re.compile(f"/conversations/{told['elsewhere'].id}.*agent={AGENT}"))
    expect(page.locator(".entry[data-marked]")).to_contain_text("Straw was found.")
    expect(page.get_by_text("is not there any more")).to_have_count(0)


def test_what_a_session_used(told: dict[str, Transcript], site: Site, open_page: OpenPage) -> None:
    """Tokens by agent, model and day; a sentence where Claude Code's own cost is another one."""
    asked = Request(f"{site.url}/api/sessions/checkout/usage", headers={"Authorization": f"Bearer {site.token}"})
    with urlopen(asked, timeout=10) as answer:
        assert json.load(answer)["cost_usd_micros"] < 9_000_000
    page, _ = open_page("/s/checkout/meta")
    table = page.get_by_role("region", name="Tokens by agent, model and day")
    expect(table.get_by_role("row")).to_have_count(3)
    expect(table).to_contain_text("main thread")
    expect(table).to_contain_text(AGENT[:9])
    expect(page.get_by_text("the two differ by more than 10 %")).to_be_visible()


def test_an_unknown_conversation(told: dict[str, Transcript], open_page: OpenPage) -> None:
    """An old link says that there is none."""
    page, guard = open_page("/conversations/00000000-0000-4000-8000-000000000000")
    guard.expect(404)
    expect(page.get_by_text("There is no such conversation")).to_be_visible()


class Index:
    """Says how far the index is, in place of the daemon: behind until `complete`."""

    def __init__(self, page: Page) -> None:
        self.complete = False
        page.route("**/api/search?*", self._search)
        page.route("**/health", lambda route: route.fulfill(json={"transcripts": {"behind": 3}}))

    def _search(self, route: Route) -> None:
        route.fulfill(json={"query": "the", "matches": [], "truncated": False, "complete": self.complete})


def test_while_transcripts_are_read(told: dict[str, Transcript], site: Site, open_page: OpenPage) -> None:
    """The list says that it is not all and grows by itself; a link waits for its conversation and opens it."""
    page, guard = open_page("/")
    guard.expect(404)
    index = Index(page)
    page.goto("/conversations")
    note = page.get_by_role("status").filter(has_text="Still reading transcripts: 3 left")
    expect(note).to_be_visible()
    expect(page.get_by_text("3 conversations so far")).to_be_visible()
    Transcript(site.home, str(site.home / "src" / "more"), ago_s=50).prompt("One more task")
    expect(page.locator(".talk")).to_contain_text(["One more task", "Refunds lose"])
    index.complete = True
    expect(note).to_have_count(0)
    expect(page.get_by_text("4 conversations", exact=True)).to_be_visible()
    index.complete = False
    late = Transcript(site.home, str(site.home / "src" / "more"), ago_s=40)
    page.goto(f"/conversations/{late.id}")
    expect(page.get_by_text("This conversation is not known yet")).to_be_visible()
    expect(note).to_be_visible()
    late.prompt("It came late")
    expect(page.locator(".kind-prompt")).to_contain_text("It came late")
    index.complete = True
    expect(note).to_have_count(0)


@EVERY_LOOK
def test_how_it_looks(told: dict[str, Transcript], open_page: OpenPage, phone: bool, dark: bool) -> None:
    """No serious accessibility violation and nothing wider than the screen."""
    page, _ = open_page("/conversations", phone=phone, dark=dark)
    expect(page.locator(".talk")).to_have_count(3)
    look(page, "conversations", phone=phone, dark=dark)
    page.get_by_role("button", name="Actions for Sort the haystack").click()
    look(page, "conversations-menu", phone=phone, dark=dark)
    page.get_by_role("menuitem", name="Fork").click()
    look(page, "conversations-fork", phone=phone, dark=dark)
    page.goto(f"/conversations/{told['elsewhere'].id}")
    expect(page.locator(".kind-text")).to_be_visible()
    look(page, "conversations-one", phone=phone, dark=dark)
    page.goto("/search?q=sorted")
    expect(page.locator(".match")).to_have_count(1, timeout=15_000)
    look(page, "search-said", phone=phone, dark=dark)
    page.goto("/s/checkout/meta")
    expect(page.locator(".usage")).to_be_visible()
    page.locator(".usage").scroll_into_view_if_needed()
    look(page, "usage", phone=phone, dark=dark)
