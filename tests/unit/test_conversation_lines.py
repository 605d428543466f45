"""What each kind of line of a transcript says. Source: PROTOCOL.md, Conversations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ctm_trio.model.conversation.entry import entry_view
from ctm_trio.model.conversation.lines import SILENT, Said, read_line
from ctm_trio.model.conversation.piece import (
    COMMAND,
    COMPACTION,
    NOTICE,
    PROMPT,
    RESULT,
    TEXT,
    THINKING,
    TOOL,
    Piece,
    Tokens,
    entry_id,
    parse_entry_id,
)
from tests.fakes.transcripts import MODEL, PNG, UUID, Line, Talk, call_block, image_block, text_block, thinking_block


def said(line: Line) -> Said:
    return read_line(json.dumps(line).encode())


def pieces(line: Line) -> list[Piece]:
    return said(line).pieces


def only(line: Line) -> Piece:
    (piece,) = pieces(line)
    return piece


def words(line: Line) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in pieces(line)]


@pytest.fixture
def talk() -> Talk:
    return Talk()


@pytest.mark.parametrize(
    ("keys", "copied"),
    [
        ({}, False),
        ({"requestSessionId": UUID}, False),
        ({"requestSessionId": UUID.upper()}, False),
        ({"requestSessionId": "6a7cda9b-c3d9-477e-9f7a-543069c46082"}, True),
        ({"forkedFrom": {"sessionId": "6a7cda9b-c3d9-477e-9f7a-543069c46082", "messageUuid": "x"}}, True),
        ({"forkedFrom": {"sessionId": UUID}}, False),
        ({"forkedFrom": {"sessionId": 5}, "requestSessionId": 7}, False),
        ({"forkedFrom": "x"}, False),
    ],
)
def test_what_is_copied(talk: Talk, keys: Line, copied: bool) -> None:
    """A fork's file names the conversation in which a line was first."""
    assert said(talk.text("Yes.", **keys)).copied is copied


# ---------------------------------------------------------------- user


def test_a_typed_prompt(talk: Talk) -> None:
    """It opens a turn; the line's own facts are taken along."""
    line = talk.prompt("Make it\nso")
    piece = only(line)
    assert (piece.kind, piece.text, piece.queued, piece.opens_turn) == (PROMPT, "Make it\nso", False, True)
    found = said(line)
    assert (found.session, found.agent, found.cwd, found.unknown) == (UUID, "", "/home/dev/project", False)
    assert found.at == 1795165201.0
    assert not talk.prompt("", origin={"kind": "human"})["message"]["content"]
    assert pieces(talk.lines[-1]) == []


@pytest.mark.parametrize("source", ["typed", "sdk", "", "queued", "suggestion_accepted"])
def test_who_sent_a_prompt(talk: Talk, source: str) -> None:
    """Whatever program sent it, it is a prompt; `queued` is told."""
    piece = only(talk.user("Go on", promptSource=source))
    assert (piece.kind, piece.queued) == (PROMPT, source == "queued")


def test_a_paste_has_no_marks(talk: Talk) -> None:
    """The marks are the client's: they go, with the reminders that it adds; those that do not fit each other stay."""
    marked = '\n\n<pasted_content id="b74a">\none\n  two\n</pasted_content id="b74a">\n'
    assert words(talk.prompt(marked)) == [(PROMPT, "one\n  two")]
    assert words(talk.prompt(f"See: {marked}and say")) == [(PROMPT, "See: one\n  twoand say")]
    other = '<pasted_content id="a">\none\n</pasted_content id="b">'
    assert words(talk.prompt(other)) == [(PROMPT, other)]
    reminded = "<system-reminder>\nbe brief\n</system-reminder>\nhello"
    assert words(talk.prompt(reminded)) == [(PROMPT, "hello")]


def test_a_prompt_with_images(talk: Talk) -> None:
    """Text and images of one line are one prompt; their size is told without decoding them."""
    piece = only(talk.prompt("Look", image_block(), image_block("QUI=", "image/gif")))
    assert (piece.text, [(one.media_type, one.bytes) for one in piece.images]) == (
        "Look", [("image/png", 70), ("image/gif", 2)]
    )  # fmt: skip
    alone = only(talk.user([image_block()], promptSource="typed"))
    assert (alone.kind, alone.text, len(alone.images)) == (PROMPT, "", 1)
    view = entry_view(piece, ts="T", turn=1)
    assert view["images"][1] == {
        "media_type": "image/gif", "bytes": 2, "src": f"/api/conversation/media/{view['id']}-1",
    }  # fmt: skip
    assert PNG not in json.dumps(view)


