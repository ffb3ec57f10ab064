"""What the API takes and gives: JSON Schemas, the check of what is taken, and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from parley import __version__
from parley.errors import UsageError

Schema = Mapping[str, Any]
TEXT: Final[Schema] = {"type": "string"}
NUMBER: Final[Schema] = {"type": "integer"}
FLAG: Final[Schema] = {"type": "boolean"}
_TYPES: Final = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
_OPEN: Final[Schema] = {"type": "object", "additionalProperties": True}


def table(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, *, more: bool
) -> dict[str, Any]:
    """An object's schema; ``more``: further properties may be there."""
    properties = {**required, **(optional or {})}
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": more,
    }


def rows(item: Schema, most: int | None = None) -> dict[str, Any]:
    """An array's schema."""
    return {"type": "array", "items": item, **({"maxItems": most} if most else {})}


RECIPIENT: Final = table(
    {"code": TEXT, "state": TEXT, "delivered": NUMBER, "read": NUMBER, "acknowledged": NUMBER, "declined": NUMBER},
    more=True,
)
MESSAGE: Final = table(
    {
        "id": TEXT,
        "author": TEXT,
        "time": NUMBER,
        "to": rows(TEXT),
        "precedence": TEXT,
        "language": TEXT,
        "subject": TEXT,
        "text": TEXT,
        "form": TEXT,
        "values": _OPEN,
        "mine": FLAG,
        "open": FLAG,
        "erased": FLAG,
        "arrival": NUMBER,
        "recipients": rows(RECIPIENT),
    },
    more=True,
)
PROBLEM: Final = table(
    {"type": TEXT, "title": TEXT, "status": NUMBER, "detail": TEXT, "code": TEXT, "next_step": TEXT}, more=False
)
PRECEDENCE: Final[Schema] = {"type": "string", "enum": ["ROUTINE", "PRIORITY", "IMMEDIATE", "FLASH"]}
TO_SEND: Final = table(
    {},
    {
        "text": {"type": "string", "maxLength": 32768},
        "form": {"type": "string", "maxLength": 64},
        "values": _OPEN,
        "precedence": PRECEDENCE,
        "subject": {"type": "string", "maxLength": 200},
        "language": {"type": "string", "maxLength": 16},
        "to": rows({"type": "string", "maxLength": 64}, 32),
    },
    more=False,
)
FORM: Final = table({"form": {"type": "string", "maxLength": 64}}, {"values": _OPEN}, more=False)
PLAN: Final = table({"id": TEXT, "name": TEXT, "kind": TEXT, "role": TEXT, "protected": FLAG}, more=True)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of the API, as the document describes it."""

    method: str
    path: str
    name: str
    summary: str
    scope: str
    result: Schema
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Schema | None = None
    status: int = 200
    media: str = "application/json"

    @property
    def parameters(self) -> list[str]:
        """Names in the path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


def accept(schema: Schema, value: object, where: str) -> None:
    """Refuse a value that is not of ``schema``, which uses a small part of JSON Schema. Raises UsageError."""
    kind = _TYPES[schema["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _wrong(where, f"is no {schema['type']}")
    match value:
        case str():
            if len(value) > schema.get("maxLength", len(value)) or value not in schema.get("enum", (value,)):
                raise _wrong(where, "is too long, or none of those that there are")
        case bool():
            return
        case int():
            if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
                raise _wrong(where, f"is not from {schema.get('minimum')} to {schema.get('maximum')}")
        case list():
            if len(value) > schema.get("maxItems", len(value)):
                raise _wrong(where, "has too many items")
            for item in value:
                accept(schema["items"], item, where)
        case dict():
            _accept_table(schema, value, where)


def _accept_table(schema: Schema, value: Mapping[str, Any], where: str) -> None:
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        raise _wrong(where, f"lacks {', '.join(missing)}")
    known = schema.get("properties", {})
    unknown = sorted(set(value) - set(known))
    if unknown and not schema["additionalProperties"]:
        raise _wrong(where, f"has {', '.join(map(repr, unknown[:5]))}, which is not known")
    for name, item in value.items():
        if name in known:
            accept(known[name], item, name)


def _wrong(where: str, why: str) -> UsageError:
    return UsageError(f"{where!r} {why}.", code="request-malformed", next_step="See /api/openapi.json.")


def document(endpoints: list[Endpoint]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of ``endpoints``."""
    paths: dict[str, Any] = {}
    for e in endpoints:
        paths.setdefault(f"/api{e.path}", {})[e.method.lower()] = _operation(e)
    scheme = {"type": "http", "scheme": "bearer", "description": "A token made by 'parley token new'."}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Parley",
            "version": __version__,
            "description": "For a party's own systems. Peers' texts are hostile until made safe to show.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"token": scheme},
            "schemas": {"Message": MESSAGE, "Problem": PROBLEM},
        },
    }


def _operation(e: Endpoint) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    codes = ["400", "404", "405", "409", "413", "429"] + (["401", "403"] if e.scope else [])
    parameters: list[dict[str, Any]] = [
        {"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in e.parameters
    ]
    parameters += [{"name": n, "in": "query", "required": False, "schema": dict(s)} for n, s in e.query.items()]
    done = {str(e.status): {"description": "Done.", "content": {e.media: {"schema": dict(e.result)}}}}
    refused = {c: {"description": "Not done; 'code' says why.", "content": problem} for c in sorted(codes)}
    found: dict[str, Any] = {"operationId": e.name, "summary": e.summary, "responses": {**done, **refused}}
    if parameters:
        found["parameters"] = parameters
    if e.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": dict(e.body)}}}
    if e.scope:
        found["security"] = [{"token": []}]
        found["description"] = f"Scope: {e.scope}."
    return found
