"""JSON Schema to and from Gemini's two schema fields."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from translators import schemas
from translators.claude.schema import for_tool
from translators.errors import Unreadable
from translators.losses import Ledger


def to(schema: Any, *, modern: bool, ledger: Ledger | None = None) -> Any:
    raw = Raw(schema if isinstance(schema, bytes) else json.dumps(schema).encode())
    written = bytes(schemas.to_gemini(raw, ledger or Ledger(), "$", modern))
    return json.loads(written) if written else None


def back(schema: Any) -> Any:
    return json.loads(bytes(schemas.from_gemini(Raw(json.dumps(schema).encode()))))


def rules(schema: Any, *, modern: bool) -> list[tuple[str, str]]:
    ledger = Ledger()
    to(schema, modern=modern, ledger=ledger)
    return [(applied.rule, applied.path) for applied in ledger.applied]


KEYWORDS_AS_NAMES = {
    "type": "object",
    "properties": {
        "records": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}},
                "propertyNames": {"type": "string"},
            },
        },
        "properties": {"type": "object", "propertyNames": {"type": "string"}},
        "propertyNames": {"type": "string"},
        "const": {"type": "integer", "exclusiveMinimum": 0},
    },
    "required": ["records", "properties", "propertyNames", "const"],
}


@pytest.mark.parametrize("modern", [True, False])
def test_keywords_go_and_properties_of_the_same_name_stay(modern):
    found = to(KEYWORDS_AS_NAMES, modern=modern)
    assert list(found["properties"]) == ["records", "properties", "propertyNames", "const"]
    assert found["required"] == ["records", "properties", "propertyNames", "const"]
    records = found["properties"]["records"]
    assert "uniqueItems" not in records
    assert "propertyNames" not in records["items"]
    assert "propertyNames" not in found["properties"]["properties"]
    assert "exclusiveMinimum" not in found["properties"]["const"]
    assert ("schema-hint", "$.properties.records.uniqueItems") in rules(KEYWORDS_AS_NAMES, modern=modern)


def test_the_newer_field_keeps_definitions():
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"P": {"type": "object", "properties": {"x": {"const": 1}}}},
        "type": "object",
        "properties": {
            "p": {"$ref": "#/$defs/P"},
            "$ref": {"type": "string"},
            "n": {"type": ["integer", "null"], "exclusiveMinimum": 0},
        },
        "additionalProperties": False,
    }
    assert to(schema, modern=True) == {
        "$defs": {"P": {"type": "object", "properties": {"x": {"enum": [1]}}}},
        "type": "object",
        "properties": {
            "p": {"$ref": "#/$defs/P"},
            "$ref": {"type": "string"},
            "n": {"type": ["integer", "null"], "description": "exclusiveMinimum: 0"},
        },
        "additionalProperties": False,
    }
    old = to(schema, modern=False)
    assert old["properties"]["p"]["type"] == "OBJECT"
    assert old["properties"]["$ref"] == {"type": "STRING"}
    number = old["properties"]["n"]
    assert (number["type"], number["nullable"], number["minimum"]) == ("INTEGER", True, 1)


OLD = [
    ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
    (
        {"enum": ["a", "", None]},
        {"type": "STRING", "nullable": True, "enum": ["a"], "description": 'enum: ["a","",null]'},
    ),
    ({"enum": [1, 2]}, {"type": "INTEGER", "description": "enum: [1,2]"}),
    ({"enum": [1.5]}, {"type": "NUMBER", "description": "enum: [1.5]"}),
    ({"const": True}, {"type": "BOOLEAN", "description": "enum: [true]"}),
    ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}),
    ({"type": "array", "items": [{"type": "string"}]}, {"type": "ARRAY", "items": {"type": "STRING"}}),
    (
        {"prefixItems": [{"type": "string"}, {"type": "number"}]},
        {"type": "ARRAY", "items": {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}},
    ),
    (
        {"type": ["string", "integer"], "minLength": 2},
        {"anyOf": [{"type": "STRING", "minLength": 2}, {"type": "INTEGER"}]},
    ),
    ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"type": "STRING", "nullable": True}),
    ({"type": "string", "format": "uri"}, {"type": "STRING", "description": "format: uri"}),
    ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
    (
        {"type": "number", "exclusiveMaximum": 3, "maximum": 2},
        {"type": "NUMBER", "maximum": 2, "description": "exclusiveMaximum: 3"},
    ),
    ({"type": "number", "exclusiveMinimum": True}, {"type": "NUMBER", "description": "exclusiveMinimum: true"}),
    ({"type": "string", "examples": ["x", "y"]}, {"type": "STRING", "example": "x"}),
    ({"type": "object", "additionalProperties": True, "x-y": 1}, {"type": "OBJECT"}),
    (True, {"type": "STRING", "description": "any JSON value"}),
    (
        {
            "allOf": [
                {"properties": {"a": {"type": "string"}}, "minProperties": 1},
                {"minProperties": 2, "required": ["a", "z"]},
            ]
        },
        {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "minProperties": 2, "required": ["a"]},
    ),
    ({"$ref": "#/$defs/none"}, {"type": "OBJECT", "description": "See: none"}),
]


@pytest.mark.parametrize(("schema", "expected"), OLD, ids=[json.dumps(schema)[:50] for schema, _ in OLD])
def test_the_old_field(schema, expected):
    found = to({"type": "object", "properties": {"p": schema}}, modern=False)
    assert found == {"type": "OBJECT", "properties": {"p": expected}}


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"type": "object", "properties": {}}, True, {"$ref": "#"}])
def test_an_object_without_properties_is_left_out_of_the_old_field(schema):
    assert to(schema, modern=False) is None


def test_recursion_in_the_newer_field_becomes_optional():
    schema = {
        "definitions": {
            "Node": {
                "type": "object",
                "properties": {
                    "v": {"type": "number"},
                    "kids": {"type": "array", "items": {"$ref": "#/definitions/Node"}},
                },
                "required": ["v", "kids"],
            },
            "List": {"type": "array", "items": {"$ref": "#/definitions/List"}},
        },
        "type": "object",
        "properties": {
            "root": {"$ref": "#/definitions/Node", "description": "lost"},
            "list": {"$ref": "#/definitions/List"},
        },
        "required": ["root"],
    }
    ledger = Ledger()
    found = to(schema, modern=True, ledger=ledger)
    assert found["$defs"]["Node"]["required"] == ["v"]
    assert found["$defs"]["Node"]["properties"]["kids"]["items"] == {"$ref": "#/$defs/Node"}
    assert found["$defs"]["List"]["items"] == {"type": "object"}
    assert found["required"] == ["root"]
    assert [loss.path for loss in ledger.losses] == ["$.properties.root.description"]


def test_recursion_in_the_old_field_ends_in_a_name():
    schema = {
        "$defs": {"N": {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}},
        "$ref": "#/$defs/N",
    }
    assert to(schema, modern=False) == {
        "type": "OBJECT",
        "properties": {"next": {"type": "OBJECT", "description": "See: N"}},
    }


def test_siblings_of_a_reference_are_put_into_a_copy():
    schema = {
        "$defs": {"P": {"type": "string", "description": "theirs"}},
        "type": "object",
        "properties": {"p": {"$ref": "#/$defs/P", "description": "ours"}, "q": {"allOf": [{"$ref": "#/$defs/P"}]}},
    }
    found = to(schema, modern=True)
    assert found["properties"]["p"] == {"description": "ours", "type": "string"}
    assert found["properties"]["q"] == {"$ref": "#/$defs/P"}


def test_a_dense_net_of_references_stays_small():
    links = {
        f"D{i}": {"type": "object", "properties": {side: {"$ref": f"#/$defs/D{i + 1}"} for side in "abcd"}}
        for i in range(30)
    }
    links["D30"] = {"type": "string"}
    ledger = Ledger()
    found = schemas.to_gemini(Raw(json.dumps({"$defs": links, "$ref": "#/$defs/D0"}).encode()), ledger, "$", False)
    assert len(bytes(found)) < 5_000_000
    assert any(loss.reason == "the schema is too large" for loss in ledger.losses)


def test_digits_and_order_stay():
    text = b'{"type":"object","properties":{"z":{"minimum":1.10},"a":{"maximum":123456789012345678901234567890}}}'
    assert bytes(schemas.to_gemini(Raw(text), Ledger(), "$", True)) == text
    assert b'"minimum":1.10' in bytes(schemas.to_gemini(Raw(text), Ledger(), "$", False))


FROM = [
    ({"type": "STRING", "nullable": True, "enum": ["x"]}, {"type": ["string", "null"], "enum": ["x", None]}),
    ({"any_of": [{"type": "INTEGER"}], "nullable": True}, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    (
        {"type": "ARRAY", "items": {"type": "NUMBER"}, "minItems": "3"},
        {"type": "array", "items": {"type": "number"}, "minItems": 3},
    ),
    ({"type": "TYPE_UNSPECIFIED", "example": 1}, {"examples": [1]}),
    ({"type": "STRING", "format": "enum", "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
    ({"ref": "#/defs/A", "defs": {"A": {"type": "STRING"}}}, {"$ref": "#/$defs/A", "$defs": {"A": {"type": "string"}}}),
    (
        {"type": "object", "properties": {"type": {"type": "STRING"}}},
        {"type": "object", "properties": {"type": {"type": "string"}}},
    ),
    ({"type": ["STRING", "NULL"], "nullable": True}, {"type": ["string", "null"]}),
]


@pytest.mark.parametrize(("schema", "expected"), FROM, ids=[json.dumps(schema)[:40] for schema, _ in FROM])
def test_geminis_own_type_becomes_json_schema(schema, expected):
    assert back(schema) == expected


def test_property_ordering_is_the_order():
    found = back({"type": "OBJECT", "properties": {"b": {}, "a": {}, "c": {}}, "propertyOrdering": ["a", "b"]})
    assert list(found["properties"]) == ["a", "b", "c"]
    assert "propertyOrdering" not in found


@pytest.mark.parametrize("text", [b"{", b"[" * 100_000])
def test_what_is_no_schema_is_refused(text):
    for call in (lambda: schemas.from_gemini(Raw(text)), lambda: schemas.to_gemini(Raw(text), Ledger(), "$.x", True)):
        with pytest.raises(Unreadable):
            call()


NAMES = "type properties items anyOf oneOf allOf $ref $defs enum const required not prefixItems minimum maximum x"
NAMES += " additionalProperties nullable description format"

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES.split()),
            inner | st.sampled_from(["object", "array", "null", "#", "#/$defs/x", ["string", "null"]]),
            max_size=5,
        )
    ),
    max_leaves=20,
)


shapes = st.recursive(
    st.booleans() | st.fixed_dictionaries({"type": st.sampled_from(["object", "array", "null", ["string", "null"]])}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from(["x", "type", "$ref"]), inner, max_size=3) | st.none(),
            "$defs": st.dictionaries(st.just("x"), inner, max_size=1),
            "required": st.lists(st.sampled_from(["x", "y"]), max_size=2) | st.booleans() | st.none(),
            "items": inner | st.lists(inner, max_size=2),
            "anyOf": st.lists(inner, max_size=3),
            "allOf": st.lists(inner, max_size=2) | st.none(),
            "$ref": st.sampled_from(["#", "#/$defs/x", "#/default", "#/required", "x"]),
            "default": plain,
            "enum": st.lists(plain, max_size=2),
            "minimum": plain,
            "additionalProperties": inner,
        },
    ),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None)
@given(shapes, st.booleans())
def test_any_schema_can_be_said_or_never_ends(schema, modern):
    raw = Raw(json.dumps(schema).encode())
    for said in (
        lambda: to(schema, modern=modern),
        lambda: back(schema),
        lambda: openai(schema, strict=modern),
        lambda: bytes(for_tool(raw, False, Ledger(), "$")),
    ):
        try:
            first = said()
        except Unreadable as refused:
            first = refused.message
        assert "a schema that is none" not in str(first)
        with contextlib.suppress(Unreadable):
            assert said() == first


@settings(max_examples=150, deadline=None)
@given(plain, st.booleans())
def test_any_json_is_some_schema_or_refused(schema, modern):
    for said in (lambda: to(schema, modern=modern), lambda: back(schema), lambda: openai(schema, strict=modern)):
        with contextlib.suppress(Unreadable):
            said()


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"properties": []}, "$.x.properties: a schema that is none: expected `object | null`, got `array`"),
        ({"required": [{}]}, "$.x.required[0]: a schema that is none: expected `str`, got `object`"),
        ({"items": {"anyOf": 1}}, "$.x.items.anyOf: a schema that is none: expected `array | null`, got `int`"),
        (
            {"$defs": {"a": {"not": "b"}}},
            "$.x.$defs[...].not: a schema that is none: expected `bool | object | null`, got `str`",
        ),
    ],
)
def test_a_keyword_of_the_wrong_type_is_refused_with_its_path(schema, message):
    raw = Raw(json.dumps(schema).encode())
    for call in (
        lambda: schemas.to_openai(raw, Ledger(), "$.x"),
        lambda: schemas.to_gemini(raw, Ledger(), "$.x", True),
        lambda: schemas.to_gemini(raw, Ledger(), "$.x", False),
        lambda: for_tool(raw, False, Ledger(), "$.x"),
        lambda: schemas.wrap_value(raw, False, "$.x"),
    ):
        with pytest.raises(Unreadable) as refused:
            call()
        assert str(refused.value) == message


def test_null_is_as_good_as_absent_and_so_is_a_required_of_the_first_drafts():
    odd = {"type": "object", "required": None, "anyOf": None, "properties": {"a": {"required": True, "const": None}}}
    assert to(odd, modern=True) == {"type": "object", "properties": {"a": {"enum": [None]}}}
    assert openai(odd, strict=True)["properties"] == {"a": {"anyOf": [{"const": None}, {"type": "null"}]}}
    assert openai(odd) == odd, "word for word, where nothing else is to be changed"


def test_definitions_that_double_come_to_an_end():
    doubling = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
    bomb = {"$defs": doubling | {"d60": {"type": "object"}}, "allOf": [{"$ref": "#/$defs/d0"}]}
    ledger = Ledger()
    assert openai(bomb, ledger=ledger)["type"] == "object"
    assert any("too large" in loss.reason for loss in ledger.losses)


# --- OpenAI ---------------------------------------------------------------------------------------------------------


def openai(schema: Any, *, strict: bool = False, gemini: bool = False, ledger: Ledger | None = None) -> Any:
    raw = Raw(json.dumps(schema).encode())
    before = bytes(raw)
    found = schemas.to_openai(raw, ledger or Ledger(), "$", gemini=gemini, strict=strict)
    assert bytes(raw) == before, "the client's schema is left as it was"
    return json.loads(bytes(found))


FIT = b'{ "type": "object", "properties": {"a": {"type": "number", "minimum": 1.0}} }'


def test_a_schema_that_fits_stays_word_for_word():
    assert bytes(schemas.to_openai(Raw(FIT), Ledger(), "$")) == FIT
    strict = b'{"type":"object","properties":{"a":{"const":1.0}}, "required":["a"],"additionalProperties":false}'
    assert bytes(schemas.to_openai(Raw(strict), Ledger(), "$", strict=True)) == strict


A, B = {"type": "string"}, {"type": "integer"}
ROOTS = [
    (True, {"type": "object", "properties": {}}),
    ("no schema", {"type": "object", "properties": {}}),
    ({"type": "object"}, {"type": "object", "properties": {}}),
    (
        {"$ref": "#/$defs/X", "$defs": {"X": {"type": "object", "properties": {"a": A}}}},
        {
            "type": "object",
            "$defs": {"X": {"type": "object", "properties": {"a": A}}},
            "properties": {"a": A},
        },
    ),
    (
        {"type": "object", "properties": {"a": A, "b": B}, "anyOf": [{"required": ["a"]}, {"required": ["a", "b"]}]},
        {"type": "object", "properties": {"a": A, "b": B}, "required": ["a"]},
    ),
    (
        {
            "oneOf": [
                {"properties": {"kind": {"const": 1}}, "required": ["kind"]},
                {"$ref": "#/$defs/Y"},
                {"properties": {"kind": {"const": 2}}, "required": ["kind"]},
            ],
            "$defs": {"Y": {"properties": {"kind": {"const": 2}, "b": B}, "required": ["b", "kind"]}},
        },
        {
            "type": "object",
            "$defs": {"Y": {"properties": {"kind": {"const": 2}, "b": B}, "required": ["b", "kind"]}},
            "properties": {"kind": {"anyOf": [{"const": 1}, {"const": 2}]}, "b": B},
            "required": ["kind"],
        },
    ),
    (
        {"allOf": [{"type": "object", "properties": {"a": A}}, {"properties": {"b": B}, "required": ["b"]}]},
        {"type": "object", "properties": {"a": A, "b": B}, "required": ["b"]},
    ),
]


@pytest.mark.parametrize(("schema", "expected"), ROOTS, ids=[json.dumps(schema)[:50] for schema, _ in ROOTS])
def test_the_root_of_a_tool_is_an_object(schema, expected):
    ledger = Ledger()
    assert openai(schema, ledger=ledger) == expected
    assert ledger.applied or ledger.losses or schema is True


def test_a_union_of_references_to_the_root_ends():
    assert openai({"$ref": "#"}) == {"type": "object", "properties": {}}


STRICT = [
    ({"type": "string"}, {"type": ["string", "null"]}),
    ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
    (
        {"type": ["string", "integer"], "enum": ["x", 1]},
        {"type": ["string", "integer", "null"], "enum": ["x", 1, None]},
    ),
    ({"enum": ["x"]}, {"enum": ["x", None]}),
    ({"enum": ["x", None]}, {"enum": ["x", None]}),
    ({"anyOf": [A, B]}, {"anyOf": [A, B, {"type": "null"}]}),
    ({"oneOf": [A, {"type": "null"}]}, {"anyOf": [A, {"type": "null"}]}),
    ({"const": 1}, {"anyOf": [{"const": 1}, {"type": "null"}]}),
    ({}, {}),
    (True, True),
    (
        {"type": "string", "default": "x", "maxLength": 3},
        {"type": ["string", "null"], "description": 'default: "x"; maxLength: 3'},
    ),
    ({"type": "string", "format": "date"}, {"type": ["string", "null"], "format": "date"}),
    (
        {"type": "array", "items": {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}},
        {
            "type": ["array", "null"],
            "items": {"type": "object", "properties": {}, "additionalProperties": False, "required": []},
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "expected"), STRICT, ids=[json.dumps(schema)[:50] for schema, _ in STRICT])
def test_an_optional_property_under_strict(schema, expected):
    found = openai({"type": "object", "properties": {"p": schema}}, strict=True)
    assert found == {
        "type": "object",
        "properties": {"p": expected},
        "required": ["p"],
        "additionalProperties": False,
    }


def test_a_required_property_stays_as_it_is():
    found = openai({"type": "object", "properties": {"p": A, "q": A}, "required": ["q", "r"]}, strict=True)
    assert found["properties"] == {"p": {"type": ["string", "null"]}, "q": A}
    assert found["required"] == ["q", "p"]


def test_references_stand_alone_under_strict():
    definitions = {
        "P": {"type": "object", "properties": {"x": A}, "required": ["x"], "additionalProperties": False},
        "R": {"type": "object", "properties": {"r": {"$ref": "#/$defs/R"}}, "required": ["r"]},
    }
    properties = {
        "p": {"$ref": "#/$defs/P", "description": "a place"},
        "r": {"$ref": "#/$defs/R", "description": "a tree"},
        "plain": {"$ref": "#/$defs/P"},
        "properties": {"type": "string"},
    }
    ledger = Ledger()
    schema = {"type": "object", "$defs": definitions, "properties": properties, "required": list(properties)}
    found = openai(schema, strict=True, ledger=ledger)
    assert found["properties"] == {
        "p": {"description": "a place", **definitions["P"]},
        "r": {"$ref": "#/$defs/R"},
        "plain": {"$ref": "#/$defs/P"},
        "properties": {"type": "string"},
    }
    assert [loss.path for loss in ledger.losses] == ["$.properties.r.description"]
    assert [(one.rule, one.path) for one in ledger.applied if one.rule == "schema-inline"] == [
        ("schema-inline", "$.properties.p.$ref")
    ]


def test_keywords_as_names_under_strict():
    found = openai(KEYWORDS_AS_NAMES, strict=True)
    assert list(found["properties"]) == list(KEYWORDS_AS_NAMES["properties"])
    assert found["required"] == KEYWORDS_AS_NAMES["required"]


def test_gemini_s_own_type_for_openai():
    ledger = Ledger()
    schema = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}
    assert openai(schema, gemini=True, ledger=ledger)["properties"] == {"a": {"type": ["string", "null"]}}
    assert [one.rule for one in ledger.applied] == ["schema-of-gemini"]


def test_a_schema_nested_without_end_is_unreadable():
    for depth in (900, 100_000):
        deep = b'{"items":' * depth + b"true" + b"}" * depth
        with pytest.raises(Unreadable):
            schemas.to_openai(Raw(deep), Ledger(), "$", strict=True)
