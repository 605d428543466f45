"""What we add to Claude Code's settings, and that all of it can be taken away again."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model import overlay
from ctm_trio.model.config import Settings
from ctm_trio.producers import hook

HOOK = overlay.hook_command("/opt/my python/bin/python", "/opt/x/ctm_trio/producers/start.py")


def made(document: dict[str, Any], version: str = "2.1.330") -> dict[str, Any]:
    own = overlay.own_statusline(document)
    events = overlay.events_for(overlay.parse_version(version))
    return overlay.with_ours(document, events, HOOK, "/p", "/ctm_trio/producers/start.py", own)


def test_events_by_version() -> None:
    """Each version gets the events that it knows and no other; an unknown one the safe set."""
    newest = overlay.events_for(overlay.parse_version("2.1.330 (Claude Code)"))
    older = overlay.events_for(overlay.parse_version("2.1.197"))
    assert {"PostToolUseFailure", "PermissionRequest", "PreModelSwitch"} <= set(newest)
    assert set(newest) - set(older) == {"PreModelSwitch", "PostModelSwitch", "DirectoryAdded"}
    assert overlay.events_for(overlay.parse_version("3.0.1")) == newest
    for text in ("1.0.80", "2.1.196", "", "no number"):
        assert overlay.events_for(overlay.parse_version(text)) == overlay.SAFE_EVENTS
    assert not {"WorktreeCreate", "WorktreeRemove", "FileChanged"} & set(newest)
    assert len(set(newest)) == len(newest)


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.text(),
        "statusLine": st.fixed_dictionaries({"type": st.just("command"), "command": st.text(min_size=1)}),
        "hooks": st.dictionaries(
            st.sampled_from(["Stop", "PreToolUse", "FileChanged"]),
            st.lists(
                st.fixed_dictionaries(
                    {
                        "hooks": st.lists(
                            st.fixed_dictionaries({"type": st.just("command"), "command": st.text()}), min_size=1
                        )
                    },
                    optional={"matcher": st.text()},
                ),
                min_size=1,
                max_size=2,
            ),
            min_size=1,
        ),
    },
)


@given(SETTINGS)
def test_what_we_add_can_be_taken_away(document: dict[str, Any]) -> None:
    """Adding twice is adding once, and taking ours away gives the settings back as they were."""
    once = made(document)
    assert made(once) == once
    assert overlay.without_ours(once) == document
    for event, groups in document.get("hooks", {}).items():
        assert once["hooks"][event][: len(groups)] == groups


def test_the_users_own_status_line_is_run_by_ours() -> None:
    """Its command, quotes and all, becomes one word of ours, and its other keys stay."""
    own = "node ~/line.js --fmt '%a \"b\"' | head -2"
    line = made({"statusLine": {"type": "command", "command": own, "padding": 0}})["statusLine"]
    assert shlex.split(line["command"])[-2:] == ["--then", own]
    assert line["padding"] == 0


@pytest.mark.parametrize(
    "command",
    [
        "ctm log-tool-use",
        "/usr/local/bin/ctm statusline",
        "'/a b/ctm' log-tool-use",
        "python -m ctm_trio log-tool-use",
        "ctm-trio hook",
        HOOK,
    ],
)
def test_older_commands_are_replaced(command: str) -> None:
    """What the Go program or an older installation wrote goes, or every call would be logged twice."""
    entry = {"type": "command", "command": command}
    other = {"type": "command", "command": "notify-send ctm"}
    document = made({"hooks": {"PostToolUse": [{"matcher": "*", "hooks": [entry, other]}]}})
    commands = [entry["command"] for group in document["hooks"]["PostToolUse"] for entry in group["hooks"]]
    assert commands == ["notify-send ctm", HOOK]


def test_the_hook_gives_up_before_it_is_ended() -> None:
    """So that an event for which the lock was not had is counted as lost, which a hook that is ended cannot do."""
    assert hook.TIME_LIMIT_S + 10 < overlay.HOOK_TIMEOUT_S


def timeouts(document: dict[str, Any], event: str = overlay.ASKS) -> list[object]:
    return [entry.get("timeout") for group in document["hooks"][event] for entry in group["hooks"]]


def test_a_hook_that_waits_has_the_time_for_it() -> None:
    """Claude Code ends it later than the daemon lets it go, and any other after a minute."""
    document = made({})
    assert timeouts(document) == [overlay.HOLD_TIMEOUT_S] == [3660]
    assert {n for event in document["hooks"] if event != overlay.ASKS for n in timeouts(document, event)} == {60}
    assert [overlay.hold_timeout(*t) for t in ((3600, 30), (0, 30), (2, 30), (86_400, 0))] == [3660, 60, 90, 86_460]
    settings = Settings()
    assert overlay.hold_timeout(settings.hold_s, settings.hold_agent_s) == overlay.HOLD_TIMEOUT_S


def test_an_older_overlay_gets_the_time() -> None:
    """Only our own entry of that event, and only if it has less; what is not as usual stays."""
    old = {"type": "command", "command": HOOK, "timeout": 60}
    own = {"type": "command", "command": "notify-send x", "timeout": 5}
    odd = [7, {"hooks": 3}, {"matcher": "*", "hooks": [own, "x", old, {"command": HOOK, "timeout": "long"}]}]
    document = {"a": 1, "hooks": {overlay.ASKS: [*odd, {"hooks": [old]}], "Stop": [{"hooks": [old]}]}}
    before = json.dumps(document)
    longer = overlay.with_hold_timeout(document, 3660)
    assert json.dumps(document) == before
    assert json.dumps(longer) == before.replace('"timeout": 60', '"timeout": 3660', 2)
    assert overlay.with_hold_timeout(longer, 3660) is longer
    assert overlay.with_hold_timeout(longer, 90) is longer
    odd_hooks: list[object] = [None, 5, {overlay.ASKS: {}}, {overlay.ASKS: [{"hooks": [own]}]}]
    for hooks in odd_hooks:
        other = {"hooks": hooks}
        assert overlay.with_hold_timeout(other, 3660) is other
    without = {"hooks": {overlay.ASKS: [{"hooks": [{"command": HOOK}]}]}}
    assert timeouts(overlay.with_hold_timeout(without, 3660)) == [3660]


def test_odd_settings_survive() -> None:
    """A settings file with values of other types than usual is not an error."""
    document = made({"hooks": {"Stop": "x", "PreToolUse": [7, {"hooks": 3}]}, "statusLine": "plain"})
    assert document["hooks"]["PreToolUse"][:2] == [7, {"hooks": 3}]
