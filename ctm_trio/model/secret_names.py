"""Files that hold secrets, by their names: an automatic commit leaves them out."""

from __future__ import annotations

from fnmatch import fnmatchcase

_FILES = (
    ".env", ".env.*", "*.env", ".envrc", "id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk",
    "*.pem", "*.key", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.keystore", "*.kdbx", "*.kdb", "*.gpg", "*.asc", "*.age",
    ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials", ".dockercfg",
    "credentials", "credentials.json", "credentials.y*ml", "client_secret*.json", "service-account*.json",
    "service_account*.json", "secret.*", "secrets.*", "*.secret", "*.secrets", "kubeconfig", "*.kubeconfig", "*.tfvars",
    "auth.json", ".credentials.json", "token.json", ".vault-token", "vault_pass*", ".vault_pass*", "*.ovpn",
)  # fmt: skip
_DIRECTORIES = frozenset({".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store", "gcloud"})
_HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults", ".env.*.example",
             "*.example.env", "secrets.example.*", "secret.example.*", "*.tfvars.example")  # fmt: skip
_SOURCE = (".py", ".go", ".rs", ".js", ".ts", ".tsx", ".jsx", ".java", ".rb", ".c", ".h", ".cc", ".cpp", ".cs", ".kt",
           ".md", ".rst", ".html", ".css", ".sh", ".ex", ".swift", ".scala", ".php")  # fmt: skip


def looks_secret(path: str) -> bool:
    """True if a file of this name usually holds a key, a password or a token.

    Templates (`.env.example`) and source code (`secrets.py`) do not count.

    Args:
        path: relative, with `/`.
    """
    *directories, name = path.lower().split("/")
    if any(directory in _DIRECTORIES for directory in directories):
        return True
    if any(fnmatchcase(name, pattern) for pattern in _HARMLESS) or name.endswith(_SOURCE):
        return False
    return any(fnmatchcase(name, pattern) for pattern in _FILES)
