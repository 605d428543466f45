"""Work on a repository's files, off the event loop and with git's kind of error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

from ctm_trio.errors.git import GitFailed
from ctm_trio.model.git_reason import git_reason
from ctm_trio.model.sound import name_shown

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Do it in a thread. Once begun it is waited for, also by whoever is cancelled: half of it must not go unseen.

    Raises:
        GitFailed: the file system failed; the message says why, and at which file.
    """
    try:
        return await trio.to_thread.run_sync(work)
    except OSError as error:
        name = name_shown(error.filename) if isinstance(error.filename, bytes | str) else ""
        text = f"The repository's files cannot be changed: {error.strerror or error} ({name})."
        raise GitFailed(git_reason(text, 1)) from error
