"""Field case 2: text for a session whose pane is in copy mode, in view mode, or takes no input."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.process import Daemon, eventually
from tests.field.lines import with_tmux
from tests.tmux_server import PrivateTmux


@pytest.mark.parametrize("steps", [("copy-mode",), ("run-shell", "echo hi"), ("select-pane", "-d")], ids=lambda s: s[0])
def test_the_text_arrives_or_the_reason_is_said(tmp_path: Path, server: PrivateTmux, steps: tuple[str, ...]) -> None:
    """The mode is left and text and preset reach the program; input that is switched off is said."""
    with Daemon(tmp_path) as daemon:
        with_tmux(daemon, server)
        daemon.start()
        made = daemon.request("POST", "/api/sessions", json={"workdir": str(tmp_path / "w"), "name": "alpha"})
        assert made.status_code == 201, made.text
        eventually(lambda: "ready" in server.screen("alpha"), what="the client")
        for body, wanted in (({"text": "please go on"}, "please go on"), ({"preset": "yes"}, "Approve")):
            command, *more = steps
            server.run(command, "-t", "=alpha:", *more)
            answer = daemon.request("POST", "/api/sessions/alpha/input", json=body)
            if command == "select-pane":
                assert (answer.status_code, answer.json()["error"]) == (409, "not_typeable")
                assert "switched off" in answer.json()["message"]
                assert {"line": wanted} not in server.notes()
            else:
                assert answer.status_code == 204, answer.text
                eventually(lambda wanted=wanted: {"line": wanted} in server.notes(), what="the line")  # type: ignore[misc]
