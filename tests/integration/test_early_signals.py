"""Signals that come while the daemon is being imported, which is most of its start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import argparse, os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from ctm_trio.cli import serve

class Finder:
    def find_spec(self, name, *_):
        if name == "ctm_trio.daemon.server":
            os.kill(os.getpid(), signal.{number})
            os.write(1, b"it goes on")
            os._exit(5)

sys.meta_path.insert(0, Finder())
serve.run(argparse.Namespace(port=0, stop=False))
"""
"""Sends itself a signal at the very moment at which `serve` imports the daemon."""


def start(number: str, stdin: int) -> tuple[int, bytes]:
    """Exit code and output of a start that gets this signal."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(number=number)], stdin=stdin, capture_output=True, timeout=60, check=False
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("number", "ends"), [("SIGHUP", (5, b"it goes on")), ("SIGTERM", (0, b""))], ids=["SIGHUP", "SIGTERM"]
)
def test_early(number: str, ends: tuple[int, bytes]) -> None:
    """SIGHUP, which only asks for the settings to be read, ends nothing; SIGTERM is a stop that went well."""
    assert start(number, subprocess.DEVNULL) == ends


def test_the_end_of_a_terminal() -> None:
    """A daemon in a terminal goes with it."""
    ours, theirs = os.openpty()
    try:
        assert start("SIGHUP", theirs) == (-signal.SIGHUP, b"")
    finally:
        os.close(ours)
        os.close(theirs)
