"""Carries a webhook's request to its endpoint, once. Whatever goes wrong becomes an answer that says so."""

from __future__ import annotations

import logging
import os
import ssl
import time
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec
import trio

from ctm_trio import __version__
from ctm_trio.errors.base import CtmError
from ctm_trio.model.proxy import Proxy, proxy_fault, proxy_for
from ctm_trio.model.retry_after import retry_after_s
from ctm_trio.model.webhook import Answer, Post, url_fault
from ctm_trio.model.webhook_secrets import secrets_of, without_secrets
from ctm_trio.model.webhook_shape import visible

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("ctm.webhook")

TRY_S = 10.0
"""One try, from the first look at the settings to the answer. Source: PROTOCOL.md, Webhooks."""

EXCERPT_S = 2.0
"""How long the words of a refusal may take. Its status counts also without them."""

EXCERPT_CHARS = 300
"""What is kept of them."""

MAX_REFUSAL_BYTES = 8192
"""A longer body of a refusal is not read at all."""


class CannotSend(CtmError):
    """A setting of this machine is at fault: nothing can be sent before that is mended."""

    code, status = "webhook_cannot_send", 500


class _Heard(msgspec.Struct):
    """What the endpoint has said so far. `secrets`: what must not be shown of it, should it say that."""

    status: int | None = None
    retry_after: float = 0.0
    excerpt: str = ""
    secrets: frozenset[str] = frozenset()


class Courier:
    """Posts to any address, directly or through the proxy that the environment names.

    Args:
        at_once: connections at the same time.
        environment: proxies and certificates stand there.
        clock: unix seconds.
    """

    def __init__(
        self, at_once: int, environment: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.time
    ) -> None:
        self._at_once = at_once
        self._environment = environment
        self._clock = clock
        self._made: tuple[tuple[str, bool], httpx.AsyncClient] | None = None
        self._making = trio.Lock()

    async def post(self, url: str, make: Callable[[], Post], limit_s: float | None = None) -> Answer:
        """Post what `make` gives, once, within `limit_s` (`TRY_S`). Redirects are not followed.

        Never raises: a bad setting, a request that cannot be written, and an answer that cannot be read are failed
        tries with their reasons. Secrets are in none of these, not even where the endpoint repeats them.
        """
        began, heard, error, ours = trio.current_time(), _Heard(), "", False
        limit_s = TRY_S if limit_s is None else limit_s
        try:
            with trio.fail_after(limit_s):
                await self._post(url, make, heard)
        except trio.TooSlowError:
            error = f"The endpoint did not answer within {limit_s:.0f} s."
        except CannotSend as problem:
            error, ours = problem.message, True
        except Exception as problem:  # noqa: BLE001  # a try is the unit of failure: never the webhook, never the daemon
            error = _reason(problem, heard.secrets)
        took = round((trio.current_time() - began) * 1000)
        if heard.status is not None:  # it did answer; what came after that does not matter
            error = "" if 200 <= heard.status < 300 else _refusal(heard.status, heard.excerpt)
            ours = False
        return Answer(heard.status, error, heard.retry_after, took, ours)

    async def _post(self, url: str, make: Callable[[], Post], heard: _Heard) -> None:
        fault = url_fault(url)
        if fault:
            raise CannotSend(fault)
        heard.secrets = secrets_of(url)
        client = await self._client(url)
        post = make()
        heard.secrets |= post.secrets
        headers = [(name.encode(), _header(name, value)) for name, value in post.headers]
        async with client.stream("POST", url, content=post.body, headers=headers) as response:
            told = response.headers
            heard.retry_after = retry_after_s(told.get("Retry-After", ""), told.get("Date", ""), self._clock())
            heard.status = response.status_code
            if not 200 <= heard.status < 300:
                with trio.move_on_after(EXCERPT_S):
                    heard.excerpt = await _excerpt(response, heard.secrets)

    async def _client(self, url: str) -> httpx.AsyncClient:
        """The HTTP client for an address, made when it is needed first, in a thread: it reads the certificates.

        Raises:
            CannotSend: the proxy or the certificates that the environment names cannot be used.
        """
        proxy = proxy_for(url, self._environment)
        if proxy is not None and (fault := proxy_fault(proxy)):
            raise CannotSend(fault)
        secure = url.startswith("https:") or (proxy is not None and proxy.url.lower().startswith("https:"))
        key = (proxy.url if proxy else "", secure)
        async with self._making:
            if self._made is None or self._made[0] != key:
                client = await trio.to_thread.run_sync(self._make, proxy, secure, abandon_on_cancel=True)
                self._made = (key, client)
            return self._made[1]

    def _make(self, proxy: Proxy | None, secure: bool) -> httpx.AsyncClient:
        import httpx

        # Without TLS no certificates are read: that takes time and memory, and may fail for no reason.
        context = self._certificates() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        shown = proxy.shown if proxy else ""
        try:
            through = None
            if proxy is not None:
                own = context if proxy.url.lower().startswith("https:") else None
                through = httpx.Proxy(proxy.url, ssl_context=own)
            return httpx.AsyncClient(
                verify=context,
                proxy=through,
                trust_env=False,  # what the environment says is looked at here, where a fault in it has a name
                follow_redirects=False,
                timeout=TRY_S,
                limits=httpx.Limits(max_connections=self._at_once, max_keepalive_connections=0),
                headers={"User-Agent": f"ctm-trio/{__version__}", "Accept-Encoding": "identity"},
            )
        except ImportError as error:
            raise CannotSend(
                f"The proxy setting {shown} cannot be used: this program has no support for SOCKS. Use an http:// proxy"
                " (HTTPS_PROXY or HTTP_PROXY), or name the webhook's host in NO_PROXY."
            ) from error
        except (ValueError, TypeError, httpx.InvalidURL) as error:
            raise CannotSend(f"The proxy setting {shown} is not a valid address.") from error

    def _certificates(self) -> ssl.SSLContext:
        for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            path = self._environment.get(variable, "")
            if not path:
                continue
            try:
                if variable == "SSL_CERT_FILE":
                    return ssl.create_default_context(cafile=path)
                return ssl.create_default_context(capath=path)
            except (OSError, ValueError) as error:  # an SSLError is an OSError
                reason = getattr(error, "strerror", None) or str(error)
                raise CannotSend(
                    f"The certificates that {variable} names ({path}) cannot be read: {reason}."
                ) from error
        import certifi

        return ssl.create_default_context(cafile=certifi.where())


