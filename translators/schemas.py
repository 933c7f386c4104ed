"""JSON Schema ⇄ what Gemini takes for one.

Gemini has two fields for a schema: the old one holds its own OpenAPI-like type (upper-case types, `nullable`, no
references), the newer one (`parametersJsonSchema`, `responseJsonSchema`) a subset of JSON Schema. Everything here
works on a copy, keeps key order and the digits of numbers, and touches keywords only where keywords stand: a property
may be named `const` or `$ref`.

Source: Google, “Schema” and “FunctionDeclaration” of the Gemini API reference, read November 2026.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw

from translators.errors import Unreadable
from translators.losses import Ledger

type Json = Any  # what a JSON text decodes to; floats as Decimal

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

ONE = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
MANY = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
NAMED = frozenset({"properties", "$defs", "definitions", "patternProperties", "dependentSchemas"})
"""Where schemas stand inside a schema: as the value, in a list, under names. All other values are data."""


def _read(raw: Raw) -> Json:
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, ValueError, ArithmeticError) as exc:
        raise Unreadable(f"a schema that is not JSON: {exc}") from None


# --- Gemini's own type → JSON Schema --------------------------------------------------------------------------------

_SNAKE = {
    "any_of": "anyOf",
    "one_of": "oneOf",
    "all_of": "allOf",
    "prefix_items": "prefixItems",
    "additional_properties": "additionalProperties",
    "property_ordering": "propertyOrdering",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "min_length": "minLength",
    "max_length": "maxLength",
    "defs": "$defs",
    "ref": "$ref",
}
_COUNTS = frozenset({"minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"})


def from_gemini(raw: Raw) -> Raw:
    """Give the JSON Schema that says what Gemini's schema says.

    Types become lower case, `nullable` a union with null, `propertyOrdering` the order of the properties, `example`
    a list of examples; int64 counts written as strings become numbers. What is JSON Schema already stays.
    """
    return Raw(_encoder.encode(_from(_read(raw))))


def _from(node: Json) -> Json:
    if not isinstance(node, dict):
        return node
    found: dict[str, Json] = {}
    order: list[str] = []
    nullable = False
    for spelt, value in node.items():
        key = _SNAKE.get(spelt, spelt)
        match key:
            case "type":
                if kind := _lower_type(value):
                    found[key] = kind
            case "nullable":
                nullable = value is True
            case "propertyOrdering" if isinstance(value, list):
                order = [name for name in value if isinstance(name, str)]
            case "example":
                found["examples"] = [value]
            case "format" if value == "enum":
                pass  # Gemini's mark on a string with `enum`; means nothing elsewhere
            case "$ref" if isinstance(value, str):
                found[key] = value.replace("#/defs/", "#/$defs/", 1)
            case _ if key in _COUNTS and isinstance(value, str) and value.isdecimal():
                found[key] = int(value)
            case _:
                found[key] = _inside(key, value, _from)
    properties = found.get("properties")
    if order and isinstance(properties, dict):
        first = {name: properties[name] for name in order if name in properties}
        found["properties"] = first | properties
    return _with_null(found) if nullable else found


def _inside(key: str, value: Json, change: Callable[[Json], Json]) -> Json:
    """`value` of keyword `key` with `change` made to the schemas directly in it."""
    if key in NAMED and isinstance(value, dict):
        return {name: change(member) for name, member in value.items()}
    if isinstance(value, list) and (key in MANY or key == "items"):
        return [change(member) for member in value]
    return change(value) if key in ONE else value


def _lower_type(value: Json) -> Json:
    if isinstance(value, list):
        return [_lower_type(member) for member in value]
    if not isinstance(value, str):
        return value
    return "" if value == "TYPE_UNSPECIFIED" else value.lower()


def _with_null(node: dict[str, Json]) -> dict[str, Json]:
    """`node`, or null."""
    kind = node.get("type")
    if isinstance(kind, str) and kind != "null":
        node["type"] = [kind, "null"]
    elif isinstance(kind, list) and "null" not in kind:
        node["type"] = [*kind, "null"]
    if isinstance(node.get("enum"), list) and None not in node["enum"]:
        node["enum"] = [*node["enum"], None]
    if isinstance(node.get("anyOf"), list) and {"type": "null"} not in node["anyOf"]:
        node["anyOf"] = [*node["anyOf"], {"type": "null"}]
    return node
