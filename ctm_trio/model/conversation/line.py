"""The keys of a transcript's line that matter; what is big is left as bytes."""

from __future__ import annotations

from typing import Any

import msgspec

from ctm_trio.model.decoding import decode_any, line_decoder


class Line(msgspec.Struct, gc=False, rename="camel"):
    """One line. The keys are the client's, in Python's spelling."""

    type: str = ""
    uuid: str = ""
    timestamp: str = ""
    session_id: str = ""
    request_session_id: str = ""
    forked_from: msgspec.Raw = msgspec.Raw()
    agent_id: str = ""
    cwd: str = ""
    is_sidechain: bool = False
    is_meta: bool = False
    turn_companion: bool = False
    is_compact_summary: bool = False
    is_api_error_message: bool = False
    prompt_source: str = ""
    origin: msgspec.Raw = msgspec.Raw()
    message: msgspec.Raw = msgspec.Raw()
    api_block_index: int | None = None
    attachment: msgspec.Raw = msgspec.Raw()
    tool_use_result: msgspec.Raw = msgspec.Raw()
    tool_denial_kind: str = ""
    permission_decision: msgspec.Raw = msgspec.Raw()
    subtype: str = ""
    content: msgspec.Raw = msgspec.Raw()
    summary: str = ""
    leaf_uuid: str = ""
    ai_title: str = ""
    custom_title: str = ""


decode = line_decoder(Line)
"""Bytes of a line → `Line`, None if it is no JSON object. Never raises."""


def object_of(raw: msgspec.Raw) -> dict[str, Any]:
    """A key's value if it is an object, else an empty one."""
    value = decode_any(raw)
    return value if isinstance(value, dict) else {}


def text_in(value: dict[str, Any], key: str) -> str:
    """A key's text, "" if it is none."""
    found = value.get(key)
    return found if isinstance(found, str) else ""
