"""Sub-agents and teams: what is known of an agent, and how it is told.

Facts come from `SubagentStart`/`SubagentStop`, from the `Agent` call that started it, and from its own calls; each may
be missing. Source: PROTOCOL.md, Sub-agents and teams.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ctm_trio.model.times import format_time

RECENT_S = 5.0
"""Without start and stop events: an agent runs while its last call is younger than this.
Source: PROTOCOL.md, Sub-agents and teams."""

TEAM_GAP_S = 2.0
"""Agents that start within so many seconds of the one before are a team. Source: PROTOCOL.md, Sub-agents and teams."""

MAX_SUBAGENTS = 500

FAILED, RUNNING, COMPLETED = "failed", "running", "completed"


class AgentFacts(msgspec.Struct):
    """All that is known of one sub-agent of one log. Times are unix seconds, 0 while unknown; ids order events.

    Attributes:
        calls, errors: number of its tool calls, and of those that failed.
        first_at, last_at: of its calls, by their times. last_call, newest_at: id and time of the newest in the log.
        start_at, stop_at, start, stop: of its SubagentStart and SubagentStop.
        launch_at: of the `Agent` call; launched_by: the agent that made it, None for the main thread or if not known.
        first_words: input of its first call. last_words: what it said at the end.
    """

    id: str
    type: str = ""
    description: str = ""
    first_words: str = ""
    last_words: str = ""
    calls: int = 0
    errors: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    newest_at: float = 0.0
    last_call: int = 0
    start_at: float = 0.0
    stop_at: float = 0.0
    start: int = 0
    stop: int = 0
    launch_at: float = 0.0
    launched_by: str | None = None


class Subagent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One sub-agent as the wire has it. The last three are known if the client reported its start or end."""

    id: str
    parent_id: str | None
    type: str
    description: str
    started_at: str
    tool_calls: int
    status: str
    stopped_at: str | msgspec.UnsetType = msgspec.UNSET
    duration_ms: int | msgspec.UnsetType = msgspec.UNSET
    errors: int | msgspec.UnsetType = msgspec.UNSET
    last_message: str | msgspec.UnsetType = msgspec.UNSET


class TeamMember(msgspec.Struct, frozen=True):
    """An agent in its team."""

    subagent_id: str
    description: str
    status: str


class Team(msgspec.Struct, frozen=True):
    """Agents that were sent off together."""

    id: str
    name: str
    dispatched_at: str
    status: str
    summary: str
    members: list[TeamMember]


def is_agent(facts: AgentFacts) -> bool:
    """False for the nameless stops that `/compact` causes. Source: PROTOCOL.md, Sub-agents and teams."""
    return bool(facts.calls or facts.start_at or facts.launch_at or facts.type)


def started_at(facts: AgentFacts) -> float:
    """When it started, in unix seconds: as reported, else its first sign of life."""
    if facts.start_at:
        return facts.start_at
    first, launch = facts.first_at, facts.launch_at
    return (min(first, launch) if first and launch else first or launch) or facts.stop_at


def told(facts: AgentFacts, now: float, ended: tuple[int, float] = (0, 0.0)) -> Subagent:
    """How an agent is shown.

    Args:
        now: unix seconds.
        ended: event id and time of the last end of its Claude session: no agent outlives that.
    """
    reported = bool(facts.start_at or facts.stop_at)
    if facts.start > facts.stop:
        at_work, end = facts.start > ended[0], ended[1]
    elif facts.stop and facts.last_call < facts.stop:
        at_work, end = False, facts.stop_at
    else:
        at_work, end = abs(now - facts.newest_at) < RECENT_S, facts.last_at or facts.launch_at
    end = max(end, facts.last_at)
    begin = started_at(facts)
    status = FAILED if facts.errors else RUNNING if at_work else COMPLETED
    return Subagent(
        id=facts.id,
        parent_id=facts.launched_by,
        type=facts.type,
        description=facts.description or facts.first_words,
        started_at=format_time(begin),
        tool_calls=facts.calls,
        status=status,
        stopped_at=msgspec.UNSET if at_work else format_time(end),
        duration_ms=max(0, round(((now if at_work else end) - begin) * 1000)) if reported else msgspec.UNSET,
        errors=facts.errors if reported else msgspec.UNSET,
        last_message=facts.last_words if reported and facts.last_words else msgspec.UNSET,
    )


def newest_first(agents: Iterable[AgentFacts], since: float | None = None) -> list[AgentFacts]:
    """The agents that started after `since` (unix seconds), newest first, at most `MAX_SUBAGENTS`."""
    found = [(started_at(a), a.id, a) for a in agents if is_agent(a)]
    found = [item for item in found if since is None or item[0] > since]
    found.sort(key=lambda item: item[:2], reverse=True)
    return [agent for _, _, agent in found[:MAX_SUBAGENTS]]


def teams_of(agents: Sequence[tuple[float, Subagent]]) -> list[Team]:
    """Teams, newest first.

    Args:
        agents: start in unix seconds, and the agent; newest first.
    """
    groups: list[list[tuple[float, Subagent]]] = []
    for item in reversed(agents):
        if groups and item[0] - groups[-1][-1][0] <= TEAM_GAP_S:
            groups[-1].append(item)
        else:
            groups.append([item])
    return [_team([agent for _, agent in group]) for group in reversed(groups)]


def _team(members: list[Subagent]) -> Team:
    first = members[0]
    states = [member.status for member in members]
    status = RUNNING if RUNNING in states else FAILED if FAILED in states else COMPLETED
    counts = ", ".join(f"{states.count(s)} {s}" for s in (RUNNING, FAILED, COMPLETED) if s in states)
    return Team(
        id=f"team-{first.id}",
        name=f"{first.type or 'agent'} · {len(members)} agents",
        dispatched_at=first.started_at,
        status=status,
        summary=counts,
        members=[TeamMember(m.id, m.description, m.status) for m in members],
    )
