"""JSON Schema in the words of Gemini's two schema fields (see schemas.py)."""

from decimal import Decimal
from functools import partial

from translators.schema_tree import (
    DEFINITIONS,
    SILENT,
    Json,
    Rewriting,
    Schema,
    children,
    hinted,
    merge,
    within,
    written,
)

_HINTED = frozenset(
    {
        "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties",
        "propertyNames", "unevaluatedProperties", "unevaluatedItems", "contains", "minContains", "maxContains",
        "uniqueItems", "multipleOf", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minProperties",
        "maxProperties", "pattern",
    }
)  # fmt: skip
"""What the JSON Schema field does not know: said in words in the description."""
_PLAIN = frozenset(
    {
        "type", "description", "title", "enum", "format", "default", "required", "minimum", "maximum", "minItems",
        "maxItems",
    }
)  # fmt: skip
"""What it knows and takes as it stands, and what nearly every schema is made of."""
_OLD = frozenset(
    {
        "type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems", "properties",
        "required", "minProperties", "maxProperties", "minimum", "maximum", "minLength", "maxLength", "pattern",
        "example", "anyOf", "propertyOrdering", "default",
    }
)  # fmt: skip
"""What the old field knows; everything else is said in words."""
_FORMATS = frozenset({"enum", "date-time", "float", "double", "int32", "int64"})
_BRANCH = {
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "propertyOrdering", "minProperties", "maxProperties"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "format", "enum"}),
    "number": frozenset({"minimum", "maximum", "format"}),
    "integer": frozenset({"minimum", "maximum", "format"}),
}
"""Keywords that go with a type when a list of types is taken apart."""


class Modern(Rewriting):
    """For `parametersJsonSchema` and `responseJsonSchema`, which know references."""

    def schema(self, node: Json, at: str, home: str = "#", bare: bool = True) -> Schema:
        """`home`: the definition we are in; `bare`: no property lies between it and here."""
        self.left -= 1
        if not isinstance(node, dict) or self.left < 0:
            if node is False or self.left < 0:
                self.ledger.lose(at, "a schema that allows nothing" if self.left >= 0 else "the schema is too large")
            return {}
        if "allOf" in node:
            node = self.flat(node, at, (home,))
        ref = node.get("$ref")
        if isinstance(ref, str):
            return self.reference(node, ref, at, home, bare)
        found: Schema = {}
        words: list[str] = []
        for key, value in node.items():
            if key in _PLAIN:
                found[key] = value
                continue
            here = f"{at}.{key}"
            if key in SILENT:
                self.ledger.apply("schema-keyword", here)
            elif key in _HINTED:
                self.ledger.apply("schema-hint", here, f"{at}.description")
                words.append(f"{key}: {written(value).decode()}")
            elif key == "const":
                self.ledger.apply("schema-const", here, f"{at}.enum")
                found.setdefault("enum", [value])
            elif key in DEFINITIONS and isinstance(value, dict):
                named = {name: self.schema(sub, f"{here}.{name}", f"#/{key}/{name}") for name, sub in value.items()}
                found["$defs"] = found.get("$defs", {}) | named
            elif key == "properties" and isinstance(value, dict):
                found[key] = {name: self.schema(sub, f"{here}.{name}", home, False) for name, sub in value.items()}
            elif key == "items" and isinstance(value, list):
                found["prefixItems"] = [self.schema(sub, f"{here}[{i}]", home, bare) for i, sub in enumerate(value)]
            elif key == "additionalProperties" and isinstance(value, bool):
                found[key] = value
            else:
                found[key] = within(key, value, partial(self.schema, at=here, home=home, bare=bare))
        if "required" in node and "properties" in node:
            found = self.relaxed(node, found, at, home)
        return hinted(found, words) if words else found

    def reference(self, node: Schema, ref: str, at: str, home: str, bare: bool) -> Schema:
        """A `$ref` and its siblings, as this subset of JSON Schema can have them."""
        aim = self.target(ref)
        if not isinstance(aim, dict):
            self.ledger.lose(f"{at}.$ref", "a reference to nothing in this schema")
            return self.schema({key: value for key, value in node.items() if key != "$ref"}, at, home, bare)
        if bare and home != "#" and (ref == home or home in self.reach(ref)):
            self.ledger.apply("schema-recursion", f"{at}.$ref")
            return {"type": "object"}
        siblings = {key: value for key, value in node.items() if not key.startswith("$")}
        own = {key: value for key, value in node.items() if key in DEFINITIONS or key == "$anchor"}
        siblings.pop("definitions", None)
        if siblings and ref not in self.reach(ref):
            self.ledger.apply("schema-inline", f"{at}.$ref")
            return self.schema(own | merge(siblings, aim), at, home, bare)
        for key in siblings:
            self.ledger.lose(f"{at}.{key}", "next to a recursive $ref")
        plain = self.schema(own, at, home, bare) if own else {}
        return {"$ref": ref.replace("#/definitions/", "#/$defs/", 1)} | plain

    def relaxed(self, node: Schema, found: Schema, at: str, home: str) -> Schema:
        """Make the properties optional through which a definition would need itself without end."""
        required, properties = node.get("required"), node.get("properties")
        if not isinstance(required, list) or not isinstance(properties, dict):
            return found
        kept = [name for name in required if not (isinstance(name, str) and self.needs(properties.get(name), home))]
        if len(kept) < len(required):
            self.ledger.apply("schema-recursion", f"{at}.required")
            found = found | {"required": kept}
            if not kept:
                del found["required"]
        return found

    def needs(self, node: Json, home: str) -> bool:
        """Whether a value of `node` always holds one of the definition `home`."""
        if not isinstance(node, dict):
            return False
        ref = node.get("$ref")
        if isinstance(ref, str) and (ref == home or home in self.reach(ref)):
            return True
        required = node.get("required")
        names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
        properties = node.get("properties")
        below = [properties.get(name) for name in names] if isinstance(properties, dict) else []
        return any(self.needs(sub, home) for sub in [*below, *children(node)])


