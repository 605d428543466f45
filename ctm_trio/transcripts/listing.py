"""All conversations on the machine, newest first, and what they used. Blocks."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from ctm_trio.errors.conversations import UnknownConversation
from ctm_trio.model.conversation.asked import Conversation, Usage, WantedList
from ctm_trio.model.conversation.piece import Tokens
from ctm_trio.model.times import format_time
from ctm_trio.transcripts.lookup import TooMany, find_entries
from ctm_trio.transcripts.pieces import Reader
from ctm_trio.transcripts.schema import role_tag
from ctm_trio.transcripts.spending import FORKS, OWN

COLUMNS = (
    "uuid, title, cwd, started, ended, prompts, input, output, cache_creation, cache_read,"
    " EXISTS (SELECT 1 FROM files f WHERE f.conversation = conversations.id AND f.agent = 0)"
)
DAY_S = 86_400


def read_list(
    wanted: WantedList, db: sqlite3.Connection, going_on: Callable[[], object] = lambda: None
) -> tuple[list[Conversation], bool]:
    """The conversations, newest first, and whether there are more. Without `session` and `cost`.

    Args:
        going_on: called now and then while prompts are searched; what it raises ends it.

    Raises:
        UnknownConversation: `before` is none.
    """
    conditions, values = ["ended > 0"], dict[str, object](limit=wanted.limit + 1)
    if wanted.before:
        of_it = db.execute("SELECT ended, id FROM conversations WHERE uuid = ? AND ended > 0", (wanted.before,))
        last = of_it.fetchone()
        if last is None:
            raise UnknownConversation
        conditions.append("(ended, id) < (:ended, :id)")
        values |= {"ended": last[0], "id": last[1]}
    if wanted.project:
        conditions.append("(cwd = :project OR substr(cwd, -length(:project) - 1) = '/' || :project)")
        values["project"] = wanted.project
    if wanted.q:
        prompted: set[int] = set()
        prompts = (role_tag("prompt"),)
        with Reader(db) as reader, suppress(TooMany):  # then those that were found are the newest
            for row, _ in find_entries(reader, wanted.q, tags=prompts, besides=prompted, going_on=going_on):
                prompted.add(row.conversation)
        db.create_function("folded", 1, str.lower, deterministic=True)  # SQLite's own `lower` knows ASCII alone
        conditions.append("(instr(folded(title), :q) OR id IN (SELECT value FROM json_each(:found)))")
        values |= {"q": wanted.q.lower(), "found": json.dumps(sorted(prompted))}
    where = " AND ".join(conditions)
    query = f"SELECT {COLUMNS} FROM conversations WHERE {where} ORDER BY ended DESC, id DESC LIMIT :limit"
    rows = [_conversation(row) for row in db.execute(query, values)]
    return rows[: wanted.limit], len(rows) > wanted.limit


def read_one(uuid: str, db: sqlite3.Connection) -> Conversation:
    """One conversation.

    Raises:
        UnknownConversation: there is none with this id.
    """
    row = db.execute(f"SELECT {COLUMNS} FROM conversations WHERE uuid = ? AND ended > 0", (uuid,)).fetchone()
    if row is None:
        raise UnknownConversation
    return _conversation(row)


def read_usage(uuids: Sequence[str], forks: Collection[str], db: sqlite3.Connection) -> list[Usage]:
    """What conversations used, by agent, model and day. A message that another one has too counts for one of them.

    Args:
        forks: conversations that are known to have begun as a fork.
    """
    query = (
        f"{FORKS} SELECT a.name, n.name, m.day, sum(m.input), sum(m.output), sum(m.cache_creation), sum(m.cache_read)"
        " FROM messages m LEFT JOIN names a ON a.id = m.agent JOIN names n ON n.id = m.model WHERE m.conversation IN"
        " (SELECT id FROM conversations WHERE uuid IN (SELECT value FROM json_each(:uuids)))"
        f" AND {OWN} GROUP BY m.agent, m.model, m.day ORDER BY m.day, m.agent, m.model"
    )
    values = {"uuids": json.dumps(list(uuids)), "forks": json.dumps(list(forks))}
    return [
        Usage(agent or "", model, format_time(day * DAY_S)[:10], Tokens(*counts))
        for agent, model, day, *counts in db.execute(query, values)
    ]


def _conversation(row: tuple[str, str, str, int, int, int, int, int, int, int, int]) -> Conversation:
    uuid, title, cwd, started, ended, prompts, *counts, there = row
    why_not = ""
    if not there:
        why_not = "no_transcript"
    elif not prompts:
        why_not = "no_prompts"
    elif not os.path.isdir(cwd):
        why_not = "no_directory"
    return Conversation(
        uuid=uuid,
        title=title,
        project=os.path.basename(cwd.rstrip("/")),
        cwd=cwd,
        started_at=format_time(started / 1000),
        ended_at=format_time(ended / 1000),
        prompts=prompts,
        tokens=Tokens(*counts),
        resumable=not why_not,
        why_not=why_not,
    )
