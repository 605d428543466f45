"""Lines that a strict reader refuses although their meaning is plain: mended, never lost, never invented."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ctm_trio
from ctm_trio.model.decoding import decode_any
from ctm_trio.model.detail import detail_of
from ctm_trio.model.hook_event import parse_hook_line
from ctm_trio.model.log_parse import row_of
from ctm_trio.model.odd_json import MAX_TOKENS, looks_like_object, mended, whole_characters
from ctm_trio.model.quota import parse_dump
from ctm_trio.model.search import text_of_line

NOW = "2026-01-01T00:00:00Z"
DEEP = b"[" * 3000 + b"1" + b"]" * 3000

CALL = b'{"hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"ls%b"},"tool_response":%b,%b}'


def call(*, command: bytes = b"", response: bytes = b'{"stdout":"fine"}', more: bytes = b'"tool_use_id":"t1"') -> bytes:
    """A line of a call, with something odd in it."""
    return CALL % (command, response, more)


ODD = {
    "half a character": call(response=b'{"stdout":"fine\\ud83d"}'),
    "the other half": call(response=b'{"stdout":"fine \\ude00"}'),
    "half a character in a name": call(more=b'"\\ud800":1'),
    "half a character in a string of ours": call(more=b'"cwd":"/x\\udfff"'),
    "half a character in bytes": call(response=b'{"stdout":"fine \xed\xa0\xbd"}'),
    "bytes that are not UTF-8": call(response=b'{"stdout":"fine \xff\xfe"}'),
    "not UTF-8 in an unused key": call(more=b'"note":"\xff"'),
    "NaN": call(more=b'"cost":NaN,"more":[-Infinity,Infinity]'),
    "a number beyond floats": call(more=b'"n":1e999,"duration_ms":1e999'),
    "a number beyond 64 bits": call(more=b'"n":18446744073709551616,"duration_ms":18446744073709551616'),
    "a number of many digits": call(more=b'"n":%b,"duration_ms":%b' % (b"9" * 5000, b"9" * 5000)),
    "a raw control character": call(response=b'{"stdout":"fine\x00\x1b"}'),
    "a raw tab": call(response=b'{"stdout":"fine\tthing"}'),
    "a BOM": b"\xef\xbb\xbf" + call(),
    "zeros of a crash": b"\0" * 4096 + call(),
    "zeros behind": call() + b"\0\0",
    "CRLF": call() + b"\r",
    "a key twice": call(more=b'"cwd":"/a","cwd":"/b"'),
    "deep nesting in an unused key": call(more=b'"note":' + DEEP),
    "deep nesting in the response": call(response=b'{"stdout":"fine","more":%b}' % DEEP),
    "NaN in the response": call(response=b'{"stdout":"fine","n":NaN,"m":1e999}'),
}


@pytest.mark.parametrize("line", ODD.values(), ids=ODD.keys())
def test_an_odd_line_is_a_call(line: bytes) -> None:
    """It is in the feed, in detail and in search like any other."""
    row, clues = row_of(line, 0, lambda: NOW)
    assert row is not None
    assert clues is not None
    payload = json.loads(b'{"session":"a",' + row.tail)
    assert payload["input"] == "ls"
    assert payload["summary"].startswith("fine")
    found = detail_of(line, NOW)
    assert found is not None
    assert found.output_excerpt.startswith("fine")
    assert json.loads(found.input_json) == {"command": "ls"}
    text = text_of_line(line)
    assert text is not None
    assert text.startswith("Bash\nls\nfine")
    assert looks_like_object(line)


@pytest.mark.parametrize(
    "more", [b'"duration_ms":"12","is_interrupt":"no"', b'"duration_ms":1e999,"is_interrupt":"no"']
)
def test_a_text_is_no_number_and_no_truth(more: bytes) -> None:
    """A key with a text where a number or a truth belongs counts as absent: the call stays an error."""
    row, _ = row_of(call(more=b'"error":"boom",' + more).replace(b"PostToolUse", b"PostToolUseFailure"), 0, lambda: NOW)
    assert row is not None
    assert row.is_error
    assert "duration_ms" not in json.loads(b'{"session":"a",' + row.tail)


def test_half_a_character_is_a_replacement() -> None:
    """U+FFFD stands where the half character was, and only there; whole ones stay, and so does a text about them."""
    line = call(
        command=b" \\ud83d", response=b'{"stdout":"\\ud83d\\ude00 \\\\ud83d \\\\\\ud83d \\ud83d\\ud83d\\ude00"}'
    )
    found = detail_of(line, NOW)
    assert found is not None
    assert json.loads(found.input_json) == {"command": "ls \ufffd"}
    assert found.output_excerpt == "😀 \\ud83d \\\ufffd \ufffd😀"


def test_a_stop_with_half_a_character() -> None:
    """A hook event that ends in half a character is one, with its text."""
    found = parse_hook_line(
        b'{"hook_event_name":"Stop","background_tasks":[],"last_assistant_message":"green \\ud83d"}'
    )
    assert found is not None
    assert (found.facts.name, found.facts.text) == ("Stop", "green \ufffd")


def test_a_status_line_with_half_a_character() -> None:
    """A dump counts although the session's name in it was cut in the middle of a character."""
    dump = parse_dump(b'{"session_id":"s1","session_name":"\\ud83d","context_window":{"used_percentage":41}}', "stem")
    assert dump is not None
    assert (dump.uuid, dump.meter.context_pct) == ("s1", 41)


