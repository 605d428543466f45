"""Steps that several journeys share."""

from __future__ import annotations

from typing import Any

from tests.browser.site import Site


def furnished(site: Site) -> None:
    """A few sessions as a working day has them, with calls, figures, checkpoints and somebody who needs you."""
    site.add_session("checkout")
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
    site.start()
    site.sign_up()
    site.hook("mobile-app", "PermissionRequest", tool_name="Bash", tool_input={"command": "rm -rf build"})


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
