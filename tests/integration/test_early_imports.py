"""What is imported before `/healthz` is answered is what that takes."""

from __future__ import annotations

import subprocess
import sys

LATER = ("archive", "ingest", "journal", "owners", "daemon.wiring", "web.app")
"""Rooms and modules that are imported once the port is open, in a thread."""


def test_the_front_imports_no_owner() -> None:
    """The daemon's module, and with it the accept loop, is there without the parts that begin later."""
    names = "print(*(name for name in sys.modules if name.startswith('ctm_trio.')))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, ctm_trio.daemon.server; {names}"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    imported = done.stdout.split()
    assert "ctm_trio.web.accept" in imported
    later = tuple(f"ctm_trio.{name}" for name in LATER)
    assert [name for name in imported if name.startswith(later)] == []


def test_the_metrics_are_imported_when_somebody_asks() -> None:
    """A daemon that nobody scrapes does without what writes them, once all its parts are there too."""
    names = "print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, ctm_trio.daemon.wiring, ctm_trio.web.app; {names}"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    imported = done.stdout.split()
    assert "ctm_trio.web.routes.health" in imported
    assert [name for name in imported if name.startswith("prometheus_client")] == []
