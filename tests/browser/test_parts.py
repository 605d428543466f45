"""Parsers of the page, case by case, in the browser that runs them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.site import Site


@pytest.fixture
def page(site: Site, open_page: OpenPage) -> Page:
    """Any page of the daemon: the modules are its own."""
    site.start()
    opened, _ = open_page("/")
    return opened


def call(page: Page, module: str, expression: str, argument: object = None) -> Any:
    """The value of `expression` over the module `m` and the argument `a`."""
    return page.evaluate(f"(a) => import('/app/{module}').then((m) => {expression})", argument)


def test_frames_in_any_pieces(page: Page) -> None:
    """An event stream gives the same frames however it is cut; comments are not frames; CR LF is fine."""
    text = ": ok\n\nevent: tool_call\nid: 7-1\ndata: a\ndata: b\n\n: lost\n\ndata:x\r\n\r\ndata: half"
    expression = """a.sizes.map((size) => {
      const comments = [];
      const parse = m.frameParser((comment) => comments.push(comment));
      const frames = [];
      for (let i = 0; i < a.text.length; i += size) frames.push(...parse(a.text.slice(i, i + size)));
      return [frames, comments];
    })"""
    frames = [{"type": "tool_call", "id": "7-1", "data": "a\nb"}, {"type": "message", "id": "", "data": "x"}]
    for found in call(page, "client/sse.js", expression, {"text": text, "sizes": [1, 3, 7, 1000]}):
        assert found == [frames, ["ok", "lost"]]


def test_what_came_before_a_comment_in_one_chunk(page: Page) -> None:
    """A comment is handed over with the frames before it; who takes them does not get them again."""
    expression = """(() => {
      const seen = [], data = (frames) => frames.map((frame) => frame.data);
      const parse = m.frameParser((comment, before) => seen.push(...data(before.splice(0)), comment));
      return [data(parse(a)), seen];
    })()"""
    assert call(page, "client/sse.js", expression, "data: a\n\n: lost\n\ndata: b\n\n") == [["b"], ["a", "lost"]]


def test_ids_are_compared_as_two_numbers(page: Page) -> None:
    """Nanoseconds beyond what a double holds, and sequences of several digits."""
    ordered = ["9-1", "1763830000000000001-2", "1763830000000000001-10", "1763830000000000002-1"]
    found = call(page, "ids.js", "[...a].reverse().sort(m.compareIds)", ordered)
    assert found == ordered


def test_times_are_compared_as_moments(page: Page) -> None:
    """The daemon leaves out a fraction of zero; what is no time comes first."""
    ordered = ["", "2026-11-20T09:00:05Z", "2026-11-20T09:00:05.300000Z", "2026-11-20T09:00:06Z"]
    assert call(page, "times.js", "[...a].reverse().sort(m.compareTimes)", ordered) == ordered


TERMINAL: list[tuple[str, list[str], dict[str, object]]] = [
    ("plain", ["plain"], {}),
    ("\x1b[31mred\x1b[0m", ["red"], {"fg": "var(--ansi-1)"}),
    ("\x1b[1;4;38;5;196mx", ["x"], {"bold": True, "underline": True, "fg": "rgb(255 0 0)"}),
    ("\x1b[48;2;1;2;999mx", ["x"], {"bg": "rgb(1 2 255)"}),
    ("\x1b[38;5mx", ["x"], {"fg": "var(--ansi-0)"}),
    ("\x1b[97;7mx", ["x"], {"fg": "var(--ansi-15)", "inverse": True}),
    ("a漢b", ["a", "漢", "b"], {}),
    ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", ["link"], {}),
    ("\x0eqq\x0f", ["──"], {}),
    ("\x1b[2Jbell\x07\x00", ["bell"], {}),
]
"""A line, its pieces, and some of the style of the first."""


def test_terminal_text(page: Page) -> None:
    """Colours and styles of each kind; what is neither text nor a colour is left out."""
    expression = "m.parseLine(a, {style: m.PLAIN, drawing: false}).segments"
    for line, texts, style in TERMINAL:
        found = call(page, "views/session/pane/ansi.js", expression, line)
        assert [one["text"] for one in found] == texts
        assert {key: found[0]["style"][key] for key in style} == style


def test_screens_that_scroll_keep_their_lines(page: Page) -> None:
    """A screen that moved up by three lines draws three lines, not all of them."""
    first = "\n".join(f"line {n}" for n in range(100))
    second = "\n".join(f"line {n}" for n in range(3, 103))
    expression = (
        "((one) => m.nextScreen(one, a[1]).filter((line) => !one.includes(line)).length)(m.nextScreen([], a[0]))"
    )
    assert call(page, "views/session/pane/screen.js", expression, [first, second]) == 3


def test_diffs(page: Page) -> None:
    """Numbers of both sides, several files, lines that look like headers, no newline at the end."""
    diff = (
        "diff --git a/x.py b/x.py\nindex 1..2 100644\n--- a/x.py\n+++ b/x.py\n@@ -10,3 +10,3 @@ def f():\n same\n"
        "--- old\n+++ new\n\\ No newline at end of file\ndiff --git a/y b/y\nBinary files differ\n"
    )
    found = call(page, "ui/diff.js", "m.parseDiff(a).map((line) => [line.kind, line.text, line.old, line.now])", diff)
    assert found == [
        ["file", "x.py", None, None],
        ["hunk", "@@ -10,3 +10,3 @@ def f():", None, None],
        ["same", " same", 10, 10],
        ["del", "--- old", 11, None],
        ["add", "+++ new", None, 11],
        ["hunk", "\\ No newline at end of file", None, None],
        ["file", "y", None, None],
        ["hunk", "Binary files differ", None, None],
    ]


def test_commands_are_set_apart(page: Page) -> None:
    """Strings, options, operators and variables; all of the text is there, whatever it is."""
    command = 'npm test -- --grep "a b" | tee $LOG && rm -rf x # done'
    parts = call(page, "ui/shell-text.js", "m.parseShell(a)", command)
    assert "".join(part["text"] for part in parts) == command
    kinds = [(part["kind"], part["text"]) for part in parts if part["kind"]]
    assert kinds == [
        ("option", "--grep"), ("string", '"a b"'), ("op", "|"), ("variable", "$LOG"), ("op", "&&"), ("option", "-rf"),
        ("comment", "# done"),
    ]  # fmt: skip
    for odd in ("'never closed", '"\\', "$(", "x" * 30_000):
        assert "".join(part["text"] for part in call(page, "ui/shell-text.js", "m.parseShell(a)", odd)) == odd


def test_replies(page: Page) -> None:
    """Labels come in the order of the options; a single choice is a text, several and free ones are a list."""
    question = {"question": "?", "options": [{"label": "A"}, {"label": "B"}]}
    cases: list[tuple[bool, dict[str, object], object]] = [
        (False, {"labels": ["B"], "other": None}, "B"),
        (False, {"labels": [], "other": " c "}, {"other": "c"}),
        (True, {"labels": ["B", "A"], "other": None}, ["A", "B"]),
        (True, {"labels": ["B"], "other": "c"}, ["B", {"other": "c"}]),
    ]
    for multi, draft, reply in cases:
        asked = {**question, "multiSelect": multi}
        assert call(page, "views/answer/replies.js", "m.replyOf(a[0], a[1])", [asked, draft]) == reply


def test_sub_agents_that_are_their_own_parents(page: Page) -> None:
    """A tree is drawn parents first; unknown parents and circles lose nobody and end."""
    agents = [{"id": "b", "parent_id": "a"}, {"id": "a", "parent_id": None}, {"id": "c", "parent_id": "gone"}]
    circle = [{"id": "x", "parent_id": "y"}, {"id": "y", "parent_id": "x"}, {"id": "z", "parent_id": "z"}]
    expression = "m.branches(a).map((one) => [one.agent.id, one.depth])"
    assert call(page, "views/session/agents/index.js", expression, agents) == [["a", 0], ["b", 1], ["c", 0]]
    assert {one for one, _ in call(page, "views/session/agents/index.js", expression, circle)} == {"x", "y", "z"}


ATTACH = {
    "checkout": "ctm-trio attach checkout",
    "site.v2": "ctm-trio attach site.v2",
    "-x": "ctm-trio attach -- '-x'",
    "it's here": "ctm-trio attach -- 'it'\\''s here'",
}
"""A session's name → what is typed to attach to it."""


def test_the_attach_command(page: Page) -> None:
    """Our own command, which knows the tmux server; a name that a shell would take apart is quoted."""
    for name, command in ATTACH.items():
        assert call(page, "views/session/actions.js", "m.attachCommand(a)", name) == command


MONEY = {0: "$0.00", 4300: "<$0.01", 9999: "<$0.01", 10_000: "$0.01", 1_620_000: "$1.62"}
"""Millionths of a dollar → what is shown."""


def test_a_small_cost_is_not_nothing(page: Page) -> None:
    """What cost less than a cent says so; the marks of a scale differ."""
    assert [call(page, "i18n/format.js", "m.dollars(a)", one) for one in MONEY] == list(MONEY.values())
    marks = call(page, "i18n/format.js", "a.map(m.exactDollars)", [0, 1000, 2000, 500_000, 2_000_000])
    assert marks == ["$0.00", "$0.001", "$0.002", "$0.50", "$2.00"]
