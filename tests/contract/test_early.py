"""The first moments of the web: /healthz answers at once, everything else when the owners have begun."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from ctm_trio.web import early
from tests.contract.conftest import open_site


async def test_only_healthz_answers_before_the_owners_have_begun(tmp_path: Path) -> None:
    """A request waits for them, and is answered then; who asks whether the daemon lives is told so meanwhile."""
    begun = trio.Event()
    async with open_site(tmp_path, ready=begun.wait) as site, site.client() as client:
        answers: list[int] = []

        async def bootstrap() -> None:
            answers.append((await client.get("/api/bootstrap")).status_code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(bootstrap)
            alive = await client.get("/healthz")
            assert (alive.status_code, alive.headers["X-Ctm-Serve"], alive.json()["status"]) == (200, "9.9.9", "ok")
            assert (await client.head("/healthz")).status_code == 200
            foreign = await client.get("/healthz", headers={"Host": "evil.example"})
            assert (foreign.status_code, foreign.json()["error"]) == (421, "wrong_host")
            assert answers == []
            begun.set()
        assert answers == [200]
        assert (await client.get("/healthz")).headers["X-Ctm-Serve"] == "9.9.9"


async def test_owners_that_never_begin_hold_nobody_up_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a bound requests are answered with what there is."""
    monkeypatch.setattr(early, "READY_S", 0.05)
    async with open_site(tmp_path, ready=trio.sleep_forever) as site, site.client() as client:
        assert (await client.get("/api/bootstrap")).status_code == 200
