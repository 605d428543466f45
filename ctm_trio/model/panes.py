"""What tmux says of its panes, and which of a session's is the client's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

CLIENT_MARK, OURS_MARK = "@ctm_client", "@ctm_ours"
"""Options of our own: on the pane that a session's client was started in, and on the session."""

UNNAMED = "1"
"""What the first of them says where the conversation is not known; older versions wrote nothing else."""

SHARED_FORMAT = "#{?pane_synchronized,#{?#{==:#{window_panes},1},0,1},0}"
"""1 where keys for a pane go to the panes beside it as well (`synchronize-panes`); a text that is pasted does not."""

PANE_FORMAT = (
    "#{session_name}:#{session_id} #{pane_id} #{pane_pid} #{?pane_dead,1,0} #{?pane_in_mode,1,0} #{?pane_input_off,1,0}"
    f" #{{?{CLIENT_MARK},#{{{CLIENT_MARK}}},0}} #{{?{OURS_MARK},1,0}} {SHARED_FORMAT} #{{pane_mode}}"
)
"""One pane a line, for `list-panes -F`. A session's name has no colon."""


class Pane(msgspec.Struct, frozen=True):
    """One pane.

    Attributes:
        session: the name of its session, in tmux's spelling; session_id: `$3`; id: `%5`.
        pid: of the program that was started in it.
        dead: that program has ended, and the pane was kept (`remain-on-exit`).
        in_mode: keys go to tmux's own mode, `mode` ("copy-mode", "view-mode", …), not to the program.
        input_off: keys go nowhere (`select-pane -d`).
        client: we started the session's client in it; conversation: uuid that it was started with, "" if not known.
        ours: we started the session.
        shared: keys for it go to other panes of its window as well (`synchronize-panes`).
        at_shell: a shell waits for a command there, so no client runs in front. tmux does not say it.
    """

    session: str
    session_id: str
    id: str
    pid: int
    dead: bool
    in_mode: bool
    input_off: bool
    client: bool
    ours: bool
    mode: str = ""
    shared: bool = False
    at_shell: bool = False
    conversation: str = ""


def parse_panes(lines: str) -> list[Pane]:
    """The panes in what `list-panes -F PANE_FORMAT` printed; a line that does not fit is left out."""
    found = []
    for line in lines.split("\n"):
        name, colon, rest = line.rpartition(":")
        words = rest.split(" ")
        if not colon or len(words) < 10 or not words[2].isdecimal():
            continue
        session_id, id_, pid, *flags = words
        dead, in_mode, input_off, _, ours, shared = (flag == "1" for flag in flags[:6])
        mark = flags[3]
        found.append(
            Pane(
                name, session_id, id_, int(pid), dead, in_mode, input_off, mark != "0", ours, flags[6], shared,
                conversation="" if mark in ("0", UNNAMED) else mark,
            )
        )  # fmt: skip
    return found


def living(panes: Iterable[Pane]) -> frozenset[str]:
    """The sessions that live: their client's pane does, or any pane if it is not known which one that is.

    A pane that `remain-on-exit` keeps after its program has ended does not.
    """
    marked: dict[str, bool] = {}
    others: dict[str, bool] = {}
    for pane in panes:
        table = marked if pane.client else others
        table[pane.session] = table.get(pane.session, False) or not pane.dead
    return frozenset(name for name, alive in {**others, **marked}.items() if alive)


def client_pane(panes: Iterable[Pane], clients: Mapping[int, int] | None = None) -> Pane | None:
    """The pane of one session that its client runs in.

    Args:
        panes: of that session.
        clients: program of a pane → the client that is it or that it has started, as far as that is known.

    Returns:
        The pane of a client that is known, else the one that we started it in, else the oldest; None if there is none,
        or if we started the session and its client's pane is gone: what stands there is something else.
    """
    mine = sorted(panes, key=lambda pane: int(pane.id[1:]))
    for pane in mine:
        if clients and pane.pid in clients and not pane.dead:
            return pane
    marked = [pane for pane in mine if pane.client]
    if marked:
        return next((pane for pane in marked if not pane.dead), marked[0])
    return mine[0] if mine and not mine[0].ours else None


def same_program(one: Pane, other: Pane) -> bool:
    """Whether it is the same pane, with the same program in it."""
    return (one.id, one.pid) == (other.id, other.pid)
