"""The link to the daemon: is it there, start it, tell it what happened. Nothing here waits for long.

Source: PROTOCOL.md, Starting and stopping; Lifecycle events from the command line; CLI.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import ctm_trio
from ctm_trio.cli.common import say
from ctm_trio.cli.where import daemon_port, running
from ctm_trio.system.files import make_private_dir
from ctm_trio.system.peers import is_foreign, listener_uid
from ctm_trio.system.regular import open_regular

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings
    from ctm_trio.model.paths import Paths

PROBE_LIMIT_S = 0.3
START_LIMIT_S = 2.0
"""How long `new`, `yolo` and `attach` wait for a daemon that they started; the session itself does not need it."""

POST_LIMIT_S = 2.0
TOLD = (202, 204)
"""The daemon has it: it is done, or under way (PROTOCOL.md, Orders)."""

LOOK_EVERY_S = 0.05
_OF_A_SESSION = re.compile(r"TMUX(_PANE)?|CTM_SESSION|CLAUDECODE|CLAUDE_(?!CONFIG_DIR$).*")
OUTPUT_MAX_BYTES = 5 << 20
"""Size at which the output of a daemon that we start goes to a new file (the old one is kept beside it)."""


def connection_to(port: int, limit_s: float) -> http.client.HTTPConnection:
    """A connection to the daemon, which opens when it is used; each step may take `limit_s`. The caller closes it.

    Raises:
        ConnectionRefusedError: a program of another user has the port. It is told nothing, and nothing is believed.
    """
    uid = listener_uid(port)
    if is_foreign(uid):
        raise ConnectionRefusedError(f"port {port} is held by a program of another user (uid {uid})")
    return http.client.HTTPConnection("127.0.0.1", port, timeout=limit_s)


@contextmanager
def within(connection: http.client.HTTPConnection, limit_s: float) -> Iterator[None]:
    """Cut the connection after so many seconds: its own time limit is for each byte, and a byte may come each time."""
    timer = threading.Timer(limit_s, _cut, (connection,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: http.client.HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def probe(port: int) -> str | None:
    """The version of the daemon on this port; None if there is none. At most `PROBE_LIMIT_S`."""
    try:
        connection = connection_to(port, PROBE_LIMIT_S)
    except OSError:
        return None
    try:
        with within(connection, PROBE_LIMIT_S):
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
        return answer.getheader("X-Ctm-Serve") if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def ensure_daemon(paths: Paths, settings: Settings) -> bool:
    """See that the daemon runs: start it, detached, if it does not. True once it answers, within `START_LIMIT_S`.

    It outlives us and our terminal, so that we started it is said on stderr. What it prints goes to `ctm-trio.log`
    beside the settings.
    """
    if probe(daemon_port(paths, settings)) is not None:
        return True
    try:
        make_private_dir(paths.root)
        process = _start(paths.root / "ctm-trio.log")
    except OSError:
        return False
    answers = _answers(paths, settings, process)
    if process.poll() is None:
        say(f"Started the daemon (process {process.pid}); `ctm-trio serve --stop` ends it.")
    return answers


def _answers(paths: Paths, settings: Settings, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a daemon answers; False if the one that was started cannot, or after `START_LIMIT_S`."""
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        if probe(daemon_port(paths, settings)) is not None:
            return True
        try:
            if process.wait(LOOK_EVERY_S) != 0 and running(paths) is None:
                return False
            time.sleep(LOOK_EVERY_S)  # it has ended because another one runs, which may only just start
        except subprocess.TimeoutExpired:
            pass  # still starting
    return False


def serve_command() -> list[str]:
    """The words that run this very code as the daemon, from any directory: also from a checkout, with nothing set."""
    return [sys.executable, str(Path(ctm_trio.__file__).resolve().parent / "__main__.py"), "serve"]


def _start(output: Path) -> subprocess.Popen[bytes]:
    # Not the pane or the Claude Code session that we may run in: what the daemon starts would inherit them.
    env = {key: value for key, value in os.environ.items() if not _OF_A_SESSION.fullmatch(key)}
    log = _open_output(output)
    try:
        return subprocess.Popen(
            serve_command(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=env,
            start_new_session=True,
        )
    finally:
        os.close(log)


def _open_output(output: Path) -> int:
    """Where the daemon's messages go; to nowhere if that file cannot be used, because the daemon matters more."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    try:
        fd = open_regular(output, flags, follow=False)
        if os.fstat(fd).st_size > OUTPUT_MAX_BYTES:
            os.close(fd)
            output.replace(output.with_name(output.name + ".1"))
            fd = open_regular(output, flags, follow=False)
        return fd
    except OSError as error:
        say(f"{output} cannot be used ({error.strerror}), so the daemon's messages are lost.")
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def post_event(port: int, event: str, fields: Mapping[str, str]) -> bool:
    """Tell the daemon what happened to a session, as the Go CLI does, within `POST_LIMIT_S`.

    False if it does not run, refuses, or takes longer; then it may still be processed, which is harmless.

    Args:
        event: `session_new`, `session_attached`, `session_killed` or `on_yolo`.
        fields: `name`, `uuid`, `mode`, `workdir`.
    """
    try:
        connection = connection_to(port, POST_LIMIT_S)
    except OSError:
        return False
    try:
        body = urllib.parse.urlencode(fields)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        with within(connection, POST_LIMIT_S):
            connection.request("POST", f"/api/hooks/{event}", body, kind)
            return connection.getresponse().status in TOLD
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
