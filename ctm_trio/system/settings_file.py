"""`config.json` on disk: read it, make it when it is missing, change it without losing anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import trio

from ctm_trio.errors import BrokenConfig
from ctm_trio.model.config import Settings, default_document, merge_patch, parse_settings
from ctm_trio.system.files import Stamp, atomic_write, ensure_private_dir, stamp

MAX_BYTES = 4 * 1024 * 1024
"""A larger `config.json` is taken for a mistake and not read."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load_settings` found.

    Attributes:
        settings: what the file says; the defaults if it is broken.
        problem: why the file cannot be used, or "".
        stamp: the version of the file that was read.
    """

    settings: Settings
    problem: str
    stamp: Stamp


def load_settings(path: Path, *, create: bool = True) -> Loaded:
    """Read `config.json`; a missing one is created with the defaults if `create`. Blocks: call it in a thread.

    A file that does not parse, or cannot be read or made, is a `problem` and stays as it is. Source: contract A2.
    """
    seen = stamp(path)
    try:
        if create and not path.exists():
            ensure_private_dir(path.parent)
            atomic_write(path, default_document())
            seen = stamp(path)
        return Loaded(parse_settings(_read(path)), "", seen)
    except BrokenConfig as error:
        return Loaded(Settings(), error.message, seen)
    except OSError as error:
        return Loaded(Settings(), f"{path} cannot be used: {error.strerror or error}.", seen)


async def patch_settings(path: Path, patch: Mapping[str, object], *, fallback: str) -> Loaded:
    """Lay a checked patch over the file and replace it atomically. Ends with the new settings on disk.

    Args:
        path: `config.json`.
        patch: as `model.config.check_patch` let it through; nothing is written if it is empty.
        fallback: the document to start from if the file has gone.

    Raises:
        BrokenConfig: the file does not parse or cannot be replaced; it is as it was.
    """

    def change() -> Loaded:
        try:
            try:
                data = _read(path)
            except FileNotFoundError:
                ensure_private_dir(path.parent)
                data = fallback.encode()
            new = merge_patch(data, patch)
            settings = parse_settings(new)
            if patch:
                atomic_write(path, new)
            return Loaded(settings, "", stamp(path))
        except OSError as error:
            raise BrokenConfig(f"{path} cannot be changed: {error.strerror or error}.") from error

    return await trio.to_thread.run_sync(change)  # not abandoned on cancel: a replace is whole or not at all


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise BrokenConfig(f"config.json is larger than {MAX_BYTES >> 20} MiB.")
    return data
