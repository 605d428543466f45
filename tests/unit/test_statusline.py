"""The status line's text, from recorded and from odd payloads."""

from __future__ import annotations

import pytest

from ctm_trio.producers import statusline
from ctm_trio.producers.payload import parse_object


def line(data: bytes) -> str:
    return statusline.line(parse_object(data))


def test_all_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model, directory, context, both limits and the cost, rounded half up."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = line(
        b'{"model":{"display_name":"Claude Opus 4.7"},"workspace":{"project_dir":"/w/project/"},'
        b'"context_window":{"used_percentage":25.5},"cost":{"total_cost_usd":1.234},'
        b'"rate_limits":{"seven_day":{"used_percentage":84.4},"five_hour":{"used_percentage":9.5}}}'
    )
    assert text == "Opus 4.7 · project · context 26% · 5h 10% · 7d 84% · $1.23"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"{}", ""),
        (b'{"model":"x","cost":[],"workspace":7,"context_window":{"used_percentage":null}}', ""),
        (b'{"model":{"display_name":"A\\u001b[31mB\\n"}}', "A[31mB"),
        (b'{"context_window":{"used_percentage":1e999}}', ""),
        (b'{"cwd":"/a/b"}', "b"),
    ],
)
def test_odd_payloads(data: bytes, text: str) -> None:
    """What is missing or of another type is left out, and nothing can control the terminal."""
    assert line(data) == text


def test_a_high_percentage_is_coloured_unless_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """85 % and more stands out; NO_COLOR is obeyed."""
    data = b'{"context_window":{"used_percentage":85}}'
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(statusline, "environ", lambda name: "")
    assert line(data) == "context \033[33m85%\033[0m"
    monkeypatch.setattr(statusline, "environ", lambda name: "1")
    assert line(data) == "context 85%"
