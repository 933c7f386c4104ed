"""Payload rules, as tables."""

from types import SimpleNamespace

import msgspec
import pytest

from providers.payload import Rules, apply, read_rules

STAGES = ("default", "default_raw", "override", "override_raw", "filter")


def value(path, raw):
    return SimpleNamespace(path=path, value=raw)


def pairs(said):
    return tuple(value(path, raw.encode()) for path, raw in (said or {}).items())


def entry(name="*", protocol="", client="", headers=None, **conditions):
    return SimpleNamespace(
        name=name,
        protocol=protocol,
        from_protocol=client,
        headers=headers or {},
        match=pairs(conditions.get("match")),
        not_match=pairs(conditions.get("not_match")),
        exist=tuple(conditions.get("exist", ())),
        not_exist=tuple(conditions.get("not_exist", ())),
    )


def rule(params, *entries):
    given = dict.fromkeys(params, "") if isinstance(params, list) else params
    return SimpleNamespace(models=entries or (entry(),), params=pairs(given))


def rules(**stages):
    return read_rules(SimpleNamespace(**{name: tuple(stages.get(name, ())) for name in STAGES}))


def applied(ready, body, dialect="claude", names=("m",), client="claude", headers=None):
    return apply(ready, body.encode(), dialect, names, client, headers).decode()


# stage, params, body → body
PARAMS = [
    ("default", {"a.b": "1"}, '{"x":1}', '{"x":1,"a":{"b":1}}'),
    ("default", {"a.b": "1"}, '{"a":{"b":2}}', '{"a":{"b":2}}'),
    ("default", {"a": "1"}, '{"a":null}', '{"a":null}'),
    ("default", {"a.b": "1"}, '{"a":null}', '{"a":{"b":1}}'),
    ("default", {"a.b": "1"}, '{"a":"text"}', '{"a":"text"}'),
    ("default_raw", {"a": '{"v": 1.0}'}, "{}", '{"a":{"v": 1.0}}'),
    ("override", {"a": '"x"'}, '{"a":1,"b":2}', '{"a":"x","b":2}'),
    ("override", {"a": "1"}, '{ "a": 1.0 }', '{ "a": 1.0 }'),
    ("override", {"l.1": "9"}, '{"l":[1,2,3]}', '{"l":[1,9,3]}'),
    ("override", {"l.-1": "9"}, '{"l":[1]}', '{"l":[1,9]}'),
    ("override", {"l.2": "9"}, "{}", '{"l":[null,null,9]}'),
    ("override", {"l.99999999": "9"}, "{}", "{}"),
    ("override", {"l.name": "9"}, '{"l":[1]}', '{"l":[1]}'),
    ("override", {"d.0": "9"}, '{"d":{"0":1}}', '{"d":{"0":9}}'),
    ("override", {r"a\.b": "1"}, "{}", '{"a.b":1}'),
    ("override", {"model": '"other"', "stream": "true"}, '{"model":"m"}', '{"model":"m"}'),
    ("filter", ["a.b"], '{"a":{"b":1,"c":2}}', '{"a":{"c":2}}'),
    ("filter", ["a.b"], '{"a":{"c":2}}', '{"a":{"c":2}}'),
    ("filter", ["a.b"], '{"a":1}', '{"a":1}'),
    ("filter", ["l.0"], '{"l":[1,2]}', '{"l":[2]}'),
    ("filter", ['l.#(t=="x")'], '{"l":[{"t":"y"},{"t":"x"},{"t":"x"}]}', '{"l":[{"t":"y"},{"t":"x"}]}'),
    ("filter", ['l.#(t=="x")#'], '{"l":[{"t":"x"},{"t":"y"},{"t":"x"}]}', '{"l":[{"t":"y"}]}'),
    ("filter", ['l.#(t=="x")#.n'], '{"l":[{"t":"x","n":1},{"n":2}]}', '{"l":[{"t":"x"},{"n":2}]}'),
    ("override", {'l.#(t=="x"&&n>1).n': "0"}, '{"l":[{"t":"x","n":1},{"t":"x","n":2}]}',
     '{"l":[{"t":"x","n":1},{"t":"x","n":0}]}'),
    ("override", {'l.#(t=="a"||t=="b").n': "0"}, '{"l":[{"t":"c"},{"t":"b"}]}', '{"l":[{"t":"c"},{"t":"b","n":0}]}'),
    ("override", {'l.#(n%"w*").n': '"z"'}, '{"l":[{"n":"vw"},{"n":"wv"}]}', '{"l":[{"n":"vw"},{"n":"z"}]}'),
    ("override", {"l.#(n).m": "1"}, '{"l":[{},{"n":null}]}', '{"l":[{},{"n":null,"m":1}]}'),
    ("override", {'l.#(n!="w").m': "1"}, '{"l":[{"n":"w"},{"n":"v"}]}', '{"l":[{"n":"w"},{"n":"v","m":1}]}'),
    ("override", {"l.#(==2)": "5"}, '{"l":[1,2,3]}', '{"l":[1,5,3]}'),
    ("override", {'l.#(t=="none").m': "1"}, '{"l":[{"t":"x"}]}', '{"l":[{"t":"x"}]}'),
    ("override", {"l.#(n<2).m": "1"}, '{"l":[{"n":"1"},{"n":true},{"n":1}]}',
     '{"l":[{"n":"1"},{"n":true},{"n":1,"m":1}]}'),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "params", "before", "after"), PARAMS)
