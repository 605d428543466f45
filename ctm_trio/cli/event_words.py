"""An event in a few words and a colour, for `watch` in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ctm_trio.cli.colours import COLOURS
from ctm_trio.cli.common import plain
from ctm_trio.model.status_words import CLOSED_WORDS, KIND_WORDS, attention_words, choice_words, status_words

RED, GREEN, YELLOW, DIM, RESET = COLOURS.red, COLOURS.green, COLOURS.yellow, COLOURS.dim, COLOURS.off

SHORT_ID = 6
"""So many characters of a request's id are shown; `answer` takes them too."""

Words = tuple[str, str]
"""Colour and words."""


def describe(kind: str, payload: Mapping[str, Any]) -> Words:
    """What happened. Text of others is made harmless.

    Args:
        kind: the event's type; one that is not known is its own description.
        payload: the event's fields; those that it should have and does not are "".
    """
    described = _DESCRIBED.get(kind)
    return (RESET, kind.replace("_", " ")) if described is None else described(_Texts(payload))


class _Texts:
    """A payload's fields as harmless texts."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.payload = payload

    def __getitem__(self, key: str) -> str:
        found = self.payload.get(key)
        return "" if found is None else plain(found)

    def inner(self, key: str) -> _Texts:
        found = self.payload.get(key)
        return _Texts(found if isinstance(found, dict) else {})


def _call(of: _Texts) -> Words:
    text = f"{of['tool']:<10} {of['input']}"
    return (RED, f"{text}  ✗ {of['summary']}") if of.payload.get("is_error") is True else (RESET, text)


def _quota(of: _Texts) -> Words:
    known = [f"{key} {plain(value)}" for key, value in of.payload.items() if key.endswith("_pct") and value is not None]
    return DIM, "quota: " + ", ".join(known)


def _status(of: _Texts) -> Words:
    text = f"{status_words(of['state'])}  {of['reason']}".rstrip()
    return YELLOW if of.payload.get("blocked") is True else RESET, text


def _raised(of: _Texts) -> Words:
    words, details = attention_words(of["state"], of["details"])
    return YELLOW, f"needs you: {words}  {details}".rstrip()


def _opened(of: _Texts) -> Words:
    who = f" of its sub-agent {of['agent_type'] or of['agent_id']}" if of["agent_id"] else ""
    risk = ", high risk" if of["risk"] == "high" else ""
    what = KIND_WORDS.get(of["kind"], of["kind"])
    return YELLOW, f"asks ({what}{who}{risk}, {of['id'][:SHORT_ID]}): {of['summary']}"


def _changed(of: _Texts) -> Words:
    how = {"hook": "can be answered here", "keys": "can be answered here, by keys"}.get(of["answerable"])
    why = f": {of['why_not']}" if of["why_not"] else ""
    return DIM, f"request {of['id'][:SHORT_ID]} {how or f'cannot be answered here{why}'}"


def _closed(of: _Texts) -> Words:
    choice = choice_words(of.inner("answer")["choice"])
    return GREEN, f"request {of['id'][:SHORT_ID]} {CLOSED_WORDS.get(of['state'], of['state'])}" + (
        f": {choice}" if choice else ""
    )


def _failed(of: _Texts) -> Words:
    why = of["reason"] or of["error"].replace("_", " ")
    return RED, f"prompt not delivered{f': {why}' if why else ''}"


_DESCRIBED: Mapping[str, Callable[[_Texts], Words]] = {
    "tool_call": _call,
    "attention_raised": _raised,
    "attention_cleared": lambda of: (GREEN, f"no longer: {attention_words(of['state'], '')[0]}"),
    "subagent_start": lambda of: (RESET, f"sub-agent {of['agent_type']} started"),
    "quota_update": _quota,
    "status_changed": _status,
    "request_opened": _opened,
    "request_changed": _changed,
    "request_closed": _closed,
    "prompt_sent": lambda of: (RESET, "prompt typed"),
    "prompt_delivered": lambda of: (RESET, "prompt queued" if of["state"] == "queued" else "prompt delivered"),
    "prompt_failed": _failed,
}
