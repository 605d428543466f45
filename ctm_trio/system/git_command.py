"""One git command, in a repository that we do not trust: it runs nothing that its config or hooks name.

What changes a repository does run its content filters, as git would: git-crypt or LFS without its filter would
write plain secrets, or pointers, into a commit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from ctm_trio.errors.git import GitFailed
from ctm_trio.model.git_reason import git_reason
from ctm_trio.system.places import in_place
from ctm_trio.system.process import Done, TooSlow, run

LIMIT_S = 10.0
"""The time limit of a command, unless another one is given. Source: PROTOCOL.md, Checkpoints and revert."""

MAX_OUTPUT_BYTES = 4 * 1024 * 1024
"""What a command may print; one that prints more is ended, and `Done.cut` says so."""

NO_REPOSITORY = ("not a git repository", "must be run in a work tree")

_SAFE = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.pager=cat", "core.editor=true", "core.askPass=true",
    "core.sshCommand=false", "core.quotePath=false", "log.showSignature=false", "commit.gpgSign=false",
    "submodule.recurse=false", "protocol.allow=never", "gc.auto=0", "maintenance.auto=false", "color.ui=false",
    "diff.noprefix=false", "diff.mnemonicPrefix=false", "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8", "advice.detachedHead=false",
)  # fmt: skip

_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH", "GIT_SSL_CAINFO",
         "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")  # fmt: skip


def _environment() -> dict[str, str]:
    """Ours, without what would send git to another repository, and unable to ask, to page or to fetch."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in _KEPT}
    env.update(
        LC_ALL="C", GIT_TERMINAL_PROMPT="0", GIT_PAGER="cat", GIT_EDITOR="true", GIT_ASKPASS="true", SSH_ASKPASS="true",
        GIT_ALLOW_PROTOCOL="none", GIT_NO_LAZY_FETCH="1",
    )  # fmt: skip
    return env


async def git(
    directory: str,
    *words: str,
    limit_s: float | None = None,
    max_bytes: int = MAX_OUTPUT_BYTES,
    reading: bool = True,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> Done:
    """Run a git command in a directory; its exit code is the caller's to judge (see `checked`).

    Args:
        directory: where it runs, an absolute path.
        words: the command and its arguments.
        limit_s: seconds after which it is ended; None is `LIMIT_S`.
        max_bytes: of its output.
        reading: True takes no lock that is not needed.
        env: more variables, e.g. another index.
        stdin: what it reads.

    Raises:
        GitFailed: it cannot be run, or took too long.
    """
    limit = LIMIT_S if limit_s is None else limit_s
    if not directory.startswith("/"):
        return Done(128, b"", f"{NO_REPOSITORY[0]}: {directory!r} is not an absolute path")
    whole = {**_environment(), "GIT_OPTIONAL_LOCKS": "0" if reading else "1", **(env or {})}
    settings = [word for setting in _SAFE for word in ("-c", setting)]
    argv = ["git", "--no-pager", "--literal-pathspecs", *settings, *words]
    try:
        return await run(argv, limit_s=limit, max_bytes=max_bytes, cwd=directory, env=whole, stdin=stdin)
    except TooSlow:
        raise GitFailed(f"git {_command(words)} took longer than {limit:g} s and was stopped.") from None
    except OSError as error:
        if not await in_place(os.path.isdir, directory):
            return Done(128, b"", f"{NO_REPOSITORY[0]}: {directory!r} is not a directory")
        if isinstance(error, FileNotFoundError):
            raise GitFailed("The program `git` is not on the PATH.") from error
        raise GitFailed(f"git cannot be run: {error.strerror or error}.") from error


def checked(done: Done, what: str) -> Done:
    """The same, if git did what it was told, or was ended because it printed enough.

    Args:
        what: names the command in the error.

    Raises:
        GitFailed: with git's reason (see `git_reason`).
    """
    if done.code != 0 and not done.cut:
        raise GitFailed(f"git {what} failed: {git_reason(done.stderr, done.code)}")
    return done


def says(done: Done, words: tuple[str, ...]) -> bool:
    """True if git failed and said one of these."""
    return done.code != 0 and any(word in done.stderr for word in words)


def text_of(done: Done) -> str:
    """What it printed, as a path or a name: bytes that are not UTF-8 survive, the last line break is gone."""
    return os.fsdecode(done.stdout).removesuffix("\n")


def names_of(data: bytes) -> list[bytes]:
    """The parts of what `-z` printed; a last one that was cut is left out."""
    return data.split(b"\0")[:-1]


def _command(words: tuple[str, ...]) -> str:
    """The command among the words, after `-c x=y` and other options of git itself."""
    for before, word in zip(("", *words), words, strict=False):
        if not word.startswith("-") and before != "-c":
            return word
    return ""
