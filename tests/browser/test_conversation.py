"""The conversation of a session, read in the browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.looks import EVERY_LOOK, look
from tests.browser.site import Site
from tests.browser.talk import AGENT, every_kind, transcript_of
from tests.browser.transcripts import use, words

READ = "/s/checkout/conversation"


@pytest.fixture
def talked(site: Site) -> Site:
    """A session whose conversation has entries of every kind."""
    site.add_session("checkout")
    every_kind(site, "checkout")
    site.start()
    site.sign_up()
    return site


def entry(page: Page, text: str) -> Locator:
    """The entry that has this text."""
    return page.locator(".entry", has_text=text).first


def top_of(page: Page, text: str) -> float:
    """How far an entry is below the top of the list."""
    box, entries = entry(page, text).bounding_box(), page.locator(".entries").bounding_box()
    assert box
    assert entries
    return box["y"] - entries["y"]


def test_every_kind_is_read(talked: Site, open_page: OpenPage) -> None:
    """It is what a session opens with; Markdown and code are drawn, calls, thoughts and summaries are folded."""
    page, _ = open_page("/s/checkout")
    expect(page.get_by_role("link", name="Conversation", exact=True)).to_have_attribute("aria-current", "page")
    expect(page.locator(".entry").last).to_contain_text("Nothing is left.")
    page.locator(".entries").evaluate("(box) => box.scrollTo(0, 0)")
    answer = entry(page, "rounded twice. See")
    expect(answer.locator("strong")).to_have_text("twice")
    expect(answer.locator(".hl-keyword").first).to_have_text("def")
    expect(answer.locator("td[data-align=right]")).to_have_text("1 cent")
    expect(answer.get_by_role("link", name="the issue")).to_have_attribute("rel", re.compile("noopener"))
    expect(answer).to_contain_text("claude-sonnet-5-5")
    thinking = page.get_by_role("button", name=re.compile("Thinking"))
    expect(thinking).to_have_attribute("aria-expanded", "false")
    thinking.click()
    expect(page.locator(".thinking-text")).to_have_text("The share may be rounded twice.")
    edit = page.get_by_role("button", name=re.compile("^Edit"))
    edit.click()
    expect(page.locator(".diff-line.add")).to_contain_text("+const total = 1")
    edit.click()
    expect(page.locator(".diff-line")).to_have_count(0)
    failed = page.get_by_role("button", name=re.compile("^Bash"))
    expect(failed).to_contain_text("failed")
    failed.click()
    expect(page.locator(".fold-body pre", has_text="2 problems")).to_be_visible()
    tools = page.locator(".call-tools button")
    assert [one.inner_text() for one in tools.all()] == ["Copy the output", "Copy the link to this call"]
    tops = tools.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().top)")
    assert len(set(tops)) == 1
    tools.first.click()
    assert page.evaluate("navigator.clipboard.readText()") == "Exit code 1\n2 problems"
    page.locator(".entries").evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
    expect(page.locator(".command-name")).to_have_text("/compact")
    page.get_by_role("button", name=re.compile("Summary")).click()
    expect(page.locator(".kind-compaction .fold-body")).to_contain_text("The rounding was fixed.")
    expect(page.locator(".notice-line")).to_contain_text("A limit is near.")


def test_a_thread_opens_under_its_call(talked: Site, open_page: OpenPage) -> None:
    """A sub-agent's entries are under the call that started it, and on a page of their own."""
    page, _ = open_page(READ)
    expect(page.locator(".entry").last).to_contain_text("Nothing is left.")
    expect(page.get_by_text("I look at the change.")).to_have_count(0)
    page.get_by_role("button", name=re.compile("Sub-agent")).click()
    thread = page.locator(".thread-body")
    expect(thread.locator(".entry")).to_have_count(4)
    expect(thread.get_by_role("heading", name="Its task")).to_be_visible()
    thread.get_by_role("button", name=re.compile("Grep")).click()
    expect(thread).to_contain_text("cart/money.ts:3")
    thread.get_by_role("link", name="Open as a page").click()
    expect(page.get_by_text("You are reading the thread of a sub-agent: reviewer · Review the change")).to_be_visible()
    expect(page.locator(".entry").first).to_contain_text("Look closely")
    page.get_by_role("link", name="Back to the main thread").click()
    expect(page.locator(".entry[data-marked]")).to_contain_text("Review the change")
    expect(page.locator(".entry").last).to_contain_text("Nothing is left.")


