"""Answering what a session asks, with clients that really wait: by thumb and by pointer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.asked import BOTH, COMMAND, DANGER, FRUITS, PLAN, RULE, TABS, Asked, answers_sent, edit_of, press
from tests.browser.conftest import OpenPage
from tests.browser.site import Site


@BOTH
def test_an_edit_is_read_and_allowed(site: Site, open_page: OpenPage, phone: bool) -> None:
    """The change is shown above the tabs; one press allows it, and the page says so."""
    with Asked(site, "checkout") as asked:
        hold = asked.ask("checkout", "Edit", edit_of(site, "checkout"))
        page, _ = open_page("/s/checkout", phone=phone)
        sheet = page.get_by_role("region", name="Permission")
        expect(sheet.locator(".diff-line.add")).to_have_text(re.compile(r"\+return roundHalfEven"))
        above, tabs = sheet.bounding_box(), page.locator(".tabs").bounding_box()
        assert above is not None
        assert tabs is not None
        assert above["y"] + above["height"] <= tabs["y"]
        change, answers = sheet.locator(".diff").bounding_box(), sheet.locator(".sheet-actions").bounding_box()
        assert change is not None
        assert answers is not None
        assert change["y"] + change["height"] + 10 <= answers["y"], "its last line stands clear of the answers' shadow"
        press(sheet.get_by_role("button", name="Allow", exact=True), phone=phone)
        assert hold.decision() == {"behavior": "allow"}
        expect(page.get_by_role("status").filter(has_text="Allowed · ")).to_be_visible()
        expect(sheet).to_have_count(0)


def test_the_terminal_was_faster(site: Site, open_page: OpenPage) -> None:
    """An answer that was taken, and that the client ignored: the page says so once the client's signs tell."""
    with Asked(site, "website") as asked:
        hold = asked.ask("website", "Bash", COMMAND)
        page, _ = open_page("/s/website")
        page.get_by_role("button", name="Allow", exact=True).click()
        assert hold.decision() == {"behavior": "allow"}
        expect(page.get_by_role("status").filter(has_text="Allowed · ")).to_be_visible()
        asked.clients["website"].says("idle")
        expect(page.get_by_text("The terminal was faster; your answer did not count")).to_be_visible()
        page.route("**/api/requests?*", lambda route: None)  # the events are there first
        page.reload()
        for name in ("requests", "toasts"):
            page.evaluate(f"import('/app/store/{name}.js').then((store) => (window.{name} = store))")
        is_over = "(one) => one.state === 'answered_elsewhere'"
        page.wait_for_function(f"() => [...requests.closed.value.values()].some({is_over})")
        assert page.evaluate("() => toasts.toasts.value") == [], "what happened before the page was there is no news"


@BOTH
def test_a_denial_with_a_note(site: Site, open_page: OpenPage, phone: bool) -> None:
    """The note reaches Claude; the turn goes on."""
    with Asked(site, "website") as asked:
        hold = asked.ask("website", "Bash", COMMAND)
        page, _ = open_page("/s/website", phone=phone)
        press(page.get_by_role("button", name="Add a note"), phone=phone)
        page.get_by_label("Note for Claude").fill("Not on a Friday.")
        expect(page.get_by_role("button", name="Allow without the note")).to_be_visible()  # it takes no note
        press(page.get_by_role("button", name="Deny with this note"), phone=phone)
        assert hold.decision() == {"behavior": "deny", "message": "Not on a Friday."}
        expect(page.get_by_text("Denied: Not on a Friday.")).to_be_visible()


def test_a_command_is_changed_and_remembered(site: Site, open_page: OpenPage) -> None:
    """A changed command runs instead; a suggestion is given back as the client made it."""
    with Asked(site, "website", "docs") as asked:
        changed, remembered = (asked.ask(name, "Bash", COMMAND, suggestions=[RULE]) for name in ("website", "docs"))
        page, _ = open_page("/s/website")
        page.get_by_role("button", name="Edit", exact=True).click()
        page.get_by_label("Command", exact=True).fill("npm test")
        page.get_by_role("button", name="Allow the changed command").click()
        assert changed.decision()["updatedInput"] == {**COMMAND, "command": "npm test"}
        expect(page.get_by_role("status").filter(has_text="Allowed, as you changed it · npm test")).to_be_visible()
        page.goto("/s/docs")
        page.get_by_role("button", name="Allow, and").click()
        assert remembered.decision()["updatedPermissions"] == [RULE]


