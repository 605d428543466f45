"""tmux, really: exact names, and nothing that anybody writes is interpreted."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from ctm_trio.errors.tmux import TmuxDuplicate, TmuxFailed, TmuxGone
from ctm_trio.model.panes import Pane, client_pane
from ctm_trio.system import tmux as tmux_module
from ctm_trio.system.tmux import Tmux, exactly
from tests.tmux_server import PrivateTmux, server, until

__all__ = ["server"]

ECHO = ("/bin/sh", "-c", 'pwd > "$1"; exec cat', "sh")


@pytest.fixture
def tmux(server: PrivateTmux) -> Tmux:
    """Our side of it."""
    return Tmux(server.conf, lambda: server.socket)


async def pane_of(tmux: Tmux, name: str) -> Pane:
    """The pane of a session that is typed into."""
    pane = client_pane(await tmux.panes(exactly(name)))
    assert pane is not None
    return pane


async def test_no_server(tmux: Tmux) -> None:
    """Without a server there are no sessions, and acting on one says that it is gone."""
    assert await tmux.sessions() == frozenset()
    for act in (tmux.kill("=x"), tmux.rename("=x", "y"), tmux.panes("=x"), tmux.capture("=x")):
        with pytest.raises(TmuxGone):
            await act


async def test_names_are_exact(server: PrivateTmux, tmux: Tmux) -> None:
    """`alpha` never hits `alpha2`: not in kill, rename, typing or capture."""
    server.new("alpha2")
    acts: list[Callable[[str], Awaitable[object]]] = [
        tmux.kill, tmux.capture, lambda t: tmux.rename(t, "x"), tmux.panes,
    ]  # fmt: skip
    for act in acts:
        for name in ("alpha", "al*", "alpha2x"):
            with pytest.raises(TmuxGone):
                await act(exactly(name))
    assert await tmux.sessions() == {"alpha2"}
    await tmux.kill(exactly("alpha2"))
    assert await tmux.sessions() == frozenset()


@pytest.mark.parametrize(
    "name",
    ["plain", "with blanks", "#(touch PWNED)", "#[fg=red] ##[x] #{session_name}", "end;", "$(touch PWNED)",
     "`touch PWNED`", "-t", "grüße 世界", "%d %H", "'quoted\" \\ back"],
)  # fmt: skip
async def test_work_directory_is_a_directory(server: PrivateTmux, tmux: Tmux, name: str) -> None:
    """A session starts in exactly the directory it was given, and no part of its name is run or expanded."""
    workdir = server.root / "w" / name
    workdir.mkdir(parents=True)
    told = server.root / "told"
    session = await tmux.new_session("alpha", str(workdir), [*ECHO, str(told)], {})
    await until(lambda: told.exists() and bool(told.read_text()))
    assert told.read_text() == f"{workdir}\n"
    assert session.startswith("$")
    await tmux.kill(session)
    assert not [p for p in server.root.rglob("PWNED") if p != workdir]


async def test_arguments_and_environment_are_literal(server: PrivateTmux, tmux: Tmux) -> None:
    """Arguments of the command and values of variables arrive as they are, whatever they look like."""
    told = server.root / "told"
    words = ["a b", "#(touch PWNED)", "end;", ";", "x\\;", "-t", "$HOME", "#{pid}"]
    code = "import json, os, sys; json.dump([sys.argv[2:], os.environ['MARK']], open(sys.argv[1], 'w'))"
    command = ["python3", "-c", code, str(told), *words]
    await tmux.new_session("alpha", str(server.root), command, {"MARK": "#(touch PWNED);"})
    await until(lambda: told.exists() and told.read_text().endswith("]"))
    assert json.loads(told.read_text()) == [words, "#(touch PWNED);"]
    assert not list(server.root.rglob("PWNED"))


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "-t alpha",
        "--",
        "ls;",
        ";",
        "a\\;",
        "C-c Enter",
        "#{session_name} #(touch PWNED)",
        "grüße, 世界 ✓",
        "  padded  ",
    ],
)
async def test_typing_is_literal(server: PrivateTmux, tmux: Tmux, text: str) -> None:
    """What is typed arrives as a line, character by character."""
    told = server.root / "told"
    server.new("alpha", "/bin/sh", "-c", 'IFS= read -r line; printf "%s" "$line" > "$1"; exec cat', "sh", str(told))
    await tmux.put(await pane_of(tmux, "alpha"), text)
    await tmux.press(await pane_of(tmux, "alpha"), "Enter")
    await until(told.exists)
    await until(lambda: bool(told.read_text()))
    assert told.read_text() == text


async def test_first_pane_wherever_counting_starts(server: PrivateTmux, tmux: Tmux) -> None:
    """A tmux.conf that counts windows and panes from 1 does not stop typing."""
    server.new("alpha")
    for option in ("base-index", "pane-base-index"):
        server.run("set-option", "-g", option, "1")
    server.new("beta")
    await tmux.put(await pane_of(tmux, "beta"), "here")
    await tmux.press(await pane_of(tmux, "beta"), "Enter")
    await until(lambda: "here\nhere" in server.screen("beta"))


async def test_duplicates(server: PrivateTmux, tmux: Tmux) -> None:
    """A name that tmux has is a duplicate, in starting and in renaming, and nothing changes."""
    server.new("alpha")
    server.new("beta")
    with pytest.raises(TmuxDuplicate):
        await tmux.new_session("alpha", "/", ["cat"], {})
    with pytest.raises(TmuxDuplicate):
        await tmux.rename("=beta", "alpha")
    assert server.names() == {"alpha", "beta"}


async def test_conf_is_read(server: PrivateTmux, tmux: Tmux) -> None:
    """A tmux.conf that is there is given to the server."""
    server.conf.write_text("set -g @mark here\n")
    await tmux.new_session("alpha", "/", ["cat"], {})
    assert server.run("show-options", "-gv", "@mark").strip() == "here"


async def test_a_tmux_that_hangs(server: PrivateTmux, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tmux that does not answer is ended after its time, and is a failure."""
    hanging = server.bin / "tmux"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("PATH", f"{server.bin}:/usr/bin:/bin")
    monkeypatch.setattr(tmux_module, "COMMAND_LIMIT_S", 0.1)
    with trio.fail_after(30), pytest.raises(TmuxFailed):
        await Tmux(server.conf).sessions()


