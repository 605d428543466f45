"""The dashboard's files, read once. A request can only name what is in the table, so no path leads out of it."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path

import msgspec
from quart import Response, request

from ctm_trio.web.answers import Answer

DASHBOARD = Path(__file__).parent / "dashboard"

CSP = "; ".join((
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
))  # fmt: skip
"""Source: PROTOCOL.md, Origins and hosts. No inline script anywhere."""

TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}

NO_DASHBOARD = (
    b"<!doctype html><html lang=en><meta charset=utf-8><title>ctm</title>"
    b"<p>The daemon runs. Its dashboard is not part of this installation.</p></html>"
)


class Asset(msgspec.Struct, frozen=True):
    """A file as it is served."""

    data: bytes
    content_type: str
    etag: str


def _asset(data: bytes, suffix: str) -> Asset:
    kind = TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    return Asset(data, kind, hashlib.sha256(data).hexdigest()[:20])


def load_assets(root: Path = DASHBOARD) -> Mapping[str, Asset]:
    """URL path → file, for all files under `root` that a browser reads; "/index.html" is always there.

    Blocks: a few MB at start.
    """
    found = {"/index.html": _asset(NO_DASHBOARD, ".html")}
    for file in sorted(root.rglob("*")):
        if file.is_file() and not file.is_symlink() and not file.name.startswith(".") and file.suffix != ".ts":
            found["/" + file.relative_to(root).as_posix()] = _asset(file.read_bytes(), file.suffix)
    return found


def asset_answer(asset: Asset, if_none_match: str) -> Answer:
    """Status, headers and body for a file; 304 if the client says that it has this version."""
    headers = {
        "ETag": f'"{asset.etag}"',
        "Cache-Control": "no-cache",  # always asks, and gets 304 while nothing changed
        "Content-Security-Policy": CSP,
    }
    if asset.etag in if_none_match:
        return 304, headers, b""
    return 200, {**headers, "Content-Type": asset.content_type}, asset.data


def serve_asset(assets: Mapping[str, Asset], path: str) -> Response:
    """The file at `path`, or the index page: the dashboard's own addresses are deep links."""
    asset = assets.get(path) or assets["/index.html"]
    status, headers, body = asset_answer(asset, request.headers.get("If-None-Match", ""))
    return Response(body, status, headers)
