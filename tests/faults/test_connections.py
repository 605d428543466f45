"""Clients that misbehave on purpose. Invariant: everyone else is served as ever, and nothing is held for them."""

from __future__ import annotations

import base64
import random
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.faults.process import HOST, Daemon, eventually
from tests.faults.rig import line

UUID = "11111111-2222-4333-8444-555555555555"
READERS, IDLERS = 60, 30
"""Streams that read, and streams that never do."""

SLOW_BYTES = 300
"""Of a head whose bytes come at most ten times a second: several times as long as a head may take."""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for all of these: what one does must not be felt by the next."""
    with Daemon(tmp_path_factory.mktemp("home")) as running:
        yield running.start()
        assert "Traceback" not in running.said(), running.said()
        assert running.stop()[0] == 0


def subscribers(daemon: Daemon) -> int:
    """Open subscriptions."""
    return int(daemon.get("/debug/hub")["subscribers"])


def serves(daemon: Daemon) -> None:
    """Assert that ordinary requests are answered within their client's time."""
    assert daemon.answers()


def test_many_streams_of_which_some_never_read(daemon: Daemon) -> None:
    """Readers get everything though others never read; memory stays bounded; who leaves is forgotten."""
    log = daemon.log()
    before = subscribers(daemon)
    with ExitStack() as stack:
        idle = [stack.enter_context(daemon.stream()) for _ in range(IDLERS)]
        readers = [stack.enter_context(daemon.stream()) for _ in range(READERS)]
        eventually(lambda: subscribers(daemon) == before + READERS + IDLERS, what="all subscriptions")
        start_mb = daemon.rss_mb()
        base = len(daemon.stored())
        for part in range(10):
            log.append(b"".join(line(UUID, f"s{part}.{i}", size=100) for i in range(300)))
            serves(daemon)
        deadline = time.monotonic() + 20
        while any(len(reader.events) < base + 3000 and not reader.ended for reader in readers):
            assert time.monotonic() < deadline
            ready, _, _ = select.select([reader.sock for reader in readers], [], [], 1)
            for reader in readers:
                if reader.sock in ready:
                    reader.read(0)
        for reader in readers:
            assert [m for _, m in reader.events[-3000:]] == [f"s{p}.{i}" for p in range(10) for i in range(300)]
            assert reader.lost == 0
        assert daemon.rss_mb() - start_mb < 60
        assert len(idle) == IDLERS
    eventually(lambda: subscribers(daemon) == before, what="the end of all subscriptions")


def test_too_many_streams(daemon: Daemon) -> None:
    """The 257th stream of a user is 429 with Retry-After; the others stay, and a place that is free is given again."""
    with ExitStack() as stack:
        before = subscribers(daemon)
        for _ in range(256):
            stack.enter_context(daemon.stream())
        eventually(lambda: subscribers(daemon) >= 256, what="256 subscriptions")
        answer = daemon.request("GET", "/events/all")
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        serves(daemon)
    eventually(lambda: subscribers(daemon) <= before, what="the end of all subscriptions")
    with daemon.stream() as stream:
        stream.until(1)


def test_slow_headers(daemon: Daemon) -> None:
    """Heads that arrive byte by byte are ended after their five seconds, all at once, while others are served."""
    began = time.monotonic()
    slow = [daemon.connect() for _ in range(40)]
    try:
        for sock in slow:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        text = f"{HOST}:{daemon.port}\r\nX-Slow: {'x' * SLOW_BYTES}".encode()
        ended: set[socket.socket] = set()
        sent = 0
        while len(ended) < len(slow):
            assert sent < len(text), "a head that never ends was waited for"
            for sock in set(slow) - ended:
                try:
                    sock.sendall(text[sent : sent + 1])
                except OSError:
                    ended.add(sock)
            sent += 1
            ready, _, _ = select.select(list(set(slow) - ended), [], [], 0.1)
            for sock in ready:
                try:
                    answer = sock.recv(4096)
                except OSError:
                    answer = b""
                assert answer == b"" or b" 408 " in answer.split(b"\r\n")[0]
                ended.add(sock)
            serves(daemon)
        assert time.monotonic() - began > 4
    finally:
        for sock in slow:
            sock.close()


def test_half_open_and_reset(daemon: Daemon) -> None:
    """Streams whose client half-closes or resets the connection are forgotten, and nothing is logged as a bug."""
    before = subscribers(daemon)
    with ExitStack() as stack:
        streams = [stack.enter_context(daemon.stream()) for _ in range(20)]
        eventually(lambda: subscribers(daemon) == before + 20, what="the subscriptions")
        for i, stream in enumerate(streams):
            if i % 2:
                stream.sock.shutdown(socket.SHUT_WR)
            else:
                stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                stream.sock.close()
        eventually(lambda: subscribers(daemon) == before, what="the end of the subscriptions")
    serves(daemon)