@BOTH
def test_several_questions_in_steps(site: Site, open_page: OpenPage, phone: bool) -> None:
    """Boxes and a text of one's own for the first, one press for the last: that sends all."""
    with Asked(site, "mobile-app") as asked:
        hold = asked.ask("mobile-app", "AskUserQuestion", {"questions": [FRUITS, TABS]})
        page, _ = open_page("/next", phone=phone)
        expect(page.get_by_text("Question 1 of 2")).to_be_visible()
        for label in ("Plum", "Apple"):
            press(page.get_by_role("checkbox", name=label), phone=phone)
        press(page.get_by_role("button", name="Something else"), phone=phone)
        page.get_by_label("Something else").last.fill("kiwi")
        press(page.locator(".sheet").get_by_role("button", name="Next"), phone=phone)
        press(page.get_by_role("button", name="Spaces"), phone=phone)
        answers = hold.decision()["updatedInput"]["answers"]
        assert answers == {FRUITS["question"]: "Apple, Plum, kiwi", TABS["question"]: "Spaces"}
        expect(page.get_by_text("Nobody needs you.")).to_be_visible()


def test_talking_about_a_question(site: Site, open_page: OpenPage) -> None:
    """Words instead of an answer."""
    with Asked(site, "mobile-app") as asked:
        hold = asked.ask("mobile-app", "AskUserQuestion", {"questions": [TABS]})
        page, _ = open_page("/s/mobile-app")
        page.get_by_role("button", name="Talk about it").click()
        page.get_by_label("Talk about it").first.fill("What does the linter say?")
        page.get_by_role("button", name="Talk about it").click()
        assert hold.decision() == {"behavior": "deny", "message": "What does the linter say?"}


@BOTH
def test_a_plan_with_feedback(site: Site, open_page: OpenPage, phone: bool) -> None:
    """The plan is drawn; feedback keeps it a plan; the next one is approved as it was changed."""
    with Asked(site, "docs") as asked:
        hold = asked.ask("docs", "ExitPlanMode", PLAN)
        page, _ = open_page("/s/docs", phone=phone)
        expect(page.locator(".rich").get_by_role("heading")).to_have_text("Round totals half to even")
        press(page.get_by_role("button", name="Keep planning"), phone=phone)
        page.get_by_label("What is missing").fill("Test negative amounts too.")
        press(page.get_by_role("button", name="Send, keep planning"), phone=phone)
        assert hold.decision() == {"behavior": "deny", "message": "Test negative amounts too."}
        asked.clients["docs"].says("busy")
        again = asked.ask("docs", "ExitPlanMode", PLAN)
        press(page.get_by_role("button", name="Edit the plan"), phone=phone)
        page.get_by_label("Plan", exact=True).last.fill("# Better\n")
        press(page.get_by_role("button", name="Approve the changed plan"), phone=phone)
        assert again.decision()["updatedInput"] == {**PLAN, "plan": "# Better\n"}


@pytest.mark.parametrize("mode", ["safe", "yolo"])
def test_an_approved_plan_asks_for_edits(site: Site, open_page: OpenPage, mode: str) -> None:
    """Whatever mode it was planned from; only a session that never asks goes on so."""
    with Asked(site, "docs", mode=mode) as asked:
        hold = asked.ask("docs", "ExitPlanMode", PLAN)
        page, _ = open_page("/s/docs")
        page.get_by_role("button", name="Approve", exact=True).click()
        asks = [{"type": "setMode", "mode": "default", "destination": "session"}]
        assert hold.decision().get("updatedPermissions") == (asks if mode == "safe" else None)


HOSTILE = (
    "# <img src=x onerror=alert(1)>\n\n[click](javascript:alert(2)) `<b>` **<script>alert(3)</script>**\n\n"
    "<iframe src=/></iframe>\n"
)


def test_a_plan_is_only_text(site: Site, open_page: OpenPage) -> None:
    """Markup in a plan is shown as it is, and a link that leads nowhere good is its words."""
    with Asked(site, "docs") as asked:
        asked.ask("docs", "ExitPlanMode", {**PLAN, "plan": HOSTILE})
        page, _ = open_page("/s/docs")
        plan = page.locator(".rich")
        expect(plan).to_contain_text("<img src=x onerror=alert(1)>")
        expect(plan.get_by_title("javascript:alert(2)")).to_have_text("click")
        expect(plan.locator("img, script, iframe, a, b")).to_have_count(0)


@BOTH
def test_what_cannot_be_undone_is_held(site: Site, open_page: OpenPage, phone: bool) -> None:
    """A press does nothing but say so; held until it is filled it allows."""
    with Asked(site, "deploy") as asked:
        hold = asked.ask("deploy", "Bash", DANGER)
        page, _ = open_page("/s/deploy", phone=phone)
        sent = answers_sent(page)
        allow = page.get_by_role("button", name="Allow")
        expect(allow).to_contain_text("Hold to confirm")
        press(allow, phone=phone)
        expect(allow).to_contain_text("Hold a little longer")
        box = allow.bounding_box()
        assert box is not None
        assert not sent
        page.mouse.move(box["x"] + 20, box["y"] + 20)
        page.mouse.down()
        expect(allow).to_contain_text("Keep holding")
        assert hold.decision() == {"behavior": "allow"}
        page.mouse.up()
        assert [one["choice"] for one in sent] == ["allow"]
