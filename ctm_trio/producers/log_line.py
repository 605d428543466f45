"""The line of an event: the name of its log, and the payload with our stamps. Source: PROTOCOL.md, Log lines."""

from __future__ import annotations

import time

from ctm_trio.producers.environment import environ

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    from typing import Any

SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")

STAMPS = (("ctm_session", "CTM_SESSION"), ("ctm_pane", "TMUX_PANE"), ("ctm_pid", "CLAUDE_PID"))
"""Keys that we append, and the environment variables they come from. Source: PROTOCOL.md, Log lines."""


def safe_name(session_id: object) -> str:
    """The session id as a file name's stem. Source: PROTOCOL.md, Log lines."""
    if not isinstance(session_id, str) or not session_id or len(session_id) > 128:
        return "unknown"
    return "".join([c if c in SAFE else "-" for c in session_id])


def quoted(text: str) -> bytes:
    """A JSON string."""
    try:
        from _json import encode_basestring_ascii
    except ImportError:
        from json import dumps as encode_basestring_ascii
    return encode_basestring_ascii(text).encode()


def timestamp() -> bytes:
    """Now as RFC 3339 in UTC with microseconds."""
    seconds, ns = divmod(time.time_ns(), 1_000_000_000)
    return (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ns // 1000:06d}Z").encode()


def stamped(data: bytes, value: dict[str, Any], request: str = "") -> bytes:
    """The log line: the payload to the letter on one line, with our stamps before its last brace.

    What the payload itself says under the name of a stamp is overruled: of a key that comes twice the last one counts.

    Args:
        data: the payload as it came; value: what it says.
        request: the stamp of an event that asks a person, 32 hex digits; it ends the line.
    """
    stamps = [b'"ctm_timestamp":"%b"' % timestamp()]
    for key, variable in STAMPS:
        if text := environ(variable):
            stamps.append(b'"%b":%b' % (key.encode(), quoted(text)))
        elif key in value:
            stamps.append(b'"%b":null' % key.encode())
    if request or "ctm_request" in value:
        stamps.append(b'"ctm_request":"%b"' % request.encode() if request else b'"ctm_request":null')
    # In valid JSON a line break can only stand between two tokens.
    body = data.strip().replace(b"\n", b" ").replace(b"\r", b" ")[:-1]
    return b"".join((body, b"," if value else b"", b",".join(stamps), b"}\n"))
