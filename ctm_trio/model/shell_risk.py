"""How much a shell command may cost, by the rules of `model/risk_rules.py` and the words of `model/risk_words.py`.

What is not understood is never low. Source: PROTOCOL.md, Requests.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from ctm_trio.model.risk_rules import RULES_OF
from ctm_trio.model.risk_words import (
    ALWAYS,
    CODE,
    DECODERS,
    HIGH_NAMES,
    HIGH_PHRASES,
    INTERPRETERS,
    NETWORK,
    OUTPUT_NAME,
    PROTECTED,
    READERS,
    RESERVED,
    SCRATCH,
    SHELLS,
    SQL,
    VERSION,
    WRAPPERS,
    WRITERS,
)
from ctm_trio.model.rule_match import ASSIGNMENT, by_rule, only_reads, until_end, unwrapped
from ctm_trio.model.shell_split import MAX_NESTING, Command, Script, Word, split

LOW, NORMAL, HIGH = 0, 1, 2

MAX_JUDGED = 100_000
"""A command of more characters is high: nobody can read it, and a shell takes no more in one argument."""

MAX_INSIDE = 30
"""So many words of one command that may be commands themselves are looked at; past it nothing is understood."""

MAX_SCRIPTS = 40
"""Scripts inside a command (`bash -c`, words that may be commands) that are judged; past it nothing is understood."""

_PATTERN = re.compile(r"[*?\[{]")
_NAMES = re.compile(r"(?<![\w.-])[\w-]+")
_QUOTES = re.compile(r"['\"\\]")
_GIT_RUNS = re.compile(
    r"!|core\.(?:sshcommand|pager|editor|fsmonitor|hookspath)|diff\.external|\.(?:textconv|clean|smudge)", re.I
)
"""Settings of git whose value is a command."""

_LAST_IS_TARGET = frozenset({"cp", "ln", "install", "rsync", "scp"})
"""Writers that only read what stands before the last argument."""

_RUN_INSIDE = frozenset({"docker", "podman", "nerdctl", "kubectl", "oc"})
"""Commands with rules of their own whose arguments may be a command too."""

_SQL_CLIENTS = frozenset({"psql", "mysql", "mariadb", "sqlite3", "sqlite", "duckdb", "sqlcmd", "clickhouse-client"})
_EXEC = frozenset({"-exec", "-execdir", "-ok", "-okdir", "-x", "-X", "--exec", "--exec-batch"})
_CODE_OPTION = re.compile(r"^(?:-[A-Za-z0-9]*[ceErp]|--eval|--print|-command|eval)$")


class Judgement(NamedTuple):
    """`level` is LOW, NORMAL or HIGH; `why` says what is of high risk, "" otherwise."""

    level: int
    why: str = ""


def judge_shell(text: str) -> Judgement:
    """The risk of a script for a shell. Never raises."""
    if len(text) > MAX_JUDGED:
        return Judgement(HIGH, "is too long to be judged")
    return _Judge(text).script(text, 0)


def judge_path(path: str) -> Judgement:
    """The risk of writing to this path."""
    return Judgement(HIGH, "writes where it decides what runs or who may") if is_protected(path) else Judgement(NORMAL)


def is_protected(path: str) -> bool:
    """True for a path that decides what runs, who may log in, or how the machine works."""
    return PROTECTED.search(_normal(path)) is not None


def says_high(text: str) -> bool:
    """True if a word of high risk is in a text that nobody understands."""
    return any(_has_high_word(read) for read in {text, _QUOTES.sub("", text)})


def _has_high_word(text: str) -> bool:
    if not HIGH_NAMES.isdisjoint(_NAMES.findall(text)):
        return True
    small = text.lower()
    return any(hint in small and pattern.search(text) is not None for hint, pattern in HIGH_PHRASES)


def _normal(path: str) -> str:
    path = path.replace("$HOME", "~").replace("${HOME}", "~")
    found = posixpath.normpath(path).lower()
    return found[1:] if found.startswith("//") else found


class _Around(NamedTuple):
    """What a command's script does beside it: uses the network, and may bring files of these names."""

    network: bool
    fetched: set[str]


