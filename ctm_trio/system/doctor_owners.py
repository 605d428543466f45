"""The doctor's look at whose our files are. Blocking, like all of the doctor.

Source: PROTOCOL.md, Files and directories.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ctm_trio.model.config import Settings
from ctm_trio.model.doctor import ERR, OK, WARN, Check
from ctm_trio.model.log_names import parse_log_name
from ctm_trio.model.paths import Paths
from ctm_trio.system.dumps import DEFAULT_DIRECTORY, directory_fault
from ctm_trio.system.owned import WORLD, believed_owners, file_fault, is_open_to_group

MAX_NAMES = 20_000
"""Of a log directory no more entries are looked at."""


def owner_checks(paths: Paths, settings: Settings) -> list[Check]:
    """Are our files, logs and dumps ours, and closed to others?"""
    return [_files(paths), *_logs(paths), _dumps(settings)]


def _files(paths: Paths) -> Check:
    name = "files:owner"
    if fault := _directory_fault(paths.root):
        return Check(
            name, ERR, f"{paths.root}: {fault}.", "Correct its owner and mode: others must not be able to change it."
        )
    for above in (paths.root.parent, paths.root.parent.parent):
        if fault := _parent_fault(above):
            text = f"{above}: {fault}, and may put other files in the place of {paths.root}."
            return Check(name, ERR, text, f"`chmod o-w {above}`, or correct its owner.")
    run = (paths.env_sh, paths.overlay, paths.tmux_conf)
    kept = (paths.sessions, paths.config, paths.user, paths.tokens, paths.allowed_origins)
    for path in (*run, *kept):
        if fault := file_fault(path):
            use = "so no session is started with it" if path in run else "so do not trust what it says"
            return Check(
                name, ERR, f"{path.name}: {fault}, {use}.", f"Look at {path}, then `chown` and `chmod 600` it."
            )
    for path in (*run, *kept):
        if is_open_to_group(path):
            return Check(
                name, WARN, f"{path.name}: a group may write to it.", f"`chmod g-w {path}`, unless you are alone in it."
            )
    return Check(name, OK)


def _directory_fault(path: Path) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return ""
    if status.st_uid not in (os.geteuid(), 0):
        return f"it belongs to another user (uid {status.st_uid})"
    return "others may write to it" if status.st_mode & 0o022 else ""


def _parent_fault(path: Path) -> str:
    """What lets others exchange what is in a directory. A group is not looked at here: mostly it is one's own."""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    if status.st_uid not in (os.geteuid(), 0):
        return f"another user (uid {status.st_uid}) owns it"
    return "everybody may write to it" if status.st_mode & WORLD and not status.st_mode & stat.S_ISVTX else ""


def _logs(paths: Paths) -> Iterator[Check]:
    """Logs of other users and links are not read; somebody should know."""
    for directory in (paths.logs, paths.hook_events):
        owners, odd, first = believed_owners(directory), 0, ""
        try:
            with os.scandir(directory) as entries:
                for _, entry in zip(range(MAX_NAMES), entries, strict=False):
                    if parse_log_name(entry.name) is None:
                        continue
                    if entry.is_symlink() or entry.stat(follow_symlinks=False).st_uid not in owners:
                        odd, first = odd + 1, first or entry.name
        except OSError:
            pass  # another check says what is the matter with it
        if odd:
            text = f"{odd} of the files are links or belong to another user and are not read, {first} for one."
            yield Check(f"{directory.name}:owner", WARN, text, f"`chown` those in {directory} that are yours.")


def _dumps(settings: Settings) -> Check:
    chosen = settings.statusline_dump_dir
    directory = Path(os.path.expanduser(chosen)) if chosen else DEFAULT_DIRECTORY
    if fault := directory_fault(directory):
        text = f"{directory}: {fault}. Its files are ignored, so quota, context and cost are unknown."
        return Check(
            "statusline:dumps", ERR, text, "Correct this, or set serve.statusline_dump_dir to a directory of yours."
        )
    return Check("statusline:dumps", OK, str(directory))
