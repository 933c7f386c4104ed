"""Gemini's OpenAPI-like schema → JSON Schema.

Works at schema positions only: names under `properties` and values of `enum`, `default` and `example` are data.
Source: Google, “Schema” (Generative Language API reference), read November 2026.
"""

from typing import Any

from msgspec import Raw, json

_SINGLE = ("items", "additionalProperties")
_NAMED = ("properties", "defs", "$defs")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
_NUMBERS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})


def json_schema(schema: Raw) -> Raw:
    """Lower-case types, `nullable` as a type list, `example` as `examples`; property order is the order written."""
    return Raw(json.encode(_convert(json.decode(schema))))


def _convert(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    out: dict[str, Any] = {}
    for key, value in node.items():
        if key == "type" and isinstance(value, str):
            out["type"] = value.lower()
        elif key in _SINGLE:
            out[key] = _convert(value)
        elif key in _NAMED and isinstance(value, dict):
            order = node.get("propertyOrdering") if key == "properties" else None
            out["$defs" if key == "defs" else key] = {name: _convert(value[name]) for name in _ordered(value, order)}
        elif key in _LISTED and isinstance(value, list):
            out[key] = [_convert(item) for item in value]
        elif key == "example":
            out["examples"] = [value]
        elif key in _NUMBERS and isinstance(value, str) and value.isdigit():  # int64 comes as a string
            out[key] = int(value)
        elif key not in ("nullable", "propertyOrdering"):
            out["$ref" if key == "ref" else key] = value
    if node.get("nullable") is True and isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
        if isinstance(out.get("enum"), list) and None not in out["enum"]:
            out["enum"] = [*out["enum"], None]
    return out


def _ordered(properties: dict[str, Any], order: Any) -> list[str]:
    first = [name for name in order if name in properties] if isinstance(order, list) else []
    return first + [name for name in properties if name not in first]
