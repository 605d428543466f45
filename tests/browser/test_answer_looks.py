"""What sessions ask, on a phone and a laptop, light and dark: accessible, within the screen, and kept as pictures."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.asked import COMMAND, DANGER, FRUITS, PLAN, RULE, TABS, Asked, edit_of
from tests.browser.conftest import OpenPage
from tests.browser.looks import EVERY_LOOK, look
from tests.browser.site import Site

SHEETS = {
    "edit": "checkout",
    "question": "mobile-app",
    "plan": "docs",
    "risk": "deploy",
    "command": "website",
}
"""Name of the picture → the session that asks."""


@EVERY_LOOK
def test_every_kind_of_request(site: Site, open_page: OpenPage, phone: bool, dark: bool) -> None:
    """Each kind on its session's page, the list of all, and the queue."""
    with Asked(site, *SHEETS.values(), "search-index", "payments") as asked:
        asked.ask("checkout", "Edit", edit_of(site, "checkout"))
        asked.ask("mobile-app", "AskUserQuestion", {"questions": [FRUITS, TABS]})
        asked.ask("docs", "ExitPlanMode", PLAN)
        asked.ask("deploy", "Bash", DANGER)
        asked.ask("website", "Bash", COMMAND, suggestions=[RULE], agent="a3f9c2d1e0b84756a")
        asked.clients["search-index"].stops("The index is built. Shall I delete the old one?")
        page, _ = open_page("/next", phone=phone, dark=dark)
        expect(page.get_by_text("5 wait for your answer")).to_be_visible()
        look(page, "next", phone=phone, dark=dark)
        page.goto("/")
        expect(page.get_by_role("region", name="Need you").locator(".row")).to_have_count(6)
        look(page, "sessions-asking", phone=phone, dark=dark)
        for name, session in SHEETS.items():
            page.goto(f"/s/{session}/pane")
            expect(page.locator(".sheet")).to_be_visible()
            expect(page.locator(".pane-line").first).to_be_visible()
            look(page, f"ask-{name}", phone=phone, dark=dark)
        page.locator(".status-button").click()
        expect(page.locator(".explain li").first).to_be_visible()
        look(page, "explain", phone=phone, dark=dark)


LONG_PLAN = {**PLAN, "plan": PLAN["plan"] + "\n".join(f"## Part {n}\n\nWhat part {n} is about." for n in range(30))}


@EVERY_LOOK
def test_what_becomes_of_answers(site: Site, open_page: OpenPage, phone: bool, dark: bool) -> None:
    """A long plan, notes and problems, the same from several sessions, what the terminal answered, words that wait."""
    with Asked(site, "docs", "one", "two", "three", "busy") as asked:
        asked.ask("docs", "ExitPlanMode", LONG_PLAN)
        first = asked.ask("one", "Bash", COMMAND, suggestions=[RULE])
        for name in ("two", "three"):
            asked.ask(name, "Bash", COMMAND)
        page, guard = open_page("/s/docs", phone=phone, dark=dark)
        guard.expect(504)
        expect(page.get_by_role("button", name="Approve", exact=True)).to_be_in_viewport()
        look(page, "ask-long-plan", phone=phone, dark=dark)
        page.goto("/s/one")
        problem = {"error": "not_taken", "message": "The hook did not take the answer in time."}
        page.route("**/answer", lambda route: route.fulfill(status=504, json=problem))
        page.get_by_role("button", name="Add a note").click()
        page.get_by_label("Note for Claude").fill("Not on a Friday.")
        page.get_by_role("button", name="Deny with this note").click()
        expect(page.get_by_role("alert")).to_be_visible()
        look(page, "ask-problem", phone=phone, dark=dark)
        page.goto("/next")
        expect(page.locator(".sheet-session")).to_have_text("one")
        page.keyboard.press(".")
        page.keyboard.press(".")
        page.keyboard.press(".")
        expect(page.get_by_role("button", name="Approve", exact=True)).to_be_in_viewport()
        look(page, "next-long-plan", phone=phone, dark=dark)
        page.keyboard.press(".")
        page.get_by_role("button", name="2 more ask the same").click()
        expect(page.get_by_role("button", name="Allow all 3")).to_be_visible()
        look(page, "next-several", phone=phone, dark=dark)
        asked.clients["one"].terminal_says_yes(first)
        expect(page.get_by_text("Answered in the terminal at")).to_be_visible()
        look(page, "next-over", phone=phone, dark=dark)
        page.goto("/s/busy")
        held = {"id": "p1", "state": "held", "text": "Then run the tests, all of them, and tell me which are slow"}
        failed = {"id": "p2", "state": "failed", "error": "not_seen", "text": "And the docs"}
        tell = "(all) => import('/app/store/prompts.js').then((m) => all.forEach((one) => m.notePrompt('busy', one)))"
        page.evaluate(tell, [held, failed])
        page.get_by_role("button", name="Keys").click()
        page.get_by_label("Say something to busy").fill("/c")
        expect(page.get_by_role("list", name="Commands")).to_be_visible()
        look(page, "composer", phone=phone, dark=dark)


@EVERY_LOOK
def test_nobody_needs_you(site: Site, open_page: OpenPage, phone: bool, dark: bool) -> None:
    """The empty queue."""
    site.start()
    site.sign_up()
    page, _ = open_page("/next", phone=phone, dark=dark)
    expect(page.get_by_text("Nobody needs you.")).to_be_visible()
    look(page, "next-empty", phone=phone, dark=dark)