_NOTHING = _Around(False, set())


class _Judge:
    def __init__(self, text: str) -> None:
        self._text = text
        self._scripts = 0

    def script(self, text: str, nesting: int) -> Judgement:
        if ALWAYS.search(text):
            return Judgement(HIGH, "deletes or overwrites")
        self._scripts += 1
        if nesting > MAX_NESTING or self._scripts > MAX_SCRIPTS:
            return self._not_understood(text)
        script = split(text)
        around = _around(script)
        level = LOW
        for command in script.commands:
            found = self._command(command, around, nesting)
            if found.level == HIGH:
                return found
            level = max(level, found.level)
        if script.understood:
            return Judgement(level)
        return self._not_understood(text)

    def _not_understood(self, text: str) -> Judgement:
        return Judgement(HIGH, "is not understood, and looks dangerous") if says_high(text) else Judgement(NORMAL)

    def _command(self, command: Command, around: _Around, nesting: int) -> Judgement:
        level = LOW
        for sign, target in command.redirections:
            if ">" in sign:
                found = _written(sign, target)
                if found.level == HIGH:
                    return found
                level = max(level, found.level)
        found = self._words(command.words, command, around, nesting)
        return found if found.level > level else Judgement(level)

    def _words(self, words: list[Word], command: Command, around: _Around, nesting: int) -> Judgement:
        """The risk of these words as a command: of what a wrapper runs, if it is one."""
        level = LOW
        for _ in range(MAX_NESTING):
            while words and (words[0].text in RESERVED or (assigned := ASSIGNMENT.match(words[0].text))):
                if words[0].text not in RESERVED and assigned:
                    level = NORMAL
                words = words[2 if words[0].text == "function" else 1 :]
            if not words:
                return Judgement(level)
            first = words[0]
            name = posixpath.basename(first.text)
            if not first.fixed or (_PATTERN.search(name) and name not in ("[", "[[")):
                return self._not_understood(self._text)
            found = self._known(name, words, command, around, nesting)
            if found is not None:
                return found if found.level > level else Judgement(level)
            inside = unwrapped(name, words[1:])
            if inside is None:
                return self._unknown(name, words, nesting)
            words, level = (
                inside,
                max(level, NORMAL if name not in ("time", "nice", "nohup", "timeout", "xargs") else LOW),
            )
            if words and (name == "ssh" or " " in words[0].text or "\n" in words[0].text):
                found = self.script(" ".join(word.text for word in words), nesting + 1)
                return found if found.level > level else Judgement(level)
        return self._not_understood(self._text)

    def _known(self, name: str, words: list[Word], command: Command, around: _Around, nesting: int) -> Judgement | None:
        """The risk of a command that a rule or a table knows, None for any other and for wrappers."""
        args = [word.text for word in words[1:]]
        joined = " ".join(args)
        if name in ("eval", "trap", "alias", "source", "."):
            return self._evaluated(name, words[1:], around, nesting)
        if found := by_rule(name, args, joined):
            return Judgement(HIGH, found.why)
        if name in _SQL_CLIENTS and (any(map(SQL.search, command.here)) or (command.piped and SQL.search(self._text))):
            return Judgement(HIGH, "deletes rows or tables")
        if name in ("find", "gfind", "fd") and (
            ran := [words[i + 1 :] for i, w in enumerate(words) if w.text in _EXEC]
        ):
            if len(ran) > MAX_INSIDE:
                return self._not_understood(self._text)
            return _worst(self._words([*until_end(part), Word("…")], command, around, nesting) for part in ran)
        if name in SHELLS:
            return self._shell(words[1:], command, around, nesting)
        if name in INTERPRETERS or re.fullmatch(r"(?:python|perl|ruby|node)[\d.]+", name):
            return self._interpreter(words[1:], command, around, nesting)
        if VERSION.match(joined) and "/" not in words[0].text:
            return Judgement(LOW)
        if (more := READERS.get(name)) is not None and not (more and re.search(more, joined)):
            return Judgement(LOW)
        if only_reads(name, args, joined):
            return Judgement(LOW)
        if name == "git" and _GIT_RUNS.search(joined) and says_high(joined):
            return Judgement(HIGH, "makes git run something that looks dangerous")
        if "/" in words[0].text and name in around.fetched:
            return Judgement(HIGH, "runs what the network delivers")
        if name in WRITERS:
            return self._writer(name, args, joined)
        return None

    def _evaluated(self, name: str, words: list[Word], around: _Around, nesting: int) -> Judgement:
        """What this shell itself runs: the text of `eval`, a trap or an alias, or a file."""
        inner = [command for word in words for command in word.inner]
        if name in ("source", ".", "eval") and _names_of(inner) & (NETWORK | DECODERS):
            return Judgement(HIGH, "runs what the network or a decoder delivers")
        if name in ("source", "."):
            return _file(words, around)
        if not all(word.fixed for word in words):
            return self._not_understood(self._text)
        texts = [word.text for word in words]
        if name == "alias":
            texts = [text.partition("=")[2] + " …" for text in texts]
        elif name == "trap":
            texts = texts[:1]
        found = self.script(" ".join(texts), nesting + 1)
        return found if found.level == HIGH else Judgement(NORMAL)

    def _shell(self, words: list[Word], command: Command, around: _Around, nesting: int) -> Judgement:
        delivered = Judgement(HIGH, "runs what a pipe or the network delivers")
        if any(_names_of(word.inner) & (NETWORK | DECODERS) for word in words):
            return delivered
        runs, operands, skip = False, list[Word](), False
        for word in words:
            text = word.text
            if skip:
                skip = False
            elif text[:1] in ("-", "+") and len(text) > 1 and not operands:
                skip = text in ("-o", "+o", "-O", "+O", "--rcfile", "--init-file")
                runs = runs or (not text.startswith("--") and "c" in text) or text.lower() in ("-command", "--command")
            else:
                operands.append(word)
        if runs and operands:
            if not operands[0].fixed and says_high(self._text):
                return Judgement(HIGH, "is not understood, and looks dangerous")
            found = self.script(operands[0].text, nesting + 1)
            level = NORMAL if not operands[0].fixed else LOW
            return found if found.level > level else Judgement(level)
        here = _worst(self.script(text, nesting + 1) for text in command.here)
        if here.level == HIGH:
            return here
        reads = not operands or operands[0].text in ("-", "/dev/stdin") or any(w.text == "-s" for w in words)
        if reads and (command.piped or (not command.here and around.network)):
            return delivered
        return _file(operands, around)

    def _interpreter(self, words: list[Word], command: Command, around: _Around, nesting: int) -> Judgement:
        if any(_names_of(word.inner) & NETWORK for word in words):
            return Judgement(HIGH, "runs what the network delivers")
        for number, word in enumerate(words):
            if word.text == "-m" and number + 1 < len(words):
                return max(Judgement(NORMAL), self._words(words[number + 1 :], command, around, nesting))
        args = [word.text for word in words]
        texts = [*command.here, *(arg for arg in args if " " in arg or "(" in arg)]
        if any(CODE.search(text) or says_high(text) for text in texts):
            return Judgement(HIGH, "runs code that deletes or changes rights")
        if [arg for arg in args if arg in ("--version", "-V", "--help")] == args and args:
            return Judgement(LOW)
        given = any(_CODE_OPTION.match(arg) for arg in args) or any(not arg.startswith("-") for arg in args)
        if not given and not command.here and (command.piped or around.network):
            return Judgement(HIGH, "runs what a pipe or the network delivers")
        return _file([word for word in words if not word.text.startswith("-")], around)

    def _writer(self, name: str, args: list[str], joined: str) -> Judgement | None:
        if name in ("sed", "gsed", "perl") and not re.search(r"(?:^|\s)(?:-\w*i|--in-place)", joined):
            return Judgement(NORMAL)
        into = [arg for arg in args if arg.startswith("-")] + args[-1:] if name in _LAST_IS_TARGET else args
        if name in _LAST_IS_TARGET and "-t" in args:
            into = args
        for arg in into:
            if "://" in arg:
                continue
            candidates = {arg, arg.partition("=")[2], arg.rpartition(":")[2], arg[2:] if arg.startswith("-") else ""}
            if any(path and is_protected(path) for path in candidates):
                return Judgement(HIGH, "writes where it decides what runs or who may")
        if name == "tee" and "-a" not in args and "--append" not in args:
            return _worst(_written(">", Word(arg)) for arg in args if not arg.startswith("-"))
        return Judgement(NORMAL)

    def _unknown(self, name: str, words: list[Word], nesting: int) -> Judgement:
        """A command of which nothing is known: its words may be a command that it runs."""
        if name in RULES_OF and name not in _RUN_INSIDE:
            return Judgement(NORMAL)
        left = MAX_INSIDE
        for number, word in enumerate(words[1:], 1):
            inner = posixpath.basename(word.text)
            left -= inner in RULES_OF or inner in SHELLS or " " in word.text
            if left < 0:
                return self._not_understood(self._text)
            if inner in RULES_OF and word.fixed:
                args = [other.text for other in words[number + 1 :]]
                if found := by_rule(inner, args, " ".join(args)):
                    return Judgement(HIGH, found.why)
            elif inner in SHELLS and number + 1 < len(words):
                found_in = self._shell(words[number + 1 :], Command(), _NOTHING, nesting + 1)
                if found_in.level == HIGH:
                    return found_in
            elif " " in word.text or "\n" in word.text:
                found_in = self.script(word.text, nesting + 1)
                if found_in.level == HIGH:
                    return found_in
        return Judgement(NORMAL)