@pytest.mark.parametrize("thread", ["", f"agent={AGENT}&"], ids=["main thread", "thread"])
def test_an_entry_that_is_gone(talked: Site, open_page: OpenPage, thread: str) -> None:
    """A link to it opens the conversation at its end and says that the entry is not there."""
    page, guard = open_page("/")
    guard.expect(404)
    page.goto(f"{READ}?{thread}entry=00000000000000ff")
    expect(page.get_by_text("is not there any more")).to_be_visible()
    expect(page.locator(".entry").last).to_contain_text("It is rounded once now." if thread else "Nothing is left.")
    expect(page.locator(".entry").last).to_be_in_viewport()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("button", name="To the end")).to_have_count(0)


def test_an_image_is_shown(talked: Site, open_page: OpenPage) -> None:
    """It is fetched with the token and shown under the page's own policy."""
    page, _ = open_page(READ)
    shown = page.locator(".image-button img")
    expect(shown).to_have_attribute("src", re.compile("^data:image/png;base64,"))
    assert shown.evaluate("(image) => image.naturalWidth") == 1


def test_what_is_copied(talked: Site, open_page: OpenPage) -> None:
    """An answer is copied as Markdown, code as it is, and the link of an entry leads to it."""
    page, _ = open_page(READ)
    expect(page.locator(".entry").last).to_contain_text("Nothing is left.")
    page.locator(".entries").evaluate("(box) => box.scrollTo(0, 0)")
    answer = entry(page, "rounded twice. See")
    answer.hover()
    answer.get_by_role("button", name="Copy this answer").click()
    assert "rounded **twice**" in page.evaluate("navigator.clipboard.readText()")
    answer.locator(".code-copy").click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("def share(amount: int)")
    answer.get_by_role("button", name="Copy the link").click()
    link = page.evaluate("navigator.clipboard.readText()")
    assert f"{READ}?entry=" in link
    page.goto(link)
    expect(page.locator(".entry[data-marked]")).to_contain_text("Totals are rounded twice")
    expect(page.get_by_role("button", name="To the end")).to_be_visible()


def test_what_is_said_meanwhile(talked: Site, open_page: OpenPage) -> None:
    """At the end it appears; a result comes into its call; further up it is counted, marked, and one button away."""
    talk = transcript_of(talked, "checkout", ago_s=0)
    page, _ = open_page(READ)
    expect(page.locator(".entry").last).to_contain_text("Nothing is left.")
    call = use("Bash", {"command": "make fresh"})
    talk.answer(words("One more thing."), call)
    expect(page.get_by_text("One more thing.")).to_be_visible()
    row = page.get_by_role("button", name=re.compile("make fresh"))
    expect(row).to_contain_text("no result yet")
    talk.result(call, "made", toolUseResult={"durationMs": 1500})
    expect(row).to_contain_text("1.5 s")
    row.click()
    expect(page.locator(".fold-body pre", has_text="made")).to_be_visible()
    page.locator(".entries").evaluate("(box) => box.scrollTo(0, 0)")
    expect(page.get_by_role("button", name="To the end")).to_be_visible()
    talk.answer(words("While you read."))
    page.get_by_role("button", name="1 new entry").click()
    expect(page.get_by_text("While you read.")).to_be_visible()
    expect(page.locator(".entry-new")).to_have_text("New")
    talk.answer(words("x " * 40_000 + "the very end of a long text"))
    expect(page.get_by_text("the very end of a long text")).to_be_visible()


TABLE = """\
| id | name | amount | what it is about and why it is so wide | state |
|--|--|--:|--|--|
| 10001 | internationalisation | 1000 | Words that go on and on so that the table is wider than the screen | accepted |

And behind it.
"""


@pytest.mark.parametrize("phone", [False, True], ids=["laptop", "phone"])
def test_a_wide_table(site: Site, open_page: OpenPage, phone: bool) -> None:
    """It scrolls in a box of its own; no word and no number is broken, and what follows keeps a distance."""
    site.add_session("odd")
    talk = transcript_of(site, "odd")
    talk.prompt("A table, please")
    talk.answer(words(TABLE))
    site.start()
    site.sign_up()
    page, _ = open_page("/s/odd/conversation", phone=phone)
    expect(page.locator("td", has_text="1000").last).to_be_visible()
    lines = (
        "(one) => { const range = new Range(); range.selectNodeContents(one); return range.getClientRects().length }"
    )
    for text in ("10001", "internationalisation", "accepted"):
        assert page.get_by_role("cell", name=text, exact=True).evaluate(lines) == 1
    box = page.locator(".rich-table")
    assert box.evaluate("(one) => one.scrollWidth > one.clientWidth") is phone
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    below = page.get_by_text("And behind it.").bounding_box()
    above = box.bounding_box()
    assert above
    assert below
    assert below["y"] >= above["y"] + above["height"] + 12


