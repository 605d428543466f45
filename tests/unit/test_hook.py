"""The hook's pure parts: what becomes a line, and under which name."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.producers import due, hold
from ctm_trio.producers.log_file import make_directory
from ctm_trio.producers.log_line import safe_name, stamped
from ctm_trio.producers.payload import parse_object
from ctm_trio.producers.trouble import Trouble

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    payload=st.dictionaries(st.text(), JSON, max_size=6), indent=st.sampled_from([None, 0, 2]), ascii_only=st.booleans()
)
def test_a_payload_becomes_one_line_with_the_same_values(
    payload: dict[str, object], indent: int | None, ascii_only: bool
) -> None:
    """Whatever the object and its layout, it makes one line, which reads back as the object plus a stamp."""
    data = json.dumps(payload, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        value = parse_object(data)
    except Trouble:
        with pytest.raises(UnicodeDecodeError):  # only a lone surrogate, which is no UTF-8
            data.decode()
        return
    line = stamped(data, value)
    assert line.count(b"\n") == 1
    assert line.endswith(b"}\n")
    read = json.loads(line)
    assert read.pop("ctm_timestamp").endswith("Z")
    for key in ("ctm_session", "ctm_pane", "ctm_pid"):
        read.pop(key, None)
        payload.pop(key, None)
    payload.pop("ctm_timestamp", None)
    assert read == payload


def test_the_stamp_of_a_request() -> None:
    """It ends the line, overrules the payload, and is null where there is none. Source: PROTOCOL.md, Log lines."""
    request = hold.new_request()
    assert re.fullmatch("[0-9a-f]{32}", request)
    assert request != hold.new_request()
    for data in (b"{}", b'{"ctm_request":"forged","a":1}\n'):
        line = stamped(data, parse_object(data), request)
        assert line.endswith(b'"ctm_request":"%b"}\n' % request.encode())
        assert json.loads(line)["ctm_request"] == request
    forged = b'{"ctm_request":"forged"}'
    assert json.loads(stamped(forged, parse_object(forged)))["ctm_request"] is None
    assert "ctm_request" not in json.loads(stamped(b"{}", {}))


def test_a_long_line_is_read_from_its_log_again(tmp_path: Path) -> None:
    """Only as long as it stands there; a short one is kept."""
    request = hold.new_request()
    log = tmp_path / "x.jsonl"
    for fill in (10, hold.MAX_KEPT_BYTES * 3):
        line = b'{"x":"%b","ctm_request":"%b"}' % (b"x" * fill, request.encode())
        log.write_bytes(b'{"first":1}\n' + line + b'\n{"last":1}\n')
        kept = hold.Line(request, line, str(log), 12)
        assert b"".join(kept.pieces()) == line
        assert kept.end == 12 + len(line) + 1
        log.write_bytes(b'{"another":1}\n' + line + b"\n")
        if fill == 10:
            assert b"".join(kept.pieces()) == line
        else:
            with pytest.raises(Trouble, match="rotated"):
                list(kept.pieces())


@pytest.mark.parametrize(
    "data",
    [b"nope", b"[1]", b'"text"', b"1", b'{"half": ', b'{"a":1,}', b'{"a":NaN}', b'{"a":1} x', b'{"a":"\n"}', b"{\xff}"],
)
def test_what_is_no_object_is_trouble(data: bytes) -> None:
    """Anything but one JSON object is refused, and the message has nothing of its content."""
    with pytest.raises(Trouble, match="payload of"):
        parse_object(data)


def test_endless_nesting_is_trouble() -> None:
    """A hundred thousand open brackets neither crash nor pass."""
    with pytest.raises(Trouble):
        parse_object(b'{"a":' + b"[" * 100_000)


def test_numbers_keep_every_digit() -> None:
    """A number too long for a float, or for Python's own limit, is kept to the letter."""
    data = b'{"n":' + b"7" * 5000 + b"}"
    assert b"7" * 5000 in stamped(data, parse_object(data))


@pytest.mark.parametrize(
    ("session_id", "stem"),
    [
        ("abc-DEF_1", "abc-DEF_1"),
        ("../a b/c.d", "---a-b-c-d"),
        ("", "unknown"),
        ("z" * 128, "z" * 128),
        ("z" * 129, "unknown"),
        (None, "unknown"),
        (17, "unknown"),
        ("é\0\n", "---"),
    ],
)
def test_safe_name(session_id: object, stem: str) -> None:
    """A session id never becomes more than a file's stem. Source: PROTOCOL.md, Log lines."""
    assert safe_name(session_id) == stem


def test_settings_numbers() -> None:
    """A zero, missing or strange number in config.json means its default. Source: PROTOCOL.md, Configuration."""
    config = parse_object(b'{"a":7,"b":0,"c":"x","d":-3,"e":1.5,"f":99999999999999999999}')
    assert [due.number(config, key, 50) for key in "abcdefg"] == [7, 50, 50, 50, 50, 50, 50]


def test_two_hooks_make_the_first_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two hooks that find no directory, one makes it while the other has just made its parent: both go on."""
    real = os.mkdir
    wanted = str(tmp_path / "a" / "b")

    def mkdir(path: str, mode: int) -> None:
        if path == wanted and os.path.isdir(tmp_path / "a"):
            real(path, mode)  # the other hook, right before ours
        real(path, mode)

    monkeypatch.setattr("ctm_trio.producers.log_file.posix.mkdir", mkdir)
    make_directory(wanted)
    assert os.path.isdir(wanted)


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """Below a link that leads nowhere nothing can be made: an error at once, no endless trying."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        make_directory(str(tmp_path / "link" / "logs"))
