"""Where the values of a request went."""

from translators.explain import Line, explain
from translators.explain import fates as fates_of
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
    assert found == {"$.m[0]": ("moved", "$.n[0]"), "$.m[1]": ("moved", "$.n[1]"), "$.on": ("implied", "")}


def test_the_ledger_has_the_last_word():
    """A loss covers all that stood below it, a rule tells where it put what it changed."""
    ledger = Ledger()
    ledger.lose("$.big", "no room")
    ledger.apply("halved", "$.n", "$.m")
    lines = explain(b'{"big": {"a": "one", "b": "two"}, "n": 8, "secret": "gone for good"}', b'{"m": 4}', ledger)
    assert lines == [
        Line("$.big", "lost", why="no room"),
        Line("$.n", "halved", "$.m"),
        Line("$.secret", "missing"),
    ]


def test_odd_keys_have_a_path():
    """A key that is no plain name stands in brackets."""
    assert fates('{"a b": {"c.d": "same text"}}', '{"k": "same text"}') == {'$["a b"]["c.d"]': ("moved", "$.k")}


def test_what_came_from_nothing_is_told_apart():
    """What the translation added; not what a rule put there, nor the tags of the grammar."""
    ledger = Ledger()
    ledger.apply("made", "$.n", "$.limits")
    here = {"a": "alpha", "n": 8, "args": '{"x": "twice", "y": "twice"}', "t": "a part"}
    there = {"z": {"a": "alpha"}, "type": "x", "limits": {"n": 9}, "o": {"x": "twice", "y": "twice"}, "new": [True]}
    found = fates_of(here, there | {"long": "with a part in it"}, ledger)
    assert found.added == [("$.new[0]", True)]
    assert [line.what for line in found.lines] == ["moved", "made", "moved", "inside"]


def test_patience_ends():
    """A text that may be part of a longer one is looked for in as much as one has patience for."""
    tree = {"one": "x" * 100, "two": "here it is, in a longer text"}
    assert [one.what for one in fates_of({"a": "in a longer"}, tree, Ledger(), 1000).lines] == ["inside"]
    assert [one.what for one in fates_of({"a": "in a longer"}, tree, Ledger(), 100).lines] == ["unsought"]
    assert [one.what for one in fates_of({"a": "no where", "b": 7}, tree, Ledger(), 1000).lines] == [
        "missing",
        "missing",
    ]


def test_words_and_nothing_are_implied():
    """What each dialect says in its own words, or by default, is no alarm; an id, a number or a text is."""
    client = {"choice": "auto", "n": 1, "on": False, "gap": None, "list": [], "kind": "audio/mp3", "s": ". "}
    told = {"id": "call_17", "limit": 20, "text": "hello", "other": "two words"}
    found = {line.path: line.what for line in fates_of(client | told, {"x": "y"}, Ledger()).lines}
    assert {found[f"$.{name}"] for name in client} == {"implied"}
    assert {found[f"$.{name}"] for name in told} == {"missing"}


def test_bytes_are_found_in_another_dress():
    """A data URL, base64 for URLs."""
    data = "iVBORw0KGgoA" * 9
    safe = "-_" + data
    there = {"a": {"data": data}, "b": {"data": "+/" + data + "=="}, "c": f"data:image/png;base64,+/{data}x="}
    found = fates_of({"p": f"data:image/png;base64,{data}", "q": safe, "r": safe + "x"}, there, Ledger())
    assert [line.to for line in found.lines] == ["$.a.data", "$.b.data", "$.c"]
    assert found.added == []


def test_an_id_that_was_changed_is_changed_wherever_it_stands():
    ledger = Ledger()
    ledger.apply("call-id", "$.calls[0]", "c_9")
    found = fates_of({"calls": [{"id": "call_1"}], "results": [{"call": "call_1"}]}, {"x": "c_9"}, ledger)
    assert [(line.what, line.to) for line in found.lines] == [("call-id", "c_9"), ("call-id", "c_9")]
