"""Between the tailers, which see lines, and the owner that knows whose a log is. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.core.channels import Reply
from ctm_trio.model.log_parse import Clues
from ctm_trio.model.session import Session


class Sighting(msgspec.Struct, frozen=True):
    """What a line of a log says about whose it is. Answered when the journal has been told, so that order is kept.

    `uuid`: the log's Claude session id.
    """

    uuid: str
    clues: Clues
    reply: Reply[str] | None = None


class AttributionSnapshot(msgspec.Struct, frozen=True, eq=False):
    """uuid of every log seen or recorded → session name. Two are never equal: `records` counts by identity.

    `records`: of the sessions snapshot that this was decided on (the same object), so that a reader of both can tell
    whether they fit; None if nobody says. `forks`: the logs that began as a fork of another one.
    """

    sessions: Mapping[str, str] = msgspec.field(default_factory=dict)
    records: Mapping[str, Session] | None = None
    forks: frozenset[str] = frozenset()
