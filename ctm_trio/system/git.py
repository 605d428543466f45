"""git, from outside, in repositories that we do not trust: reading one runs nothing that its config or hooks name.

Changes (stash, reset, a checkpoint commit) do run the content filters of a repository, as git would: git-crypt or
LFS without its filter would write plain secrets, or pointers, into a commit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import trio

from ctm_trio.errors import CheckpointNotListed, DirtyWorkdir, GitFailed, RevertFailed
from ctm_trio.model.checkpoint import LOG_FORMAT, PREFIX, Checkpoints, Reverted, parse_log
from ctm_trio.system.process import Done, TooSlow, run

LIMIT_S = 10.0
DIFF_LIMIT_S = 5.0
"""Time limits of a command. Source: contract A9."""

MAX_DIFF_BYTES = 4 * 1024 * 1024
"""A longer diff is cut, and its last line says so."""

MAX_OUTPUT_BYTES = 4 * 1024 * 1024
MAX_DIRTY_FILES = 1000
"""Paths that a refused revert names."""

_SAFE = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.pager=cat", "core.editor=true", "core.askPass=true",
    "core.sshCommand=false", "core.quotePath=false", "log.showSignature=false", "commit.gpgSign=false",
    "submodule.recurse=false", "protocol.allow=never", "gc.auto=0", "maintenance.auto=false", "color.ui=false",
    "diff.noprefix=false", "diff.mnemonicPrefix=false", "i18n.logOutputEncoding=UTF-8",
)  # fmt: skip

_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH", "GIT_SSL_CAINFO",
         "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")  # fmt: skip

_NO_REPOSITORY = ("not a git repository", "must be run in a work tree")
_NO_COMMITS = ("does not have any commits yet", "bad default revision")
_NO_IDENTITY = ("tell me who you are", "empty ident", "unable to auto-detect email", "no email was given")
_OUR_IDENTITY = ("-c", "user.name=ctm", "-c", "user.email=ctm@localhost")


def _environment() -> Mapping[str, str]:
    """Ours, without what would send git to another repository, and unable to ask, to page or to fetch."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in _KEPT}
    env.update(
        LC_ALL="C", GIT_TERMINAL_PROMPT="0", GIT_PAGER="cat", GIT_EDITOR="true", GIT_ASKPASS="true", SSH_ASKPASS="true",
        GIT_ALLOW_PROTOCOL="none", GIT_NO_LAZY_FETCH="1",
    )  # fmt: skip
    return env


async def _git(
    workdir: str, *words: str, limit_s: float = LIMIT_S, max_bytes: int = MAX_OUTPUT_BYTES, reading: bool = True
) -> Done:
    if not workdir.startswith("/"):
        return Done(128, b"", f"{_NO_REPOSITORY[0]}: {workdir!r} is no absolute path")
    env = {**_environment(), "GIT_OPTIONAL_LOCKS": "0" if reading else "1"}
    settings = [word for setting in _SAFE for word in ("-c", setting)]
    argv = ["git", "--no-pager", *settings, *words]
    try:
        return await run(argv, limit_s=limit_s, max_bytes=max_bytes, cwd=workdir, env=env)
    except TooSlow:
        raise GitFailed(f"git {words[0]} took longer than {limit_s:.0f} s and was stopped.") from None
    except OSError as error:
        if not os.path.isdir(workdir):
            return Done(128, b"", f"{_NO_REPOSITORY[0]}: {workdir!r} is no directory")
        if isinstance(error, FileNotFoundError):
            raise GitFailed("The program `git` is not on the daemon's PATH.") from error
        raise GitFailed(f"git cannot be run: {error.strerror or error}.") from error


def _checked(done: Done, what: str) -> Done:
    if done.code != 0 and not done.cut:
        raise GitFailed(f"git {what} failed: {done.stderr.splitlines()[-1] if done.stderr else f'exit {done.code}'}")
    return done


def _means(done: Done, words: tuple[str, ...]) -> bool:
    return done.code != 0 and any(word in done.stderr for word in words)


async def in_work_tree(workdir: str) -> bool:
    """True if `workdir` is inside the work tree of a repository, and that tree is where it is.

    A repository whose `core.worktree` points elsewhere does not count: a reset there would write over other files.

    Raises:
        GitFailed: git cannot tell.
    """
    done = await _git(workdir, "rev-parse", "--is-inside-work-tree", "--show-toplevel")
    if _means(done, _NO_REPOSITORY) or done.stdout.split(b"\n")[0] == b"false":
        return False
    lines = _checked(done, "rev-parse").stdout.decode(errors="surrogateescape").split("\n", 1)
    top = Path(lines[1].rstrip("\n"))

    def inside() -> bool:
        return Path(workdir).resolve().is_relative_to(top.resolve())

    return lines[0] == "true" and await trio.to_thread.run_sync(inside, abandon_on_cancel=True)


