"""Which images a session is given, and how they are known. Pure. Source: PROTOCOL.md, Prompts and keys."""

from __future__ import annotations

from collections.abc import Mapping

from ctm_trio.errors.images import InvalidImage

MAX_IMAGE_BYTES = 10 << 20
"""Of one image."""

EXTENSIONS: Mapping[str, str] = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
"""Media type of what is taken → extension of its file. These are the kinds that the client reads."""

HEAD_BYTES = 12
"""So many bytes of an image say what it is."""


def kind_of(head: bytes) -> str:
    """The media type of the image that begins with these bytes (`HEAD_BYTES` are enough), "" for anything else."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return ""


def check_image(content_type: str, head: bytes) -> str:
    """The extension for an image.

    Args:
        content_type: as the request says it; parameters behind the type do not count.
        head: the first `HEAD_BYTES` of the image, or all of a shorter one.

    Raises:
        InvalidImage: another kind, or the bytes are not of the kind that the header says.
    """
    said = content_type.partition(";")[0].strip().lower()
    if said not in EXTENSIONS:
        raise InvalidImage(f"Send an image with the Content-Type {', '.join(EXTENSIONS)}.")
    if kind_of(head) != said:
        raise InvalidImage(f"What was sent is not an image of the type {said}.")
    return EXTENSIONS[said]
