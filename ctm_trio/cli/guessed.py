"""What a command that starts nothing goes on with while `config.json` does not parse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctm_trio.model.decoding import BAD_JSON

if TYPE_CHECKING:
    from ctm_trio.model.config import Settings

SOCKET = "tmux_socket"
_SAID = re.compile(rb'"tmux_socket"\s*:\s*("(?:[^"\\\n]|\\.)*")')


def guessed_settings(data: bytes) -> Settings | None:
    """The defaults, with the tmux server that the text names: on another one `kill` would end another session.

    Args:
        data: of `config.json`.

    Returns:
        None if a tmux server is named and cannot be made out.
    """
    import msgspec

    from ctm_trio.model.config import Settings
    from ctm_trio.model.settings_rules import fault

    said = _SAID.findall(data)
    if not said:
        return None if SOCKET.encode() in data else Settings()
    try:
        socket = msgspec.json.decode(said[-1], type=str)
    except BAD_JSON:
        return None
    return Settings(tmux_socket="" if socket and fault(f"serve.{SOCKET}", socket) else socket)
