"""Lines of type `attachment`: of these only prompts that were typed while the session was busy are said by anybody."""

from __future__ import annotations

from ctm_trio.model.conversation.line import Line, object_of, text_in
from ctm_trio.model.conversation.notices import is_report, notice, report_text
from ctm_trio.model.conversation.piece import PROMPT, Piece
from ctm_trio.model.conversation.prompts import command_pieces, images_in
from ctm_trio.model.conversation.tags import without_paste_marks, without_reminders

_MARK = b"queued_command"


def attachment_pieces(line: Line) -> list[Piece]:
    """A queued prompt that the running turn has taken up. It stands nowhere else."""
    if _MARK not in bytes(line.attachment):  # most of a transcript's bytes are attachments of other kinds
        return []
    attachment = object_of(line.attachment)
    if attachment.get("type") != "queued_command":
        return []
    prompt = attachment.get("prompt")
    blocks = prompt if isinstance(prompt, list) else []
    words = [text_in(block, "text") for block in blocks if isinstance(block, dict) and block.get("type") == "text"]
    text = prompt if isinstance(prompt, str) else "\n".join(words)
    origin = attachment.get("origin")
    kind = text_in(origin, "kind") if isinstance(origin, dict) else ""
    same = f"line:{line.uuid}"
    if kind not in ("", "human") or attachment.get("commandMode") == "task-notification" or is_report(text):
        return [notice(same, report_text(text))]
    if command := command_pieces(same, text):
        return command
    text = without_paste_marks(without_reminders(text))
    images = images_in(blocks)
    return [Piece(PROMPT, same, text, images, queued=True)] if text.strip() or images else []
