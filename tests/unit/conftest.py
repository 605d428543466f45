"""Holds every test of this folder to its rule."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.unit.guard import NotInAUnitTest, guarded


def _held() -> Generator[None, object, object]:
    with guarded() as caught:
        result = yield
    if caught:
        raise NotInAUnitTest(f"refused, which the test did not notice: {caught}; see tests/README.md")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    """The fixtures."""
    return (yield from _held())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """The test, and Trio's fixtures, which run with it."""
    return (yield from _held())
