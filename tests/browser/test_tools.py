"""The views that are about more than one session."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from playwright.sync_api import expect

from ctm_trio.model.session_names import name_of
from tests.browser.conftest import OpenPage
from tests.browser.journey import failed, furnished
from tests.browser.played_client import PlayedClient
from tests.browser.site import Site, stamp


@contextmanager
def receiver(status: int = 200) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """An endpoint for the webhook: its address, and what it was sent."""
    seen: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append({"auth": self.headers["Authorization"], **json.loads(body)})
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_settings_keep_the_page_and_the_stream(site: Site, open_page: OpenPage) -> None:
    """What is wrong is said at its field, what is right is used at once; the stream stays; a test tells its result."""
    furnished(site)
    page, guard = open_page("/settings")
    guard.expect(400)
    expect(page.get_by_label("Address")).to_be_visible()
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if "/events/" in request.url else None)
    with receiver() as (address, seen):
        page.get_by_label("Address").fill("ftp://nowhere")
        page.get_by_label("Seems stuck").fill("2000")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#set-webhook_url-note")).to_contain_text("http://")
        expect(page.locator("#set-idle_minutes-note")).to_contain_text("from 1 to 1440")
        page.get_by_label("Address").fill("http://ada:secret@127.0.0.1/")
        page.get_by_label("Seems stuck").fill("9")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#set-webhook_url-note")).to_contain_text("must not contain a user")
        page.get_by_label("Address").fill(address)
        page.get_by_label("Authorization").fill("Bearer of-the-test")
        page.get_by_label("no longer needs you").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved. The daemon uses it now")).to_be_visible()
        expect(page.get_by_role("button", name="Discard")).to_be_hidden()
        config = json.loads((site.conf / "config.json").read_text())["serve"]
        assert config["attention"]["idle_minutes"] == 9
        assert config["webhook_events"] == ["attention_raised", "attention_cleared"]
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_text("It arrived: the address answered 200")).to_be_visible()
        assert seen[-1]["auth"] == "Bearer of-the-test"
        site.append("checkout", failed(site, "checkout"))
        expect(page.locator(".delivery", has_text="checkout")).to_contain_text("Delivered", timeout=15_000)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Feed").click()
    site.append("checkout", site.line("checkout", tool_input={"command": "echo after saving"}))
    expect(page.locator("a.feed-row").first).to_contain_text("echo after saving")
    assert streams == [], "the stream was opened again"


def test_a_match_of_the_search_leads_to_its_row(site: Site, open_page: OpenPage) -> None:
    """Matches appear while typing, marked; one leads to its exact row, though it is far back in the feed."""
    site.add_session("checkout")
    site.add_session("docs")
    site.append("checkout", site.line("checkout", ago_s=9000, tool_input={"command": "grep <b>needle</b> hay"}))
    site.append(
        "checkout", *[site.line("checkout", ago_s=3600 - n, tool_input={"command": f"seq {n}"}) for n in range(900)]
    )
    site.append("docs", site.line("docs", "Read", 30, tool_input={"file_path": "/tmp/needles.md"}))
    site.start()
    site.sign_up()
    page, _ = open_page("/")
    expect(page.locator(".row")).to_have_count(2)
    page.keyboard.press("g")
    page.keyboard.press("/")
    box = page.get_by_role("searchbox", name="Search calls and conversations")
    box.fill("ne")
    expect(page.get_by_text("Type at least 3 characters.")).to_be_visible()
    box.fill("NEEDLE")
    matches = page.locator(".match")
    expect(matches).to_have_count(2, timeout=15_000)
    expect(matches.last.locator("mark")).to_have_text("needle")
    expect(matches.last).to_contain_text("<b>needle</b>")
    page.get_by_label("Tool").select_option("Bash")
    expect(matches).to_have_count(1)
    page.reload()
    expect(matches).to_have_count(1)
    matches.first.click()
    row = page.locator('a.feed-row[aria-current="true"]')
    expect(row).to_contain_text("grep <b>needle</b> hay")
    expect(page.get_by_role("complementary", name="Detail of the call")).to_contain_text("Bash")
    page.go_back()
    expect(matches).to_have_count(1)


def test_a_new_session(site: Site, open_page: OpenPage) -> None:
    """The dialog offers directories, says what is wrong at its field, starts Claude and opens the session."""
    furnished(site)
    page, guard = open_page()
    guard.expect(400, 409)
    expect(page.locator(".row")).to_have_count(4)
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="New session")
    dialog.get_by_label("Work directory", exact=True).fill("src/site")
    dialog.get_by_role("button", name="Start session").click()
    expect(dialog.get_by_role("alert")).to_contain_text("it starts with “/”")
    dialog.get_by_role("group", name="Recent").get_by_role("button", name="docs").click()
    expect(dialog.get_by_label("Work directory", exact=True)).to_have_value(site.records["docs"]["workdir"])
    dialog.get_by_label("Name").fill("docs")
    dialog.get_by_role("button", name="Start session").click()
    expect(dialog.get_by_role("alert")).to_contain_text("There is a session of this name already")
    dialog.get_by_label("Name").fill("")
    dialog.get_by_role("button", name="Start session").click()
    expect(dialog.get_by_role("alert")).to_contain_text("There is already a session in this directory")
    expect(dialog.get_by_role("alert").get_by_role("link", name="Open docs")).to_be_visible()
    dialog.get_by_label("Name").fill("docs-2")
    dialog.get_by_role("radio", name="Yolo").check()
    dialog.get_by_label("First prompt").fill("write the chapter on rounding")
    dialog.get_by_role("button", name="Start session").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("docs-2")
    expect(page.locator(".said")).to_contain_text("write the chapter on rounding")
    assert "docs-2" in site.tmux.names()
    page.go_back()
    expect(page.locator(".row")).to_have_count(5)


def test_a_prompt_is_measured_as_it_is_sent(site: Site, open_page: OpenPage) -> None:
    """Quotes and line breaks count twice, as in JSON: a prompt that the daemon would refuse is not sent."""
    furnished(site)
    page, _ = open_page()
    expect(page.locator(".row")).to_have_count(4)
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="New session")
    dialog.get_by_label("Work directory", exact=True).fill(str(site.home / "src" / "long"))
    prompt = dialog.get_by_label("First prompt")
    prompt.fill("x" * 2400 + '"' * 900)
    expect(dialog.get_by_role("alert")).to_have_text("This is too long to send.")  # said once, not at each key
    expect(prompt).to_have_attribute("aria-invalid", "true")
    expect(prompt).to_have_accessible_description(re.compile(r"^This is too long to send\. \d+ bytes too many\.$"))
    expect(dialog.get_by_role("button", name="Start session")).to_be_disabled()
    prompt.fill("x" * 3700)  # more than was allowed before, and little enough
    expect(dialog.get_by_role("alert")).to_have_count(0)
    expect(prompt).not_to_have_attribute("aria-invalid", "true")
    with page.expect_request(lambda request: request.method == "POST") as sent:
        dialog.get_by_role("button", name="Start session").click()
    assert len(sent.value.post_data or "") <= 4096
    expect(page.get_by_role("heading", level=1)).to_have_text("long")


def test_a_new_session_in_a_directory_of_another_script(site: Site, open_page: OpenPage) -> None:
    """The page sends no name that was not typed, so the daemon's name is the same as the command line's."""
    furnished(site)
    page, _ = open_page()
    expect(page.locator(".row")).to_have_count(4)
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="New session")
    dialog.get_by_label("Work directory", exact=True).fill(str(site.home / "src" / "日本語"))
    dialog.get_by_role("button", name="Start session").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name_of("日本語"))


def test_the_feed_of_all_sessions(site: Site, open_page: OpenPage) -> None:
    """Calls of every session; filters are in the address; a call opens beside them and closes with Escape."""
    furnished(site)
    page, _ = open_page("/feed")
    rows = page.locator("a.feed-row")
    expect(rows).to_have_count(7)
    site.append("docs", site.line("docs", tool_input={"command": "echo live"}))
    expect(rows.first).to_contain_text("echo live")
    page.get_by_label("Session", exact=True).select_option("checkout")
    expect(rows).to_have_count(5)
    page.reload()
    expect(rows).to_have_count(5)
    page.get_by_label("Session", exact=True).select_option("")
    page.get_by_role("button", name="1 failed").click()
    expect(rows).to_have_count(1)
    rows.first.click()
    expect(page.get_by_role("complementary", name="Detail of the call")).to_contain_text("2 problems")
    page.reload()
    expect(page.get_by_role("complementary", name="Detail of the call")).to_contain_text("2 problems")
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary", name="Detail of the call")).to_be_hidden()


def test_the_tools_on_a_phone(site: Site, open_page: OpenPage) -> None:
    """Every view is a tap or two away; what is wrong in a form is seen beside its field; a match leads to its row."""
    furnished(site)
    page, _ = open_page(phone=True)
    bar = page.locator(".bar")
    for name in ("Next", "Feed"):
        bar.get_by_role("link", name=name).tap()
        expect(bar.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
    bar.get_by_role("button", name="More").tap()
    bar.get_by_role("link", name="Settings").tap()
    page.get_by_label("Quota nearly used").fill("0")
    page.get_by_role("button", name="Save").tap()
    expect(page.get_by_text("A whole number from 1 to 100.")).to_be_in_viewport()
    page.get_by_label("Quota nearly used").fill("70")
    page.get_by_role("button", name="Save").tap()
    expect(page.get_by_text("Saved. The daemon uses it now")).to_be_visible()
    bar.get_by_role("link", name="Search").tap()
    page.get_by_role("searchbox").fill("xcode")
    page.locator(".match").tap(timeout=15_000)
    expect(page.get_by_role("complementary", name="Detail of the call")).to_contain_text("xcodebuild test")
    page.go_back()
    bar.get_by_role("link", name="Sessions").tap()
    page.get_by_role("button", name="New session").tap()
    expect(page.get_by_role("button", name="Start session")).to_be_in_viewport()


def test_cost(site: Site, open_page: OpenPage) -> None:
    """What each session, model and day cost, and where the figures come from; one can be singled out."""
    furnished(site)
    page, _ = open_page("/cost")
    sessions = page.get_by_role("region", name="By session")
    expect(sessions.get_by_role("row", name="checkout")).to_contain_text("$1.62")
    expect(page.locator(".cost-total")).to_contain_text("$2.13")
    expect(page.get_by_role("region", name="By model")).to_contain_text("claude-opus-5-5")
    expect(page.get_by_text("Claude Code’s own figures")).to_be_visible()
    site.dump("checkout", context=42, cost=2.0)
    page.get_by_role("button", name="Week").click()
    expect(page.locator(".cost canvas")).to_be_visible()
    sessions.get_by_role("link", name="docs").click()
    expect(page.locator(".cost-total")).to_contain_text("$0.11")
    expect(page).to_have_url(f"{site.url}/cost?window=week&session=docs")
    page.get_by_role("link", name="Show all sessions").click()
    expect(page.locator(".cost-total")).to_contain_text("$2.51")


def test_doctor(site: Site, open_page: OpenPage) -> None:
    """Every check says how it stands; what to type can be copied; checking again shows what changed."""
    furnished(site)
    page, _ = open_page("/doctor")
    expect(page.get_by_role("region", name="Fine").get_by_text("tmux", exact=True).first).to_be_visible()
    command = page.locator(".command").first
    command.click()
    assert page.evaluate("navigator.clipboard.readText()") == command.locator("span").inner_text()
    (site.conf / "sessions.json").write_text("{ broken")
    broken = page.get_by_role("region", name="Problem").get_by_text("List of sessions")
    for _ in range(20):  # for a second the doctor gives the same answer to all who ask
        with page.expect_response("**/api/doctor"):
            page.get_by_role("button", name="Check again").click()
        expect(page.get_by_role("button", name="Check again")).to_be_enabled()
        if broken.is_visible():
            break
    expect(broken).to_be_visible()


def test_the_palette(site: Site, open_page: OpenPage) -> None:
    """Ctrl-K finds sessions, views and actions by a few letters, also from within a field."""
    furnished(site)
    page, _ = open_page()
    page.get_by_label("Filter sessions").focus()
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Go anywhere")
    expect(palette).to_be_visible()
    page.keyboard.type("mobapp")
    expect(palette.get_by_role("option").first).to_contain_text("mobile-app")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("mobile-app")
    page.keyboard.press("Control+k")
    page.keyboard.type("doctor")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}/doctor")
    page.keyboard.press("Control+k")
    page.keyboard.type("dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("Control+k")
    page.keyboard.type("needle in hay")
    expect(palette.get_by_role("option").last).to_contain_text("Search everything for “needle in hay”")
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


NOTIFICATIONS = """
window.Notification = class {
  static permission = 'default';
  static requestPermission = async () => (window.Notification.permission = 'granted');
  constructor(title) { this.write(title); }
  close() { this.write(', closed'); }
  write(text) {
    const line = document.createElement('output');
    line.className = 'told';
    line.textContent = text;
    document.body.append(line);
  }
};
document.hasFocus = () => window.focused !== false;
"""


def test_notifications(site: Site, open_page: OpenPage) -> None:
    """Off until asked for; then one when a session starts to need its user, but not under the user's eyes."""
    site.add_session("checkout")
    site.add_session("docs")
    site.start()
    site.sign_up()
    checkout, docs = PlayedClient(site, "checkout"), PlayedClient(site, "docs")
    checkout.works()
    docs.works()
    docs.stops()
    page, _ = open_page("/settings", before=NOTIFICATIONS)
    page.clock.install()
    icon = page.locator('link[rel="icon"]')
    told = page.locator(".told")
    expect(icon).to_have_attribute("href", "/icons/icon-alert.svg")
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("button", name="On", exact=True)).to_be_visible()
    checkout.stops()
    expect(page).to_have_title("(2) Settings · ctm")
    page.clock.run_for(2000)
    checkout.works()
    expect(page).to_have_title("(1) Settings · ctm")
    page.clock.run_for(2000)
    expect(told).to_have_count(0)
    page.evaluate("window.focused = false")
    checkout.stops()
    expect(told).to_have_text(["checkout: Waits for you"])
    checkout.works()
    expect(told).to_have_text(["checkout: Waits for you", ", closed"])
    docs.works()
    expect(icon).to_have_attribute("href", "/icons/icon.svg")


