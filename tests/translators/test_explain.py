"""Where the values of a request went."""

from translators.explain import Line, explain
from translators.losses import Ledger


def fates(client: str, upstream: str, ledger: Ledger | None = None) -> dict[str, tuple[str, str]]:
    return {line.path: (line.what, line.to) for line in explain(client.encode(), upstream.encode(), ledger or Ledger())}


def test_values_are_found_where_they_went():
    """Kept, moved, part of a longer text, part of JSON that became text, and the other way round."""
    found = fates(
        '{"a": "alpha", "b": "beta", "c": "gamma", "d": {"x": "delta"}, "e": "{\\"y\\": \\"epsilon\\"}"}',
        '{"a": "alpha", "z": {"b": "beta"}, "t": "a gamma b", "s": "{\\"x\\":\\"delta\\"}", "o": {"y": "epsilon"}}',
    )
    assert found == {
        "$.a": ("kept", "$.a"),
        "$.b": ("moved", "$.z.b"),
        "$.c": ("inside", "$.t"),
        "$.d.x": ("inside", "$.s"),
        "$.e": ("moved", "$.o"),
    }


def test_equal_values_keep_their_order_and_names_decide():
    """The second "hi" is not where the first one is; a flag is only found under its own name."""
    found = fates('{"m": ["hi", "hi"], "on": true}', '{"n": ["hi", "hi"], "off": true}')
    assert found == {"$.m[0]": ("moved", "$.n[0]"), "$.m[1]": ("moved", "$.n[1]"), "$.on": ("missing", "")}


def test_the_ledger_has_the_last_word():
    """A loss covers all that stood below it, a rule tells where it put what it changed."""
    ledger = Ledger()
    ledger.lose("$.big", "no room")
    ledger.apply("halved", "$.n", "$.m")
    lines = explain(b'{"big": {"a": "one", "b": "two"}, "n": 8, "secret": "gone"}', b'{"m": 4}', ledger)
    assert lines == [
        Line("$.big", "lost", why="no room"),
        Line("$.n", "halved", "$.m"),
        Line("$.secret", "missing"),
    ]


def test_odd_keys_have_a_path():
    """A key that is no plain name stands in brackets."""
    assert fates('{"a b": {"c.d": "same text"}}', '{"k": "same text"}') == {'$["a b"]["c.d"]': ("moved", "$.k")}
