"""The rule of this folder is held, in tasks and threads too; what Trio and a database in memory need is let through."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.guard import NotInAUnitTest, guarded


def program() -> None:
    subprocess.run(["true"], check=True)


def spawned() -> None:
    os.posix_spawn("/bin/true", ["true"], {})


def connection() -> None:
    socket.create_connection(("127.0.0.1", 9))


def listener() -> None:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))


def database() -> None:
    sqlite3.connect("file.db")


def pause() -> None:
    time.sleep(0)


TELLS_SLEEP = pytest.mark.skipif(sys.version_info < (3, 13), reason="Python tells of time.sleep from 3.13 on")


@pytest.mark.parametrize(
    "act", [program, spawned, connection, listener, database, pytest.param(pause, marks=TELLS_SLEEP)]
)
def test_refused(act: Callable[[], None]) -> None:
    """By an error at the place where it is done."""
    with guarded() as caught, pytest.raises(NotInAUnitTest, match="tests/integration"):
        act()
    assert len(caught) == 1


@given(st.booleans())
def test_refused_though_the_error_is_hidden(once: bool) -> None:
    """Code that goes on after any error is caught all the same."""
    with guarded() as caught:
        for _ in range(1 if once else 2):
            with suppress(Exception):
                database()
    assert len(caught) == (1 if once else 2)


async def test_refused_in_tasks_and_threads() -> None:
    """They belong to the test that started them."""

    async def task() -> None:
        with pytest.raises(NotInAUnitTest):
            await trio.to_thread.run_sync(database)
        with pytest.raises(NotInAUnitTest):
            await trio.run_process(["true"])

    with guarded() as caught:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(task)
    assert len(caught) == 2


def test_let_through() -> None:
    """A loop of Trio's with a thread that wakes it, and a database in memory."""
    with guarded() as caught:
        trio.run(trio.to_thread.run_sync, os.getpid)
        sqlite3.connect(":memory:").close()
    assert caught == []