async def test_no_tmux_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the program every command is a failure with a reason."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TmuxFailed, match="cannot be run"):
        await Tmux(tmp_path / "tmux.conf").sessions()


async def test_a_new_session_while_the_server_is_ending(tmux: Tmux) -> None:
    """The server ends with its last session; one that is started in that moment runs all the same."""
    for turn in range(8):
        started = await tmux.new_session(f"s{turn}", "/", ("/bin/cat",), {})
        await tmux.kill(started)
    await tmux.new_session("last", "/", ("/bin/cat",), {})
    assert await tmux.sessions() == {"last"}


async def test_another_program_in_the_same_pane(server: PrivateTmux, tmux: Tmux, tmp_path: Path) -> None:
    """Respawn ends the first program and runs the second with its own environment; the session stays the same one."""
    out, work = tmp_path / "out", tmp_path / "#(touch PWNED)"
    work.mkdir()
    session = await tmux.new_session("demo", str(work), ("/bin/cat",), {"CTM_SESSION": "old"})
    script = 'printf "%s %s" "$CTM_SESSION" "$PWD" > "$1.part"; mv "$1.part" "$1"; exec cat'
    await tmux.respawn(session, ("/bin/sh", "-c", script, "sh", str(out)), {"CTM_SESSION": "new;"}, end=True)
    await until(out.exists)
    assert out.read_text() == f"new; {work}"
    assert await tmux.sessions() == {"demo"}
    assert not (work / "PWNED").exists()
    with pytest.raises(TmuxGone):
        await tmux.respawn("=nobody", ("/bin/cat",), {}, end=True)
