"""The arrows between the rooms, held by the syntax tree: who may import whom."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import ctm_trio

PACKAGE = Path(ctm_trio.__file__).parent

# A room, and the rooms or single modules that it may import from. "__init__" is the version.
ALLOWED: dict[str, frozenset[str]] = {
    "errors": frozenset({"errors"}),
    "core": frozenset({"core", "errors"}),
    "model": frozenset({"model", "errors"}),
    "messages": frozenset({"core", "messages", "model"}),
    "system": frozenset({"core", "errors", "model", "system", "__init__"}),
    "journal": frozenset({"core", "errors", "journal", "messages", "model", "system"}),
    "ingest": frozenset({"core", "errors", "ingest", "messages", "model", "system"}),
    "transcripts": frozenset({"errors", "model", "system", "transcripts"}),
    "archive": frozenset({"archive", "errors", "ingest", "journal", "model", "system", "transcripts"}),
    "owners": frozenset({"archive", "core", "errors", "journal", "messages", "model", "system", "transcripts"}),
    "web": frozenset({"core", "errors", "journal.view", "messages", "model", "web", "__init__"}),
    "producers": frozenset({"model", "producers"}),
    "client": frozenset({"client", "errors", "model", "system.peers", "__init__"}),
    "cli": frozenset(
        {"cli", "client", "daemon", "errors", "ingest", "journal", "model", "producers", "system", "__init__"}
    ),
}

MOST_LINES = 500
"""One subject a file, usually under 200 lines. No file may be longer than this."""


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


def within_an_owner(parts: tuple[str, ...], name: str) -> bool:
    """Owners do not import each other; the files of one that is a directory may."""
    return parts[0] == "owners" and len(parts) > 2 and name.startswith(f"owners.{parts[1]}.")


def test_arrows() -> None:
    """No room imports one that the design does not allow; every room is in the table but the wiring, which may all."""
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms - {"daemon"} == ALLOWED.keys()
    wrong = []
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        allowed = ALLOWED.get(parts[0])
        if allowed is None:
            continue
        for name in imports_of(file):
            known = name.split(".")[0] in allowed or name in allowed or within_an_owner(parts, name)
            if not known:
                wrong.append(f"{'/'.join(parts)} imports {name}")
    assert not wrong, "\n".join(wrong)


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The groups of files that lead to each other, by what each imports."""
    found: list[list[str]] = []
    while arrows:
        ends = {name for name, others in arrows.items() if not others & arrows.keys()}
        if ends:
            arrows = {name: others - ends for name, others in arrows.items() if name not in ends}
            continue
        used = set().union(*arrows.values())
        if beginnings := arrows.keys() - used:
            arrows = {name: others for name, others in arrows.items() if name not in beginnings}
            continue
        found.append(sorted(arrows))
        break
    return found


def modules_in(file: Path, known: set[str]) -> set[str]:
    """The modules of ours that a file imports, wherever in it, also for types alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & known) or {node.module}
    return found & known


def test_no_python_module_imports_itself_in_a_circle() -> None:
    """An import inside a function or for types alone counts too: a circle means that two files are one subject."""
    files = {
        ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): file
        for file in PACKAGE.rglob("*.py")
    }
    known = set(files)
    assert circles({name: modules_in(file, known) - {name} for name, file in files.items()}) == []


def test_no_module_of_the_dashboard_imports_itself_in_a_circle() -> None:
    """What is loaded later counts too."""
    app = PACKAGE / "web" / "dashboard" / "app"
    arrows: dict[str, set[str]] = {}
    for file in app.rglob("*.js"):
        code = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", file.read_text(), flags=re.S | re.M)
        names = re.findall(r"(?:\bfrom |\bimport\(|\bimport )'(\.[^']+)'", code)
        arrows[str(file)] = {str((file.parent / name).resolve()) for name in names} - {str(file)}
    assert len(arrows) > 50
    assert sum(map(len, arrows.values())) > 200
    assert circles(arrows) == []


def test_one_place_knows_hypercorn() -> None:
    """What is no documented interface, and will change, is imported by the adapter alone."""
    found: set[str] = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if {name.split(".")[0] for name in names} & {"hypercorn", "h11", "wsproto"}:
                found.add(file.relative_to(PACKAGE).parent.as_posix())
    assert found == {"web/hypercorn_adapter"}


def test_hooks_need_no_package() -> None:
    """They run in every environment that a session has, so they and what they import use the standard library alone."""
    known = {".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts): file for file in PACKAGE.rglob("*.py")}
    todo = {name for name in known if name.startswith("ctm_trio.producers.")}
    seen: set[str] = set()
    while todo:
        seen |= todo
        todo = set().union(*(modules_in(known[name], set(known)) for name in todo)) - seen
    for name in seen:
        for node in ast.walk(ast.parse(known[name].read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            others = {n.split(".")[0] for n in names} - sys.stdlib_module_names - {"ctm_trio"}
            assert not others, f"{name} imports {others}"
    assert "ctm_trio.model.log_names" in seen


def test_files_are_short() -> None:
    """No file grows past the bound."""
    files = [f for pattern in ("*.py", "*.js", "*.css") for f in PACKAGE.rglob(pattern) if "vendor" not in f.parts]
    long = {str(f.relative_to(PACKAGE)): n for f in files if (n := f.read_bytes().count(b"\n")) > MOST_LINES}
    assert not long


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "web/PROTOCOL.md"])
def test_documents_name_files_that_exist(document: str) -> None:
    """A path in a document is that of a file or a folder, seen from the package, its parent or the dashboard."""
    named = set(re.findall(r"`([\w.]+/[\w./]*?(?:\.py|\.js|/))`", (PACKAGE / document).read_text()))
    named = {name for name in named if "NAME" not in name}
    places = (PACKAGE, PACKAGE.parent, *PACKAGE.glob("web/dashboard/**/"))
    assert len(named) > 10
    assert [name for name in sorted(named) if not any((place / name).exists() for place in places)] == []