RTL = """\
- [x] sorted
- [ ] not [x] yet

مرحبا بالعالم

> اقتباس

Left to right
"""


def test_directions_and_tasks(site: Site, open_page: OpenPage) -> None:
    """Each block has the direction of its text; tasks have boxes nobody can tick; calls about tasks tell of them."""
    site.add_session("odd")
    talk = transcript_of(site, "odd")
    talk.prompt("سؤال واحد")
    todos = [{"content": "Sort", "status": "completed", "activeForm": "Sorting"},
             {"content": "Test", "status": "in_progress", "activeForm": "Testing"}]  # fmt: skip
    for call in (
        use("TodoWrite", {"todos": todos}),
        use("TaskCreate", {"subject": "Write the test", "description": "All of it", "activeForm": "Writing"}),
        use("TaskUpdate", {"taskId": "3", "status": "completed"}),
    ):
        talk.answer(call)
        talk.result(call, "ok")
    talk.answer(words(RTL))
    site.start()
    site.sign_up()
    page, _ = open_page("/s/odd/conversation")
    expect(page.locator(".entry").last).to_contain_text("Left to right")
    direction = "(one) => getComputedStyle(one).direction"
    for text, wanted in (("مرحبا بالعالم", "rtl"), ("اقتباس", "rtl"), ("سؤال واحد", "rtl"), ("Left to right", "ltr")):
        assert page.locator(".entry p", has_text=text).evaluate(direction) == wanted, text
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(2)
    expect(boxes.first).to_be_checked()
    expect(boxes.first).to_be_disabled()
    expect(boxes.last).not_to_be_checked()
    expect(page.locator(".kind-text li").last).to_have_text("not [x] yet")
    expect(page.get_by_role("button", name=re.compile("TodoWrite"))).to_contain_text("1 of 2 done · Testing")
    expect(page.get_by_role("button", name=re.compile("TaskCreate"))).to_contain_text("Write the test")
    expect(page.get_by_role("button", name=re.compile("TaskUpdate"))).to_contain_text("Task 3: completed")


HOSTILE = """\
<script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">
<iframe srcdoc="<script>parent.hacked = 3</script>"></iframe>

[click](javascript:window.hacked=4) [data](data:text/html,<script>1</script>) [ok](https://example.org/)

![remote](https://example.org/spy.png) ![inline](data:image/svg+xml,<svg/onload=alert(1)>)

<a href="javascript:window.hacked=5" style="position:fixed;inset:0">over everything</a>

```html
<img src=x onerror="window.hacked = 6">
```

[ref]: javascript:window.hacked=7
[ref] <javascript:window.hacked=8> &lt;b onclick=1&gt;
"""