def _header(name: str, value: str) -> bytes:
    """A header's value in bytes. The message must not show it: it may be a secret."""
    if value != value.strip() or any(ord(c) < 32 or ord(c) == 127 for c in value):
        setting = "webhook_auth" if name == "Authorization" else f"The header {name}"
        raise CannotSend(f"{setting} has characters that a header must not have (spaces around it, line breaks).")
    return value.encode()


def _reason(problem: Exception, secrets: frozenset[str]) -> str:
    """What went wrong, for people. Words of unknown kinds are not shown: they may repeat what was to be sent."""
    import httpx

    if isinstance(problem, httpx.TransportError | OSError) and not isinstance(problem, httpx.LocalProtocolError):
        words = _shown(str(problem), secrets)
        return f"The endpoint could not be reached: {words or type(problem).__name__}."
    where = traceback.extract_tb(problem.__traceback__)[-1:]
    log.warning(
        "a webhook's try failed with %s in %s", type(problem).__name__, [f"{f.filename}:{f.lineno}" for f in where]
    )
    return f"The alert could not be sent: {type(problem).__name__}."


def _refusal(status: int, text: str) -> str:
    if 300 <= status < 400:
        return f"The endpoint answered {status}; redirects are not followed, enter the final address."
    return f"The endpoint answered {status}{f': {text}' if text else ''}."


def _shown(text: str, secrets: frozenset[str]) -> str:
    """The beginning of a text from outside, on one line. Cut last: half a secret would not be recognised."""
    return " ".join(visible(without_secrets(text, secrets)).split())[:EXCERPT_CHARS]


async def _excerpt(response: httpx.Response, secrets: frozenset[str]) -> str:
    """The beginning of a refusal's body. Only a short body of known length is read, as it comes."""
    length = response.headers.get("Content-Length", "")
    if not (length.isascii() and length.isdecimal() and len(length) < 9 and 0 < int(length) <= MAX_REFUSAL_BYTES):
        return ""
    data = b""
    async for chunk in response.aiter_raw():
        data += chunk
    return _shown(data.decode(errors="replace"), secrets)
