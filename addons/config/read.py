"""YAML nodes → typed values, by the shapes of `keys.py`. Whatever does not fit becomes a problem with its place, and
the reading goes on, so that one look shows all of them."""

import json
import keyword
import re
from enum import Enum

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from addons.config import shapes
from addons.config.model import PathValue
from addons.config.problems import Place, Report, listed, nearest, showable
from addons.config.scalars import Unsayable, flag, is_set, json_text, kind_of, pairs, whole
from credentials.model import Secret


class Gone(Enum):
    """What stands for a value that is not there: absent, or unusable and reported."""

    GONE = "gone"


GONE = Gone.GONE

_ENVIRONMENT = re.compile(r"\$\{?[A-Za-z_][A-Za-z0-9_]*\}?|os\.environ/.*|env:.*")
_EMPTY: tuple[object, ...] = ("", Secret(""), ())


def place_of(node: Node) -> Place:
    """Where a node begins, counted from 1."""
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


class Reader:
    """Reads the nodes of one file. `ignored`: what was read and has no effect; reason → keys, with their places."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.ignored: dict[str, list[tuple[str, Place]]] = {"disguise": [], "absent": []}

    def read(self, node: Node, shape: shapes.Shape, key: str) -> object:
        """The value of `node`, or GONE. null is absence wherever it stands, but in JSON."""
        self.report.places.setdefault(key, place_of(node))
        if kind_of(node) == "null" and not isinstance(shape, shapes.Json | shapes.Ignored):
            return GONE
        try:
            return self._read(node, shape, key)
        except Unsayable as bad:
            self.report.error(key, str(bad), place_of(node))
            return GONE

    def _read(self, node: Node, shape: shapes.Shape, key: str) -> object:
        match shape:
            case shapes.Text():
                return self._text(node, shape, key)
            case shapes.Flag():
                return _flag(node)
            case shapes.Whole() | shapes.Override():
                return _whole(node, shape)
            case shapes.Seconds() | shapes.Span():
                return _seconds(node, shape)
            case shapes.Choice():
                return _choice(node, shape)
            case shapes.Several():
                return self._several(node, shape, key)
            case shapes.Table():
                return self._table(node, shape, key)
            case shapes.Section():
                return self._section(node, shape, key)
            case shapes.Places():
                return self._places(node, shape, key)
            case shapes.Json():
                return self._json(node, shape, key)
            case shapes.Ignored():
                return self._ignored(node, shape, key)

    def _text(self, node: Node, shape: shapes.Text, key: str) -> object:
        if not isinstance(node, ScalarNode):
            raise Unsayable(f"should be a text, not a {kind_of(node)}")
        text: str = node.value.strip()
        if shape.lower:
            text = text.lower()
        if shape.rule is not None:
            text, complaint, fatal = shape.rule(text)
            if complaint and fatal:
                raise Unsayable(complaint)
            if complaint:
                self.report.warn(key, complaint, place_of(node))
        if shape.secret:
            if _ENVIRONMENT.fullmatch(text):
                self.report.warn(
                    key, "looks like the name of a variable; variables are not replaced, write the key", place_of(node)
                )
            return Secret(text)
        return text

    def _several(self, node: Node, shape: shapes.Several, key: str) -> tuple[object, ...]:
        if not isinstance(node, SequenceNode):
            raise Unsayable(f"should be a list: lines that begin with “- ” below it, or [one, two]{_given(node)}")
        items: list[object] = []
        for number, child in enumerate(node.value):
            item = self.read(child, shape.item, f"{key}[{number}]")
            if item is GONE or (shape.unique and (item in _EMPTY or item in items)):
                continue
            items.append(item)
            self.report.kept.setdefault(key, []).append(number)
        return tuple(items)

    def _table(self, node: Node, shape: shapes.Table, key: str) -> dict[str, object]:
        table: dict[str, object] = {}
        for name, value in self._pairs(node, key):
            item = self.read(value, shape.value, f"{key}.{showable(name)}")
            name = name.strip().lower() if shape.lower else name.strip()
            if name and item is not GONE and item not in _EMPTY:
                table[name] = item
        return table

    def _section(self, node: Node, shape: shapes.Section, key: str) -> object:
        values: dict[str, object] = {}
        given: set[str] = set()
        for name, value in self._pairs(node, key):
            child = f"{key}.{name}" if key else name
            known = shape.keys.get(name)
            if known is None:
                self._unknown(name, shape, key)
                continue
            item = self.read(value, known, child)
            if item is not GONE:
                values[_field(name)] = item
            if kind_of(value) != "null":
                given.add(name)
        return shape.build(**values) if self._whole_entry(shape, values, given, key) else GONE

    def _whole_entry(self, shape: shapes.Section, values: dict[str, object], given: set[str], key: str) -> bool:
        """True if nothing mandatory is missing; else the reason is reported."""
        sound = True
        for name in shape.mandatory:
            if name not in given:
                self.report.error(key, f"{name} is missing")
                sound = False
            elif _field(name) not in values:
                sound = False  # reported where it stands
            elif values[_field(name)] in _EMPTY:
                self.report.warn(f"{key}.{name}", "is empty: the entry is left out")
                sound = False
        return sound

    def _pairs(self, node: Node, key: str) -> list[tuple[str, Node]]:
        """The pairs of a mapping, by name. A name that stands twice is an error that names both lines."""
        if not isinstance(node, MappingNode):
            raise Unsayable(f"should be a mapping: lines “key: value”, indented below it{_given(node)}")
        found: dict[str, Node] = {}
        for name_node, value, merged in pairs(node):
            if not isinstance(name_node, ScalarNode):
                self.report.error(key, "a key should be a plain word", place_of(name_node))
                continue
            name: str = name_node.value
            child = f"{key}.{showable(name)}" if key else showable(name)
            if name not in found:
                found[name] = value
                self.report.places[child] = place_of(name_node)
            elif not merged:
                first = self.report.places[child].line
                self.report.error(child, f"stands twice, first in line {first}: keep one", place_of(name_node))
        return list(found.items())

    def _unknown(self, name: str, shape: shapes.Section, key: str) -> None:
        shown = showable(name)
        child = f"{key}.{shown}" if key else shown
        meant = nearest(name, shape.keys)
        homes = [home for home, other in shape.keys.items() if isinstance(other, shapes.Section) and name in other.keys]
        if homes and not key:
            hint = f"; it belongs below {listed(homes)}"
        else:
            hint = f"; did you mean {meant}?" if meant else ""
        self.report.warn(child, f"is not a known key and has no effect{hint}")

    def _places(self, node: Node, shape: shapes.Places, key: str) -> object:
        if shape.values is None:
            texts = self._several(node, shapes.Several(shapes.Text(), unique=True), key)
            return tuple(PathValue(str(text)) for text in texts)
        mappings = node.value if isinstance(node, SequenceNode) else [node]
        found: list[PathValue] = []
        for mapping in mappings:
            for path, value in self._pairs(mapping, key):
                text = self.read(value, shape.values, f"{key}.{showable(path)}")
                if not isinstance(text, bytes):
                    return GONE
                if text:
                    found.append(PathValue(path, text))
        return tuple(found)

    def _json(self, node: Node, shape: shapes.Json, key: str) -> object:
        """JSON text, or b"" for a raw null: it means “leave this one alone”."""
        if not shape.raw or kind_of(node) not in ("str", "null"):
            return json_text(node).encode()
        if kind_of(node) == "null":
            return b""
        try:
            json.loads(node.value)
        except ValueError:
            self.report.warn(key, "should be JSON, written as a text: the rule is left out", place_of(node))
            return GONE
        return str(node.value).strip().encode()

    def _ignored(self, node: Node, shape: shapes.Ignored, key: str) -> Gone:
        if shape.under is not None and isinstance(node, MappingNode):
            self._section(node, shapes.Section(dict, shape.under), key)
        elif shape.reason == "disguise" or is_set(node):
            self.ignored[shape.reason].append((key, self.report.places.get(key, place_of(node))))
        return GONE


def _given(node: Node) -> str:
    """The rest of a sentence about what was found instead."""
    return f" (this is a {kind_of(node)})" if not isinstance(node, ScalarNode) else ""


def _field(name: str) -> str:
    field = name.replace("-", "_")
    return f"{field}_" if keyword.iskeyword(field) else field


def _unquoted(node: Node) -> str:
    """A hint for a number or flag in quotes."""
    quoted = isinstance(node, ScalarNode) and node.style in ("'", '"')
    return ": take the quotes away" if quoted else ""


def _flag(node: Node) -> bool:
    if kind_of(node) != "bool":
        raise Unsayable(f"should be true or false{_unquoted(node)}")
    return flag(node)


def _whole(node: Node, shape: shapes.Whole | shapes.Override) -> int | None:
    if kind_of(node) != "int":
        raise Unsayable(f"should be a whole number{_unquoted(node)}")
    number = whole(node.value)
    if isinstance(shape, shapes.Override):
        return number if number >= 0 else None
    if shape.low is not None and number < shape.low:
        if shape.below is None:
            raise Unsayable(_range(shape))
        return shape.below
    if shape.high is not None and number > shape.high:
        raise Unsayable(_range(shape))
    return number


def _range(shape: shapes.Whole) -> str:
    if shape.high is None:
        return f"should be {shape.low} or more"
    return f"should be {shape.low} to {shape.high}" if shape.low is not None else f"should be at most {shape.high}"


def _seconds(node: Node, shape: shapes.Seconds | shapes.Span) -> float:
    kind = kind_of(node)
    if isinstance(shape, shapes.Span):
        seconds = shapes.span_seconds(node.value) if isinstance(node, ScalarNode) else None
        if seconds is None:
            raise Unsayable("should be a duration with its unit, such as 90s, 30m or 1h30m")
        return seconds
    try:
        number = float(node.value) if kind in ("int", "float") else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise Unsayable(f"should be a number of seconds, 0 or more{_unquoted(node)}")
    return number


def _choice(node: Node, shape: shapes.Choice) -> str | bool:
    kind = kind_of(node)
    if shape.flags and kind == "bool":
        return flag(node)
    wanted = node.value.strip().lower() if isinstance(node, ScalarNode) else None
    if wanted in shape.options:
        return str(wanted)
    if wanted is not None and wanted in shape.others:
        return shape.others[wanted]
    names = (*shape.options, "true", "false") if shape.flags else shape.options
    meant = nearest(wanted, shape.options) if wanted else ""
    raise Unsayable(f"should be {listed(names)}" + (f" (perhaps {meant}?)" if meant else ""))
