"""Parsers meet everything: what they take they take whole, what they refuse they refuse under our names.

One line that made a parser raise would end its tailer again and again, so "never raises" is a promise here.
`FUZZ_EXAMPLES` makes it look longer.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ctm_trio.errors.files import BrokenConfig, BrokenSessions
from ctm_trio.errors.settings import BadPatch
from ctm_trio.journal.view import After, Ring
from ctm_trio.model.config import default_document, parse_settings
from ctm_trio.model.config_patch import check_patch, merge_patch
from ctm_trio.model.detail import detail_of
from ctm_trio.model.event import MAX_ID, Event, format_event_id, parse_event_id, sse_frame, ws_tail
from ctm_trio.model.hook_event import parse_hook_line
from ctm_trio.model.log_parse import parse_chunk, parse_row, row_of
from ctm_trio.model.quota import parse_dump
from ctm_trio.model.search import text_of_line, text_of_payload
from ctm_trio.model.session import encode_sessions, parse_sessions
from ctm_trio.model.times import format_time, normal_time, parse_time
from ctm_trio.web import sse, ws_messages
from tests.fixtures import hook_line, recorded

NOW = "2026-01-01T00:00:00Z"
FEW = settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "120")))

times = st.sampled_from([
    NOW, "2026-05-01T10:00:00.123456789Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
    "2026-02-30T00:00:00Z",
    "2026-05-01T10:00:00", "", "yesterday", "2026-05-01T24:00:00Z", "2026-W01-1T00:00:00+00:00",
])  # fmt: skip
texts = st.one_of(
    st.text(max_size=30), times, st.sampled_from(["Bash", "PostToolUse", "Stop", "\ud800", "\x00", "é" * 150])
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
keys = st.one_of(st.text(max_size=8), st.sampled_from([
    "session_id", "hook_event_name", "tool_name", "tool_input", "tool_response", "tool_use_id", "ctm_timestamp",
    "error", "duration_ms", "agent_id", "agent_type", "permission_mode", "cwd", "ctm_session", "ctm_pane", "ctm_pid",
    "stdout", "stderr", "output", "is_error", "message", "file", "content", "filePath", "structuredPatch", "lines",
    "filenames", "type", "text", "command", "file_path", "pattern", "status", "source", "reason", "notification_type",
    "background_tasks", "last_assistant_message", "prompt", "title",
]))  # fmt: skip
values = st.recursive(
    scalars, lambda v: st.one_of(st.lists(v, max_size=4), st.dictionaries(keys, v, max_size=6)), max_leaves=12
)
tools = st.sampled_from(["Bash", "Read", "Edit", "Write", "Grep", "Glob", "Agent", "Task", "MultiEdit", "NotebookEdit",
                         "WebFetch", "TodoWrite", "mcp__x__y", "", "Unknown"])  # fmt: skip
lines = st.builds(
    lambda tool, event, more: {"tool_name": tool, "hook_event_name": event, **more},
    tools,
    st.sampled_from(
        ["PostToolUse", "PostToolUseFailure", "Stop", "SubagentStart", "Notification", "SessionStart", "New", ""]
    ),
    st.dictionaries(keys, values, max_size=8),
)
RECORDED = [hook_line(item)[:-1] for item in recorded("hooks")]
DUMPS = [json.dumps(item["payload"]).encode() for item in recorded("statusline")]


def encoded(value: object) -> bytes:
    """JSON as other programs write it, with their NaN and lone surrogates."""
    return json.dumps(value).encode()


def hurt(data: bytes, seed: int) -> bytes:
    """The bytes with some cut away, changed, doubled or put elsewhere."""
    dice = random.Random(seed)
    out = bytearray(data)
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(out) + 1)
        to = min(len(out), at + dice.randrange(1, 40))
        match dice.randrange(5):
            case 0:
                del out[at:to]
            case 1:
                out[at:to] = dice.randbytes(to - at)
            case 2:
                out[at:at] = out[at:to]
            case 3:
                out[at:at] = dice.choice(
                    [b'"', b"}", b"{", b"[", b"\\", b"null", b"1e999", b"\\ud800", b"\x00", b"\xff"]
                )
            case _:
                out = out[:at] if dice.random() < 0.3 else out
    return bytes(out).replace(b"\n", b" ")


def check_chunk(chunk: bytes) -> None:
    """Everything that must hold for the parsed lines of a chunk."""
    for line in chunk.split(b"\n"):
        row_of(line, 0, lambda: NOW)  # without the net that would hide what we look for
    rows, skipped, end = [], 0, 0
    for part in parse_chunk(chunk, 0, 1000, lambda: NOW):
        rows += part.rows
        skipped += part.skipped
        assert part.end > end
        end = part.end
    assert end == chunk.rfind(b"\n") + 1
    assert len(rows) + skipped == sum(1 for row in chunk[:end].split(b"\n")[:-1] if row)
    for row in rows:
        line = chunk[row.start - 1000 : row.start - 1000 + row.length]
        assert b"\n" not in line
        assert parse_time(row.ts) is not None
        if row.hook is not None:
            msgspec.json.decode(msgspec.json.encode(row.hook))
            continue
        payload = b'{"session":"alpha",' + row.tail
        value = json.loads(payload)
        assert value["tool"] == row.tool != ""
        assert value["is_error"] is row.is_error
        assert value["ts"] == row.ts
        for key in ("input", "summary"):
            assert len(value.get(key, "").encode(errors="surrogatepass")) <= 200
        event = Event(1, "tool_call", "alpha", payload, row.ts)
        frame = sse_frame(event)
        assert frame.endswith(b"\n\n")
        assert frame.count(b"\n") == 4
        assert json.loads("{" + ws_tail(event))["payload"] == value
        detail = detail_of(line, row.ts)
        assert detail is not None
        assert len(detail.output_excerpt) <= 4096
        msgspec.json.encode(detail)
        assert text_of_line(line) is not None
        assert text_of_payload(row.tail)


@FEW
@given(st.lists(lines, max_size=5))
@example([{"tool_name": "Bash", "ctm_timestamp": "0001-01-01T00:00:00+23:59"}])
@example([{"tool_name": "Bash", "ctm_timestamp": "9999-12-31T23:59:59-23:59"}])
@example([{"tool_name": "Bash", "tool_input": {"command": "\ud800"}, "tool_response": {"stdout": "\ud800"}}])
@example([{"tool_name": "Edit", "tool_response": {"filePath": "x", "structuredPatch": [{"lines": 5}]}}])
@example([{"tool_name": "Edit", "tool_response": {"filePath": "x", "structuredPatch": 7}}])
def test_log_lines_of_any_shape(found: list[dict[str, Any]]) -> None:
    """Lines with known keys and senseless values give valid events or are counted as skipped."""
    check_chunk(b"".join(encoded(one) + b"\n" for one in found))


@FEW
@given(st.sampled_from(RECORDED), st.integers(0, 10_000))
def test_hurt_recordings(line: bytes, seed: int) -> None:
    """Real lines with bytes lost, changed and doubled never make a parser raise."""
    bad = hurt(line, seed)
    check_chunk(bad + b"\n" + line + b"\n")
    parse_hook_line(bad)
    detail_of(bad, NOW)
    text_of_line(bad)


@FEW
@given(st.binary(max_size=300))
def test_bytes_as_a_log(data: bytes) -> None:
    """Any bytes at all are a log whose lines are skipped."""
    check_chunk(data)


def test_deep_lines() -> None:
    """Nesting beyond any sense is skipped, not recursed into."""
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        deep = opening * 5000 + b"1" + closing * 5000
        check_chunk(b'{"tool_name":"Bash","tool_input":' + deep + b',"tool_response":' + deep + b"}\n")


@FEW
@given(
    st.one_of(
        st.binary(max_size=200), values.map(encoded), st.integers(0, 9999).map(lambda n: hurt(DUMPS[n % len(DUMPS)], n))
    )
)
def test_dumps(data: bytes) -> None:
    """A dump is taken or left, never half taken: its figures are finite numbers."""
    found = parse_dump(data, "stem")
    if found is not None:
        assert isinstance(found.uuid, str)
        msgspec.json.encode(found)


configs = st.dictionaries(
    st.one_of(
        st.text(max_size=5), st.sampled_from(["serve", "hooks", "required_env", "log_max_size_mb", "default_mode"])
    ),
    st.one_of(
        values, st.dictionaries(st.sampled_from(["port", "webhook_url", "attention", "tmux_socket", "x"]), values)
    ),
    max_size=5,
)


@FEW
@given(st.one_of(st.binary(max_size=100), configs.map(encoded)))
def test_config(data: bytes) -> None:
    """`config.json` parses or is broken under our name; a patch keeps every key that it does not name."""
    try:
        parse_settings(data)
    except BrokenConfig:
        return
    patched = merge_patch(data, {"webhook_url": "http://127.0.0.1/x", "attention": {"idle_minutes": 9}})
    settings_ = parse_settings(patched)
    assert (settings_.webhook_url, settings_.attention.idle_minutes) == ("http://127.0.0.1/x", 9)
    before, after = json.loads(data), json.loads(patched)
    assert {k: v for k, v in before.items() if k != "serve"}.items() <= after.items() or "NaN" in str(before)


@FEW
@given(st.one_of(values, st.dictionaries(st.sampled_from(["webhook_url", "webhook_auth", "attention", "x"]), values)))
def test_patches(body: object) -> None:
    """A patch is refused as a whole or gives a document that parses."""
    try:
        patch = check_patch(body)
    except BadPatch:
        return
    parse_settings(merge_patch(default_document(), patch))


@FEW
@given(
    st.one_of(
        st.binary(max_size=100),
        st.dictionaries(
            st.sampled_from(["sessions", "schema_version", "x"]),
            st.one_of(
                values,
                st.dictionaries(
                    st.sampled_from(["alpha", "a.b", "../x", ""]),
                    st.one_of(
                        values,
                        st.dictionaries(
                            st.sampled_from(["name", "uuid", "mode", "workdir", "created_at", "extra"]), values
                        ),
                    ),
                ),
            ),
            max_size=3,
        ).map(encoded),
    )
)
def test_sessions(data: bytes) -> None:
    """`sessions.json` parses or is broken under our name; written again it means the same."""
    try:
        book = parse_sessions(data)
    except BrokenSessions:
        return
    again = parse_sessions(encode_sessions(book))
    assert again.records == book.records


orders = st.dictionaries(st.sampled_from(["op", "id", "sessions", "types", "since", "x"]), values, max_size=5)


@FEW
@given(st.one_of(st.none(), st.text(max_size=60), orders.map(lambda o: encoded(o).decode())))
def test_websocket_messages(text: str | None) -> None:
    """A message is an order or a bad message, which can be told to the client."""
    try:
        order = ws_messages.parse_order(text)
        ws_messages.cursor_of(order.since)
    except ws_messages.BadMessage as error:
        msgspec.json.encode(str(error))


@given(st.one_of(st.text(max_size=40), st.from_regex(r"\d{1,22}-\d{1,12}", fullmatch=True)))
@example("9223372036854775808-0")
@example("9" * 100 + "-" + "9" * 100)
def test_cursors(text: str) -> None:
    """A cursor of any text is none, the oldest, or the number that it says, as far as the event log can compare it."""
    known = parse_event_id(text)
    start = sse.start_of(text)
    wanted = min(known[0], MAX_ID) if known else sse.OLDEST
    assert start == (After(wanted) if text else Ring())
    with contextlib.suppress(ws_messages.BadMessage):
        assert ws_messages.cursor_of(text) == (min(known[0], MAX_ID) if known else None)
    if known is not None:
        assert text.split("-")[0].lstrip("0") in (str(known[0]), "")


@given(st.integers(0, (1 << 63) - 1))
def test_event_ids(ns: int) -> None:
    """What we write as an id we read as the same id."""
    assert parse_event_id(format_event_id(ns)) == (ns, 0)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0000-00-00T00:00:00Z"])
def test_times_at_the_edges(text: str) -> None:
    """A time that cannot be said in UTC is no time, and nothing raises."""
    assert normal_time(text) == ""
    assert parse_time(text) is None


@pytest.mark.parametrize(("at", "year"), [(1e12, "9999-12-31"), (-1e12, "0001-01-01"), (float("inf"), "9999-12-31")])
def test_times_beyond_the_calendar(at: float, year: str) -> None:
    """A time that cannot be written, of a file say, is the nearest that can be, and can be read again."""
    text = format_time(at)
    assert text.startswith(year)
    assert parse_time(text) is not None


def test_a_rule_that_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Should a rule of ours raise nevertheless, the line is skipped and said, and the log goes on."""
    monkeypatch.setattr("ctm_trio.model.log_parse.parse_call", lambda raw: raw.nothing)
    assert parse_row(encoded({"tool_name": "Bash"}), 0, lambda: NOW) == (None, None)
    assert "please report it: AttributeError" in caplog.text
