"""A connection that was reset before it was looked at."""

from __future__ import annotations

import pytest
import trio

from tests.contract.conftest import Site


async def test_it_ends_no_other(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system refuses options of a connection that was reset, only that connection is lost."""
    with trio.socket.socket() as sock:
        kind = type(sock)
    real, asked = kind.setsockopt, 0

    def picky(self: trio.socket.SocketType, level: int, name: int, value: int) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise OSError(22, "Invalid argument")
        real(self, level, name, value)

    monkeypatch.setattr(kind, "setsockopt", picky)
    stream = trio.socket.socket()
    with stream:
        await stream.connect(("127.0.0.1", site.port))
        with trio.fail_after(30):
            assert await stream.recv(100) == b""
    async with site.client() as client:
        assert (await client.get("/healthz")).status_code == 200
    assert asked > 1