def test_hostile_markdown_is_text(site: Site, open_page: OpenPage) -> None:
    """Nothing in an answer, a prompt, a thought or a result runs, is fetched, or leads anywhere but to the web."""
    site.add_session("odd")
    talk = transcript_of(site, "odd")
    talk.prompt(HOSTILE)
    call = use("Odd<img src=x>", {"<b>key</b>": HOSTILE})
    talk.answer(words(HOSTILE), call)
    talk.result(call, HOSTILE)
    site.start()
    site.sign_up()
    page, _ = open_page("/s/odd/conversation")
    page.get_by_role("button", name=re.compile("Odd")).click()
    page.locator(".entries").evaluate("(box) => box.scrollTo(0, 0)")
    answer = page.locator(".kind-text")
    expect(answer).to_contain_text("<script>window.hacked = 1</script>")
    expect(answer.get_by_role("link", name="ok")).to_have_attribute("href", "https://example.org/")
    expect(answer.get_by_role("link", name="Image: remote")).to_have_attribute("target", "_blank")
    answer.get_by_text("click", exact=True).click()
    hrefs = page.locator(".entries a").evaluate_all("(links) => links.map((one) => one.protocol)")
    assert set(hrefs) == {"https:"}
    assert page.locator(".entries :is(script, iframe, img, style, [onerror], [onclick])").count() == 0
    assert page.evaluate("window.hacked") is None
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_find_and_the_way_through(talked: Site, open_page: OpenPage) -> None:
    """The outline and the keys go from prompt to prompt; find goes through what is loaded, and opens what is folded."""
    page, _ = open_page(READ)
    outline = page.get_by_role("navigation", name="Prompts")
    expect(outline.get_by_role("listitem")).to_have_count(3)
    outline.get_by_role("button", name=re.compile("Refunds")).click()
    expect(page.locator(".entry[data-marked]")).to_contain_text("Refunds lose the last cent.")
    expect(outline.locator("[aria-current]")).to_contain_text("Refunds")
    page.keyboard.press("j")
    expect(page.locator(".entry[data-marked]")).to_contain_text("Review it, with this picture")
    page.keyboard.press("k")
    expect(page.locator(".entry[data-marked]")).to_contain_text("Refunds")
    page.keyboard.press("Control+f")
    find = page.get_by_role("searchbox", name="Find in this conversation")
    expect(find).to_be_focused()
    find.fill("roundhalfeven")
    expect(page.get_by_text("Also found in threads of sub-agents:")).to_be_visible()
    expect(page.locator(".find-count")).to_have_text("0 of 0")
    find.fill("2 PROBLEMS")
    expect(page.get_by_text("Also found in threads of sub-agents:")).to_have_count(0)
    expect(page.locator(".find-count")).to_have_text("0 of 1")
    find.press("Enter")
    expect(page.locator(".find-count")).to_have_text("1 of 1")
    expect(page.locator(".fold-body pre", has_text="2 problems")).to_be_visible()
    page.wait_for_function("CSS.highlights.get('reader-find')?.size === 1")
    find.press("Escape")
    expect(find).to_have_count(0)
    assert not page.evaluate("CSS.highlights.has('reader-find')")


def test_prompts_of_one_second(site: Site, open_page: OpenPage) -> None:
    """They stand in their order in the outline and among what was found, also where one is at the second itself."""
    site.add_session("checkout")
    talk = transcript_of(site, "checkout")
    for fraction, text in (("000", "The first needle"), ("300", "The second needle")):
        talk.write(talk.prompt_line(text) | {"timestamp": f"2026-11-20T09:00:05.{fraction}Z"})
    site.start()
    site.sign_up()
    page, _ = open_page(READ)
    outline = page.get_by_role("navigation", name="Prompts").locator(".outline-item")
    expect(outline).to_contain_text(["The first needle", "The second needle"])
    page.keyboard.press("/")
    page.get_by_role("searchbox", name="Find in this conversation").fill("needle")
    expect(page.locator(".find-count")).to_have_text("0 of 2")
    page.keyboard.press("Enter")
    expect(page.locator(".entry[data-marked]")).to_contain_text("The first needle")
    expect(page.locator(".find-count")).to_have_text("1 of 2")


def test_find_in_all_of_it(site: Site, open_page: OpenPage) -> None:
    """What is not loaded is searched by itself: one count, one list, the arrows walk all; deep in an output too."""
    site.add_session("checkout")
    talk = transcript_of(site, "checkout", ago_s=9000)
    talk.prompt("The first needle")
    call = use("Bash", {"command": "make logs"})
    talk.answer(call)
    talk.result(call, "".join(f"line {number} of the log\n" for number in range(2000)) + "a needle deep in it\nend")
    for number in range(150):
        talk.prompt(f"Filler {number}")
    talk.prompt("The last needle")
    transcript_of(site, "checkout", agent=AGENT, ago_s=8000).answer(words("The agent's needle"))
    site.start()
    site.sign_up()
    page, _ = open_page(READ)
    expect(page.locator(".entry").last).to_contain_text("The last needle")
    page.keyboard.press("/")
    find, count = page.get_by_role("searchbox", name="Find in this conversation"), page.locator(".find-count")
    find.fill("ne")
    expect(page.get_by_text("With 3 characters all of it is.")).to_be_visible()
    find.fill("NEEDLE")
    expect(count).to_have_text("0 of 3")
    expect(page.locator(".find-hit")).to_have_count(3)
    expect(page.get_by_text("Also found in threads of sub-agents:")).to_be_visible()
    marked = page.locator(".entry[data-marked]")
    find.press("Enter")
    expect(marked).to_contain_text("The last needle")
    expect(count).to_have_text("3 of 3")
    page.wait_for_function("CSS.highlights.get('reader-find-current')?.size === 1")
    find.press("Enter")
    expect(marked).to_contain_text("The first needle")
    expect(count).to_have_text("1 of 3")
    expect(page.locator(".find-hit[aria-current]")).to_contain_text("first needle")
    find.press("Enter")
    expect(count).to_have_text("2 of 3")
    page.wait_for_function(MARK_IS_SEEN)


