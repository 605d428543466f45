"""Why a transcript cannot be read, in words that have nothing of its text."""

from __future__ import annotations

import os
import sqlite3
import traceback

from ctm_trio.system.store_errors import StoreRefused, translate


def why_unread(error: Exception) -> str:
    """Why the file that caused an error is not read; "" if the error is the index's own, whatever file is read.

    What Python says of a value may have the value in it. So it is only said which error it was, and where.
    """
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, sqlite3.Error):
        refused = translate(error)
        return refused.message if isinstance(refused, StoreRefused) else ""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {os.path.basename(last.filename)}, line {last.lineno}"
