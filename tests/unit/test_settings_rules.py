"""One set of rules for the settings: by hand, by PATCH, at the start, in the command line and in the hook."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ctm_trio.cli.common import CliError, load_config
from ctm_trio.errors.files import BrokenConfig
from ctm_trio.errors.settings import BadPatch
from ctm_trio.model.config import MAX_PROBLEMS, Settings, default_document, parse_settings, read_settings
from ctm_trio.model.config_patch import check_patch, merge_patch
from ctm_trio.model.paths import paths_under
from ctm_trio.model.settings_rules import RULES
from ctm_trio.producers import due, settings, statusline
from ctm_trio.system.settings_file import load_settings

ATTENTION = ("error_rate_pct", "error_rate_window", "idle_minutes", "quota_pct", "context_pct")


def of(keys: str, *values: object) -> list[tuple[str, object]]:
    """Each of these keys with each of these values."""
    return [(key, value) for key in keys.split() for value in values]


WRONG = [
    *of(" ".join(f"serve.attention.{name}" for name in ATTENTION), 1e20, -5, "ten", 2.5, 1441, True, [], {}),
    *of("serve.attention.error_rate_pct serve.attention.quota_pct serve.attention.context_pct", 101),
    *of("serve.attention", [1, 2], "x", 5),
    *of("serve", "not a table", [1], 5),
    *of("serve.requests", [1], "x", 5),
    *of("serve.requests.hold_seconds serve.requests.hold_agent_seconds", -1, 86_401, 0.5, "5", [5], True, 10**30),
    *of("serve.requests.hold_agent_seconds", 601),
    *of("serve.port", -1, 65536, 1.5, "37778", True, 10**40, [1]),
    *of("serve.statusline_dump_dir", 7, "~typo/x", "relative/x", "/a\0b", "/a\nb", [], "~"),
    *of("serve.webhook_url", {"a": 1}, 5, "no address", "ftp://x/", "http://x:99999/", "http://"),
    *of("serve.webhook_auth serve.webhook_secret serve.bearer_token", 5, "two\nlines", "x" * 5000, ["a"]),
    *of("serve.webhook_format", "morse", 1),
    *of("serve.webhook_events", "attention_raised", ["tool_call"], [["attention_raised"]]),
    *of("serve.tmux_socket", 5, "a/b", "~/x", "x\ny", "x" * 200, ".", "..", ["x"]),
    *of("log_max_size_mb log_max_age_days log_max_files scrollback_lines", -1, 1e20, 0.5, "5", [5], False, 10**30),
    *of("hook_timeout_seconds health_check_timeout_seconds", -1, 1e300, "5", [5], True),
    *of("required_env required_in_path", "PATH", 5, [5], {"PATH": 1}, ["a\0b"], [""], ["x"] * 300),
    *of("hooks", "x", ["x"]),
    *of("hooks.on_new", 5, "a\0b"),
    *of("default_mode", "reckless", 1),
    *of("git_checkpoint_before_yolo", 1, "yes"),
]


def document(key: str, value: object, **more: Any) -> dict[str, Any]:
    """A `config.json` with this key set, and another one that is right."""
    top: dict[str, Any] = {"log_max_files": 7, **more}
    *tables, last = key.split(".")
    table = top
    for name in tables:
        table = table.setdefault(name, {})
    table[last] = value
    return top


@pytest.mark.parametrize(("key", "value"), WRONG, ids=lambda value: str(value)[:24])
def test_a_wrong_value_is_named_and_only_it_has_its_default(key: str, value: object) -> None:
    """The message names the key and what is right; every other key is what the file says."""
    data = json.dumps(document(key, value)).encode()
    with pytest.raises(BrokenConfig) as caught:
        parse_settings(data)
    settings, problem = read_settings(data)
    assert problem == caught.value.message
    assert problem.startswith(f"config.json: {key} must be ")
    assert len(problem) < 400
    default = read_settings(json.dumps({"log_max_files": 7}).encode())[0]
    right = default if key != "log_max_files" else Settings()
    assert {**fields(settings), "document": ""} == {**fields(right), "document": ""}


def fields(settings: Settings) -> dict[str, object]:
    """Settings by name."""
    return {name: getattr(settings, name) for name in Settings.__slots__}


@pytest.mark.parametrize(
    "key", [key for key in RULES if key not in ("serve", "hooks", "serve.attention", "serve.requests")]
)
def test_null_zero_and_nothing_are_the_default(key: str) -> None:
    """`null` by hand is the default of every setting, and so is `0` of a number and an empty text."""
    default = fields(parse_settings(b"{}"))
    empty: list[object] = [None]
    if key.startswith("serve.requests."):
        pass  # there a zero means zero
    elif "whole number" in RULES[key].what or "seconds" in RULES[key].what:
        empty += [0, 0.0, -0.0]
    elif RULES[key].fits("x") or RULES[key].fits("/x") or RULES[key].fits("json") or RULES[key].fits("safe"):
        empty += [""]
    for value in empty:
        found = fields(parse_settings(json.dumps(document(key, value, log_max_files=None)).encode()))
        assert {**found, "document": ""} == {**default, "document": ""}


def test_zero_switches_holding_off() -> None:
    """Unlike elsewhere, `0` of `serve.requests` is no default."""
    found = parse_settings(b'{"serve": {"requests": {"hold_seconds": 0, "hold_agent_seconds": 0}}}')
    assert (found.hold_s, found.hold_agent_s) == (0, 0)
    found = parse_settings(b'{"serve": {"requests": {"hold_seconds": 86400, "hold_agent_seconds": 600}}}')
    assert (found.hold_s, found.hold_agent_s) == (86_400, 600)
    assert (Settings().hold_s, Settings().hold_agent_s) == (3600, 30)
    assert b"requests" not in default_document()


def test_secrets_are_not_shown() -> None:
    """A wrong secret is named by its key alone."""
    for key in ("webhook_auth", "webhook_secret", "bearer_token", "webhook_url"):
        _, problem = read_settings(json.dumps({"serve": {key: "s3cret\nvalue"}}).encode())
        assert key in problem
        assert "s3cret" not in problem


def test_many_wrong_values_are_counted() -> None:
    """Of very many wrong values some are named and the rest counted; long names and values are cut."""
    hooks = {f"{'x' * 1000}{i}": i + 1 for i in range(200)}
    _, problem = read_settings(json.dumps({"hooks": hooks, "default_mode": "y" * 100_000}).encode())
    assert f"and {201 - MAX_PROBLEMS} more" in problem
    assert len(problem) < 2000


@pytest.mark.parametrize(
    "data",
    [b'{"serve": {"attention": {"error_rate_window": NaN}}}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1e400}',
     b'{"a": 1' + b"0" * 5000 + b"}", b"[" * 100_000, b'{"a":' * 100_000, b'{"a": "\\ud800"}', b"\xff\xfe{\x00}\x00"],
    ids=lambda data: str(data[:12]),
)  # fmt: skip
def test_what_does_not_parse(data: bytes) -> None:
    """What is no JSON, or nests or counts without end, is broken as a whole, calmly."""
    with pytest.raises(BrokenConfig):
        read_settings(data)


def test_a_byte_order_mark_and_double_keys() -> None:
    """A byte order mark means nothing; of a key that is there twice the last counts."""
    settings = parse_settings(b'\xef\xbb\xbf{"log_max_files": 3, "log_max_files": 4}')
    assert settings.log_max_files == 4
    assert json.loads(merge_patch(b"\xef\xbb\xbf{}", {"webhook_url": ""})) == {"serve": {"webhook_url": ""}}


PATCHED = ("webhook_url", "webhook_auth", "webhook_secret", "webhook_format", "webhook_events", "attention")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (key.removeprefix("serve."), value)
        for key, value in WRONG
        if key.removeprefix("serve.").split(".")[0] in PATCHED
    ],
    ids=lambda value: str(value)[:24],
)
def test_patch_refuses_what_is_wrong_by_hand(key: str, value: object) -> None:
    """A value that is wrong by hand is refused by PATCH too."""
    body = {key: value} if "." not in key else {"attention": {key.partition(".")[2]: value}}
    with pytest.raises(BadPatch):
        check_patch(body)


def test_a_patch_over_a_wrong_value_is_refused(tmp_path: Path) -> None:
    """A patch that leaves another wrong value in the file is refused with its name; one that mends it is taken."""
    data = json.dumps({"serve": {"attention": {"quota_pct": 500}}}).encode()
    with pytest.raises(BrokenConfig, match="quota_pct"):
        parse_settings(merge_patch(data, {"attention": {"idle_minutes": 9}}))
    mended = parse_settings(merge_patch(data, {"attention": {"quota_pct": 50}}))
    assert mended.attention.quota_pct == 50


@pytest.mark.parametrize("kind", ["directory", "pipe", "large", "device"])
def test_a_config_that_is_no_file(tmp_path: Path, kind: str) -> None:
    """A directory, pipe, device or 100 MB in the file's place is reported at once, by the daemon and the CLI."""
    paths = paths_under(tmp_path)
    paths.root.mkdir(parents=True)
    if kind == "directory":
        paths.config.mkdir()
    elif kind == "pipe":
        os.mkfifo(paths.config)
    elif kind == "device":
        paths.config.symlink_to("/dev/zero")
    else:
        with paths.config.open("wb") as file:
            file.truncate(100 << 20)
    loaded = load_settings(paths.config)
    assert loaded.settings == Settings()
    assert str(paths.config) in loaded.problem
    with pytest.raises(CliError, match=str(paths.config)):
        load_config(paths)


