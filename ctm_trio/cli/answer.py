"""`answer`: answer what a session asks. Source: PROTOCOL.md, Requests; CLI."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from typing import Any

from ctm_trio.cli.answer_asking import ask
from ctm_trio.cli.answer_words import (
    ANSWERS,
    MIN_PREFIX,
    answers_of,
    candidates,
    choice_of,
    lets_it_happen,
    said_of,
    unanswered,
)
from ctm_trio.cli.colours import colours_of
from ctm_trio.cli.common import (
    FAILED,
    NOT_FOUND,
    OK,
    USAGE,
    CliError,
    Subparsers,
    confirm,
    plain,
    print_json,
    say,
    say_painted,
)
from ctm_trio.cli.given_text import one_stdin, read_text
from ctm_trio.cli.offers import offer
from ctm_trio.cli.request_view import kind_words, outcome, short_ids, whole
from ctm_trio.cli.signing_in import SIGNS_IN, add_daemon_options, ask_daemon

MAX_GIVEN = 1 << 20
"""Bytes of an input or a plan that is read; the daemon takes less."""


def add_parser(subparsers: Subparsers) -> None:
    """Declare `answer`."""
    parser = subparsers.add_parser(
        "answer",
        help="answer what a session asks",
        description="Answer a request. In a terminal the whole request is shown first, and one of high risk is allowed "
        "only after a question. Without CHOICE you are asked for it, of "
        "several questions for one after the other. " + SIGNS_IN,
    )
    id_ = parser.add_argument(
        "id", metavar="ID", help="of the request, or its first characters; or a session that asks one thing"
    )
    offer(id_, "sessions")
    choice = parser.add_argument(
        "choice", metavar="CHOICE", nargs="?",
        help="one that `answer ID` or `requests --json` lists (allow, deny, deny_stop, allow_0, approve, "
        "keep_planning, discuss, row_2), or its label; yes or no; a dialog's row by its number; for a single "
        "question the label of an option, or `other:` and your words",
    )  # fmt: skip
    offer(choice, "choices")
    parser.add_argument(
        "-m", "--message", metavar="TEXT", help="words for Claude with a refusal; - reads them on stdin"
    )
    parser.add_argument(
        "--answer", action="append", metavar="QUESTION=LABEL",
        help="an answer to the question of this text, header or number; repeatable, also for one that takes several",
    )  # fmt: skip
    parser.add_argument("--input", metavar="JSON", help="let the tool run with this input instead; - reads it on stdin")
    plan = parser.add_argument("--plan", metavar="FILE", help="approve this text instead of the plan; - reads stdin")
    offer(plan, "files")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print the request, as answered, as JSON")
    add_daemon_options(parser)


def run(args: argparse.Namespace) -> int:
    """Find the request, show it, answer it."""
    one_stdin({"--message": args.message, "--input": args.input, "--plan": args.plan, "--token-file": args.token_file})
    given = _given(args)

    async def work(url: str, token: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        from ctm_trio.client.requests import answer_request

        request = await _find(args.id, url, token)
        decided = decide(args, request, given)
        return None if decided is None else (await answer_request(url, token, request["id"], decided), decided)

    done = ask_daemon(args, work)
    if done is None:
        say("Nothing was answered.")
        return FAILED
    answered, decided = done
    if args.json:
        print_json(answered)
    else:
        ended = outcome(answered, _said(decided)).rstrip(".")
        say(f"{plain(answered['session'])}: {kind_words(answered)}, {ended}.")
    return OK


def _said(decided: dict[str, Any]) -> str:
    """The answers to questions that were sent, for people; "" if it was something else."""
    told = said_of(decided.get("answers", {}))
    return told[0][1] if len(told) == 1 else "; ".join(f"{question} → {words}" for question, words in told)


def _given(args: argparse.Namespace) -> dict[str, object]:
    """What goes with the choice, as the daemon takes it; read before anything is asked."""
    given: dict[str, object] = {}
    if args.message is not None:
        given["message"] = read_text(args.message, MAX_GIVEN).rstrip("\n")
    if args.input is not None:
        try:
            given["updated_input"] = json.loads(read_text(args.input, MAX_GIVEN))
        except ValueError as error:
            raise CliError(f"--input takes the tool's whole input as JSON: {error}.", USAGE) from None
    if args.plan is not None:
        given["updated_plan"] = read_text("-", MAX_GIVEN) if args.plan == "-" else _file(args.plan)
    return given


def _file(name: str) -> str:
    try:
        with open(name, "rb") as file:
            return file.read(MAX_GIVEN).decode()
    except OSError as error:
        raise CliError(f"{name} cannot be read: {error.strerror}.", USAGE) from None
    except UnicodeDecodeError:
        raise CliError(f"{name} is no text in UTF-8.", USAGE) from None


async def _find(word: str, url: str, token: str) -> dict[str, Any]:
    """The request that a word means, open or not.

    Raises:
        CliError: none, or several. ClientError: the daemon cannot be asked.
    """
    from ctm_trio.client import Refused
    from ctm_trio.client.errors import NO_REQUEST, NO_SESSION
    from ctm_trio.client.requests import get_request, list_requests
    from ctm_trio.client.sessions import session_view

    found = candidates(await list_requests(url, token), word)
    if len(found) == 1:
        return dict(found[0])
    if found:
        short = short_ids([request["id"] for request in found])
        named = "; ".join(f"{short[r['id']]} {plain(r['session'])}: {plain(r['summary'])}" for r in found)
        raise CliError(f"{plain(word)} may mean several requests: {named}", USAGE)
    try:
        return await get_request(url, token, word)
    except Refused as error:
        if error.code != NO_REQUEST:
            raise
    closed = candidates(await list_requests(url, token, closed=True), word)
    by_id = [request for request in closed if len(word) >= MIN_PREFIX and request["id"].startswith(word)]
    if len(by_id) == 1:
        return dict(by_id[0])
    try:
        await session_view(url, token, word)
    except Refused as error:
        if error.code not in NO_SESSION:
            raise
        text = (
            f"There is no request {plain(word)}, and no session of that name. `ctm-trio requests` lists what is open."
        )
    else:
        text = f"{plain(word)} asks nothing now."
    raise CliError(text, NOT_FOUND)


def decide(args: argparse.Namespace, request: dict[str, Any], given: dict[str, object]) -> dict[str, Any] | None:
    """The answer to send; None if the person does not want to after all.

    Raises:
        CliError: the words do not fit the request.
    """
    here = sys.stdin.isatty()
    word = args.choice or (ANSWERS if args.answer else "")
    is_open = request["state"] == "open"
    if not is_open and not word:
        raise CliError(f"It is not open any more: {outcome(request)}.")
    if args.answer and word != ANSWERS:
        raise CliError("--answer belongs to the choice `answers`, which need not be given.", USAGE)
    if here and is_open and (not word or (word == ANSWERS and request.get("questions") and not args.answer)):
        asked = ask(request, yes=args.yes)
        if asked is None:
            return None
        choice, answers = asked
    else:
        if is_open and (here or not word):
            say_painted(whole(request, colours_of(sys.stderr)))
        if not word:
            raise CliError("Say what to answer: give one of these choices.", USAGE)
        choice, answers = _as_given(args, request, word, is_open=is_open)
    risky = here and is_open and request.get("risk") == "high" and lets_it_happen(choice)
    if risky and not confirm("\nIts risk is high. Let it happen?", yes=args.yes):
        return None
    body: dict[str, Any] = {"choice": choice, "key": secrets.token_hex(16), "where": "cli", **given}
    return {**body, "answers": answers} if answers else body


def _as_given(
    args: argparse.Namespace, request: dict[str, Any], word: str, *, is_open: bool
) -> tuple[str, dict[str, object]]:
    """The choice and the answers that the command line says."""
    if args.answer:
        return ANSWERS, answers_of(request, args.answer)
    if not is_open:
        return word, {}  # the daemon says what has become of it
    choice, answers = choice_of(request, word)
    if choice == ANSWERS and not answers:
        raise unanswered(request)
    return choice, answers or {}