async def list_checkpoints(workdir: str, *, is_tree: bool = False) -> Checkpoints:
    """The newest checkpoints of the history of HEAD, newest first.

    Args:
        is_tree: it was found to be a work tree a moment ago; looking again is left out then.

    Raises:
        GitFailed: git failed or took longer than `LIMIT_S`.
    """
    words = ("log", "-z", f"--format={LOG_FORMAT}", "--no-patch", "--basic-regexp", f"--grep=^{PREFIX}", "--no-mailmap")
    if not is_tree and not await in_work_tree(workdir):
        return Checkpoints(False)
    done = await _git(workdir, *words)
    if _means(done, _NO_REPOSITORY):
        return Checkpoints(False)
    if _means(done, _NO_COMMITS):
        return Checkpoints(True)
    return Checkpoints(True, parse_log(_checked(done, "log").stdout))


async def diff_of(workdir: str, sha: str) -> str:
    """The unified diff of a commit against its first parent.

    Args:
        sha: checked: 40 hex digits.

    Raises:
        GitFailed: git failed or took longer than `DIFF_LIMIT_S`.
    """
    words = ("show", "--format=", "--patch", "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short",
             "--src-prefix=a/", "--dst-prefix=b/", "--diff-merges=first-parent", sha, "--")  # fmt: skip
    done = await _git(workdir, *words, limit_s=DIFF_LIMIT_S, max_bytes=MAX_DIFF_BYTES)
    text = _checked(done, "show").stdout.decode(errors="replace")
    if done.cut:
        text = (
            f"{text[: text.rfind(chr(10)) + 1]}\\ The diff is cut here: it is longer than {MAX_DIFF_BYTES >> 20} MiB.\n"
        )
    return text


async def dirty_files(workdir: str) -> list[str]:
    """Paths that differ from HEAD, new ones included, relative to the top of the work tree; at most `MAX_DIRTY_FILES`.

    What has changed inside a submodule does not count: neither stash nor reset touches it.
    """
    words = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignore-submodules=dirty", "--no-renames")
    done = _checked(await _git(workdir, *words), "status")
    entries = done.stdout.decode(errors="replace").split("\0")
    if done.cut:
        entries.pop()
    return [entry[3:] for entry in entries if len(entry) > 3][:MAX_DIRTY_FILES]


async def _stash_head(workdir: str) -> str:
    done = await _git(workdir, "rev-parse", "--verify", "--quiet", "refs/stash")
    return done.stdout.decode().strip() if done.code == 0 else ""


async def revert(workdir: str, sha: str, *, stash_first: bool) -> Reverted:
    """Reset the work tree to a listed checkpoint, after putting what was changed into a stash if that is wanted.

    Args:
        sha: what the client sent, not checked yet.
        stash_first: stash changes and new files instead of refusing.

    Raises:
        CheckpointNotListed: `sha` is not the full sha of one of the newest checkpoints.
        DirtyWorkdir: there are changes and `stash_first` is False.
        RevertFailed: git failed on the way; a stash that was made is named.
    """
    checkpoints = await list_checkpoints(workdir)
    if not checkpoints.git_workdir or not checkpoints.has(sha):
        raise CheckpointNotListed
    dirty = await dirty_files(workdir)
    if dirty and not stash_first:
        raise DirtyWorkdir(dirty)
    stashed_as = ""
    try:
        if dirty:
            stashed_as = await _stash(workdir, sha)
        _checked(await _git(workdir, "reset", "--hard", "--quiet", sha, "--", reading=False), "reset")
    except GitFailed as error:
        raise RevertFailed(error.message, stashed_as) from error
    return Reverted(sha, stashed_as)


async def _stash(workdir: str, sha: str) -> str:
    """Stash everything and return the stash's sha, also if git fails after having made it."""
    before = await _stash_head(workdir)
    words = ("stash", "push", "--include-untracked", "--quiet", "-m", f"ctm-revert pre-{sha}")
    try:
        _checked(await _git(workdir, *words, reading=False), "stash")
    except GitFailed as error:
        after = await _stash_head(workdir)
        raise RevertFailed(error.message, after if after != before else "") from error
    after = await _stash_head(workdir)
    if after == before:
        raise RevertFailed("git stashed nothing, so the changes would be lost; nothing was reverted.", "")
    return after


async def make_checkpoint(workdir: str, label: str) -> None:
    """Commit everything in the work tree as a checkpoint; nothing happens outside of git, or on one that is clean.

    Args:
        label: follows `checkpoint: ` in the subject.

    Raises:
        GitFailed: it could not be made; the message says why, and staged files may be left staged.
    """
    if not await in_work_tree(workdir):
        return
    last = await _git(workdir, "log", "-1", "--format=%s", "--no-patch")
    dirty = await dirty_files(workdir)
    if not dirty and (last.code != 0 or last.stdout.startswith(PREFIX.encode())):
        return
    unfinished = await _git(workdir, "ls-files", "--unmerged", "-z")
    if unfinished.stdout:
        raise GitFailed("The repository has merge conflicts, so no checkpoint can be made; resolve them first.")
    if dirty:
        _checked(await _git(workdir, "add", "--all", reading=False), "add")
    commit = ("commit", "--quiet", "--no-verify", "--allow-empty", "-m", f"{PREFIX} {label}")
    done = await _git(workdir, *commit, reading=False)
    if _means(done, _NO_IDENTITY):
        done = await _git(workdir, *_OUR_IDENTITY, *commit, reading=False)
    _checked(done, "commit")