def test_a_queued_prompt_that_the_turn_took_up(talk: Talk) -> None:
    """It stands in an attachment only; it opens no turn. Commands and reports in its place are what they are."""
    piece = only(talk.queued("And the tests"))
    assert (piece.kind, piece.text, piece.queued, piece.opens_turn) == (PROMPT, "And the tests", True, False)
    blocks = only(talk.queued([text_block("See"), image_block()]))
    assert (blocks.kind, blocks.text, len(blocks.images)) == (PROMPT, "See", 1)
    assert words(talk.queued("<bash-input>ls</bash-input>")) == [(COMMAND, "!ls")]
    report = "<task-notification>\n<summary>Agent done</summary>\n</task-notification>"
    assert words(talk.queued(report, commandMode="task-notification", origin=None)) == [(NOTICE, "Agent done")]
    assert words(talk.queued("x", origin={"kind": "task-notification"})) == [(NOTICE, "x")]
    assert pieces(talk.queued(" ")) == []


def test_other_attachments_say_nothing(talk: Talk) -> None:
    """Also one that has the words in it."""
    assert pieces(talk.add("attachment", attachment={"type": "environment", "snapshot": {"shell": "bash"}})) == []
    assert pieces(talk.add("attachment", attachment={"type": "file", "content": "queued_command"})) == []
    assert pieces(talk.add("attachment")) == []


def test_slash_and_shell_commands(talk: Talk) -> None:
    """What was typed, and what it printed, without the terminal's colours."""
    assert words(talk.command("/model", "haiku")) == [(COMMAND, "/model haiku")]
    assert words(talk.command("/clear")) == [(COMMAND, "/clear")]
    assert only(talk.lines[-1]).opens_turn
    assert words(talk.user("<bash-input> ls -l </bash-input>")) == [(COMMAND, "!ls -l")]
    printed = only(talk.user("<bash-stdout>\x1b[31ma\x1b[0m\n</bash-stdout><bash-stderr>b</bash-stderr>"))
    assert (printed.kind, printed.text, printed.output, printed.opens_turn) == (COMMAND, "a\nb", True, False)
    line = talk.user("<local-command-stdout>Set model to haiku</local-command-stdout>")
    assert words(line) == [(COMMAND, "Set model to haiku")]
    assert words(talk.user("<command-name>/x")) == [(COMMAND, "/x")], "a tag that is never closed"
    assert words(talk.prompt("what is <command-name>?")) == [(PROMPT, "what is <command-name>?")]


def test_what_the_client_adds_says_nothing(talk: Talk) -> None:
    """Caveats, companions of a turn; but a result in such a line counts."""
    assert pieces(talk.user("<local-command-caveat>…</local-command-caveat>", isMeta=True)) == []
    assert pieces(talk.user([text_block("Say hi")], isMeta=True, turnCompanion=True)) == []
    assert pieces(talk.user("Say hi", turnCompanion=True)) == []
    result = {"type": "tool_result", "tool_use_id": "t", "content": "ok"}
    assert [one.kind for one in pieces(talk.user([result, text_block("added")], isMeta=True))] == [RESULT]


def test_a_compaction(talk: Talk) -> None:
    """The boundary says nothing, the summary is the entry, without what is for the model."""
    talk.compact("We made a plan.")
    boundary, summary = talk.lines
    assert pieces(boundary) == []
    assert words(summary) == [(COMPACTION, "We made a plan.")]
    assert entry_view(only(summary), ts="T", turn=3)["summary"] == "We made a plan."
    assert words(talk.user([text_block("As blocks")], isCompactSummary=True)) == [(COMPACTION, "As blocks")]


@pytest.mark.parametrize("text", ["[Request interrupted by user]", "[Request interrupted by user for tool use]"])
def test_an_interrupt(talk: Talk, text: str) -> None:
    """In both shapes; it is nobody's prompt."""
    assert words(talk.user([text_block(text)])) == words(talk.user(text)) == [(NOTICE, text)]
    assert not only(talk.lines[-1]).opens_turn


def test_reports_are_notices(talk: Talk) -> None:
    """Of background tasks and teammates: known by the source, the origin, or how they begin. A turn begins so."""
    piece = only(talk.report('Agent "child" finished'))
    assert (piece.kind, piece.text, piece.opens_turn) == (NOTICE, 'Agent "child" finished', True)
    both = "<task-notification>\n<summary>Done</summary>\n<result>\nAll green\n</result>\n</task-notification>"
    assert words(talk.user(both)) == [(NOTICE, "Done\n\nAll green")]
    mate = "Another Claude session sent a message:\n\nready"
    assert words(talk.user(mate)) == [(NOTICE, mate)]
    assert words(talk.user("from elsewhere", origin={"kind": "teammate"})) == [(NOTICE, "from elsewhere")]
    assert words(talk.user("on time", promptSource="system")) == [(NOTICE, "on time")]


