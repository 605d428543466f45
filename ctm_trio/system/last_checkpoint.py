"""When a work directory had its newest checkpoint."""

from __future__ import annotations

import os
import subprocess

import trio

LIMIT_S = 10.0
"""git may take so long; then there is no answer. Source: contract A9."""

COMMITS = 200
"""Checkpoints older than so many commits do not count. Source: contract A9."""


async def last_checkpoint(workdir: str) -> float | None:
    """The time of the newest commit whose subject starts with `checkpoint:`, in unix seconds.

    None if there is none, or git cannot say. Never raises, takes `LIMIT_S` at most. Source: contract A9.
    """
    command = ["git", "-C", workdir, "log", f"--max-count={COMMITS}", "--format=%ct %s"]
    try:
        with trio.fail_after(LIMIT_S):
            done = await trio.run_process(
                command, capture_stdout=True, stderr=subprocess.DEVNULL, check=False,
                env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            )  # fmt: skip
    except (OSError, trio.TooSlowError):
        return None
    for line in done.stdout.decode(errors="replace").splitlines():
        time, _, subject = line.partition(" ")
        if subject.startswith("checkpoint:") and time.isdecimal():
            return float(time)
    return None
