"""How a JSON Schema is put together: where schemas stand inside schemas, references, merging.

Everything works on copies, keeps key order and the digits of numbers, and touches keywords only where keywords stand:
a property may be named `const` or `$ref`.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from translators.errors import Unreadable
from translators.losses import Ledger

type Json = Any  # what a JSON text decodes to; floats as Decimal
type Schema = dict[str, Json]

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

ONE = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
MANY = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
NAMED = frozenset({"properties", "$defs", "definitions", "patternProperties", "dependentSchemas"})
"""Where schemas stand inside a schema: as the value, in a list, under names. All other values are data."""
DEFINITIONS = frozenset({"$defs", "definitions"})
SILENT = frozenset({"$schema", "$comment", "$id", "$vocabulary"})
"""Keywords that say nothing about values."""
_LOWEST = frozenset({"maximum", "exclusiveMaximum", "maxItems", "maxLength", "maxProperties"})
_HIGHEST = frozenset({"minimum", "exclusiveMinimum", "minItems", "minLength", "minProperties"})
_LARGEST = 20_000  # schemas; inlining may multiply them, and a model reads none of that size


type _Sub = _Shape | bool | None
type _Subs = list[_Sub] | None
type _Items = _Shape | list[_Sub] | bool | None
type _Named = dict[str, _Sub] | None


class _Shape(Struct, rename="camel"):
    """What the keywords that hold a schema together must be. Some clients send null for what they don't say."""

    properties: _Named = None
    pattern_properties: _Named = None
    dependent_schemas: _Named = None
    defs: _Named = field(default=None, name="$defs")
    definitions: _Named = None
    any_of: _Subs = None
    one_of: _Subs = None
    all_of: _Subs = None
    prefix_items: _Subs = None
    items: _Items = None
    additional_properties: _Sub = None
    never: _Sub = field(default=None, name="not")
    when: _Sub = field(default=None, name="if")
    then: _Sub = None
    otherwise: _Sub = field(default=None, name="else")
    contains: _Sub = None
    property_names: _Sub = None
    required: list[str] | bool | None = None  # the first drafts wrote `true` into the property itself
    type: str | list[str] | None = None
    enum: list[Raw] | None = None
    format: str | None = None
    ref: str | None = field(default=None, name="$ref")


_shape = msgspec.json.Decoder(_Shape)
_VOID = frozenset({*NAMED, *MANY, "items", "required", "type", "enum", "format", "$ref"})
_void = re.compile(rb'"(?:%s)"\s*:\s*(?:null|true|false)' % "|".join(map(re.escape, sorted(_VOID))).encode())


def read(raw: Raw, path: str = "") -> Json:
    """Decode a schema, without structural keywords that are null, and without a `required` of the first drafts.

    Raises:
        Unreadable: not JSON, or such a keyword is of a type it cannot have; `path` is where the schema stood.
    """
    try:
        root = _decoder.decode(raw)
        if not isinstance(root, dict):
            return root  # no schema at all: what that means is for whoever needs one
        _shape.decode(raw)
        return _solid(root) if _void.search(raw) else root
    except msgspec.ValidationError as exc:
        said, _, where = str(exc).partition(" - at `")
        raise Unreadable(f"a schema that is none: {said[:1].lower()}{said[1:]}", path + where.strip("$`")) from None
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError) as exc:
        raise Unreadable(f"a schema that cannot be read: {exc}", path) from None


def _solid(node: Json) -> Json:
    """The schema without keywords that say nothing."""
    if not isinstance(node, dict):
        return node
    return {
        key: within(key, value, _solid)
        for key, value in node.items()
        if key not in _VOID or not (value is None or (key == "required" and isinstance(value, bool)))
    }


def written(node: Json) -> bytes:
    """Encode a schema, or a value in one, as compact JSON."""
    return _encoder.encode(node)