MARK_IS_SEEN = """() => {
  const [range] = CSS.highlights.get('reader-find-current') ?? [];
  if (!range || !range.startContainer.nodeValue.includes('deep in it')) return false;
  const mark = range.getBoundingClientRect();
  const boxes = [range.startContainer.parentElement.closest('pre'), document.querySelector('.entries')];
  const rooms = boxes.map((box) => box.getBoundingClientRect());
  return rooms.every((room) => mark.top >= room.top && mark.bottom <= room.bottom);
}"""
"""The current match is the one deep in the output, and is within the boxes that scroll."""


def test_the_outline_on_a_phone(talked: Site, open_page: OpenPage) -> None:
    """It is in a sheet, which closes when it has led somewhere."""
    page, _ = open_page(READ, phone=True)
    page.get_by_role("button", name="Prompts").tap()
    sheet = page.get_by_role("dialog", name="Prompts")
    expect(sheet.locator("[aria-current]")).to_contain_text("What is left?")
    sheet.get_by_role("button", name=re.compile("Refunds")).tap()
    expect(sheet).to_have_count(0)
    expect(page.locator(".entry[data-marked]")).to_contain_text("Refunds")
    page.get_by_role("button", name=re.compile("^Edit")).tap()
    expect(page.locator(".diff-line.add")).to_be_visible()


TURNS = 2000
"""Each has three entries."""


def open_long_talk(site: Site, open_page: OpenPage) -> Page:
    """The page of a session whose conversation has many turns, in one write."""
    site.add_session("checkout")
    talk = transcript_of(site, "checkout", ago_s=TURNS * 5)
    lines = []
    for number in range(TURNS):
        lines.append(talk.prompt_line(f"Question {number}."))
        lines += talk.answer_lines(words(f"Answer {number}: " + "as long as it may be. " * (number % 40)))
        lines += talk.answer_lines(words(f"- point {number}\n- and another"))
    talk.write(*lines)
    site.start()
    site.sign_up()
    page, _ = open_page(READ)
    return page


def test_six_thousand_entries(site: Site, open_page: OpenPage) -> None:
    """A long conversation is read page by page, only what is seen is drawn, and nothing moves meanwhile."""
    page = open_long_talk(site, open_page)
    entries = page.locator(".entries")
    expect(page.locator(".entry").last).to_contain_text(f"point {TURNS - 1}", timeout=30_000)
    assert page.locator(".entry").count() < 60
    held: list[Route] = []
    page.route("**/conversation?*before=*", lambda route: held.append(route))
    with page.expect_request("**/conversation?*before=*"):
        entries.evaluate("(box) => box.scrollTo(0, 600)")
    seen, height = page.evaluate(TOP_ROW), entries.evaluate("(box) => box.scrollHeight")
    held.pop().continue_()
    page.unroute("**/conversation?*before=*")
    page.wait_for_function("(height) => document.querySelector('.entries').scrollHeight > height + 1000", arg=height)
    still = page.locator(f"[data-entry='{seen['id']}']").evaluate("(one) => one.getBoundingClientRect().y")
    assert still == pytest.approx(seen["y"], abs=1.5)
    for _ in range(300):
        entries.evaluate("(box) => box.scrollTo(0, 0)")
        page.wait_for_timeout(60)
        if page.get_by_text("This is where the conversation begins").count():
            break
    entries.evaluate("(box) => box.scrollTo(0, 0)")
    expect(page.locator(".entry").first).to_contain_text("Question 0.")
    assert page.locator(".entry").count() < 60
    kept = "document.querySelector('.measured-space').childElementCount"
    assert page.evaluate(kept) < 60
    page.keyboard.press("End")
    expect(page.locator(".entry").last).to_contain_text(f"point {TURNS - 1}")
    page.get_by_role("button", name="Find in this conversation").click()
    page.get_by_role("searchbox", name="Find in this conversation").fill("Question 17.")
    expect(page.locator(".find-count")).to_have_text("0 of 1", timeout=15_000)
    page.locator(".find-hit").click()
    expect(page.locator(".find-count")).to_have_text("1 of 1")
    expect(page.locator(".entry[data-marked]")).to_contain_text("Question 17.")
    expect(page.locator(".entry[data-marked]")).to_be_in_viewport()
    assert top_of(page, "Question 17.") < 60


