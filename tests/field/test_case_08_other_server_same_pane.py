"""Field case 8: a client in another tmux server, whose pane has the same number."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.faults.process import Daemon, eventually
from tests.field.lines import append, attention, call, feed, known, line, lines_of, record, recorded, uuid_of


def test_it_is_nobodys(tmp_path: Path) -> None:
    """Its calls and its request belong to no session; the session in pane %0 of our server keeps its own."""
    with Daemon(tmp_path) as daemon:
        record(daemon, api=uuid_of(1))
        daemon.start()
        known(daemon, "api")
        append(daemon, lines_of("08"))
        eventually(lambda: feed(daemon, "uuid:0a1b2c3d") == ["private"], what="the stranger's call under its own id")
        eventually(lambda: feed(daemon, "api") == ["ours"], what="our call")
        assert attention(daemon, "api") != "permission_request"
        assert recorded(daemon) == {"api": uuid_of(1)}


def test_reused_numbers_after_a_restart_of_tmux(tmp_path: Path) -> None:
    """A client that begins with the same pid and pane as one that ended is another process, also with its /clear."""
    with Daemon(tmp_path) as daemon:
        record(daemon, api=uuid_of(1))
        daemon.start()
        known(daemon, "api")
        append(daemon, lines_of("08")[:2])
        eventually(lambda: feed(daemon, "api") == ["ours"], what="our call")
        place = {"pid": "111", "pane": "%0"}
        append(daemon, [line(uuid_of(5), "SessionStart", source="startup", **place,
                             ctm_timestamp="2026-11-25T11:00:00Z"),
                        line(uuid_of(6), "SessionStart", source="clear", **place, ctm_timestamp="2026-11-25T11:00:05Z"),
                        call(uuid_of(6), "theirs", **place, ctm_timestamp="2026-11-25T11:00:06Z")])  # fmt: skip
        eventually(lambda: feed(daemon, "uuid:0a1b2c3d") == ["theirs"], what="the stranger's call")
        assert (feed(daemon, "api"), recorded(daemon)) == (["ours"], {"api": uuid_of(1)})


def test_a_client_that_the_session_runs_is_not_the_session(tmp_path: Path) -> None:
    """`claude -p` inherits the pane and the name: it neither takes the record nor raises the session's alarm."""
    with Daemon(tmp_path) as daemon:
        record(daemon, api=uuid_of(1))
        daemon.start()
        known(daemon, "api")
        append(daemon, lines_of("08")[:2])
        eventually(lambda: feed(daemon, "api") == ["ours"], what="our call")
        child = {"pid": "333", "pane": "%0", "session": "api"}
        append(daemon, [line(uuid_of(7), "SessionStart", source="startup", **child),
                        line(uuid_of(7), "PermissionRequest", tool_name="Bash", tool_input={"command": "x"}, **child),
                        call(uuid_of(7), "child", **child)])  # fmt: skip
        eventually(lambda: feed(daemon, "uuid:0a1b2c3d") == ["child"], what="the child's call")
        assert feed(daemon, "api") == ["ours"]
        assert attention(daemon, "api") != "permission_request"
        assert recorded(daemon) == {"api": uuid_of(1)}


def test_also_when_only_the_clients_own_file_says_who_it_is(tmp_path: Path) -> None:
    """After a restart of the daemon, before the session has said anything, its status file tells its process."""
    own = subprocess.Popen(["sleep", "60"])
    try:
        sessions = tmp_path / ".claude" / "sessions"
        sessions.mkdir(parents=True)
        status = {"pid": own.pid, "sessionId": uuid_of(1), "status": "busy", "statusUpdatedAt": 1, "tmux": "api:@0.%0"}
        (sessions / f"{own.pid}.json").write_text(json.dumps(status))
        with Daemon(tmp_path) as daemon:
            record(daemon, api=uuid_of(1))
            daemon.start()
            known(daemon, "api")
            child = {"pid": "333", "pane": "%0", "session": "api"}
            append(daemon, [line(uuid_of(7), "SessionStart", source="startup", **child),
                            call(uuid_of(7), "child", **child)])  # fmt: skip
            eventually(lambda: feed(daemon, "uuid:0a1b2c3d") == ["child"], what="the child's call")
            assert feed(daemon, "api") == []
    finally:
        own.kill()
        own.wait()
