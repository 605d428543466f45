"""Session views: what a client sees of a session, from everybody's snapshots. Source: PROTOCOL.md, Session views."""

from __future__ import annotations

from ctm_trio.model.quota import Usage
from ctm_trio.model.session import ZERO_TIME, Session, conversation_sessions
from ctm_trio.model.status import EXITED, GONE, status_fields
from ctm_trio.web.ends import WebEnds


def _tokens(usage: Usage) -> dict[str, int] | None:
    known = (usage.input_tokens, usage.output_tokens, usage.cache_tokens)
    if all(value is None for value in known):
        return None
    return {
        "input_tokens": usage.input_tokens or 0,
        "output_tokens": usage.output_tokens or 0,
        "cache_tokens": usage.cache_tokens or 0,
    }


def can_type(ends: WebEnds, record: Session) -> bool:
    """True if it can be typed into: its client runs in a pane of our tmux server.

    Of a recorded session without a client's own word tmux alone tells. Not while a shell has the pane: the client is
    suspended there, or has ended. Source: PROTOCOL.md, Status.
    """
    status = ends.status.latest.sessions.get(record.name)
    if status is not None and status.state in (EXITED, GONE):
        return False
    client = ends.clients.latest.clients.get(record.name)
    if client is None:
        return record.managed and record.name in ends.sessions.latest.alive
    return bool(client.pane and not client.fault) and not any(
        p.id == client.pane and p.at_shell for p in ends.sessions.latest.panes
    )


def _status(ends: WebEnds, name: str) -> dict[str, object]:
    status = ends.status.latest.sessions.get(name)
    warnings = ends.attention.latest.warnings.get(name, ())
    shown: dict[str, object] = {} if status is None else {"status": status_fields(status)}
    shown["blocked"] = status is not None and status.blocked
    shown["warnings"] = [{"state": w.state, "since": w.since, "details": w.details} for w in warnings]
    return shown


def session_view(ends: WebEnds, record: Session) -> dict[str, object]:
    """One session. What is unknown is left out."""
    name = record.name
    alive = name in ends.sessions.latest.alive
    view: dict[str, object] = {
        "name": name,
        "uuid": record.uuid,
        "mode": record.mode,
        "workdir": record.workdir,
        "created_at": record.created_at or ZERO_TIME,
    }
    if record.last_attached_at and record.last_attached_at != ZERO_TIME:
        view["last_attached_at"] = record.last_attached_at
    view["is_active"] = view["tmux_alive"] = alive
    view["managed"], view["can_type"] = record.managed, can_type(ends, record)
    view |= _status(ends, name)
    last_call = ends.counters.read().last_call_at.get(name)
    if last_call:
        view["last_tool_call_at"] = last_call
    usage = ends.quota.latest.sessions.get(name)
    if usage is not None:
        if usage.context_pct is not None:
            view["context_pct"] = usage.context_pct
        tokens = _tokens(usage)
        if tokens is not None:
            view["tokens"] = tokens
        if usage.cost_usd_micros is not None:
            view["cost_usd_micros"] = usage.cost_usd_micros
        if usage.model:
            view["model"] = usage.model
    attention = ends.attention.latest.sessions.get(name)
    if attention is not None:
        shown = {"state": attention.state, "since": attention.since}
        if attention.details:
            shown["details"] = attention.details
        view["attention"] = shown
    return view


def sessions_of_conversations(ends: WebEnds) -> dict[str, str]:
    """See `conversation_sessions`, as everything is now."""
    return conversation_sessions(ends.sessions.latest.records, ends.attribution.latest.sessions)
