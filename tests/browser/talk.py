"""A conversation with an entry of each kind, for the tests of the reader."""

from __future__ import annotations

from typing import Any

from tests.browser.site import Site
from tests.browser.transcripts import Transcript, image, thought, use, words

AGENT = "a0123456789abcdef"
ANSWER = """\
Totals are rounded **twice**. See `cart/total.ts`:

```python
def share(amount: int) -> float:
    return round(amount / 3, 2)  # here
```

| step | loses |
|:--|--:|
| first | 1 cent |

1. Fix it
2. Test it, see [the issue](https://example.org/12)
"""


def transcript_of(site: Site, name: str, **more: Any) -> Transcript:
    """The transcript of a session's present conversation."""
    record = site.records[name]
    return Transcript(site.home, record["workdir"], record["uuid"], **more)


def every_kind(site: Site, name: str) -> Transcript:
    """Prompts, an answer, thinking, calls with diff and failure, a sub-agent, a command, an image, a compaction."""
    talk = transcript_of(site, name)
    talk.prompt("Refunds lose the last cent.\nFind out why and fix it.")
    read = use("Read", {"file_path": f"{talk.workdir}/total.ts"})
    talk.answer(thought("The share may be rounded twice."), words("I will look at how totals are rounded."), read)
    talk.result(read, "1  const total = 0", toolUseResult={"durationMs": 42})
    path = f"{talk.workdir}/total.ts"
    edit = use("Edit", {"file_path": path, "old_string": "const total = 0", "new_string": "const total = 1"})
    patch = {"oldStart": 1, "oldLines": 2, "newStart": 1, "newLines": 2,
             "lines": ["-const total = 0", "+const total = 1", " export default total"]}  # fmt: skip
    talk.answer(edit)
    talk.result(edit, "The file was updated.", toolUseResult={"filePath": path, "structuredPatch": [patch]})
    lint = use("Bash", {"command": "npm run lint"})
    talk.answer(lint)
    talk.result(lint, "Exit code 1\n2 problems", error=True)
    talk.answer(words(ANSWER))
    talk.prompt([{"type": "text", "text": "Review it, with this picture"}, image()])
    task = use("Agent", {"description": "Review the change", "prompt": "Look closely", "subagent_type": "reviewer"})
    talk.answer(task)
    agent = transcript_of(site, name, agent=AGENT, ago_s=3500)
    agent.write(agent.line("user", message={"role": "user", "content": "Look closely"}))
    grep = use("Grep", {"pattern": "roundHalfEven"})
    agent.answer(words("I look at the change."), grep)
    agent.result(grep, "cart/money.ts:3")
    agent.answer(words("It is rounded once now."))
    told = {"agentId": AGENT, "status": "completed", "totalDurationMs": 9000}
    talk.result(task, "It is rounded once now.", toolUseResult=told)
    talk.write(talk.line("user", message={"role": "user", "content": "<command-name>/compact</command-name>\n"
                         "<command-message>compact</command-message>\n<command-args></command-args>"}))  # fmt: skip
    talk.write(talk.line("user", isCompactSummary=True, isVisibleInTranscriptOnly=True,
                         message={"role": "user", "content": "## So far\n\nThe rounding was fixed."}))  # fmt: skip
    talk.write(talk.line("system", subtype="informational", content="A limit is near.", level="info"))
    talk.prompt("Thanks. What is left?")
    talk.answer(words("Nothing is left."))
    return talk
