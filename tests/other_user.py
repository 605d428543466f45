"""A process of another user of this machine: what is believed of it, and what it can reach. Needs root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest

OTHER = 65534
"""Nobody, who exists everywhere."""


def python() -> str:
    """An interpreter that another user may run; the one of a virtual environment may be out of reach."""
    return "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


@contextmanager
def other_user(code: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python code as another user, with pipes to it; it is ended with the block.

    Args:
        code: a program for the standard library alone; `words` are its `sys.argv[1:]`.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can start a process of another user")
    process = subprocess.Popen(
        [python(), "-u", "-c", code, *words], user=OTHER, group=OTHER, extra_groups=[], cwd="/", text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PATH": os.defpath, "HOME": "/"},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def said(process: subprocess.Popen[str]) -> str:
    """The next line that it prints."""
    stdout: IO[str] | None = process.stdout
    assert stdout is not None
    return stdout.readline().strip()


def run_as_other(code: str, *words: str) -> str:
    """Run Python code as another user to its end; what it printed."""
    with other_user(code, *words) as process:
        return process.communicate(timeout=60)[0]


ASK = r"""
import http.client, json, sys
port, wanted = int(sys.argv[1]), json.loads(sys.argv[2])
answers = []
for method, path, headers, body, source in wanted:
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=20, source_address=(source, 0))
    headers = {'Origin': 'http://127.0.0.1:%d' % port, **headers}
    c.request(method, path, None if body is None else body.encode(), headers)
    r = c.getresponse()
    answers.append([r.status, r.read().decode()])
    c.close()
print(json.dumps(answers))
"""


class Stranger:
    """Asks a daemon as another user of the machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, *wanted: tuple[str, str, object], source: str = "127.0.0.1", **headers: str) -> list[tuple[int, Any]]:
        """Requests (method, path, body) one after the other; status and JSON of each answer.

        A body that is a dict is sent as JSON, a text as a form.
        """
        asked = [
            (method, path, {"Content-Type": "application/x-www-form-urlencoded", **headers}, body, source)
            if isinstance(body, str)
            else (method, path, {"Content-Type": "application/json", **headers}, json.dumps(body), source)
            for method, path, body in wanted
        ]
        answers = json.loads(run_as_other(ASK, str(self._port), json.dumps(asked)))
        return [(status, json.loads(text) if text.startswith(("{", "[")) else text) for status, text in answers]
