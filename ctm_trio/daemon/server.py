"""The daemon as a library object, and as the command `serve`.

server = Server(Options(port=0))
print(server.address)
await server.run()          # until server.shutdown("why") or a signal, if `signals=True`
"""

from __future__ import annotations

import dataclasses
import faulthandler
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections import deque
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
import trio
from msgspec.structs import replace

from ctm_trio import __version__
from ctm_trio.core.bell import Bell
from ctm_trio.core.memory import share_arenas
from ctm_trio.core.supervise import Once
from ctm_trio.daemon.early_signals import end_early_signals, in_terminal
from ctm_trio.daemon.hard_stop import HardStop, watching
from ctm_trio.daemon.log_output import start_logging
from ctm_trio.daemon.plan import Plan
from ctm_trio.daemon.port import AlreadyRunning as AlreadyRunning
from ctm_trio.daemon.port import PortTaken as PortTaken
from ctm_trio.daemon.port import bind
from ctm_trio.daemon.run import run_daemon
from ctm_trio.daemon.starting import DirectoryTaken as DirectoryTaken
from ctm_trio.daemon.starting import StartFailed as StartFailed
from ctm_trio.daemon.starting import (
    claim,
    guard,
    make_directories,
    reason_of,
    tell_signup_code,
    wait_for_reindex,
)
from ctm_trio.errors.base import CtmError
from ctm_trio.model.config import Settings, Thresholds
from ctm_trio.model.paths import Paths, paths_under
from ctm_trio.model.plain import plain_lines
from ctm_trio.system.instance_lock import Holder
from ctm_trio.system.settings_file import load_settings
from ctm_trio.system.store_errors import StoreDamaged, set_aside

log = logging.getLogger("ctm.server")

STOP_S = 5.0
"""After so long a graceful stop becomes a hard one: what is left is cancelled, and only cleans up. What no
cancellation reaches ends with the process, at `HARD_STOP_S`. Source: PROTOCOL.md, Starting and stopping."""

SWITCH_S = 0.0005
"""So long a thread may keep the interpreter while the event loop waits for it; Python itself allows ten times that."""

DAMAGES, DAMAGES_S = 4, 600.0
"""A database that is damaged so often within so many seconds is not set aside any more."""

OPEN_FILES = 65_536
"""Descriptors we ask for, if the system allows: a log, a stream, a WebSocket each take one."""

LEAST_FILES = 64
"""With fewer the databases and the event loop leave no descriptor for a connection."""


class Options(msgspec.Struct, frozen=True):
    """How to run a daemon. Everything may be left out.

    Args:
        port: 0 takes the port of the settings; `ephemeral=True` any free one.
        version: as the wire says it.
        token: a login token that is valid from the start, for tests.
        home: the home directory whose `.config/ctm` is used.
        sessions_path, tmux_conf_path, log_dir: other places for these.
        statusline_dump_dir, webhook_url, webhook_auth, attention_thresholds: instead of what the settings say.
        config: settings instead of `config.json`, which is then neither read nor followed.
        signals: stop at SIGINT and SIGTERM, take SIGHUP (only in the main thread). The process is ours then: a
            stop that hangs ends it, see `daemon.hard_stop`.
    """

    port: int = 0
    version: str = __version__
    token: str = ""
    home: Path = msgspec.field(default_factory=Path.home)
    sessions_path: Path | None = None
    tmux_conf_path: Path | None = None
    log_dir: Path | None = None
    statusline_dump_dir: str | None = None
    webhook_url: str | None = None
    webhook_auth: str | None = None
    attention_thresholds: Thresholds | None = None
    config: Settings | None = None
    ephemeral: bool = False
    signals: bool = False


