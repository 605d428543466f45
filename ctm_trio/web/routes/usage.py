"""`/api/logs/usage`: how much room the logs take. Source: PROTOCOL.md, Routes."""

from __future__ import annotations

from quart import Response
from quart_trio import QuartTrio

from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the route."""

    async def usage() -> Response:
        files = await ends.archive.log_files()
        names = ends.attribution.latest.sessions
        listed = [
            {"uuid": f.uuid, "session": names.get(f.uuid, f"uuid:{f.uuid[:8]}"), "bytes": f.bytes, "mtime": f.mtime}
            for f in files
        ]
        total = sum(file.bytes for file in files)
        return json_answer({"dir": ends.logs_dir, "total_bytes": total, "files": listed})

    add_route(app, "/api/logs/usage", usage)
