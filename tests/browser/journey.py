"""Steps that several journeys share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.browser.played_client import PlayedClient
from tests.browser.site import Site

SCREEN = """\
\x1b[38;5;174m╭──────────────────────────────────────────────────╮\x1b[39m
\x1b[38;5;174m│ ✻\x1b[39m Welcome to \x1b[1mClaude Code\x1b[0m                         \x1b[38;5;174m│\x1b[39m
\x1b[38;5;174m│\x1b[39m   \x1b[2mcwd: ~/src/checkout\x1b[0m                            \x1b[38;5;174m│\x1b[39m
\x1b[38;5;174m╰──────────────────────────────────────────────────╯\x1b[39m

\x1b[2m>\x1b[0m Refunds lose the last cent. Find out why and fix it.

\x1b[38;2;78;186;101m●\x1b[39m I will look at how totals are rounded today.

\x1b[38;2;78;186;101m●\x1b[39m \x1b[1mRead\x1b[0m(cart/total.ts)
    Read \x1b[1m218\x1b[0m lines

\x1b[38;2;78;186;101m●\x1b[39m \x1b[1mUpdate\x1b[0m(cart/total.ts)
    Updated \x1b[1mcart/total.ts\x1b[0m with \x1b[1m1\x1b[0m addition and \x1b[1m1\x1b[0m removal
      41       const share = amount / lines.length;
      42 \x1b[48;2;94;22;30m-      return Math.round(share * 100) / 100;\x1b[49m
      42 \x1b[48;2;22;72;32m+      return roundHalfEven(share);\x1b[49m

\x1b[31m●\x1b[39m \x1b[1mBash\x1b[0m(npm run lint)
    \x1b[31mError: Exit code 1\x1b[39m
    \x1b[33mwarning\x1b[39m  Unexpected any  \x1b[90mno-explicit-any\x1b[39m

\x1b[38;5;174m✻ Thinking…\x1b[39m \x1b[2m(14s · ↑ 2.1k tokens · esc to interrupt)\x1b[0m
"""
"""A screen with what a real one has: colours of all kinds, boxes, dim and bold text."""

HIDE = """(hidden) => {
  Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event('visibilitychange'));
}"""
"""Says to the page that its tab is hidden, or seen again."""


def box(site: Site, name: str) -> tuple[str, ...]:
    """The program of a pane with the client's input box; `sent-NAME` in the home gets what is sent."""
    screen = site.home / "screen.txt"
    screen.write_text(SCREEN)
    program = Path(__file__).with_name("box_program.py")
    return sys.executable, str(program), str(screen), str(site.home / f"sent-{name}")


def furnished(site: Site) -> None:
    """A few sessions as a working day has them, with calls, figures, checkpoints and somebody who needs you."""
    site.add_session("checkout", tmux=box(site, "checkout"))
    site.add_session("mobile-app", mode="safe")
    site.add_session("docs")
    site.add_session("old-experiment", tmux=None)
    calls = [
        site.line("checkout", "Read", 900, tool_input={"file_path": "/etc/hostname"}),
        site.line("checkout", "Bash", 800, tool_input={"command": "git status --short"}),
        site.line("checkout", "Edit", 700, **edit(site, "checkout")),
        site.line("checkout", "Bash", 60, tool_input={"command": "npm test"}),
        site.line("checkout", "Grep", 5, tool_input={"pattern": "roundHalfEven"}, agent_id="a3f9c2d1e0b84756a"),
    ]
    site.append("checkout", *calls)
    site.append("mobile-app", site.line("mobile-app", "Bash", 120, tool_input={"command": "xcodebuild test"}))
    site.append("docs", failed(site, "docs", 20))
    site.repository("checkout")
    site.dump("checkout", context=41, cost=1.62)
    site.dump("mobile-app", context=93, cost=0.4)
    site.dump("docs", context=12, cost=0.11)
    for name in ("checkout", "docs"):
        PlayedClient(site, name).says("busy", ago_s=1200)
    site.start()
    site.sign_up()
    asks = PlayedClient(site, "mobile-app").asks("Bash", {"command": "rm -rf build"})
    site.at_end.enter_context(asks)


def edit(site: Site, name: str) -> dict[str, Any]:
    """The fields of an Edit that has a patch."""
    path = f"{site.records[name]['workdir']}/total.ts"
    patch = {"oldStart": 1, "oldLines": 2, "newStart": 1, "newLines": 2}
    lines = ["-const total = 0", "+const total = 1", " export default total"]
    return {
        "tool_input": {"file_path": path, "old_string": "const total = 0", "new_string": "const total = 1"},
        "tool_response": {"filePath": path, "structuredPatch": [{**patch, "lines": lines}]},
    }


def failed(site: Site, name: str, ago_s: float = 0.0) -> dict[str, Any]:
    """A Bash call that failed, as today's client reports it."""
    line = site.line(name, "Bash", ago_s, tool_input={"command": "npm run lint"})
    del line["tool_response"]
    return {**line, "hook_event_name": "PostToolUseFailure", "error": "Exit code 1\n2 problems", "is_interrupt": False}
