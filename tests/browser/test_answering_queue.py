"""The queue of what is open, and answers that are late, repeated, or not possible."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.asked import BOTH, COMMAND, DANGER, PLAN, TABS, Asked, answers_sent, press
from tests.browser.conftest import OpenPage
from tests.browser.site import Site


def test_the_queue_by_keys(site: Site, open_page: OpenPage) -> None:
    """Three sessions: skip, deny, choose by number, and twice for what cannot be undone; then nobody is left."""
    with Asked(site, "website", "deploy", "mobile-app") as asked:
        command = asked.ask("website", "Bash", COMMAND)
        danger = asked.ask("deploy", "Bash", DANGER)
        question = asked.ask("mobile-app", "AskUserQuestion", {"questions": [TABS]})
        page, _ = open_page("/")
        expect(page.locator(".row")).to_have_count(3)
        page.keyboard.press("g")
        page.keyboard.press("n")
        front = page.locator(".sheet-session")
        ready = page.locator(".sheet:not([data-guard])")
        expect(front).to_have_text("website")
        page.keyboard.press(".")
        expect(front).to_have_text("deploy")
        expect(ready).to_be_visible()
        page.keyboard.press("a")
        expect(page.get_by_text("Press a again to allow it")).to_be_visible()
        page.keyboard.press("a")
        assert danger.decision() == {"behavior": "allow"}
        expect(front).to_have_text("mobile-app")
        page.keyboard.press("?")
        keys = page.get_by_role("dialog", name="Keyboard shortcuts")
        expect(keys).to_contain_text("Option 2")
        page.keyboard.press("Escape")
        expect(ready).to_be_visible()
        page.keyboard.press("2")
        assert question.decision()["updatedInput"]["answers"] == {TABS["question"]: "Spaces"}
        expect(front).to_have_text("website")
        expect(ready).to_be_visible()
        page.keyboard.press("d")
        assert command.decision() == {"behavior": "deny"}
        expect(page.get_by_text("Nobody needs you.")).to_be_visible()


def test_the_same_question_from_several_sessions(site: Site, open_page: OpenPage) -> None:
    """Three ask for the same command: two of them are allowed at once, the third still waits."""
    with Asked(site, "one", "two", "three") as asked:
        holds = {name: asked.ask(name, "Bash", COMMAND) for name in ("one", "two", "three")}
        page, _ = open_page("/next")
        page.get_by_role("button", name="2 more ask the same").click()
        page.get_by_role("checkbox", name="two").uncheck()
        page.get_by_role("button", name="Allow all 2").click()
        assert [holds[name].decision() for name in ("one", "three")] == [{"behavior": "allow"}] * 2
        expect(page.get_by_text("2 allowed")).to_be_visible()
        expect(page.locator(".sheet-session")).to_have_text("two")


@BOTH
def test_a_late_answer(site: Site, open_page: OpenPage, phone: bool) -> None:
    """The terminal was first: the page says so, and shows the next request only when that is read."""
    with Asked(site, "website", "docs") as asked:
        first = asked.ask("website", "Bash", COMMAND)
        asked.ask("docs", "ExitPlanMode", PLAN)
        page, _ = open_page("/next", phone=phone)
        expect(page.locator(".sheet-session")).to_have_text("website")
        asked.clients["website"].terminal_says_yes(first)
        expect(page.get_by_text("Answered in the terminal at")).to_be_visible()
        first.silent()
        expect(page.locator(".sheet .rich")).to_have_count(0)
        press(page.get_by_role("region", name="What became of it").get_by_role("button", name="Next"), phone=phone)
        expect(page.locator(".sheet-session")).to_have_text("docs")


@BOTH
def test_a_late_answer_on_the_page_of_its_session(site: Site, open_page: OpenPage, phone: bool) -> None:
    """What became of it is read whole, and its button can be pressed, however long the call was."""
    with Asked(site, "website") as asked:
        hold = asked.ask("website", "Bash", COMMAND)
        page, _ = open_page("/s/website", phone=phone)
        expect(page.locator(".sheet")).to_be_visible()
        asked.clients["website"].terminal_says_yes(hold)
        over = page.get_by_role("region", name="What became of it")
        expect(over).to_be_visible()
        assert over.evaluate("(sheet) => sheet.scrollWidth <= sheet.clientWidth")
        expect(over.get_by_text("Answered in the terminal at")).to_be_in_viewport(ratio=1)
        expect(over.get_by_role("button", name="OK")).to_be_in_viewport(ratio=1)
        press(over.get_by_role("button", name="OK"), phone=phone)
        expect(over).to_have_count(0)


def test_an_answer_from_another_page(site: Site, open_page: OpenPage) -> None:
    """What was answered and when, with the note as it was written; a question is no command."""
    with Asked(site, "website", "mobile-app") as asked:
        asked.ask("website", "Bash", COMMAND)
        asked.ask("mobile-app", "AskUserQuestion", {"questions": [TABS]})
        for name, choice, note, became in (
            ("website", "deny", "Not on a Friday.", "Denied: Not on a Friday."),
            ("mobile-app", "discuss", "Why?", "You talk about it: Why?"),
        ):
            page, _ = open_page(f"/s/{name}")
            expect(page.locator(".sheet")).to_be_visible()
            (request,) = site.request("GET", f"/api/requests?state=open&session={name}")["requests"]
            site.request(
                "POST", f"/api/requests/{request['id']}/answer", {"choice": choice, "message": note, "key": "k"}
            )
            over = page.get_by_role("region", name="What became of it")
            expect(over.locator("strong")).to_have_text(re.compile(rf"^{re.escape(became)} · \d\d:\d\d:\d\d$"))
            expect(over.locator(".mono")).to_have_count(1 if name == "website" else 0)


def test_an_answer_that_came_too_late(site: Site, open_page: OpenPage) -> None:
    """The daemon says that it is closed: no button stays, and what became of it is told."""
    with Asked(site, "website") as asked:
        asked.ask("website", "Bash", COMMAND)
        page, guard = open_page("/s/website")
        guard.expect(409)
        expect(page.locator(".sheet")).to_be_visible()
        (request,) = site.request("GET", "/api/requests?state=open")["requests"]
        answer = {"choice": "allow", "by": None, "where": "terminal", "at": "2026-04-21T14:40:12Z"}
        gone = {**request, "state": "answered_elsewhere", "answer": answer}
        told = {"error": "request_closed", "message": "It was answered in the terminal.", "request": gone}
        page.route("**/answer", lambda route: route.fulfill(status=409, json=told))
        page.get_by_role("button", name="Deny", exact=True).click()
        expect(page.get_by_text(re.compile(r"Answered in the terminal at \d\d:40:12\."))).to_be_visible()
        expect(page.get_by_role("button", name="Deny")).to_have_count(0)


def test_a_repeat_has_the_same_key(site: Site, open_page: OpenPage) -> None:
    """An answer that got no answer is sent again as the same one."""
    with Asked(site, "website") as asked:
        hold = asked.ask("website", "Bash", COMMAND)
        page, guard = open_page("/s/website")
        guard.expect(504)
        sent = answers_sent(page)
        problem = {"error": "not_taken", "message": "The hook did not take the answer in time."}
        page.route("**/answer", lambda route: route.fulfill(status=504, json=problem), times=1)
        page.get_by_role("button", name="Allow", exact=True).click()
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The hook did not take the answer in time.")
        expect(alert).to_contain_text("ctm-trio attach website")
        alert.get_by_role("button", name="Try again").click()
        assert hold.decision() == {"behavior": "allow"}
        assert sent[0] == sent[1]


def test_a_press_meant_for_what_was_there_before(site: Site, open_page: OpenPage) -> None:
    """A finger that went down before the sheet changed does not answer the request that is there when it goes up."""
    with Asked(site, "website", "docs") as asked:
        asked.ask("website", "Bash", COMMAND)
        asked.ask("docs", "Bash", COMMAND | {"command": "make clean"})
        page, _ = open_page("/next")
        sent = answers_sent(page)
        expect(page.locator(".sheet:not([data-guard])")).to_be_visible()
        allow = page.get_by_role("button", name="Allow", exact=True).bounding_box()
        assert allow is not None
        page.mouse.move(allow["x"] + 20, allow["y"] + 20)
        page.mouse.down()
        page.keyboard.press(".")
        expect(page.locator(".sheet-session")).to_have_text("docs")
        page.mouse.up()
        clicked = """([x, y]) => {
          const button = document.elementFromPoint(x, y);
          button.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true, detail: 1}));
        }"""
        page.evaluate(clicked, [allow["x"] + 20, allow["y"] + 20])
        expect(page.locator(".sheet:not([data-guard])")).to_be_visible()
        page.evaluate(clicked, [allow["x"] + 20, allow["y"] + 20])
        assert sent == []
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.locator(".sheet-session")).to_have_text("website")
        assert [one["choice"] for one in sent] == ["allow"]


def test_an_event_that_left_out_what_is_long(site: Site, open_page: OpenPage) -> None:
    """A call of more than 64 KB is fetched whole."""
    with Asked(site, "website") as asked:
        page, _ = open_page("/s/website")
        expect(page.get_by_text("Working").first).to_be_visible()
        asked.ask("website", "Bash", {"command": "echo " + "x" * 70_000 + " end"})
        expect(page.locator(".sheet-command")).to_contain_text(" end")


def test_it_can_only_be_answered_in_the_terminal(site: Site, open_page: OpenPage) -> None:
    """Why is said, and how to get there; there is no button that could mean something."""
    with Asked(site, "website") as asked:
        asked.ask("website", "Bash", COMMAND)
        page, _ = open_page("/")
        expect(page.locator(".row")).to_contain_text("npm test")
        page.goto("/s/website")
        (request,) = site.request("GET", "/api/requests?state=open")["requests"]
        changed = {"session": "website", "id": request["id"], "answerable": "no", "why_not": "It runs in no terminal."}
        expect(page.locator(".sheet")).to_be_visible()
        event = "{type: 'request_changed', id: '', session: 'website', payload}"
        tell = f"(payload) => import('/app/store/requests.js').then((m) => m.applyRequest({event}))"
        page.evaluate(tell, changed)
        expect(page.get_by_text("It runs in no terminal.")).to_be_visible()
        expect(page.locator(".sheet")).to_contain_text("ctm-trio attach website")
        expect(page.get_by_role("button", name="Allow")).to_have_count(0)


def test_a_question_that_only_the_terminal_takes(site: Site, open_page: OpenPage) -> None:
    """Its hook is gone, as after a restart: it is read as a question, with the reason in plain words."""
    with Asked(site, "mobile-app") as asked:
        hold = asked.ask("mobile-app", "AskUserQuestion", {"questions": [TABS | {"multiSelect": True}]})
        page, _ = open_page("/s/mobile-app")
        sheet = page.locator(".sheet")
        expect(sheet).to_be_visible()
        hold.kill()
        expect(sheet).to_contain_text("by now only its terminal takes an answer")
        expect(sheet.locator(".sheet-question")).to_have_text("Tabs or spaces?")
        expect(sheet.locator("pre")).to_have_count(0)


TRUST = {
    "kind": "dialog", "tool": "", "cwd": "/home/dev/cart", "risk": "normal", "state": "open", "answerable": "keys",
    "summary": "Accessing workspace: /home/dev/cart", "asked_at": "2026-04-21T14:40:12Z",
    "input": {
        "title": "Accessing workspace:",
        "text": "/home/dev/cart\nIs this a project you created or one you trust?\nIt will edit files here.",
    },
    "choices": [{"id": "row_1", "label": "No, exit"}, {"id": "row_2", "label": "Yes, I trust this folder"}],
}  # fmt: skip


def test_what_a_dialog_says(site: Site, open_page: OpenPage) -> None:
    """Not only what it is called: who says yes knows to what."""
    with Asked(site, "website") as asked:
        page, _ = open_page("/s/website")
        expect(page.get_by_text("Working").first).to_be_visible()
        event = "{type: 'request_opened', id: '', session: 'website', payload}"
        tell = f"(payload) => import('/app/store/requests.js').then((m) => m.applyRequest({event}))"
        page.evaluate(tell, {**TRUST, "id": "d1", "session": "website", "uuid": asked.clients["website"].uuid})
        body = page.locator(".sheet-body")
        expect(body.locator(".sheet-question")).to_have_text("Accessing workspace: /home/dev/cart")
        expect(body.locator(".sheet-said")).to_have_text(
            "Is this a project you created or one you trust?\nIt will edit files here."
        )
