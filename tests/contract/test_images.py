"""The upload of an image for a prompt. Source: PROTOCOL.md, Prompts and keys."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from ctm_trio.messages.sessions import SessionsSnapshot
from ctm_trio.model.image import MAX_IMAGE_BYTES
from ctm_trio.model.session import Session
from ctm_trio.web import body
from tests.contract.conftest import TOKEN, Site

PNG = b"\x89PNG\r\n\x1a\n"
PATH = "/api/sessions/alpha/images"


@pytest.fixture
async def site(site: Site) -> Site:
    """The web with one session."""
    site.sessions.publish(SessionsSnapshot({"alpha": Session("alpha")}))
    return site


def kept(site: Site) -> list[Path]:
    """What has been saved."""
    return [path for path in site.root.rglob("*") if "images" in path.parts and path.is_file()]


async def post(site: Site, data: bytes, path: str = PATH, **headers: str) -> tuple[int, dict[str, str]]:
    """Status and JSON of an upload from our own page."""
    sent = {"Origin": site.origin, "Content-Type": "image/png"} | {k.replace("_", "-"): v for k, v in headers.items()}
    async with site.client() as client:
        answer = await client.post(path, content=data, headers=sent)
    return answer.status_code, answer.json()


async def test_an_image_is_kept(site: Site) -> None:
    """The answer is where it is, and that is exactly what was sent, up to the greatest size."""
    data = PNG + b"\1\2" * (MAX_IMAGE_BYTES // 2 - 4)
    assert len(data) == MAX_IMAGE_BYTES
    status, told = await post(site, data)
    assert status == 201
    assert told.keys() == {"path"}
    assert Path(told["path"]) in kept(site)
    assert Path(told["path"]).read_bytes() == data


@pytest.mark.parametrize(
    ("data", "content_type"),
    [(PNG, "image/jpeg"), (PNG, "text/plain"), (PNG, "image/svg+xml"), (b"<svg/>", "image/png"), (b"", "image/png"),
     (b"#!/bin/sh\n", "image/gif")],
)  # fmt: skip
async def test_what_is_no_image(site: Site, data: bytes, content_type: str) -> None:
    """The header and the first bytes must say the same, and one of four kinds."""
    status, told = await post(site, data, Content_Type=content_type)
    assert (status, told["error"]) == (400, "invalid_image")
    assert not kept(site)


async def test_too_large(site: Site) -> None:
    """One byte more is 413, announced or not; other paths of a session take no more than before."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nOrigin: {site.origin}\r\n"
    head += f"Authorization: Bearer {TOKEN}\r\nContent-Type: image/png\r\n"
    answer = await site.raw(f"{head}Content-Length: {MAX_IMAGE_BYTES + 1}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"too_large"' in answer
    part = b"%x\r\n%b\r\n" % (MAX_IMAGE_BYTES, PNG + b"x" * (MAX_IMAGE_BYTES - len(PNG)))
    answer = await site.raw(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + part + b"1\r\nx\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    other = head.replace("/images ", "/prompt ")
    answer = await site.raw(f"{other}Content-Length: {1 << 20}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert not kept(site)


async def test_who_may(site: Site) -> None:
    """Nobody without a token, whose body is not even waited for; no page of another origin."""
    for token, code in (("", b"missing_token"), ("Authorization: Bearer wrong\r\n", b"invalid_token")):
        head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nOrigin: {site.origin}\r\n{token}"
        with trio.fail_after(10):
            answer = await site.raw(f"{head}Content-Type: image/png\r\nContent-Length: 9\r\n\r\n".encode() + PNG)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert code in answer
    status, told = await post(site, PNG, Origin="https://evil.example")
    assert (status, told["error"]) == (403, "forbidden_origin")
    assert not kept(site)


@pytest.mark.parametrize("name", ["beta", "..", "%2e%2e", "..%2f..%2fetc", "alpha%2f..", "%00", "alpha%00", "é"])
async def test_other_names(site: Site, name: str) -> None:
    """A session that is not there, or a name that is none, is 404, and no file is made."""
    status, _ = await post(site, PNG, f"/api/sessions/{name}/images")
    assert status == 404
    assert not kept(site)
    status, told = await post(site, PNG, "/api/sessions/beta/images")
    assert (status, told["error"]) == (404, "session_not_found")


async def test_a_disk_that_refuses(site: Site) -> None:
    """It is 503 with a sentence."""
    directory = site.root / ".config" / "ctm" / "images"
    directory.parent.mkdir(parents=True)
    directory.write_bytes(b"")
    status, told = await post(site, PNG)
    assert (status, told["error"]) == (503, "unavailable")
    assert told["message"].startswith("The image cannot be saved: ")


async def test_it_may_take_longer_than_other_bodies(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a limit of its own."""
    monkeypatch.setattr(body, "IMAGE_TIMEOUT_S", 0.2)
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nOrigin: {site.origin}\r\n"
    head += f"Authorization: Bearer {TOKEN}\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\n"
    with trio.fail_after(10):
        answer = await site.raw(head.encode() + PNG)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert not kept(site)
