"""JSON documents of the flows: a class declares the fields, the schema comes from it.

A field's type is annotated with its limits, `msgspec.Meta`. What a field means stands in
docs/interfaces.md, in tables whose names and types `tb.tests.generated` keeps equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Annotated, Any, Final, Literal, get_type_hints

import msgspec
from msgspec import Meta

VERSION: Final = 1
Schema = Literal[1]
Date = Annotated[
    str,
    Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?([+-]\d{2}:\d{2}|Z)$"),
]
Commit = Annotated[str, Meta(pattern="^([0-9a-f]{40,64}(-dirty)?|unknown)$")]
DROPPED: Final = ("$defs", "default", "title", "description")
TYPES: Final = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
    "null": "null",
}


def one_of(choices: Iterable[str | Enum]) -> Meta:
    """A text's limits: one of `choices`, of members of an enumeration their values."""
    values = [choice.value if isinstance(choice, Enum) else choice for choice in choices]
    return Meta(extra_json_schema={"enum": values})


def fields(kind: type, **changed: Any) -> dict[str, Any]:
    """The fields of a class with their types; `changed` puts others last, and with None drops."""
    known = get_type_hints(kind, include_extras=True)
    for name, hint in changed.items():
        known.pop(name, None)
        if hint is not None:
            known[name] = hint
    return known


def schema(
    name: str, hints: dict[str, Any], rules: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """The JSON schema of a document, closed: no field may be missing, none be added.

    Parameters
    ----------
    name : str
        File name of the document.
    hints : dict
        Type of each field, in order.
    rules : sequence of dict
        What holds between fields, as JSON schemas.
    """
    found = msgspec.json.schema(msgspec.defstruct("Document", list(hints.items())))
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name}
    more = {"allOf": list(rules)} if rules else {}
    return {**title, **_plain(found, found["$defs"]), **more}


def _plain(node: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """A schema without references, with null as one of the types of a node."""
    own = {key: value for key, value in node.items() if key not in DROPPED}
    if reference := own.pop("$ref", None):
        own = {**_plain(known[reference.rpartition("/")[2]], known), **own}
    if alternatives := own.pop("anyOf", None):
        (inner,) = (_plain(each, known) for each in alternatives if each != {"type": "null"})
        own = {**inner, "type": [inner["type"], "null"], **own}
        if "enum" in own:
            own["enum"] = [*own["enum"], None]
    if len(own.get("enum", ())) == 1:
        own = {"const": own.pop("enum")[0], **own}
    for key in ("items", "additionalProperties"):
        if isinstance(own.get(key), dict):
            own[key] = _plain(own[key], known)
    if "prefixItems" in own:  # all alike
        own["items"] = own.pop("prefixItems")[0]
    if "properties" in own:
        own["properties"] = {name: _plain(each, known) for name, each in own["properties"].items()}
        own |= {"required": list(own["properties"]), "additionalProperties": False}
    return own


def field_types(node: dict[str, Any]) -> list[list[str]]:
    """Name and type of each field of an object, for a table in Markdown."""
    rows = []
    for name, field in node["properties"].items():
        kinds = field.get("type", ())
        kinds = [kinds] if isinstance(kinds, str) else kinds
        text = " or ".join(TYPES[kind] for kind in kinds) or str(field["const"])
        rows.append([f"`{name}`", text])
    return rows
