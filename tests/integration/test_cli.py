"""The command line's front door and its small commands, in a private HOME."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from ctm_trio import __version__
from ctm_trio.__main__ import main
from ctm_trio.cli import (
    common,
    doctor,
    lifecycle,
    link,
    service,
    session_edit,
    sessions,
    spawning,
    views,
    watch,
)
from ctm_trio.cli.check_labels import label
from ctm_trio.cli.main import COMMANDS
from ctm_trio.client.errors import NoDaemon
from ctm_trio.model.config import Settings
from ctm_trio.model.doctor import Check
from ctm_trio.model.session import Session
from ctm_trio.model.session_names import name_of
from ctm_trio.model.times import format_time
from tests.tmux_server import until

CODE = Path(common.__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME, a tmux server and a PATH of its own, and nothing of the outer session."""
    for name in ("CLAUDE_CONFIG_DIR", "TMUX", "TMUX_PANE", "XDG_CONFIG_HOME", "CTM_SESSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    return tmp_path


def records(home: Path, *names: str) -> None:
    root = home / ".config" / "ctm"
    root.mkdir(parents=True, exist_ok=True)
    table = {
        name: {
            "name": name,
            "uuid": f"u-{name}",
            "mode": "safe",
            "workdir": f"/w/{name}",
            "created_at": "2026-01-01T00:00:00Z",
        }
        for name in names
    }
    (root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": table}))


def test_every_command_is_declared_and_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's module declares it, and its help page is shown with exit code 0."""
    for name in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0, name
        page = capsys.readouterr().out
        assert f"usage: ctm-trio {name}" in page
        # What it does stands before the arguments.
        assert re.search(r"^usage: [^\n]*(\n +[^\n]*)*\n\n(?!positional|options)\S", page), name


@pytest.mark.parametrize("command", ["hook", "log-tool-use", "statusline"])
@pytest.mark.parametrize("word", ["--help", "-h"])
def test_what_claude_code_runs_has_help(home: Path, command: str, word: str) -> None:
    """Only for that one word, and without a trace; any other words are taken as ever, in silence."""
    program = [sys.executable, "-m", "ctm_trio", command]

    def said(*words: str) -> str:
        done = subprocess.run([*program, *words], capture_output=True, text=True, cwd=CODE, check=True, input="{}")
        return done.stdout + done.stderr

    assert said(word).startswith(f"usage: ctm-trio {command} ")
    assert not (home / ".config").exists()
    assert "usage" not in said("--then", word)


@pytest.mark.parametrize(
    "words",
    [
        [], ["no-such-command"], ["ls", "--no-such-option"], ["serve", "--port", "x"], ["watch", "--port", "99999999"],
        ["watch", "--last", "-1"], ["watch", "--url", "http://x:999999"], ["watch", "--url", "http://[::1"],
        ["watch", "--url", "localhost:37778"], ["new", "--yolo", "--safe"], ["watch", "-t", "foo"],
    ],
)  # fmt: skip
def test_what_is_not_understood_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One calm line on stderr, exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == common.USAGE
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.parametrize(
    "words", [["serve", "--port"], ["watch", "--port"], ["watch", "--last"], ["logs", "-n"], ["logs", "--lines"]]
)
@pytest.mark.parametrize("digits", [20, 5000])
def test_a_number_of_any_length_is_refused_in_words(
    words: list[str], digits: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is expected is said, also of a number that Python itself would not read."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "9" * digits])
    assert ended.value.code == common.USAGE
    assert "; expected " in capsys.readouterr().err


@pytest.mark.parametrize("words", [["ls"], ["status"], ["logs"], ["version"], ["completion", "names"]])
def test_quick_commands_import_nothing_heavy(words: list[str], home: Path) -> None:
    """The web server, the event loop and the HTTP client stay out of what must start quickly."""
    code = (
        "import sys; from ctm_trio.__main__ import main; main(sys.argv[1:]); "
        "heavy = ('quart', 'hypercorn', 'trio', 'httpx', 'rich', 'argon2'); "
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, cwd=CODE)
    assert done.stderr.splitlines()[-1] == "[]"


def test_the_hook_imports_next_to_nothing(home: Path) -> None:
    """Under `-I -S` the hook adds a handful of modules to those that the interpreter has anyway."""
    code = (
        "import sys; before = set(sys.modules); sys.path.append(sys.argv[1]); "
        "from ctm_trio.producers import hook; hook.main(['hook']); print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(CODE)],
        input='{"session_id":"x"}',
        capture_output=True,
        text=True,
        check=True,
    )
    parts = ("hook", "environment", "log_file", "log_line", "notes", "payload", "reserve", "trouble")
    ours = {"ctm_trio", "ctm_trio.producers", *(f"ctm_trio.producers.{part}" for part in parts)}
    assert set(json.loads(done.stdout.replace("'", '"'))) <= ours | {"__future__", "_json", "fcntl"}


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version, for people and as JSON."""
    assert main(["version"]) == 0
    assert __version__ in capsys.readouterr().out
    assert main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == __version__


def test_ls(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Plain aligned columns in a pipe, the wire's view as JSON, a hint where there is nothing."""
    assert main(["ls"]) == 0
    assert "ctm-trio new" in capsys.readouterr().err
    records(home, "one", "two-long-name")
    file = home / ".config" / "ctm" / "sessions.json"
    table = json.loads(file.read_text())
    table["sessions"]["two-long-name"]["last_attached_at"] = format_time(time.time() - 500)
    file.write_text(json.dumps(table))
    assert main(["ls"]) == 0
    out = capsys.readouterr().out
    head, one, two = (re.split(" {2,}", line)[3] for line in out.splitlines())
    assert (head, one, two) == ("LAST ATTACHED", "-", "8m ago")
    assert "\033" not in out
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [
        ["one", "safe", "ended"],
        ["two-long-name", "safe", "ended"],
    ]
    assert main(["ls", "--json"]) == 0
    (first, _) = json.loads(capsys.readouterr().out)
    assert first == {
        "name": "one", "uuid": "u-one", "mode": "safe", "workdir": "/w/one", "created_at": "2026-01-01T00:00:00Z",
        "is_active": False, "tmux_alive": False,
    }  # fmt: skip


def test_a_broken_sessions_file_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback: what is wrong, and exit code 1."""
    (home / ".config" / "ctm").mkdir(parents=True)
    (home / ".config" / "ctm" / "sessions.json").write_text("{")
    assert main(["ls"]) == common.FAILED
    assert capsys.readouterr().err.startswith("ctm-trio: sessions.json does not parse")


def test_a_session_is_not_started_by_guessed_settings(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A config.json that does not parse may name another tmux server: `new` and `yolo` refuse, nothing is started."""
    root = home / ".config" / "ctm"
    root.mkdir(parents=True)
    (root / "config.json").write_text('{"serve": {')
    assert main(["new", "x", str(home)]) == main(["yolo", "x", str(home)]) == common.FAILED
    said = f"ctm-trio: {broken_config(1, 'the file ends too early')}"
    assert capsys.readouterr().err.splitlines() == [said, said]
    assert [path.name for path in root.iterdir()] == ["config.json"]


def broken_config(line: int, why: str) -> str:
    place = f"~/.config/ctm/config.json, line {line}: {why}."
    return f"{place} Correct it; until then the daemon keeps its last settings."


@pytest.mark.parametrize(
    "words", [["ls"], ["status"], ["kill", "x", "-y"], ["rename", "x", "y"], ["forget", "x", "-y"], ["setup"]]
)
def test_what_starts_nothing_goes_on_without_settings(
    home: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A config.json that does not parse is one line of warning, with its place; the defaults do."""
    records(home, "x")
    text = '{\n  "log_max_files": 7,\n  "serve": {\n    "port": 1,\n  }\n}\n'
    (home / ".config" / "ctm" / "config.json").write_text(text)
    assert main(words) == common.OK
    said = capsys.readouterr().err.splitlines()
    assert said[0] == broken_config(4, "trailing comma in object")
    assert not [line for line in said[1:] if "config.json," in line]
    assert (home / ".config" / "ctm" / "config.json").read_text() == text


@pytest.mark.parametrize(
    ("text", "socket"),
    [('{"serve": {"tmux_socket": "mine",}}', "mine"), ('{"serve": {"tmux_socket": "/a/b"', "/a/b"),
     ('{"serve": {"tmux_socket": ""', ""), ('{"serve": {"tmux_socket": mine}}', None), ('{"tmux_socket', None)],
)  # fmt: skip
def test_the_tmux_server_of_settings_that_do_not_parse(
    home: Path, text: str, socket: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """On another server `kill` would end another session of that name: it is the one that the text names, or none."""
    paths = common.find_paths()
    paths.root.mkdir(parents=True)
    paths.config.write_text(text)
    if socket is None:
        with pytest.raises(common.CliError, match=r"config\.json, line 1: "):
            common.load_config(paths, guess=True)
    else:
        assert common.load_config(paths, guess=True) == Settings(tmux_socket=socket)


@pytest.mark.parametrize(
    "words",
    [["attach", "x"], ["kill", "x"], ["forget", "x"], ["rename", "x", "y"], ["switch", "x"], ["last"], ["pick"]],
)
def test_no_such_session_is_exit_code_3(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts can tell a missing session from a failure."""
    assert main(words) == common.NOT_FOUND
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("words", [["new"], ["yolo"], ["safe", "x"], ["new", "x", "beside"]])
def test_a_directory_that_is_gone(
    home: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the directory that one is in was deleted, one line says so."""
    gone = home / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(words) == common.FAILED
    assert capsys.readouterr().err.startswith("ctm-trio: The directory you are in cannot be used: No such file")
    assert not (home / ".config").exists()


def test_an_editor_that_is_no_command(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What no shell could split into words is named; nothing but spaces is the usual editor."""
    monkeypatch.delenv("VISUAL", raising=False)
    (home / ".config" / "ctm").mkdir(parents=True)
    (home / ".config" / "ctm" / "claude-overlay.json").write_text("{}")
    monkeypatch.setenv("EDITOR", "'")
    assert main(["overlay", "edit"]) == common.FAILED
    said = "ctm-trio: ' is not a command that starts an editor: No closing quotation. Set $EDITOR.\n"
    assert capsys.readouterr().err == said
    (home / "vi").write_text(f'#!/bin/sh\necho "$@" > {home}/asked\n')
    (home / "vi").chmod(0o700)
    monkeypatch.setenv("PATH", str(home), prepend=":")
    monkeypatch.setenv("EDITOR", "  ")
    assert main(["overlay", "edit"]) == 0
    assert (home / "asked").read_text().strip().endswith("claude-overlay.json")


def test_a_name_cannot_leave_its_place(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not a session name is refused before anything is done with it."""
    for name in ("-x", "a b", "a;b", "=x", "x" * 65):
        assert main(["new", "--", name]) == common.USAGE
    for name in ("../x", "/x", "~"):
        assert main(["new", name, str(home)]) == common.USAGE
    assert not (home / ".config").exists()


def test_a_new_name_that_cannot_be(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`rename` tells an impossible name from the one that the session has already."""
    records(home, "x")
    assert main(["rename", "x", "a b"]) == main(["rename", "x", "x"]) == common.USAGE
    assert capsys.readouterr().err.splitlines() == [
        "ctm-trio: 'a b' cannot be the new name. Use at most 100 letters, digits, _ and -.",
        "ctm-trio: The session is called x already.",
    ]


@pytest.mark.parametrize("command", ["kill", "forget"])
def test_without_a_terminal_nothing_is_ended_unasked(
    home: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody can be asked in a pipe, so `kill` and `forget` refuse as `setup --global` does; `-y` is an answer."""
    records(home, "x")
    file = home / ".config" / "ctm" / "sessions.json"
    before = file.read_bytes()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert main([command, "x"]) == common.FAILED
    assert capsys.readouterr().err == f"ctm-trio: {common.NO_TERMINAL}\n"
    assert "`-y`" in common.NO_TERMINAL
    assert file.read_bytes() == before
    assert main([command, "x", "-y"]) == common.OK


@pytest.mark.parametrize(("socket", "server"), [("", "tmux"), ("mine", "tmux -L mine"), ("/a b/s", "tmux -S '/a b/s'")])
def test_a_forgotten_session_that_runs_on(
    home: Path, socket: str, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`forget` says that the client still runs, and how to end it; nothing of a session that has ended."""
    records(home, "a.b", "over")
    (home / ".config" / "ctm" / "config.json").write_text(json.dumps({"serve": {"tmux_socket": socket}}))
    monkeypatch.setattr(session_edit, "live_names", lambda paths, settings: frozenset({"a_b"}))
    assert main(["forget", "a.b", "-y"]) == main(["forget", "over", "-y"]) == common.OK
    assert capsys.readouterr().err.splitlines() == [
        f"a.b is forgotten; its log stays. It still runs in tmux: `{server} kill-session -t '=a_b'` ends it.",
        "over is forgotten; its log stays.",
    ]


def test_what_somebody_else_has_done_meanwhile(home: Path) -> None:
    """A name that is taken by now, or gone: in the command line's words; to `forget` gone is what was wanted."""
    records(home, "x", "a.b")
    starter = spawning.Starter(common.find_paths(), Settings())
    with pytest.raises(common.CliError) as taken:
        starter.rename("x", "a_b")
    with pytest.raises(common.CliError) as gone:
        starter.rename("y", "z")
    starter.forget("y")
    assert [(str(caught.value), caught.value.code) for caught in (taken, gone)] == [
        ("There is a session named a.b already. `ctm-trio attach a.b` goes to it.", common.FAILED),
        ("There is no session named y.", common.NOT_FOUND),
    ]


def test_rename_says_what_it_did(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The old name and the new one."""
    records(home, "x")
    assert main(["rename", "x", "y"]) == common.OK
    assert capsys.readouterr().err == "Renamed x to y.\n"


def test_a_path_names_its_session() -> None:
    """`new ~/work/parser` is a session called parser; a name stays a name."""
    assert sessions.name_and_place("~/work/parser", None) == ("", "~/work/parser")
    assert sessions.name_and_place(".", None) == ("", ".")
    assert sessions.name_and_place("a.b", None) == ("a.b", "")
    assert sessions.name_and_place("a", "b") == ("a", "b")
    assert sessions.name_and_place(None, None) == ("", "")
    assert name_of("My proj (2)") == "My-proj-2"
    assert name_of("") == "session"


def test_the_reader_of_a_pipe_may_go(home: Path) -> None:
    """`ctm-trio ls | head -1` ends without a traceback."""
    records(home, *(f"s{n}" for n in range(3000)))
    command = f'"{sys.executable}" -m ctm_trio ls | head -1'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True, cwd=CODE)
    assert done.stdout.startswith("NAME")
    assert done.stderr == ""


async def test_a_users_hook_gets_the_session_and_a_time_limit(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The session is in its environment; one that never ends is ended with its children; failure is only told."""
    record = Session("demo", "u-1", "yolo", "/w/$(touch no)")
    settings = Settings(
        hooks=(
            (
                "on_attach",
                'printf "%s|%s|%s|%s|%s" "$CTM_EVENT" "$CTM_SESSION" "$CTM_UUID" "$CTM_MODE" "$CTM_WORKDIR" > ~/ran',
            ),
            ("on_kill", "exit 7"),
            ("on_new", "sleep 60 & echo $! > ~/child; wait"),
        ),
        hook_timeout_s=2.0,
    )
    lifecycle.run_hook(settings, "on_attach", record)
    assert (home / "ran").read_text() == "on_attach|demo|u-1|yolo|/w/$(touch no)"
    lifecycle.run_hook(settings, "on_kill", record)
    lifecycle.run_hook(settings, "on_new", record)
    said = capsys.readouterr().err
    assert "on_kill ended with 7" in said
    assert "more than 2 s" in said
    child = Path("/proc") / (home / "child").read_text().strip() / "stat"
    await until(lambda: not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z")
    lifecycle.run_hook(settings, "on_safe", record)
    assert capsys.readouterr().err == ""


def test_without_a_daemon_nothing_waits() -> None:
    """No daemon: the probe and a posted event say so at once."""
    assert link.probe(1) is None
    assert link.post_event(1, "session_new", {"name": "x"}) is False


def test_a_daemon_that_cannot_start_is_no_obstacle(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends at once: we notice, and do not wait out the limit; what it said is in its log."""
    monkeypatch.setattr(link, "START_LIMIT_S", 30.0)
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    assert link.ensure_daemon(common.find_paths(), Settings(port=1)) is False
    assert (home / ".config" / "ctm" / "ctm-trio.log").exists()


def test_without_claude(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line looks on the PATH of whoever calls it, so it names that one, not the daemon's."""
    monkeypatch.setenv("PATH", str(home))
    starter = spawning.Starter(common.find_paths(), Settings())
    with pytest.raises(common.CliError, match="`claude` is not on your PATH"):
        starter.new("x", str(home), "safe", "")
    assert not (home / ".config" / "ctm" / "sessions.json").exists()


def test_the_doctors_last_word(capsys: pytest.CaptureFixture[str]) -> None:
    """How many errors and warnings there are, in the singular too."""
    for found, said in (
        (["ok"], "All is well."),
        (["warn", "warn"], "0 errors, 2 warnings."),
        (["err", "warn", "ok"], "1 error, 1 warning."),
    ):
        doctor.show([Check("x", status, "y") for status in found])
        assert capsys.readouterr().err == f"{said}\n"


def test_the_doctor_names_its_checks_in_words(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No name such as `claude:hooks` is shown; programs that read `--json` have them."""
    main(["doctor"])
    shown = capsys.readouterr().out.splitlines()
    assert {"✓ Permission for hooks", "✓ Variable HOME"} <= set(shown)
    assert not [line for line in shown if re.match(r"[✓!✗] [a-z]+:", line)]
    main(["doctor", "--json"])
    names = [check["name"] for check in json.loads(capsys.readouterr().out)["checks"]]
    assert "claude:hooks" in names
    assert [name for name in names if label(name) == name] == []
    assert label("daemon:search") == "Part “search”"
    assert label("new:one") == "new:one"


def test_service_file(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The unit names this Python and keeps the PATH, odd characters quoted; it can be removed again."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", '/a b/%h:/c"d')
    assert main(["service", "install", "--no-start"]) == 0
    unit = service.unit_path()
    text = unit.read_text()
    assert f'ExecStart="{sys.executable}" "{CODE}/ctm_trio/__main__.py" "serve"' in text
    assert 'Environment="PATH=/a b/%%h:/c\\"d"' in text
    assert main(["service", "uninstall"]) == 0
    assert not unit.exists()


def test_it_runs_from_any_directory(home: Path) -> None:
    """The service's and the spawned daemon's words, and `scripts/ctm-trio` by a link, find the code from elsewhere."""
    (home / "errors.py").write_text("raise SystemExit('a file of the directory was imported')")
    (home / "ctm").symlink_to(CODE / "scripts" / "ctm-trio")
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHON": sys.executable}
    program, *words, _ = link.serve_command()
    for argv in ([program, *words, "version"], [str(home / "ctm"), "version"]):
        done = subprocess.run(argv, cwd=home, env=env, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"ctm-trio {__version__} ")


def test_auth(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A new password replaces the old in one step and keeps the name; reset forgets the user; nothing is said of it."""
    assert main(["auth", "passwd"]) == common.NOT_FOUND
    user = home / ".config" / "ctm" / "user.json"
    user.parent.mkdir(parents=True)
    user.write_text('{"username": "a@example.com"}')
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["auth", "passwd"]) == common.FAILED
    assert user.read_text() == '{"username": "a@example.com"}'
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    assert main(["auth", "passwd"]) == 0
    new = json.loads(user.read_text())
    assert (new["username"], new["algo"]) == ("a@example.com", "argon2id")
    assert stat.S_IMODE(user.stat().st_mode) == 0o600
    assert sorted(path.name for path in user.parent.iterdir()) == ["user.json"]
    assert main(["auth", "sessions", "--json"]) == 0
    assert main(["auth", "reset", "--yes"]) == 0
    assert not user.exists()
    out = capsys.readouterr()
    assert "correct horse" not in out.out + out.err


@pytest.mark.parametrize("removed", [True, False])
def test_a_user_who_changes_while_the_password_is_typed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], removed: bool
) -> None:
    """A reset, or another password, beside a `passwd` that still asks: the one that waited changes nothing."""
    user = home / ".config" / "ctm" / "user.json"
    user.parent.mkdir(parents=True)
    user.write_text('{"username": "a@example.com"}')

    def typed() -> str:
        user.unlink()
        if not removed:
            user.write_text('{"username": "other@example.com"}')
        return "correct horse"

    monkeypatch.setattr("ctm_trio.cli.auth.ask_password", typed)
    assert main(["auth", "passwd"]) == common.FAILED
    assert "in the meantime" in capsys.readouterr().err
    assert user.exists() is not removed
    assert removed or "other@example.com" in user.read_text()
    assert sorted(path.name for path in user.parent.iterdir()) == ([] if removed else ["user.json"])


def test_ctrl_c_is_clean(home: Path) -> None:
    """Interrupted while it follows: exit code 130 and no traceback."""
    logs = home / ".config" / "ctm" / "logs"
    logs.mkdir(parents=True)
    (logs / "x.jsonl").write_text('{"tool_name":"Bash","ctm_timestamp":"2026-01-01T00:00:00Z"}\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "ctm_trio", "logs", "-f"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CODE,
    )
    assert process.stdout is not None
    assert "Bash" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert said == "\n"


def test_ctrl_c_counts_though_the_logout_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """`watch` signed in itself, and the daemon has gone when it is interrupted: that is no error."""

    async def login(url: str, *credentials: str) -> str:
        return "token"

    async def logout(url: str, token: str) -> None:
        raise NoDaemon("No daemon answers.")

    async def interrupted(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ctm_trio.client.login", login)
    monkeypatch.setattr("ctm_trio.client.logout", logout)
    monkeypatch.setattr(watch, "_follow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trio.run(watch._watch, argparse.Namespace(url="", port=0, session=None), "http://x", "", ("a", "b"))


def test_another_tmux_server_is_not_taken_for_ours(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a pane of some other server we still mean the sessions' own; inside ours we are at home."""
    ours = home / f"tmux-{os.geteuid()}" / "default"
    for inside, socket, kept in (
        (ours, "", True),
        (home / "else", "", False),
        (ours.with_name("mine"), "mine", True),
        (home / "else", str(home / "else"), True),
        (ours, "mine", False),
    ):
        monkeypatch.setenv("TMUX", f"{inside},123,0")
        views.use_our_server(Settings(tmux_socket=socket))
        assert ("TMUX" in os.environ) is kept


def test_no_code_is_no_obstacle(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the sign-up code cannot be written, as on a full disk, `status` still does what it is for."""
    (home / ".config" / "ctm" / "signup-code").mkdir(parents=True)
    assert main(["status"]) == common.OK
    assert "signup-code cannot be read or written" in capsys.readouterr().out
