"""The daemon's messages go to whatever stderr is, and never hold it up."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ctm_trio.daemon.log_output import PatientHandler


def record(text: str) -> logging.LogRecord:
    """A message."""
    return logging.LogRecord("ctm.x", logging.INFO, "", 1, "%s", (text,), None)


def test_a_pipe_that_nobody_reads_holds_nobody_up() -> None:
    """When the pipe is full messages are counted instead; once it is read again the number is said."""
    reading, writing = os.pipe()
    with open(writing, "w", encoding="utf-8") as stream:
        handler = PatientHandler(stream)
        for number in range(500):
            handler.emit(record(f"{number} " + "x" * 1000))
        first = os.read(reading, 1 << 20)
        handler.emit(record("after"))
        rest = os.read(reading, 1 << 20)
    os.close(reading)
    assert first.startswith(b"0 xxx")
    assert len(first) <= 1 << 17
    assert b"messages were lost: nobody read them" in rest
    assert rest.endswith(b"after\n")


def test_a_long_message_comes_whole_where_there_is_room(tmp_path: Path) -> None:
    """A file takes everything; a closed or full one ends nothing."""
    path = tmp_path / "log"
    with path.open("w", encoding="utf-8") as stream:
        handler = PatientHandler(stream)
        handler.emit(record("ä" * 100_000))
    assert path.read_text(encoding="utf-8") == "ä" * 100_000 + "\n"
    handler.emit(record("the stream is closed"))
    with open("/dev/full", "w", encoding="utf-8") as stream:
        PatientHandler(stream).emit(record("nobody sees it"))
