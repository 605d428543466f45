"""Typing into a client's pane, with a real tmux: exactly the text, to that program and no other, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from ctm_trio.errors.tmux import PaneNotReady
from ctm_trio.errors.typing import DialogOpen, Exited, NotTypeable, TmuxDead
from ctm_trio.model.panes import Pane, client_pane, living, parse_panes
from ctm_trio.model.prompt_steps import Steps
from ctm_trio.model.session import Session
from ctm_trio.model.typing import asks_something
from ctm_trio.system.live_sessions import ClientFile
from ctm_trio.system.prompt_place import Reach
from ctm_trio.system.prompt_typing import type_prompt
from ctm_trio.system.tmux import Tmux
from tests.fixtures import CLAUDE_CODE
from tests.tmux_server import PrivateTmux, private_tmux, until

RAW = """import os, sys, tty
tty.setraw(0)
sys.stdout.write("ready"); sys.stdout.flush()
with open(sys.argv[1], "ab", 0) as out:
    while data := os.read(0, 65536):
        out.write(data)
"""
"""A program that notes every byte that it is typed."""


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateTmux]:
    """A private tmux server."""
    with private_tmux() as server:
        yield server


@pytest.fixture(scope="module")
def tmux(server: PrivateTmux) -> Tmux:
    """Our side of it."""
    return Tmux(server.conf, lambda: server.socket)


class Typist:
    """A session with a program that notes bytes."""

    def __init__(self, server: PrivateTmux, tmux: Tmux, name: str) -> None:
        self.server, self.tmux, self.name = server, tmux, name
        self.told = server.root / f"told-{name}"
        self.reach = Reach(tmux, server.root / "no-clients")
        self.record = Session(name, f"uuid-{name}", "yolo")
        if name not in server.names():
            server.new(name, sys.executable, "-c", RAW, str(self.told))

    async def ready(self) -> Pane:
        """Wait until it reads, and give its pane."""
        await until(lambda: "ready" in self.server.screen(self.name))
        pane = client_pane(await self.tmux.panes(f"={self.name}"))
        assert pane is not None
        return pane

    async def type(self, text: str, *, asks: bool = False) -> None:
        """As for a client that writes no status file."""

        async def begin(file: ClientFile | None, steps: Steps) -> None:
            assert file is None

        place = await self.reach.place(self.record, None)
        await type_prompt(self.reach, place, text, begin, asks=asks)

    async def told_is(self, wanted: bytes) -> None:
        """Wait until exactly these bytes came, and forget them."""
        await until(lambda: self.told.exists() and len(self.told.read_bytes()) >= len(wanted))
        assert self.told.read_bytes() == wanted
        os.truncate(self.told, 0)

    def untouched(self) -> bool:
        """True if nothing was typed."""
        return not self.told.exists() or self.told.read_bytes() == b""


any_text = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=120)
awkward = st.lists(
    st.sampled_from(["'", '"', ";", "\\", "#{pane_id}", "#(touch PWNED)", "$HOME", "~", "\n", "\t", "-t", "`id`", "%0",
                     "{", "}", "é", "世", "🙂", " ", "C-c", "\\;", "e\u0301", "a"]),
    min_size=1, max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=60)
@given(text=st.one_of(any_text, awkward))
def test_any_text_arrives_exactly(server: PrivateTmux, tmux: Tmux, text: str) -> None:
    """Whatever the characters, the program gets exactly the bytes of the text, then Enter."""

    async def run() -> None:
        typist = Typist(server, tmux, "exact")
        await typist.ready()
        await typist.type(text)
        await typist.told_is(text.encode() + b"\r")

    trio.run(run)
    assert not list(server.root.rglob("PWNED"))
    assert server.run("list-buffers") == ""


async def test_long_text(server: PrivateTmux, tmux: Tmux) -> None:
    """100 kB arrive whole."""
    typist = Typist(server, tmux, "exact")
    await typist.ready()
    text = "".join(f"line {n} with some words; and a semicolon;\n" for n in range(2400))
    await typist.type(text)
    await typist.told_is(text.encode() + b"\r")


async def test_no_words_in_a_process_list(
    server: PrivateTmux, tmux: Tmux, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a text nor a work directory is an argument of any process that is started."""
    seen: list[str] = []
    real = subprocess.Popen

    def watched(argv: Any, *rest: Any, **more: Any) -> Any:
        seen.extend(argv)
        return real(argv, *rest, **more)

    monkeypatch.setattr(subprocess, "Popen", watched)
    workdir = tmp_path / "secret-place"
    workdir.mkdir()
    session = await tmux.new_session("quiet", str(workdir), (sys.executable, "-c", RAW, str(server.root / "q")), {})
    typist = Typist(server, tmux, "quiet")
    await typist.ready()
    await typist.type("my secret words")
    await until(lambda: (server.root / "q").read_bytes() == b"my secret words\r")
    assert seen
    assert not [word for word in seen if "secret" in word]
    await tmux.kill(session)


