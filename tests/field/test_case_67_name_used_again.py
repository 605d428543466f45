"""Field case 67: a session is ended and forgotten, and another one gets its name."""

from __future__ import annotations

import json
from pathlib import Path

from tests.faults.process import Daemon, eventually
from tests.field.lines import append, attention, call, feed, known, line, lines_of, record, uuid_of, with_tmux
from tests.tmux_server import PrivateTmux


def order(daemon: Daemon, name: str, what: str, **body: str) -> None:
    """An order that must be carried out."""
    answer = daemon.request("POST", f"/api/sessions/{name}/{what}", json=body)
    assert answer.status_code == 200, answer.text


def past(daemon: Daemon) -> None:
    """A session with a call, a failed call, a request, figures."""
    (asks,) = lines_of("67", "line.jsonl")
    append(daemon, [call(uuid_of(1), "old", agent_id="a1", agent_type="Explore")])
    append(daemon, [{**call(uuid_of(1), "failed"), "hook_event_name": "PostToolUseFailure", "error": "Exit code 3"}])
    dump = {"session_id": uuid_of(1), "context_window": {"used_percentage": 97, "total_input_tokens": 5,
                                                        "total_output_tokens": 5}}  # fmt: skip
    (daemon.home / "dumps" / f"{uuid_of(1)}.json").write_text(json.dumps(dump))
    eventually(lambda: feed(daemon, "api") == ["failed", "old"], what="the calls")
    append(daemon, [asks])
    eventually(lambda: attention(daemon, "api") == "permission_request", what="the request")
    eventually(lambda: daemon.get("/api/sessions/api").get("context_pct") == 97, what="the figures")


def figures(view: dict[str, object]) -> dict[str, object]:
    """What a session view has of a past."""
    keys = ("attention", "context_pct", "tokens", "last_tool_call_at", "cost_usd_micros")
    return {key: view[key] for key in keys if key in view}


def is_new(daemon: Daemon) -> None:
    """The session of that name has nothing of the one before."""
    eventually(lambda: not figures(daemon.get("/api/sessions/api")), what="a view without a past")
    assert feed(daemon, "api") == []
    assert daemon.get("/api/sessions/api/subagents") == {"subagents": []}
    history = daemon.get("/api/sessions/api/feed/history?before=9000000000000000000-0")
    assert history["events"] == []
    assert daemon.get("/api/cost?session=api")["points"] == []
    assert b"event: attention_" not in replayed(daemon)


def replayed(daemon: Daemon) -> bytes:
    """What a stream of the session begins with: the ring."""
    with daemon.connect() as sock:
        sock.sendall(
            f"GET /events/session/api HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\n"
            f"Authorization: Bearer {daemon.token}\r\n\r\n".encode()
        )
        sock.settimeout(0.5)
        data = b""
        try:
            while chunk := sock.recv(1 << 16):
                data += chunk
        except TimeoutError:
            pass  # the replay comes at once; then it is quiet
    assert b": ok" in data
    return data


def test_the_new_one_has_no_past(tmp_path: Path, server: PrivateTmux) -> None:
    """Kill, forget, create in another directory: no state, no alarm, no feed, no figures, also after a restart."""
    with Daemon(tmp_path) as daemon:
        with_tmux(daemon, server, webhook_url="http://127.0.0.1:9/nobody")
        server.new("api")
        record(daemon, api=uuid_of(1))
        daemon.start()
        known(daemon, "api")
        past(daemon)
        eventually(lambda: "permission_request" in alerts(daemon), what="the alert of the old one")
        order(daemon, "api", "kill", confirm="api")
        order(daemon, "api", "forget", confirm="api")
        eventually(lambda: feed(daemon, "uuid:0a1b2c3d") == ["failed", "old"], what="the log under its own id")
        before = len(alerts(daemon))
        made = daemon.request("POST", "/api/sessions", json={"workdir": str(tmp_path / "other"), "name": "api"})
        assert made.status_code == 201, made.text
        assert figures(made.json()) == {}
        is_new(daemon)
        daemon.stop()
        daemon.start()
        is_new(daemon)
        assert [a for a in alerts(daemon)[before:] if a != "tmux_dead"] == []


def test_a_name_that_another_one_is_renamed_to(tmp_path: Path, server: PrivateTmux) -> None:
    """A session that is renamed onto a freed name keeps its own past and gets nothing of the other one's."""
    with Daemon(tmp_path) as daemon:
        with_tmux(daemon, server)
        for name in ("api", "beta"):
            server.new(name)
        record(daemon, api=uuid_of(1), beta=uuid_of(2))
        daemon.start()
        known(daemon, "beta")
        past(daemon)
        append(daemon, [call(uuid_of(2), "mine")])
        eventually(lambda: feed(daemon, "beta") == ["mine"], what="its own call")
        append(daemon, [line(uuid_of(2), "Stop", ctm_timestamp="2026-11-25T10:00:09.5Z")])
        eventually(lambda: attention(daemon, "beta") == "waiting_input", what="its own state")
        order(daemon, "api", "kill", confirm="api")
        order(daemon, "api", "forget", confirm="api")
        order(daemon, "beta", "rename", to="api")
        eventually(lambda: feed(daemon, "api") == ["mine"], what="its own feed")
        assert attention(daemon, "api") == "waiting_input"
        assert "context_pct" not in daemon.get("/api/sessions/api")


def test_records_changed_by_hand(tmp_path: Path, server: PrivateTmux) -> None:
    """A record taken out and another one of its name put in, in one step or while the daemon is down."""
    with Daemon(tmp_path) as daemon:
        with_tmux(daemon, server)
        server.new("api")
        record(daemon, api=uuid_of(1))
        daemon.start()
        known(daemon, "api")
        past(daemon)
        write_another(daemon, 8)
        eventually(lambda: daemon.get("/api/sessions/api")["uuid"] == uuid_of(8), what="the other record")
        eventually(lambda: feed(daemon, "api") == [], what="the log leaving")
        eventually(lambda: "context_pct" not in daemon.get("/api/sessions/api"), what="the figures leaving")
        is_new(daemon)
        append(daemon, [call(uuid_of(8), "mine now")])
        eventually(lambda: feed(daemon, "api") == ["mine now"], what="its own call")
        daemon.stop()
        write_another(daemon, 9)
        daemon.start()
        eventually(lambda: feed(daemon, "api") == [], what="the log leaving")
        is_new(daemon)


def write_another(daemon: Daemon, n: int) -> None:
    """Another session of that name, in another directory."""
    entry = {"name": "api", "uuid": uuid_of(n), "mode": "yolo", "workdir": f"/srv/{n}",
             "created_at": f"2026-11-25T1{n}:00:00Z"}  # fmt: skip
    path = daemon.root / "sessions.json"
    path.with_suffix(".new").write_text(json.dumps({"schema_version": 1, "sessions": {"api": entry}}))
    path.with_suffix(".new").replace(path)


def alerts(daemon: Daemon) -> list[str]:
    """The alerts that were accepted for the webhook, in order."""
    return [delivery["alert"] for delivery in reversed(daemon.get("/api/webhook/deliveries")["deliveries"])]