@pytest.mark.parametrize(
    "line",
    [b"", b"nope", b'{"half":', b'{"a":1}}', b'{"a":1 2}', b'{"a":NaN NaN}', b'{"a":1,}', b"{a:1}", b'{"a":"b" "c"}',
     b'{"tool_name":"Bash"', b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' + b"[" * 100_000 + b"}", b'{"a":tru}'],
)  # fmt: skip
def test_what_is_not_json_stays_refused(line: bytes) -> None:
    """Grammar is not mended: half a line never becomes a whole one."""
    assert decode_any(line) is None
    assert row_of(line, 0, lambda: NOW) == (None, None)


def test_too_much_to_take_apart() -> None:
    """A value of very many tokens is not taken apart; half characters are mended in it all the same."""
    many = b'{"tool_name":"Bash","x":[' + b"1," * MAX_TOKENS + b'"\\ud800",%b]}'
    assert row_of(many % b"2", 0, lambda: NOW)[0] is not None
    assert row_of(many % b"NaN", 0, lambda: NOW)[0] is None


TEXTS = st.text(st.characters(codec=None, categories=None)) | st.sampled_from(["\\", "\\u", '"', "\ud83d", "\ude00"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)


def meant(value: object) -> object:
    """What a mended value is to be: half characters replaced, no number that is none."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, list):
        return [meant(item) for item in value]
    if isinstance(value, dict):
        return {str(meant(key)): meant(item) for key, item in value.items()}
    return value


@given(JSON)
def test_any_value_means_the_same(value: object) -> None:
    """Whatever Python's writer makes of a value is read as that value, with U+FFFD and null where it must be."""
    assert decode_any(json.dumps(value).encode()) == meant(value)


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    """Nothing raises, and every cure is sound UTF-8."""
    for cured in mended(data):
        cured.decode()
    whole_characters(data).decode()


def test_nobody_splits_at_strange_characters() -> None:
    """`str.splitlines` cuts at form feeds, U+2028 and NEL, which are characters of a file's or a program's lines."""
    users = set()
    for file in Path(ctm_trio.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("splitlines", "iter_lines", "aiter_lines"):
                users.add(file.name)
    assert users <= {"git.py", "git_reason.py", "supervise.py"}  # what git says, and a traceback for the log
