"""The line to a session: several lines, what was said before, commands, and what becomes of what is sent."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from playwright.sync_api import FilePayload, Page, Request, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.journey import box
from tests.browser.played_client import PlayedClient
from tests.browser.site import Site

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""An image of one pixel, in base64."""

GIVE = """([selector, kind, files, text]) => {
  const data = new DataTransfer();
  for (const [name, type, base64] of files)
    data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type }));
  for (const [type, words] of Object.entries(text)) data.setData(type, words);
  const what = { bubbles: true, cancelable: true };
  const event = kind === 'paste'
    ? new ClipboardEvent(kind, { ...what, clipboardData: data })
    : new DragEvent(kind, { ...what, dataTransfer: data });
  document.querySelector(selector).dispatchEvent(event);
  return event.defaultPrevented;
}"""
"""Pastes or drops files (name, type, base64) and texts (by type); whether the page took them."""

KEPT = {"id": "p1", "text": "Then run the tests", "when": "idle", "at": "2026-04-21T14:40:12Z"}


@pytest.fixture
def client(site: Site) -> PlayedClient:
    """A safe session with an idle client and an empty input box."""
    site.add_session("checkout", mode="safe", tmux=box(site, "checkout"))
    site.start()
    site.sign_up()
    made = PlayedClient(site, "checkout")
    made.fire("SessionStart", source="startup")
    made.says("idle")
    return made


def sent(site: Site) -> list[str]:
    """The prompts that the client got."""
    path = site.home / "sent-checkout"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def line(page: Page) -> Any:
    """Where one types."""
    return page.get_by_label("Say something to checkout")


