"""The diff of a commit, bounded in time and size."""

from __future__ import annotations

from ctm_trio.system.git_command import checked, git

DIFF_LIMIT_S = 5.0
"""Source: PROTOCOL.md, Checkpoints and revert."""

MAX_DIFF_BYTES = 4 * 1024 * 1024
"""A longer diff is cut, and its last line says so."""


async def diff_of(workdir: str, sha: str) -> str:
    """The unified diff of a commit against its first parent.

    Args:
        sha: checked: a full sha.

    Raises:
        GitFailed: git failed or took longer than `DIFF_LIMIT_S`.
    """
    words = ("show", "--format=", "--patch", "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short",
             "--src-prefix=a/", "--dst-prefix=b/", "--diff-merges=first-parent", sha, "--")  # fmt: skip
    done = await git(workdir, *words, limit_s=DIFF_LIMIT_S, max_bytes=MAX_DIFF_BYTES)
    text = checked(done, "show").stdout.decode(errors="replace")
    if done.cut:
        text = (
            f"{text[: text.rfind(chr(10)) + 1]}\\ The diff is cut here: it is longer than {MAX_DIFF_BYTES >> 20} MiB.\n"
        )
    return text
