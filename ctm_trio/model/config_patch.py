"""A change of the settings while the daemon runs: what it may be, and the file with it.

Source: PROTOCOL.md, Configuration.
"""

from __future__ import annotations

from collections.abc import Mapping

from ctm_trio.errors.files import BrokenConfig
from ctm_trio.errors.settings import BadPatch
from ctm_trio.model.config_document import encode_document, parse_document, table_in
from ctm_trio.model.settings_rules import RULES, fault
from ctm_trio.model.webhook import url_fault

PATCHABLE = frozenset(
    {"webhook_url", "webhook_auth", "attention", "webhook_secret", "webhook_format", "webhook_events"}
)
"""Keys of `serve` that may be changed while the daemon runs; the last three are not the Go program's."""


def check_patch(body: object) -> Mapping[str, object]:
    """A `PATCH /api/config` body, checked as a whole: it is returned as it is, or refused.

    Raises:
        BadPatch: what is wrong; an unknown key is named in the code.

    Source: PROTOCOL.md, Configuration.
    """
    if not isinstance(body, dict):
        raise BadPatch("invalid_body", "The settings must be a JSON object.")
    for key, value in body.items():
        if key not in PATCHABLE:
            raise BadPatch(f"unknown key: {key}", f"There is no setting {key!r} that can be changed here.")
        if key == "webhook_url" and isinstance(value, str) and (wrong := url_fault(value)):
            raise BadPatch("invalid_webhook_url", wrong)
        if wrong := fault(f"serve.{key}", value):
            raise BadPatch("invalid_value", f"{wrong.removeprefix('serve.')}.")
        if key == "attention":
            _check_thresholds(value)
    return body


def _check_thresholds(table: Mapping[str, object]) -> None:
    for name in table:
        if f"serve.attention.{name}" not in RULES:
            raise BadPatch(f"unknown key: {name}", f"There is no threshold {name!r}.")
    for name, number in table.items():
        wrong = fault(f"serve.attention.{name}", number)
        if wrong or type(number) is not int:
            what = RULES[f"serve.attention.{name}"].what
            raise BadPatch("invalid_value", f"{name} must be {what}.")


def merge_patch(data: bytes, patch: Mapping[str, object]) -> bytes:
    """`config.json` with a checked patch laid over its `serve` block; all other keys stay as they are.

    Raises:
        BrokenConfig: `data` does not parse, or something else stands where a table belongs.
    """
    top = parse_document(data)
    serve = dict(table_in(top, "serve"))
    for key, value in patch.items():
        serve[key] = {**table_in(serve, key), **value} if isinstance(value, Mapping) else value
    try:
        return encode_document({**top, "serve": serve})
    except (RecursionError, ValueError, OverflowError) as error:
        raise BrokenConfig(f"config.json cannot be saved unchanged: {error}") from None
