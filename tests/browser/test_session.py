"""The tabs of a session."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.journey import edit, furnished
from tests.browser.site import Site

PAINT = (
    "sh",
    "-c",
    r"printf '\033[31mred\033[0m \033[1;38;5;42mgreen\033[0m \033[48;2;10;20;30mback\033[0m 漢字| "
    r"\033[7mturned\033[0m\n<b>not bold</b>\n'; exec cat",
)


def test_the_pane_shows_colours(site: Site, open_page: OpenPage) -> None:
    """Colours, styles and wide characters are drawn as tmux has them; markup is text; its end is said."""
    site.add_session("painter", tmux=PAINT)
    site.start()
    site.sign_up()
    page, _ = open_page("/s/painter/pane")
    pane = page.get_by_role("region", name="Text of the terminal")
    expect(pane).to_contain_text("red green back")
    expect(pane.get_by_text("red", exact=True)).to_have_css("color", "rgb(244, 112, 103)")
    expect(pane.get_by_text("green", exact=True)).to_have_css("font-weight", "700")
    expect(pane.get_by_text("back", exact=True)).to_have_css("background-color", "rgb(10, 20, 30)")
    expect(pane.locator(".a-wide")).to_have_count(2)
    expect(pane).to_contain_text("<b>not bold</b>")
    page.get_by_role("button", name="Copy all of it").click()
    assert "red green back" in page.evaluate("navigator.clipboard.readText()")
    site.tmux.run("kill-session", "-t", "=painter:")
    expect(page.get_by_text("The terminal has ended")).to_be_visible()


def test_a_call_in_detail(site: Site, open_page: OpenPage) -> None:
    """A row opens its detail with the coloured diff; the link leads back to it; back closes it; agents are marked."""
    furnished(site)
    page, _ = open_page("/s/checkout/feed")
    rows = page.locator("a.feed-row")
    expect(rows).to_have_count(5)
    expect(rows.first.locator(".agent-mark")).to_be_visible()
    page.locator("a.feed-row", has_text="Edit").click()
    detail = page.get_by_role("complementary", name="Detail of the call")
    expect(detail.locator(".diff-line.add")).to_have_text(re.compile(r"\+const total = 1"))
    expect(detail.locator(".diff-line.del")).to_have_text(re.compile("-const total = 0"))
    page.reload()
    expect(detail.locator(".diff-line.add")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(detail).to_be_hidden()
    page.locator("a.feed-row", has_text="npm test").click()
    expect(detail).to_contain_text("all green")
    page.go_back()
    expect(detail).to_be_hidden()
    page.get_by_label("Tool", exact=True).select_option("Edit")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("tool=Edit"))


def test_revert_with_uncommitted_changes(site: Site, open_page: OpenPage) -> None:
    """A checkpoint's diff is shown; with a dirty tree reverting asks for a stash, makes it, and the files are back."""
    furnished(site)
    work = site.home / "src" / "checkout"
    (work / "total.ts").write_text("const total = 99\n")
    page, guard = open_page("/s/checkout/checkpoints")
    guard.expect(409)
    page.get_by_role("link", name=re.compile("first")).click()
    expect(page.locator(".diff-line.add").first).to_contain_text("+const total = 0")
    page.get_by_role("button", name="Revert to this").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Revert", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("total.ts")
    expect(dialog.get_by_role("button", name="Stash and revert")).to_be_disabled()
    dialog.get_by_label("Stash these changes first").check()
    dialog.get_by_role("button", name="Stash and revert").click()
    expect(page.get_by_text("Your changes are in git’s stash")).to_be_visible()
    assert (work / "total.ts").read_text() == "const total = 0\nexport default total\n"
    assert "ctm-revert" in site.git("checkout", "stash", "list")


def test_revert_while_somebody_writes(site: Site, open_page: OpenPage) -> None:
    """What was written while a revert ran is named with its place, and the dialog stays until it is read."""
    furnished(site)
    work = site.home / "src" / "checkout"
    # A content filter that runs when the checkpoint's file is written: after the stash, before the exchange.
    site.git("checkout", "config", "filter.late.smudge", f"echo late >> '{work}/total.ts'; cat")
    (work / ".git" / "info").mkdir(exist_ok=True)
    (work / ".git" / "info" / "attributes").write_text("total.ts filter=late\n")
    page, _ = open_page("/s/checkout/checkpoints")
    page.get_by_role("link", name=re.compile("first")).click()
    page.get_by_role("button", name="Revert to this").click()
    page.get_by_role("dialog").get_by_role("button", name="Revert", exact=True).click()
    note = page.get_by_role("dialog").get_by_role("alert")
    expect(note).to_contain_text("1 file was written meanwhile")
    expect(note).to_contain_text("files/total.ts")
    (kept,) = (work / ".git" / "ctm-kept").glob("*/files/total.ts")
    assert kept.read_text().endswith("late\n")
    assert (work / "total.ts").read_text() == "const total = 0\nexport default total\n"
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize("well", [True, False])
def test_a_revert_that_outlasts_its_request(well: bool, site: Site, open_page: OpenPage) -> None:
    """The page looks where the 202 says until the order is over, and shows how it ended, with the name of the stash."""
    furnished(site)
    page, _ = open_page("/s/checkout/checkpoints")
    later = {"status": "under_way", "order": "o1", "kind": "revert", "look": "/api/orders/o1", "ends_within_s": 60}
    body = {"ok": True, "reverted_to": "a" * 40} if well else {"error": "revert_failed", "message": "git said no."}
    end = {"status": 200 if well else 500, "body": {**body, "stashed_as": "c0ffee"}}
    looks = [{"status": "under_way"}, {"status": "under_way"}, {"status": "done", "answer": end}]
    page.route("**/api/sessions/checkout/revert", lambda route: route.fulfill(status=202, json=later))
    page.route("**/api/orders/o1", lambda route: route.fulfill(json=looks.pop(0)))
    page.get_by_role("link", name=re.compile("first")).click()
    page.get_by_role("button", name="Revert to this").click()
    page.get_by_role("dialog").get_by_role("button", name="Revert", exact=True).click()
    if well:
        expect(page.get_by_text("Your changes are in git’s stash (c0ffee)")).to_be_visible()
    else:
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("git said no.")
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("c0ffee")
    assert not looks