def test_several_lines_arrive_as_one_prompt(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """Shift and Enter begins a line, Enter sends, in a safe session too; it is delivered when the client says so."""
    page, _ = open_page("/s/checkout/pane")
    expect(page.locator(".session-state")).to_contain_text("Waits for you")
    line(page).click()
    page.keyboard.type("Fix the rounding.")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Then run the tests.")
    before = line(page).bounding_box()
    page.keyboard.press("Shift+Enter")
    after = line(page).bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > before["height"]
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(page.locator(".said")).to_contain_text("Typed")
    assert sent(site) == ["Fix the rounding.\nThen run the tests."]
    expect(line(page)).to_have_value("")
    client.works("Fix the rounding.\nThen run the tests.")
    expect(page.locator(".said")).to_contain_text("Delivered")
    expect(page.get_by_role("button", name="Interrupt")).to_be_visible()
    line(page).click()
    page.keyboard.press("ArrowUp")
    expect(line(page)).to_have_value("Fix the rounding.\nThen run the tests.")
    page.keyboard.press("ArrowDown")
    expect(line(page)).to_have_value("")


def test_on_a_phone_enter_begins_a_line(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """There is a button to send."""
    page, _ = open_page("/s/checkout/pane", phone=True)
    line(page).tap()
    page.keyboard.type("One")
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    page.get_by_role("button", name="Send", exact=True).tap()
    expect(page.locator(".said")).to_contain_text("Typed")
    assert sent(site) == ["One\ntwo"]


def test_commands_are_completed(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """The beginning of a command lists those that begin so; a tap or the Tab key takes one."""
    page, _ = open_page("/s/checkout/pane")
    line(page).click()
    page.keyboard.type("/c")
    commands = page.get_by_role("list", name="Commands")
    expect(commands.get_by_role("listitem")).to_have_count(4)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(line(page)).to_have_value("/compact ")
    expect(commands).to_have_count(0)


def test_a_held_prompt_is_taken_back(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """While a turn is under way words can wait for its end; taken back they are in the line again."""
    client.works()
    page, _ = open_page("/s/checkout/pane")
    expect(page.locator(".session-state")).to_contain_text("Working")
    page.get_by_role("button", name="When it is done").click()
    line(page).fill("Then run the tests")
    page.get_by_role("button", name="Send when it is done").click()
    expect(page.locator(".said")).to_contain_text("Held until it is done")
    page.reload()
    expect(page.locator(".said")).to_contain_text("Then run the tests")
    page.get_by_role("button", name="Take back").click()
    expect(line(page)).to_have_value("Then run the tests")
    expect(page.locator(".said")).to_have_count(0)
    assert sent(site) == []


def test_what_stands_in_the_way_is_said(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """In the daemon's words, which tell one reason from another: a draft in the terminal, panes that get all keys."""
    page, guard = open_page("/s/checkout")
    guard.expect(409)
    site.tmux.run("split-window", "-d", "-t", "=checkout:", "cat")
    site.tmux.run("set-option", "-w", "-t", "=checkout:", "synchronize-panes", "on")
    line(page).fill("Go on")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("synchronize-panes")
    site.tmux.run("set-option", "-w", "-t", "=checkout:", "synchronize-panes", "off")
    site.tmux.run("send-keys", "-t", "=checkout:0.0", "-l", "half")
    page.wait_for_timeout(300)
    line(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("A half-written text stands in the input box")
    expect(line(page)).to_have_value("Go on")
    assert sent(site) == []


def test_a_dialog_comes_first(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """With a question open nothing is typed; the words stay, and the page leads to the sheet."""
    client.works()
    with client.asks("Bash", {"command": "npm test"}):
        page, guard = open_page("/s/checkout/pane")
        guard.expect(409)
        expect(page.locator(".sheet")).to_be_visible()
        line(page).fill("Go on")
        page.keyboard.press("Enter")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("It asks you something first.")
        alert.get_by_role("button", name="Show it").click()
        expect(alert).to_have_count(0)
        expect(line(page)).to_have_value("Go on")
    assert sent(site) == []


def test_keys_and_interrupt(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """A few keys are behind a button; interrupting says whether the turn has ended."""
    client.works()
    page, _ = open_page("/s/checkout/pane")
    bodies: list[Any] = []
    page.on("request", lambda one: bodies.append(one.post_data_json) if one.url.endswith("/keys") else None)
    expect(page.get_by_role("button", name="Up", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Keys").click()
    with page.expect_response("**/keys"):
        page.get_by_role("button", name="Up", exact=True).click()
    assert bodies == [{"keys": ["Up"]}]
    page.route("**/interrupt", lambda route: route.fulfill(json={"ended": True}))
    page.get_by_role("button", name="Interrupt").click()
    expect(page.get_by_text("Interrupted")).to_be_visible()


def test_a_prompt_that_failed_can_be_edited_again(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """Why it did not arrive is said beside it."""
    page, _ = open_page("/s/checkout/pane")
    expect(page.locator(".session-state")).to_contain_text("Waits for you")
    event = {"session": "checkout", **KEPT, "state": "failed", "error": "not_seen", "reason": "Nobody saw it."}
    tell = "(p) => import('/app/store/prompts.js').then((m) => m.notePrompt('checkout', p))"
    page.evaluate(tell, event)
    expect(page.locator(".said")).to_contain_text("Not sent: It was typed, but Claude did not take it.")
    page.get_by_role("button", name="Edit again").click()
    expect(line(page)).to_have_value(KEPT["text"])


def test_an_image_is_pasted(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """Its path stands on a line of its own where the caret was, and is sent as text; a second one comes behind it."""
    page, _ = open_page("/s/checkout/pane")
    line(page).fill("What is wrong here?Tell me.")
    line(page).evaluate("(box) => box.setSelectionRange(19, 19)")
    shot = ["shot.png", "image/png", PNG]
    assert page.evaluate(GIVE, [".composer textarea", "paste", [shot], {}])
    expect(line(page)).to_have_value(re.compile(r"^What is wrong here\?\n/\S+\.png\nTell me\.$"))
    assert page.evaluate(GIVE, [".composer textarea", "drop", [shot], {}])
    expect(line(page)).to_have_value(re.compile(r"^What is wrong here\?\n(/\S+\.png\n){2}Tell me\.$"))
    text = line(page).input_value()
    for path in text.splitlines()[1:3]:
        assert Path(path).read_bytes() == base64.b64decode(PNG)
    line(page).press("Enter")
    expect(page.locator(".said")).to_contain_text("Typed")
    assert sent(site) == [text]


def test_text_is_pasted_as_text(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """Also that of a table, which comes with its picture; an image of another kind is refused with a reason."""
    page, _ = open_page("/s/checkout/pane")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if one.url.endswith("/images") else None)
    expect(line(page)).to_be_visible()
    table = {"text/plain": "1\t2", "text/html": "<table></table>"}
    shot = ["table.png", "image/png", PNG]
    assert not page.evaluate(GIVE, [".composer textarea", "paste", [shot], table])
    assert not page.evaluate(GIVE, [".composer textarea", "paste", [], {"text/plain": "words"}])
    expect(page.get_by_role("alert")).to_have_count(0)
    assert page.evaluate(GIVE, [".composer textarea", "paste", [["a.svg", "image/svg+xml", PNG]], {}])
    expect(page.get_by_role("alert")).to_contain_text("Only PNG, JPEG, GIF and WebP images")
    assert not asked


def test_an_image_is_picked_on_a_phone(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """There is a button. While the image is on its way nothing is sent; it can be cancelled; a refusal is said."""
    page, guard = open_page("/s/checkout/pane", phone=True)
    guard.expect(400)
    send = page.get_by_role("button", name="Send", exact=True)
    line(page).fill("Look")
    waiting: list[Route] = []
    page.route("**/images", lambda route: waiting.append(route))
    shot: FilePayload = {"name": "shot.png", "mimeType": "image/png", "buffer": base64.b64decode(PNG)}
    with page.expect_file_chooser() as chooser, page.expect_request("**/images"):
        page.get_by_role("button", name="Attach an image").tap()
        chooser.value.set_files([shot, shot])
    expect(page.get_by_role("status").filter(has_text="Sending 2 images")).to_be_visible()
    expect(send).to_be_disabled()
    page.get_by_role("button", name="Cancel").tap()
    expect(page.locator(".composer-uploading")).to_have_count(0)
    expect(send).to_be_enabled()
    page.unroute("**/images")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach an image").tap()
    chooser.value.set_files({**shot, "buffer": b"no image"})
    expect(page.get_by_role("alert")).to_contain_text("Only PNG, JPEG, GIF and WebP images")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach an image").tap()
    chooser.value.set_files(shot)
    expect(line(page)).to_have_value(re.compile(r"^Look\n/\S+\.png\n$"))
    expect(page.get_by_role("alert")).to_have_count(0)


def _looks_at_checkout(one: Request) -> bool:
    """The page that is left says so too, and it is another one."""
    said = one.post_data_json if one.url.endswith("/presence") else None
    return bool(said and said.get("session") == "checkout")


def test_presence(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """While it is seen the page says which session it shows, every 20 s; hidden it says so once."""
    page, _ = open_page("/settings")
    bodies: list[Any] = []
    page.on("request", lambda one: bodies.append(one.post_data_json) if one.url.endswith("/presence") else None)
    page.clock.install()
    with page.expect_request(_looks_at_checkout) as first:
        page.goto("/s/checkout/pane")
    body = first.value.post_data_json
    assert body == {"page": ANY, "visible": True, "session": "checkout"}
    with page.expect_request("**/api/presence"):
        page.clock.run_for(20_000)
    assert bodies[-1] == body
    hide = """() => {
      Object.defineProperty(document, 'hidden', {configurable: true, get: () => true});
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    with page.expect_request("**/api/presence"):
        page.evaluate(hide)
    assert bodies[-1] == {"page": body["page"], "visible": False}
    count = len(bodies)
    page.clock.run_for(60_000)
    assert len(bodies) == count


def test_why(site: Site, open_page: OpenPage, client: PlayedClient) -> None:
    """A session's status says why, and why it is nothing else."""
    page, _ = open_page("/s/checkout/pane")
    page.locator(".status-button").click()
    why = page.get_by_role("dialog", name="Why checkout has this status")
    expect(why).to_contain_text("SessionStart")
    expect(why).to_contain_text("Why it is nothing else")


def test_a_session_that_ended_is_resumed(site: Site, open_page: OpenPage) -> None:
    """One button starts it again; what stands in the way is said."""
    site.add_session("docs", tmux=None)
    site.start()
    site.sign_up()
    page, guard = open_page("/s/docs/pane")
    expect(page.locator(".composer-off")).to_contain_text("It has ended.")
    site.tmux.new("docs")
    guard.expect(409)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Something still runs in this session's terminal")).to_be_visible()
    site.tmux.run("kill-session", "-t", "=docs:")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("docs runs again")).to_be_visible()
    expect(page.locator(".composer-off")).to_have_count(0)
    assert "docs" in site.tmux.names()
