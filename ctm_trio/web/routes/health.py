"""`/healthz`, `/health`, `/debug/hub`, `/metrics`, `/api/bootstrap`, `/api/openapi.json`.

Source: PROTOCOL.md, Metrics and health.
"""

from __future__ import annotations

from functools import partial

from quart import Response
from quart_trio import QuartTrio

from ctm_trio.core.threads import in_thread
from ctm_trio.model import deadlines
from ctm_trio.web.early_ends import alive
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer
from ctm_trio.web.openapi import document
from ctm_trio.web.rings import ring_sizes


def hub(ends: WebEnds) -> dict[str, object]:
    """The counters of the fan-out, under their historical name."""
    return {
        "published": ends.counters.read().published,
        "dropped": ends.events.dropped(),
        "subscribers": ends.events.readers(),
        "ring_sizes": ring_sizes(ends),
    }


def components(ends: WebEnds) -> dict[str, str]:
    """Each part of the daemon and how it is: "ok", or what is wrong."""
    found = {**ends.health.latest.components, "http": "ok"}
    problems = {
        "journal": f"degraded: {ends.journal.latest.degraded}" if ends.journal.latest.degraded else "",
        "config": ends.settings.latest.problem,
        "sessions": " ".join(filter(None, (ends.sessions.latest.problem, ends.sessions.latest.tmux_problem))),
        "webhook": ends.webhook.latest.problem,
    }
    for name, problem in problems.items():
        if problem:
            found[name] = problem if problem.startswith("degraded") else f"degraded: {problem}"
        else:
            found.setdefault(name, "ok")
    return found


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""
    mark = {"X-Ctm-Serve": ends.early.version}

    async def healthz() -> Response:
        return json_answer(alive(ends.early), headers=mark)

    async def health() -> Response:
        parts = components(ends)
        well = all(state == "ok" for state in parts.values())
        body = {
            "status": "ok" if well else "degraded",
            "version": ends.early.version,
            "uptime_seconds": alive(ends.early)["uptime_seconds"],
            "components": parts,
            "config_reloads": ends.settings.latest.reloads,
            "restarts": dict(ends.health.latest.restarts),
            "unwatched_clients": ends.clients.latest.unwatched,
            "transcripts": {
                "behind": ends.transcripts.latest.behind,
                "unknown_lines": ends.transcripts.latest.unknown_lines,
                "long_lines": ends.transcripts.latest.long_lines,
            },
            "hub": hub(ends),
        }
        return json_answer(body, headers=mark)

    async def debug_hub() -> Response:
        return json_answer(hub(ends))

    async def metrics() -> Response:
        await in_thread(_import_metrics)
        from ctm_trio.web.metrics import exposition, read

        text = await in_thread(partial(exposition, read(ends)))
        response = Response(text, 200, content_type="text/plain; version=0.0.4; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        return response

    async def bootstrap() -> Response:
        has_webhook = bool(ends.settings.latest.settings.webhook_url)
        return json_answer(
            {
                "version": ends.early.version,
                "port": ends.early.port,
                "has_webhook": has_webhook,
                "orders": deadlines.wire(),
            }
        )

    async def openapi() -> Response:
        return json_answer(document(ends.early.version))

    add_route(app, "/healthz", healthz, token=False)
    add_route(app, "/health", health)
    add_route(app, "/debug/hub", debug_hub)
    add_route(app, "/metrics", metrics)
    add_route(app, "/api/bootstrap", bootstrap)
    add_route(app, "/api/openapi.json", openapi)


def _import_metrics() -> None:
    import ctm_trio.web.metrics  # noqa: F401  # it takes a while, the first time
