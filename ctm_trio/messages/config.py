"""Between the config owner and those who change settings. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.core.channels import Reply
from ctm_trio.model.config import Settings


class ConfigSnapshot(msgspec.Struct, frozen=True):
    """The running settings. `problem` says why the file on disk is not them; `reloads` counts changes taken over."""

    settings: Settings = msgspec.field(default_factory=Settings)
    problem: str = ""
    reloads: int = 0


class PatchConfig(msgspec.Struct, frozen=True):
    """`PATCH /api/config`: a checked, partial document to merge into `config.json`. Answered once it is running."""

    patch: Mapping[str, object]
    reply: Reply[ConfigSnapshot]


class ReloadConfig(msgspec.Struct, frozen=True):
    """Read `config.json` again now (SIGHUP). No answer: the snapshot tells."""


ConfigMessage = PatchConfig | ReloadConfig
