"""`scripts/bench`: runs the measures, prints a table, writes JSON, compares."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from benchlib.measures import MEASURES

QUICK = 0.1
OWN = f"{shlex.quote(sys.executable)} -m ctm_trio serve --port {{port}}"


def main() -> int:
    """Run, print, write. Exit code 1 if an event was missing or repeated."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, for a first look")
    parser.add_argument("--only", default="", help=f"some of {','.join(MEASURES)}, with commas")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="where the JSON goes")
    parser.add_argument("--compare", type=Path, help="the JSON of an earlier run, shown beside this one")
    parser.add_argument("--vs", default="", help="another daemon's command with {port}; both are measured in turn")
    options = parser.parse_args()
    chosen = [key for key in options.only.split(",") if key] or list(MEASURES)
    commands = {"ours": OWN} | ({"theirs": options.vs} if options.vs else {})
    rows: list[dict[str, Any]] = []
    for key in chosen:
        title, measure = MEASURES[key]
        for label, command in commands.items():
            print(f"{time.strftime('%H:%M:%S')} {key} {title} ({label})", file=sys.stderr)
            try:
                for row in measure(command, QUICK if options.quick else 1.0):
                    rows.append({"measure": key, "by": label, **row})
                    print(f"  {shown(row)}", file=sys.stderr)
            except (RuntimeError, OSError) as error:
                rows.append({"measure": key, "by": label, "what": title, "failed": str(error)[:200]})
                print(f"  failed: {error}", file=sys.stderr)
    before: list[dict[str, Any]] = json.loads(options.compare.read_text()) if options.compare else []
    print(table(rows, before, several=len(commands) > 1))
    options.out.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"\n{options.out} has it as JSON.")
    return any(row.get("missing") or row.get("repeats") or "failed" in row for row in rows if row["by"] == "ours")


def shown(row: dict[str, Any]) -> str:
    """A row on one line."""
    return f"{row['what']}: " + ", ".join(f"{k}={v}" for k, v in row.items() if k not in ("what", "measure", "by"))


def table(rows: list[dict[str, Any]], before: list[dict[str, Any]], *, several: bool) -> str:
    """A Markdown table; with an earlier run, its figure and the ratio."""
    earlier = {(row["by"], row["what"]): row for row in before}
    out = [f"| {'by | ' if several else ''}what | figure | {'before | now/before | ' if before else ''}more |"]
    out.append("|---" * (out[0].count("|") - 1) + "|")
    for row in rows:
        figure = next(((row[k], unit) for k, unit in (("ms", " ms"), ("per_s", "/s")) if k in row), None)
        more = ", ".join(f"{k} {v}" for k, v in row.items() if k not in ("what", "measure", "by", "ms", "per_s"))
        cells = [row["by"]] if several else []
        cells += [row["what"], f"{figure[0]:,}{figure[1]}" if figure else "–"]
        if before:
            old = earlier.get((row["by"], row["what"]), {})
            value = old.get("ms", old.get("per_s"))
            cells += [f"{value:,}", f"{figure[0] / value:.2f}"] if figure and value else ["–", "–"]
        out.append("| " + " | ".join([*cells, more]) + " |")
    return "\n".join(out)


if __name__ == "__main__":
    raise SystemExit(main())
