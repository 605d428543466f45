"""`requests`, `answer`, `send`, `interrupt` and `explain` against a daemon that the test plays: every end they have."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctm_trio.__main__ import main
from ctm_trio.cli import request_view, send
from ctm_trio.cli.common import FAILED, NOT_FOUND, OK, TIME_OVER, UNREACHABLE, USAGE
from ctm_trio.client import orders
from ctm_trio.owners.prompts import held, sending
from tests.fakes.api import DROP, PlayedApi, played_api
from tests.ports import free_port
from tests.unit.test_answer_words import DIALOG, ONE, PERMISSION, PLAN, TWO

RM = "rm -rf build &&\n  make \x1b[2Jall"
ID, OTHER_ID = "ab" * 16, "abab00" + "c" * 26
TIMES = {"asked_at": "2026-01-01T00:00:00Z", "state": "open", "answerable": "hook", "uuid": "u", "cwd": "/w/alpha"}
DANGER = {
    **PERMISSION, **TIMES, "id": ID, "kind": "permission", "tool": "Bash", "risk": "high", "summary": "rm -rf build",
    "input": {"command": RM, "description": "clean"},
}  # fmt: skip
MILD = {**DANGER, "risk": "normal"}
ANSWERED = {**DANGER, "state": "answered", "answer": {"choice": "allow", "where": "cli"}}
OPEN, ANSWER = "GET /api/requests?state=open", f"POST /api/requests/{ID}/answer"
ALPHA, PROMPT, PROMPTS = "GET /api/sessions/alpha", "POST /api/sessions/alpha/prompt", "GET /api/sessions/alpha/prompts"
NOBODY = (404, {"error": "session not found", "message": "There is no session named 'nobody'.", "name": "nobody"})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A HOME of its own, a token, no terminal, and no long waits."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CTM_TOKEN", "token")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    for module, name in ((orders, "PAUSE_S"), (orders, "LOOK_EVERY_S"), (send, "LOOK_EVERY_S")):
        monkeypatch.setattr(module, name, 0.01)


@pytest.fixture
def api() -> Iterator[PlayedApi]:
    """The daemon."""
    with played_api() as played:
        yield played


def run(api: PlayedApi, *words: str) -> int:
    """Run a command with that daemon; its exit code."""
    return main([words[0], "--url", api.url, *words[1:]])


class Terminal(io.StringIO):
    """Standard input, or output, that is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What the person at the terminal types."""
    monkeypatch.setattr("sys.stdin", Terminal(text))


# ------------------------------------------------------------ what all of them share


@pytest.mark.parametrize(
    "words", [["requests"], ["answer", "abab", "yes"], ["send", "alpha", "x"], ["interrupt", "alpha"], ["explain", "a"]]
)
def test_without_a_daemon_or_a_token(
    words: list[str], api: PlayedApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4 with what to do, before anybody is asked for a password; a wrong token is 1, no terminal is 2."""
    nowhere = ["--port", str(free_port())]
    assert main([words[0], *nowhere, *words[1:]]) == UNREACHABLE
    assert "ctm-trio serve" in capsys.readouterr().err
    denied = (401, {"error": "invalid_token", "message": "Sign in."})
    for route in (OPEN, ALPHA, "GET /api/sessions/a/explain", "POST /api/sessions/alpha/interrupt"):
        api.routes[route] = [denied]
    assert run(api, *words) == FAILED
    assert "does not know the token in CTM_TOKEN" in capsys.readouterr().err
    monkeypatch.delenv("CTM_TOKEN")
    assert main([words[0], *nowhere, *words[1:]]) == UNREACHABLE
    assert run(api, *words) == USAGE
    assert "CTM_TOKEN" in capsys.readouterr().err


def test_a_daemon_that_does_not_know_the_route(api: PlayedApi, capsys: pytest.CaptureFixture[str]) -> None:
    """It is older; that is said, not that nothing is at an address."""
    assert run(api, "requests") == FAILED
    assert "not restarted after an update" in capsys.readouterr().err


