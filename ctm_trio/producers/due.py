"""Whether a log is due for rotation, by the settings. Imported by the hook only for a log of some size."""

from __future__ import annotations

from ctm_trio.producers.settings import read_config

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    from typing import Any

DEFAULT_MAX_MB = 50
"""`log_max_size_mb` when it is not set. Source: PROTOCOL.md, Configuration."""


def number(config: dict[str, Any], key: str, default: int) -> int:
    """A positive whole number of `config.json`, else its default (also for zero).

    Source: PROTOCOL.md, Configuration.
    """
    value = config.get(key)
    return int(value) if isinstance(value, str) and value.isdigit() and len(value) < 8 and int(value) else default


def rotate_if_due(path: str, size: int) -> None:
    """Hand the log to the rotation once it is past its size; only then is anything large imported for it."""
    config = read_config()
    limit = number(config, "log_max_size_mb", DEFAULT_MAX_MB) << 20
    if size > limit:
        from ctm_trio.producers.rotate import rotate

        rotate(
            path,
            max_bytes=limit,
            max_age_days=number(config, "log_max_age_days", 30),
            max_files=number(config, "log_max_files", 10),
        )
