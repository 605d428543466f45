"""The dashboard's files as they are served, and the types that they are checked with."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ctm_trio.model.event import PUBLIC_TYPES
from ctm_trio.web.static import DASHBOARD, load_assets

ROOT = Path(__file__).parents[2]


def test_types_are_not_served() -> None:
    """Browsers get the modules; the declarations beside them are for scripts/check alone."""
    served = load_assets()
    for file in DASHBOARD.rglob("*.d.ts"):
        path = file.relative_to(DASHBOARD).as_posix()
        assert f"/{path}" not in served, path
        if file.parent.name == "vendor":
            assert f"/{path.removesuffix('.d.ts')}.js" in served, path
    assert list(DASHBOARD.rglob("*.d.ts"))


def test_types_are_of_the_vendored_versions() -> None:
    """The packages that the types come from are the ones that were copied."""
    table = (DASHBOARD / "vendor" / "README.md").read_text()
    vendored = dict(re.findall(r"^\| `\S+` \| (\S+) \| (\S+) \|", table, re.MULTILINE))
    locked = json.loads((ROOT / "scripts/dashboard/package-lock.json").read_text())["packages"]
    assert {"preact", "htm", "@preact/signals", "uplot"} <= vendored.keys()
    assert {name: locked[f"node_modules/{name}"]["version"] for name in vendored} == vendored


def test_every_event_has_a_type() -> None:
    """The page's types name the events that the daemon publishes, and no others."""
    text = (DASHBOARD / "app" / "client" / "types.d.ts").read_text()
    payloads = text.split("export interface Payloads {")[1].split("\n}")[0]
    assert set(re.findall(r"^  (\w+):", payloads, re.MULTILINE)) == set(PUBLIC_TYPES)
