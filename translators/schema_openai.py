"""JSON Schema as OpenAI takes it: an object at the root, and a subset where `strict` holds the model to it.

Source: OpenAI, “Structured outputs” (supported schemas), read November 2026.
"""

from translators.schema_tree import MANY, NAMED, Json, Rewriting, Schema, hinted, merge, within, written

_UNSAID = frozenset(
    {
        "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties",
        "propertyNames", "minProperties", "maxProperties", "unevaluatedProperties", "unevaluatedItems", "contains",
        "minContains", "maxContains", "uniqueItems", "minLength", "maxLength", "default", "examples", "example",
    }
)  # fmt: skip
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})


class Strict(Rewriting):
    """A schema for `strict`: every property required (an optional one may be null), nothing beside them.

    What cannot be enforced is said in the description.
    """

    def schema(self, node: Json, at: str) -> Json:
        """The same schema in the subset."""
        self.left -= 1
        if not isinstance(node, dict) or self.left < 0:
            return node
        node = self._lone_reference(self.flat(node, at, ()), at)
        found: Schema = {}
        words: list[str] = []
        for key, value in node.items():
            here = f"{at}.{key}"
            if key in _UNSAID or (key == "format" and value not in _FORMATS):
                self.ledger.apply("schema-hint", here, f"{at}.description")
                words.append(f"{key}: {written(value).decode()}")
            elif key == "oneOf" and "anyOf" not in node:
                self.ledger.apply("schema-one-of", here, f"{at}.anyOf")
                found["anyOf"] = self._members(key, value, here)
            elif key == "additionalProperties":
                if value is not False:
                    self.ledger.apply("schema-closed", here)
            else:
                found[key] = self._members(key, value, here)
        kind = found.get("type")
        if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in found:
            self._close(found, at)
        return hinted(found, words)

    def _members(self, key: str, value: Json, here: str) -> Json:
        """`value` with the schemas in it rewritten, each under its own path."""
        if key in NAMED and isinstance(value, dict):
            return {name: self.schema(member, f"{here}.{name}") for name, member in value.items()}
        if key in MANY and isinstance(value, list):
            return [self.schema(member, f"{here}[{index}]") for index, member in enumerate(value)]
        return within(key, value, lambda member: self.schema(member, here))

    def _close(self, found: Schema, at: str) -> None:
        properties = found.setdefault("properties", {})
        found["additionalProperties"] = False
        if not isinstance(properties, dict):
            return
        before = found.get("required")
        required = before if isinstance(before, list) else []
        optional = [name for name in properties if name not in required]
        if optional:
            self.ledger.apply("schema-required", f"{at}.required" if before is not None else at)
        found["properties"] = {
            name: _or_null(member) if name in optional else member for name, member in properties.items()
        }
        found["required"] = [name for name in required if name in properties] + optional

    def _lone_reference(self, node: Schema, at: str) -> Schema:
        """A reference has nothing beside it here: its neighbours are put into a copy of what it points at."""
        ref = node.get("$ref")
        beside = {key: value for key, value in node.items() if key not in ("$ref", "$defs", "definitions")}
        if not isinstance(ref, str) or not beside:
            return node
        aim = self.target(ref)
        rest = {key: value for key, value in node.items() if key not in beside}
        if not isinstance(aim, dict) or ref in self.reach(ref):
            for key in beside:
                self.ledger.lose(f"{at}.{key}", "next to a $ref")
            return rest
        self.ledger.apply("schema-inline", f"{at}.$ref")
        del rest["$ref"]
        return merge(beside, aim) | rest


def _or_null(node: Json) -> Json:
    """A schema that allows null as well."""
    if not isinstance(node, dict) or not node:
        return node
    kind = node.get("type")
    if isinstance(kind, str | list):
        kinds = [kind] if isinstance(kind, str) else kind
        if "null" in kinds:
            return node
        node = node | {"type": [*kinds, "null"]}
        if isinstance(node.get("enum"), list) and None not in node["enum"]:
            node["enum"] = [*node["enum"], None]
        return node
    if isinstance(node.get("anyOf"), list):
        return node if {"type": "null"} in node["anyOf"] else node | {"anyOf": [*node["anyOf"], {"type": "null"}]}
    if isinstance(node.get("enum"), list):
        return node if None in node["enum"] else node | {"enum": [*node["enum"], None]}
    return {"anyOf": [node, {"type": "null"}]}
