"""What is remembered of a schema is what its rewriting gives, wherever the schema stands."""

import msgspec
import pytest
from msgspec import Raw

from translators import schemas
from translators.claude import schema as claude_schema
from translators.errors import Unreadable
from translators.losses import Ledger

UNION = Raw(b'{"anyOf":[{"type":"object","properties":{"a":{"const":1}}},{"$ref":"#/$defs/gone"}],"default":{}}')


def _rewritten(at: str) -> list[object]:
    ledger = Ledger()
    written = [
        schemas.to_openai(UNION, ledger, at, strict=True),
        schemas.to_openai(UNION, ledger, at),
        schemas.to_gemini(UNION, ledger, at, True),
        schemas.to_gemini(UNION, ledger, at, False),
        claude_schema.for_tool(UNION, False, ledger, at),
        claude_schema.enforced(UNION, False, ledger, at),
    ]
    return [*map(bytes, written), ledger.losses, ledger.applied]


def test_the_second_time_tells_the_same_of_another_place() -> None:
    first, second = _rewritten("$.tools[0].input_schema"), _rewritten("$.tools[7].function.parameters")
    moved = [repr(said).replace("$.tools[0].input_schema", "$.tools[7].function.parameters") for said in first]
    assert moved == [repr(said) for said in second]
    assert any("$.tools[7]" in repr(said) for said in second)
    assert "\\x00" not in repr(second)


def test_what_cannot_be_read_says_where_each_time() -> None:
    broken = Raw(b'{"type":"object","properties":{"a":7}}')
    for at in ("$.tools[1]", "$.tools[2]"):
        with pytest.raises(Unreadable) as raised:
            schemas.to_openai(broken, Ledger(), at)
        assert raised.value.path.startswith(at)


def test_large_schemas_are_rewritten_anew() -> None:
    large = Raw(msgspec.json.encode({"type": "object", "properties": {f"p{n}": {"const": n} for n in range(2000)}}))
    first, second = Ledger(), Ledger()
    assert bytes(schemas.to_gemini(large, first, "$.a", True)) == bytes(schemas.to_gemini(large, second, "$.b", True))
    assert first.applied[0].path.startswith("$.a")
    assert second.applied[0].path.startswith("$.b")
