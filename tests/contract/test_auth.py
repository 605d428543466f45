"""Sign-up, login, logout, the limits on them, and what is on disk. Source: PROTOCOL.md, Authentication."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import trio

from tests.contract.conftest import Site, open_site

WHO = {"username": "me.and+you@mail.example.org", "password": "pass word 8"}


async def post(site: Site, path: str, body: object, *, origin: str | None = "own", token: str = "") -> httpx.Response:
    """A POST with our Origin, or another, or none."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if origin is not None:
        headers["Origin"] = site.origin if origin == "own" else origin
    async with site.client(token=False) as client:
        return await client.post(path, json=body, headers=headers)


async def test_whole_life(tmp_path: Path) -> None:
    """Sign-up, a second one, login, status, logout; a restart logs nobody out; a vanished user voids every token."""
    async with open_site(tmp_path, seed="") as site:
        assert (await post(site, "/api/auth/login", WHO)).json()["error"] == "not_registered"
        made = await post(site, "/api/auth/signup", WHO)
        assert (made.status_code, made.json()["username"]) == (201, WHO["username"])
        token = made.json()["token"]
        assert len(token) == 43
        user = json.loads((tmp_path / "user.json").read_text())
        assert user["params"] == {"m": 65536, "t": 3, "p": 2, "salt_len": 16, "hash_len": 32}
        assert (tmp_path / "user.json").stat().st_mode & 0o777 == 0o600
        assert (await post(site, "/api/auth/signup", WHO)).status_code == 409
        other = (await post(site, "/api/auth/login", WHO)).json()["token"]
        assert (await post(site, "/api/auth/logout", None, token=other)).status_code == 204
        assert (await post(site, "/api/auth/logout", None, token=other)).json()["error"] == "invalid_token"
    stored = (tmp_path / "tokens.json").read_bytes()
    assert token.encode() not in stored
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600
    async with open_site(tmp_path, seed="") as site, site.client(token=False) as client:
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await client.get("/api/bootstrap", headers=bearer)).status_code == 200
        assert (await client.get("/api/bootstrap", headers={"Authorization": f"Bearer {other}"})).status_code == 401
        (tmp_path / "user.json").unlink()
        with trio.fail_after(1):
            while (await client.get("/api/bootstrap", headers=bearer)).status_code != 401:
                pass
        again = await post(site, "/api/auth/signup", {**WHO, "password": "another word"})
        assert (await client.get("/api/bootstrap", headers=bearer)).status_code == 401
        fresh = {"Authorization": f"Bearer {again.json()['token']}"}
        status = (await client.get("/api/auth/status", headers=fresh)).json()
        assert status == {"registered": True, "authenticated": True}


async def test_bad_bodies(site: Site) -> None:
    """A body that is no credentials, too long, or with a bad name or password is 400 invalid_body."""
    bodies: list[object] = [None, [], "x", {}, {"username": 1, "password": "12345678"}, {**WHO, "password": "p" * 1100}]
    bodies += [{**WHO, "username": u} for u in ("", "me", "me@host", "me me@example.org", "a" * 243 + "@example.com")]
    bodies += [{**WHO, "password": p} for p in ("", "1234567", " " * 8, "\t\n\t\n\t\n\t\n")]
    for body in bodies:
        answer = await post(site, "/api/auth/signup", body)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body"), body


async def test_origin(site: Site) -> None:
    """Sign-up and login need an allowed Origin, exactly."""
    for origin in (
        None,
        "null",
        "http://evil.example",
        "http://127.0.0.1",
        site.origin + "/",
        f"https://{site.origin[7:]}",
    ):
        for path in ("/api/auth/signup", "/api/auth/login"):
            answer = await post(site, path, WHO, origin=origin)
            assert (answer.status_code, answer.json()["error"]) == (403, "forbidden_origin"), origin
    assert (await post(site, "/api/auth/login", WHO, origin=f"http://localhost:{site.port}")).status_code == 404


async def test_rate_limit(site: Site) -> None:
    """After five attempts in a minute the sixth is 429 with Retry-After, right password or not; success clears."""
    await post(site, "/api/auth/signup", WHO)
    wrong = {**WHO, "password": "wrong password"}
    for _ in range(4):
        assert (await post(site, "/api/auth/login", wrong)).status_code == 401
    assert (await post(site, "/api/auth/login", WHO)).status_code == 200
    for _ in range(5):
        assert (await post(site, "/api/auth/login", {**wrong, "username": "x@example.org"})).status_code == 401
    limited = await post(site, "/api/auth/login", WHO)
    assert (limited.status_code, limited.json()["error"]) == (429, "rate_limited")
    assert 1 <= int(limited.headers["Retry-After"]) <= 60


async def test_user_of_the_go_daemon(tmp_path: Path) -> None:
    """A `user.json` that the Go daemon wrote logs in, and a wrong password does not."""
    user = {
        "username": "go@example.com",
        "algo": "argon2id",
        "params": {"m": 65536, "t": 3, "p": 2, "salt_len": 16, "hash_len": 32},
        "salt_b64": "/8DxDKOBq4ueZCa13mbg1Q==",
        "hash_b64": "vR88dk/0PVbOz8g4m4SsocAvCLCY5p8lGTFeFDTZJ/Q=",
        "created_at": "2026-11-22T10:43:01.911991581Z",
    }
    (tmp_path / "user.json").write_text(json.dumps(user, indent=2))
    async with open_site(tmp_path) as site:
        good = {"username": "go@example.com", "password": "S3kret-über-älles"}
        assert (await post(site, "/api/auth/login", good)).status_code == 200
        assert (await post(site, "/api/auth/login", {**good, "password": "S3kret-uber-alles"})).status_code == 401


async def test_broken_user_file(tmp_path: Path) -> None:
    """A `user.json` that makes no sense is not signed up over, and login says what to do."""
    (tmp_path / "user.json").write_text("{")
    async with open_site(tmp_path) as site:
        assert (await post(site, "/api/auth/signup", WHO)).status_code == 409
        answer = await post(site, "/api/auth/login", WHO)
        assert answer.status_code == 503
        assert "repair" in answer.json()["message"]