# ---------------------------------------------------------------- results


def test_a_result(talk: Talk) -> None:
    """Text, and what the client says beside it. A key of another type is not there."""
    piece = only(talk.result("toolu_1", "ok", toolUseResult={"durationMs": 12.7, "agentId": "a1"}))
    assert (piece.kind, piece.tool_use_id, piece.text, piece.is_error) == (RESULT, "toolu_1", "ok", False)
    assert (piece.duration_ms, piece.started_agent) == (12, "a1")
    whole = only(talk.result("t", "ok", toolUseResult={"totalDurationMs": 5, "durationMs": True, "agentId": 5}))
    assert (whole.duration_ms, whole.started_agent) == (5, "")
    failed = only(talk.result("t", "no such file", is_error=True, toolUseResult="Error: no such file"))
    assert (failed.is_error, failed.text, failed.duration_ms) == (True, "no such file", None)


def test_the_content_of_a_result(talk: Talk) -> None:
    """Blocks are joined; a block that is neither text nor an image is shown as JSON."""
    blocks = [text_block("a"), image_block(), {"type": "tool_reference", "tool_name": "X"}, "odd", text_block("b")]
    piece = only(talk.result("t", blocks))
    assert piece.text == 'a\n{"type":"tool_reference","tool_name":"X"}\nb'
    assert [one.media_type for one in piece.images] == ["image/png"]
    assert only(talk.result("t", None)).text == ""
    assert only(talk.result("t", {"k": 1})).text == '{"k":1}'


def test_a_refused_call_has_a_notice(talk: Talk) -> None:
    """Who refused it: a person with words, a hook, a rule. An interrupt has a line of its own, so none here."""
    text = "The user doesn't want to proceed. To tell you how to proceed, the user said:\nuse tabs"
    found = pieces(talk.result("t", text, is_error=True, toolDenialKind="user-rejected"))
    assert [(one.kind, one.text) for one in found[1:]] == [(NOTICE, "You refused this call and said: use tabs")]
    silent = talk.result("t", "The user doesn't want to proceed", is_error=True, toolDenialKind="user-rejected")
    assert [one.kind for one in pieces(silent)] == [RESULT]
    for source, who in (("hook", "A hook"), ("config", "A rule of the settings"), ("new", "Claude Code")):
        decided = {"decision": "reject", "source": source}
        line = talk.result("t", "not here", is_error=True, permissionDecision=decided)
        assert words(line)[1] == (NOTICE, f"{who} refused this call: not here")
    allowed = {"decision": "accept", "source": "config"}
    assert len(pieces(talk.result("t", "x", is_error=True, permissionDecision=allowed))) == 1


# ---------------------------------------------------------------- assistant


def test_an_answer(talk: Talk) -> None:
    """A line for each block: text, thinking and calls, each with the message's id, model and tokens."""
    lines = talk.said(thinking_block("Hm."), text_block("Yes."), call_block("toolu_1", "Read", path="a"), message="m1")
    found = [only(line) for line in lines]
    assert [(one.kind, one.text) for one in found] == [(THINKING, "Hm."), (TEXT, "Yes."), (TOOL, "")]
    assert {(one.message, one.model, one.tokens) for one in found} == {("m1", MODEL, Tokens(4, 20, 100, 1000))}
    assert (found[2].tool, found[2].tool_use_id, found[2].input) == ("Read", "toolu_1", {"path": "a"})
    blocks = [line["message"]["content"][0] for line in lines]
    whole = talk.add("assistant", message={"id": "m1", "model": MODEL, "content": blocks})
    assert [one.number for one in pieces(whole)] == [one.number for one in found], "all blocks in one line are the same"


def test_blocks_that_say_nothing(talk: Talk) -> None:
    """Blank ones, redacted thinking, blocks of the server's tools, wrong shapes."""
    blocks: list[Any] = [
        text_block(" \n"), thinking_block(""), {"type": "redacted_thinking", "data": "x"}, {"type": "text"},
        {"type": "text", "text": 5}, {"type": "server_tool_use", "id": "s"}, "odd", None, {"type": ["text"]},
    ]  # fmt: skip
    for block in blocks:
        assert pieces(talk.add("assistant", message={"id": "m", "content": [block]})) == [], block
    messages: list[Any] = [{"content": "text"}, {"content": None}, {}, [], "x", 5, None]
    for message in messages:
        assert pieces(talk.add("assistant", message=message)) == []
    assert pieces(talk.add("assistant")) == []