class Server:
    """A daemon with its socket bound. Construct it, `await run()` once, `shutdown()` from the same thread.

    Raises:
        AlreadyRunning: a sibling serves this port.
        PortTaken: something else does.
        DirectoryTaken: a daemon on another port owns the configuration directory.
        StartFailed: the configuration directory cannot be used.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.paths = _paths(options)
        make_directories(self.paths.root)
        self.settings = _settings(options, self.paths)
        port = 0 if options.ephemeral else (options.port or self.settings.port)
        self._sock = bind(port, self.paths.root)
        self._holder = Holder(
            os.getpid(), port=self.address[1], configured=self.settings.port, version=options.version,
            started=int(time.time()),
        )  # fmt: skip
        try:
            self._lock, self._owned = claim(self.paths.root, self._holder)
        except BaseException:  # whatever it is, nobody else could close the socket
            self._sock.close()
            raise
        self._damages: deque[float] = deque(maxlen=DAMAGES)
        self._stop = trio.Event()
        self._safe = threading.Event()
        self.hard_stop = HardStop(lambda: self._stop.is_set() and self._safe.is_set())
        self._reload = Bell()
        self.reason = ""
        self.unsaved = False
        """After `run`: not all that was published is in the event log. The logs have it."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are bound."""
        host, port = self._sock.getsockname()[:2]
        return host, port

    def shutdown(self, reason: str) -> None:
        """Stop gracefully; `run` returns when it is done. Safe to repeat."""
        if not self._stop.is_set():
            self.reason = reason
            self._end()  # first: already what is logged may hang
            log.info("stopping: %s", reason)
            self._stop.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `shutdown`. A damaged database is set aside and rebuilt from the logs. Closes socket and lock.

        Raises:
            StartFailed: it cannot start; alone or in a group (`starting.reason_of` has the sentence).
        """
        fixed = any(
            value is not None
            for value in (
                self.options.config,
                self.options.statusline_dump_dir,
                self.options.webhook_url,
                self.options.webhook_auth,
                self.options.attention_thresholds,
            )
        )
        plan = Plan(
            self.paths, self.settings, self._sock, self.options.version, self.options.token, fixed, self._reload,
            self._safe.set, self._end,
        )  # fmt: skip
        with self._sock, self._lock, ExitStack() as ends:
            ends.callback(self.hard_stop.disarm)
            make_directories(self.paths.logs, self.paths.hook_events)
            async with trio.open_nursery() as nursery:
                if self.options.signals:
                    self.hard_stop.prepare()
                    await nursery.start(self._take_signals)
                nursery.start_soon(self._stop_hard, nursery.cancel_scope)
                if not self._owned:
                    log.warning("the databases are being rebuilt (reindex); waiting until that is done")
                    await wait_for_reindex(self.paths.root, self._lock, self._holder, self._stop)
                nursery.start_soon(guard, self.paths.root, self._lock, name="ctm: guard of the lock file")
                status = Once(task_status)
                while not self._stop.is_set():
                    self._safe.clear()
                    self.unsaved = True
                    try:
                        await run_daemon(plan, shutdown=self._stop.wait, task_status=status)
                    except* StoreDamaged as group:
                        self._set_aside(_first(group))
                        if not self._stop.is_set():
                            self.hard_stop.relax()
                    finally:  # also of a stop that was cut off: the event log may be on disk all the same
                        self.unsaved = not self._safe.is_set()
                nursery.cancel_scope.cancel()

    def _end(self) -> None:
        """The daemon ends, also by itself: what hangs then must not keep the process."""
        if self.options.signals:
            self.hard_stop.arm()

    def _set_aside(self, error: StoreDamaged) -> None:
        """Move the database away, so that the next run makes a new one from the logs.

        Raises:
            StartFailed: it cannot be moved, or this happens again and again: then the disk is to blame.
        """
        path, now = self.paths.database, time.monotonic()
        self._damages.append(now)
        if len(self._damages) == DAMAGES and now - self._damages[0] < DAMAGES_S:
            raise StartFailed(f"{path} is damaged again and again: {error.message} Check the disk.")
        try:
            aside = set_aside(path, error.aside)
        except OSError as problem:
            text = f"{error.message} {path} cannot be set aside: {problem.strerror or problem}."
            raise StartFailed(text) from error
        log.error("%s It is now %s; the logs rebuild it.", error.message, aside.name)

    async def _stop_hard(self, scope: trio.CancelScope) -> None:
        """Cancel everything when a stop takes too long: what is committed stays, what is not comes from the logs."""
        await self._stop.wait()
        await trio.sleep(STOP_S)
        log.warning("the stop takes more than %g s; what is left is cut off", STOP_S)
        scope.cancel()

    async def _take_signals(self, *, task_status: trio.TaskStatus[None]) -> None:
        """SIGINT and SIGTERM stop; SIGHUP reads the settings again, or stops if it comes from our terminal."""
        terminal = in_terminal()
        stopping = {signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if terminal else ())}
        with (
            trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals,
            watching(frozenset(stopping), self.hard_stop.arm),
        ):
            task_status.started()
            async for number in signals:
                if number == signal.SIGHUP and not terminal:
                    self.reload()
                else:
                    self.shutdown(signal.Signals(number).name)

    def reload(self) -> None:
        """Read `config.json` again now instead of at the next look. Safe to repeat."""
        self._reload.ring()


def serve_main(port: int = 0) -> int:
    """The command `serve`. Exit code 0 after a signal, if everything is on disk, or if a sibling runs already.

    Source: PROTOCOL.md, Starting and stopping.
    """
    start_logging()
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log webhook URLs
    with suppress(OSError, ValueError, RuntimeError):  # without a standard error nobody can be told
        faulthandler.enable()  # a -shm that is cut off under SQLite ends the process (SIGBUS); else without a word
    allowed = _raise_file_limit()
    if 0 <= allowed < LEAST_FILES:
        text = f"Only {allowed} open files are allowed, and the daemon needs at least {LEAST_FILES}; see `ulimit -n`."
        print(text, file=sys.stderr)
        return 1
    sys.setswitchinterval(SWITCH_S)
    share_arenas()
    try:
        server = Server(Options(port=port, signals=True))
    except AlreadyRunning as error:
        if sys.stderr.isatty():  # a person wonders; a supervisor must hear nothing
            print(plain_lines(error), file=sys.stderr)
        return 0
    except (PortTaken, StartFailed) as error:
        print(plain_lines(error), file=sys.stderr)
        return 1
    log.info("serving on http://%s:%d", *server.address)
    tell_signup_code(server.paths)
    end_early_signals()
    try:
        trio.run(server.run)
    except (StartFailed, CtmError, ExceptionGroup) as error:  # what `reason_of` may have a sentence for
        reason = reason_of(error)
        if not reason:
            raise
        print(plain_lines(reason), file=sys.stderr)
        return 1
    finally:
        server.hard_stop.watch_exit()
    if server.unsaved:
        print("Not everything is on disk; the next start reads the rest from the logs.", file=sys.stderr)
        return 1
    return 0


def _paths(options: Options) -> Paths:
    claude = os.environ.get("CLAUDE_CONFIG_DIR")
    paths = paths_under(options.home, Path(claude) if claude else None)
    logs = options.log_dir or paths.logs
    return replace(
        paths,
        sessions=options.sessions_path or paths.sessions,
        tmux_conf=options.tmux_conf_path or paths.tmux_conf,
        logs=logs,
        hook_events=logs.parent / "hook-events",
    )


def _settings(options: Options, paths: Paths) -> Settings:
    if options.config is not None:
        settings = options.config
    else:
        loaded = load_settings(paths.config)
        if loaded.problem:
            log.warning("config: %s Correct it; until then the defaults are used for what is wrong.", loaded.problem)
        settings = loaded.settings
    if options.statusline_dump_dir is not None:
        settings = dataclasses.replace(settings, statusline_dump_dir=options.statusline_dump_dir)
    if options.webhook_url is not None:
        settings = dataclasses.replace(settings, webhook_url=options.webhook_url)
    if options.webhook_auth is not None:
        settings = dataclasses.replace(settings, webhook_auth=options.webhook_auth)
    if options.attention_thresholds is not None:
        settings = dataclasses.replace(settings, attention=options.attention_thresholds)
    return settings


def _raise_file_limit() -> int:
    """Allow ourselves as many open files as we use; how many are allowed now, negative for any number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            log.warning("only %d open files are allowed", soft)
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _first(group: BaseExceptionGroup[StoreDamaged]) -> StoreDamaged:
    error: StoreDamaged | BaseExceptionGroup[StoreDamaged] = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
