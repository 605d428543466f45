"""Does a webhook's address lead anywhere?"""

from __future__ import annotations

import trio

from ctm_trio.model.webhook import host_and_port, url_fault

RESOLVE_S = 3.0
"""How long the name service may take."""


async def webhook_fault(url: str) -> str:
    """What is wrong with a webhook's address, for people; "" if nothing is. Its host must resolve. Never raises."""
    fault = url_fault(url)
    if fault or not url:
        return fault
    host, port = host_and_port(url)
    try:
        with trio.fail_after(RESOLVE_S):
            await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
    except trio.TooSlowError:
        return (
            f"The webhook's host {host} could not be looked up within {RESOLVE_S:.0f} s; try again, or check the name."
        )
    except (OSError, UnicodeError):
        return f"The webhook's host {host} cannot be found; check the name."
    return ""
