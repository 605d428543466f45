"""`/api/doctor`: the checks of the machine, and those of the daemon, within 5 s. Source: PROTOCOL.md, Routes."""

from __future__ import annotations

import os
from collections.abc import Callable
from urllib.parse import urlsplit

import trio

from ctm_trio.model.doctor import ERR, OK, WARN, Check, Facts, daemon_checks
from ctm_trio.model.paths import Paths
from ctm_trio.model.proxy import proxy_fault, proxy_for
from ctm_trio.system.doctor import run_checks
from ctm_trio.system.peers import is_foreign, listener_uid

LIMIT_S = 4.5
"""For everything together: the answer is due within 5 s. What is not done by then is a finding."""

THREADS = 2
"""Looks that may hang at the same time; beyond, the machine is said not to answer without another try."""

CONNECT_LIMIT_S = 2.0

PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""Where a URL or a proxy setting names no port."""

SHARED_S = 1.0
"""Who asks again so soon gets the same answer: the doctor starts programs."""

BUILT_AT = 1_760_000_000.0
"""A clock that shows less (October 2025) is wrong: this program is younger."""

AHEAD_S = 60.0
"""A log that is newer than the clock by more than this means that the clock is wrong."""


class Doctor:
    """Runs the checks, once for all who ask at the same time.

    Args:
        facts: what the daemon knows, at the moment of the call.
        clock: unix seconds.
    """

    def __init__(self, facts: Callable[[], Facts], clock: Callable[[], float]) -> None:
        self._facts, self._clock = facts, clock
        self._lock = trio.Lock()
        self._done: tuple[float, list[Check]] | None = None
        """When the checks were over, and what they found."""
        self._threads = trio.CapacityLimiter(THREADS)

    async def __call__(self) -> list[Check]:
        """All checks, in a fixed order. Never raises: what cannot be found out is a finding."""
        asked = trio.current_time()
        async with self._lock:
            if self._done is None or asked - self._done[0] > SHARED_S:
                found = await self._examine(self._facts())
                self._done = (trio.current_time(), found)
            return self._done[1]  # also for whoever has waited for it: two slow looks would take too long

    async def _examine(self, facts: Facts) -> list[Check]:
        slow = "It did not answer in time; look again later, and see whether this machine is overloaded."
        machine = [Check("machine", WARN, f"no answer within {LIMIT_S:.1f} s", slow)]
        webhook = Check("webhook:reachable", WARN, f"no answer within {LIMIT_S:.1f} s", slow)

        async def look() -> None:
            nonlocal machine

            def checks() -> list[Check]:
                try:
                    found = run_checks(facts.paths, facts.settings, facts.config_problem, facts.live, facts.workdirs)
                    return [*found, _clock(facts.paths, self._clock()), _localhost(facts.port)]
                except OSError as error:
                    text = f"{error.filename or 'A file'} cannot be reached: {error.strerror or error}"
                    return [Check("machine", ERR, text, "Check its owner and mode, and those of its directories.")]

            # It only reads, so it may be left; but a file system that hangs keeps its thread, and must not get more.
            machine = await trio.to_thread.run_sync(checks, abandon_on_cancel=True, limiter=self._threads)

        async def knock() -> None:
            nonlocal webhook
            webhook = await _webhook(facts)

        with trio.move_on_after(LIMIT_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(look)
                nursery.start_soon(knock)
        return [*machine, *daemon_checks(facts), webhook]


def _clock(paths: Paths, now: float) -> Check:
    """A clock that is wrong spoils ids and ages: it must be later than this program, and than our own files."""
    try:
        with os.scandir(paths.logs) as entries:
            newest = max((entry.stat().st_mtime for entry in entries), default=0.0)
    except OSError:
        newest = 0.0  # nothing to compare with
    if now < BUILT_AT or newest > now + AHEAD_S:
        return Check("clock", WARN, "The clock of this machine is behind.", "Set it, best by NTP.")
    return Check("clock", OK)


def _localhost(port: int) -> Check:
    """A browser may take `localhost` for ::1, where we do not listen: the page there would have our page's name."""
    uid = listener_uid(port, "::1")
    if is_foreign(uid):
        text = f"A program of another user (uid {uid}) has port {port} of ::1, which `localhost` may mean."
        return Check(
            "port:localhost", ERR, text, f"Use http://127.0.0.1:{port}, and sign out where you used localhost."
        )
    return Check("port:localhost", OK)


async def _webhook(facts: Facts) -> Check:
    """Whether somebody listens where alerts go, or at the proxy on the way there; nothing is sent.

    Of the URL only host and port are shown, of the proxy's neither user nor password.
    """
    name, url = "webhook:reachable", facts.settings.webhook_url
    if not url:
        return Check(name, OK, "no webhook is set")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        host, port = None, None
    if not host or not port or parts.scheme not in ("http", "https"):
        return Check(name, ERR, "The webhook's URL cannot be understood.", "Set webhook_url to an http(s) address.")
    way, mend = f"{host}:{port}", "Start the receiver, or change webhook_url."
    if proxy := proxy_for(url, os.environ):
        if fault := proxy_fault(proxy):
            return Check(name, ERR, fault, f"Correct {proxy.variable}, and start the daemon again.")
        parts = urlsplit(proxy.url)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme.lower(), 0)
        way += f" through the proxy {proxy.shown}"
        mend = f"Start the proxy, or change {proxy.variable} and start the daemon again."
    try:
        with trio.fail_after(CONNECT_LIMIT_S):
            stream = await trio.open_tcp_stream(host, port)
            await stream.aclose()
    except (OSError, UnicodeError, trio.TooSlowError):  # a name that cannot be looked up is nobody's
        return Check(name, WARN, f"No answer from {way}.", mend)
    return Check(name, OK, f"{way}; {facts.webhook_delivered} delivered, {facts.webhook_failed} given up")
