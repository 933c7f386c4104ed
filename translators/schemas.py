"""JSON Schema ⇄ what Gemini takes for one; JSON Schema as OpenAI takes it.

Gemini has two fields for a schema: the old one holds its own OpenAPI-like type (upper-case types, `nullable`, no
references), the newer one (`parametersJsonSchema`, `responseJsonSchema`) a subset of JSON Schema. Everything here
works on a copy, keeps key order and the digits of numbers, and touches keywords only where keywords stand: a property
may be named `const` or `$ref`.

Source: Google, “Schema” and “FunctionDeclaration” of the Gemini API reference, read November 2026.
"""

from msgspec import Raw

from translators.errors import Unreadable
from translators.losses import Ledger
from translators.remembered import remembered
from translators.schema_gemini import Modern, Old
from translators.schema_openai import Strict
from translators.schema_tree import Json, Schema, object_root, read, within, written


@remembered
def to_gemini(raw: Raw, ledger: Ledger, path: str, json_schema: bool) -> Raw:
    """Rewrite JSON Schema for a Gemini model.

    Args:
        raw: a JSON Schema (object, or `true`).
        ledger: receives a rule for each keyword moved to the description, merged, inlined or relaxed.
        path: where the schema stood in the client's body.
        json_schema: the newer field, which knows references; else the old one.

    Returns:
        The schema; empty if it is for the old field and allows no properties (older models refuse an object
        without properties, so the field must be left out).

    Raises:
        Unreadable: not JSON, or no schema.
    """
    root = read(raw, path)
    if not json_schema and (not isinstance(root, dict) or not root):
        return Raw(b"")
    try:
        if json_schema:
            return Raw(written(Modern(root, ledger).schema(root, path)))
        old = Old(root, ledger).schema(root, path)
    except RecursionError:
        raise Unreadable("a schema that is nested too deeply", path) from None
    return Raw(b"") if old.get("type") == "OBJECT" and not old.get("properties") else Raw(written(old))


@remembered
def to_openai(raw: Raw, ledger: Ledger, path: str, *, gemini: bool = False, strict: bool = False) -> Raw:
    """Rewrite a schema for a function of OpenAI's: an object at the root, and for `strict` the subset that can be held.

    Args:
        raw: a JSON Schema, or Gemini's own type (`gemini`). What needs no change stays word for word.
        ledger: receives a rule for each change.
        path: where the schema stood in the client's body.

    Raises:
        Unreadable: not JSON, no schema, or nested too deeply.
    """
    said = from_gemini(raw, path) if gemini else raw
    if gemini:
        ledger.apply("schema-of-gemini", path)
    root = read(said, path)
    fitting = object_root(root, ledger, path, listed=True)
    if strict:
        try:
            fitting = Strict(fitting, ledger).schema(fitting, path)
        except RecursionError:
            raise Unreadable("a schema that is nested too deeply", path) from None
    return said if fitting == root else Raw(written(fitting))


VALUE = "value"
"""The one property of an object that holds a bare value."""


def wrap_value(raw: Raw, gemini: bool, path: str = "") -> Raw:
    """The schema of an object that holds what `raw` says: where an answer must be an object, and a bare value is due.

    gemini: `raw` is in Gemini's own type.
    """
    inner = read(from_gemini(raw, path) if gemini else raw, path)
    wrapped: Schema = {
        "type": "object",
        "properties": {VALUE: inner},
        "required": [VALUE],
        "additionalProperties": False,
    }
    return Raw(written(wrapped))


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
_PLAIN = frozenset({"description", "title", "enum", "required", "default", "minimum", "maximum", "pattern"})
"""What both say in the same way."""
_COUNTS = frozenset({"minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"})


def from_gemini(raw: Raw, path: str = "") -> Raw:
    """Give the JSON Schema that says what Gemini's schema says.

    Types become lower case, `nullable` a union with null, `propertyOrdering` the order of the properties, `example`
    a list of examples; int64 counts written as strings become numbers. What is JSON Schema already stays.
    """
    try:
        return Raw(written(_from(read(raw, path))))
    except RecursionError:
        raise Unreadable("a schema that is nested too deeply", path) from None


def _from(node: Json) -> Json:
    if not isinstance(node, dict):
        return node
    found: Schema = {}
    order: list[str] = []
    nullable = False
    for spelt, value in node.items():
        if spelt in _PLAIN:
            found[spelt] = value
            continue
        key = _SNAKE.get(spelt) or spelt
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
                found[key] = within(key, value, _from)
    properties = found.get("properties")
    if order and isinstance(properties, dict):
        first = {name: properties[name] for name in order if name in properties}
        found["properties"] = first | properties
    return _with_null(found) if nullable else found


def _lower_type(value: Json) -> Json:
    if isinstance(value, list):
        return [_lower_type(member) for member in value]
    if not isinstance(value, str):
        return value
    return "" if value == "TYPE_UNSPECIFIED" else value.lower()


def _with_null(node: Schema) -> Schema:
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
