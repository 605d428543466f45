"""`system.dumps`: which files of a directory are read, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctm_trio.system.dumps import MAX_DUMP_BYTES, read_dumps


def test_a_dump_that_is_too_large_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Looks come every few seconds: it is said again only when the file is another one; then a small one is read."""
    directory = tmp_path / "dumps"
    directory.mkdir(mode=0o700)
    known: dict[str, tuple[int, int, int]] = {}
    for size, lines in ((MAX_DUMP_BYTES + 1, 1), (MAX_DUMP_BYTES + 2, 2)):
        (directory / "u1.json").write_bytes(b" " * size)
        for _ in range(3):
            assert read_dumps(directory, None, known) == []
            assert len(caplog.records) == lines
    (directory / "u1.json").write_bytes(b"{}")
    assert [dump.data for dump in read_dumps(directory, None, known)] == [b"{}"]
    assert len(caplog.records) == 2
