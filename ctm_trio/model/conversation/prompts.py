"""Lines of type `user`: prompts, slash commands, what tools answered, interrupts, summaries of a compaction."""

from __future__ import annotations

from typing import Any

from ctm_trio.model.conversation.line import Line, object_of, text_in
from ctm_trio.model.conversation.notices import is_interrupt, is_report, notice, report_text
from ctm_trio.model.conversation.piece import COMMAND, COMPACTION, PROMPT, Image, Piece
from ctm_trio.model.conversation.results import denial, result_piece
from ctm_trio.model.conversation.tags import plain, within, without_paste_marks, without_reminders

_PRINTED = ("local-command-stdout", "local-command-stderr", "bash-stdout", "bash-stderr")


def user_pieces(line: Line) -> list[Piece]:
    """What a line of type `user` says. What the client adds by itself (`isMeta`) is nobody's word."""
    message = object_of(line.message)
    content = message.get("content")
    if isinstance(content, str):
        return _of_text(line, content)
    if isinstance(content, list):
        return _of_blocks(line, [block for block in content if isinstance(block, dict)])
    return []


def _of_text(line: Line, text: str) -> list[Piece]:
    if line.is_meta or line.turn_companion:
        return []
    if line.is_compact_summary:
        summary = without_reminders(text).strip()
        return [Piece(COMPACTION, f"line:{line.uuid}", summary)]
    return words_of_a_person(line, text, ())


def words_of_a_person(line: Line, text: str, images: tuple[Image, ...]) -> list[Piece]:
    """A text that was typed, or that stands where a typed one would: a prompt, a command, or a report."""
    same = f"line:{line.uuid}"
    if is_interrupt(text):
        return [notice(same, text.strip())]
    if line.prompt_source == "system" or is_report(text) or _is_report_by_origin(line):
        found = notice(same, report_text(text))
        found.opens_turn = True
        return [found]
    if command := command_pieces(same, text):
        return command
    words = without_paste_marks(without_reminders(text))
    if not words.strip() and not images:
        return []
    queued = line.prompt_source == "queued"
    return [Piece(PROMPT, same, words, images, queued=queued, opens_turn=True)]


def command_pieces(same: str, text: str) -> list[Piece]:
    """A slash command, a shell command, or what one printed; nothing if the text is none of these."""
    name = within(text, "command-name")
    if name is not None and text.lstrip().startswith("<command-"):
        given = (within(text, "command-args") or "").strip()
        return [Piece(COMMAND, same, f"{name.strip()} {given}".strip(), opens_turn=True)]
    typed = within(text, "bash-input") if text.lstrip().startswith("<bash-input>") else None
    if typed is not None:
        return [Piece(COMMAND, same, f"!{typed.strip()}", opens_turn=True)]
    if text.lstrip().startswith(tuple(f"<{tag}>" for tag in _PRINTED)):
        printed = plain("\n".join(part for tag in _PRINTED if (part := (within(text, tag) or "").strip())))
        # Without a word it is kept: whoever asks must see that the text was understood.
        return [Piece(COMMAND, same, printed, output=True)]
    return []


def _of_blocks(line: Line, blocks: list[dict[str, Any]]) -> list[Piece]:
    pieces: list[Piece] = []
    words: list[str] = []
    for block in blocks:
        kind = block.get("type")
        if kind == "tool_result":
            pieces.append(result_piece(line, block))
            pieces += denial(line, block)
        elif kind == "text":
            words.append(text_in(block, "text"))
    if line.is_meta or line.turn_companion:
        return pieces
    images = images_in(blocks)
    text = "\n".join(words)
    if line.is_compact_summary:
        return [*pieces, Piece(COMPACTION, f"line:{line.uuid}", without_reminders(text).strip())]
    if words or images:
        pieces += words_of_a_person(line, text, images)
    return pieces


def images_in(blocks: list[Any]) -> tuple[Image, ...]:
    """The images among the blocks of a message."""
    found = []
    for block in blocks:
        if not isinstance(block, dict) or block.get("type") != "image":
            continue
        source = block.get("source")
        if isinstance(source, dict) and (data := text_in(source, "data")):
            found.append(Image(text_in(source, "media_type"), data))
    return tuple(found)


def _is_report_by_origin(line: Line) -> bool:
    kind = text_in(object_of(line.origin), "kind")
    return kind not in ("", "human")