def test_where_one_was(site: Site, open_page: OpenPage) -> None:
    """Who looks at the terminal and comes back is where they were; who was at the end is at the end."""
    page = open_long_talk(site, open_page)
    tabs = page.locator(".tabs")
    last = page.locator(".entry").last
    expect(last).to_contain_text(f"point {TURNS - 1}", timeout=30_000)
    page.locator(".entries").evaluate("(box) => box.scrollTo(0, 900)")
    expect(page.get_by_role("button", name="To the end")).to_be_visible()
    seen = page.evaluate(TOP_ROW)["id"]
    tabs.get_by_role("link", name="Details").click()
    expect(page.locator(".entries")).to_have_count(0)
    tabs.get_by_role("link", name="Conversation").click()
    expect(page.locator(f"[data-entry='{seen}']")).to_be_in_viewport()
    expect(page.get_by_role("button", name="To the end")).to_be_visible()
    page.get_by_role("button", name="To the end").click()
    expect(last).to_be_in_viewport()
    tabs.get_by_role("link", name="Details").click()
    tabs.get_by_role("link", name="Conversation").click()
    expect(last).to_contain_text(f"point {TURNS - 1}")
    expect(last).to_be_in_viewport()


TOP_ROW = """() => {
  const box = document.querySelector('.entries').getBoundingClientRect();
  for (const one of document.querySelectorAll('.entry')) {
    const {y, bottom} = one.getBoundingClientRect();
    if (bottom > box.y + 5) return {id: one.dataset.entry, y};
  }
}"""
"""The entry at the top of the list."""


def test_the_keys_of_a_conversation(site: Site, open_page: OpenPage) -> None:
    """The list has the focus without a ring; Home and End go to the very ends, though they are not loaded."""
    page = open_long_talk(site, open_page)
    entries = page.locator(".entries")
    expect(page.locator(".entry").last).to_contain_text(f"point {TURNS - 1}", timeout=30_000)
    expect(entries).to_be_focused()
    expect(entries).to_have_css("outline-style", "none")
    where = entries.evaluate("(box) => box.scrollTop")
    page.keyboard.press("PageUp")
    page.wait_for_function("(where) => document.querySelector('.entries').scrollTop < where - 300", arg=where)
    page.keyboard.press("Home")
    expect(page.get_by_text("This is where the conversation begins")).to_be_in_viewport()
    expect(page.locator(".entry").first).to_contain_text("Question 0.")
    page.keyboard.press("End")
    expect(page.locator(".entry").last).to_contain_text(f"point {TURNS - 1}")
    expect(page.locator(".entry").last).to_be_in_viewport()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys.get_by_text("Find in this conversation")).to_have_count(1)
    for text in ("Scroll", "To the beginning", "To the end"):
        expect(keys.get_by_text(text, exact=True)).to_be_visible()


def test_the_outline_of_a_long_conversation(site: Site, open_page: OpenPage) -> None:
    """It opens where one is, marks the prompt that was gone to, shows holes, and fills them."""
    page = open_long_talk(site, open_page)
    outline = page.get_by_role("navigation", name="Prompts")
    current, marked = outline.locator("[aria-current]"), page.locator(".entry[data-marked]")
    expect(current).to_contain_text(f"Question {TURNS - 1}.", timeout=30_000)
    expect(current).to_be_in_viewport()
    for number in (TURNS - 1, TURNS - 2, TURNS - 3):
        page.keyboard.press("k")
        expect(marked).to_contain_text(f"Question {number}.")
        expect(current).to_contain_text(f"Question {number}.")
    page.keyboard.press("j")
    expect(current).to_contain_text(f"Question {TURNS - 2}.")
    expect(outline.get_by_role("button", name="Earlier prompts that are not loaded")).to_be_visible()
    outline.get_by_role("button", name="To the beginning").click()
    expect(current).to_contain_text("Question 0.")
    expect(current).to_be_in_viewport()
    expect(outline.get_by_role("button", name="Earlier prompts that are not loaded")).to_have_count(0)
    hole = outline.get_by_role("button", name="Prompts between that are not loaded")
    expect(hole).to_have_count(1)
    expect(outline.get_by_role("button", name="Question 500.")).to_have_count(0)
    hole.click()
    expect(outline.get_by_role("button", name="Question 500.")).to_have_count(1)
    expect(hole).to_have_count(1)
    hole.click()
    hole.click()
    expect(hole).to_have_count(0, timeout=15_000)
    expect(outline.get_by_role("listitem")).to_have_count(TURNS)
    outline.get_by_role("button", name="Question 1000.").click()
    expect(marked).to_contain_text("Question 1000.")
    expect(current).to_contain_text("Question 1000.")


