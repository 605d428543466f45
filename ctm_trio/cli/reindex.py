"""`reindex`: the databases rebuilt from the logs."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ctm_trio.cli.common import FAILED, OK, CliError, Subparsers, find_paths, say
from ctm_trio.system.instance_lock import REINDEX, Holder, InstanceLock, read_holder

if TYPE_CHECKING:
    from ctm_trio.daemon.reindex import Progress

NAMES = {"logs": "reading logs", "search": "search index"}


def add_parser(subparsers: Subparsers) -> None:
    """Declare `reindex`."""
    subparsers.add_parser(
        "reindex",
        help="rebuild the databases from the logs",
        description="Rebuild the event log and the search index from the logs. Stop the daemon first. "
        "The old databases stay until the new ones are complete; costs are kept.",
    )


def run(args: argparse.Namespace) -> int:
    """Rebuild, with progress on stderr. Exit code 1 while a daemon runs, or if it failed."""
    import trio

    from ctm_trio import __version__
    from ctm_trio.daemon.reindex import reindex
    from ctm_trio.errors.base import CtmError
    from ctm_trio.system.files import ensure_private_dir

    paths = find_paths()
    try:
        for directory in (paths.root, paths.logs, paths.hook_events):
            ensure_private_dir(directory)
        with InstanceLock(paths.root) as lock, _progress() as report:
            if not lock.take(Holder(os.getpid(), REINDEX, version=__version__, started=int(time.time()))):
                raise CliError(_taken(read_holder(paths.root) or Holder()), FAILED)
            calls = trio.run(reindex, paths, report)
    except CtmError as error:
        raise CliError(f"{error.message} The old databases are as they were.") from None
    except OSError as error:
        raise CliError(f"{paths.root}: {error.strerror or error}.") from None
    say(f"{calls} tool calls are indexed.")
    return OK


def _taken(holder: Holder) -> str:
    if holder.work == REINDEX:
        return f"Another reindex runs, as process {holder.pid}. Wait until it is done."
    who = f" as process {holder.pid} on port {holder.port}" if holder.pid else ""
    return f"The daemon runs{who}. Stop it, then try again."


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """Shows progress: bars with rate and time left in a terminal, nothing but the result elsewhere."""
    if not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = ("{task.description}", "{task.percentage:>3.0f} %", "{task.fields[rate]}")
    name, share, rate = (TextColumn(text) for text in columns)
    with Bars(name, BarColumn(), share, rate, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        tasks = {stage: bars.add_task(text, total=None, rate="") for stage, text in NAMES.items()}

        def report(progress: Progress) -> None:
            task = tasks[progress.stage]
            bars.update(task, completed=progress.done, total=max(progress.total, 1))
            speed = bars.tasks[task].speed or 0
            bars.update(task, rate=f"{speed / 1e6:.1f} MB/s" if progress.stage == "logs" else f"{speed:,.0f} calls/s")

        yield report