def test_the_command_line_goes_on_with_the_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong value is said on stderr, and the command line uses the default there."""
    paths = paths_under(tmp_path)
    paths.root.mkdir(parents=True)
    paths.config.write_text('{"required_env": "PATH", "serve": {"port": 5}}')
    settings = load_config(paths)
    assert (settings.required_env, settings.port) == (("PATH", "HOME"), 5)
    assert "required_env must be" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "size"),
    [('{"log_max_size_mb": 5}', 5), ('\ufeff{"log_max_size_mb": 5}', 5), ('{"log_max_size_mb": 0}', 50),
     ('{"log_max_size_mb": -5}', 50), ('{"log_max_size_mb": 1e20}', 50), ('{"log_max_size_mb": [5]}', 50),
     ('{"log_max_size_mb": ' + "9" * 5000 + "}", 50), ("[" * 100_000, 50), ("{}", 50), ("", 50)],
    ids=lambda value: str(value)[:24],
)  # fmt: skip
def test_the_hook_takes_any_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    """Whatever `config.json` is, the hook has a size at which it rotates."""
    monkeypatch.setattr(settings, "config_dir", lambda: str(tmp_path))
    (tmp_path / "config.json").write_text(text)
    assert due.number(settings.read_config(), "log_max_size_mb", due.DEFAULT_MAX_MB) == size


@pytest.mark.parametrize("folder", ["~typo/x", "x/y", 7, None, {}])
def test_the_status_line_takes_any_dump_directory(monkeypatch: pytest.MonkeyPatch, folder: object) -> None:
    """Where the daemon uses the default directory, the status line does too."""
    monkeypatch.setattr(statusline, "read_config", lambda: {"serve": {"statusline_dump_dir": folder}})
    monkeypatch.setattr(statusline, "environ", lambda _: "")
    assert statusline.template(["--dump"]) == f"{statusline.DUMP_DIR}/{{uuid}}.json"
