"""The documents lead to what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OTHERS = {"vendor", "node_modules"}
"""Directories of what others wrote."""

DOCUMENTS = [
    path
    for place in (ROOT.glob("*.md"), *(ROOT.joinpath(room).rglob("*.md") for room in ("ctm_trio", "tests", ".github")))
    for path in sorted(place)
    if not OTHERS & set(path.parts)
]

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.M | re.S)


def anchors(document: Path) -> set[str]:
    """What a link may name behind `#`: its headings, as they are spelled in addresses."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", document.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links(document: Path) -> None:
    """Each one to a file of the repository finds it, and the heading that it names."""
    for link in LINK.findall(FENCED.sub("", document.read_text())):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_readme_leads_to_every_document() -> None:
    """Nobody has to know that one exists, or where."""
    readme = (ROOT / "README.md").read_text()
    templates = {ROOT / ".github" / "pull_request_template.md"}
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in LINK.findall(readme) if "://" not in link}
    assert set(DOCUMENTS) - templates - linked == {ROOT / "README.md"}
