"""The data files and what is made of them."""

import re

import msgspec
import pytest

from providers.catalog import (
    DATA,
    Catalog,
    CatalogError,
    Model,
    ModelTraits,
    Thinking,
    UnknownProvider,
    load,
    pointed_at,
    read_models,
    read_providers,
    renamed,
    traits_of,
)
from translators.dialect import Levels, Traits

CATALOG = load()

# provider, model → what a writer must know
TRAITS = [
    ("claude", "claude-haiku-4-5", {"max_output": 64000, "adaptive": False, "sampling": True, "prefill": True}),
    ("claude", "claude-sonnet-4-6", {"adaptive": True, "prefill": False, "sampling": True, "system_turns": False}),
    ("claude", "claude-opus-4-7", {"adaptive": True, "sampling": False, "system_turns": False}),
    ("claude", "claude-opus-4-8", {"adaptive": True, "sampling": False, "system_turns": True, "context": 1000000}),
    ("claude", "claude-opus-5-5", {"known": False, "adaptive": True, "system_turns": True}),
    ("claude", "claude-3-5-haiku-20241022", {"known": True, "thinking": None}),
    ("codex", "gpt-5.4", {"reasoning": True, "sampling": False, "context": 1050000}),
    ("codex", "gpt-5.2", {"reasoning": True, "sampling": True}),
    ("codex", "gpt-6-sol", {"known": False, "reasoning": True}),
    ("gemini", "gemini-2.5-flash", {"signatures": False, "json_schema": True, "max_output": 65536}),
    ("gemini", "gemini-3.5-flash-lite", {"signatures": True}),
    ("gemini", "gemini-3.8-flash", {"known": False, "signatures": True}),
    ("vertex", "gemini-3-pro", {"known": True, "signatures": True}),
    ("vertex", "imagen-4.0-generate-001", {"known": True, "thinking": None, "context": 0}),
    ("claude", "nobody-knows", {"known": False, "thinking": None, "context": 0}),
    ("lab", "claude-opus-4-8", {"known": False}),
]


@pytest.mark.parametrize(("provider", "model", "expected"), TRAITS)
def test_traits_come_from_the_data(provider, model, expected):
    traits = CATALOG.traits(provider, model)
    assert {name: getattr(traits, name) for name in expected} == expected


# model → how it thinks
LEVELS = [
    ("claude", "claude-sonnet-4-5-20250929", Levels(minimum=1024, maximum=128000, zero=True)),
    ("claude", "claude-opus-4-6", Levels(1024, 128000, True, False, ("low", "medium", "high", "max"))),
    ("claude", "claude-opus-4-8", Levels(0, 0, True, False, ("low", "medium", "high", "xhigh", "max"))),
    ("claude", "claude-fable-5", Levels(0, 0, False, False, ("low", "medium", "high", "xhigh", "max"))),
    ("codex", "gpt-5.5", Levels(names=("low", "medium", "high", "xhigh"))),
    ("gemini", "gemini-2.5-pro", Levels(minimum=128, maximum=32768, dynamic=True)),
    ("gemini", "gemini-3.1-pro-preview", Levels(dynamic=True, names=("low", "medium", "high"))),
]


@pytest.mark.parametrize(("provider", "model", "levels"), LEVELS)
def test_how_a_model_thinks(provider, model, levels):
    assert CATALOG.traits(provider, model).thinking == levels


SIZES = {
    "claude": 17, "gemini": 14, "vertex": 20, "gemini-cli": 7, "aistudio": 15, "codex-free": 7, "codex-team": 9,
    "codex-plus": 10, "codex-pro": 10, "codex-api": 11, "kimi": 8, "antigravity": 13, "xai": 10, "qwen": 4, "iflow": 26,
}  # fmt: skip


def test_the_lists_are_whole():
    assert {name: len(models) for name, models in CATALOG.lists.items()} == SIZES
    for models in CATALOG.lists.values():
        assert len({model.id for model in models}) == len(models)
        assert all(model.owned_by and model.type and model.display_name for model in models)