def test_an_error_of_the_api(talk: Talk) -> None:
    """It is a notice, and uses no tokens."""
    line = talk.said(text_block("API Error: 529 overloaded"), message="x", isApiErrorMessage=True, apiErrorStatus=529)[
        0
    ]
    piece = only(line)
    assert (piece.kind, piece.text, piece.tokens, piece.message) == (NOTICE, "API Error: 529 overloaded", None, "")


def test_tokens_that_are_none(talk: Talk) -> None:
    """Wrong types, negative and absurd counts are 0."""
    usage = {
        "input_tokens": "9", "output_tokens": -1, "cache_creation_input_tokens": True, "cache_read_input_tokens": 2**60
    }  # fmt: skip
    line = talk.add("assistant", message={"id": "m", "model": 5, "usage": usage, "content": [text_block("x")]})
    assert (only(line).tokens, only(line).model) == (Tokens(), "")
    without = talk.add("assistant", message={"id": "m", "content": [text_block("x")], "usage": None})
    assert only(without).tokens is None


# ---------------------------------------------------------------- the others


def test_lines_of_the_system(talk: Talk) -> None:
    """What is for the person is told; a command that ran at once is one; the rest is bookkeeping."""
    told = talk.add("system", subtype="informational", content="Usage limit reached", isMeta=False)
    assert words(told) == [(NOTICE, "Usage limit reached")]
    ran = talk.add("system", subtype="local_command", content="<local-command-stdout></local-command-stdout>")
    assert (only(ran).kind, only(ran).text, only(ran).output) == (COMMAND, "", True)
    assert pieces(talk.add("system", subtype="turn_duration", content="12 s")) == []
    assert pieces(talk.add("system", subtype="compact_boundary", content="Conversation compacted")) == []
    assert pieces(talk.add("system", subtype="informational", content="x", isMeta=True)) == []
    assert pieces(talk.add("system", subtype="informational", content={"a": 1})) == []


def test_titles(talk: Talk) -> None:
    """A summary's, and one that a person gave."""
    summed_up = said(talk.bare("summary", summary="About maps", leafUuid="x"))
    assert (summed_up.title, summed_up.titled) == ("About maps", "x")
    assert said(talk.bare("ai-title", aiTitle="Maps of Mars")).title == "Maps of Mars"
    assert said(talk.bare("custom-title", customTitle="maps")).named == "maps"
    assert said(talk.bare("mode", summary="no title", customTitle="none")) == Said(session=UUID)


@pytest.mark.parametrize("kind", sorted(SILENT))
def test_bookkeeping_is_known(talk: Talk, kind: str) -> None:
    """It says nothing and is not unknown."""
    found = said(talk.bare(kind, content="Queued prompt", operation="enqueue"))
    assert (found.pieces, found.unknown) == ([], False)


@pytest.mark.parametrize(
    ("data", "unknown"),
    [
        (b"", False), (b"  ", False), (b"{}", True), (b'{"type":"hologram","text":"x"}', True), (b"[1]", True),
        (b"null", True), (b"7", True), (b'{"type":"user"', True), (b"\x00\x00", True), (b'{"type":5}', True),
    ],
)  # fmt: skip
def test_lines_that_nobody_knows(data: bytes, unknown: bool) -> None:
    """They say nothing; blank ones are not even unknown."""
    found = read_line(data)
    assert (found.pieces, found.unknown) == ([], unknown)


def test_badly_written_lines_are_read(talk: Talk) -> None:
    """Half a character, bytes that are not UTF-8, a NUL and a BOM take nothing but themselves away."""
    line = json.dumps(talk.prompt("say MARK now")).encode()
    for bad in (b"\\ud83d", b"\xff\xfe", b"\\u0000", b"caf\xe9"):
        (piece,) = read_line(line.replace(b"MARK", bad)).pieces
        assert piece.kind == PROMPT
        assert piece.text.startswith("say ")
        assert piece.text.endswith(" now")
        piece.text.encode()  # it can be sent
    assert read_line(b"\xef\xbb\xbf" + line).pieces[0].text == "say MARK now"


def test_keys_of_wrong_types_are_absent(talk: Talk) -> None:
    """The rest of the line counts."""
    line = talk.prompt("hello") | {"timestamp": 5, "cwd": ["x"], "agentId": None, "isMeta": "yes", "origin": 7}
    found = said(line)
    assert (found.at, found.cwd, found.agent) == (None, "", "")
    assert words(line) == [(PROMPT, "hello")]