def test_the_outline_of_nothing(site: Site, open_page: OpenPage) -> None:
    """Where nothing was said there are no prompts, and none that are not loaded."""
    site.add_session("quiet")
    site.start()
    site.sign_up()
    page, _ = open_page("/s/quiet/conversation")
    expect(page.get_by_text("Nothing was said yet")).to_be_visible()
    outline = page.get_by_role("navigation", name="Prompts")
    expect(outline).to_have_text("No prompts yet")
    expect(outline.get_by_role("button")).to_have_count(0)


def test_a_sub_agent_at_work(talked: Site, open_page: OpenPage) -> None:
    """Before its call has a result its thread opens all the same, and goes on by itself."""
    talk = transcript_of(talked, "checkout", ago_s=0)
    running = "b0123456789abcdef"
    page, _ = open_page(READ)
    expect(page.locator(".entry").last).to_contain_text("Nothing is left.")
    talk.now()
    talk.answer(use("Agent", {"description": "Test it", "prompt": "Go", "subagent_type": "tester"}))
    page.get_by_role("button", name=re.compile("Sub-agent.*Test it")).click()
    expect(page.get_by_text("What it says is shown as soon as it is known.")).to_be_visible()
    talked.hook("checkout", "SubagentStart", agent_id=running, agent_type="tester")
    agent = transcript_of(talked, "checkout", agent=running, ago_s=0)
    agent.answer(words("I begin."))
    expect(page.locator(".thread-body")).to_contain_text("I begin.")
    agent.answer(words("I go on."))
    expect(page.locator(".thread-body")).to_contain_text("I go on.")


def test_while_the_index_is_behind(talked: Site, open_page: OpenPage) -> None:
    """It is said, and what comes is found without the stream."""
    answers = [False, False, False]

    def search(route: Route) -> None:
        complete = answers.pop() if answers else True
        route.fulfill(json={"query": "the", "matches": [], "truncated": False, "complete": complete})

    page, _ = open_page("/")
    page.route("**/api/search?*", search)
    page.route("**/events/all", lambda route: route.fulfill(body=": ok\n\n", content_type="text/event-stream"))
    page.goto(READ)
    expect(page.get_by_text("Still reading transcripts")).to_be_visible()
    transcript_of(talked, "checkout", ago_s=0).answer(words("Found later."))
    expect(page.get_by_text("Found later.")).to_be_visible()
    expect(page.get_by_text("Still reading transcripts")).to_have_count(0)


@EVERY_LOOK
def test_how_it_looks(talked: Site, open_page: OpenPage, phone: bool, dark: bool) -> None:
    """No serious accessibility violation and nothing wider than the screen."""
    page, _ = open_page(READ, phone=phone, dark=dark)
    expect(page.locator(".entry").last).to_contain_text("Nothing is left.")
    look(page, "conversation-end", phone=phone, dark=dark)
    page.keyboard.press("k")
    page.get_by_role("button", name=re.compile("Sub-agent")).click()
    expect(page.locator(".thread-body .entry")).to_have_count(4)
    look(page, "conversation-thread", phone=phone, dark=dark)
    page.locator(".entries").evaluate("(box) => box.scrollTo(0, 0)")
    page.get_by_role("button", name=re.compile("^Edit")).click()
    page.get_by_role("button", name="Find in this conversation").click()
    page.get_by_role("searchbox", name="Find in this conversation").fill("total")
    expect(page.locator(".hl-keyword").first).to_be_attached()
    look(page, "conversation", phone=phone, dark=dark)
    if phone:
        page.get_by_role("button", name="Prompts").tap()
        look(page, "conversation-outline", phone=phone, dark=dark)
