"""Files and messages with values nested deeper than any reader follows: each is taken as other rubbish is.

A reader of JSON raises RecursionError for these, also for a value that it would only skip.
"""

from __future__ import annotations

import os
import zlib
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from trio_websocket import ConnectionRejected

from ctm_trio.cli.auth import logins, passwd
from ctm_trio.cli.common import CliError
from ctm_trio.client.stream import _refusal
from ctm_trio.ingest.last_stamps import running_writers
from ctm_trio.journal.recall import recall
from ctm_trio.journal.seen import Seen
from ctm_trio.journal.store import EventStore
from ctm_trio.model.paths import paths_under
from ctm_trio.model.webhook import Alert
from ctm_trio.system.git_exchange import NOTE
from ctm_trio.system.git_revert_killed import _noted
from ctm_trio.system.instance_lock import _decode
from ctm_trio.system.live_sessions import read_clients
from ctm_trio.system.outbox import Outbox
from ctm_trio.system.sqlite_file import connect
from ctm_trio.system.tokens import TokenFile
from ctm_trio.system.user_file import is_usable

LEVELS = 30_000
DEEP = "[" * LEVELS + "]" * LEVELS


def test_a_line_of_a_log(tmp_path: Path) -> None:
    """The line before it tells who wrote the log last."""
    good = f'{{"ctm_timestamp":"2099-01-01T00:00:00Z","ctm_pid":"{os.getpid()}"}}\n'
    (tmp_path / "u1.jsonl").write_text(good + f'{{"ctm_pid":"1","tool_input":{DEEP}}}\n')
    assert running_writers([tmp_path], ["u1"])["u1"].pid == str(os.getpid())


def test_a_clients_file(tmp_path: Path) -> None:
    """It hides no other client's."""
    (tmp_path / "1.json").write_text(f'{{"sessionId":"a","status":"busy","x":{DEEP}}}')
    (tmp_path / "2.json").write_text('{"sessionId":"b","status":"busy"}')
    assert [client.uuid for client in read_clients(tmp_path)] == ["b"]


def test_the_user_and_the_tokens(tmp_path: Path) -> None:
    """Nobody can sign in with such a user, and such tokens log nobody in."""
    paths = paths_under(tmp_path)
    paths.root.mkdir(parents=True)
    for path in (paths.user, paths.tokens):
        path.write_text(f'{{"username":"u","tokens":{{}},"x":{DEEP}}}')
        path.chmod(0o600)
    assert not is_usable(paths.user)
    tokens = TokenFile(paths.tokens)
    tokens.load("mark")
    assert not tokens.valid(bytes(32))
    with pytest.raises(CliError, match="cannot be read"):
        passwd(paths)
    with pytest.raises(CliError, match="cannot be read"):
        logins(paths, as_json=True)


def test_the_lock_file() -> None:
    """A record that is whole by its checksum."""
    body = f'{{"pid":1,"x":{DEEP}}}'.encode()
    assert _decode(b"%b %08x\n" % (body, zlib.crc32(body))) is None


def test_a_note_of_a_revert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is none of a revert that never ended."""
    note = tmp_path / "1" / NOTE
    note.parent.mkdir()
    note.write_text(f'{{"x":{DEEP[LEVELS // 2 : -LEVELS // 2]}}}')
    monkeypatch.setattr("ctm_trio.system.git_revert_killed.places_of", lambda tree: [str(tmp_path)])
    assert _noted(SimpleNamespace(git_dir="g", top="t")) == []  # type: ignore[arg-type]


def test_a_stored_alert(tmp_path: Path) -> None:
    """It is given up; the one behind it is next."""
    outbox = Outbox(tmp_path / "outbox.db")
    alerts = [Alert(f"{n}-0", "attention_raised", "stuck", "s", "2026-01-01T00:00:00Z") for n in (1, 2)]
    outbox.store([(1, alerts[0]), (2, alerts[1])], 2, 1.0)
    outbox.db.execute("UPDATE deliveries SET body = ? WHERE id = 1", (f'{{"x":{DEEP}}}',))
    assert [head.id for head in outbox.heads(1.0)] == [2]
    assert [delivery.status for delivery in outbox.newest()] == ["pending", "failed"]
    outbox.close()


def test_a_stored_announcement_and_a_hook_event(tmp_path: Path) -> None:
    """What is remembered of a session is without them."""
    path, nested = tmp_path / "events.db", f'"state":"stuck","since":"","x":{DEEP}}}'.encode()
    EventStore(path).close()
    with closing(connect(path, "rw")) as db:
        db.execute("INSERT INTO sources (id, uuid, session) VALUES (1, 'u1', 'alpha')")
        for id_, facts in ((5, b'{"name":"Stop"}'), (6, b'{"name":"Stop",' + nested)):
            db.execute("INSERT INTO hooks VALUES (?, 1, 'Stop', '2026-01-01T00:00:00Z', ?, '', 1, 0, 1)", (id_, facts))
        db.execute(
            "INSERT INTO events VALUES (7, 1, 'attention_raised', '2026-01-01T00:00:00Z', ?, '', 0, '', '', '',"
            " 1, 0, 1)",
            (nested,),
        )
        assert Seen(db, Path("x.db")).first_of(1, []) == []
    known = recall(path, frozenset({"alpha"}), 4)
    assert [event.id for event in known.events["alpha"]] == [5]
    assert known.raised == {}


def test_a_refused_handshake() -> None:
    """What answers there is not read; the status counts."""
    refused = ConnectionRejected(503, (), f'{{"x":{DEEP}}}'.encode())
    assert "HTTP 503" in str(_refusal(refused))