@pytest.mark.parametrize(
    "mode", [("copy-mode",), ("run-shell", "echo hi"), ("clock-mode",), ("choose-tree",)], ids=lambda mode: mode[0]
)
async def test_modes_of_tmux_are_left(server: PrivateTmux, tmux: Tmux, mode: tuple[str, ...]) -> None:
    """Copy mode, view mode and the others are left first; the keys reach the program and nothing else."""
    typist = Typist(server, tmux, "modes")
    await typist.ready()
    command, *more = mode
    server.run(command, "-t", "=modes:", *more)
    await until(lambda: server.run("display-message", "-p", "-t", "=modes:", "#{pane_in_mode}").strip() != "0")
    await typist.type("qqq")
    await typist.told_is(b"qqq\r")
    assert server.run("display-message", "-p", "-t", "=modes:", "#{pane_in_mode}").strip() == "0"


async def test_a_mode_entered_in_the_moment_of_pasting(server: PrivateTmux, tmux: Tmux) -> None:
    """A paste is never given while tmux is in a mode of its own: it would come without brackets, each line sent."""
    typist = Typist(server, tmux, "late")
    pane = await typist.ready()
    server.run("set-hook", "-g", "after-set-buffer", f"copy-mode -t {pane.id}")
    try:
        with pytest.raises(PaneNotReady, match="mode of tmux"):
            await tmux.paste(pane, ("one\ntwo", "three"))
    finally:
        server.run("set-hook", "-gu", "after-set-buffer")
    assert typist.untouched()
    assert server.run("list-buffers") == ""
    await tmux.paste(pane, ("one\ntwo", " three"))
    await typist.told_is(b"one\ntwo three")


async def test_input_switched_off(server: PrivateTmux, tmux: Tmux) -> None:
    """A pane whose input is off is refused with the reason, also when it was switched off a moment ago."""
    typist = Typist(server, tmux, "off")
    pane = await typist.ready()
    server.run("select-pane", "-d", "-t", "=off:")
    with pytest.raises(NotTypeable, match="switched off"):
        await typist.type("lost")
    with pytest.raises(PaneNotReady, match="switched off"):
        await tmux.put(pane, "lost")
    assert typist.untouched()
    assert server.run("list-buffers") == ""


async def test_another_program_meanwhile(server: PrivateTmux, tmux: Tmux) -> None:
    """If the program of the pane is another one in the moment of typing, nothing is typed."""
    typist = Typist(server, tmux, "swap")
    pane = await typist.ready()
    server.run("respawn-pane", "-k", "-t", pane.id, "--", "cat")
    with pytest.raises(PaneNotReady, match="ended"):
        await tmux.put(pane, "rm -rf /")
    assert typist.untouched()
    assert "rm" not in server.screen("swap")


async def test_dead_pane_and_shell(server: PrivateTmux, tmux: Tmux) -> None:
    """A pane that was kept after its program ended gets nothing, nor does a shell in its place."""
    server.run("new-session", "-d", "-s", "dead", "--", "cat")
    server.run("set-option", "-w", "-t", "=dead:", "remain-on-exit", "on")
    server.run("respawn-pane", "-k", "-t", "=dead:", "--", "true")
    await until(lambda: server.run("display-message", "-p", "-t", "=dead:", "#{pane_dead}").strip() == "1")
    assert "dead" not in await tmux.sessions()
    with pytest.raises(Exited):
        await Typist(server, tmux, "dead").type("x")
    with pytest.raises(TmuxDead):
        await Reach(tmux, server.root).place(Session("nobody"), None)
    server.run("new-session", "-d", "-s", "shell", "--", "/bin/sh")
    with pytest.raises(Exited):
        await Typist(server, tmux, "shell").type("rm -rf /")
    server.run("new-session", "-d", "-s", "script", "--", "/bin/sh", "-c", "echo ready; cat; true")
    await Typist(server, tmux, "script").type("a script is no shell that waits")