def test_no_field_of_the_data_goes_unread():
    known = set(Model.__struct_encode_fields__)
    traits = set(ModelTraits.__struct_encode_fields__)
    thinking = set(Thinking.__struct_encode_fields__)
    for records in msgspec.json.decode((DATA / "models.json").read_bytes()).values():
        for record in records:
            assert set(record) <= known, record["id"]
            assert set(record.get("traits", {})) <= traits, record["id"]
            assert set(record.get("thinking", {})) <= thinking, record["id"]


def test_the_first_list_describes_a_model_that_is_in_two():
    assert CATALOG.find("codex", "gpt-5.3-codex-spark") in CATALOG.lists["codex-pro"]
    assert len(CATALOG.models("codex")) == 21
    assert CATALOG.models("lab") == ()


def test_providers_are_built_in_compatible_or_unknown():
    assert CATALOG.provider("claude").official
    lab = CATALOG.provider("lab", "https://lab.test/v1")
    assert (lab.dialect, lab.vendor, lab.official) == ("openai-chat", "lab", False)
    with pytest.raises(UnknownProvider, match=r"'lab' is unknown.*claude"):
        CATALOG.provider("lab")
    with pytest.raises(UnknownProvider, match="'aistudio' is not served"):
        CATALOG.provider("aistudio", "https://aistudio.test")


def test_a_provider_elsewhere_is_not_the_vendors_own():
    claude = CATALOG.provider("claude")
    assert pointed_at(claude, "") is claude
    assert pointed_at(claude, "https://api.anthropic.com/v1").official
    other = pointed_at(claude, "https://relay.test")
    assert (other.official, other.base_url, other.dialect) == (False, "https://relay.test", "claude")


def test_a_newer_file_takes_the_place_of_lists_and_keeps_what_it_does_not_say():
    newer = b"""{"claude":[{"id":"claude-opus-4-8","object":"model","context_length":5,"novelty":{"a":1}},
                           {"id":"claude-next","thinking":{"levels":["low"]}}]}"""
    catalog = CATALOG.with_models(newer)
    traits = catalog.traits("claude", "claude-opus-4-8")
    assert (traits.context, traits.system_turns, traits.sampling) == (5, True, False)
    assert catalog.traits("claude", "claude-next").thinking == Levels(names=("low",))
    assert catalog.find("claude", "claude-opus-4-7") is None
    assert catalog.models("gemini") == CATALOG.models("gemini")
    assert CATALOG.find("claude", "claude-next") is None


def test_a_record_under_another_name():
    record = renamed(CATALOG.find("gemini", "gemini-2.5-pro"), "team/pro", "team")
    assert (record.id, record.name, record.owned_by, record.context) == ("team/pro", "models/team/pro", "team", 1048576)


def test_an_unknown_model_has_no_traits():
    assert traits_of(None) == Traits()


# provider file → what is wrong with it
BAD = [
    ("[", "while parsing"),
    ("- a", "expected a mapping of provider keys"),
    ("a: 1", "a: expected a mapping"),
    ("a: {dialect: x, nonsense: 1}", "unknown field 'nonsense'"),
    ("a: {dialect: x, vendor: v, base_url: u}", r"a\.auth: expected text"),
    ("a: {dialect: x, vendor: v, base_url: u, auth: basic}", "'basic' is none of"),
    ("a: {dialect: x, vendor: v, base_url: u, auth: bearer}", r"a\.paths: expected a mapping with `generate`"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_bad_provider_file_says_what_and_where(text, message):
    with pytest.raises(CatalogError, match=message):
        read_providers(text, "mine.yaml")


def test_a_bad_model_file_says_where():
    with pytest.raises(CatalogError, match=re.escape("mine.json: Expected `int`, got `str` - at `$[...][0].created`")):
        read_models(b'{"claude":[{"id":"a","created":"yesterday"}]}', "mine.json")


def test_an_empty_catalogue_is_legal():
    assert Catalog({}, {}).models("claude") == ()
