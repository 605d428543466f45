"""Field case 14: the client's cost counter begins anew inside one Claude session."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.faults.process import eventually
from tests.field.box import FIXTURES, Box, box

DUMPS = [(FIXTURES / "14" / f"{n}.json").read_bytes() for n in (1, 2, 3, 4)]
TOTALS = [5_000_000, 5_500_000, 5_520_000, 5_800_000]


def shows(here: Box, total: int) -> bool:
    """The session's view and the totals of all say that it has cost so much."""
    view = here.daemon.get("/api/sessions/alpha").get("cost_usd_micros")
    return bool(view == total == here.daemon.get("/api/cost")["totals"]["cost_usd_micros"])


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted each time"])
def test_what_was_counted_stays(tmp_path: Path, restarts: bool) -> None:
    """5.50 + 0.30 = 5.80 in the view, the totals, the curve and what was spent; also over kills."""
    with box(tmp_path) as here:
        here.session()
        here.daemon.start()
        days: dict[str, int] = {}
        for dump, total in zip(DUMPS, TOTALS, strict=True):
            here.dump(dump)
            eventually(partial(shows, here, total), what=f"{total} in view and totals")
            if restarts:
                here.daemon.kill()
                here.daemon.start()
                eventually(partial(shows, here, total), what=f"{total} after a restart")
            found = here.daemon.get("/api/cost?window=week")["spent"]
            assert sum(found["days"].values()) == total
            assert all(found["days"][day] >= micros for day, micros in days.items())
            days = found["days"]
            assert found["sessions"] == {"alpha": total}
        points = [p["cost_usd_micros"] for p in here.daemon.get("/api/cost?session=alpha")["points"]]
        assert points == TOTALS
        assert here.status()["sessions"][0]["cost_usd_micros"] == TOTALS[-1]
        assert here.status()["cost_today_usd_micros"] >= TOTALS[-1] - TOTALS[0]
        assert here.daemon.stop()[0] == 0
