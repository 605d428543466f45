"""A stand-in for `claude`: fires recorded hooks through the commands of the settings that it was given.

`claude --version` says what is recorded. Else it runs, for every recorded event of one run, the commands that the
settings name for it, with its own session id in the payload, then the status line, then it waits for its end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

RECORDED = Path(os.environ.get("FAKE_CLAUDE_RECORDED", "")) / "hooks.jsonl"
STATUS = RECORDED.with_name("statusline.jsonl")
RUN = os.environ.get("FAKE_CLAUDE_RUN", "print")


def main(argv: list[str]) -> int:
    """Behave like the client, as far as its neighbours can tell."""
    if argv == ["--version"]:
        print("2.1.330 (Claude Code)")
        return 0
    with open(Path.home() / "claude-calls.jsonl", "a") as calls:
        calls.write(json.dumps({"argv": argv, "cwd": os.getcwd(), "session": os.environ.get("CTM_SESSION")}) + "\n")
    option = "--resume" if "--resume" in argv else "--session-id"
    session_id = argv[argv.index(option) + 1]
    settings = json.loads(Path(argv[argv.index("--settings") + 1]).read_text())
    env = {**os.environ, "CLAUDE_PID": str(os.getpid()), "CLAUDE_CODE_SESSION_ID": session_id}
    fired = 0
    for text in RECORDED.read_text().splitlines():
        record = json.loads(text)
        if record["run"] != RUN:
            continue
        payload = {**record["payload"], "session_id": session_id, "cwd": os.getcwd()}
        for group in settings["hooks"].get(record["event"], []):
            for hook in group["hooks"]:
                done = subprocess.run(["/bin/sh", "-c", hook["command"]], input=json.dumps(payload), text=True, env=env)
                fired += done.returncode == 0
    payload = {**json.loads(STATUS.read_text().splitlines()[-1])["payload"], "session_id": session_id}
    command = settings["statusLine"]["command"]
    subprocess.run(["/bin/sh", "-c", command], input=json.dumps(payload), text=True, env=env)
    print(f"fired {fired}", flush=True)
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
