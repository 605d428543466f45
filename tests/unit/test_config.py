"""Settings: what a `config.json` means, and what a patch may change."""

from __future__ import annotations

import json

import pytest

from ctm_trio.errors.files import BrokenConfig
from ctm_trio.errors.settings import BadPatch
from ctm_trio.model.config import Settings, default_document, parse_settings
from ctm_trio.model.config_fault import UnparsableConfig
from ctm_trio.model.config_patch import check_patch, merge_patch


def test_defaults_are_what_an_empty_file_means() -> None:
    """The created file, an empty object, zeros and nulls all mean the defaults."""
    bare = Settings(document="")
    zeros = b'{"serve": {"port": 0, "attention": {"idle_minutes": 0}}, "scrollback_lines": null}'
    for data in (default_document(), b"{}", zeros):
        found = parse_settings(data)
        assert (found.port, found.attention, found.scrollback_lines) == (
            bare.port,
            bare.attention,
            bare.scrollback_lines,
        )
        assert (found.required_env, found.default_mode, found.hook_timeout_s) == (("PATH", "HOME"), "safe", 5.0)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b'"x"', b"\xff", b'{"serve": 5}', b'{"serve": {"port": "1"}}', b'{"serve": {"port": true}}',
     b'{"serve": {"port": 70000}}', b'{"serve": {"port": 1.5}}', b'{"required_env": "PATH"}', b"[" * 100_000,
     b'{"serve": {"attention": {"quota_pct": "9"}}}', b'{"git_checkpoint_before_yolo": 1}', b'{"hooks": {"a": 1}}'],
)  # fmt: skip
def test_broken(data: bytes) -> None:
    """A file that is no object, or has a known key of the wrong type, is broken as a whole."""
    with pytest.raises(BrokenConfig):
        parse_settings(data)


def test_secrets_are_not_in_the_repr() -> None:
    """Settings may be printed: no token, authorization or document shows."""
    text = repr(
        parse_settings(
            b'{"serve": {"webhook_auth": "s3cret", "bearer_token": "s3cret", "webhook_url": "http://s3cret"}}'
        )
    )
    assert "s3cret" not in text


@pytest.mark.parametrize(
    ("body", "code"),
    [([], "invalid_body"), ({"x": 1}, "unknown key: x"), ({"attention": {"idle": 5}}, "unknown key: idle"),
     ({"attention": []}, "invalid_value"), ({"attention": {"quota_pct": 101}}, "invalid_value"),
     ({"attention": {"quota_pct": 0}}, "invalid_value"), ({"attention": {"quota_pct": True}}, "invalid_value"),
     ({"attention": {"idle_minutes": 1441}}, "invalid_value"), ({"attention": {"idle_minutes": 5.0}}, "invalid_value"),
     ({"webhook_url": 5}, "invalid_value"), ({"webhook_auth": "a\r\nX: y"}, "invalid_value"),
     ({"webhook_secret": "a\nb"}, "invalid_value"), ({"webhook_format": "morse"}, "invalid_value"),
     ({"webhook_events": "attention_raised"}, "invalid_value"), ({"webhook_events": ["tool_call"]}, "invalid_value")],
)  # fmt: skip
def test_refused_patches(body: object, code: str) -> None:
    """A patch with anything wrong in it is refused as a whole, and an unknown key is named."""
    with pytest.raises(BadPatch) as caught:
        check_patch(body)
    assert caught.value.code == code


def test_the_webhook_s_own_settings_can_be_patched() -> None:
    """Format, events and secret go through, and are read back from the file that results."""
    patch = {
        "webhook_format": "ntfy",
        "webhook_events": ["attention_raised", "attention_cleared"],
        "webhook_secret": "k",
    }
    settings = parse_settings(merge_patch(b"{}", check_patch(patch)))
    assert (settings.webhook_format, settings.webhook_secret) == ("ntfy", "k")
    assert settings.webhook_events == ("attention_raised", "attention_cleared")


def test_merge_keeps_what_it_does_not_know() -> None:
    """A patch touches its own keys alone; unknown keys and the other thresholds stay."""
    before = {
        "future": {"a": [1, None]},
        "serve": {"later": "yes", "webhook_url": "u", "attention": {"idle_minutes": 7}},
    }
    after = json.loads(merge_patch(json.dumps(before).encode(), {"attention": {"quota_pct": 51}}))
    serve = {"later": "yes", "webhook_url": "u", "attention": {"idle_minutes": 7, "quota_pct": 51}}
    assert after == {"future": {"a": [1, None]}, "serve": serve}


@pytest.mark.parametrize(
    ("data", "why"),
    [(b'{\n"a": 1,\n}', "line 2: trailing comma in object"), (b'{\n"a": 1\n"b": 2}', "line 3: expected ',' or '}'"),
     (b'{\n"a": {\n\n', "line 2: the file ends too early"), (b"", "line 1: the file ends too early"),
     (b'\xef\xbb\xbf{\n"a" 1}', "line 2: expected ':'"), (b'{\n"a":\n"\xff"}', "line 3: these bytes are not UTF-8"),
     (b"[" * 100_000, "line 1: nested too deeply"), (b"[]", "line 1: the file must be a JSON object")],
)  # fmt: skip
def test_where_the_file_does_not_parse(data: bytes, why: str) -> None:
    """The line is named, and what is wrong there; of a comma too many it is the comma's own line."""
    with pytest.raises(UnparsableConfig) as caught:
        parse_settings(data)
    assert (caught.value.why, caught.value.message) == (why, f"config.json, {why}.")
