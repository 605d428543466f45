"""Headers that decide what is allowed: sent twice, odd, or at odds with each other.

Source: PROTOCOL.md, Origins and hosts.
"""

from __future__ import annotations

import json
import math

import pytest
import trio

from tests.contract.conftest import TOKEN, Site
from tests.security.malformed import UPGRADE

OWN, EVIL = "Origin: http://127.0.0.1:{port}", "Origin: http://evil.example"
GOOD, BAD = f"Authorization: Bearer {TOKEN}", "Authorization: Bearer wrong"
LOGIN, HOOK, READ, WS = "POST /api/auth/login", "POST /api/hooks/on_yolo", "GET /api/bootstrap", "GET /ws"
HOST = "Host: 127.0.0.1:{port}"


async def until_closed(site: Site, request: bytes) -> bytes:
    """All that comes until the daemon closes the connection; it has to, long before an idle one is closed."""
    with trio.fail_after(20):
        return await site.raw(request, limit_s=math.inf)


async def statuses(site: Site, first: str, *headers: str, body: str = "", closes: bool = False) -> list[int]:
    """The status of every answer to a request, and to what might be taken for another one in its body.

    `closes`: the daemon has to close the connection by itself, as it has to when it is asked to.
    """
    lines = [f"{first} HTTP/1.1", *(header.format(port=site.port) for header in headers)]
    request = "\r\n".join(lines).encode() + b"\r\n" + (UPGRADE if first == WS else b"") + b"\r\n" + body.encode()
    closes = closes or "Connection: close" in headers
    answer = await (until_closed(site, request) if closes else site.raw(request, limit_s=0.7))
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("what", [LOGIN, HOOK, READ, WS])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([HOST, OWN, EVIL, GOOD], 403),
        ([HOST, EVIL, OWN, GOOD], 403),
        ([HOST, OWN, OWN, GOOD], 403),
        ([HOST, OWN, GOOD, BAD], 400),
        ([HOST, OWN, BAD, GOOD], 400),
        ([HOST, OWN, GOOD, GOOD], 400),
        ([HOST, "Host: evil.example", OWN, GOOD], 400),
        (["Host: evil.example", HOST, OWN, GOOD], 400),
        ([HOST, HOST, OWN, GOOD], 400),
    ],
)
async def test_twice(site: Site, what: str, headers: list[str], status: int) -> None:
    """Two Origin, Authorization or Host headers are refused in any order, whichever of them would be right."""
    assert await statuses(site, what, *headers) == [status]


@pytest.mark.parametrize("what", [LOGIN, HOOK, WS])
@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://127.0.0.1:{port}, http://evil.example", "http://127.0.0.1:{port}/", "//127.0.0.1:{port}"],
)
async def test_odd_origins(site: Site, what: str, origin: str) -> None:
    """An Origin that is not exactly an allowed one is refused: `null`, an empty one, two in one header, a path."""
    assert await statuses(site, what, HOST, f"Origin: {origin}", GOOD) == [403]


@pytest.mark.parametrize(
    "host", ["", "127.0.0.1", "127.0.0.1:1", "evil.example:{port}", "me@127.0.0.1:{port}", "127.0.0.1.:{port}"]
)
async def test_odd_hosts(site: Site, host: str) -> None:
    """A Host that is not exactly one of our names is 421, whatever else is right."""
    for what in (LOGIN, HOOK, READ, WS):
        assert await statuses(site, what, f"Host: {host}", OWN, GOOD) == [421]


HIDDEN = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("lengths", "body"),
    [
        (["Content-Length: 2", "Content-Length: 3"], "{}"),
        (["Content-Length: +2"], "{}"),
        (["Content-Length: 0x2"], "{}"),
        (["Content-Length: -1"], ""),
        (["Content-Length: 2", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
        (["Transfer-Encoding : chunked"], "0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], "-2\r\n{}\r\n0\r\n\r\n"),
    ],
)
async def test_how_long_is_it(site: Site, lengths: list[str], body: str) -> None:
    """Where a body's end is not clear the request is refused and the connection closed: nothing in it is a request."""
    answers = await statuses(site, LOGIN, HOST, OWN, *lengths, body=body + HIDDEN.format(port=site.port), closes=True)
    assert answers == [400]


@pytest.mark.parametrize(
    "codings",
    [
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: identity"],
        ["Transfer-Encoding: xchunked"],
    ],
)
async def test_another_coding(site: Site, codings: list[str]) -> None:
    """A body in a coding that is not known here is refused with a code of its own, and the connection closed."""
    body = "0\r\n\r\n" + HIDDEN.format(port=site.port)
    lines = [f"{LOGIN} HTTP/1.1", *(header.format(port=site.port) for header in (HOST, OWN, *codings))]
    answer = await until_closed(site, "\r\n".join([*lines, "", body]).encode())
    head, _, said = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 501 not implemented\r\n")
    assert json.loads(said)["error"] == "not_implemented"


async def test_a_body_of_a_get(site: Site) -> None:
    """What looks like a request inside the body of another is body, and what follows it is answered."""
    hidden = HIDDEN.format(port=site.port)
    asked = await statuses(site, READ, HOST, GOOD, f"Content-Length: {len(hidden)}", body=hidden + hidden)
    assert asked == [200, 200]


async def test_headers_that_are_not_for_us(site: Site) -> None:
    """What proxies and frameworks believe changes neither path nor method nor origin here."""
    for header in ("X-Original-URL: /healthz", "X-Rewrite-URL: /healthz", "X-HTTP-Method-Override: POST",
                   "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https"):  # fmt: skip
        assert await statuses(site, READ, HOST, header, "Connection: close") == [401]
        assert await statuses(site, LOGIN, HOST, header, "Content-Length: 0", "Connection: close") == [403]
