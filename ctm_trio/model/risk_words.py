"""Names, paths and words by which a call is judged, as data: what reads, what runs other commands, what is written.

The rules of what is of high risk are in `model/risk_rules.py`. Source: PROTOCOL.md, Requests.
"""

from __future__ import annotations

import re

from ctm_trio.model.risk_rules import names

VALUE_OPTIONS: dict[str, frozenset[str]] = {
    "git": frozenset(names("-C -c --git-dir --work-tree --namespace --exec-path --super-prefix --config-env")),
    "docker": frozenset(names("-H --host -c --context --config -l --log-level")),
    "docker-compose": frozenset(names("-f --file -p --project-name")),
    "kubectl": frozenset(names("-n --namespace --context --cluster --kubeconfig --user -s --server --as --token")),
    "helm": frozenset(names("-n --namespace --kube-context --kubeconfig")),
    "npm": frozenset(names("--prefix -w --workspace --registry --userconfig -C")),
    "pnpm": frozenset(names("-C --dir --filter -F")),
    "yarn": frozenset(names("--cwd")),
    "cargo": frozenset(names("--manifest-path --color --config -Z -C")),
    "gh": frozenset(names("-R --repo --hostname")),
    "uv": frozenset(names("--directory --project --config-file")),
}
"""Options before the subcommand that take the next word as their value."""

PROTECTED = re.compile(
    r"(?:^|/)(?:\.ssh|\.gnupg|\.aws|\.kube|\.husky)(?:/|$)|(?:^|/)\.docker/config\.json$"
    r"|(?:^|/)\.git/(?:hooks|config|info)(?:/|$)"
    r"|(?:^|/)\.config/(?:fish|systemd|autostart|gh|git)(?:/|$)"
    r"|(?:^|/)\.(?:bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|zshrc|zshenv|zprofile|zlogin|zlogout"
    r"|kshrc|cshrc|tcshrc|login|xprofile|xinitrc|inputrc|envrc|netrc|npmrc|pypirc|gitconfig|pgpass|my\.cnf)$"
    r"|(?:^|/)\.env(?:\.(?!example$|sample$|template$|dist$|defaults$)[\w.-]+)?$"
    r"|(?:^|/)\.claude(?:/settings[\w.]*\.json$|/hooks(?:/|$)|\.json$)|(?:^|/)\.mcp\.json$"
    r"|(?:^|/)(?:authorized_keys|sudoers|crontab)$|(?:^|/)library/launch(?:agents|daemons)(?:/|$)"
    r"|^(?:\.\./)*/?(?:private/)?etc(?:/|$)|^/(?:usr(?!/src/)|bin|sbin|lib\w*|boot|sys|proc|system|library)(?:/|$)"
    r"|^/var/(?:spool/cron|lib|run)(?:/|$)|^/dev/(?!null$|stdout$|stderr$|stdin$|tty$|fd/|shm/|zero$|full$)"
)
"""Paths (in small letters) that decide what runs, who may log in, or how the machine works: writing there is high."""

SCRATCH = re.compile(
    r"^(?:/private)?/(?:tmp|var/tmp|var/folders|dev/shm)/|^/dev/(?:null|stdout|stderr|tty|full|fd/.*)$|^&?\d+-?$|^-$"
)
"""Targets of a redirection that nobody misses."""

OUTPUT_NAME = re.compile(
    r"\.(?:log|out|err|tmp|temp|diff|patch|pid|trace|prof)$"
    r"|(?:^|/)(?:out|output|result|results|log|logs|tmp|temp|report|trace|stdout|stderr|errors?"
    r"|nohup)(?:[._-][\w.-]*)?$"
)
"""Names (in small letters) that a file has which is only made to be overwritten."""

WRITERS = frozenset(
    names(
        "cp mv ln install rsync scp sftp tee sed gsed perl touch mkdir patch curl wget tar unzip gunzip ed ex vi vim"
        " nano emacs dd split csplit sponge aria2c 7z cpio"
    )
)
"""Commands that write to paths among their arguments."""