# ------------------------------------------------------------ requests


def test_requests(api: PlayedApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe one line each with the whole id; as JSON; in a terminal with as much of the id as tells them apart."""
    second = {**MILD, **ONE, "id": OTHER_ID, "session": "beta", "kind": "question", "summary": "Which\x1b colour?" * 20}
    second |= {"answerable": "no", "why_not": "It runs in no terminal."}
    api.routes = {OPEN: [(200, {"requests": [DANGER, second]})]}
    assert run(api, "requests") == OK
    head, one, two = capsys.readouterr().out.splitlines()
    assert head.split() == ["ID", "SESSION", "KIND", "RISK", "STATE", "AGE", "SUMMARY"]
    assert re.split(" {2,}", one)[:5] == [ID, "alpha", "permission", "high", "open"]
    assert two.startswith(OTHER_ID)
    assert two.isprintable()
    assert run(api, "requests", "--json") == OK
    assert [request["id"] for request in json.loads(capsys.readouterr().out)] == [ID, OTHER_ID]
    out = Terminal()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    assert run(api, "requests") == OK
    shown = out.getvalue().splitlines()
    assert shown[0].startswith("ababab  alpha  permission, high risk  ")
    assert shown[2].startswith("abab00  beta  question  ")
    assert shown[4] == "  It runs in no terminal."
    assert max(map(len, shown)) <= 80
    assert "ctm-trio answer ID" in capsys.readouterr().err


def test_requests_of_a_session_and_closed_ones(api: PlayedApi, capsys: pytest.CaptureFixture[str]) -> None:
    """`--session` of one that nobody knows is 3; `--all` says what became of each; nothing is no error."""
    api.routes = {
        "GET /api/sessions/nobody": [NOBODY], ALPHA: [(200, {"name": "alpha"})],
        "GET /api/requests?state=all&session=alpha": [(200, {"requests": [ANSWERED]})],
        "GET /api/requests?state=open&session=alpha": [(200, {"requests": []})],
    }  # fmt: skip
    assert run(api, "requests", "--session", "nobody") == NOT_FOUND
    assert run(api, "requests", "--session", "alpha", "--all") == OK
    assert "  answered: Allow  " in capsys.readouterr().out
    assert run(api, "requests", "--session", "alpha") == OK
    assert capsys.readouterr() == ("", "Nobody asks you anything.\n")


# ------------------------------------------------------------ answer


@pytest.mark.parametrize("word", ["abab", "alpha", ID])
def test_answer(word: str, api: PlayedApi, capsys: pytest.CaptureFixture[str]) -> None:
    """By the beginning of an id or by its session; from a script nothing is shown or asked."""
    api.routes = {OPEN: [(200, {"requests": [DANGER]})], ANSWER: [(200, ANSWERED)]}
    assert run(api, "answer", word, "yes") == OK
    (body,) = api.bodies(ANSWER)
    assert (body["choice"], body["where"], len(body["key"])) == ("allow", "cli", 32)
    assert capsys.readouterr().err == "alpha: permission, high risk, answered: Allow.\n"
    assert run(api, "answer", word, "allow", "--json") == OK
    assert json.loads(capsys.readouterr().out)["state"] == "answered"
    assert api.bodies(ANSWER)[1]["key"] != body["key"]


def test_a_broken_connection_is_tried_again_with_the_same_key(api: PlayedApi) -> None:
    """The daemon may have taken the first one. When nobody answers any more it is 4."""
    api.routes = {OPEN: [(200, {"requests": [DANGER]})], ANSWER: [(DROP, None), (200, ANSWERED)]}
    assert run(api, "answer", ID, "allow") == OK
    first, second = api.bodies(ANSWER)
    assert first == second
    api.routes[ANSWER] = [(DROP, None)]
    assert run(api, "answer", ID, "allow") == UNREACHABLE
    assert len(api.bodies(ANSWER)) == 2 + orders.TRIES


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (409, "request_closed", "It was answered in the terminal."), (422, "not_answerable", "Its hook has gone."),
        (504, "not_taken", "The answer was not taken."), (400, "invalid_answers", "A question has no answer."),
    ],
)  # fmt: skip
def test_refused(status: int, code: str, said: str, api: PlayedApi, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, with the daemon's own sentence."""
    refusal = (status, {"error": code, "message": said, "request": ANSWERED})
    api.routes = {OPEN: [(200, {"requests": [DANGER]})], ANSWER: [refusal]}
    assert run(api, "answer", ID, "allow") == FAILED
    assert capsys.readouterr().err == f"ctm-trio: {said}\n"


def test_which_request_is_meant(api: PlayedApi, capsys: pytest.CaptureFixture[str]) -> None:
    """Several are named, exit code 2; none is 3; of one that is closed the daemon says how it ended."""
    other = {**MILD, "id": OTHER_ID}
    missing = (404, {"error": "request_not_found", "message": "There is no such request."})
    api.routes = {
        OPEN: [(200, {"requests": [DANGER, other]})], "GET /api/requests?state=all": [(200, {"requests": [ANSWERED]})],
        "GET /api/sessions/nobody": [NOBODY], "GET /api/sessions/beta": [(200, {"name": "beta"})],
        **{f"GET /api/requests/{word}": [missing] for word in ("nobody", "beta", "abab")},
    }  # fmt: skip
    for word in ("alpha", "abab"):
        assert run(api, "answer", word, "yes") == USAGE
        assert "ababab alpha: rm -rf build; abab00 alpha: " in capsys.readouterr().err
    assert run(api, "answer", "nobody", "yes") == NOT_FOUND
    assert "There is no request nobody, and no session of that name." in capsys.readouterr().err
    assert run(api, "answer", "beta", "yes") == NOT_FOUND
    assert "beta asks nothing now." in capsys.readouterr().err
    api.routes[OPEN] = [(200, {"requests": []})]
    api.routes[ANSWER] = [(409, {"error": "request_closed", "message": "It is answered.", "request": ANSWERED})]
    assert run(api, "answer", "abab", "allow") == FAILED
    assert run(api, "answer", "abab") == FAILED
    assert capsys.readouterr().err == "ctm-trio: It is answered.\nctm-trio: It is not open any more: answered: Allow.\n"


def test_what_goes_with_an_answer(
    api: PlayedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A message, another input, another plan, answers: from the line, from a file, from standard input."""
    plan = tmp_path / "plan.md"
    plan.write_text("# Better\n")
    shown = {**TIMES, "kind": "x", "tool": "t", "risk": "low", "input": {}, "summary": "s", "id": ID}
    for request, words, stdin, wanted in (
        (MILD, ["deny", "--message", "no; $x"], "", {"choice": "deny", "message": "no; $x"}),
        (MILD, ["no", "--message", "-"], "two\nlines\n", {"choice": "deny", "message": "two\nlines"}),
        (MILD, ["allow", "--input", '{"command":"ls"}'], "", {"choice": "allow", "updated_input": {"command": "ls"}}),
        (MILD, ["yes", "--input", "-"], '{"a":1}', {"choice": "allow", "updated_input": {"a": 1}}),
        (PLAN, ["approve", "--plan", str(plan)], "", {"choice": "approve", "updated_plan": "# Better\n"}),
        (PLAN, ["yes", "--plan", "-"], "# New", {"choice": "approve", "updated_plan": "# New"}),
        (ONE, ["red"], "", {"choice": "answers", "answers": {"Which colour?": "Red"}}),
        (TWO, ["--answer", "1=red", "--answer", "2=S"], "",
         {"choice": "answers", "answers": {"Which colour?": "Red", "Sizes = which?": "S"}}),
    ):  # fmt: skip
        api.routes = {OPEN: [(200, {"requests": [{**shown, **request, "id": ID}]})], ANSWER: [(200, ANSWERED)]}
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        assert run(api, "answer", ID, *words) == OK
        sent = api.bodies(ANSWER)[-1]
        assert {key: value for key, value in sent.items() if key not in ("key", "where")} == wanted
    count = len(api.asked)
    for words, said in (
        (["yes", "--message", "-", "--plan", "-"], "only one of these: --message and --plan"),
        (["yes", "--input", "{"], "as JSON"), (["yes", "--plan", str(tmp_path / "none")], "cannot be read"),
        (["yes", "--message", "half \udc80"], "not UTF-8"),
    ):  # fmt: skip
        assert run(api, "answer", ID, *words) == USAGE
        assert said in capsys.readouterr().err
    assert len(api.asked) == count
    assert run(api, "answer", ID, "red", "--answer", "1=red") == USAGE
    assert run(api, "answer", ID) == USAGE
    assert run(api, "answer", ID, "perhaps") == USAGE


def test_in_a_terminal(api: PlayedApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole command is shown, harmless; a high risk is asked about, and no means that nothing is sent."""
    api.routes = {OPEN: [(200, {"requests": [DANGER]})], ANSWER: [(200, ANSWERED)]}
    typed(monkeypatch, "\n")
    assert run(api, "answer", ID, "yes") == FAILED
    said = capsys.readouterr().err
    assert "  rm -rf build &&\n    make ?[2Jall\n" in said
    assert "Its risk is high. Let it happen? [y/N]" in said
    assert "allow_0: " in said
    assert "Nothing was answered." in said
    assert not api.bodies(ANSWER)
    for words, answer in ((["yes"], "y\n"), (["yes", "--yes"], ""), (["no"], ""), ([], "allow\ny\n"), ([], "deny\n")):
        typed(monkeypatch, answer)
        assert run(api, "answer", ID, *words) == OK
    assert [body["choice"] for body in api.bodies(ANSWER)] == ["allow", "allow", "deny", "allow", "deny"]
    typed(monkeypatch, "\n")
    assert run(api, "answer", ID) == FAILED
    api.routes[OPEN] = [(200, {"requests": [MILD]})]
    typed(monkeypatch, "")
    assert run(api, "answer", ID, "yes") == OK


@pytest.mark.parametrize(("out", "err"), [(True, True), (False, True), (True, False), (False, False)])
def test_a_request_in_colour(out: bool, err: bool, api: PlayedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written to stderr, so that stream decides; a session's own escapes stay harmless beside our colours."""
    streams = [Terminal() if is_terminal else io.StringIO() for is_terminal in (out, err)]
    for name, stream in zip(("stdout", "stderr"), streams, strict=True):
        monkeypatch.setattr(f"sys.{name}", stream)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    api.routes = {OPEN: [(200, {"requests": [{**DANGER, "diff": "-a\x1b[2J\n+b", "session": "al\x1bpha"}]})]}
    typed(monkeypatch, "\n")
    assert run(api, "answer", ID) == FAILED
    said = streams[1].getvalue()
    if err:
        assert said.startswith("\033[1mal?pha\033[0m: \033[33m")
        assert "\033[31m-a?[2J\033[0m\n\033[32m+b\033[0m\n" in said
    else:
        assert "\033" not in said
    assert "?[0m" not in said


def asks(api: PlayedApi, request: dict[str, Any], choice: str) -> None:
    """That request is open, and is answered with this choice."""
    shown = {**TIMES, "kind": "question", "tool": "t", "risk": "low", "input": {}, "summary": "s", **request, "id": ID}
    answered = {**shown, "state": "answered", "answer": {"choice": choice, "where": "cli"}}
    api.routes = {OPEN: [(200, {"requests": [shown]})], ANSWER: [(200, answered)]}


@pytest.mark.parametrize(
    ("request_", "words", "lines", "answers", "said"),
    [
        (TWO, [], "1\n2, s\n\n", {"Which colour?": "Red", "Sizes = which?": ["M, or L", "S"]},
         "Which colour? → Red; Sizes = which? → M, or L; S"),
        (TWO, ["answers"], "7\ngreen\nm, or l, and\x1b XL\ny\n",
         {"Which colour?": "Green", "Sizes = which?": ["M, or L", {"other": "and\x1b XL"}]},
         "Which colour? → Green; Sizes = which? → M, or L; “and? XL”"),
        (TWO, ["--yes"], "a bit of both\nS\n", {"Which colour?": {"other": "a bit of both"}, "Sizes = which?": "S"},
         "Which colour? → “a bit of both”; Sizes = which? → S"),
        (ONE, [], "other: blue\n\n", {"Which colour?": {"other": "blue"}}, "“blue”"),
    ],
)  # fmt: skip
def test_questions_one_after_the_other(
    request_: dict[str, Any], words: list[str], lines: str, answers: dict[str, object], said: str, api: PlayedApi,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """By number, label or words of one's own; several with commas; what will be sent is shown, and was said after."""
    asks(api, request_, "answers")
    typed(monkeypatch, lines)
    assert run(api, "answer", ID, *words) == OK
    (body,) = api.bodies(ANSWER)
    assert (body["choice"], body["answers"]) == ("answers", answers)
    shown, _, sent = capsys.readouterr().err.partition("This will be sent:\n")
    assert "Which colour?\n  1. Red: d\n  2. Green: d\n" in shown
    assert ("There is no option 7." in shown) == lines.startswith("7")
    assert sent.startswith("  Which colour? → ")
    assert sent.endswith(f"alpha: question, answered: {said}.\n")


@pytest.mark.parametrize("lines", ["", "\n", "1\n", "1\n1\nn\n", "1\n1\n"])
def test_questions_that_are_not_answered_after_all(
    lines: str, api: PlayedApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Enter, the end of the input, or no to the last question: nothing is sent."""
    asks(api, TWO, "answers")
    typed(monkeypatch, lines)
    assert run(api, "answer", ID) == FAILED
    assert capsys.readouterr().err.endswith("Nothing was answered.\n")
    assert not api.bodies(ANSWER)


def test_talking_about_questions(
    api: PlayedApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`discuss` in place of any answer; in a script `answers` alone is a usage error."""
    asks(api, TWO, "discuss")
    typed(monkeypatch, "1\ndiscuss\n")
    assert run(api, "answer", ID) == OK
    assert {"discuss"} == {body["choice"] for body in api.bodies(ANSWER)}
    assert "answers" not in api.bodies(ANSWER)[0]
    assert capsys.readouterr().err.endswith("alpha: question, answered: Talk about it.\n")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run(api, "answer", ID, "answers") == USAGE
    assert "It asks 2 questions" in capsys.readouterr().err


def test_the_rows_of_a_dialog(
    api: PlayedApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By number, id or label, typed or given; what is none is said with the labels; the label is what was answered."""
    asks(api, {**DIALOG, "kind": "dialog", "session": "alpha"}, "row_1")
    assert run(api, "answer", ID, "yes") == USAGE
    assert "It takes: row_1 (Yes, I trust), row_2 (No, exit)." in capsys.readouterr().err
    for words, lines in (
        (["1"], ""),
        (["row_1"], ""),
        (["yes, i trust"], ""),
        ([], "yes\n1\n"),
        ([], "Yes, I trust\n"),
    ):
        typed(monkeypatch, lines)
        assert run(api, "answer", ID, *words) == OK
        said = capsys.readouterr().err
        assert said.endswith("alpha: dialog, answered: Yes, I trust.\n")
        assert "  row_1: Yes, I trust\n" in said
        assert ("'yes' is no answer" in said) == lines.startswith("yes\n")
    assert [body["choice"] for body in api.bodies(ANSWER)] == ["row_1"] * 5


def test_an_answer_that_outlasts_its_request(api: PlayedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is followed to its end; one that has none in its time is exit code 5."""
    under_way = (202, {"status": "under_way", "look": "/api/orders/o1", "ends_within_s": 9.0})
    still = (200, {"status": "under_way"})
    api.routes = {OPEN: [(200, {"requests": [DANGER]})], ANSWER: [under_way]}
    for answer, code in (
        ({"status": 200, "body": ANSWERED}, OK),
        ({"status": 504, "body": {"error": "not_taken", "message": "Not taken."}}, FAILED),
    ):
        api.routes["GET /api/orders/o1"] = [still, (200, {"status": "done", "answer": answer})]
        assert run(api, "answer", ID, "allow") == code
    monkeypatch.setattr(orders, "LATEST_S", 0.05)
    api.routes["GET /api/orders/o1"] = [still]
    assert run(api, "answer", ID, "allow") == TIME_OVER


def test_what_is_shown_of_a_request() -> None:
    """A diff with its file, a plan, questions with their options, any input; never a control character."""
    base = {**DANGER, "questions": None, "plan": None}
    for more, wanted in (
        ({"tool": "Edit", "input": {"file_path": "/a\x07"}, "diff": "--- a\n+++ b\n-x\n+\x1by"}, ["Edit /a?", "+?y"]),
        ({"plan": "# Do\n\tit\x9b"}, ["  # Do", "      it?"]),
        ({"questions": TWO["questions"]}, ["1. Which colour?", "  - Red: d", "2. Sizes = which? (one or more)"]),
        ({"tool": "mcp__x", "input": {"n": [1], "text": "a\nb"}}, ["mcp__x:", "  n: [1]", "  text:", "    b"]),
        ({"tool": "Odd", "input": {}}, ["  rm -rf build"]), ({"agent_id": "a1", "agent_type": "Explore"}, []),
    ):  # fmt: skip
        lines = request_view.whole({**base, **more})
        assert set(wanted) <= set(lines)
        assert all(line.isprintable() for line in lines)
    assert "permission of sub-agent Explore, high risk" in lines[0]


# ------------------------------------------------------------ send, interrupt


def view(state: str, since: str = "2026-01-01T00:00:00Z") -> tuple[int, Any]:
    """A session view."""
    return 200, {"name": "alpha", "status": {"state": state, "since": since}}


def prompt(state: str, **more: Any) -> tuple[int, Any]:
    """The list of prompts, another one before."""
    return 200, {"prompts": [{"id": "p0", "state": "failed"}, {"id": "p1", "state": state, **more}]}


def test_send(api: PlayedApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exactly the text goes, from the line or from standard input; what became of it is said."""
    api.routes = {ALPHA: [view("waiting")], PROMPT: [(202, {"id": "p1", "state": "typed"})]}
    for words, stdin, text in (
        (["say \"hi\" to $USER; `x` -- ok;"], "", "say \"hi\" to $USER; `x` -- ok;"), (["--", "--help"], "", "--help"),
        (["-"], "one\n  two\r\n", "one\n  two"), ([], "piped", "piped"),
    ):  # fmt: skip
        api.routes[PROMPTS] = [prompt("typed"), prompt("delivered")]
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        assert run(api, "send", "alpha", *words) == OK
        body = api.bodies(PROMPT)[-1]
        assert (body["text"], body["when"], len(body["key"])) == (text, "now", 32)
        assert capsys.readouterr().err == "alpha: delivered.\n"
    assert len({body["key"] for body in api.bodies(PROMPT)}) == 4
    api.routes[PROMPTS] = [prompt("queued")]
    assert run(api, "send", "alpha", "x", "--when", "idle", "--json") == OK
    assert json.loads(capsys.readouterr().out) == {"id": "p1", "state": "queued"}
    assert api.bodies(PROMPT)[-1]["when"] == "idle"
    api.routes[PROMPTS] = [prompt("delivered", wrapped=True)]
    assert run(api, "send", "alpha", "x" * 9999) == OK
    assert "as a document" in capsys.readouterr().err
    looked = len(api.bodies(PROMPTS))
    assert run(api, "send", "alpha", "x", "--no-wait") == OK
    assert len(api.bodies(PROMPTS)) == looked


def test_a_prompt_that_does_not_arrive(
    api: PlayedApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Later failed: 1 with the reason. Not confirmed in time: 5. Held for the end of the turn: 0, as it was wanted."""
    api.routes = {ALPHA: [view("working")]}
    for state, words, code, said in (
        (prompt("failed", error="not_seen"), [], FAILED, "alpha: the prompt was not delivered: not seen.\n"),
        (prompt("failed", reason="It ended."), [], FAILED, "alpha: the prompt was not delivered: It ended.\n"),
        (prompt("failed", error="taken_back"), [], FAILED, "alpha: the prompt was not delivered: taken back.\n"),
        (prompt("typed"), [], TIME_OVER, "alpha: typed; the session has not confirmed it yet.\n"),
        (prompt("held"), [], TIME_OVER, "alpha: held until the session is ready.\n"),
        (prompt("held", reason="Why."), ["--when", "idle"], OK, "alpha: held until the turn is over (Why).\n"),
        (prompt("held", reason=sending.WAITS), ["--when", "idle"], OK, "alpha: held until the turn is over.\n"),
        (prompt("held", reason=held.HELD_BY_DIALOG), ["--when", "idle"], OK,
         "alpha: held until the turn is over: Claude Code is showing a dialog; answer it first.\n"),
    ):  # fmt: skip
        api.routes[PROMPTS] = [state]
        seen = state[1]["prompts"][1]["state"]
        api.routes[PROMPT] = [(202, {"id": "p1", "state": seen if seen in ("held", "typed") else "held"})]
        monkeypatch.setattr(send, "DELIVERED_S", 1.0 if seen in ("held", "typed") else 15.0)
        assert run(api, "send", "alpha", "x", *words) == code
        assert capsys.readouterr().err == said


@pytest.mark.parametrize("code", ["dialog_open", "draft_in_the_way", "not_typeable", "exited", "tmux_dead"])
def test_nothing_was_typed(code: str, api: PlayedApi, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 with the daemon's sentence, and what answers the dialog that is open."""
    refusal = {"error": code, "message": f"Because of {code}."}
    more = {"request_id": ID} if code == "dialog_open" else {}
    api.routes = {ALPHA: [view("waiting")], PROMPT: [(409, {**refusal, **more})]}
    assert run(api, "send", "alpha", "x") == FAILED
    hint = " `ctm-trio answer ababab` shows what it asks." if more else ""
    assert capsys.readouterr().err == f"ctm-trio: Because of {code}.{hint}\n"


def test_send_that_is_not_understood(api: PlayedApi, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown sessions are 3; no text, a bad text and odd options are told before or by the daemon."""
    api.routes = {"GET /api/sessions/nobody": [NOBODY], ALPHA: [view("waiting")]}
    assert run(api, "send", "nobody", "x") == NOT_FOUND
    api.routes[PROMPT] = [(400, {"error": "invalid_text", "message": "Control characters."})]
    assert run(api, "send", "alpha", "\x03") == FAILED
    assert run(api, "send", "alpha", "-") == USAGE
    assert "no text" in capsys.readouterr().err
    assert run(api, "send", "alpha", "-", "--token-file", "-") == USAGE
    assert run(api, "send", "alpha", "x", "--no-wait", "--wait", "waiting") == USAGE
    assert run(api, "send", "alpha", "x", "--timeout", "3") == USAGE
    for words in (
        ["--wait", "happy"],
        ["--wait", ","],
        ["--wait", "waiting", "--timeout", "soon"],
        ["--when", "later"],
    ):
        with pytest.raises(SystemExit) as ended:
            run(api, "send", "alpha", "x", *words)
        assert ended.value.code == USAGE


def test_send_and_wait(api: PlayedApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The state counts that the session comes to after the prompt, not the one that it still has; else 5."""
    api.routes = {PROMPT: [(202, {"id": "p1", "state": "typed"})], PROMPTS: [prompt("delivered")]}
    old, new = view("waiting"), view("waiting", "2026-01-02T00:00:00Z")
    api.routes[ALPHA] = [old, old, view("working"), new]
    assert run(api, "send", "alpha", "x", "--wait", "waiting,failed") == OK
    assert api.routes[ALPHA] == [new]
    assert capsys.readouterr().err == "alpha: delivered. It is “waits for you” now.\n"
    monkeypatch.setattr(send, "BELIEVED_S", 0.0)
    assert run(api, "send", "alpha", "x", "--wait", "waiting", "--json") == OK
    assert json.loads(capsys.readouterr().out) == {"id": "p1", "state": "delivered", "status": "waiting"}
    assert run(api, "send", "alpha", "x", "--wait", "gone", "--timeout", "0.05") == TIME_OVER
    assert "has not come to gone" in capsys.readouterr().err
    api.routes[PROMPTS] = [prompt("failed", error="not_seen")]
    assert run(api, "send", "alpha", "x", "--wait", "waiting") == FAILED


def test_interrupt(api: PlayedApi, capsys: pytest.CaptureFixture[str]) -> None:
    """What is true of it is said; an unknown session is 3, one that cannot be typed into 1."""
    route = "POST /api/sessions/alpha/interrupt"
    unknown = (404, {"error": "session not found", "message": "No.", "name": "alpha"})
    for views, ended, said in (
        ([view("working")], True, "Escape was pressed, and it is not at work now."),
        ([view("waiting")], True, "it was not at work (waits for you), so nothing was interrupted."),
        ([view("permission"), view("working")], False, "Escape was pressed, and it is still at work (working)."),
        ([view("starting")], False,
         "Escape was pressed. Whether a turn has ended by it is not known; it is “starting” now."),
        ([unknown], True, "Escape was pressed, and it is not at work now."),
    ):  # fmt: skip
        api.routes = {ALPHA: list(views), route: [(200, {"ended": ended})]}
        assert run(api, "interrupt", "alpha") == OK
        assert capsys.readouterr().err == f"alpha: {said}\n"
    api.routes[route] = [(200, {"ended": False})]
    assert run(api, "interrupt", "alpha", "--json") == OK
    assert json.loads(capsys.readouterr().out) == {"ended": False}
    api.routes[route] = [(409, {"error": "not_typeable", "message": "It is in no terminal."})]
    assert run(api, "interrupt", "alpha") == FAILED
    api.routes["POST /api/sessions/nobody/interrupt"] = [NOBODY]
    assert run(api, "interrupt", "nobody") == NOT_FOUND


# ------------------------------------------------------------ explain


def test_explain(api: PlayedApi, capsys: pytest.CaptureFixture[str]) -> None:
    """The words with their name on the wire, why, the evidence with its times, and why it is nothing else."""
    status = {"state": "limited", "since": "2026-01-01T00:00:00Z", "reason": "A limit\x1b.", "source": "hook"}
    found = {
        "status": {**status, "resets_at": "2026-01-01T05:00:00Z", "blocked": True},
        "evidence": [{"ts": "2026-01-01T00:00:00Z", "source": "hook", "what": "StopFailure."}],
        "rejected": [{"state": "gone", "why": "tmux has the session."}, {"state": "waiting", "why": "no."}],
    }
    api.routes = {"GET /api/sessions/alpha/explain": [(200, found)], "GET /api/sessions/nobody/explain": [NOBODY]}
    assert run(api, "explain", "alpha") == OK
    text = capsys.readouterr().out
    assert text.startswith("alpha  limit reached (limited), for ")
    for part in (
        "A limit?.",
        "so say its hooks",
        "  hook    StopFailure.",
        "\n  terminal gone (gone)     tmux has the",
    ):
        assert part in text
    assert "The limit starts anew at" in text
    assert run(api, "explain", "alpha", "--json") == OK
    assert json.loads(capsys.readouterr().out) == found
    assert run(api, "explain", "nobody") == NOT_FOUND
