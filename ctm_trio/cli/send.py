"""`send` and `interrupt`: a prompt for a session, and Esc. Source: PROTOCOL.md, Prompts and keys; CLI."""

from __future__ import annotations

import argparse
import math
import secrets
from collections.abc import Mapping
from typing import Any

from ctm_trio.cli.common import FAILED, OK, TIME_OVER, USAGE, CliError, Subparsers, plain, print_json, say
from ctm_trio.cli.event_words import SHORT_ID
from ctm_trio.cli.given_text import one_stdin, read_text
from ctm_trio.cli.offers import offer
from ctm_trio.cli.signing_in import SIGNS_IN, add_daemon_options, ask_daemon
from ctm_trio.model.status import ASKING, BACKGROUND, FAILED_, LIMITED, UNHEARD, WAITING, WORKING_
from ctm_trio.model.status_words import STATUS_WORDS, status_words

MAX_PROMPT_BYTES = 100 * 1024
"""Source: PROTOCOL.md, Prompts and keys."""

DELIVERED_S = 15.0
"""How long is waited for what becomes of a prompt."""

LOOK_EVERY_S = 0.25
"""Between two looks at a prompt, or at a status."""

BELIEVED_S = 2.0
"""A status that is the same as before the prompt counts so long after its delivery: a change is known within 1 s."""

AT_WORK = frozenset({WORKING_, UNHEARD, *ASKING})
"""States in which a client has a turn under way, or a dialog open."""

RESTING = frozenset({WAITING, FAILED_, LIMITED, BACKGROUND})
"""States in which one has neither."""

HELD = "Held"
"""How the reason of a held prompt begins."""

ENDS = frozenset({"delivered", "queued", "failed"})
"""States of a prompt that are worth no longer wait."""


def add_parser(subparsers: Subparsers) -> None:
    """Declare `send` and `interrupt`."""
    parser = subparsers.add_parser(
        "send",
        help="give a session a prompt",
        description="Type a prompt into a session, exactly this text, and say what became of it. Nothing is typed "
        "while a dialog is open, or while somebody's own draft is in the box. A text that begins with a dash stands "
        "behind `--`. " + SIGNS_IN,
    )
    offer(parser.add_argument("name", metavar="NAME", help="of the session"), "sessions")
    parser.add_argument("text", metavar="TEXT", nargs="?", default="-", help="the prompt; - or nothing reads stdin")
    parser.add_argument(
        "--when", choices=("now", "idle"), default="now", help="idle: type it when the session's turn is over"
    )
    parser.add_argument(
        "--no-wait", action="store_true", help=f"do not wait (up to {DELIVERED_S:.0f} s) for what becomes of it"
    )
    parser.add_argument(
        "--wait", type=_states, metavar="STATE[,…]", help="wait until the session, after the prompt, is in such a state"
    )
    parser.add_argument("--timeout", type=_seconds, metavar="S", help="with --wait: for at most so many seconds")
    parser.add_argument("--json", action="store_true", help="print the prompt, as it is in the end, as JSON")
    add_daemon_options(parser)
    parser = subparsers.add_parser(
        "interrupt",
        help="end a session's turn, as Esc does",
        description="Send Esc to a session once, and say whether its turn has ended by it. " + SIGNS_IN,
    )
    offer(parser.add_argument("name", metavar="NAME", help="of the session"), "sessions")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_daemon_options(parser)


def _states(text: str) -> frozenset[str]:
    states = frozenset(filter(None, text.split(",")))
    unknown = sorted(states - STATUS_WORDS.keys())
    if unknown or not states:
        known = ", ".join(STATUS_WORDS)
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of states; a state is one of {known}")
    return states


def _seconds(text: str) -> float:
    digits = text.replace(".", "", 1)
    if digits.isascii() and digits.isdigit() and len(text) <= 9:
        return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")


def run(args: argparse.Namespace) -> int:
    """Send it, or interrupt."""
    return interrupt(args) if args.command == "interrupt" else send(args)


def interrupt(args: argparse.Namespace) -> int:
    """Send Esc, and say what it did; 0 also if nothing was there to end."""

    async def work(url: str, token: str) -> tuple[str, bool, str]:
        from ctm_trio.client.sessions import interrupt

        before = await _state(url, token, args.name)
        ended = await interrupt(url, token, args.name)
        return before, ended, "" if ended else await _state(url, token, args.name)

    before, ended, after = ask_daemon(args, work)
    if args.json:
        print_json({"ended": ended})
    else:
        say(f"{plain(args.name)}: {interrupted(before, ended, after)}")
    return OK


def interrupted(before: str, ended: bool, after: str) -> str:
    """What an interrupt has done, in a sentence.

    Args:
        before, after: the session's states; "" if they are not known. Only one that is not at an end needs `after`.
        ended: the daemon's answer: it is not at work now. It presses nothing in one that was not at work before.
    """
    if ended and before in RESTING:
        return f"it was not at work ({status_words(before)}), so nothing was interrupted."
    if ended:
        return "Escape was pressed, and it is not at work now."
    if after in AT_WORK:
        return f"Escape was pressed, and it is still at work ({status_words(after)})."
    now = f"; it is “{status_words(after)}” now" if after else ""
    return f"Escape was pressed. Whether a turn has ended by it is not known{now}."


