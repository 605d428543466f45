"""Whether a command is one of the rules', only reads, or runs another command: from its name and arguments alone."""

from __future__ import annotations

import re

from ctm_trio.model.risk_rules import RULES_OF, Rule
from ctm_trio.model.risk_words import READERS, READING_VERBS, VALUE_OPTIONS, WRAPPERS
from ctm_trio.model.shell_split import Word

ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=")
"""The beginning of a word that sets a variable."""

_GIT_LISTS = re.compile(
    r"^(?:branch|tag|remote|reflog|stash list|worktree list)(?:\s+(?:-[avrln]+|--all|--remotes|--list|--verbose"
    r"|--show-current|--merged|--no-merged|--contains|--sort=\S+|--format=\S+))*$"
)
"""Lists of git that need no operand."""

_SAME_OPTIONS = {"podman": "docker", "nerdctl": "docker", "oc": "kubectl", "bun": "npm", "glab": "gh"}


def by_rule(name: str, args: list[str], joined: str) -> Rule | None:
    """The first rule that fits this command, None for none.

    Args:
        name: without its directory.
        args: its arguments.
        joined: the same, joined by blanks.
    """
    rules = RULES_OF.get(name)
    if rules is None:
        rules = RULES_OF["*"] if name not in READERS else ()
    operands, slack, rest = _operands(name, args)
    for rule in rules:
        text = joined
        if rule.verbs:
            if not any(_begins(operands, verb, slack) for verb in rule.verbs):
                continue
            text = rest
        if len(operands) < rule.operands or (rule.text and not re.search(rule.text, text)):
            continue
        if rule.unless and re.search(rule.unless, text):
            continue
        return rule
    return None


def only_reads(name: str, args: list[str], joined: str) -> bool:
    """True for a subcommand that only reads."""
    known = READING_VERBS.get(_SAME_OPTIONS.get(name, name))
    if known is None:
        return False
    verbs, more = known
    if more and re.search(more, joined):
        return False
    operands, _, rest = _operands(name, args)
    if not operands:
        return False
    text = f"{operands[0]} {rest}".rstrip()
    if name == "git" and _GIT_LISTS.match(text):
        return True
    single, *longer = verbs.split("|")
    return operands[0] in single.split() or any(text == verb or text.startswith(f"{verb} ") for verb in longer)


def unwrapped(name: str, words: list[Word]) -> list[Word] | None:
    """The command that a wrapper runs ([] if there is none), None if this is no wrapper."""
    texts = [word.text for word in words]
    takes = None
    for length in (2, 1, 0):  # `docker compose exec` before `docker`
        takes = WRAPPERS.get(" ".join([name, *texts[:length]]))
        if takes is not None and len(texts) >= length:
            words = words[length:]
            break
    if takes is None:
        return None
    options = takes.split()
    before = sum(int(option) for option in options if option.isdigit())
    while words:
        text = words[0].text
        if text == "--":
            words = words[1:]
            break
        if name == "env" and text in ("-S", "--split-string"):
            words = words[1:]
            break
        if text.startswith("-") and len(text) > 1:
            words = words[2 if len(text) == 2 and text[1] in options else 1 :]
        elif ASSIGNMENT.match(text):
            words = words[1:]
        elif before:
            before -= 1
            words = words[1:]
        else:
            break
    return [*words, Word("…")] if words and name in ("xargs", "gxargs", "parallel") else words


def until_end(words: list[Word]) -> list[Word]:
    """The command of `find -exec`, up to its end."""
    for number, word in enumerate(words):
        if word.text in (";", "+"):
            return words[:number]
    return words


def _operands(name: str, args: list[str]) -> tuple[list[str], int, str]:
    """The arguments that are no options; how far the subcommand may be off; what follows the first of them."""
    takes = VALUE_OPTIONS.get(_SAME_OPTIONS.get(name, name), frozenset())
    operands: list[str] = []
    slack, skip, first, ended = 0, False, len(args), False
    for number, arg in enumerate(args):
        if skip:
            skip = False
        elif arg == "--" and not ended:
            ended = True
        elif arg.startswith("-") and len(arg) > 1 and not ended:
            if not operands:
                skip = arg in takes
                slack += not skip and "=" not in arg
        else:
            if not operands:
                first = number
            operands.append(arg)
    return operands, min(slack, 2), " ".join(args[first + 1 :])


def _begins(operands: list[str], verb: str, slack: int) -> bool:
    parts = verb.split(" ")
    return any(operands[at : at + len(parts)] == parts for at in range(slack + 1))
