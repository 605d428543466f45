"""Settings for all tests: property tests find the same examples in every run, and Ctrl-C is heard."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

# Of an assert that fails pytest shows the values only in modules that it rewrites: by itself those of tests, and of
# helpers those that are named here, before anybody imports them.
pytest.register_assert_rewrite(
    "tests.browser.guards", "tests.browser.looks", "tests.faults.process", "tests.faults.rig",
    "tests.field.repositories", "tests.field.watched", "tests.git_owner", "tests.git_repo", "tests.other_user",
)  # fmt: skip

settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

# A job in the background of a script ignores SIGINT, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
