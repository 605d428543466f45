"""Requests that no client should send. Each is bytes; `{port}`-like parts are filled in by `cases`."""

from __future__ import annotations

from collections.abc import Iterator

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + KEY
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def _lines() -> Iterator[bytes]:
    """Request lines, with sound headers after them."""
    yield from (
        b"",
        b" ",
        b"\x00",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 x",
        b" GET / HTTP/1.1",
        b"GET / HTTP/0.9",
        b"GET / HTTP/1.2",
        b"GET / HTTP/2.0",
        b"GET / HTTP/3",
        b"GET / HTTP/11",
        b"GET / http/1.1",
        b"GET / HTTP/1.1\x00",
        b"G\xc3\x9cT / HTTP/1.1",
        b"G(T / HTTP/1.1",
        b"get / HTTP/1.1",
        b"GET\t/\tHTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET /% HTTP/1.1",
        b"GET /%zz HTTP/1.1",
        b"GET /%ff%fe HTTP/1.1",
        b"GET /%00 HTTP/1.1",
        b"GET * HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"GET x HTTP/1.1",
        b"GET http://evil.example/ HTTP/1.1",
        b"GET //evil.example/ HTTP/1.1",
        b"GET ?x HTTP/1.1",
        b"GET # HTTP/1.1",
        b"CONNECT evil.example:443 HTTP/1.1",
        b"CONNECT / HTTP/1.1",
        b"TRACE / HTTP/1.1",
        b"X" * 5000 + b" / HTTP/1.1",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1",
        b"GET /?" + b"a=1&" * 10_000 + b" HTTP/1.1",
        b"DELETE /healthz HTTP/1.1",
        b"PROPFIND / HTTP/1.1",
        b"GET /events/session/%2e%2e%2f HTTP/1.1",
        b"GET /events/session/ HTTP/1.1",
        b"GET /events/all/ HTTP/1.1",
        b"GET /api/sessions/" + b"%2f" * 500 + b" HTTP/1.1",
    )


def _headers() -> Iterator[bytes]:
    """Header blocks after `GET /healthz HTTP/1.1`."""
    yield from (
        b"X\r\n",
        b": x\r\n",
        b"X : y\r\n",
        b" X: y\r\n",
        b"X: a\r\n b\r\n",
        b"X: \x00\r\n",
        b"X: \xff\r\n",
        b"X\xc3\xa4: y\r\n",
        b"X: y\nZ: z\r\n",
        b"X: y\rZ: z\r\n",
        b"Host: a\r\nHost: b\r\n",
        b"X: " + b"y" * 70_000 + b"\r\n",
        b"X: y\r\n" * 2000,
        b"Content-Length: x\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: +1\r\n",
        b"Content-Length: 1, 2\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length: 0x10\r\n",
        b"Content-Length: \xb2\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: chunked, x\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\n",
        b"Expect: nonsense\r\n",
        b"Connection: close, upgrade\r\nUpgrade: x\r\n",
        b"Authorization: \xff\xfe\r\n",
        b"Authorization: Bearer\r\n",
        b"Authorization: Bearer " + b"a" * 20_000 + b"\r\n",
        b"Origin: \xff\r\n",
        b"Last-Event-ID: \xff\r\n",
        b"Cookie: " + b"a=b; " * 3000 + b"\r\n",
        b"Range: bytes=0-,-1\r\n",
        b'If-None-Match: "\\\xff\r\n',
        b"Content-Type: multipart/form-data; boundary=\r\n",
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: !!!\r\n",
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \xff\r\n",
        b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    )