def test_the_limits_and_where_they_lead(site: Site, open_page: OpenPage) -> None:
    """Both limits, when they reset, and when they are reached at this rate; on a phone in one line."""
    site.add_session("checkout")
    site.dump("checkout", context=10, cost=0.1, five_hour=80.0)
    site.start()
    site.sign_up()
    page, _ = open_page()
    strip = page.get_by_role("region", name="Limits of your account")
    expect(strip).to_contain_text("80%")
    expect(strip).to_contain_text("At this rate the 5-hour limit is reached at")
    expect(strip).to_contain_text("At this rate it lasts until the reset")
    site.dump("checkout", context=10, cost=0.1, five_hour=100.0)
    expect(strip).to_contain_text("The limit is reached")
    phone, _ = open_page(phone=True)
    expect(phone.get_by_role("region", name="Limits of your account")).to_contain_text("5 h 100%")


def test_a_limit_that_was_reset(site: Site, open_page: OpenPage) -> None:
    """A figure from before the reset is not shown as what is used now; it says since when that is not known."""
    site.start()
    site.sign_up()
    quota = {"five_hr_pct": 100, "five_hr_resets_at": stamp(60), "weekly_pct": 96, "weekly_resets_at": stamp(200_000)}
    for phone in (False, True):
        page, _ = open_page("/settings", phone=phone)
        page.route("**/api/quota", lambda route: route.fulfill(json=quota))
        page.goto("/")
        limits = page.get_by_role("region", name="Limits of your account")
        expect(limits).to_contain_text(re.compile(r"–.*reset (at )?\d\d:\d\d", re.IGNORECASE))
        expect(limits).not_to_contain_text("%")
        expect(limits).not_to_contain_text("The limit is reached")
        expect(limits.locator("[data-tone=bad], [data-tone=warn]")).to_have_count(0)
        if not phone:
            expect(limits).to_contain_text(
                re.compile(r"Reset at \d\d:\d\d\. What was used since then is not known yet\.")
            )
            expect(limits).to_contain_text(re.compile(r"Reset at [A-Z][a-z]+ \d\d:\d\d\. What was used"))
