"""The arrows between packages, held by the AST: who may import whom."""

from __future__ import annotations

import ast
from pathlib import Path

import ctm_trio

PACKAGE = Path(ctm_trio.__file__).parent

# A room and the rooms it may import from. "" is the top level (channels, errors, messages, supervise, …).
ALLOWED: dict[str, frozenset[str]] = {
    "archive": frozenset({"archive", "errors", "ingest", "journal", "model", "system"}),
    "client": frozenset({"client", "model", "system"}),
    "core": frozenset({"core", "errors"}),
    "errors": frozenset(),
    "hard_stop": frozenset({"model"}),
    "ingest": frozenset({"core", "errors", "ingest", "messages", "model", "system"}),
    "journal": frozenset({"core", "errors", "journal", "messages", "model", "system"}),
    "log_output": frozenset({"model"}),
    "messages": frozenset({"core", "model"}),
    "model": frozenset({"errors", "model"}),
    "owners": frozenset({"archive", "core", "errors", "journal", "messages", "model", "owners", "system"}),
    "port": frozenset({"system"}),
    "producers": frozenset({"model", "producers"}),
    "system": frozenset({"__init__", "core", "errors", "model", "system"}),
    "web": frozenset({"core", "errors", "journal", "messages", "model", "web"}),
}

# The one task that starts others of its kind: the owner of a log directory and its tailers. And the one thing that a
# client must find out about its machine: whose program it talks to.
OWN_KIND = {("tasks/tailers", "tasks.tailer"), ("client/trust", "system.peers")}


def imports_of(file: Path) -> set[str]:
    """The modules of ours that a file imports, dotted and without the package's own name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            base = node.module or ""
            names = [f"{base}.{a.name}" for a in node.names] if base == "ctm_trio" else [base]
        found |= {n.removeprefix("ctm_trio.") for n in names if n.startswith("ctm_trio.")}
        if "ctm_trio" in names:
            found.add("__init__")
    return {"__init__" if n == "__version__" else n for n in found}


def test_arrows() -> None:
    """No room imports one that the design does not allow; tasks and web never import tasks."""
    wrong = []
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        room = parts[0]
        if room not in ALLOWED:
            continue
        for name in imports_of(file):
            target = name.split(".")[0]
            if target not in ALLOWED[room] and ("/".join(parts), name) not in OWN_KIND:
                wrong.append(f"{'/'.join(parts)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_files_are_short() -> None:
    """One subject a file, usually under 200 lines; the few that list things (messages, wiring) stay below 500."""
    files = [f for pattern in ("*.py", "*.js", "*.css") for f in PACKAGE.rglob(pattern) if "vendor" not in f.parts]
    long = {str(f.relative_to(PACKAGE)): n for f in files if (n := f.read_bytes().count(b"\n")) > 500}
    assert not long
