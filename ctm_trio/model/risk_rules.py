"""The rules by which a command is judged, as data: which is of high risk, and why.

Source: PROTOCOL.md, Requests: high is what deletes, overwrites, pushes, publishes, changes rights or pipes the network
into a shell; low is reading. `model/shell_risk.py` applies them, with the names, paths and words of
`model/risk_words.py`.
"""

from __future__ import annotations

import msgspec


class Rule(msgspec.Struct, frozen=True):
    """Commands of high risk.

    Attributes:
        why: what they do, in a few words.
        commands: their names.
        verbs: subcommands, each of one or more words ("release create"); () if the command needs none.
        text: a pattern that the arguments (joined by blanks) must contain.
        unless: one that they must not contain.
        operands: so many arguments that are no options.
    """

    why: str
    commands: tuple[str, ...]
    verbs: tuple[str, ...] = ()
    text: str = ""
    unless: str = ""
    operands: int = 0


def names(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


def _verbs(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


def _flag(short: str, *long: str) -> str:
    """A pattern of an option: a letter, alone or in a cluster, or one of these long names."""
    names = [rf"-[A-Za-z0-9]*{short}[A-Za-z0-9]*"] if short else []
    return r"(?:^|\s)(?:" + "|".join(names + [rf"--{name}" for name in long]) + r")(?=[\s=]|$)"


_HELP = r"^(?:-h|--help|--version)$"
_SQL = r"(?i)\b(?:drop|truncate|delete)\b"
_DOCKER = names("docker podman nerdctl")
_PACKERS = names("npm pnpm yarn bun")

RULES: tuple[Rule, ...] = (
    # What deletes
    Rule("deletes files", names("rm rmdir unlink srm shred trash trash-put"), operands=1),
    Rule("deletes what it finds", names("find gfind"), text=r"(?:^|\s)-delete(?=\s|$)"),
    Rule("cuts files short", names("truncate blkdiscard wipefs fallocate"), unless=_HELP),
    Rule("deletes untracked files", ("git",), ("clean",), unless=_flag("n", "dry-run")),
    Rule("deletes files", ("git",), ("rm",), unless=_flag("n", "dry-run", "cached")),
    Rule("deletes a branch or a tag", ("git",), ("branch",), text=_flag("[DM]", "force") + "|" + _flag("d", "delete")),
    Rule("deletes a tag", ("git",), ("tag",), text=_flag("[df]", "delete", "force")),
    Rule(
        "throws away saved work",
        ("git",),
        _verbs(
            "stash drop, stash clear, reflog expire, reflog delete, worktree remove, update-ref, "
            "filter-branch, filter-repo, prune"
        ),
    ),
    Rule("throws away old commits", ("git",), ("gc",), text=r"--prune"),
    Rule(
        "deletes rows or tables",
        names("psql mysql mariadb sqlite3 sqlite duckdb sqlcmd bq clickhouse-client cqlsh"),
        text=_SQL,
    ),
    Rule("deletes data", names("redis-cli valkey-cli"), text=r"(?i)\b(?:flushall|flushdb|del|unlink)\b"),
    Rule("deletes data", names("mongo mongosh"), text=r"(?i)\b(?:drop\w*|delete\w*|remove)\("),
    Rule(
        "deletes a database",
        names("dropdb dropuser mysqladmin"),
        text=r".",
        unless=r"(?:status|ping|processlist|--help)",
    ),
    Rule(
        "resets a database",
        names("rails rake manage.py prisma alembic artisan"),
        text=r"(?:db:(?:drop|reset|purge|rollback)|\bflush\b|migrate[ :](?:reset|fresh)|\bdowngrade\b|db push)",
    ),
    Rule(
        "deletes containers, images or volumes",
        _DOCKER,
        _verbs(
            "rm, rmi, container rm, image rm, volume rm, network rm, system prune, image prune, "
            "volume prune, container prune, network prune, builder prune, buildx prune, compose rm, "
            "stack rm, service rm, secret rm, context rm"
        ),
    ),
    Rule(
        "deletes containers and their volumes",
        (*_DOCKER, "docker-compose"),
        text=r"\bdown\b.*(?:\s-v\b|--volumes|--rmi)",
    ),
    Rule("deletes containers", ("docker-compose",), ("rm",)),
    Rule("deletes from a cluster", names("kubectl oc k3s"), ("delete", "drain", "kubectl delete")),
    Rule("replaces in a cluster", names("kubectl oc"), ("apply", "replace"), text=r"--prune|--force"),
    Rule("removes or resets a release", ("helm",), ("uninstall", "delete", "rollback")),
    Rule(
        "changes or destroys what runs",
        names("terraform tofu terragrunt"),
        _verbs("destroy, apply, state rm, state push, workspace delete, taint, force-unlock, run-all, import"),
    ),
    Rule(
        "changes or destroys what runs",
        names("pulumi cdk serverless sls sst"),
        ("up", "destroy", "deploy", "remove", "refresh", "stack rm", "import"),
    ),
    Rule(
        "deletes in the cloud",
        ("aws",),
        text=r"\bs3 (?:rm|rb|mv)\b|--delete\b|\s(?:delete|terminate|remove|deregister|purge|revoke|disable)-",
    ),
    Rule(
        "changes rights in the cloud",
        ("aws",),
        text=r"^iam (?!get|list)|\sput-bucket-(?:policy|acl)|\s(?:attach|detach|put)-\S*policy",
    ),
    Rule(
        "deletes or deploys in the cloud",
        names("gcloud az doctl linode-cli hcloud flyctl fly heroku"),
        text=r"\b(?:delete|destroy|remove|deploy|purge|add-iam-policy-binding|set-iam-policy|\w+:destroy)\b",
    ),
    Rule(
        "deletes in the cloud",
        names("gsutil rclone s3cmd mc b2 azcopy"),
        ("rm", "rb", "del", "delete", "purge", "sync", "rmdir", "rmdirs", "deletefile", "move", "mv", "remove"),
    ),
    Rule("deletes what the source lacks", ("rsync",), text=r"--(?:delete\S*|del|remove-source-files)(?=\s|$)"),
    Rule(
        "removes packages of the system",
        names("apt apt-get dnf yum zypper pacman apk brew snap flatpak port"),
        text=r"^(?:\S*\s)*?(?:remove|purge|autoremove|erase|del|uninstall|-R\w*)(?=\s|$)",
    ),
    Rule("deletes volumes or file systems", names("lvremove vgremove pvremove swapoff cryptsetup mdadm"), unless=_HELP),
    Rule(
        "deletes volumes or file systems", names("zfs zpool btrfs"), text=r"\b(?:destroy|rollback|delete|labelclear)\b"
    ),
    Rule("deletes keys", names("gpg gpg2"), text=r"--delete"),
    Rule("deletes the schedule or replaces it", ("crontab",), unless=r"^(?:-u \S+ )?-l$|^-h$|^--help$"),
    # What overwrites
    Rule("overwrites a device or a file", ("dd",), text=r"(?:^|\s)of="),
    Rule(
        "makes a file system",
        names(
            "mkfs mke2fs mkswap fdisk sfdisk gdisk sgdisk parted diskutil mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs"
            " mkfs.btrfs mkfs.fat mkfs.vfat mkfs.ntfs newfs"
        ),
        unless=_HELP + r"|^list\b|^info\b|^-l$",
    ),
    Rule("overwrites files", names("mv cp ln install"), text=_flag("f", "force")),
    Rule("overwrites files", ("unzip",), text=_flag("o")),
    Rule("overwrites files", ("tar",), text=r"--overwrite|--unlink-first|--recursive-unlink|--remove-files"),
    Rule("discards changes", ("git",), ("reset",), text=r"--(?:hard|merge|keep)"),
    Rule(
        "discards changes", ("git",), ("checkout",), text=_flag("f", "force") + r"|(?:^|\s)--(?=\s)|(?:^|\s)\.(?=\s|$)"
    ),
    Rule("discards changes", ("git",), ("switch",), text=_flag("f", "force", "discard-changes") + "|" + _flag("C")),
    Rule("discards changes", ("git",), ("restore",), unless=r"^(?!.*(?:--worktree|-\w*W)).*(?:--staged|\s-S)"),
    Rule("discards changes", ("git",), ("checkout-index",), text=_flag("f", "force")),
    Rule("overwrites or skips checks", ("*",), text=r"(?:^|\s)--force(?:-with-lease\S*)?(?=\s|$|=true)"),
    # What publishes
    Rule(
        "pushes", ("git",), ("push", "lfs push", "subtree push", "send-pack", "svn dcommit", "p4 submit", "send-email")
    ),
    Rule("pushes", names("hg jj fossil"), ("push", "git push", "sync")),
    Rule("commits to the server", ("svn",), ("commit", "ci", "delete", "import")),
    Rule(
        "publishes a package",
        _PACKERS,
        ("publish", "unpublish", "deprecate", "dist-tag", "owner", "access", "npm publish", "token", "pm version"),
    ),
    Rule("publishes a package", ("cargo",), ("publish", "yank", "owner", "login", "release")),
    Rule(
        "publishes a package",
        names("twine gem poetry uv flit hatch pdm maturin rye"),
        ("upload", "push", "publish", "yank", "owner"),
    ),
    Rule(
        "publishes a package",
        names(
            "mvn mvnw gradle gradlew sbt mix dotnet pod vsce ovsx lerna changeset nx goreleaser"
            " conan luarocks dart flutter"
        ),
        text=r"(?:^|[\s:])(?:deploy|publish\w*|release|upload|push)\b",
    ),
    Rule("publishes a package", names("semantic-release release-it"), unless=_HELP + "|--dry-run"),
    Rule(
        "publishes an image",
        (*_DOCKER, "helm", "oras", "crane", "cosign"),
        ("push", "image push", "manifest push", "compose push", "plugin push", "copy", "sign", "attach"),
    ),
    Rule("publishes an image", ("skopeo",), ("copy", "sync", "delete")),
    Rule("publishes an image", _DOCKER, ("buildx build", "build"), text=r"--push"),
    Rule(
        "publishes or changes what others see",
        names("gh glab hub tea"),
        _verbs(
            "release create, release delete, release edit, release upload, pr merge, pr create, pr close, "
            "pr comment, pr review, pr edit, pr ready, pr reopen, mr merge, mr create, mr close, "
            "mr approve, issue create, issue close, issue comment, issue delete, issue edit, "
            "issue transfer, gist create, gist edit, gist delete, repo create, repo delete, repo edit, "
            "repo archive, repo rename, repo sync, repo fork, secret set, secret delete, variable set, "
            "variable delete, workflow run, workflow enable, workflow disable, run cancel, run delete, "
            "run rerun, ssh-key add, ssh-key delete, gpg-key add, auth token, cache delete, label delete, "
            "ruleset, deploy-key"
        ),
    ),
    Rule(
        "changes what others see",
        names("gh glab"),
        ("api",),
        text=(
            r"(?:-X|--method)[ =]?(?!GET|get)[A-Za-z]+|(?:^|\s)(?:-[fF]|--field|--raw-field|--input)(?=[\s=])"
            r"|mutation"
        ),
    ),
    Rule(
        "deploys",
        names("vercel netlify firebase wrangler surge eas railway render amplify eb cf dokku cap kamal"),
        text=r"\b(?:deploy|publish|delete|remove|up|push|submit|rollback|promote|destroy|terminate)\b|--prod|^$",
    ),
    Rule(
        "deletes on a server",
        names("curl http https xh httpie"),
        text=r"(?:^|\s)(?:-X ?|--request[ =])?DELETE(?=\s|$)",
    ),
    # What changes rights
    Rule(
        "changes rights",
        names("chmod chown chgrp setfacl chattr chflags setcap icacls takeown chcon restorecon setenforce semanage"),
        operands=1,
    ),
    Rule("acts as another user", names("sudo doas pkexec su runuser gosu visudo vipw"), unless=_HELP),
    Rule(
        "changes users",
        names(
            "usermod useradd userdel adduser deluser groupadd groupdel groupmod gpasswd passwd chpasswd chage"
            " chsh dscl dseditgroup"
        ),
        unless=_HELP,
    ),
    Rule("changes keys", ("ssh-keygen",), unless=_flag("[lyFBE]") + "|" + _HELP),
    Rule("changes keys", names("ssh-copy-id ssh-add update-ca-certificates"), unless=_HELP + r"|^-[lL]$"),
    Rule(
        "changes the firewall",
        names("iptables ip6tables iptables-restore nft ufw firewall-cmd pfctl ipset"),
        unless=r"^(?:-\w*L\w*( .*)?|-S|list .*|status.*|--list.*|--state)$",
    ),
    Rule(
        "gives a container the machine",
        _DOCKER,
        ("run", "create", "container run", "compose run"),
        text=r"--privileged|(?:-v|--volume)[ =]?/(?::|etc|root|home:|var/run/docker)|--pid[ =]host|docker\.sock",
    ),
    Rule(
        "weakens the machine's protection",
        names("csrutil spctl security sysctl modprobe insmod rmmod kextload nvram mount umount launchctl tccutil"),
        unless=r"^(?:status|-a|list|find-\S+.*|print.*|-l|)$",
    ),
    Rule("lets the client act without asking", ("claude",), text=r"--dangerously|bypassPermissions"),
    # What stops the machine
    Rule("stops the machine", names("shutdown reboot halt poweroff telinit killall5"), unless=_HELP),
    Rule("stops the machine", ("init",), text=r"^[016S]$"),
    Rule(
        "stops services",
        ("systemctl",),
        ("poweroff", "reboot", "halt", "kexec", "suspend", "mask", "isolate", "rescue", "emergency"),
    ),
    Rule(
        "ends every process",
        ("kill",),
        text=r"(?:^|\s)-1$|(?:^|\s)-1\s+-1|--\s+-1(?=\s|$)|-(?:9|KILL|SIGKILL|s KILL|s 9)\s+(?:-1|0|1)(?=\s|$)",
    ),
    Rule(
        "ends every process of a user",
        names("pkill killall"),
        text=_flag("[uU]", "euid", "uid", "user") + r"|(?:^|\s)\.\*?$",
    ),
)
"""The first that fits counts. "*" is every command."""

RULES_OF: dict[str, tuple[Rule, ...]] = {
    name: tuple(rule for rule in RULES if name in rule.commands or "*" in rule.commands)
    for name in {name for rule in RULES for name in rule.commands}
}
"""The rules by command, for a quick look; those of "*" are among every command's."""
