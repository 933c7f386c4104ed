"""YAML nodes as plain values: pairs of a mapping, numbers, JSON text. Nothing here knows what a key means."""

import json
import re
from collections.abc import Iterator

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_TAG = "tag:yaml.org,2002:"
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_TRUE = frozenset({"true", "yes", "on"})
_DEPTH = 50


class Unsayable(Exception):
    """A value that cannot be what is wanted; the message says what would be right."""


def kind_of(node: Node) -> str:
    """null, bool, int, float, str, list or mapping; whatever else YAML knows is a str."""
    if isinstance(node, SequenceNode):
        return "list"
    if isinstance(node, MappingNode):
        return "mapping"
    kind = node.tag.removeprefix(_TAG)
    return kind if kind in ("null", "bool", "int", "float") else "str"


def flag(node: Node) -> bool:
    """The value of a bool node."""
    return isinstance(node, ScalarNode) and node.value.lower() in _TRUE


def whole(text: str) -> int:
    """A whole number as YAML may write it.

    Raises:
        Unsayable: with leading zeros (octal for some, decimal for others) or in sixties (`1:30`).
    """
    try:
        return int(text.replace("_", ""), 0)
    except ValueError as bad:
        raise Unsayable("should be a whole number in plain digits, such as 30") from bad


def pairs(node: MappingNode, depth: int = 0) -> Iterator[tuple[Node, Node, bool]]:
    """Key, value, and whether it was merged in (`<<`), own pairs first. Doubles among the own ones are not removed.

    Raises:
        Unsayable: a merge of something that is not a mapping, or of itself.
    """
    if depth > _DEPTH:
        raise Unsayable("should not merge itself")
    merged: list[Node] = []
    for key, value in node.value:
        if key.tag == f"{_TAG}merge":
            merged.extend(value.value if isinstance(value, SequenceNode) else [value])
        else:
            yield key, value, False
    for other in merged:
        if not isinstance(other, MappingNode):
            raise Unsayable("<< should name a mapping")
        for key, value, _ in pairs(other, depth + 1):
            yield key, value, True


def is_set(node: Node) -> bool:
    """True unless the value says “off”: false, 0, nothing, or a mapping whose `enable` or `enabled` is false."""
    if isinstance(node, SequenceNode):
        return bool(node.value)
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value in ("enable", "enabled"):
                return flag(value)
        return bool(node.value)
    kind = kind_of(node)
    return flag(node) if kind == "bool" else kind != "null" and node.value not in ("", "0")


def json_text(node: Node, depth: int = 0) -> str:
    """A node as JSON text. Numbers keep their digits, mappings their order; dates are texts.

    Raises:
        Unsayable: infinite or self-containing values.
    """
    if depth > _DEPTH:
        raise Unsayable("should not contain itself, nor be this deep")
    if isinstance(node, SequenceNode):
        return f"[{','.join(json_text(item, depth + 1) for item in node.value)}]"
    if isinstance(node, MappingNode):
        values: dict[str, str] = {}
        for key, value, merged in pairs(node):
            if not isinstance(key, ScalarNode):
                raise Unsayable("should have plain words as keys")
            if not (merged and key.value in values):
                values[key.value] = json_text(value, depth + 1)
        return "{" + ",".join(f"{_quoted(key)}:{value}" for key, value in values.items()) + "}"
    return _scalar_text(node)


def _scalar_text(node: Node) -> str:
    match kind_of(node):
        case "null":
            return "null"
        case "bool":
            return "true" if flag(node) else "false"
        case "int" | "float" if _JSON_NUMBER.fullmatch(node.value):
            return str(node.value)
        case "int":
            return str(whole(node.value))
        case "float":
            return _float_text(node.value)
    return _quoted(node.value)


def _float_text(text: str) -> str:
    try:
        number = float(text.replace("_", ""))
    except ValueError as bad:
        raise Unsayable("should be a number that JSON knows") from bad
    return repr(number)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
