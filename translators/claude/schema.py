"""JSON Schema as this vendor takes it: any schema whose root is an object for tools, a subset where it is enforced.

Source: Anthropic, “Structured outputs” (JSON Schema limitations), read November 2026.
"""

from decimal import Decimal

from msgspec import Raw

from translators import schemas
from translators.losses import Ledger
from translators.schema_tree import Json, Schema, hinted, read, within, written

EMPTY = Raw(b'{"type":"object","properties":{}}')
FREE_TEXT = Raw(
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_UNSAID = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
        "maxItems", "uniqueItems", "minProperties", "maxProperties", "patternProperties", "propertyNames", "contains",
        "minContains", "maxContains", "not", "if", "then", "else", "dependentSchemas", "dependentRequired",
        "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip


def for_tool(schema: Raw | None, gemini: bool, ledger: Ledger, at: str) -> Raw:
    """The schema of a tool's input: word for word where the root is an object, else brought into that shape."""
    if schema is None:
        return EMPTY
    said = schemas.from_gemini(schema) if gemini else schema
    root = read(said)
    if not isinstance(root, dict):
        ledger.lose(at, "a tool schema that is no object")
        return EMPTY
    if root.get("type") == "object":
        return said
    ledger.apply("schema-root-object", at)
    return Raw(written(_object(root)))


def _object(root: Schema) -> Schema:
    """A root that is an object: the branches of a union become one object that allows what any of them allows."""
    branches = [each for key in ("anyOf", "oneOf") for each in root.get(key, ()) if isinstance(each, dict)]
    found: Schema = {"type": "object"} | {key: root[key] for key in root if key not in ("type", "anyOf", "oneOf")}
    if not branches:
        return found if "properties" in found or "$ref" in found else found | {"properties": {}}
    properties: Schema = {}
    for branch in branches:
        for name, member in branch.get("properties", {}).items():
            properties.setdefault(name, member)
    needed = [set(branch.get("required", ())) for branch in branches]
    common = [name for name in properties if all(name in each for each in needed)]
    found["properties"] = properties | found.get("properties", {})
    if common:
        found["required"] = [*found.get("required", ()), *common]
    return found


def enforced(schema: Raw, gemini: bool, ledger: Ledger, at: str) -> Raw:
    """A schema the answer or a strict tool is held to: what the vendor cannot enforce moves into the description."""
    said = schemas.from_gemini(schema) if gemini else schema
    root = read(said)
    fitting = _fit(root)
    if fitting == root:
        return said
    ledger.apply("schema-subset", at)
    return Raw(written(fitting))


def _fit(node: Json) -> Json:
    if not isinstance(node, dict):
        return node
    found: Schema = {}
    words: list[str] = []
    for key, value in node.items():
        kept = (key != "format" or value in _FORMATS) and (key != "minItems" or value in (0, 1))
        if key in _UNSAID or not kept:
            words.append(f"{key}: {_spell(value)}")
        else:
            found["anyOf" if key == "oneOf" else key] = within(key, value, _fit)
    kind = found.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in found:
        found["additionalProperties"] = False
    return hinted(found, words)


def _spell(value: Json) -> str:
    plain = isinstance(value, str | int | Decimal) and not isinstance(value, bool)
    return str(value) if plain else written(value).decode()
