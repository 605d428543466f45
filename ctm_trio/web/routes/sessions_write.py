"""Acting on sessions: create, resume, kill, forget, rename, input, attach-url. Source: PROTOCOL.md, Sessions.

The routes check what was sent; the sessions owner acts, and answers once everybody sees the change. What is typed
goes to the prompts owner.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec
from quart import Response
from quart_trio import QuartTrio

from ctm_trio.errors.base import CtmError
from ctm_trio.errors.conversations import InvalidResume
from ctm_trio.errors.requests import InvalidBody
from ctm_trio.errors.sessions import BadName, NotConfirmed, SessionNotFound
from ctm_trio.errors.typing import InputSessionNotFound, InvalidKey, InvalidPreset, NotYolo, TmuxDead
from ctm_trio.messages.prompts import SendInput
from ctm_trio.messages.sessions import CreateSession, ForgetSession, KillSession, RenameSession, ResumeSession
from ctm_trio.model.conversation.ids import is_conversation_id
from ctm_trio.model.deadlines import CREATE, FORGET, INPUT, KILL, RENAME, RESUME
from ctm_trio.model.prompt_steps import MAX_ESCAPED
from ctm_trio.model.session import Session, clean_workdir, is_name, is_new_name
from ctm_trio.model.typing import KEYS, PRESETS, check_text, clean_prompt
from ctm_trio.web.ends import WebEnds
from ctm_trio.web.http import add_route, json_answer, json_body
from ctm_trio.web.key_notes import keys_noted
from ctm_trio.web.orders import carry_out, nothing
from ctm_trio.web.views import session_view

MAX_BODY_BYTES = 4096

MAX_CREATE_BYTES = MAX_ESCAPED + 64 * 1024
"""A first prompt may be as long as any other, and a directory 4096 characters, both with every character escaped."""


class NewSession(msgspec.Struct):
    """The body of create."""

    workdir: str
    name: str | None = None
    initial_prompt: str | None = None
    mode: str | None = None
    resume: str | None = None
    fork: bool = False


class Confirm(msgspec.Struct):
    """The body of kill and forget."""

    confirm: str = ""


class NewName(msgspec.Struct):
    """The body of rename."""

    to: str = ""


class Input(msgspec.Struct):
    """The body of input; exactly one of the three."""

    text: str | None = None
    preset: str | None = None
    key: str | None = None


def create_order(body: NewSession) -> tuple[str, str | None, str, str]:
    """Work directory, name (None: the directory's), prompt and mode of a checked body.

    Raises:
        InvalidBody, WorkdirNotAbsolute, BadWorkdir, BadName: as PROTOCOL.md names them.
    """
    mode = body.mode or "yolo"
    if mode not in ("safe", "yolo"):
        raise InvalidBody('The mode is "safe" or "yolo".')
    if not body.workdir.strip():
        raise InvalidBody("A work directory is needed.")
    workdir = clean_workdir(body.workdir)
    name = (body.name or "").strip() or None
    if name is not None and not is_new_name(name):
        raise BadName(
            f"{name!r} cannot be a session's name; choose one of letters, digits, dots, _ and -, at most 64 characters."
        )
    return workdir, name, clean_prompt(body.initial_prompt or ""), mode


def resume_order(body: NewSession) -> str:
    """The conversation to go on with, "" for a new one.

    Raises:
        InvalidResume: it is no id, or there is none for a fork.
    """
    if body.resume is None and not body.fork:
        return ""
    if not is_conversation_id(body.resume or ""):
        raise InvalidResume
    return (body.resume or "").lower()


def input_order(body: Input) -> tuple[str, str, str]:
    """What is to be typed, which preset that is ("" for none), and the key to press instead of typing ("" for none).

    Raises:
        InvalidBody, InvalidText, InvalidPreset, InvalidKey: as PROTOCOL.md names them; the key is ours.
    """
    if [bool(body.text), bool(body.preset), bool(body.key)].count(True) != 1:
        raise InvalidBody("Send a text, a preset or a key, and one of them only.")
    if body.key:
        if body.key not in KEYS:
            raise InvalidKey(f"The keys are {', '.join(sorted(KEYS))}.")
        return "", "", body.key
    if body.text:
        return check_text(body.text), "", ""
    typed = PRESETS.get(body.preset or "")
    if typed is None:
        raise InvalidPreset(f"The presets are {', '.join(PRESETS)}.")
    return typed, body.preset or "", ""


def register(app: QuartTrio, ends: WebEnds) -> None:
    """Add the routes."""

    async def confirmed(name: str) -> None:
        if (await json_body(Confirm, max_bytes=MAX_BODY_BYTES)).confirm != name:
            raise NotConfirmed(f"To confirm, send the session's name: {name}.")

    def view(record: Session) -> dict[str, object]:
        return session_view(ends, record)

    async def create() -> Response:
        body = await json_body(NewSession, max_bytes=MAX_CREATE_BYTES)
        resume = resume_order(body)
        workdir, name, prompt, mode = create_order(body)
        return await carry_out(
            ends, CREATE, ends.sessions_send,
            lambda reply: CreateSession(workdir, name, prompt, mode, reply, resume, body.fork), view, status=201,
        )  # fmt: skip

    async def resume(name: str) -> Response:
        return await carry_out(ends, RESUME, ends.sessions_send, lambda reply: ResumeSession(name, reply), view)

    async def kill(name: str) -> Response:
        await confirmed(name)
        return await carry_out(ends, KILL, ends.sessions_send, lambda reply: KillSession(name, reply), view)

    async def forget(name: str) -> Response:
        await confirmed(name)
        return await carry_out(ends, FORGET, ends.sessions_send, lambda reply: ForgetSession(name, reply), view)

    async def rename(name: str) -> Response:
        to = (await json_body(NewName, max_bytes=MAX_BODY_BYTES)).to
        if not is_name(to):
            raise BadName("The new name must have letters, digits, _ and - only, and begin with a letter or a digit.")
        if to == name:
            raise BadName("That is its name already.")
        return await carry_out(ends, RENAME, ends.sessions_send, lambda reply: RenameSession(name, to, reply), view)

    async def send_input(name: str) -> Response:
        snapshot = ends.sessions.latest
        record = snapshot.records.get(name)
        if record is not None and record.mode != "yolo":
            raise NotYolo
        try:
            text, preset, key = input_order(await json_body(Input, max_bytes=MAX_BODY_BYTES))
        except CtmError:  # what is wrong with the session comes before what is wrong with the body
            if record is None:
                raise InputSessionNotFound(f"There is no session named {name!r}.") from None
            if snapshot.tmux_known and name not in snapshot.alive:
                raise TmuxDead from None
            raise
        attention = ends.attention.latest.sessions.get(name)
        asks = attention is not None and attention.state == "permission_request"
        async with keys_noted(ends, name):
            return await carry_out(
                ends, INPUT, ends.prompts_send, lambda reply: SendInput(name, text, reply, preset, key, asks), nothing
            )

    async def attach_url(name: str) -> Response:
        if name not in ends.sessions.latest.records:
            raise SessionNotFound(name)
        return json_answer({"url": f"ctm://attach?name={quote(name)}"})

    add_route(app, "/api/sessions", create, ["POST"])
    add_route(app, "/api/sessions/<name>/resume", resume, ["POST"])
    add_route(app, "/api/sessions/<name>/kill", kill, ["POST"])
    add_route(app, "/api/sessions/<name>/forget", forget, ["POST"])
    add_route(app, "/api/sessions/<name>/rename", rename, ["POST"])
    add_route(app, "/api/sessions/<name>/input", send_input, ["POST"])
    add_route(app, "/api/sessions/<name>/attach-url", attach_url, origin="need")
