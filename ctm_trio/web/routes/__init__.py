"""The REST routes, one module an area. A module has `register(app, ends)` and is named in `ALL_ROUTES`."""

from __future__ import annotations

from collections.abc import Callable

from quart_trio import QuartTrio

from ctm_trio.web.ends import WebEnds
from ctm_trio.web.routes import (
    auth,
    config,
    conversations,
    cost,
    doctor,
    feed,
    git,
    health,
    history,
    hooks,
    images,
    orders,
    prompts,
    requests,
    search,
    sessions,
    sessions_write,
    usage,
    webhook,
)

ALL_ROUTES: tuple[Callable[[QuartTrio, WebEnds], None], ...] = (
    health.register,
    auth.register,
    sessions.register,
    sessions_write.register,
    config.register,
    git.register,
    doctor.register,
    feed.register,
    hooks.register,
    orders.register,
    requests.register,
    prompts.register,
    images.register,
    history.register,
    search.register,
    conversations.register,
    cost.register,
    usage.register,
    webhook.register,
)