NETWORK = frozenset(
    names("curl wget fetch http https httpie xh aria2c lynx w3m links nc ncat netcat socat ftp tftp ssh scp")
)
"""Commands that bring something from the network."""

DECODERS = frozenset(names("base64 base32 xxd openssl uudecode gzip gunzip zcat bzcat xzcat gpg rev tr printf"))
"""Commands that may make a script of something that does not look like one."""

SHELLS = frozenset(names("sh bash zsh dash ksh mksh ash fish csh tcsh rbash pwsh"))
INTERPRETERS = frozenset(
    names(
        "python python2 python3 pypy pypy3 perl ruby node nodejs deno bun php lua osascript tclsh Rscript"
        " julia awk gawk"
    )
)

CODE = re.compile(
    r"rmtree|os\.(?:remove|unlink|rmdir|removedirs|kill|chmod|chown|truncate)|\.unlink\(|\bunlink\b|rmSync"
    r"|rmdirSync|unlinkSync|fs\.rm\b|fs\.unlink|FileUtils\.rm|File\.(?:delete|unlink|chmod)|Dir\.(?:rmdir"
    r"|delete)|delete_dir|shell_exec"
    r"|rmdir\(|do shell script"
)
"""What code of an interpreter says when it deletes or changes rights."""

HIGH_NAMES = frozenset(
    names(
        "rm rmdir shred mkfs dd sudo doas chmod chown chgrp setfacl visudo usermod passwd iptables shutdown reboot"
        " poweroff wipefs truncate unlink crontab dropdb srm push publish authorized_keys --force -rf -fr -Rf -fR"
        " -delete Remove-Item Format-Volume Invoke-Expression iex"
    )
)
"""Words for which a command that nobody understands is taken for high."""

HIGH_PHRASES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("drop", re.compile(r"\bdrop\s+(?:table|database)", re.IGNORECASE)),
    ("truncate", re.compile(r"\btruncate\s+table", re.IGNORECASE)),
    ("delete", re.compile(r"\bdelete\s+from", re.IGNORECASE)),
    ("--hard", re.compile(r"\breset\s+--hard")),
    ("clean", re.compile(r"\bgit\s+clean")),
    ("sh", re.compile(r"\|\s{0,20}(?:\S{0,60}/)?(?:ba|z|da|k)?sh\b")),
    ("terraform", re.compile(r"\bterraform\s+(?:apply|destroy)")),
    ("kill", re.compile(r"\bkill\s+-9\s+-1")),
    ("/etc/", re.compile("/etc/")),
    (".ssh/", re.compile(r"\.ssh/")),
    ("del", re.compile(r"\bdel\s+/", re.IGNORECASE)),
    ("rd", re.compile(r"\brd\s+/", re.IGNORECASE)),
)
"""Patterns for which it is, too, each after a text (in small letters) without which it need not be tried."""

ALWAYS = re.compile(
    r"[;&|]\s{0,99}(?:sudo\s{1,9})?rm\s{1,9}-|:\s{0,9}\(\s{0,9}\)\s{0,9}\{[^}]{0,40}\|[^}]{0,40}&[^}]{0,40}\}|>\s*/dev/(?:sd|nvme|hd|vd|disk|mem|kmem)"
)
"""What is high wherever it stands, in quotes and comments too: a second look costs little."""

RESERVED = frozenset(
    names("if then elif else fi while until do done { } ! time coproc esac noglob nocorrect - builtin function")
)
"""Words before a command, or around commands, that do nothing themselves."""

