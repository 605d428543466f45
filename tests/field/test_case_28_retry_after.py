"""Field case 28: an endpoint that asks for a pause with a date, or with a fraction of a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.faults.process import eventually
from tests.field.box import FIXTURES, box, endpoint


def refusal(pause: str, skew_s: float) -> Callable[[BaseHTTPRequestHandler], None]:
    """The answer of the file, with another pause, from an endpoint whose clock is `skew_s` ahead of ours."""
    first, *_ = (FIXTURES / "28" / "answer.txt").read_text().splitlines()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        now = time.time() + skew_s
        handler.send_response_only(int(first.split()[1]))
        handler.send_header("Date", formatdate(now, usegmt=True))
        handler.send_header(
            "Retry-After", formatdate(now + float(pause[5:]), usegmt=True) if "date" in pause else pause
        )
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.mark.parametrize(
    ("pause", "least_s", "skew_s"), [("date+8", 7.0, 0.0), ("date+4", 3.0, 1200.0), ("3.5", 3.5, 0.0)]
)
def test_not_before_that(tmp_path: Path, pause: str, least_s: float, skew_s: float) -> None:
    """The next try comes after the pause that was asked for, whatever the endpoint's clock says."""
    with endpoint() as hook, box(tmp_path) as here:
        hook.script.append(refusal(pause, skew_s))
        here.session()
        here.tmux.run("kill-session", "-t", "=alpha")
        here.serve(webhook_url=hook.url)
        here.daemon.start()
        eventually(lambda: len(hook.got) == 2, within_s=30, what="the second try")
        (first, one), (second, two) = hook.got
        assert one == two
        assert least_s <= second - first < least_s + 10
        assert here.daemon.stop()[0] == 0