def test_five_thousand_rows(site: Site, open_page: OpenPage) -> None:
    """A long feed scrolls to its beginning page by page, draws only what is seen, and stays still while one reads."""
    site.add_session("busy")
    lines = (site.line("busy", ago_s=6000 - n, tool_input={"command": f"echo {n}"}) for n in range(5000))
    site.append("busy", *lines)
    site.start()
    site.sign_up()
    page, _ = open_page("/s/busy/feed")
    feed = page.locator(".feed-list")
    expect(page.locator(".feed-input").first).to_have_text("echo 4999")
    feed.evaluate("(box) => box.scrollTo(0, 3000)")
    still = page.locator("a.feed-row", has_text="echo 4905")
    before = still.bounding_box()
    site.append("busy", site.line("busy", tool_input={"command": "echo fresh"}))
    expect(page.get_by_role("button", name="1 new call")).to_be_visible()
    assert still.bounding_box() == before
    for _ in range(60):
        if page.get_by_text("This is where its log begins").count():
            break
        feed.evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
        page.wait_for_timeout(100)
    expect(page.locator(".feed-count")).to_have_text("5,001 calls")
    feed.evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
    expect(page.locator(".feed-input").last).to_have_text("echo 0")
    assert page.locator("a.feed-row").count() < 80
    page.get_by_role("button", name="1 new call").click()
    expect(page.locator(".feed-input").first).to_have_text("echo fresh")


HOSTILE = [
    "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "\u001b[31mred\u001b[0m \u001b]0;title\u0007 bell\u0007",
    "שלום \u202eabc\u202c \u200bzero\u200dwidth",
    "x" * 4096,
]


def test_hostile_output_is_text(site: Site, open_page: OpenPage) -> None:
    """Markup, escapes, right-to-left marks and endless words are shown as text; nothing runs; the layout holds."""
    site.add_session("odd")
    for number, text in enumerate(HOSTILE):
        response = {"stdout": text, "stderr": "", "interrupted": False}
        site.append("odd", site.line("odd", f"Odd{number}", tool_input={"command": text}, tool_response=response))
    bare = {"session_id": site.records["odd"]["uuid"], "tool_name": "Bare", "hook_event_name": "PostToolUse"}
    site.append("odd", bare, site.line("odd", "Edit", **edit(site, "odd")))
    site.start()
    site.sign_up()
    page, _ = open_page("/s/odd/feed")
    page.on("dialog", lambda dialog: (_ for _ in ()).throw(AssertionError(dialog.message)))
    rows = page.locator("a.feed-row")
    expect(rows).to_have_count(len(HOSTILE) + 2)
    for number in range(len(HOSTILE)):
        page.locator("a.feed-row", has_text=f"Odd{number}").click()
        expect(page.locator(".detail h2")).to_contain_text(f"Odd{number}")
        expect(page.locator(".detail pre").first).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, f"line {number} breaks the layout"
    assert page.locator("#app img[src=x], #app script").count() == 0
    page.get_by_role("button", name="Close").click()
    page.locator("a.feed-row", has_text="Bare").click()
    expect(page.locator(".detail h2")).to_contain_text("Bare")


def test_agents_and_details(site: Site, open_page: OpenPage) -> None:
    """A sub-agent appears while it works and leads to its calls; details show figures, files and the attach command."""
    furnished(site)
    site.hook("checkout", "SubagentStart", agent_id="a3f9c2d1e0b84756a", agent_type="reviewer")
    page, _ = open_page("/s/checkout/agents")
    expect(page.locator(".agent")).to_contain_text("reviewer")
    page.locator(".agent .row-link").click()
    expect(page.locator("a.feed-row")).to_have_count(1)
    page.get_by_role("link", name="Details").click()
    expect(page.locator(".meta")).to_contain_text("src/checkout")
    expect(page.locator(".meta")).to_contain_text("ctm-trio attach checkout")
    expect(page.locator(".pairs", has_text="Log")).to_contain_text(re.compile(r"[\d.]+ (B|kB)"))
