"""The part of the daemon that is there first: it accepts connections and says that the daemon lives.

What it imports is what it needs for that; the owners take longer to import than to begin.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from ctm_trio.core.channels import open_state_channel
from ctm_trio.core.health import Health, HealthSnapshot
from ctm_trio.daemon.plan import Plan
from ctm_trio.messages.config import ConfigSnapshot
from ctm_trio.system.origins import AllowedOrigins
from ctm_trio.system.peers import peer_uid, quick
from ctm_trio.web.asker import Peers
from ctm_trio.web.early_ends import EarlyEnds
from ctm_trio.web.serve import run_http

if TYPE_CHECKING:
    from ctm_trio.web.ends import WebEnds


class Front:
    """The web, the state of the settings, and the health of all parts.

    Args:
        plan: see `Plan`.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.settings_state, self.settings = open_state_channel(ConfigSnapshot(plan.settings))
        health_state, self.health_recv = open_state_channel(HealthSnapshot())
        self.health = Health(health_state, self._secrets)
        self.early = EarlyEnds(
            port=plan.sock.getsockname()[1],
            version=plan.version,
            started_at=trio.current_time(),
            peers=Peers(peer_uid, quick()),
            origins=AllowedOrigins(plan.paths.allowed_origins, os.environ.get("CTM_ALLOWED_ORIGINS", "")),
        )
        self._ends: WebEnds | None = None
        self._given = trio.Event()

    def give(self, ends: WebEnds) -> None:
        """Let the web answer all requests, once the owners have begun."""
        self._ends = ends
        self._given.set()

    async def serve(
        self,
        shutdown: Callable[[], Awaitable[object]],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until `shutdown()` returns; one incarnation of the http child, on a duplicate of the socket."""
        await run_http(
            self.early, self._plan.sock.dup(), ends=self._wait_for_ends, shutdown=shutdown, task_status=task_status
        )

    async def _wait_for_ends(self) -> WebEnds:
        await self._given.wait()
        assert self._ends is not None
        return self._ends

    def _secrets(self) -> tuple[str, ...]:
        """What no message may show."""
        settings = self.settings.latest.settings
        return (
            settings.webhook_auth, settings.webhook_secret, settings.webhook_url, settings.bearer_token,
            self._plan.token,
        )  # fmt: skip
