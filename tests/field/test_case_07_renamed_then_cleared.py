"""Field case 7: a session that was renamed is cleared, while another one has its old name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.process import Daemon, eventually
from tests.field.lines import append, call, feed, known, line, lines_of, record, recorded, uuid_of


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "read backwards"])
def test_the_process_says_whose_it_is(tmp_path: Path, backwards: bool) -> None:
    """The new id belongs to the renamed session, whose process it is; the one of the old name keeps its own id."""
    with Daemon(tmp_path) as daemon:
        record(daemon, api=uuid_of(2), api_old=uuid_of(1))
        daemon.start()
        known(daemon, "api-old")
        lines = lines_of("07")
        append(daemon, reversed(lines) if backwards else lines)
        eventually(lambda: recorded(daemon) == {"api-old": uuid_of(3), "api": uuid_of(2)}, what="the record following")
        eventually(lambda: feed(daemon, "api-old") == ["after the clear"], what="the call in its feed")
        assert feed(daemon, "api") == []


def test_also_when_it_is_renamed_while_the_daemon_watches(tmp_path: Path) -> None:
    """The same with a rename and a new session at run time, and a call of the new one in between."""
    with Daemon(tmp_path) as daemon:
        record(daemon, api=uuid_of(1))
        append(daemon, [call(uuid_of(1), "first", pid="111", pane="%0", session="api")])
        daemon.start()
        eventually(lambda: feed(daemon, "api") == ["first"], what="the first call")
        record(daemon, api_old=uuid_of(1), api=uuid_of(2))
        known(daemon, "api-old")
        append(daemon, [line(uuid_of(2), "SessionStart", source="startup", pid="222", pane="%1", session="api")])
        append(daemon, lines_of("07"))
        eventually(lambda: recorded(daemon)["api-old"] == uuid_of(3), what="the record following")
        eventually(lambda: feed(daemon, "api-old") == ["after the clear", "first"], what="its feed going on")
        assert (recorded(daemon)["api"], feed(daemon, "api")) == (uuid_of(2), [])
