"""JSON Schema as this vendor takes it: any schema whose root is an object for tools, a subset where it is enforced.

Source: Anthropic, “Structured outputs” (JSON Schema limitations), read November 2026.
"""

from decimal import Decimal

from msgspec import Raw

from translators import schemas
from translators.losses import Ledger
from translators.remembered import remembered
from translators.schema_tree import Json, Schema, hinted, object_root, read, within, written

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
    return EMPTY if schema is None else _rooted(schema, ledger, at, gemini)


@remembered
def _rooted(schema: Raw, ledger: Ledger, at: str, gemini: bool) -> Raw:
    said = _plain(schema, gemini, ledger, at)
    root = read(said, at)
    found = object_root(root, ledger, at)
    return said if found == root else Raw(written(found))


def _plain(schema: Raw, gemini: bool, ledger: Ledger, at: str) -> Raw:
    if gemini:
        ledger.apply("schema-of-gemini", at)
    return schemas.from_gemini(schema, at) if gemini else schema


def enforced(schema: Raw, gemini: bool, ledger: Ledger, at: str) -> Raw:
    """A schema the answer or a strict tool is held to: what the vendor cannot enforce moves into the description."""
    return _subset(schema, ledger, at, gemini)


@remembered
def _subset(schema: Raw, ledger: Ledger, at: str, gemini: bool) -> Raw:
    said = _plain(schema, gemini, ledger, at)
    root = read(said, at)
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
        kept = (key != "format" or (isinstance(value, str) and value in _FORMATS)) and (
            key != "minItems" or value in (0, 1)
        )
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