class Old(Rewriting):
    """For `parameters` and `responseSchema`: upper-case types, `nullable`, no references."""

    def schema(self, node: Json, at: str, seen: tuple[str, ...] = ()) -> Schema:
        """Upper-case types, no references; `seen` are the references being inlined."""
        self.left -= 1
        if self.left < 0:
            self.ledger.lose(at, "the schema is too large")
            return {"type": "OBJECT"}
        if not isinstance(node, dict) or not node.keys() - SILENT:
            self.ledger.apply("schema-any", at)
            return {"type": "STRING", "description": "any JSON value"}
        node = self.flat(node, at, seen)
        ref = node.get("$ref")
        if isinstance(ref, str):
            aim = self.target(ref)
            siblings = {key: value for key, value in node.items() if key != "$ref" and key not in DEFINITIONS}
            if not isinstance(aim, dict) or ref in seen:
                self.ledger.apply("schema-recursion" if isinstance(aim, dict) else "schema-unknown-ref", f"{at}.$ref")
                return hinted({"type": "OBJECT"}, [f"See: {ref.rpartition('/')[2]}"])
            self.ledger.apply("schema-inline", f"{at}.$ref")
            return self.schema(merge(siblings, aim), at, (*seen, ref))
        node = self.unioned(node, at)
        found: Schema = {}
        words: list[str] = []
        for key, value in node.items():
            here = f"{at}.{key}"
            if key == "properties" and isinstance(value, dict):
                found[key] = {name: self.schema(sub, f"{here}.{name}", seen) for name, sub in value.items()}
            elif key == "anyOf" and isinstance(value, list):
                found[key] = [self.schema(sub, f"{here}[{index}]", seen) for index, sub in enumerate(value)]
            elif key == "items":
                found[key] = self.schema(value, here, seen)
            elif key == "type" and isinstance(value, str):
                found[key] = value.upper()
            elif key == "enum" and isinstance(value, list):
                self.enum(value, here, found, words)
            elif key == "format" and not (isinstance(value, str) and value in _FORMATS):
                words.append(f"format: {value}")
            elif key in ("exclusiveMinimum", "exclusiveMaximum") and _is_number(value):
                self.bound(key, value, node, found, words)
            elif key in _OLD:
                found[key] = value
                continue
            elif key in SILENT | DEFINITIONS or key[:2] == "x-" or (key == "additionalProperties" and value is True):
                self.ledger.apply("schema-keyword", here)
                continue
            else:
                words.append(f"{key}: {written(value).decode()}")
            if words and words[-1].startswith(f"{key}:"):
                self.ledger.apply("schema-hint", here, f"{at}.description")
        return hinted(_typed(found), words)

    def unioned(self, node: Schema, at: str) -> Schema:
        """`node` with one type at most: null becomes `nullable`, several types and tuples become anyOf."""
        found: Schema = {
            ("anyOf" if key == "oneOf" and "anyOf" not in node else key): value for key, value in node.items()
        }
        if "const" in found:
            found.setdefault("enum", [found["const"]])
            del found["const"]
            self.ledger.apply("schema-const", f"{at}.const", f"{at}.enum")
        if isinstance(found.get("examples"), list) and found["examples"]:
            found.setdefault("example", found["examples"][0])
            del found["examples"]
        tuple_items = found.pop("prefixItems", None) or found.get("items")
        if isinstance(tuple_items, list):
            self.ledger.apply("schema-tuple", f"{at}.items")
            found["items"] = tuple_items[0] if len(tuple_items) == 1 else {"anyOf": tuple_items}
        kinds = found.get("type")
        if isinstance(kinds, list):
            several = [kind for kind in kinds if isinstance(kind, str) and kind != "null"] or ["string"]
            if "null" in kinds:
                found["nullable"] = True
            if len(several) == 1:
                found["type"] = several[0]
            else:
                self.ledger.apply("schema-types", f"{at}.type", f"{at}.anyOf")
                found = _split(found, several)
        members = found.get("anyOf")
        if isinstance(members, list):
            solid = [member for member in members if not (isinstance(member, dict) and member.get("type") == "null")]
            if len(solid) < len(members):
                found["nullable"] = True
            if len(solid) == 1 and isinstance(solid[0], dict) and "$ref" not in solid[0]:
                found = self.unioned(merge({k: v for k, v in found.items() if k != "anyOf"}, solid[0]), at)
            else:
                found["anyOf"] = solid
        return found

    def enum(self, value: list[Json], at: str, found: Schema, words: list[str]) -> None:
        """Only non-empty strings may stand in an enum; other values are told in words."""
        if None in value:
            found["nullable"] = True
        solid = [member for member in value if member is not None]
        texts = [member for member in solid if isinstance(member, str) and member]
        if texts and all(isinstance(member, str) for member in solid):
            found["enum"] = texts
            if len(texts) == len(solid):
                return
        if "type" not in found and not texts:
            found["type"] = _type_of(value)
        words.append(f"enum: {written(value).decode()}")

    def bound(self, key: str, value: int | Decimal, node: Schema, found: Schema, words: list[str]) -> None:
        """An exclusive bound as an inclusive one: exact for integers, else with a note."""
        low = key == "exclusiveMinimum"
        whole = node.get("type") == "integer" and isinstance(value, int)
        bound = value + (1 if low else -1) if whole else value
        name = "minimum" if low else "maximum"
        other = node.get(name)
        if isinstance(other, int | Decimal):
            bound = max(bound, other) if low else min(bound, other)
        found[name] = bound
        words.append(f"{key}: {value}")