WRAPPERS: dict[str, str] = {
    "sudo": "u g h p C T r t D R U",
    "doas": "u C",
    "env": "u C",
    "nohup": "",
    "nice": "n",
    "ionice": "c n p",
    "chrt": "p",
    "timeout": "k s 1",
    "gtimeout": "k s 1",
    "stdbuf": "i o e",
    "setsid": "",
    "command": "",
    "exec": "a",
    "unbuffer": "",
    "xargs": "I n P L d a s E",
    "gxargs": "I n P L d a s E",
    "parallel": "j S",
    "watch": "n",
    "chroot": "1",
    "unshare": "",
    "nsenter": "t",
    "flock": "w E 1",
    "strace": "o e p",
    "ltrace": "o e",
    "caffeinate": "t",
    "chronic": "",
    "busybox": "",
    "npx": "p",
    "bunx": "",
    "uvx": "",
    "pipx run": "",
    "npm exec": "",
    "pnpm exec": "",
    "pnpm dlx": "",
    "yarn dlx": "",
    "yarn exec": "",
    "uv run": "p",
    "poetry run": "",
    "pipenv run": "",
    "bundle exec": "",
    "rye run": "",
    "hatch run": "",
    "pdm run": "",
    "conda run": "n p",
    "mamba run": "n p",
    "direnv exec": "1",
    "op run": "",
    "doppler run": "",
    "mise exec": "",
    "asdf exec": "",
    "nix-shell": "p",
    "aws-vault exec": "1",
    "kubectl exec": "n c 1",
    "docker exec": "u w e 1",
    "podman exec": "u w e 1",
    "docker compose exec": "u w e 1",
    "docker-compose exec": "u w e 1",
    "git submodule foreach": "",
    "git bisect run": "",
    "systemd-run": "u p",
    "time": "f o",
    "gtime": "f o",
    "entr": "",
    "winpty": "",
    "taskset": "1",
    "numactl": "N m",
    "proxychains": "",
    "torsocks": "",
    "script": "1",
    "faketime": "1",
    "xvfb-run": "",
    "ssh": "p i l o F J L R D E c m b B e I O Q S W w 1",
    "catchsegv": "",
    "valgrind": "",
    "perf stat": "",
    "hyperfine": "w r",
    "eatmydata": "",
    "fakeroot": "",
    "dotenv": "e f",
    "cross-env": "",
    "su": "g G s w",
    "trap": "",
    "eval": "",
}
"""Commands that run the rest of their words: short options that take a value, and how many operands come first."""

READERS: dict[str, str] = {
    **dict.fromkeys(
        names(
            "ls ll la dir pwd wc echo printf true false : test [ [[ which type whereis file stat du df cut nl tac"
            " rev diff cmp"
            " comm join paste column basename dirname realpath readlink uptime whoami id groups uname printenv ps"
            " free lsof"
            " netstat strings md5sum sha1sum sha256sum sha512sum cksum b2sum md5 shasum man help cd pushd popd"
            " dirs sleep seq expr"
            " grep egrep fgrep zgrep ag ack cat bat head tail less more hexdump od jobs wait read for case select"
            " in function"
            " return exit break continue shift local declare typeset getconf nproc arch tty locale lscpu lsblk"
            " tokei cloc scc"
            " jq fold fmt expand numfmt zcat bzcat xzcat look pgrep pidof getent apropos hash alias let exa eza"
            " esac fi done factor cal tput"
        ),
        "",
    ),
    "rg": r"--pre(?=[\s=]|$)",
    "tree": r"(?:^|\s)-o",
    "sort": r"(?:^|\s)(?:-\w*o|--output|--compress-program)",
    "uniq": r"^(?:-\S+\s+)*[^-\s]\S*\s+\S",
    "yq": r"(?:^|\s)-\w*i|--inplace",
    "date": r"(?:^|\s)-\w*s|--set|^\d",
    "hostname": r"^[^-]",
    "find": r"(?:^|\s)-(?:delete|exec\w*|ok\w*|fprint\w*|fls)(?=\s|$)",
    "fd": r"(?:^|\s)(?:-\w*[xX]|--exec\S*)(?=\s|$)",
    "sed": r"^(?!-n -?e? ?[\d,$;pq= ]+(?:\s|$)|-ne [\d,$;pq= ]+(?:\s|$)).",
    "xxd": r"(?:^|\s)-r",
    "tr": "",
    "ss": r"-\w*K|--kill",
    "command": r"^(?!-[vV] )",
    "env": r".",
    "xargs": r".",
}
"""Commands that only read, each with a pattern of arguments with which it does more ("" for none)."""

