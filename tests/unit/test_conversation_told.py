"""What is told of new entries, as an event and as Markdown, and what tokens cost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ctm_trio.model.conversation.asked import Usage
from ctm_trio.model.conversation.costs import cost_of
from ctm_trio.model.conversation.markdown import MAX_RESULT, entry_markdown, heading_markdown
from ctm_trio.model.conversation.piece import Tokens
from ctm_trio.model.pricing import Price, PriceTable
from ctm_trio.owners.conversations.telling import EVENT_BYTES, MOST_BYTES, MOST_CHARS, drafts_of
from ctm_trio.transcripts.pages import Told


def events(*told: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The payloads of the events that these entries make."""
    groups = drafts_of([Told(session, view) for session, view in told])
    drafts = [draft for group in groups for draft in group]
    assert {draft.type for draft in drafts} <= {"conversation"}
    payloads = [msgspec.json.decode(draft.payload) for draft in drafts]
    assert [draft.session for draft in drafts] == [payload["session"] for payload in payloads]
    return payloads


def test_an_event_for_each_session() -> None:
    """With its entries in their order."""
    found = events(("a", {"id": "1"}), ("b", {"id": "2"}), ("a", {"id": "3"}))
    assert found == [
        {"session": "a", "entries": [{"id": "1"}, {"id": "3"}]}, {"session": "b", "entries": [{"id": "2"}]}
    ]  # fmt: skip
    assert list(drafts_of([])) == []


def test_a_large_entry_is_cut() -> None:
    """It says so; what is small stays whole, also beside it."""
    found = events(("a", {"id": "1", "text": "é" * MOST_BYTES, "n": 5}), ("a", {"id": "2", "text": "x" * 20_000}))
    cut, whole = found[0]["entries"]
    assert (cut["text"], cut["truncated"], cut["n"]) == ("é" * MOST_CHARS + "…", True, 5)
    assert whole == {"id": "2", "text": "x" * 20_000}


LARGE: dict[str, Any] = {
    "edits": [{"old_string": "o" * 5000, "new_string": "n" * 5000}] * 200,
    "keys": {f"k{i}": "x" * 5000 for i in range(200)},
    "wide": [[["x" * 5000] * 60] * 60],
    "long name": {"k" * 100_000: 1},
    "deep": [[[[[[[["x" * 5000] * 60]]]]]]],
}


@pytest.mark.parametrize("kind", LARGE)
def test_no_input_makes_a_large_event(kind: str) -> None:
    """An input of many texts is left out where cutting each of them is not enough; what the entry is stays."""
    call = {"id": "1", "kind": "tool", "tool": "X", "summary": "s" * 9000, "input": LARGE[kind], "result": "r" * 10_000}
    (event,) = events(("a", call))
    (entry,) = event["entries"]
    assert len(msgspec.json.encode(entry)) <= MOST_BYTES
    assert (entry["id"], entry["kind"], entry["tool"], entry["truncated"]) == ("1", "tool", "X", True)
    assert entry["result"] == "r" * MOST_CHARS + "…"


def test_many_entries_are_several_events() -> None:
    """None is lost, all stay in order."""
    found = events(*[("a", {"id": str(i), "text": "x" * 40_000}) for i in range(20)])
    assert len(found) > 1
    assert all(len(msgspec.json.encode(one)) < EVENT_BYTES + 2 * MOST_BYTES for one in found)
    assert [entry["id"] for one in found for entry in one["entries"]] == [str(i) for i in range(20)]


# ---------------------------------------------------------------- Markdown

