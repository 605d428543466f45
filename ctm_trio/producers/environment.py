"""What the environment says: variables, and where our directory is."""

from __future__ import annotations

import sys

from ctm_trio.producers.trouble import Trouble

TYPE_CHECKING = False  # as in `hook`
if TYPE_CHECKING:
    import os as posix
    from typing import Any
else:
    import posix


def environ(name: str) -> str:
    """An environment variable as text, "" if it is not set."""
    table: Any = posix.environ  # bytes to bytes in `posix`, unlike in `os`
    value: bytes = table.get(name.encode(), b"")
    return value.decode("utf-8", "replace")


def environ_path(name: str) -> str:
    """An environment variable as a path that the system takes back byte for byte, "" if it is not set."""
    table: Any = posix.environ
    value: bytes = table.get(name.encode(), b"")
    return value.decode(sys.getfilesystemencoding(), "surrogateescape")


def config_dir() -> str:
    """`~/.config/ctm`, or Trouble if there is no home directory."""
    home = environ_path("HOME")
    if not home:
        import pwd

        try:
            home = pwd.getpwuid(posix.getuid()).pw_dir
        except KeyError:
            raise Trouble("HOME is not set") from None
    return home + "/.config/ctm"
