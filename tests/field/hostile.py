"""A HOME whose names, paths, commands and answers are full of what a terminal would obey."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctm_trio.journal.stamping import stamp_draft
from ctm_trio.journal.store import EventStore

ODD = "é漢😀\x1b]52;c;AAAA\x07\x9b2J\x9d0;title\x9c\u202egpj\u2066\u2028x\x7f"
"""Letters that not every encoding has, then: set the clipboard, clear the screen, set the title, reorder."""

UUID = "11111111-2222-4333-8444-555555555555"


def hostile_home(home: Path, port: int) -> None:
    """Two sessions, a log with three calls, and one that needs somebody, all with `ODD` where others may write."""
    root = home / ".config" / "ctm"
    for directory in (root / "logs", root / "hook-events", home / "dumps"):
        directory.mkdir(parents=True, mode=0o700)
    config = {"schema_version": 1, "serve": {"port": port, "statusline_dump_dir": str(home / "dumps")}}
    (root / "config.json").write_text(json.dumps(config))
    (root / "claude-overlay.json").write_text(json.dumps({"note": ODD}, ensure_ascii=False))
    records = {
        name: {"name": name, "uuid": uuid, "mode": "yolo", "workdir": f"/w/{ODD}", "created_at": "2026-01-01T00:00:00Z"}
        for name, uuid in (("alpha", UUID), ("beta", "u-beta"))
    }
    (root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": records}))
    call = {
        "session_id": UUID, "hook_event_name": "PostToolUse", "tool_name": f"Bash{ODD}",
        "tool_input": {"command": f"echo {ODD}"}, "tool_response": {"stdout": ODD}, "tool_use_id": "t",
        "ctm_timestamp": "2026-05-01T10:00:00Z", "ctm_session": "alpha",
    }  # fmt: skip
    with (root / "logs" / f"{UUID}.jsonl").open("w", encoding="utf-8") as log:
        for n in range(3):
            call |= {"tool_use_id": f"t{n}", "ctm_timestamp": f"2026-05-01T10:00:0{n}Z"}
            log.write(json.dumps(call, ensure_ascii=bool(n % 2)) + "\n")
    store = EventStore(root / "ctm-trio.db")
    raised = {"session": "alpha", "state": "stuck", "since": "2026-01-01T00:00:00Z", "details": ODD}
    source = store.source(UUID, "alpha")
    stamped, _ = stamp_draft(store, source, "attention_raised", "alpha", json.dumps(raised).encode(), "")
    store.insert([stamped])
    store.close()


class _Daemon(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Say that we are one of the daemon's kind."""
        self.send_response(200)
        self.send_header("X-Ctm-Serve", "9\x9b2J")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def seeming_daemon() -> Iterator[int]:
    """A listener that calls itself a daemon, of a version that would clear the screen; its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Daemon) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
