"""`config.json`, as far as the producers need it. Imported only by what reads it."""

from __future__ import annotations

from ctm_trio.producers.environment import config_dir
from ctm_trio.producers.log_file import is_regular
from ctm_trio.producers.payload import parse_object
from ctm_trio.producers.trouble import Trouble

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
    from typing import Any
else:
    import posix

CONFIG_MAX_BYTES = 4 << 20
"""A larger `config.json` is taken for a mistake and not read."""


def read_config() -> dict[str, Any]:
    """`config.json` with whole numbers as text; empty if it cannot be read."""
    try:
        fd = posix.open(config_dir() + "/config.json", posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
        try:
            if not is_regular(fd):
                return {}
            data = posix.read(fd, CONFIG_MAX_BYTES + 1)
            return parse_object(data.removeprefix(b"\xef\xbb\xbf")) if len(data) <= CONFIG_MAX_BYTES else {}
        finally:
            posix.close(fd)
    except (OSError, Trouble):
        return {}
