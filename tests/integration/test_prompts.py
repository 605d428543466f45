"""Prompts and keys, with a real tmux and a played client: each arrives once and exactly, or is refused."""

from __future__ import annotations

import os
import shlex
import signal
from functools import partial
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from ctm_trio.errors.typing import DraftInTheWay, KeyUsed, NotTypeable
from ctm_trio.messages.clients import ClientsSnapshot
from ctm_trio.model.box_text import is_left
from ctm_trio.model.input_box import InputBox
from ctm_trio.model.panes import Pane
from ctm_trio.model.prompt_record import NOT_SEEN, Prompt
from ctm_trio.model.prompt_steps import steps_of
from ctm_trio.model.session import Session
from ctm_trio.owners.prompts import held, keys, receipts, sending
from ctm_trio.system import prompt_typing
from ctm_trio.system.prompt_place import Place
from ctm_trio.system.tmux import Tmux
from tests.prompts_rig import LIMIT_S, Played, Rig, prompts_rig, refused, running
from tests.tmux_server import PrivateTmux, server, until

__all__ = ["server"]

TEXTS = {
    "plain": "Please write a test",
    "lines": "\n".join(f"line {n:03d} of a long text, with some words to fill it" for n in range(100)),
    "long": "word " * 4000 + "end",
    "cjk": "日本語のテキスト、世界 " * 60 + "終",
    "signs": "-n $HOME `id` \"x\" 'y' | wc && rm #{pane_id} \\n C-c Enter;",
    "backslash": "ends in a \\",
    "bang": "!echo hi\nand\nfour\nmore\nlines",
    "image": "/tmp/picture.png\nlook at it",
    "dash": "--help",
    "semicolon": ";",
    "composed": "cafe\u0301",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_exactly_the_text_as_one_prompt(server: PrivateTmux, text: str) -> None:
    """It arrives exactly, is delivered by its receipt, and both are told."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        sent = await rig.prompt("alpha", text)
        assert sent.state in ("typed", "delivered")
        await rig.becomes(sent, "delivered")
        assert alpha.noted("sent") == [text]
        await until(lambda: rig.events_of(sent) == ["prompt_sent", "prompt_delivered"])
        assert not alpha.noted("chosen")


async def test_the_same_key_never_types_twice(server: PrivateTmux) -> None:
    """Not at once, not later, not after a restart; another key does, and so does the key in another session."""
    async with prompts_rig(server) as rig:
        async with running(rig):
            alpha = await rig.play("alpha")
            beta = await rig.play("beta")
            ids: set[str] = set()

            async def send() -> None:
                ids.add((await rig.prompt("alpha", "only once", "K")).id)

            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(send)
            assert len(ids) == 1
        async with running(rig):
            again = await rig.prompt("alpha", "only once", "K")
            assert {again.id} == ids
            with pytest.raises(KeyUsed) as caught:
                await rig.prompt("alpha", "another text", "K")
            shown = caught.value.fields["prompt"]
            assert isinstance(shown, dict)
            assert (shown["id"], "text" in shown) == (again.id, False)
            await rig.becomes(await rig.prompt("beta", "only once", "K"), "delivered")
            await rig.becomes(await rig.prompt("alpha", "another", "L"), "delivered")
        assert alpha.noted("sent") == ["only once", "another"]
        assert beta.noted("sent") == ["only once"]


async def test_a_busy_client_queues(server: PrivateTmux) -> None:
    """While a turn is under way a prompt is queued, one for later is held, in order, and can be taken back."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        alpha.do("busy")
        await rig.becomes(await rig.prompt("alpha", "work"), "delivered", "queued")
        await rig.status.when(lambda snapshot: snapshot.sessions["alpha"].state == "working")
        await rig.becomes(await rig.prompt("alpha", "and this"), "queued")
        one = await rig.prompt("alpha", "after it", when="idle")
        two = await rig.prompt("alpha", "never mind", when="idle")
        three = await rig.prompt("alpha", "at last", when="idle")
        assert {one.state, two.state, three.state} == {"held"}
        await rig.take_back("alpha", two.id)
        assert await refused(partial(rig.take_back, "alpha", "nobody")) == "prompt_not_found"
        alpha.do("end")
        await rig.becomes(one, "delivered")
        assert await refused(partial(rig.take_back, "alpha", one.id)) == "prompt_not_held"
        assert (await rig.becomes(three, "held", "typed", "delivered")).state == "held", "one turn after the other"
        alpha.do("end")
        await rig.becomes(three, "delivered")
        assert alpha.noted("sent") == ["work", "and this", "after it", "at last"]
        assert [p.state for p in await rig.listed("alpha")][2:] == ["delivered", "failed", "delivered"]


async def test_taken_back_right_before_it_is_typed(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the decision to type it and the first key: it is not typed then."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        real = sending.Sending.place
        taken: list[str] = []

        async def and_take_it_back(self: sending.Sending, name: str) -> tuple[Session, Place]:
            place = await real(self, name)
            waiting = [prompt.id for prompt in self.desk.held(name)]
            for id_ in waiting:
                await rig.take_back(name, id_)
                taken.append(id_)
            return place

        monkeypatch.setattr(sending.Sending, "place", and_take_it_back)
        held_one = await rig.prompt("alpha", "not any more", when="idle")
        await until(lambda: taken == [held_one.id])
        await rig.becomes(await rig.prompt("alpha", "another"), "delivered")
        assert alpha.noted("sent") == ["another"]
        assert [prompt.state for prompt in await rig.listed("alpha")] == ["failed", "delivered"]


async def test_nothing_goes_into_a_dialog(server: PrivateTmux) -> None:
    """A prompt is refused with the request, one for later waits, and a key goes."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        alpha.do("dialog")
        await alpha.shows("Do you want to proceed?")
        await rig.status.when(lambda snapshot: snapshot.sessions["alpha"].state == "dialog")
        rig.open_request("alpha", "R1")
        assert await refused(partial(rig.prompt, "alpha", "2")) == "dialog_open"
        later = await rig.prompt("alpha", "when you can", when="idle")
        await until(lambda: "dialog" in rig.doctor.latest.untyped.get("alpha", ""))
        assert await refused(partial(rig.input, "alpha", "1")) == "dialog_open"
        assert await refused(partial(rig.input, "alpha", "", "continue")) == "dialog_open"
        assert alpha.noted("chosen") == []
        await rig.keys("alpha", "Down")
        with trio.fail_after(30):
            while not alpha.noted("chosen"):  # in its first moments the dialog takes no Enter
                await rig.keys("alpha", "Enter")
        await rig.becomes(later, "delivered")
        assert (alpha.noted("chosen"), alpha.noted("sent")) == (["No"], ["when you can"])
        assert rig.doctor.latest.untyped == {}
        assert await rig.listed("alpha") == (await rig.becomes(later, "delivered"),), "what is refused is not kept"


async def test_a_preset_chooses_the_row_that_means_it(server: PrivateTmux) -> None:
    """Of a permission dialog; without one it is typed, as ever."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        for preset, row in (("yes", "Yes"), ("no", "No")):
            alpha.do("dialog")
            await alpha.shows("Do you want to proceed?")
            await rig.input("alpha", "typed", preset)
            assert alpha.noted("chosen")[-1] == row
        await rig.input("alpha", "Approve", "yes")
        await until(lambda: alpha.noted("sent") == ["Approve"])
        await rig.play("safe", "safe")
        assert await refused(partial(rig.input, "safe", "x")) == "not_yolo"
        assert await refused(partial(rig.input, "nobody", "x")) == "session_not_found"


async def test_a_dialog_that_opens_between_the_text_and_enter(
    server: PrivateTmux, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enter, which would approve it, is not pressed; that is said, and the prompt has failed."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        real = Tmux.paste

        async def then_a_dialog(self: Tmux, *words: object) -> None:
            await real(self, *words)  # type: ignore[arg-type]
            alpha.do("dialog")
            await alpha.shows("Do you want to proceed?")

        monkeypatch.setattr(Tmux, "paste", then_a_dialog)
        assert await refused(partial(rig.prompt, "alpha", "go on", "K")) == "dialog_open"
        (failed,) = await rig.listed("alpha")
        assert (failed.state, failed.error) == ("failed", "dialog_open")
        assert "Enter was not pressed" in failed.reason
        assert (await rig.prompt("alpha", "go on", "K")).id == failed.id, "its key never types again"
        assert (alpha.noted("chosen"), alpha.noted("sent")) == ([], [])


@pytest.mark.parametrize("text", ["go on", "続けて", ""])
async def test_a_dialog_that_opens_in_the_moment_of_enter(
    server: PrivateTmux, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """After the last look, and so long before Enter that the dialog would take it: tmux itself does not press it."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        real = Tmux.press

        async def after_a_dialog(self: Tmux, pane: Pane, key: str, **more: Any) -> None:
            if key == "Enter":
                alpha.do("unguarded")
                await alpha.shows("Do you want to proceed?")
            await real(self, pane, key, **more)

        monkeypatch.setattr(Tmux, "press", after_a_dialog)
        work = partial(rig.prompt, "alpha", text, "K") if text else partial(rig.input, "alpha", "", "continue")
        assert await refused(work) == "dialog_open"
        alpha.do("close")
        await alpha.shows("? for shortcuts")
        assert alpha.noted("chosen") == alpha.noted("sent") == []


async def test_a_command_that_would_be_completed(server: PrivateTmux) -> None:
    """Enter runs the row that the menu marks: a command is sent only if that is it, or no command has its name."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        assert await refused(partial(rig.prompt, "alpha", "/cle")) == "not_typeable"
        assert await refused(partial(rig.prompt, "alpha", "/")) == "not_typeable"
        for text in ("/clear", "/nothing", "/cle now"):
            await rig.becomes(await rig.prompt("alpha", text), "delivered")
        assert (alpha.noted("ran"), alpha.noted("sent")) == (["/clear", "/nothing", "/cle now"], [])


async def test_a_draft_is_not_touched(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-written text refuses a prompt and holds one for later; also one that comes while ours is typed."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        server.run("send-keys", "-t", "=alpha:", "-l", "half-writ")
        await alpha.shows("half-writ")
        assert await refused(partial(rig.prompt, "alpha", "something")) == "draft_in_the_way"
        later = await rig.prompt("alpha", "later", when="idle")
        await until(lambda: "half-written" in rig.doctor.latest.untyped.get("alpha", ""))
        server.run("send-keys", "-t", "=alpha:", "-l", "ten")
        server.run("send-keys", "-t", "=alpha:", "Enter")
        await rig.becomes(later, "delivered")
        assert alpha.noted("sent") == ["half-written", "later"]
        real = Tmux.paste

        async def then_somebody_types(self: Tmux, *words: object) -> None:
            await real(self, *words)  # type: ignore[arg-type]
            server.run("send-keys", "-t", "=alpha:", "-l", "oh")

        monkeypatch.setattr(Tmux, "paste", then_somebody_types)
        monkeypatch.setattr(prompt_typing, "SHOWN_S", 0.3)
        assert await refused(partial(rig.prompt, "alpha", "go on")) == "draft_in_the_way"
        assert alpha.noted("sent") == ["half-written", "later"]


async def test_the_clients_pane_and_no_other(server: PrivateTmux) -> None:
    """Copy mode is left; other panes and windows get nothing; what is no client's pane is refused."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        server.run("split-window", "-b", "-t", "=alpha:", "cat")
        server.run("new-window", "-t", "=alpha:", "cat")
        server.run("copy-mode", "-t", "=alpha:0.1")
        await rig.becomes(await rig.prompt("alpha", "for the client"), "delivered")
        assert alpha.noted("sent") == ["for the client"]
        server.new("plain", "cat")
        rig.record(*_records("plain", "gone"))
        assert await refused(partial(rig.prompt, "plain", "rm -rf /")) == "not_typeable"
        assert await refused(partial(rig.keys, "plain", "Enter")) == "not_typeable"
        assert await refused(partial(rig.prompt, "gone", "x")) == "tmux_dead"
        assert await refused(partial(rig.prompt, "nobody", "x")) == "session_not_found"
        server.run("select-pane", "-d", "-t", "=alpha:0.1")
        assert await refused(partial(rig.prompt, "alpha", "x")) == "not_typeable"
        server.run("select-pane", "-e", "-t", "=alpha:0.1")
        alpha.do("die")
        await rig.clients.when(lambda snapshot: "alpha" not in snapshot.clients)
        assert await refused(partial(rig.prompt, "alpha", "x")) == "exited"
        assert "x" not in server.screen("plain")


def _has_pane(name: str, now: ClientsSnapshot) -> bool:
    return name in now.clients and now.clients[name].pane != ""


async def test_a_suspended_client_and_another_in_front(server: PrivateTmux) -> None:
    """Whoever has the keyboard of the terminal gets the keys: nothing is typed for one that is stopped behind it."""
    async with prompts_rig(server) as rig, running(rig):
        server.new("both", "bash", "--norc", "-i")
        for name in ("one", "two"):
            rig.played[name] = played = Played(server, name)
            server.run("send-keys", "-t", "=both:", "-l", shlex.join(played.command))
            server.run("send-keys", "-t", "=both:", "Enter")
            rig.record(Session(name, f"uuid-{name}", "yolo", "/"))
            with trio.fail_after(LIMIT_S):
                await rig.clients.when(partial(_has_pane, name))
            if name == "one":
                await rig.becomes(await rig.prompt("one", "for one"), "delivered")
                os.kill(rig.clients.latest.clients["one"].pid, signal.SIGSTOP)
                await until(lambda: "Stopped" in server.screen("both"))
                assert await refused(partial(rig.prompt, "one", "not for the shell")) == "not_typeable"
        await until(lambda: "? for shortcuts" in server.screen("both"))
        assert await refused(partial(rig.prompt, "one", "not for two")) == "not_typeable"
        assert await refused(partial(rig.keys, "one", "Enter")) == "not_typeable"
        await rig.becomes(await rig.prompt("two", "for two"), "delivered")
        assert (rig.played["one"].noted("sent"), rig.played["two"].noted("sent")) == (["for one"], ["for two"])
        os.kill(rig.clients.latest.clients["one"].pid, signal.SIGKILL)


async def test_panes_that_get_all_keys(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tmux gives each key to the panes beside as well nothing is typed, and a text gets no Enter there."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        server.run("split-window", "-d", "-t", "=alpha:", "cat")
        server.run("send-keys", "-t", "=alpha:0.1", "-l", "rm -rf")

        def beside() -> str:
            return server.run("capture-pane", "-p", "-t", "=alpha:0.1").strip()

        await until(lambda: beside() == "rm -rf")
        server.run("set-option", "-w", "-t", "=alpha:", "synchronize-panes", "on")
        with pytest.raises(NotTypeable, match="synchronize-panes"):
            await rig.prompt("alpha", "for alpha")
        assert await refused(partial(rig.keys, "alpha", "Enter")) == "not_typeable"
        assert await refused(partial(rig.interrupt, "alpha")) == "not_typeable"
        assert await refused(partial(rig.input, "alpha", "for alpha")) == "not_typeable"
        server.run("set-option", "-w", "-t", "=alpha:", "synchronize-panes", "off")
        real = Tmux.paste

        async def then_switched_on(self: Tmux, *words: object) -> None:
            await real(self, *words)  # type: ignore[arg-type]
            server.run("set-option", "-w", "-t", "=alpha:", "synchronize-panes", "on")

        monkeypatch.setattr(Tmux, "paste", then_switched_on)
        assert await refused(partial(rig.prompt, "alpha", "for alpha alone")) == "not_typeable"
        assert (alpha.noted("sent"), beside()) == ([], "rm -rf")


async def test_a_status_file_that_is_not_believed(server: PrivateTmux) -> None:
    """It is said, rather than that a dialog is open."""
    async with prompts_rig(server) as rig, running(rig):
        await rig.play("alpha")
        (file,) = (server.root / "clients").glob("*.json")
        file.chmod(0o666)
        await rig.clients.when(lambda snapshot: bool(snapshot.clients["alpha"].fault))
        with pytest.raises(NotTypeable, match="everybody may write to it"):
            await rig.prompt("alpha", "x")
        file.chmod(0o600)


def _records(*names: str) -> list[Session]:
    return [Session(name, f"uuid-{name}", "yolo", "/") for name in names]


async def test_interrupt(server: PrivateTmux) -> None:
    """Escape ends a turn; where none is under way there is nothing to press."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        assert await rig.interrupt("alpha")
        alpha.do("busy")
        await rig.becomes(await rig.prompt("alpha", "work"), "delivered", "queued")
        await rig.status.when(lambda snapshot: snapshot.sessions["alpha"].state == "working")
        assert await rig.interrupt("alpha")
        await rig.status.when(lambda snapshot: snapshot.sessions["alpha"].state == "waiting")


@pytest.mark.parametrize("drafts", [False, True])
async def test_a_prompt_that_is_put_back(server: PrivateTmux, drafts: bool) -> None:
    """A client that is interrupted before its model says anything has our prompt in its box again: it is no draft.

    Unless a person goes on writing there.
    """
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        alpha.do("mute")
        await rig.becomes(await rig.prompt("alpha", "work\non two lines"), "delivered", "queued")
        await rig.status.when(lambda snapshot: snapshot.sessions["alpha"].state == "working")
        assert await rig.interrupt("alpha")
        await until(lambda: "on two lines" in server.screen("alpha"))
        if drafts:
            server.run("send-keys", "-t", "=alpha:", "-l", " and more")
            await until(lambda: "and more" in server.screen("alpha"))
            assert await refused(partial(rig.prompt, "alpha", "next")) == "draft_in_the_way"
            return
        await rig.becomes(await rig.prompt("alpha", "next"), "delivered", "queued")
        assert alpha.noted("sent") == ["work\non two lines", "next"]


async def test_a_prompt_that_is_put_back_late(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine draws it after the client has said that its turn is over: what is sent next waits for it."""
    monkeypatch.setattr(keys, "PUT_BACK_S", 60.0)
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        alpha.do("lazy")
        await rig.becomes(await rig.prompt("alpha", "work"), "delivered", "queued")
        await rig.status.when(lambda snapshot: snapshot.sessions["alpha"].state == "working")
        assert await rig.interrupt("alpha"), "it is answered before"
        alpha.do("put")
        await rig.becomes(await rig.prompt("alpha", "next"), "delivered", "queued")
        assert alpha.noted("sent") == ["work", "next"]


@pytest.mark.parametrize("text", ["return :ok", ":key", "a\nx :+1"])
async def test_words_that_would_open_a_menu_of_emoji(server: PrivateTmux, text: str) -> None:
    """Enter would take a row of it, and send nothing."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        await rig.becomes(await rig.prompt("alpha", text), "delivered")
        assert alpha.noted("sent") == [text]


async def test_no_receipt(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails as not seen and the doctor says so; a receipt that comes late puts it right. Commands need none."""
    monkeypatch.setattr(sending, "NOT_SEEN_S", 0.3)
    async with prompts_rig(server) as rig, running(rig):
        await rig.play("alpha")
        rig.deaf = True
        sent = await rig.prompt("alpha", "hello?")
        failed = await rig.becomes(sent, "failed")
        assert (failed.error, "alpha" in rig.doctor.latest.untyped) == (NOT_SEEN, True)
        rig.hook("uuid-alpha", "hello?")
        await rig.becomes(sent, "delivered")
        await until(lambda: rig.events_of(sent) == ["prompt_sent", "prompt_failed", "prompt_delivered"])
        assert "alpha" not in rig.doctor.latest.untyped
        command = await rig.prompt("alpha", "/compact now")
        assert (command.state, "command" in command.reason) == ("delivered", True)


async def test_equal_texts_have_their_receipts_in_order(server: PrivateTmux) -> None:
    """The first receipt is the first prompt's."""
    async with prompts_rig(server) as rig, running(rig):
        await rig.play("alpha")
        rig.deaf = True
        one = await rig.prompt("alpha", "continue")
        two = await rig.prompt("alpha", "continue")
        rig.hook("uuid-alpha", "continue")
        await rig.becomes(one, "delivered")
        assert (await rig.becomes(two, "typed")).state == "typed"
        rig.hook("uuid-alpha", "  continue\n")
        await rig.becomes(two, "delivered")


async def test_what_was_begun_is_never_typed_again(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that ended after the first key finds it as typed; a held one survives, also under another name."""
    monkeypatch.setattr(receipts, "NOT_SEEN_S", 0.3)
    async with prompts_rig(server) as rig:
        async with running(rig):
            alpha = await rig.play("alpha")
            alpha.do("busy")
            await rig.becomes(await rig.prompt("alpha", "work"), "delivered", "queued")
            await rig.status.when(lambda snapshot: snapshot.sessions["alpha"].state == "working")
            held_one = await rig.prompt("alpha", "later", "L", when="idle")
            rig.deaf = True
            begun = await rig.prompt("alpha", "begun", "K")
            assert begun.state == "typed"
        async with running(rig):
            failed = await rig.becomes(begun, "failed")
            assert failed.error == NOT_SEEN
            assert (await rig.prompt("alpha", "begun", "K")).id == begun.id
            rig.deaf = False
            alpha.do("end")
            await rig.becomes(held_one, "delivered")
        assert alpha.noted("sent") == ["work", "begun", "later"]


async def test_a_first_prompt_waits_for_its_client(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is held however long that takes; it fails when the session is gone for good."""
    monkeypatch.setattr(held, "GONE_S", 0.3)
    monkeypatch.setattr(held, "AGAIN_S", 0.1)
    async with prompts_rig(server) as rig, running(rig):
        rig.record(*_records("alpha"))
        (server.root / "clients").mkdir()
        server.run("new-session", "-d", "-s", "alpha", "--", "cat")
        server.run("set-option", "-p", "-t", "=alpha:", "@ctm_client", "1")
        first = await rig.hold("alpha", "begin")
        await until(lambda: "not ready" in rig.doctor.latest.untyped.get("alpha", ""))
        assert server.screen("alpha").strip() == ""
        server.run("kill-session", "-t", "=alpha")
        alpha = await rig.play("alpha")
        rig.record(*_records("beta"))
        lost = await rig.hold("beta", "begin")
        failed = await rig.becomes(lost, "failed")
        assert failed.error == "tmux_dead"
        state = await rig.becomes(first, "delivered", "failed")
        assert alpha.noted("sent") == (["begin"] if state.state == "delivered" else [])


async def test_prompts_follow_a_renamed_session(server: PrivateTmux) -> None:
    """With their keys; the list of the new name has them."""
    async with prompts_rig(server) as rig, running(rig):
        await rig.play("alpha")
        sent = await rig.becomes(await rig.prompt("alpha", "hello", "K"), "delivered")
        server.run("rename-session", "-t", "=alpha", "omega")
        rename(rig, "alpha", "omega")
        found: tuple[Prompt, ...] = ()
        with trio.fail_after(30):
            while not found:
                found = await rig.listed("omega")
        assert [p.id for p in found] == [sent.id]
        assert (await rig.prompt("omega", "hello", "K")).id == sent.id


def rename(rig: Rig, old: str, new: str) -> None:
    """A session has another name."""
    records = dict(rig.sessions.latest.records)
    records[new] = replace(records.pop(old), name=new)
    rig.publish(records)


FIRST, SECOND = "2026-01-01T10:00:00Z", "2026-01-01T10:00:09.5Z"
"""When a session was made, and another one of its name."""


async def forget(rig: Rig, name: str) -> None:
    """A session is ended and its record dropped."""
    rig.server.run("kill-session", "-t", f"={name}")
    rig.publish({other: record for other, record in rig.sessions.latest.records.items() if other != name})
    for path in rig.server.root.glob(f"*-{name}"):
        path.unlink()
    with trio.fail_after(30):
        await rig.clients.when(lambda snapshot: name not in snapshot.clients)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("first", [False, True])
async def test_prompts_of_a_session_that_was_forgotten(server: PrivateTmux, first: bool, restarted: bool) -> None:
    """A new one of its name gets none of them, nor do the keys count there, with the same conversation or not."""
    async with prompts_rig(server) as rig:
        async with running(rig):
            alpha = await rig.play("alpha", made=FIRST)
            await rig.becomes(await rig.prompt("alpha", "one", "K"), "delivered")
            alpha.do("busy")
            await rig.becomes(await rig.prompt("alpha", "work"), "delivered", "queued")
            await rig.status.when(lambda snapshot: snapshot.sessions["alpha"].state == "working")
            lost = await (rig.hold("alpha", "secret") if first else rig.prompt("alpha", "secret", "L", when="idle"))
            assert lost.state == "held"
            if not restarted:
                await forget(rig, "alpha")
                alpha = await rig.play("alpha", made=SECOND)
                await until(lambda: rig.events_of(lost) == ["prompt_failed"])
        if restarted:
            await forget(rig, "alpha")
        async with running(rig):
            if restarted:
                alpha = await rig.play("alpha", made=SECOND)
            await until(lambda: rig.events_of(lost) == ["prompt_failed"])
            assert await rig.listed("alpha") == ()
            await rig.becomes(await rig.prompt("alpha", "two", "K"), "delivered")
            assert alpha.noted("sent") == ["two"]
            assert [p.text for p in await rig.listed("alpha")] == ["two"]


async def test_what_is_found_on_disk_counts(server: PrivateTmux) -> None:
    """The command line makes a session of a name anew, and the file says so before anybody here has read it."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha", made=FIRST)
        alpha.do("busy")
        await rig.becomes(await rig.prompt("alpha", "work"), "delivered", "queued")
        await rig.status.when(lambda snapshot: snapshot.sessions["alpha"].state == "working")
        lost = await rig.prompt("alpha", "secret", when="idle")
        rig.write({"alpha": replace(rig.sessions.latest.records["alpha"], created_at=SECOND)})
        alpha.do("end")
        assert (await rig.becomes(lost, "failed")).error == "session_not_found"
        assert alpha.noted("sent") == ["work"]


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_session_keeps_its_prompts(server: PrivateTmux, restarted: bool) -> None:
    """Through `/clear` and a rename, also both at once and while nobody looked; keys too."""
    async with prompts_rig(server) as rig:
        async with running(rig):
            alpha = await rig.play("alpha", made=FIRST)
            alpha.do("busy")
            sent = await rig.becomes(await rig.prompt("alpha", "work", "K"), "delivered", "queued")
            await rig.status.when(lambda snapshot: snapshot.sessions["alpha"].state == "working")
            kept = await rig.prompt("alpha", "later", when="idle")
            if not restarted:
                cleared(rig, "alpha", "alpha")
        if restarted:
            cleared(rig, "alpha", "alpha")
        async with running(rig):
            assert (await rig.prompt("alpha", "work", "K")).id == sent.id
            cleared(rig, "alpha", "omega")
            await has(rig, "omega", kept)
            cleared(rig, "omega", "alpha")
            await has(rig, "alpha", kept)
            alpha.do("end")
            await rig.becomes(kept, "delivered")
            assert alpha.noted("sent") == ["work", "later"]


async def has(rig: Rig, name: str, prompt: Prompt) -> None:
    """Wait until a session of this name has the prompt."""
    found: list[str] = []
    with trio.fail_after(30):
        while prompt.id not in found:
            found = [p.id for p in await rig.listed(name)]


def cleared(rig: Rig, old: str, new: str) -> None:
    """The record of a session has another uuid, and perhaps another name."""
    records = dict(rig.sessions.latest.records)
    was = records.pop(old)
    records[new] = replace(was, name=new, uuid=was.uuid + "x")
    rig.publish(records)


LONG = "Please look at the parser once more and say what it does"


@pytest.mark.parametrize("draft", ["continue", LONG, LONG[7:39]])
async def test_a_draft_that_equals_an_earlier_prompt(
    server: PrivateTmux, monkeypatch: pytest.MonkeyPatch, draft: str
) -> None:
    """The client took that, though its hook did not come: what stands in the box now, a person has written."""
    monkeypatch.setattr(sending, "NOT_SEEN_S", 0.2)
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        rig.deaf = True
        sent = await rig.prompt("alpha", LONG if draft in LONG else draft)
        assert (await rig.becomes(sent, "failed")).error == NOT_SEEN
        server.run("send-keys", "-t", "=alpha:", "-l", draft)
        await alpha.shows(draft)
        with pytest.raises(DraftInTheWay, match="half-written"):
            await rig.prompt("alpha", "from the page")
        await alpha.shows(draft)
        assert alpha.noted("sent") == [sent.text]


async def test_a_draft_after_a_restart(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is the prompt that was being typed then, or a person's, nobody knows: it stays, and that is said."""
    monkeypatch.setattr(receipts, "NOT_SEEN_S", 0.2)
    async with prompts_rig(server) as rig:
        async with running(rig):
            alpha = await rig.play("alpha")
            rig.deaf = True
            begun = await rig.prompt("alpha", "continue")
        async with running(rig):
            await rig.becomes(begun, "failed")
            server.run("send-keys", "-t", "=alpha:", "-l", "continue")
            await alpha.shows("continue")
            with pytest.raises(DraftInTheWay, match="typed before"):
                await rig.prompt("alpha", "from the page")
            await alpha.shows("continue")


@pytest.mark.parametrize("touched", [False, True])
async def test_a_dialog_that_takes_enter(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch, touched: bool) -> None:
    """The prompt stands in the box then: that is said of it, and it is removed once it has failed and still stands."""
    monkeypatch.setattr(sending, "NOT_SEEN_S", 1.5)
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        real = Tmux.press

        async def behind_a_dialog(self: Tmux, pane: Pane, key: str, **more: Any) -> None:
            alpha.do("dialog")
            await alpha.shows("Do you want to proceed?")
            await real(self, pane, key)  # tmux does not see it: the client had not drawn it yet

        with monkeypatch.context() as patch:
            patch.setattr(Tmux, "press", behind_a_dialog)
            lost = await rig.prompt("alpha", "go on")
        alpha.do("close")
        await alpha.shows("? for shortcuts")
        await alpha.shows("go on")
        with pytest.raises(DraftInTheWay, match="typed before"):
            await rig.prompt("alpha", "next")
        if touched:
            server.run("send-keys", "-t", "=alpha:", "-l", " with care")
        assert (await rig.becomes(lost, "failed")).error == NOT_SEEN
        if touched:
            assert await refused(partial(rig.prompt, "alpha", "next")) == "draft_in_the_way"
            await alpha.shows("go on with care")
            return
        await rig.becomes(await rig.prompt("alpha", "next"), "delivered")
        assert (alpha.noted("sent"), alpha.noted("chosen")) == (["next"], [])


async def test_what_was_taken_late_is_not_removed(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receipt says that the box was emptied; what stands there afterwards is a person's."""
    async with prompts_rig(server) as rig, running(rig):
        alpha = await rig.play("alpha")
        real = Tmux.press
        monkeypatch.setattr(prompt_typing, "TAKEN_S", 0.1)

        async def slowly(self: Tmux, pane: Pane, key: str, **more: Any) -> None:
            """Enter comes late."""

        with monkeypatch.context() as patch:
            patch.setattr(Tmux, "press", slowly)
            sent = await rig.prompt("alpha", "continue")
        server.run("send-keys", "-t", "=alpha:", "Enter")
        assert real is Tmux.press
        await rig.becomes(sent, "delivered")
        server.run("send-keys", "-t", "=alpha:", "-l", "continue")
        await alpha.shows("continue")
        assert await refused(partial(rig.prompt, "alpha", "next")) == "draft_in_the_way"
        await alpha.shows("continue")


def test_what_is_left_of_a_text() -> None:
    """All of it, or of several pastes those that a dialog has not taken; no other part."""
    text = "\n".join(f"line {n} with some words" for n in range(9))
    pastes = [paste.replace("\r", "\n") for paste in steps_of(text).chunks]
    assert len(pastes) > 2
    for left in (text, *pastes, pastes[0] + pastes[-1], "".join(pastes[1:])):
        ours = left in (pastes[0], pastes[-1]) or left not in pastes
        assert is_left(InputBox(left.strip()), text) == ours
    assert not is_left(InputBox("line 1 with some words"), text)
    assert not is_left(InputBox(text + "!"), text)
    assert not is_left(InputBox("go"), "go on")


@pytest.mark.parametrize("more", ["שלום", "👍", "。", "مرحبا", "zq", "é"])
@pytest.mark.parametrize("text", ["say hello", "שלום לך", "日本語", "👍 fine"])
def test_what_somebody_added_is_seen_in_any_script(text: str, more: str) -> None:
    """Also where a terminal may show it in another order: it is neither sent along nor removed."""
    assert is_left(InputBox(text), text)
    for draft in (f"{text} {more}", f"{more} {text}", f"{more}{text}"):
        assert not is_left(InputBox(draft), text)
        assert not is_left(InputBox(draft, cut=True, lines=9), text)
