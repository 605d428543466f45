"""How a prompt is cut and cured so that the client gets exactly its text, and how it is known again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.errors.typing import InvalidKeys, InvalidText
from ctm_trio.model.prompt_record import Prompt, prompt_payload, public_prompt, sent_prompt
from ctm_trio.model.prompt_steps import (
    CHUNK_BREAKS,
    CHUNK_CHARS,
    MAX_BYTES,
    MAX_CHUNKS,
    check_prompt,
    is_command,
    steps_of,
)
from ctm_trio.model.prompt_text import digest
from ctm_trio.model.typing import check_keys

LINE = "A line of a long text, with some words to fill it up; and then some more of them.\n"


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=3000))
def test_the_pieces_are_the_text(text: str) -> None:
    """Whatever is taken, its pastes together are the text, and each is short enough to come bare."""
    try:
        text = check_prompt(text)
    except InvalidText:
        return
    steps = steps_of(text)
    typed = steps.first.removeprefix("x") + "".join(steps.chunks)
    assert typed == text + (" " if text.endswith("\\") else "")
    assert all(steps.chunks), "no empty paste"
    for chunk in steps.chunks:
        assert len(chunk) <= CHUNK_CHARS
        assert chunk.count("\n") <= CHUNK_BREAKS


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("one\r\ntwo\rthree\u2028four\u0085five", "one\ntwo\nthree\nfour\nfive"),
        ("kept\tand  cut \n\t ", "kept\tand  cut"),
        ("  in front", "  in front"),
        ("a\u202eb\u200e", "ab"),
    ],
)
def test_what_is_kept(sent: str, kept: str) -> None:
    """Lines end in line feeds; what the client would cut off, or ask about, is not typed."""
    assert check_prompt(sent) == kept


@pytest.mark.parametrize("text", ["", "  \n\t", "a\x1b[A", "a\0b", "\x03", "a\x7f", "\x9b", "\u200b\u202e", "\ud800"])
def test_what_is_refused(text: str) -> None:
    """Nothing, or what a terminal program takes for keys."""
    with pytest.raises(InvalidText):
        check_prompt(text)


@pytest.mark.parametrize("text", ["exit", " quit\n", ":q", ":wq!", "/ x", " /\tx"])
def test_what_the_client_would_not_take_as_a_prompt(text: str) -> None:
    """It would end at some words, and drop what it takes for a command without a name."""
    with pytest.raises(InvalidText, match="Claude Code"):
        check_prompt(text)


@pytest.mark.parametrize("text", ["Exit", "exit now", "/exit", "/", "/x y", "a / b", "// a comment", ":D", "12:30"])
def test_what_only_looks_like_it(text: str) -> None:
    """These arrive as they are."""
    assert check_prompt(text) == text
    assert steps_of(text).chunks == (text,)


def test_the_greatest_length() -> None:
    """100 KB of UTF-8 and no more."""
    assert len(check_prompt("é" * (MAX_BYTES // 2))) == MAX_BYTES // 2
    with pytest.raises(InvalidText, match="longer"):
        check_prompt("é" * (MAX_BYTES // 2) + "x")


def test_cures() -> None:
    """A backslash at the end, an exclamation mark at the start, paths of images, tabs."""
    assert steps_of("a\\").chunks == ("a\\ ",)
    assert [steps_of(text).chunks[-1][-1] for text in (":ok", "a :+1", "a\n:heart")] == [" ", " ", " "]
    bang = steps_of("!ls\nb")
    assert (bang.first, bang.keys, bang.chunks) == ("x!", ("C-a", "DC", "C-e"), ("ls\nb",))
    assert steps_of("!").chunks == ()
    assert steps_of("/tmp/pic.png and b.JPEG\nc.gif").chunks == ("/tmp/pic.p", "ng and b.J", "PEG\nc.g", "if")
    assert steps_of("no.picture .png ... pngs").chunks == ("no.picture .png ... pngs",)
    assert max(map(len, steps_of("\t" * 1000).chunks)) == CHUNK_CHARS // 4


def test_a_text_of_very_many_lines_is_wrapped() -> None:
    """Then the client gets it in one piece, and it is said."""
    few = steps_of(LINE * 1200)
    assert (few.wrapped, len(few.chunks)) == (False, 600)
    many = steps_of("x\n" * MAX_CHUNKS * 3)
    assert (many.wrapped, len(many.chunks)) == (True, 1)


@pytest.mark.parametrize("text", ["/clear", "  /model opus", "/plugin:name x", "/compact\nnow"])
def test_commands(text: str) -> None:
    """A word behind a slash, also behind blanks."""
    assert is_command(text)


@pytest.mark.parametrize("text", ["/tmp/foo is a path", "see /clear", "//", "/ x", "!ls", "a /b"])
def test_no_commands(text: str) -> None:
    """Paths, and a slash that is not first."""
    assert not is_command(text)


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("a\tb\n", "a    b"),
        ("cafe\u0301", "caf\u00e9"),
        ("a\u200bb\u00adc\ufeff", "abc"),
        ("one\ntwo", '\n\n<pasted_content id="1">\none\ntwo\n</pasted_content id="1">\n'),
        ("heart \u2764\ufe0f", "heart \u2764\ufe0f"),
    ],
)
def test_known_again(sent: str, received: str) -> None:
    """The client's changes leave the fingerprint as it is; another text has another one."""
    assert digest(sent) == digest(received)
    assert digest(sent) != digest(sent + " x")


def test_keys() -> None:
    """Named ones, sixteen at most, none that ends the client."""
    assert check_keys(["Up", "Enter", "1", "y", "C-c"]) == ("Up", "Enter", "1", "y", "C-c")
    for bad in (
        [],
        ["Up"] * 17,
        ["Bogus"],
        ["Enter; kill-server"],
        "Up",
        None,
        [1],
        ["C-d"],
        ["C-c", "Up", "C-c"],
        ["-l"],
    ):
        with pytest.raises(InvalidKeys):
            check_keys(bad)


def test_what_is_shown_of_a_prompt() -> None:
    """What is unknown is left out; an event has the beginning of the text, and the session first."""
    prompt = Prompt("P", "alpha", "t" * 500, "K", "now", 1.0, "failed", typed_at=2.0, error="not_seen", reason="why")
    shown = public_prompt(prompt)
    assert shown.keys() == {"id", "state", "text", "when", "at", "typed_at", "reason", "error"}
    assert "text" not in sent_prompt(prompt)
    assert prompt_payload(prompt) == (
        b'{"session":"alpha","id":"P","state":"failed","text":"' + b"t" * 200 + b'","reason":"why","error":"not_seen"}'
    )
    held = Prompt("P", "alpha", "x", "K", "idle", 1.0)
    assert public_prompt(held).keys() == {"id", "state", "text", "when", "at"}