def test_a_large_image_costs_no_more_than_its_bytes(talk: Talk) -> None:
    """A line with an image of 25 MB is a prompt like any other."""
    size = 25_000_000
    piece = only(talk.prompt("Big", image_block("A" * (size // 3 * 4))))
    assert (piece.text, piece.images[0].bytes) == ("Big", size // 3 * 3)


# ---------------------------------------------------------------- ids


def test_ids_are_the_same_for_copies(talk: Talk) -> None:
    """A streamed copy has another uuid, a fork another session; neither makes another entry."""
    first, copy = talk.said(text_block("Yes."), text_block("Yes."), message="m1")
    assert first["uuid"] != copy["uuid"]
    assert only(first).number == only(copy).number
    assert only(talk.said(text_block("Yes."), message="m2")[0]).number != only(first).number
    assert only(talk.said(thinking_block("Yes."), message="m1")[0]).number != only(first).number
    prompt = talk.prompt("hello")
    forked = prompt | {"sessionId": "22222222-2222-4333-8444-555555555555", "parentUuid": "x", "version": "3"}
    assert only(prompt).number == only(forked).number != only(talk.prompt("hello")).number
    again = talk.call("toolu_1", message="m3"), talk.call("toolu_1", message="m4")
    assert only(again[0]).number == only(again[1]).number


def test_ids_stay_the_same_over_versions() -> None:
    """Clients keep them: a change here breaks what they have."""
    talk = Talk(seed="fixed")
    lines = [talk.prompt("hello"), talk.text("Yes.", message="m1"), talk.call("toolu_1"), talk.result("toolu_1")]
    assert [entry_id(only(line).number) for line in lines] == [
        "c2578b52491fff5d", "e7f7ce030c1a5ee5", "d1ed0e8947bc4fc0", "2a4163b4c7d73bad",
    ]  # fmt: skip


def test_ids_on_the_wire() -> None:
    """There and back; everything else is none."""
    for number in (0, 1, -1, 2**63 - 1, -(2**63)):
        assert parse_entry_id(entry_id(number)) == number
    for text in ("", "0" * 15, "0" * 17, "0" * 15 + "g", "0" * 15 + "A", "٠" * 16, "-" + "0" * 15):
        assert parse_entry_id(text) is None


# ---------------------------------------------------------------- on the wire


def test_the_view_of_a_call(talk: Talk) -> None:
    """At once without a result; then with it, its image and the agent that it started."""
    call, result = (
        only(talk.call("t", "Bash", command="make all")),
        only(talk.result("t", [text_block("ok"), image_block()], toolUseResult={"durationMs": 3})),
    )
    view = entry_view(call, ts="T", turn=2, whole=False)
    assert view == {
        "id": entry_id(call.number), "ts": "T", "kind": TOOL, "turn": 2, "tool": "Bash", "tool_use_id": "t",
        "input": {"command": "make all"}, "summary": "make all", "is_error": False,
    }  # fmt: skip
    view = entry_view(call, ts="T", turn=2, result=result)
    assert (view["result"], view["duration_ms"], view["tokens"], view["model"]) == (
        "ok", 3, Tokens(4, 20, 100, 1000), MODEL
    )  # fmt: skip
    assert view["images"][0]["src"].endswith(f"{entry_id(call.number)}-0")


def test_who_an_entry_is_of(talk: Talk) -> None:
    """A call of the main thread that started an agent names it; in a sub-agent it is that one's."""
    call, result = only(talk.call("t", "Agent", prompt="x")), only(talk.result("t", toolUseResult={"agentId": "a1"}))
    main = entry_view(call, ts="T", turn=1, result=result)
    assert (main["agent_id"], main["started_agent"]) == ("a1", "a1")
    child = entry_view(call, ts="T", turn=1, result=result, agent_id="a0")
    assert (child["agent_id"], child["started_agent"]) == ("a0", "a1")
    assert "agent_id" not in entry_view(call, ts="T", turn=1)


def test_the_diff_of_an_edit(talk: Talk) -> None:
    """Before the result it is made from what the call wants, then from what the client says was changed."""
    call = only(talk.call("t", "Edit", file_path="/p/a.py", old_string="one", new_string="two"))
    before = entry_view(call, ts="T", turn=1)["diff"]
    assert "-one\n+two" in before
    patch = {
        "filePath": "/p/a.py",
        "structuredPatch": [{"oldStart": 7, "oldLines": 1, "newStart": 7, "newLines": 1, "lines": ["-one", "+two"]}],
    }  # fmt: skip
    result = only(talk.result("t", "done", toolUseResult=patch))
    assert "@@ -7 +7 @@" in entry_view(call, ts="T", turn=1, result=result)["diff"].replace("7,1", "7")
