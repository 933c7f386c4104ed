"""Bodies that fit are read once: with the same result as when they are looked at closely."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw, Struct

from benchmarks.translators import requests
from tests import corpus
from translators.exact import Exact
from translators.losses import Ledger
from translators.registry import DIALECTS


class Leaf(Struct):
    name: str = ""
    given: Raw | None = None


class Text(Struct, tag_field="type", tag="text"):
    text: str
    leaf: Leaf | None = None


class Image(Struct, tag_field="type", tag="image"):
    leaves: list[Leaf] = []


class Tree(Struct):
    parts: list[Text | Image] | str = ""
    inner: "Tree | None" = None


EXACT: Exact[Tree] = Exact(Tree)

FITS = {
    "nothing": {},
    "a text": {"parts": [{"type": "text", "text": "a"}]},
    "below a union and a list": {"parts": [{"type": "image", "leaves": [{"name": "a"}]}]},
    "opaque": {"parts": [{"type": "text", "text": "a", "leaf": {"given": {"any": ["thing"]}}}]},
}
DOES_NOT = {
    "unknown": {"more": 1},
    "unknown in a list": {"parts": [{"type": "text", "text": "a", "more": 1}]},
    "unknown below": {"parts": [{"type": "image", "leaves": [{"more": None}]}]},
    "another tag": {"parts": [{"type": "video"}]},
    "a wrong type": {"parts": 1},
    "itself inside": {"inner": {}},
}


@pytest.mark.parametrize("body", FITS.values(), ids=FITS)
def test_what_has_a_field_is_read(body: dict[str, Any]) -> None:
    read = EXACT.read(json.dumps(body).encode())
    assert isinstance(read, Tree)
    for part in read.parts:
        assert isinstance(part, Text | Image)


@pytest.mark.parametrize("body", DOES_NOT.values(), ids=DOES_NOT)
def test_everything_else_is_left_to_a_closer_look(body: dict[str, Any]) -> None:
    assert EXACT.read(json.dumps(body).encode()) is None


def test_what_is_no_json_is_left_to_a_closer_look() -> None:
    assert EXACT.read(b"{") is None
    assert EXACT.read(b'{"parts":"\xff"}') is None


def plain(value: Any) -> Any:
    """Structs and what they hold as values that can be compared."""
    if isinstance(value, Struct):
        return type(value).__name__, {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    return bytes(value) if isinstance(value, Raw) else value


def read(dialect: str, body: bytes) -> tuple[Any, list[Any], list[Any]]:
    """A request and its ledger as values that can be compared; an error as its text."""
    ledger, gemini = Ledger(), dialect == "gemini"
    try:
        request = DIALECTS[dialect].read_request(body, "m" if gemini else "", gemini or None, ledger)
    except Exception as error:  # whichever it is: it must be the same
        return repr(error), [], []
    return plain(request), sorted(map(repr, ledger.losses)), sorted(map(repr, ledger.applied))


def read_closely(monkeypatch: pytest.MonkeyPatch, dialect: str, body: bytes) -> tuple[Any, list[Any], list[Any]]:
    with monkeypatch.context() as patch:
        patch.setattr(Exact, "read", lambda self, raw: None)
        return read(dialect, body)


@pytest.mark.parametrize("dialect", corpus.DIALECTS)
@pytest.mark.parametrize("make", [requests.small, lambda dialect: requests.image(dialect, 1000)], ids=["talk", "image"])
def test_a_closer_look_finds_nothing_else(monkeypatch: pytest.MonkeyPatch, dialect: str, make: Any) -> None:
    body = make(dialect)
    found = read(dialect, body)
    assert found == read_closely(monkeypatch, dialect, body)
    assert found[1] == []
    more = json.dumps(json.loads(body) | {"nobody_reads_this": {"a": 1}}).encode()
    found = read(dialect, more)
    assert found == read_closely(monkeypatch, dialect, more)
    assert len(found[1]) == 1


@pytest.mark.parametrize("dialect", corpus.DIALECTS)
def test_a_closer_look_finds_nothing_else_in_recorded_requests(monkeypatch: pytest.MonkeyPatch, dialect: str) -> None:
    for exchange in corpus.exchanges(dialect):
        if exchange["request"] is not None:
            body = json.dumps(exchange["request"]).encode()
            assert read(dialect, body) == read_closely(monkeypatch, dialect, body), exchange["id"]


GEMINI_NULLS = [
    ("tools", [{"googleSearch": None}]),
    ("tools", [{"functionDeclarations": [{"name": "f", "parameters": None, "parametersJsonSchema": None}]}]),
    ("generationConfig", {"responseSchema": None, "speechConfig": None}),
    ("safetySettings", None),
    ("tool_config", None),
]


@pytest.mark.parametrize(("name", "value"), GEMINI_NULLS)
def test_null_is_absent_at_gemini_on_both_roads(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    body = msgspec.json.encode({"contents": [{"role": "user", "parts": [{"text": "a"}]}], name: value})
    assert read("gemini", body) == read_closely(monkeypatch, "gemini", body)
