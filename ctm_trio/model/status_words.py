"""The short words for a session's status, the kinds of requests and their ends, as the command line shows them.

One table, so that every command says the same. They are the words of the dashboard (`i18n/en-answers.js`), as they
stand behind a name.
Source: PROTOCOL.md, Status; Requests.
"""

from __future__ import annotations

from collections.abc import Mapping

from ctm_trio.model import status as s

STATUS_WORDS: Mapping[str, str] = {
    s.PERMISSION: "asks permission",
    s.QUESTION: "asks a question",
    s.PLAN: "shows a plan",
    s.DIALOG: "dialog open",
    s.FAILED_: "stopped by an error",
    s.LIMITED: "limit reached",
    s.WAITING: "waits for you",
    s.EXITED: "Claude has ended",
    s.GONE: "terminal gone",
    s.BACKGROUND: "runs in the background",
    s.WORKING_: "working",
    s.STARTING: "starting",
    s.UNHEARD: "not heard",
}
"""State of a status → a few words that can stand behind the name of its session."""

KIND_WORDS: Mapping[str, str] = {
    s.PERMISSION: "permission",
    s.QUESTION: "question",
    s.PLAN: "plan",
    s.DIALOG: "dialog",
}
"""Kind of a request → what it is."""

CLOSED_WORDS: Mapping[str, str] = {
    "open": "open",
    "answered": "answered",
    "answered_elsewhere": "answered in the terminal",
    "withdrawn": "no longer asked",
}
"""State of a request → what became of it."""

CHOICE_WORDS: Mapping[str, str] = {
    "allow": "Allow",
    "deny": "Deny",
    "deny_stop": "Deny and stop",
    "approve": "Approve",
    "approve_accept_edits": "Approve and accept edits",
    "keep_planning": "Keep planning",
    "discuss": "Talk about it",
    "answers": "",
}
"""A choice that every request of a kind has → its label; "" where "answered" says it all."""

WARNING_WORDS: Mapping[str, str] = {
    "last_error_call": "last call failed",
    "error_burst": "many errors",
    "quota_high": "quota nearly used",
    "context_imminent": "context nearly full",
    "yolo_unchecked": "no checkpoint",
    "stuck": "seems stuck",
}
"""A warning, which may stand beside any status."""

ATTENTION_WORDS: Mapping[str, str] = {
    "tmux_dead": STATUS_WORDS[s.GONE],
    "permission_request": STATUS_WORDS[s.PERMISSION],
    "waiting_input": STATUS_WORDS[s.WAITING],
    **WARNING_WORDS,
}
"""A state of attention, which is all that an older daemon tells."""

_DETAILS: Mapping[str, str] = {
    "last tool call returned is_error=true": "",
    "no tool call in > idle threshold": "no tool call for long",
    "yolo mode without recent checkpoint": "in yolo mode for long",
    "tmux session no longer exists": "",
}
"""Details of such a state as they are on the wire → what they say beyond its words. The others are for people."""


def status_words(state: str) -> str:
    """The words for a state; one of a newer daemon is shown as its own name."""
    return STATUS_WORDS.get(state, state.replace("_", " "))


def attention_words(state: str, details: str) -> tuple[str, str]:
    """The words for a state of attention or a warning, and its details for people, "" if they say no more."""
    return ATTENTION_WORDS.get(state, state.replace("_", " ")), _DETAILS.get(details, details)


def choice_words(choice: str) -> str:
    """The words for the choice that was taken, where the request's own labels are not known."""
    return CHOICE_WORDS.get(choice, choice.replace("_", " "))


def urgency(state: str) -> int:
    """Where a state stands in the order of urgency: 0 is most urgent; all that block nobody are last, as equals."""
    return s.URGENCY.index(state) if state in s.BLOCKED else len(s.URGENCY)
