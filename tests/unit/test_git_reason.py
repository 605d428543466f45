"""What git complains of, in words that help."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.git_reason import MAX_REASON, git_reason


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("fatal: Unable to create '/r/.git/index.lock': File exists.\n\nAnother git process seems to be running in "
         "this repository, e.g.\nan editor opened by 'git commit'. Please make sure all processes\nare terminated then "
         "try again. If it still fails, a git process\nmay have crashed in this repository earlier:\nremove the file "
         "manually to continue.",
         "index.lock exists: another git runs there, or one crashed. If none runs any more, remove /r/.git/index.lock "
         "and try again."),
        ("fatal: detected dubious ownership in repository at '/srv/a b'\nTo add an exception for this directory, "
         "call:\n\n\tgit config --global --add safe.directory '/srv/a b'",
         "git does not trust /srv/a b: it belongs to another user. "
         "If you do: `git config --global --add safe.directory '/srv/a b'`."),
        ("error: unable to write file .git/objects/ab: No space left on device\nfatal: adding files failed",
         "The disk is full (No space left on device); make room first."),
        ("error: insufficient permission for adding an object to repository database .git/objects\nerror: a: failed to "
         "insert into database\nfatal: adding files failed",
         "The daemon's user may not write in the repository (insufficient permission for adding an object to "
         "repository database .git/objects)."),
        ("error: object file .git/objects/ab/cd is empty\nfatal: loose object abcd (stored in .git/x) is corrupt",
         "The repository is damaged (object file .git/objects/ab/cd is empty); `git fsck` says more."),
        ("error: 'app/' does not have a commit checked out\nfatal: adding files failed",
         "error: 'app/' does not have a commit checked out fatal: adding files failed."),
        ("hint: do this\nfatal: a\x1b[31m red\treason\nhint: and that", "fatal: a [31m red reason."),
        ("", "git failed with exit code 3 and no message."),
        ("hint: only a hint", "git failed with exit code 3 and no message."),
    ],
)  # fmt: skip
def test_reasons(stderr: str, reason: str) -> None:
    """Known ones are a sentence with the cure; of others every line is shown, not the last one."""
    assert git_reason(stderr, 3) == reason


@given(st.text(max_size=2000))
def test_any_text_is_one_safe_line(stderr: str) -> None:
    """Never empty, bounded, printable."""
    reason = git_reason(stderr, 1)
    assert 0 < len(reason) <= MAX_REASON + 1
    assert reason.isprintable()
