"""Between the requests owner and those who ask it. Everything in here is frozen."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctm_trio.core.channels import Reply
from ctm_trio.model.answer import Given
from ctm_trio.model.request_record import Request
from ctm_trio.model.status import OpenRequest


class RequestsSnapshot(msgspec.Struct, frozen=True):
    """What is open.

    Attributes:
        by_session: session name → its open requests as a status needs them, oldest first.
        closed_at: session name → when its last request left "open", in unix seconds.
        open: all open requests, oldest first.
    """

    by_session: Mapping[str, tuple[OpenRequest, ...]] = msgspec.field(default_factory=dict)
    closed_at: Mapping[str, float] = msgspec.field(default_factory=dict)
    open: tuple[Request, ...] = ()


class GetRequest(msgspec.Struct, frozen=True):
    """A request by its id, open or not. Fails with RequestNotFound."""

    id: str
    reply: Reply[Request]


class ListRequests(msgspec.Struct, frozen=True):
    """The newest `limit` requests, open or not, oldest first; of one session or of all ("")."""

    session: str
    limit: int
    reply: Reply[tuple[Request, ...]]


class AnswerRequest(msgspec.Struct, frozen=True):
    """Answer a request; the reply is the request as it is then.

    Args:
        id: of the request. given: the answer. key: the client's idempotency key.
        where: one of `model.request_record.WHERES`. by: the name of the device, "" if it has none.

    Fails with RequestNotFound, RequestClosed, NotAnswerable, NotTaken, or what `model.answer.decision_of` raises.
    """

    id: str
    given: Given
    key: str
    where: str
    by: str
    reply: Reply[Request]


class NotePresence(msgspec.Struct, frozen=True):
    """A page says whether a person sees it; believed for a minute. No answer.

    `page`: a device and its page.
    """

    page: str
    visible: bool


class NoteKeys(msgspec.Struct, frozen=True):
    """Somebody sends keys to a session through us: a dialog that closes meanwhile was not answered at the terminal.

    No answer. `within_s`: so long from now on; 0.0 if none were pressed after all.
    """

    session: str
    within_s: float


RequestsMessage = GetRequest | ListRequests | AnswerRequest | NotePresence | NoteKeys
