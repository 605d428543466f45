"""Writes the dashboard's types of the API from `web/openapi.py`.

PYTHONPATH=. python scripts/dashboard/api_types.py            writes the file
PYTHONPATH=. python scripts/dashboard/api_types.py --check    fails if the file says something else
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ctm_trio.web.openapi import PATHS, SCHEMAS

FILE = Path("ctm_trio/web/dashboard/app/client/api.d.ts")
HEAD = """\
/**
 * What the API takes and answers. `?` = left out while unknown. Times are RFC 3339 in UTC.
 * Made from web/openapi.py by scripts/dashboard/api_types.py: do not edit.
 */
"""
SIMPLE = {
    "string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null",
    "object": "Record<string, unknown>",
}  # fmt: skip
SHORT = 80
"""Objects up to this many characters stand in one line."""


def type_of(schema: dict[str, Any], indent: str = "  ") -> str:
    """A schema as a TypeScript type: the part of JSON Schema that the description uses.

    Args:
        indent: of the line that the type is in.
    """
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if "enum" in schema:
        return " | ".join(f"'{value}'" for value in schema["enum"])
    kind = schema.get("type")
    if kind is None:
        return "unknown"
    if isinstance(kind, list):
        return " | ".join(SIMPLE[one] for one in kind)
    if kind == "array":
        items = type_of(schema["items"], indent)
        return f"({items})[]" if "enum" in schema["items"] else f"{items}[]"
    if kind != "object":
        return SIMPLE[kind]
    members = list(members_of(schema, indent + "  "))
    if not members:
        return f"Record<string, {type_of(schema.get('additionalProperties', {}), indent)}>"
    line = f"{{ {'; '.join(members)} }}"
    if len(line) <= SHORT and "\n" not in line:
        return line
    return "".join(["{\n", *(f"{indent}  {member};\n" for member in members), indent, "}"])


def members_of(schema: dict[str, Any], indent: str = "  ") -> Iterator[str]:
    """The keys of an object with their types."""
    for name, value in schema.get("properties", {}).items():
        yield f"{name}{'' if name in schema['required'] else '?'}: {type_of(value, indent)}"


def content_of(holder: dict[str, Any]) -> str | None:
    """The type of a body or an answer; None without content."""
    for kind, media in holder.get("content", {}).items():
        schema = media["schema"]
        whole = schema["oneOf"][0] if "oneOf" in schema else schema  # the other one is an order that is under way
        return type_of(whole) if kind != "text/event-stream" else None
    return None


def answer_of(operation: dict[str, Any]) -> str | None:
    """What a success brings; None for streams. An order that is under way is followed to its end by the client."""
    first, *others = (answer for status, answer in operation["responses"].items() if status.startswith("2"))
    if "content" not in first:
        return "null"
    found = content_of(first)
    return f"{found} | null" if found and any("content" not in answer for answer in others) else found


def query_of(operation: dict[str, Any]) -> str | None:
    """The type of the query's parameters; None without any."""
    asked = {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "query"}
    schemas = {name: one["schema"] for name, one in asked.items()}
    needed = [name for name, one in asked.items() if one["required"]]
    return type_of({"type": "object", "properties": schemas, "required": needed}) if asked else None


def interface(name: str, says: str, members: list[str]) -> str:
    """An exported interface with one member a line."""
    lines = "".join(f"  {member};\n" for member in members)
    return (f"/** {says} */\n" if says else "") + f"export interface {name} {{\n{lines}}}\n"


def document() -> str:
    """The whole file."""
    parts = [interface(name, "", list(members_of(schema))) for name, schema in SCHEMAS.items()]
    answers, bodies, queries = [], [], []
    for path, methods in PATHS.items():
        for method, operation in methods.items():
            route = f"'{method.upper()} {path}'"
            if "101" not in operation["responses"] and (answer := answer_of(operation)):
                answers.append(f"{route}: {answer}")
            if body := content_of(operation.get("requestBody", {})):
                bodies.append(f"{route}: {body}")
            if query := query_of(operation):
                queries.append(f"{route}: {query}")
    parts += [
        interface("Answers", "What comes with a success; null: no content.", answers),
        interface("Bodies", "What is sent.", bodies),
        interface("Queries", "What may be asked for in the query.", queries),
    ]
    return "\n".join([HEAD, *parts])


def main() -> int:
    """The exit code: 1 if the file was to be checked and is not up to date."""
    text = document()
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(text)
    elif not FILE.is_file() or FILE.read_text() != text:
        print(f"{FILE} is out of date: PYTHONPATH=. python scripts/dashboard/api_types.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