def _is_number(value: Json) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _type_of(values: list[Json]) -> str:
    """The type of an enum's members where the schema does not say it."""
    solid = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in solid):
        return "BOOLEAN"
    if all(_is_number(value) for value in solid):
        return "INTEGER" if all(isinstance(value, int) for value in solid) else "NUMBER"
    return "STRING"


def _typed(found: Schema) -> Schema:
    """Add what the old field insists on: a type, items of arrays; `required` names only what exists."""
    members = found.get("anyOf")
    if isinstance(members, list) and len(members) == 1:
        found = merge({key: value for key, value in found.items() if key != "anyOf"}, members[0])
    properties = found.get("properties")
    if "type" not in found and "anyOf" not in found:
        kind = "OBJECT" if isinstance(properties, dict) else "ARRAY" if "items" in found else "STRING"
        found = {"type": kind, **found}
    if found.get("type") == "ARRAY" and "items" not in found:
        found["items"] = {"type": "STRING"}
    required = found.get("required")
    if isinstance(required, list):
        known = properties if isinstance(properties, dict) else {}
        found["required"] = [name for name in required if isinstance(name, str) and name in known]
        if not found["required"]:
            del found["required"]
    return found


def _split(node: Schema, kinds: list[str]) -> Schema:
    """A schema of several types as anyOf; each keyword goes to the types it speaks of."""
    bound = frozenset().union(*_BRANCH.values())
    rest = {key: value for key, value in node.items() if key != "type" and key not in bound}
    branches: list[Schema] = []
    for kind in kinds:
        own = _BRANCH.get(kind, frozenset())
        branches.append({"type": kind, **{key: value for key, value in node.items() if key in own}})
    return rest | {"anyOf": branches}
