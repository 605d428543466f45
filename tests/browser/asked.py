"""Sessions that ask for something of each kind, with clients that really wait for the answer."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.played_client import Hold, PlayedClient
from tests.browser.site import Site

RULE = {
    "type": "addRules",
    "rules": [{"toolName": "Bash", "ruleContent": "npm test *"}],
    "behavior": "allow",
    "destination": "localSettings",
}
COMMAND = {"command": 'npm test -- --coverage "cart/*.ts" | tee out.log', "description": "Run the tests of the cart"}
DANGER = {"command": "rm -rf build dist && git push --force origin main", "description": "Clean up and publish"}
TABS = {
    "question": "Tabs or spaces?", "header": "Indent", "multiSelect": False,
    "options": [
        {"label": "Tabs", "description": "One byte, and everybody sets their own width"},
        {"label": "Spaces", "description": "Four of them, as the rest of the project has it"},
    ],
}  # fmt: skip
FRUITS = {
    "question": "Which of these may go into the salad?", "header": "Fruits", "multiSelect": True,
    "options": [{"label": one, "description": f"It is {colour}"} for one, colour in
                (("Apple", "red"), ("Pear", "green"), ("Plum", "blue"))],
}  # fmt: skip
PLAN = {
    "plan": "# Round totals half to even\n\nRefunds lose the last cent because `share` is *rounded twice*.\n\n"
    "1. Add **`roundHalfEven`** in `cart/money.ts`\n2. Use it in `cart/total.ts`\n   - only where amounts are split\n"
    "3. Test it\n\n```ts\nreturn roundHalfEven(share);\n```\n\n> Nothing else changes. See [the issue]"
    "(https://example.org/12).\n",
    "planFilePath": "/home/dev/.claude/plans/round-half-even.md",
}


def edit_of(site: Site, name: str) -> dict[str, Any]:
    """The input of an Edit of a file that is there."""
    path = Path(site.records[name]["workdir"]) / "total.ts"
    path.write_text("".join(f"const line{n} = {n};\n" for n in range(1, 8)) + "return Math.round(share);\n")
    new = "return roundHalfEven(share);"
    return {"file_path": str(path), "old_string": "return Math.round(share);", "new_string": new}


class Asked:
    """Sessions, their clients, and the hooks that wait. A context: it ends the hooks."""

    def __init__(self, site: Site, *names: str, mode: str = "safe") -> None:
        for name in names:
            site.add_session(name, mode=mode)
        site.start()
        site.sign_up()
        self.site = site
        self.clients = {name: PlayedClient(site, name) for name in names}
        self._holds = ExitStack()
        for client in self.clients.values():
            client.works()

    def ask(self, name: str, tool: str, tool_input: dict[str, Any], **more: Any) -> Hold:
        """A session asks."""
        return self._holds.enter_context(self.clients[name].asks(tool, tool_input, **more))

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *_: object) -> None:
        self._holds.close()


BOTH = pytest.mark.parametrize("phone", [True, False], ids=["phone", "laptop"])


def press(button: Locator, *, phone: bool) -> None:
    """With the thumb or the pointer."""
    if phone:
        button.tap()
    else:
        button.click()


def answers_sent(page: Page) -> list[dict[str, Any]]:
    """The bodies of the answers that the page sends from now on."""
    bodies: list[dict[str, Any]] = []
    page.on(
        "request",
        lambda one: (
            bodies.append(json.loads(one.post_data or ""))
            if one.method == "POST" and one.url.endswith("/answer")
            else None
        ),
    )
    return bodies
