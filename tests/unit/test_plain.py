"""Text of others in a terminal: nothing in it controls or reorders anything; JSON keeps its meaning."""

from __future__ import annotations

import io
import json
import logging
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.cli.common import json_text
from ctm_trio.daemon.log_output import PlainFormatter, start_logging
from ctm_trio.model.plain import plain, plain_json, plain_lines
from ctm_trio.producers import statusline

ODD = st.text(
    st.sampled_from('aé漢😀\n\r\t\x1b\x00\x7f\x9b\x85\x9d\u061c\u200e\u202e\u2066\u2069\u2028\ufeff\ud800"\\')
)
CONTROLS = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})


def dangerous(text: str) -> list[str]:
    """The characters that a terminal could obey; spaces and the two joiners are not among them."""
    return [
        c
        for c in text
        if unicodedata.category(c) in CONTROLS or (unicodedata.category(c) == "Cf" and c not in "\u200c\u200d")
    ]


@given(ODD | st.text())
def test_plain_text_controls_nothing(text: str) -> None:
    """No control, no bidi override, no lone surrogate is left, and no character is lost or added."""
    assert not dangerous(plain(text))
    assert len(plain(text)) == len(text)
    assert not dangerous(plain(text, ""))
    assert not dangerous(plain_lines(text).replace("\n", ""))


@pytest.mark.parametrize(
    "text", ["a b", "naïve", "漢字\u3000", "👩\u200d🚀", "שלום", "می\u200cخواهم", "e\u0301", "a\u00a0b"]
)
def test_plain_text_keeps_what_is_harmless(text: str) -> None:
    """Letters of every script, emoji with their joiners, and spaces of other scripts stay."""
    assert plain(text) == text


@given(st.recursive(ODD | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(ODD, inner)))
@pytest.mark.parametrize("ascii_only", [False, True])
def test_json_for_a_terminal_means_the_same(ascii_only: bool, value: object) -> None:
    """Escapes take the place of what a terminal would obey, and the value that is read back is the same."""
    for indent in (None, 2):
        text = plain_json(json.dumps(value, ensure_ascii=False, indent=indent), ascii_only=ascii_only)
        assert not dangerous(text.replace("\n", ""))
        assert json.loads(text) == value
        assert text.isascii() or not ascii_only
        text.encode()  # always valid UTF-8


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", '"é\\u009b"'), ("latin-1", '"\\u00e9\\u009b"')])
def test_json_for_another_encoding_is_ascii(encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stdout is not UTF-8 the JSON is ASCII, which every reader takes."""
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert json_text("é\x9b") == shown


def test_a_log_record_is_one_plain_line() -> None:
    """A name in a record forges no second line and moves no cursor; a traceback keeps its lines, made plain."""
    formatter = PlainFormatter("%(levelname)s %(name)s: %(message)s")
    record = logging.LogRecord("ctm.x", logging.INFO, "", 1, "of %s", ("a\nERROR forged\x9b\u202e",), None)
    assert formatter.format(record) == "INFO ctm.x: of a?ERROR forged??"
    try:
        raise ValueError("one\ntwo\x1b[2J")
    except ValueError as error:
        record = logging.LogRecord("ctm.x", logging.ERROR, "", 1, "bad", (), (ValueError, error, error.__traceback__))
    text = formatter.format(record)
    assert text.startswith("ERROR ctm.x: bad\nTraceback")
    assert text.endswith("ValueError: one\ntwo?[2J")


def test_a_wrong_log_level_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """CTM_LOG=loud does not keep the daemon from starting: it logs from INFO on, and says what is wrong."""
    monkeypatch.setenv("CTM_LOG", "loud")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    try:
        start_logging()
        assert root.level == logging.INFO
        assert "CTM_LOG=LOUD is not a level" in capsys.readouterr().err
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def test_the_status_line_is_plain() -> None:
    """Model and directory come from others; in the status line they are without any control or override."""
    line = statusline.line({"model": {"display_name": "O\x9b2J\u202epus"}, "cwd": "/w/\u2066ab\x1b]0;x\x07c"})
    assert line == "O2Jpus · ab]0;xc"
