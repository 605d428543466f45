"""Field case 12: a week that ends earlier, and windows whose ends differ by a second."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.faults.process import eventually
from tests.field.box import FIXTURES, UUID, Box, box

OTHER = "0a1b2c3d-0000-4000-8000-000000000002"
OLD = 1_800_000_000
"""The end of the first window in the files; the others keep their distance to it."""


def dump(name: str, end: float, old_end: int = OLD) -> bytes:
    """A dump of the case, its windows moved so that what ended at `old_end` ends at `end`."""
    value = json.loads((FIXTURES / "12" / f"{name}.json").read_bytes())
    for limit in value["rate_limits"].values():
        limit["resets_at"] += int(end) - old_end
    return json.dumps(value).encode()


def quota(here: Box) -> dict[str, Any]:
    answer = here.daemon.request("GET", "/api/quota")
    found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return found


def test_the_newest_answer_counts(tmp_path: Path) -> None:
    """93 % of a week, then 12 % of one that ends earlier: 12 %, no alarm; the command line says the same."""
    now = time.time()
    with box(tmp_path) as here:
        here.session()
        here.daemon.start()
        here.dump(dump("a", now + 6 * 86_400))
        eventually(lambda: here.attention() == "quota_high", what="the alarm")
        here.dump(dump("b", now + 2 * 86_400, 1_799_700_000))
        eventually(lambda: quota(here)["weekly_pct"] == 12, what="the figure of the newest answer")
        eventually(lambda: here.attention() == "", what="the end of the alarm")
        assert here.status()["quota"]["weekly"]["pct"] == 12
        here.daemon.stop()
        assert here.status()["quota"]["weekly"]["pct"] == 12
        here.daemon.start()
        eventually(lambda: quota(here).get("weekly_pct") == 12, what="the figure after a restart")
        assert here.daemon.stop()[0] == 0


def test_a_second_apart_is_one_window(tmp_path: Path) -> None:
    """80 % and 20 % of two sessions whose windows end a second apart, then 84 %: it is 84 %."""
    end = time.time() + 2 * 3600
    with box(tmp_path) as here:
        here.session()
        here.daemon.start()
        here.dump(dump("c", end))
        eventually(lambda: quota(here).get("five_hr_pct") == 80, what="the first")
        here.dump(dump("d", end), uuid=OTHER)
        here.dump(dump("e", end), uuid=UUID)
        eventually(lambda: quota(here)["five_hr_pct"] == 84, what="the highest")
        assert here.status()["quota"]["five_hours"]["pct"] == 84
        assert here.daemon.stop()[0] == 0