READING_VERBS: dict[str, tuple[str, str]] = {
    "git": (
        "status log diff show blame annotate rev-parse ls-files ls-tree ls-remote describe shortlog cat-file"
        " grep rev-list"
        " merge-base name-rev for-each-ref count-objects whatchanged version help check-ignore check-attr diff-tree"
        " diff-index diff-files show-ref show-branch cherry range-diff var|stash list|stash show|worktree"
        " list|reflog show"
        "|remote show|remote get-url|config --get|config --list|config -l|config get|config list|submodule status"
        "|bisect log|notes show|notes list|lfs ls-files",
        r"--output|(?:^|\s)-O|--open-files|--ext-diff|--textconv|--upload-pack|(?:^|\s)-c(?=\s)|--exec-path"
        r"|--config-env",
    ),
    "docker": (
        "ps images logs inspect version info top stats port diff history|container ls|image ls|volume ls"
        "|network ls|compose ps|compose logs|compose config|system df",
        "",
    ),
    "kubectl": (
        "get describe logs explain version top api-resources cluster-info|config view|config current-context"
        "|rollout status|rollout history|auth can-i",
        "",
    ),
    "gh": (
        "status|pr view|pr list|pr status|pr diff|pr checks|issue view|issue list|issue status|run view|run list"
        "|run watch|repo view|repo list|release list|release view|search|auth status|workflow list|workflow view",
        r"--web",
    ),
    "npm": ("ls list view info outdated explain root prefix help search why", ""),
    "pip": ("list show freeze check help", ""),
    "pip3": ("list show freeze check help", ""),
    "cargo": ("tree metadata search version help pkgid locate-project", ""),
    "go": ("list version env doc", r"(?:^|\s)-w|(?:^|\s)-u|-toolexec"),
    "systemctl": ("status list-units list-unit-files show cat is-active is-enabled list-timers", ""),
    "terraform": ("show output validate version providers graph|state list|state show|workspace list", ""),
    "brew": ("list info search deps outdated config doctor", ""),
    "apt": ("list show search policy", ""),
    "tmux": ("ls list-sessions list-windows list-panes display-message capture-pane", ""),
}
"""Subcommands that only read (words of one by blanks, longer ones by bars), and arguments with which they do more."""

VERSION = re.compile(r"^(?:--version|-V|--help)$")
"""Arguments with which any program only says something about itself."""

READING_TOOLS = frozenset(
    names(
        "Read Glob Grep LS WebSearch NotebookRead TodoRead TodoWrite BashOutput TaskOutput TaskList TaskGet ToolSearch"
        " ListMcpResources ListMcpResourcesTool ReadMcpResource ReadMcpResourceTool AskUserQuestion LSP"
    )
)
"""Tools that only read."""

WRITING_TOOLS: dict[str, str] = {
    "Write": "file_path",
    "Edit": "file_path",
    "MultiEdit": "file_path",
    "NotebookEdit": "notebook_path",
}
"""Tools that write a file, and where its path is."""

MCP_VERBS = frozenset(
    names(
        "delete remove drop destroy purge truncate wipe erase publish push merge deploy release revoke grant chmod kill"
        " terminate reset force rollback transfer pay refund unpublish overwrite replace"
    )
)
"""Words in the name of a tool of an MCP server for which it is high. None makes one low: its server chose the name."""

SQL = re.compile(
    r"(?i)\b(?:drop\s+(?:table|database|schema|index|view|user|role|column)|truncate\s+(?:table\s+)?\w"
    r"|delete\s+from|grant\s|revoke\s)"
)
"""Statements in a text for a database that delete or change rights."""
