"""Lines of transcripts of any shape: nothing raises, and what comes out can be sent.

One line that made a parser raise would stop the index of all conversations. `FUZZ_EXAMPLES` makes it look longer.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ctm_trio.model.conversation.entry import entry_view, strings, words
from ctm_trio.model.conversation.lines import Said, read_line
from ctm_trio.model.conversation.markdown import entry_markdown
from ctm_trio.model.conversation.piece import COMMAND, RESULT, TOOL, Piece, Tokens
from ctm_trio.model.conversation.tags import plain, within, without_paste_marks, without_reminders
from ctm_trio.model.sound import sound_json
from ctm_trio.owners.conversations.telling import drafts_of
from ctm_trio.transcripts.file_lines import without_images
from ctm_trio.transcripts.pages import Told
from tests.fakes.transcripts import Talk, call_block, encoded, image_block, text_block, thinking_block
from tests.unit.test_fuzz_parsers import FEW, hurt, values
from tests.unit.test_fuzz_parsers import encoded as as_json

NOW = "2026-01-01T00:00:00Z"


def recorded() -> list[bytes]:
    """A line of every kind."""
    talk = Talk()
    talk.prompt("hello", image_block("QUJD" * 20))
    talk.queued([text_block("and this"), image_block()])
    talk.command("/model", "haiku")
    talk.user("<bash-stdout>\x1b[1mx</bash-stdout>")
    talk.report("done")
    talk.said(
        thinking_block("hm"), text_block("yes"), call_block("t", "Edit", file_path="/a", old_string="a"), message="m"
    )
    talk.result(
        "t", [text_block("ok"), image_block()], toolUseResult={"durationMs": 3, "structuredPatch": [{"lines": []}]}
    )
    talk.result("u", "no", is_error=True, permissionDecision={"decision": "reject", "source": "hook"})
    talk.compact("summary")
    talk.add("system", subtype="informational", content="limit")
    talk.bare("custom-title", customTitle="x")
    return [line for line in talk.data.split(b"\n") if line]


RECORDED = recorded()

names = st.sampled_from([
    "type", "message", "content", "role", "id", "model", "usage", "input_tokens", "output_tokens", "uuid", "timestamp",
    "sessionId", "agentId", "cwd", "isMeta", "isCompactSummary", "isApiErrorMessage", "promptSource", "origin", "kind",
    "attachment", "prompt", "commandMode", "toolUseResult", "tool_use_id", "is_error", "source", "data", "media_type",
    "text", "thinking", "name", "input", "subtype", "summary", "customTitle", "toolDenialKind", "permissionDecision",
    "structuredPatch", "lines", "file_path", "old_string", "new_string", "edits", "agentId", "durationMs", "command",
    "requestSessionId", "forkedFrom", "aiTitle",
])  # fmt: skip
kinds = st.sampled_from([
    "user", "assistant", "system", "attachment", "summary", "text", "thinking", "tool_use", "tool_result", "image",
    "queued_command", "informational", "local_command", "base64", "human", "<command-name>", "<bash-input>", "new", "",
])  # fmt: skip
shapes = st.recursive(
    st.one_of(values, kinds),
    lambda v: st.one_of(st.lists(v, max_size=4), st.dictionaries(names, v, max_size=7)),
    max_leaves=20,
)
lines = st.builds(
    lambda kind, more: {"type": kind, **more}, kinds, st.dictionaries(names, shapes, min_size=1, max_size=8)
)


def check(data: bytes) -> Said:
    """Everything that must hold for what a line says."""
    found = read_line(data)
    results = [piece for piece in found.pieces if piece.kind == RESULT]
    for piece in found.pieces:
        words(piece).encode()
        assert -(2**63) <= piece.number < 2**63
        if piece.kind == RESULT:
            continue
        view = entry_view(piece, ts=NOW, turn=1, result=next(iter(results), None) if piece.kind == TOOL else None)
        json.loads(sound_json(view))
        entry_markdown(json.loads(sound_json(view))).encode()
        for drafts in drafts_of([Told("alpha", view)]):
            for draft in drafts:
                json.loads(draft.payload)
    for piece in results:
        call = Piece(TOOL, "call:x", tool="Edit", input={"file_path": "a", "old_string": "b", "new_string": "c"})
        sound_json(entry_view(call, ts=NOW, turn=1, result=piece))
    for text in (found.session, found.agent, found.cwd, found.title, found.named):
        text.encode()
    again = read_line(without_images(data))
    assert [piece.number for piece in again.pieces] == [piece.number for piece in found.pieces]
    return found


@FEW
@given(lines)
@example({"type": "user", "message": {"content": "\ud800"}, "uuid": "\ud800", "cwd": "\udfff"})
@example({"type": "user", "message": {"content": "\x00" * 3}, "timestamp": "9999-12-31T23:59:59-23:59"})
@example({"type": "assistant", "message": {"id": "m", "content": [{"type": "tool_use", "input": {"n": 10**400}}]}})
@example({"type": "assistant", "message": {"id": "m", "content": [{"type": "tool_use", "input": float("nan")}]}})
@example({"type": "user", "message": {"content": [{"type": "tool_result", "content": [{"type": "x", "n": 2**70}]}]}})
@example({"type": "assistant", "message": {"content": [{"type": "tool_use", "name": "Edit", "input": {"edits": [5]}}]}})
def test_lines_of_any_shape(line: dict[str, Any]) -> None:
    """Known keys with senseless values give pieces that can be sent, or nothing."""
    check(as_json(line))


@FEW
@given(st.sampled_from(RECORDED), st.integers(0, 10_000))
def test_hurt_lines(line: bytes, seed: int) -> None:
    """Lines of the recorded shapes with bytes lost, changed and doubled."""
    check(hurt(line, seed))


@FEW
@given(st.binary(max_size=300))
def test_bytes_as_a_line(data: bytes) -> None:
    """Any bytes at all."""
    check(data)


def test_every_recorded_kind_says_something() -> None:
    """The lines that are hurt above are read when they are whole."""
    found = [check(line) for line in RECORDED]
    assert not any(one.unknown for one in found)
    assert sum(bool(one.pieces) for one in found) == len(RECORDED) - 2, "all but the boundary and the title"


def test_deep_lines() -> None:
    """Nesting beyond any sense is not recursed into."""
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        for levels in (90, 400, 990, 5000):
            deep = opening * levels + b'"word"' + closing * levels
            check(
                b'{"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"t","input":'
                + deep
                + b"}]}}"
            )
            check(b'{"type":"user","message":{"content":[{"type":"tool_result","content":' + deep + b"}]}}")
            check(b'{"type":"user","message":{"content":"x"},"toolUseResult":' + deep + b"}")
            check(b'{"type":"attachment","attachment":{"type":"queued_command","prompt":' + deep + b"}}")
            check(b'{"type":"user","message":{"content":' + deep + b"}}")


def test_the_texts_of_an_input() -> None:
    """All strings of the values, in their order, and not for ever deep."""
    deep: Any = "end"
    for _ in range(101):
        deep = [deep]
    assert strings({"a": "x", "b": ["y", {"c": "z"}], "d": 5, "e": None, "f": deep}) == ["x", "y", "z"]


def test_only_the_data_of_images_is_left_out() -> None:
    """A long text that looks like it stays, and so does what is short."""
    big = Talk().prompt("keep " + "A" * 70_000, image_block("QUJD" * 3000))
    short = without_images(encoded(big)[:-1])
    assert len(short) < 72_000
    assert json.loads(short)["message"]["content"][0] == big["message"]["content"][0]
    said = Talk().prompt('"data": "' + "A" * 70_000 + '"')
    assert without_images(encoded(said)) == encoded(said)
    assert read_line(short).pieces[0].images[0].media_type == "image/png"
    msgspec.json.encode(Tokens())


# ---------------------------------------------------------------- tags

REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>\s*", re.DOTALL)
PASTE = re.compile(r'(?:\n\n)?<pasted_content id="([^"]*)">\n(.*?)\n</pasted_content id="\1">\n?', re.DOTALL)
"""What the tags mean. As it stands here it takes a minute for a long text of openings."""

tagged = st.lists(
    st.sampled_from([
        "<system-reminder>", "</system-reminder>", '<pasted_content id="', '</pasted_content id="', "a", "b", '">',
        "\n", "\n\n", " ", '"', ">", '\n<pasted_content id="a">\n', '\n</pasted_content id="a">\n',
        '<pasted_content id="b">\n', '\n</pasted_content id="b">',
    ]),
    max_size=24,
).map("".join)  # fmt: skip


@FEW
@given(tagged)
@example('<pasted_content id="x\n</pasted_content id=">\n\n</pasted_content id="x\n</pasted_content id=">')
@example('<pasted_content id="<pasted_content id=">\nx\n</pasted_content id=">')
def test_tags_in_any_order(text: str) -> None:
    """Those that fit each other go, whatever stands around them."""
    assert without_reminders(text) == REMINDER.sub("", text)
    assert without_paste_marks(text) == PASTE.sub(r"\2", text)


def took(job: Callable[[str], object], text: str) -> float:
    """The shortest of some runs, in seconds of this thread."""
    found = []
    for _ in range(3):
        began = time.thread_time()
        job(text)
        found.append(time.thread_time() - began)
    return min(found)


def fenced(text: str) -> str:
    return entry_markdown({"kind": COMMAND, "ts": NOW, "text": text, "output": True})


N = 6000


@pytest.mark.parametrize(
    ("job", "odd", "usual"),
    [
        (without_reminders, "<system-reminder>" * N, "<system-reminder></system-reminder>" * N),
        (
            without_paste_marks,
            '<pasted_content id="a">\n' * N,
            '<pasted_content id="a">\n\n</pasted_content id="a">' * N,
        ),
        (
            without_paste_marks,
            "".join(f'<pasted_content id="{n}">\n' for n in range(N)) + '\n</pasted_content id="x">' * N,
            '<pasted_content id="a">\n\n</pasted_content id="a">' * N,
        ),
        (fenced, "\n" * N * 5, "```\n" * N * 5),
        (plain, "\x1b[" * N + "\x1b]" * N, "\x1b[1m" * N * 2),
        (lambda text: within(text, "command-name"), "<command-name>" * N, "<command-name></command-name>" * N),
    ],
)
def test_long_odd_texts(job: Callable[[str], object], odd: str, usual: str) -> None:
    """Openings without an end take no more time than tags that fit; one that looked for each would take hundreds."""
    odd_s, usual_s = took(job, odd), max(took(job, usual), took(len_of_words, usual))
    assert odd_s < 40 * usual_s


def len_of_words(text: str) -> int:
    """A job that looks at each character once."""
    return len(re.findall("[^<`\x1b]+", text))