def _file(words: list[Word], around: _Around) -> Judgement:
    """The risk of running the file that is the first of these words."""
    if words and posixpath.basename(words[0].text) in around.fetched:
        return Judgement(HIGH, "runs what the network delivers")
    return Judgement(NORMAL)


def _around(script: Script) -> _Around:
    network, fetched = False, set[str]()
    for command in script.commands:
        if _names_of([command]) & NETWORK:
            network = True
            named = [word.text for word in command.words[1:]] + [target.text for _, target in command.redirections]
            fetched |= {posixpath.basename(text.partition("=")[2] or text) for text in named}
    return _Around(network, fetched - {""})


def _worst(found: Iterable[Judgement]) -> Judgement:
    return max(found, default=Judgement(LOW))


def _written(sign: str, target: Word) -> Judgement:
    """The risk of a redirection onto this target."""
    path = _normal(target.text) if target.text else ""
    if SCRATCH.search(path):
        return Judgement(LOW)
    if PROTECTED.search(path):
        return Judgement(HIGH, "writes where it decides what runs or who may")
    if sign == ">>" or not target.fixed or OUTPUT_NAME.search(path):
        return Judgement(NORMAL)
    return Judgement(HIGH, "overwrites a file")


def _names_of(commands: list[Command]) -> set[str]:
    """The names of these commands and of those in their substitutions, wrappers left out."""
    names: set[str] = set()
    for command in commands:
        for word in command.words:
            if not ASSIGNMENT.match(word.text):
                names.add(posixpath.basename(word.text))
                if word.text not in RESERVED and word.text not in WRAPPERS:
                    break
        for word in command.words:
            names |= _names_of(word.inner)
    return names
