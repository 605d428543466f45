"""Which processes are shells that read their terminal: a text and Enter there would be a command."""

from __future__ import annotations

import pytest

from ctm_trio.system.shell_words import reads_terminal


@pytest.mark.parametrize(
    "words",
    [
        "bash",
        "-bash",
        "/usr/bin/zsh -l",
        "bash --rcfile /dev/null -i",
        "bash --rcfile /dev/null",
        "bash -rcfile /dev/null",
        "bash --init-file F",
        "bash --norc --noprofile",
        "bash -norc",
        "bash -O extglob",
        "bash +O extglob -o vi",
        "ksh -o vi",
        "zsh -o extendedglob",
        "zsh --emulate sh",
        "dash -eo pipefail",
        "rbash",
        "bash -s word",
        "bash -i",
        "fish -C true",
        "fish --init-command true",
        "fish -d categories",
        "xonsh --rc file.xsh",
        "nu --config config.nu",
        "elvish -rc rc.elv",
        "bash --something-new word",
        "bash -",
    ],
)
def test_a_shell_that_reads_its_terminal(words: str) -> None:
    """A word that belongs to an option is not a script, and in doubt it is a shell."""
    assert reads_terminal(words.split())


@pytest.mark.parametrize(
    "words",
    [
        "claude --resume",
        "python -i",
        "bash script.sh",
        "bash -e script.sh -i",
        "sh -c command",
        "bash -lc command",
        "bash --norc -euo pipefail -c command",
        "bash -O extglob script.sh",
        "bash --rcfile F script.sh",
        "dash -- script.sh",
        "fish -lc command",
        "fish --command command",
        "nu script.nu",
    ],
)
def test_a_script_or_a_command(words: str) -> None:
    """What runs there has the terminal."""
    assert not reads_terminal(words.split())