async def test_the_clients_pane_and_no_other(server: PrivateTmux, tmux: Tmux) -> None:
    """A text goes to the pane that the client was started in, wherever the user has split and looked meanwhile."""
    told = server.root / "told-split"
    session = await tmux.new_session("split", "/", (sys.executable, "-c", RAW, str(told)), {})
    typist = Typist(server, tmux, "split")
    await until(lambda: "ready" in server.screen("split"))
    server.run("split-window", "-b", "-t", "=split:", "cat")
    server.run("new-window", "-t", "=split:", "cat")
    await typist.type("for the client")
    await typist.told_is(b"for the client\r")
    (mine,) = [pane for pane in await tmux.panes(session) if pane.client]
    server.run("kill-pane", "-t", mine.id)
    with pytest.raises(Exited):
        await typist.type("for nobody")


async def test_dialogs(server: PrivateTmux, tmux: Tmux) -> None:
    """Nothing is typed while the hooks say that it waits, or the screen shows what may be a dialog; a key goes."""
    typist = Typist(server, tmux, "dialog")
    await typist.ready()
    with pytest.raises(DialogOpen):
        await typist.type("1", asks=True)
    server.new("trust", "sh", "-c", "printf 'Do you trust it?\\n ❯ No, exit\\n   Yes\\n'; cat")
    await until(lambda: "No, exit" in server.screen("trust"))
    trust = Typist(server, tmux, "trust")
    with pytest.raises(DialogOpen):
        await trust.type("1")
    assert "1" not in server.screen("trust")
    await tmux.press((await typist.reach.place(typist.record, None)).pane, "Down")
    await until(lambda: not typist.untouched())


def test_panes_of_a_session() -> None:
    """Which sessions live, and which pane is the client's, by the marks and the pids."""
    lines = (
        "api:$1 %1 10 0 0 0 1 1 0 \napi:$1 %4 11 0 0 0 0 1 1 \nkept:$2 %2 20 1 0 0 1 1 0 \nkept:$2 %5 21 0 0 0 0 1 0 \n"
        "old:$3 %3 30 0 1 0 0 0 0 copy-mode\na b:$4 %6 40 1 0 0 0 0 0 \nrubbish\n"
    )
    panes = parse_panes(lines)
    assert living(panes) == {"api", "old"}, "the client's pane counts, not a shell beside it"
    assert ([pane.id for pane in panes if pane.shared], panes[4].mode) == (["%4"], "copy-mode")
    of = {name: [pane for pane in panes if pane.session == name] for name in ("api", "kept", "old", "a b")}
    found = {name: client_pane(mine) for name, mine in of.items()}
    assert {name: pane.id for name, pane in found.items() if pane} == {
        "api": "%1",
        "kept": "%2",
        "old": "%3",
        "a b": "%6",
    }
    known = client_pane(of["api"], {11: 99})
    assert known is not None
    assert known.id == "%4", "where the client says it is"
    assert client_pane(of["kept"][1:]) is None, "ours, and the client's pane is gone"


@pytest.mark.parametrize("path", sorted(CLAUDE_CODE.glob("screens/*.txt")), ids=lambda path: path.stem)
def test_dialogs_by_their_looks(path: Path) -> None:
    """Each recorded dialog is known as one; a screen with the input box is not. Captures without colours."""
    assert asks_something(path.read_text()) == (path.stem != "busy_with_queued")


def test_the_input_box_is_no_dialog() -> None:
    """A prompt that begins like a row of a menu stands in the box, between two rules; also an empty box."""
    rule = "─" * 40
    for text in ("1. Tidy up", "yes", "no", ""):
        assert not asks_something(f"❯ 1. an older prompt\n● done\n{rule}\n❯ {text}\n{rule}\n  ? for shortcuts")
    assert asks_something(f"{rule}\n Do it?\n ❯ 1. Yes\n   2. No\n")