def within(key: str, value: Json, change: Callable[[Json], Json]) -> Json:
    """`value` of keyword `key` with `change` made to the schemas directly in it."""
    if key in NAMED and isinstance(value, dict):
        return {name: change(member) for name, member in value.items()}
    if isinstance(value, list) and (key in MANY or key == "items"):
        return [change(member) for member in value]
    return change(value) if key in ONE else value


def references(node: Json) -> Iterator[str]:
    """The references anywhere in a schema."""
    if not isinstance(node, dict):
        return
    if isinstance(ref := node.get("$ref"), str):
        yield ref
    for key, value in node.items():
        if key in NAMED and isinstance(value, dict) and key not in DEFINITIONS:
            for member in value.values():
                yield from references(member)
    for child in children(node):
        yield from references(child)


def children(node: Schema) -> Iterator[Json]:
    """The schemas right under `node` that have no name."""
    for key, value in node.items():
        if isinstance(value, list) and (key in MANY or key == "items"):
            yield from value
        elif key in ONE:
            yield value


def merge(first: Schema, second: Schema) -> Schema:
    """A schema for values that fit both; where both speak of the same, the narrower, else the first."""
    found = dict(first)
    for key, theirs in second.items():
        ours = found.get(key)
        if key not in found:
            found[key] = theirs
        elif key in NAMED and isinstance(ours, dict) and isinstance(theirs, dict):
            found[key] = ours | {name: _both(ours.get(name), member) for name, member in theirs.items()}
        elif key == "required" and isinstance(ours, list) and isinstance(theirs, list):
            found[key] = ours + [name for name in theirs if name not in ours]
        elif key in _HIGHEST and isinstance(ours, int | Decimal) and isinstance(theirs, int | Decimal):
            found[key] = max(ours, theirs)
        elif key in _LOWEST and isinstance(ours, int | Decimal) and isinstance(theirs, int | Decimal):
            found[key] = min(ours, theirs)
        elif key in ("enum", "type") and isinstance(ours, list):
            others = theirs if isinstance(theirs, list) else [theirs]
            found[key] = [member for member in ours if member in others] or ours
        elif key == "type" and ours == "number" and theirs == "integer":
            found[key] = theirs
        elif key == "additionalProperties" and theirs is False:
            found[key] = False
    return found


def _both(ours: Json, theirs: Json) -> Json:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return merge(ours, theirs)
    return theirs if ours is None or ours is True else ours


def hinted(node: Schema, words: list[str]) -> Schema:
    """`node` with what its dialect has no keyword for said in the description."""
    if not words:
        return node
    before = node.get("description")
    text = "; ".join(words)
    return node | {"description": f"{before} ({text})" if isinstance(before, str) and before else text}


_DEFINED = re.compile(r"#|#/(?:\$defs|definitions)/[^/]*")


