"""How far a transcript is read, and what a step has found."""

from __future__ import annotations

import msgspec

from ctm_trio.model.conversation.piece import Piece


class FileState(msgspec.Struct):
    """How far a file is read; a row of `files`.

    Attributes:
        conversation, agent: row ids, 0 for not known yet and for the main thread.
        agent_id: what `agent` stands for.
        position: bytes that are read. tail: what stood before it, see `tail_of`.
        at: ms of the newest line. turn: how many turns began.
    """

    id: int
    path: str
    conversation: int
    agent: int
    agent_id: str = ""
    device: int = 0
    inode: int = 0
    position: int = 0
    tail: bytes = b""
    at: int = 0
    turn: int = 0


class Found(msgspec.Struct):
    """A piece, and where it stands: the line's first byte and length, its time in ms, the number of its turn.

    `copied`: the line is a copy of one of another conversation.
    """

    piece: Piece
    start: int
    length: int
    ms: int
    turn: int
    copied: bool = False


class Fresh(msgspec.Struct):
    """A piece that is new, for those who follow.

    Attributes:
        uuid: of the conversation. agent_id: "" for the main thread.
        ms: its time, unix. turn: number of its turn.
    """

    uuid: str
    agent_id: str
    piece: Piece
    ms: int
    turn: int


class Step(msgspec.Struct):
    """What a step has done.

    Attributes:
        read: files that are read to their end. missing: those that are not there any more.
        unread: those that cannot be read, and why.
        again: those that stand at their beginning since, perhaps also read meanwhile: they may have what others lost.
        fresh: what is new in files that are followed live. used: conversations that used tokens.
        bytes: how many were read. unknown: lines of a kind that nobody knows. long: lines left out for their length.
    """

    read: list[str] = msgspec.field(default_factory=list)
    missing: list[str] = msgspec.field(default_factory=list)
    unread: dict[str, str] = msgspec.field(default_factory=dict)
    again: list[str] = msgspec.field(default_factory=list)
    fresh: list[Fresh] = msgspec.field(default_factory=list)
    used: set[str] = msgspec.field(default_factory=set)
    bytes: int = 0
    unknown: int = 0
    long: int = 0

    def add(self, other: Step) -> None:
        """Another step, behind this one, counts as part of it."""
        self.read += other.read
        self.missing += other.missing
        self.unread |= other.unread
        self.again += other.again
        self.fresh += other.fresh
        self.used |= other.used
        self.bytes += other.bytes
        self.unknown += other.unknown
        self.long += other.long
