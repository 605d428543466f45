"""Files that hold secrets, by their names: an automatic commit leaves them out."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

_FILES = (
    ".env", ".env.*", "*.env", ".envrc", "id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk",
    "*.pem", "*.key", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.keystore", "*.kdbx", "*.kdb", "*.gpg", "*.asc", "*.age",
    ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials", ".dockercfg",
    "credentials", "credentials.json", "credentials.y*ml", "client_secret*.json", "service-account*.json",
    "service_account*.json", "secret.*", "secrets.*", "*.secret", "*.secrets", "kubeconfig", "*.kubeconfig", "*.tfvars",
    "auth.json", ".credentials.json", "token.json", ".vault-token", "vault_pass*", ".vault_pass*", "*.ovpn",
    "serviceaccount*.json", "*-service-account*.json", "*adminsdk*.json", "*.tfstate", "*.tfstate.*", ".*_history",
    ".history", ".zhistory", ".histfile", ".lesshst", ".viminfo", ".dbshell", "wallet.dat", "fish_history",
    "consolehost_history.txt",
)  # fmt: skip
_DIRECTORIES = frozenset({".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store", "gcloud"})
_HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults", ".env.*.example",
             "*.example.env", "secrets.example.*", "secret.example.*", "*.tfvars.example")  # fmt: skip
_SOURCE = (".py", ".go", ".rs", ".js", ".ts", ".tsx", ".jsx", ".java", ".rb", ".c", ".h", ".cc", ".cpp", ".cs", ".kt",
           ".md", ".rst", ".html", ".css", ".sh", ".ex", ".swift", ".scala", ".php")  # fmt: skip
_BACKUP = re.compile(
    r"(~|\.~\d+~|[._-]\d{1,14}| copy( \d+)?| \(copy( \d+)?\)"
    r"|[._-](bak|backup|bkp?|old|orig|original|saved?|copy|prev|tmp|rpm(save|new|orig)|dpkg-(old|new|dist|bak)|sw[a-p])\d*)$"
)
"""What editors, package managers and people append to the name of a file that they keep the old version of."""

_SWAP = re.compile(r"\.(?P<name>.+)\.sw[a-p]|\.?#(?P<locked>[^#]+)#?")
"""Vim puts a dot before the name of its swap file too, Emacs `#` around that of its own."""


def looks_secret(path: str) -> bool:
    """True if a file of this name usually holds a key, a password or a token.

    Templates (`.env.example`) and source code (`secrets.py`) do not count. A backup counts as what it is a backup of.

    Args:
        path: relative, with `/`.
    """
    *directories, name = path.lower().split("/")
    if any(directory in _DIRECTORIES for directory in directories):
        return True
    names = _names_behind(name)
    if any(each.endswith(_SOURCE) or _is_one_of(each, _HARMLESS) for each in names):
        return False
    return any(_is_one_of(each, _FILES) for each in names)


def _is_one_of(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _names_behind(name: str) -> list[str]:
    """The name, and those of the files that it may be a backup of."""
    names = [name]
    if match := _SWAP.fullmatch(name):
        names.append(match["name"] or match["locked"])
    for each in names:  # it grows: `.env.bak~` is a backup of a backup
        shorter = _BACKUP.sub("", each)
        if shorter and shorter not in names:
            names.append(shorter)
    return names