class Rewriting:
    """A schema on its way to another dialect: what every way needs. Never changes a node it was given."""

    def __init__(self, root: Json, ledger: Ledger) -> None:
        self.root = root
        self.ledger = ledger
        self.left = _LARGEST
        self.reached: dict[str, frozenset[str]] = {}
        self.odd: dict[str, bool] = {}  # references to what is data there: whether it is a schema all the same

    def target(self, ref: Json) -> Json:
        """What a local reference points at, or None."""
        if not isinstance(ref, str) or not ref.startswith("#"):
            return None
        node: Json = self.root
        for step in ref[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and step.isdecimal() and int(step) < len(node):
                node = node[int(step)]
            elif isinstance(node, dict) and step in node:
                node = node[step]
            else:
                return None
        return node if _DEFINED.fullmatch(ref) or self._is_schema(ref, node) else None

    def _is_schema(self, ref: str, node: Json) -> bool:
        """A reference may lead to where the schema was never looked at as one."""
        if ref not in self.odd:
            try:
                msgspec.convert(node, _Sub)
                self.odd[ref] = _solid(node) == node
            except (msgspec.ValidationError, RecursionError):
                self.odd[ref] = False
        return self.odd[ref]

    def reach(self, ref: str) -> frozenset[str]:
        """All references that can be come to from `ref`."""
        if ref not in self.reached:
            found: set[str] = set()
            waiting = [ref]
            while waiting:
                for other in references(self.target(waiting.pop())):
                    if other not in found:
                        found.add(other)
                        waiting.append(other)
            self.reached[ref] = frozenset(found)
        return self.reached[ref]

    def flat(self, node: Schema, at: str, seen: tuple[str, ...]) -> Schema:
        """`node` with its allOf merged in; a member that cannot be is lost."""
        members = node.get("allOf")
        if not isinstance(members, list):
            return node
        found = {key: value for key, value in node.items() if key != "allOf"}
        if len(members) == 1 and not found and isinstance(members[0], dict):
            return self.flat(members[0], at, seen)
        self.ledger.apply("schema-all-of", f"{at}.allOf", at)
        for index, member in enumerate(members):
            self.left -= 1
            if self.left < 0:
                self.ledger.lose(f"{at}.allOf[{index}]", "the schema is too large")
                break
            if isinstance(member, dict) and "$ref" in member:
                ref = member["$ref"]
                aim = self.target(ref)
                if not isinstance(aim, dict) or ref in seen or ref in self.reach(ref):
                    self.ledger.lose(f"{at}.allOf[{index}]", "a reference that cannot be merged")
                    continue
                member = {key: value for key, value in member.items() if key != "$ref"} | aim
            if isinstance(member, dict):
                found = merge(found, self.flat(member, f"{at}.allOf[{index}]", seen))
        return found


_ROOT_UNIONS = ("anyOf", "oneOf", "allOf")


def object_root(root: Json, ledger: Ledger, at: str, *, listed: bool = False) -> Schema:
    """A schema whose root is an object, and no union or reference: what vendors take for a tool.

    The branches of a union become one object that allows what any of them allows, and requires what all do.
    listed: `properties` must be there even where there are none.
    """
    if not isinstance(root, dict):
        if root is not True:
            ledger.lose(at, "a tool schema that is no object")
        return {"type": "object", "properties": {}}
    plain = root.get("type") == "object" and not any(key in root for key in (*_ROOT_UNIONS, "$ref"))
    if plain and ("properties" in root or not listed):
        return root
    ledger.apply("schema-root-object", at)
    rewriting = Rewriting(root, ledger)
    node = rewriting.flat(root, at, ())
    aim = rewriting.target(node.get("$ref"))
    if isinstance(aim, dict) and aim is not root:
        node = rewriting.flat(merge({key: value for key, value in node.items() if key != "$ref"}, aim), at, ())
    branches = [each for key in _ROOT_UNIONS for each in node.get(key, ()) if isinstance(each, dict)]
    branches = [aim if isinstance(aim := rewriting.target(each.get("$ref")), dict) else each for each in branches]
    found: Schema = {"type": "object"} | {
        key: value for key, value in node.items() if key not in ("type", "$ref", *_ROOT_UNIONS)
    }
    properties: Schema = dict(found.get("properties", {}))
    for branch in branches:
        for name, member in branch.get("properties", {}).items():
            properties[name] = _either(properties[name], member) if name in properties else member
    common = [name for name in properties if branches and all(name in each.get("required", ()) for each in branches)]
    needed = [*found.get("required", ()), *(name for name in common if name not in found.get("required", ()))]
    return found | {"properties": properties} | ({"required": needed} if needed else {})


def _either(ours: Json, theirs: Json) -> Json:
    """A schema for values that fit one of the two."""
    if ours == theirs:
        return ours
    several = ours["anyOf"] if isinstance(ours, dict) and ours.keys() == {"anyOf"} else [ours]
    return {"anyOf": several if theirs in several else [*several, theirs]}