def test_garbage_instead_of_http(daemon: Daemon) -> None:
    """Random bytes, torn requests and impossible headers get a 4xx or a closed connection; the daemon goes on."""
    dice = random.Random(5)
    host = f"Host: {HOST}:{daemon.port}\r\n".encode()
    heads = [
        b"GET /healthz HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + host + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n" + host + b"\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\n" + host + b"\r\n",
        b"GET /healthz HTTP/1.1\r\n" + host + b"A: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + host + b"\r\n",
        b"GET /healthz HTTP/1.1\r\n" + host + b"X: \x00\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + dice.randbytes(100),
        b"GET /events/session/%ff%fe HTTP/1.1\r\n" + host + b"\r\n",
        b"POST /api/hooks/session_new HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\n" + host + b"\r\n",
        b"\x16\x03\x01\x02\x00" + dice.randbytes(300),
    ]
    for head in [*heads, *(dice.randbytes(dice.randrange(1, 600)) for _ in range(60))]:
        with daemon.connect() as sock:
            sock.settimeout(8)
            try:
                sock.sendall(head)
                sock.shutdown(socket.SHUT_WR)
                answer = sock.recv(4096)
            except OSError:
                continue
            assert answer == b"" or answer.split(b" ")[1][:1] == b"4" or b" 505 " in answer, (head[:80], answer[:200])
    serves(daemon)


def upgrade(daemon: Daemon) -> socket.socket:
    """An open WebSocket, handshake done."""
    sock = daemon.connect()
    head = (
        f"GET /ws HTTP/1.1\r\nHost: {HOST}:{daemon.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(b'0123456789abcdef').decode()}\r\n"
        f"Sec-WebSocket-Protocol: ctm.v1\r\nAuthorization: Bearer {daemon.token}\r\n\r\n"
    )
    sock.sendall(head.encode())
    answer = sock.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return sock


def masked(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A client's frame."""
    key = b"\x01\x02\x03\x04"
    size = len(payload)
    head = bytes([opcode | (0x80 if fin else 0)])
    head += bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else (
        b"\xff" + struct.pack(">Q", size)
    )  # fmt: skip
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def test_websocket_garbage(daemon: Daemon) -> None:
    """Broken frames close that socket, senseless messages get an error, nothing is logged as a bug."""
    dice, before = random.Random(6), subscribers(daemon)
    frames = [
        b"\x81\x05hello",  # not masked
        b"\xff" + dice.randbytes(50),  # reserved bits and opcode
        masked(1, b"\xff\xfe\xfd"),  # no UTF-8
        masked(0, b"continues nothing"),
        masked(9, b"x" * 126),  # a control frame that is too long
        masked(8, b"\x00"),  # a close with half a code
        masked(8, struct.pack(">H", 1005)),
        b"\x81\xff" + struct.pack(">Q", 1 << 62) + b"abcd",  # announces 2^62 bytes
        *(dice.randbytes(dice.randrange(1, 300)) for _ in range(40)),
    ]
    for frame in frames:
        with upgrade(daemon) as sock:
            try:
                sock.sendall(frame)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
            except OSError:
                continue
    with upgrade(daemon) as sock:
        texts = [b"", b"{", b"[]", b'"subscribe"', b"null", b'{"op":5}', b'{"op":"nothing"}', b'{"op":"subscribe"}']
        texts += [b'{"op":"subscribe","id":"a","sessions":"alpha"}', b'{"op":"subscribe","id":"a","since":"x"}']
        texts += [b'{"op":"subscribe","id":"' + b"i" * 5000 + b'"}', b"[" * 5000, b'{"op":"unsubscribe","id":{}}']
        for text in texts:
            sock.sendall(masked(1, text))
        sock.sendall(masked(2, b"binary"))
        sock.sendall(masked(1, b'{"op":"ping"}'))
        sock.settimeout(5)
        got = b""
        while b'"pong"' not in got:
            data = sock.recv(65536)
            assert data, got
            got += data
        assert got.count(b'"error"') >= 10
    eventually(lambda: subscribers(daemon) <= before, what="the end of all subscriptions")
    serves(daemon)


def test_websocket_message_too_long(daemon: Daemon) -> None:
    """A message over 64 KiB closes with 1009."""
    with upgrade(daemon) as sock:
        sock.sendall(masked(1, b'{"op":"ping","x":"' + b"x" * 70_000 + b'"}'))
        sock.settimeout(5)
        got = b""
        while data := sock.recv(65536):
            got += data
        assert struct.pack(">H", 1009) in got


def test_pipelined_requests(daemon: Daemon) -> None:
    """A client that sends a hundred requests without reading one answer gets them all, in order."""
    with daemon.connect() as sock:
        one = f"GET /healthz HTTP/1.1\r\nHost: {HOST}:{daemon.port}\r\n\r\n".encode()
        sock.sendall(one * 99 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        sock.settimeout(10)
        got = b""
        while data := sock.recv(65536):
            got += data
    assert got.count(b"HTTP/1.1 200") == 100