TS = "2026-11-27T09:05:01.123000Z"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"kind": "prompt", "text": "Do\nit"}, "## Prompt, 2026-11-27 09:05 UTC\n\nDo\nit\n\n"),
        ({"kind": "prompt", "text": "See", "images": [{"media_type": "image/png"}]},
         "## Prompt, 2026-11-27 09:05 UTC\n\nSee\n\n(image, image/png)\n\n"),
        ({"kind": "text", "text": "# As it is"}, "# As it is\n\n"),
        ({"kind": "thinking", "text": "a\nb"}, "> *Thinking:* a\n> b\n\n"),
        ({"kind": "command", "text": "/clear"}, "`/clear`\n\n"),
        ({"kind": "command", "text": "out", "output": True}, "```\nout\n```\n\n"),
        ({"kind": "command", "text": "!echo `` `date`"}, "``` !echo `` `date` ```\n\n"),
        ({"kind": "command", "text": "!cat <<x\n\na\nx"}, "```\n!cat <<x\n\na\nx\n```\n\n"),
        ({"kind": "notice", "text": " stopped "}, "*stopped*\n\n"),
        ({"kind": "compaction", "summary": "S"},
         "---\n\n*The conversation was compacted. The summary:*\n\nS\n\n---\n\n"),
        ({"kind": "tool", "tool": "Bash", "summary": "ls", "input": {"command": "ls\n"}, "result": "a"},
         "**Bash** ls\n\n```sh\nls\n\n```\n\n```\na\n```\n\n"),
        ({"kind": "tool", "tool": "X", "summary": "", "input": {"é": 1}, "is_error": True},
         '**X** (failed)\n\n```json\n{\n  "é": 1\n}\n```\n\n'),
        ({"kind": "tool", "tool": "Edit", "summary": "a\nb", "input": {}, "diff": "-a\n+b"},
         "**Edit** a b\n\n```diff\n-a\n+b\n```\n\n"),
    ],
)  # fmt: skip
def test_an_entry_as_markdown(entry: dict[str, Any], text: str) -> None:
    """Each kind has its form."""
    assert entry_markdown({"ts": TS, **entry}) == text


def test_a_fence_is_longer_than_any_in_it() -> None:
    """What a tool answered cannot end its block."""
    call = {"ts": TS, "kind": "tool", "tool": "Read", "summary": "", "input": 1, "result": "x\n  `````\ny"}
    assert "``````\nx\n  `````\ny\n``````\n" in entry_markdown(call)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("a\n```py\nx", "\n```"),
        ("a\n  ~~~~ sh\nx\n~~~\n```", "\n  ~~~~"),
        ("```\nx\n``` no end\n    ```", "\n```"),
        ("```\n```\n````\n```", "\n````"),
        ("```\nx\n`````  ", ""),
        ("``` is `code`\n    ```\nx ```", ""),
        ("> ```\nx", ""),
    ],
)
def test_a_fence_that_is_open_ends_with_its_entry(text: str, end: str) -> None:
    """A paste that was cut, an answer that was interrupted: what follows is no code."""
    head = "## Prompt, 2026-11-27 09:05 UTC\n\n"
    assert entry_markdown({"ts": TS, "kind": "prompt", "text": text}) == f"{head}{text}{end}\n\n"
    assert entry_markdown({"ts": TS, "kind": "text", "text": text}) == f"{text}{end}\n\n"
    assert f"\n\n{text}{end}\n\n---" in entry_markdown({"ts": TS, "kind": "compaction", "summary": text})


def test_a_long_result_is_cut_in_markdown() -> None:
    """The JSON export has all of it."""
    call = {"ts": TS, "kind": "tool", "tool": "Read", "summary": "", "input": 1, "result": "x" * (MAX_RESULT + 1)}
    assert "x" * MAX_RESULT + "\n…\n```" in entry_markdown(call)


def test_the_heading() -> None:
    """A title if there is one, and the id."""
    assert heading_markdown("Maps", "u") == "# Maps\n\nClaude session u\n\n"
    assert heading_markdown("", "") == "# Conversation\n\n"


# ---------------------------------------------------------------- costs

TABLE = PriceTable("2026-01-01", {"m": Price(2.0, 10.0, 0.5)})


def used(model: str, *tokens: int) -> Usage:
    return Usage("", model, "2026-11-27", Tokens(*tokens))


def test_what_tokens_cost() -> None:
    """By class; writing to the cache costs more than input. An unknown model has the default prices."""
    assert cost_of([used("m", 100, 10, 80, 1000)], TABLE) == 200 + 100 + 200 + 500
    assert cost_of([used("nobody", 1000, 100, 0, 1000)], TABLE) == 3000 + 1500 + 300
    assert cost_of([used("m", 1), used("m", 0, 1)], TABLE) == 12


def test_nothing_used_has_no_cost() -> None:
    """Not even 0: the status line may know better."""
    assert cost_of([], TABLE) is None
    assert cost_of([used("m")], TABLE) is None
    free = PriceTable("", {"m": Price(0, 0, 0)})
    assert cost_of([used("m", 5)], free) == 0