async def _state(url: str, token: str, name: str) -> str:
    """The state of a session, "" if the daemon does not say it."""
    from ctm_trio.client import Refused
    from ctm_trio.client.sessions import session_view

    try:
        status = (await session_view(url, token, name)).get("status")
    except Refused:
        return ""  # what is wrong is said of the interrupt itself
    return str(status.get("state", "")) if isinstance(status, Mapping) else ""


def send(args: argparse.Namespace) -> int:
    """Send a prompt, follow it, and say what became of it."""
    one_stdin({"TEXT": args.text, "--token-file": args.token_file})
    if args.no_wait and args.wait:
        raise CliError("--no-wait and --wait exclude each other.", USAGE)
    if args.timeout is not None and not args.wait:
        raise CliError("--timeout goes with --wait.", USAGE)
    text = read_text(args.text, MAX_PROMPT_BYTES)
    if args.text == "-":
        text = text.rstrip("\r\n")  # the line break at the end of a file is not part of the prompt
    if not text:
        raise CliError("There is no text to send.", USAGE)

    async def work(url: str, token: str) -> tuple[Mapping[str, Any], str]:
        return await _deliver(args, text, url, token)

    prompt, status = ask_daemon(args, work)
    if args.json:
        print_json({**prompt, "status": status} if status else prompt)
    return _told(args, prompt, status)


async def _deliver(args: argparse.Namespace, text: str, url: str, token: str) -> tuple[Mapping[str, Any], str]:
    """The prompt as it was seen last, and with `--wait` the state that its session has come to, "" at the time limit.

    Raises:
        CliError: nothing was typed, and why. ClientError: the daemon cannot be asked.
    """
    import trio

    from ctm_trio.client import Refused
    from ctm_trio.client.sessions import send_prompt, session_view

    before = (await session_view(url, token, args.name)).get("status", {})
    try:
        sent = await send_prompt(url, token, args.name, text, secrets.token_hex(16), args.when)
    except Refused as error:
        hint = ""
        if isinstance(id_ := error.fields.get("request_id"), str) and id_:
            hint = f" `ctm-trio answer {plain(id_)[:SHORT_ID]}` shows what it asks."
        if error.status != 409:
            raise
        raise CliError(f"{error}{hint}") from None
    if args.no_wait:
        return sent, ""
    until = trio.current_time() + (math.inf if args.timeout is None else args.timeout)
    held_long = args.wait and args.when == "idle"  # what is waited for comes after it, so it is waited for as well
    prompt = await _settled(url, token, args.name, sent, until if held_long else trio.current_time() + DELIVERED_S)
    if not args.wait or prompt["state"] == "failed":
        return prompt, ""
    with trio.move_on_at(until):
        return prompt, await _reached(url, token, args.name, args.wait, before)
    return prompt, ""


async def _settled(url: str, token: str, name: str, sent: Mapping[str, Any], until: float) -> Mapping[str, Any]:
    """Look at a prompt until it is at an end, or until a time on Trio's clock; as it was seen last."""
    import trio

    from ctm_trio.client.sessions import prompts

    prompt = sent
    with trio.move_on_at(until):
        while prompt["state"] not in ENDS:
            await trio.sleep(LOOK_EVERY_S)
            known = await prompts(url, token, name)
            prompt = next((one for one in known if one.get("id") == sent["id"]), prompt)
    return prompt


async def _reached(url: str, token: str, name: str, wanted: frozenset[str], before: Mapping[str, Any]) -> str:
    """Look at a session's status until it is one of those that are wanted, and not still the one before the prompt."""
    import trio

    from ctm_trio.client.sessions import session_view

    began = trio.current_time()
    while True:
        now = (await session_view(url, token, name)).get("status", {})
        fresh = (now.get("state"), now.get("since")) != (before.get("state"), before.get("since"))
        if now.get("state") in wanted and (fresh or trio.current_time() >= began + BELIEVED_S):
            return str(now["state"])
        await trio.sleep(LOOK_EVERY_S)


def _told(args: argparse.Namespace, prompt: Mapping[str, Any], status: str) -> int:
    """Say what became of a prompt; the exit code."""
    name, state = plain(args.name), plain(prompt["state"])
    why = plain(prompt.get("reason") or str(prompt.get("error", "")).replace("_", " ")).rstrip(".")
    if state == "failed":
        say(f"{name}: the prompt was not delivered{f': {why}' if why else ''}.")
        return FAILED
    held = "held until the turn is over" if args.when == "idle" else "held until the session is ready"
    if why.startswith(f"{HELD}: "):
        held += f": {why.removeprefix(f'{HELD}: ')}"
    elif why.startswith(HELD):
        held = f"h{why[1:]}"
    elif why:
        held += f" ({why})"
    texts = {
        "delivered": "delivered.",
        "queued": "queued; the session takes it when it can.",
        "held": f"{held}.",
        "typed": "typed; the session has not confirmed it yet.",
    }
    if not args.json:
        wrapped = " Claude Code passes a text of this length on as a document." if prompt.get("wrapped") is True else ""
        reached = f" It is “{status_words(status)}” now." if status else ""
        say(f"{name}: {texts.get(state, state + '.')}{wrapped}{reached}")
    if args.wait and not status:
        say(f"The time is over; {name} has not come to {', '.join(sorted(args.wait))}.")
        return TIME_OVER
    if args.no_wait or state in ENDS or (state == "held" and args.when == "idle"):
        return OK
    return TIME_OVER