def _sockets() -> Iterator[bytes]:
    """Handshakes of a WebSocket: header blocks and what follows them at once."""
    yield from (
        UPGRADE + b"\r\n\x81\x85abcd12345",
        UPGRADE + b"\r\n\xff\xff\xff\xff",
        UPGRADE + b"\r\n" + b"\x00" * 100_000,
        UPGRADE + b"Sec-WebSocket-Protocol: \xff\xfe\r\n\r\n",
        UPGRADE + b"Sec-WebSocket-Protocol: ,,,\r\n\r\n",
        UPGRADE + b"Sec-WebSocket-Protocol: ctm.v1, ctm.bearer.\xc3\xa4\r\n\r\n",
        UPGRADE + b"Sec-WebSocket-Extensions: \xff\r\n\r\n",
        UPGRADE + b"Sec-WebSocket-Extensions: permessage-deflate; x=\r\n\r\n",
        UPGRADE.replace(b"13", b"12") + b"\r\n",
        UPGRADE.replace(b"13", b"\xff") + b"\r\n",
        UPGRADE.replace(KEY, b"") + b"\r\n",
        UPGRADE.replace(KEY, b"Sec-WebSocket-Key: \r\n") + b"\r\n",
        UPGRADE + KEY + b"\r\n",
        UPGRADE + b"Content-Length: 5\r\n\r\nhello",
        UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"Connection: \xff\r\nUpgrade: websocket\r\n\r\n",
        b"Connection: upgrade\r\nUpgrade: WebSocket, h2c\r\nSec-WebSocket-Version: 13\r\n" + KEY + b"\r\n",
    )


def _whole(host: bytes) -> Iterator[bytes]:
    """Whole requests, bodies and pipelines."""
    post = b"POST /api/auth/login HTTP/1.1\r\nHost: " + host + b"\r\nOrigin: http://" + host + b"\r\n"
    chunked = post + b"Transfer-Encoding: chunked\r\n\r\n"
    yield from (
        b"\r\n" * 1000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        bytes(range(256)) * 100,
        PREFACE,
        PREFACE + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        PREFACE + b"\xff" * 5000,
        PREFACE[:10],
        b"PRI * HTTP/1.1\r\nHost: " + host + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\nHost: " + host + b"\r\n\r\n",
        chunked + b"zz\r\n",
        chunked + b"-1\r\n",
        chunked + b"5\r\nhelloXX",
        chunked + b"ffffffffffffffffffff\r\nx",
        chunked + b"5;" + b"x" * 70_000,
        chunked + b"0\r\nX: \xff\x00\r\n\r\n",
        chunked + b"1\r\n{\r\n" * 5000 + b"0\r\n\r\n",
        post + b"Content-Length: 2\r\n\r\n{}GARBAGE AFTER IT\r\n\r\n",
        post + b"Content-Length: 4\r\n\r\n\xff\xfe\x00\x00",
        post + b"Content-Length: 20000\r\n\r\n" + b"[" * 20_000,
        b"GET /healthz HTTP/1.1\r\nHost: " + host + b"\r\n\r\n" * 2 + b"\x00\x01\x02",
        (b"GET /healthz HTTP/1.1\r\nHost: " + host + b"\r\n\r\n") * 200,
        b"GET /events/all HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000,
        b"POST /api/hooks/on_yolo HTTP/1.1\r\nHost: " + host + b"\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        b"Content-Length: 9\r\n\r\n--x\r\n\r\n\r\n",
        b"POST /api/hooks/on_yolo HTTP/1.1\r\nHost: "
        + host
        + b"\r\nContent-Type: application/x-www-form-urlencoded; charset=zz"
        b"\r\nContent-Length: 6\r\n\r\nname=%",
    )


def cases(port: int) -> list[bytes]:
    """All of them, for a server on that port."""
    host = b"127.0.0.1:%d" % port
    tail = b"\r\nHost: " + host + b"\r\n\r\n"
    found = [line + tail for line in _lines()]
    for path in (b"/healthz", b"/events/all"):
        found += [b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + block + b"\r\n" for block in _headers()]
    for path in (b"/ws", b"/events/all", b"/api/sessions"):
        found += [b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + block for block in _sockets()]
    found += [b"POST /ws HTTP/1.1\r\nHost: " + host + b"\r\n" + UPGRADE + b"\r\n"]
    found += [b"GET /ws HTTP/1.0\r\nHost: " + host + b"\r\n" + UPGRADE + b"\r\n"]
    return found + list(_whole(host))