def test_what_a_rule_does(stage, params, before, after):
    assert applied(rules(**{stage: [rule(params)]}), before) == after


# entry, and what fits it or does not (name, dialect, client's dialect, headers, body)
BODY = '{"n":1,"t":{"a":[1,2]},"z":null}'
ENTRIES = [
    (entry("gem-*"), {"names": ("gem-1",)}, True),
    (entry("gem-*"), {"names": ("x", "gem-1")}, True),
    (entry("gem-*"), {"names": ("GEM-1",)}, False),
    (entry("g.m"), {"names": ("gem",)}, False),
    (entry("*(high)"), {"names": ("m", "m(high)")}, True),
    (entry(protocol="claude"), {}, True),
    (entry(protocol="Claude"), {}, True),
    (entry(protocol="gemini"), {}, False),
    (entry(protocol="codex"), {"dialect": "openai-responses"}, True),
    (entry(protocol="openai-response"), {"dialect": "openai-responses"}, True),
    (entry(protocol="openai"), {"dialect": "openai-chat"}, True),
    (entry(protocol="openai"), {"dialect": "openai-responses"}, False),
    (entry(protocol="vertex"), {"dialect": "gemini"}, True),
    (entry(client="responses"), {"client": "openai-responses"}, True),
    (entry(client="openai"), {"client": "claude"}, False),
    (entry(headers={"User-Agent": "*cli*"}), {"headers": {"user-agent": "claude-cli/2"}}, True),
    (entry(headers={"User-Agent": "*cli*", "x": "1"}), {"headers": {"user-agent": "claude-cli/2"}}, False),
    (entry(match={"n": "1.0"}), {}, True),
    (entry(match={"n": "true"}), {}, False),
    (entry(match={"t": '{"a":[1,2]}'}), {}, True),
    (entry(match={"t.a": "[1]"}), {}, False),
    (entry(match={"absent": "null"}), {}, False),
    (entry(not_match={"n": "1"}), {}, False),
    (entry(not_match={"n": "2"}), {}, True),
    (entry(exist=("t.a.1",)), {}, True),
    (entry(exist=("z",)), {}, False),
    (entry(not_exist=("z",)), {}, True),
    (entry(not_exist=("n",)), {}, False),
]


@pytest.mark.parametrize(("said", "given", "fits"), ENTRIES)
def test_whom_a_rule_is_for(said, given, fits):
    ready = rules(override=[rule({"new": "1"}, said)])
    assert ('"new"' in applied(ready, BODY, **given)) == fits


def test_one_entry_that_fits_is_enough():
    ready = rules(override=[rule({"new": "1"}, entry("other"), entry("m"))])
    assert applied(ready, "{}") == '{"new":1}'


def test_the_first_default_and_the_last_override_win_and_filters_come_last():
    ready = rules(
        default=[rule({"a": "1"}), rule({"a": "2"})],
        default_raw=[rule({"a": "3"})],
        override=[rule({"b": "1"}), rule({"b": "2"})],
        override_raw=[rule({"b": "3", "c": "3"})],
        filter=[rule(["c"])],
    )
    assert applied(ready, "{}") == '{"a":1,"b":3}'


def test_defaults_and_conditions_look_at_the_body_as_given():
    ready = rules(default=[rule({"b": "1"})], override=[rule({"a": "1"}), rule({"c": "1"}, entry(exist=("a",)))])
    assert applied(ready, "{}") == '{"b":1,"a":1}'


def test_what_no_rule_touches_keeps_its_bytes():
    body = '{"id": 12345678901234567890123, "f": 1.0e5, "text":"\\u00e9\\/", "o": { "k":[1.50 ] }}'
    untouched = body.encode()
    assert apply(rules(filter=[rule(["nothing"])]), untouched, "claude", ["m"]) is untouched
    assert apply(rules(), untouched, "claude", ["m"]) is untouched
    assert not rules()
    changed = applied(rules(override=[rule({"o.n": "1.10"})]), body)
    assert changed == ('{"id":12345678901234567890123,"f":1.0e5,"text":"\\u00e9\\/","o":{"k":[1.50 ],"n":1.10}}')


def test_a_body_that_is_no_object_is_left_alone():
    ready = rules(override=[rule({"a": "1"})])
    for body in (b"[1]", b"", b"not json", b'"text"'):
        assert apply(ready, body, "claude", ["m"]) is body


def test_what_cannot_be_meant_is_left_out_with_a_warning():
    ready = rules(
        default=[rule({"stream": "true", "a..b": "1", "l.#(x=": "1"})],
        override_raw=[rule({"a": "{broken", "b": "1"})],
        filter=[rule(["a"], entry(exist=("",)))],
    )
    assert len(ready.rules) == 1
    assert [warning.partition(":")[0] for warning in ready.warnings] == [
        "payload.default[0].params",
        "payload.default[0].params",
        "payload.default[0].params",
        "payload.override-raw[0].params",
        "payload.filter[0].models",
    ]
    assert applied(ready, "{}") == '{"b":1}'
    assert Rules().rules == ()


def test_the_result_is_json_whatever_the_path():
    for path in ("a.b.c.0.d", "0", "-1", "a.-1.b"):
        body = applied(rules(override=[rule({path: '"v"'})]), '{"a":[]}')
        assert isinstance(msgspec.json.decode(body), dict)
