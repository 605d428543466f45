"""A shell command taken apart into the simple commands that it runs, well enough to judge them.

It knows quotes, escapes, pipes, lists, subshells, substitutions, redirections, here documents and comments of the POSIX
shells, bash and zsh. It expands nothing. What it does not understand it says (`understood`), so that nobody takes a
command for harmless that was only misread.
"""

from __future__ import annotations

import re

import msgspec

MAX_CHARS = 20_000
"""A longer command is only read so far, and is not understood."""

MAX_TOKENS = 600
"""Nor is one of more words and operators: reading takes about 3 µs for each."""

MAX_NESTING = 12
"""Substitutions inside each other that are followed."""

_BLANKS = " \t\r\f\v\\"
_OPERATORS = "|&;\n()"
_MAY_REDIRECT = "<>&{0123456789"
_CHUNK = re.compile(r"[^\s'\"\\$`|&;()<>]+")
_IN_DOUBLE = re.compile(r"[^\"\\$`]+")
_BLANK = re.compile(r"(?:[ \t\r\f\v]|\\\n)+")
_REDIRECTION = re.compile(r"(?:\d*|\{\w+\}|&)(<<<|<<-?|<>|<&|<(?!\()|>>|>\||>&|>(?!\())")
_OPERATOR = re.compile(r"&&|\|\||\|&|;;&?|;&|[|&;\n()]")
_BACKQUOTED = re.compile(r"`((?:[^`\\]|\\.)*)`", re.DOTALL)
_ESCAPED = re.compile(r"\\([`$\\])")
_ANSI = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ANSI_CODE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|.)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\w+|[@*#?$!-])")
_BRACED = re.compile(r"\$\{[^{}$`\\'\"]*\}")
_ARITHMETIC = re.compile(r"\$\(\(([^;`'\"]*?)\)\)")
_TEST = re.compile(r"\[\[\s.*?\s\]\]", re.DOTALL)
_TWO_WORDS = re.compile(r"[\w.]\s+[\w.-]")


class Word(msgspec.Struct):
    """One word of a command.

    Attributes:
        text: without its quotes; variables stay as they are written (`$HOME`), of a substitution nothing stays.
        fixed: the shell puts nothing else in its place (files that match a pattern aside).
        inner: the commands of its substitutions, process substitutions (`<(…)`) included.
    """

    text: str
    fixed: bool = True
    inner: list[Command] = msgspec.field(default_factory=list)


class Command(msgspec.Struct):
    """A simple command: its words, its redirections (operator and target), its here texts.

    `piped`: it reads from a pipe. Assignments and reserved words in front are still among the words.
    """

    words: list[Word] = msgspec.field(default_factory=list)
    redirections: list[tuple[str, Word]] = msgspec.field(default_factory=list)
    here: list[str] = msgspec.field(default_factory=list)
    piped: bool = False


class Script(msgspec.Struct):
    """All simple commands, those of substitutions too, whether the text was understood as a whole, and its tokens."""

    commands: list[Command] = msgspec.field(default_factory=list)
    understood: bool = True
    tokens: int = 0


def split(text: str, nesting: int = 0) -> Script:
    """The commands of a script of any text. Never raises."""
    script = Script(understood=len(text) <= MAX_CHARS)
    _Splitter(text[:MAX_CHARS], script, nesting).commands(closing=False)
    return script


class _Splitter:
    def __init__(self, text: str, script: Script, nesting: int) -> None:
        self._text = text
        self._at = 0
        self._script = script
        self._nesting = nesting
        self._awaited: list[tuple[str, bool, bool, Command]] = []  # here documents: end, tabs, expanded, whose

    def commands(self, *, closing: bool) -> list[Command]:
        """The commands up to the end, or up to the parenthesis that closes a substitution."""
        text, found, current, open_ = self._text, list[Command](), Command(), 0
        while self._at < len(text):
            char = text[self._at]
            if char in _BLANKS and (blank := _BLANK.match(text, self._at)):
                self._at = blank.end()
                continue
            if not self._counted():
                break
            if char == "#":
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
                continue
            if char in _MAY_REDIRECT and (redirection := _REDIRECTION.match(text, self._at)):
                self._at = redirection.end()
                self._redirection(current, redirection[1])
                continue
            operator = _OPERATOR.match(text, self._at) if char in _OPERATORS else None
            if operator is None:
                if char == "[" and not current.words and (test := _TEST.match(text, self._at)):
                    self._test(current, test[0])
                else:
                    if not current.words and text.startswith("[[", self._at):
                        self._script.understood = False  # it is not closed
                    current.words.append(self._word())
                continue
            self._at = operator.end()
            sign = operator[0]
            if sign == ")" and closing and open_ == 0:
                self._end(found, current)
                return found
            open_ += (sign == "(") - (sign == ")" and open_ > 0)
            piped = sign in ("|", "|&")
            if current.words or current.redirections:
                self._end(found, current)
                current = Command(piped=piped)
            else:
                current.piped = piped or (current.piped and sign in ("\n", "("))
            if sign == "\n":
                self._here_documents()
        if closing or self._awaited:
            self._script.understood = False
        self._end(found, current)
        return found

    def _counted(self) -> bool:
        """One more token; False, and the rest is left unread, where they are too many."""
        self._script.tokens += 1
        if self._script.tokens <= MAX_TOKENS:
            return True
        self._script.understood = False
        self._at = len(self._text)
        return False

    def _end(self, found: list[Command], command: Command) -> None:
        if command.words or command.redirections:
            found.append(command)
            self._script.commands.append(command)

    def _test(self, command: Command, text: str) -> None:
        """`[[ … ]]`, in which `<` and `&&` mean something else. Only its substitutions run anything."""
        self._at += len(text)
        command.words.append(Word("[["))
        self._expand(text)

    def _redirection(self, command: Command, sign: str) -> None:
        if blank := _BLANK.match(self._text, self._at):
            self._at = blank.end()
        if self._at >= len(self._text) or _OPERATOR.match(self._text, self._at):
            self._script.understood = False
            return
        start = self._at
        target = self._word()
        if sign in ("<<", "<<-"):
            raw = self._text[start : self._at]
            self._awaited.append((target.text, sign == "<<-", not re.search(r"['\"\\]", raw), command))
        elif sign == "<<<":
            command.here.append(target.text)
        command.redirections.append((sign, target))

    def _here_documents(self) -> None:
        awaited, self._awaited = self._awaited, []
        for end, tabs, expanded, command in awaited:
            lines: list[str] = []
            while True:
                if self._at >= len(self._text):
                    self._script.understood = False
                    break
                stop = self._text.find("\n", self._at)
                line = self._text[self._at :] if stop < 0 else self._text[self._at : stop]
                self._at = len(self._text) if stop < 0 else stop + 1
                if (line.lstrip("\t") if tabs else line) == end:
                    break
                lines.append(line)
            body = "\n".join(lines)
            command.here.append(body)
            if expanded:
                self._expand(body)

    def _expand(self, text: str) -> None:
        """Follow the substitutions of a text in which quotes mean nothing."""
        if "$" in text or "`" in text:
            inner = _Splitter(text, self._script, self._nesting + 1)
            inner.text_until("", Word(""))

    def text_until(self, end: str, word: Word) -> None:
        """Read as between double quotes, up to `end` ("" for the end of the text)."""
        text = self._text
        parts = [word.text]
        while self._at < len(text):
            if chunk := _IN_DOUBLE.match(text, self._at):
                found = chunk[0]
                if end == "}" and "}" in found:
                    found = found[: found.index("}")]
                    parts.append(found)
                    self._at += len(found) + 1
                    word.text = "".join(parts)
                    return
                parts.append(found)
                self._at = chunk.end()
                continue
            char = text[self._at]
            if char == end:
                self._at += 1
                word.text = "".join(parts)
                return
            if char == "\\":
                following = text[self._at + 1 : self._at + 2]
                parts.append("" if following == "\n" else following if following in '$`"\\' else char + following)
                self._at += 2
            elif char == '"':
                parts.append(char)
                self._at += 1
            else:
                parts.append(self._expansion(word, quoted=True))
        word.text = "".join(parts)
        if end:
            self._script.understood = False

    def _word(self) -> Word:
        text, word, parts = self._text, Word(""), list[str]()
        while self._at < len(text):
            if chunk := _CHUNK.match(text, self._at):
                parts.append(chunk[0])
                self._at = chunk.end()
                continue
            char = text[self._at]
            if char == "'":
                end = text.find("'", self._at + 1)
                if end < 0:
                    self._script.understood = False
                    end = len(text)
                parts.append(text[self._at + 1 : end])
                self._at = end + 1
            elif char == '"':
                self._at += 1
                parts.append(self._double(word))
            elif char == "\\":
                following = text[self._at + 1 : self._at + 2]
                if not following:
                    self._script.understood = False
                parts.append("" if following == "\n" else following)
                self._at += 2
            elif char in "$`":
                parts.append(self._expansion(word, quoted=False))
            elif char in "<>" and text.startswith("(", self._at + 1):
                self._at += 2
                self._substitution(word)
            elif char.isspace() and char not in _BLANKS and char != "\n":
                parts.append(char)  # other scripts' spaces are letters for a shell
                self._at += 1
            else:
                break
        word.text = "".join(parts)
        return word

    def _double(self, word: Word) -> str:
        inner = Word("")
        self.text_until('"', inner)
        word.fixed = word.fixed and inner.fixed
        word.inner += inner.inner
        return inner.text

    def _expansion(self, word: Word, *, quoted: bool) -> str:
        """A `$…` or backquotes; what of it stays in the word's text."""
        text = self._text
        if not self._counted():
            return ""
        if text[self._at] == "`":
            self._backquoted(word)
            return ""
        if not quoted and (ansi := _ANSI.match(text, self._at)):
            self._at = ansi.end()
            return _ANSI_CODE.sub(_ansi_char, ansi[1])
        if not quoted and text.startswith('$"', self._at):
            self._at += 2
            return self._double(word)
        arithmetic = _ARITHMETIC.match(text, self._at)
        if arithmetic and not _TWO_WORDS.search(
            arithmetic[1]
        ):  # else it may be `$((cmd arg); …)`, which runs something
            word.fixed = False
            self._at = arithmetic.end()
            self._expand(arithmetic[1])
            return ""
        if text.startswith("$(", self._at):
            self._at += 2
            self._substitution(word)
            return ""
        if known := _BRACED.match(text, self._at) or _VARIABLE.match(text, self._at):
            word.fixed = False
            self._at = known.end()
            return known[0]
        if text.startswith("${", self._at):
            word.fixed = False
            self._at += 2
            inner = Word("")
            if self._deeper():
                self._nesting += 1
                self.text_until("}", inner)
                self._nesting -= 1
            word.inner += inner.inner
            return "${" + inner.text + "}"
        self._at += 1
        return "$"

    def _deeper(self) -> bool:
        """False where nothing is followed any further."""
        if self._nesting < MAX_NESTING:
            return True
        self._script.understood = False
        self._at = len(self._text)
        return False

    def _substitution(self, word: Word) -> None:
        word.fixed = False
        if self._deeper():
            self._nesting += 1
            word.inner += self.commands(closing=True)
            self._nesting -= 1

    def _backquoted(self, word: Word) -> None:
        word.fixed = False
        found = _BACKQUOTED.match(self._text, self._at)
        if found is None:
            self._script.understood = False
            self._at += 1
            return
        self._at = found.end()
        if self._deeper():
            inner = _Splitter(_ESCAPED.sub(r"\1", found[1]), self._script, self._nesting + 1)
            word.inner += inner.commands(closing=False)


_ANSI_NAMES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}


def _ansi_char(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "xuU" and len(code) > 1:
        number = int(code[1:], 16)
    elif code[0] in "01234567":
        number = int(code, 8)
    else:
        return _ANSI_NAMES.get(code, code)
    return chr(number) if number < 0x110000 else ""
