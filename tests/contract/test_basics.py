"""Guards, errors, headers and the dashboard's paths, over real HTTP."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.contract.conftest import Site, open_site


async def test_healthz_needs_no_token(site: Site) -> None:
    """Liveness is public, carries the version header, and refuses other methods by name."""
    async with site.client(token=False) as client:
        answer = await client.get("/healthz")
        assert answer.status_code == 200
        assert answer.headers["X-Ctm-Serve"] == "9.9.9"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json()["status"] == "ok"
        head = await client.head("/healthz")
        assert (head.status_code, head.content, head.headers["X-Ctm-Serve"]) == (200, b"", "9.9.9")
        wrong = await client.post("/healthz")
        assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/health", "/debug/hub", "/metrics", "/api/bootstrap", "/events/all"])
async def test_token_is_needed(site: Site, path: str) -> None:
    """Guarded routes tell a missing token from a wrong one, as JSON."""
    async with site.client(token=False) as client:
        none = await client.get(path)
        assert (none.status_code, none.json()["error"]) == (401, "missing_token")
        wrong = await client.get(path, headers={"Authorization": "Bearer nope"})
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_token")
        assert wrong.json()["message"]


async def test_health(site: Site) -> None:
    """The rich answer has version, parts, reloads and the fan-out's counters."""
    async with site.client() as client:
        body = (await client.get("/health")).json()
    assert body["components"]["http"] == "ok"
    assert body["version"] == "9.9.9"
    assert body["config_reloads"] == 0
    assert set(body["hub"]) == {"published", "dropped", "subscribers", "ring_sizes"}


async def test_unknown_paths(site: Site) -> None:
    """Unknown API paths are JSON 404, all others the dashboard's page; wrong methods are 405 with Allow."""
    async with site.client() as client:
        for path in ("/api/nothing", "/events/nothing", "/api", "/api/", "/api/sessions/a/b/c"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found"), path
        page = await client.get("/")
        assert page.headers["Content-Type"].startswith("text/html")
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        deep = await client.get("/s/alpha/feed")
        assert deep.text == page.text
        again = await client.get("/", headers={"If-None-Match": page.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.post("/s/alpha")).headers["Allow"] == "GET, HEAD"
        assert (await client.get("/api/auth/login")).headers["Allow"] == "POST"
        assert (await client.put("/events/all")).headers["Allow"] == "GET"


async def test_paths_cannot_leave_the_dashboard(site: Site) -> None:
    """Whatever a path looks like, it names a file of the dashboard or gets the index page."""
    for target in ("/../../pyproject.toml", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/..%2f..%2fetc%2fpasswd"):
        head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nConnection: close\r\n\r\n"
        answer = await site.raw(head.encode())
        assert answer.split(b" ")[1] in (b"200", b"404"), target
        assert b"root:" not in answer
        assert b"hatchling" not in answer


async def test_every_answer_says_what_time_it_is(site: Site) -> None:
    """A page whose own clock is wrong counts ages by ours: all answers carry it, in milliseconds."""
    async with site.client() as client:
        for path in ("/healthz", "/api/sessions", "/api/no-such-thing", "/"):
            before = time.time()
            told = int((await client.get(path)).headers["X-Ctm-Time"]) / 1000
            assert before - 0.01 <= told <= time.time()
        async with client.stream("GET", "/events/all") as stream:
            assert abs(int(stream.headers["X-Ctm-Time"]) / 1000 - time.time()) < 5


async def test_safe_headers_everywhere(site: Site) -> None:
    """Answers of all kinds say nosniff and no-referrer."""
    async with site.client() as client:
        for path in ("/healthz", "/", "/api/nothing", "/api/bootstrap"):
            headers = (await client.get(path)).headers
            assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")


async def test_foreign_host(tmp_path: Path) -> None:
    """A Host that is not ours is 421 whatever is asked; localhost is fine; an added origin's host is too."""
    (tmp_path / "allowed_origins").write_text("https://box.example\nhttp://lan.example:8080\n# https://no.example\n")
    async with open_site(tmp_path) as site, site.client() as client:
        for host in ("evil.example", f"evil.example:{site.port}", "localhost:1", "no.example", "127.0.0.1"):
            for path in ("/", "/healthz", "/events/all"):
                answer = await client.get(path, headers={"Host": host})
                assert (answer.status_code, answer.json()["error"]) == (421, "wrong_host"), host
        for host in (f"localhost:{site.port}", f"LOCALHOST:{site.port}", "box.example", "lan.example:8080"):
            assert (await client.get("/healthz", headers={"Host": host})).status_code == 200, host


async def test_a_bug_is_a_500_with_an_id(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """What nobody expected is answered with an id that the log has too, and tells nothing else."""
    site.sessions.publish(None)  # type: ignore[arg-type]  # a bug, made on purpose
    async with site.client() as client:
        answer = await client.get("/api/sessions")
        assert (answer.status_code, answer.json()["error"]) == (500, "internal")
        assert "Traceback" not in answer.text
        assert answer.json()["id"] in answer.json()["message"]
        assert answer.json()["id"] in caplog.text
        assert "AttributeError" in caplog.text
        assert (await client.get("/healthz")).status_code == 200
