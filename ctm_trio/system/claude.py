"""How `claude` is found and started inside a tmux session. Source: PROTOCOL.md, Sessions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from ctm_trio.errors.sessions import NoClaude

NESTED = (
    "CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_SSE_PORT",
    "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_PID", "CLAUDE_PROJECT_DIR", "CLAUDE_EFFORT",
)  # fmt: skip
"""Variables by which a client knows that another one runs it; a session's client is nobody's child. What a user sets
(CLAUDE_CONFIG_DIR, tokens, limits) is not among them."""

_LAUNCH = (
    f"unset {' '.join(NESTED)}; "
    + 'if [ -f "$1" ] && [ -r "$1" ]; then . "$1"; fi; PATH=$PATH:$2; export PATH; shift 2; exec claude "$@"'
)
"""Sources env.sh ($1), then becomes claude; the daemon's own directory of it ($2) is the last resort of the PATH."""


def find_claude() -> str:
    """The absolute path of the `claude` that the daemon's PATH finds. Blocks for a few `stat`s.

    Raises:
        NoClaude: there is none.
    """
    found = shutil.which("claude")
    if found is None:
        raise NoClaude
    return os.path.abspath(found)


def launch_command(
    claude: str,
    uuid: str,
    mode: str,
    *,
    env_sh: Path,
    overlay: Path | None,
    resume: bool = False,
    fork_of: str = "",
) -> Sequence[str]:
    """The argument vector that tmux runs for a session; every value is an argument, none is part of a script.

    Args:
        claude: where `find_claude` found it.
        uuid: the Claude session id.
        mode: "yolo" skips the permission dialogs, "safe" asks for what is not allowed: without a word the client may
            begin in a mode that decides by itself.
        env_sh: sourced first if it is a file and readable.
        overlay: settings for Claude Code, None if there are none.
        resume: go on with the conversation of that id, which must have a transcript; else begin one.
        fork_of: begin with what this conversation has, and leave it as it is; "" for none.
    """
    begin = ["--resume", uuid] if resume else ["--session-id", uuid]
    if fork_of:
        begin = ["--resume", fork_of, "--fork-session", "--session-id", uuid]
    return [
        "/bin/sh", "-c", _LAUNCH, "ctm", str(env_sh), os.path.dirname(claude),
        *begin,
        *(["--dangerously-skip-permissions"] if mode == "yolo" else ["--permission-mode", "default"]),
        *(["--settings", str(overlay)] if overlay is not None else []),
    ]  # fmt: skip
