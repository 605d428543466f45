"""`config.json` on disk: read it, make it when it is missing, change it without losing anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import trio

from ctm_trio.errors.files import BrokenConfig
from ctm_trio.model.config import Settings, default_document, parse_settings, read_settings
from ctm_trio.model.config_document import MAX_CONFIG_BYTES
from ctm_trio.model.config_fault import KEEPS_LAST, UnparsableConfig
from ctm_trio.model.config_patch import merge_patch
from ctm_trio.system.files import UNREAD, Stamp, atomic_write, ensure_private_dir, read_regular, stamp
from ctm_trio.system.owned import file_fault
from ctm_trio.system.regular import cannot_be_read


class Loaded(msgspec.Struct, frozen=True):
    """What `load_settings` found.

    Attributes:
        settings: what the file says; a wrong value is its default, and all are if the file does not parse.
        problem: what is wrong, or "".
        stamp: the version of the file that was read.
    """

    settings: Settings
    problem: str
    stamp: Stamp


def load_settings(path: Path, *, create: bool = True) -> Loaded:
    """Read `config.json`; a missing one is created with the defaults if `create`. Blocks: call it in a thread.

    A file that does not parse, has a wrong value, or cannot be read or made, is a `problem` and stays as it is. So is
    one that another user has made or may change: it could send the alerts to them.
    Source: PROTOCOL.md, Configuration; Files and directories.
    """
    seen = stamp(path)
    try:
        if create and not path.exists():
            ensure_private_dir(path.parent)
            atomic_write(path, default_document())
            seen = stamp(path)
        if fault := file_fault(path):
            return Loaded(Settings(), f"{path} is ignored: {fault}.", UNREAD)
        return Loaded(*read_settings(read_regular(path, max_bytes=MAX_CONFIG_BYTES)), seen)
    except UnparsableConfig as error:
        return Loaded(Settings(), error.at(path).message, seen)
    except BrokenConfig as error:
        return Loaded(Settings(), error.message, seen)
    except OSError as error:
        stamped = seen if seen == Stamp() else UNREAD
        return Loaded(Settings(), cannot_be_read(path, error, "used"), stamped)


async def patch_settings(path: Path, patch: Mapping[str, object], *, fallback: str) -> Loaded:
    """Lay a checked patch over the file and replace it atomically. Ends with the new settings on disk.

    Args:
        path: `config.json`.
        patch: as `model.config_patch.check_patch` let it through; nothing is written if it is empty.
        fallback: the document to start from if the file has gone.

    Raises:
        BrokenConfig: the file does not parse, has another wrong value, or cannot be replaced; it is as it was.
    """

    def change() -> Loaded:
        try:
            if fault := file_fault(path):
                raise BrokenConfig(f"{path} is ignored and was not changed: {fault}.")
            try:
                data = read_regular(path, max_bytes=MAX_CONFIG_BYTES)
            except FileNotFoundError:
                ensure_private_dir(path.parent)
                data = fallback.encode()
            try:
                new = merge_patch(data, patch)
                settings = parse_settings(new)
            except UnparsableConfig as error:
                raise BrokenConfig(f"{error.at(path).message} {KEEPS_LAST}") from None
            except BrokenConfig as error:
                raise BrokenConfig(f"{error.message} {KEEPS_LAST}") from None
            if patch:
                atomic_write(path, new)
            return Loaded(settings, "", stamp(path))
        except OSError as error:
            raise BrokenConfig(f"{path} cannot be changed: {error.strerror or error}.") from error

    return await trio.to_thread.run_sync(change)  # not abandoned on cancel: a replace is whole or not at all
