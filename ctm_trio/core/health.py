"""What /health says of the parts of the daemon, and how a fault is put into words: short, bounded, without secrets."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from traceback import format_exception

import msgspec
import trio

from ctm_trio.core.channels import StateSender

log = logging.getLogger("ctm.supervise")


class HealthSnapshot(msgspec.Struct, frozen=True):
    """Children of the daemon: name → "ok", "starting", "restarting: …", "quarantined: …"; how often each crashed.

    Of the many of one kind only those are named that are in trouble, and only some of very many.
    """

    components: Mapping[str, str] = msgspec.field(default_factory=dict)
    restarts: Mapping[str, int] = msgspec.field(default_factory=dict)


MAX_NAMED = 20
"""Faults of many-of-a-kind parts that /health names one by one; of more it says how many there are."""

MAX_FAULT_CHARS = 200
"""Of an error's message; the log has the whole traceback."""

LOG_LINES, LOG_WINDOW_S = 20, 60.0
"""So many messages about parts that are many of a kind are logged in so many seconds; the rest are only counted."""

MIN_SECRET_CHARS = 4
"""A shorter setting is too likely to be part of an ordinary word."""

_HOST = r"(\[[^\s\]/]*\](?::\d+)?|[^\s/?#'\":@]*(?::\d+(?![^\s/?#'\"]))?)"
_URL = re.compile(rf"\b(https?|wss?|socks\w*)://(?:[^\s/?#]*@)?{_HOST}[^\s'\"]*", re.IGNORECASE)
_KEY = re.compile(
    r"(?i)\b(bearer|basic|token|password|secret|authorization)\b([\s:='\"]+)"
    r"(?:(?:bearer|basic|digest|negotiate|token)\s+)?[^\s'\",;]+"
)


def leaf(error: BaseException) -> BaseException:
    """The error itself, out of the groups that nurseries wrap around it; the first one, if there are several."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class Health:
    """Collects what the children report into one state channel. The daemon's nursery owns it.

    Args:
        state: where the snapshot is published.
        secrets: texts that must not be shown, at the moment of the call (passwords, tokens).
    """

    def __init__(self, state: StateSender[HealthSnapshot], secrets: Callable[[], Iterable[str]] = tuple) -> None:
        self._state = state
        self._secrets = secrets
        self._components: dict[str, str] = {}
        self._faults: dict[str, dict[str, str]] = {}
        self._restarts: dict[str, int] = {}
        self._said_until = 0.0
        self._said = 0

    def report(self, name: str, status: str) -> None:
        """Say how a child is: "ok", "starting", or what is wrong; "" takes it off the list."""
        if status:
            self._components[name] = status
        else:
            self._components.pop(name, None)
        self._publish()

    def fault(self, kind: str, name: str, status: str) -> None:
        """Say what is wrong with one of many of a kind; "" if nothing is any more.

        Args:
            kind: all of them together, e.g. "workers"; the name of the line that counts them.
            name: as /health shows it, e.g. "worker:<which>".
            status: what is wrong.
        """
        faults = self._faults.setdefault(kind, {})
        if faults.get(name, "") == status:
            return
        if status:
            faults[name] = status
        else:
            faults.pop(name, None)
        self._publish()

    def in_quarantine(self, name: str) -> bool:
        """True while a child is down for longer."""
        return self._components.get(name, "").startswith("quarantined")

    def crashed(self, name: str) -> None:
        """Count a crash of a child, or of one of many under the name of them all."""
        self._restarts[name] = self._restarts.get(name, 0) + 1
        self._publish()

    def describe(self, error: BaseException) -> str:
        """The type and message of the error itself, in one line of at most `MAX_FAULT_CHARS`, without secrets."""
        inner = leaf(error)
        text = self.redact(" ".join(str(inner).split()))
        text = "".join(c if c.isprintable() else "�" for c in text)
        text = f"{type(inner).__name__}: {text}" if text else type(inner).__name__
        return text if len(text) <= MAX_FAULT_CHARS else text[: MAX_FAULT_CHARS - 1] + "…"

    def traceback(self, error: BaseException) -> str:
        """The traceback for the log, without secrets."""
        return self.redact("".join(format_exception(error)))

    def redact(self, text: str) -> str:
        """Take out what must not be shown: the settings that are secret, what follows `Bearer`, paths of URLs."""
        for secret in self._secrets():
            if len(secret) >= MIN_SECRET_CHARS:
                text = text.replace(secret, "***")
        return _KEY.sub(r"\1\2***", _URL.sub(r"\1://\2/***", text))

    def say_one_of_many(self, level: int, text: str) -> bool:
        """Log a message of which there may be a thousand at once. True for the first one for a while."""
        now = trio.current_time()
        if now >= self._said_until:
            if self._said > LOG_LINES:
                log.warning("%d more messages of this kind were left out", self._said - LOG_LINES)
            self._said, self._said_until = 0, now + LOG_WINDOW_S
        self._said += 1
        if self._said <= LOG_LINES:
            log.log(level, "%s", text)
        return self._said == 1

    def _publish(self) -> None:
        shown = dict(self._components)
        for kind, faults in self._faults.items():
            shown.update(islice(faults.items(), MAX_NAMED))
            if len(faults) > MAX_NAMED:
                shown[kind] = f"degraded: {len(faults)} are in trouble, {MAX_NAMED} of them are named here"
        self._state.publish(HealthSnapshot(shown, dict(self._restarts)))
