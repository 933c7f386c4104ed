"""Seals, names, thinking levels, losses, routes: the small verbs beside the dialects."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators import seals
from translators.dialect import Aim, Levels, Traits
from translators.errors import OutOfOrder
from translators.events import BlockClosed, BlockOpened, Ended, Failed, Finished, Order, Started, TextDelta
from translators.fold import Broken, fold, merge_usage, unfold
from translators.losses import Ledger, unread
from translators.model import Candidate as Answer
from translators.model import Failure, FunctionTool, Reasoning, Reply, Request, Stop, Usage
from translators.names import Names, Rule, legal_id, made_id
from translators.parts import Refusal, Seal, Text, Thinking, ToolCall
from translators.registry import DIALECTS
from translators.routes import recognise
from translators.thinking import budget_of, effort_of, nearest, settle, split_suffix

# --- seals ---


SEALS = st.builds(
    Seal,
    kind=st.sampled_from(["signature", "encrypted", "redacted", "compaction"]),
    data=st.text(),
    vendor=st.sampled_from(["anthropic", "openai", "google", "lab"]),
    model=st.text(max_size=5),
    place=st.sampled_from(["self", "next", "prev", "ahead"]),
    text=st.text(max_size=20),
    item=st.text(max_size=5),
)


@given(st.lists(SEALS, min_size=1, max_size=3))
def test_an_envelope_gives_back_what_went_in(several):
    assert seals.unwrap(seals.wrap(*several)) == several
    assert seals.unwrap(seals.wrap_base64(*several)) == several


@pytest.mark.parametrize("value", ["", "EqQBCkYI", "gAAAAABp7JIk-", "cliproxy.1.!!", "cliproxy.1.e30", "c2lnLTE=", "ü"])
def test_what_is_no_envelope_is_native(value):
    assert seals.unwrap(value) is None


def _at(vendor, model="m", account=""):
    return Aim(model, "p", vendor, stream=True, account=account)


def test_a_seal_goes_to_its_author_only():
    mine = Seal("signature", "abc", "anthropic")
    assert seals.for_upstream(mine, _at("anthropic")) == "abc"
    assert seals.for_upstream(mine, _at("google")) is None
    assert seals.for_upstream(None, _at("google")) is None
    assert seals.for_client(mine, "anthropic") == "abc"
    assert seals.unwrap(seals.for_client(mine, "openai")) == [mine]


# --- names ---


def request_with(*tools):
    return Request(model="m", turns=[], tools=[FunctionTool(name=name, namespace=space) for name, space in tools])


def test_legal_names_stay():
    names = Names(request_with(("read_file", "")), Rule("a-zA-Z0-9_-", 64))
    assert names.out("read_file") == "read_file"
    assert names.back == {}


def test_long_and_odd_names_are_told_apart_and_come_back():
    long_one, long_two = "x" * 80 + "1", "x" * 80 + "2"
    names = Names(request_with((long_one, ""), (long_two, ""), ("a.b", ""), ("a_b", "")), Rule("a-zA-Z0-9_-", 64))
    sent = [names.out(name) for name in (long_one, long_two, "a.b", "a_b")]
    assert len(set(sent)) == 4
    assert all(len(name) <= 64 for name in sent)
    assert names.back[sent[0]].name == long_one
    assert names.back[sent[2]].name == "a.b"
    assert sent[3] == "a_b"


def test_the_same_name_is_always_sent_the_same():
    one, two = (Names(request_with(("é" * 70, "")), Rule("a-z", 64)).out("é" * 70) for _ in range(2))
    assert one == two


def test_a_namespace_becomes_part_of_the_name():
    names = Names(request_with(("exec", "functions")), Rule("a-zA-Z0-9_-", 64))
    assert names.out("exec", "functions") == "functions__exec"
    assert names.out("exec") == "functions__exec"
    assert names.back["functions__exec"].namespace == "functions"


def test_ids_are_kept_if_legal_and_replaced_the_same_way_if_not():
    assert legal_id("call_1", "a-zA-Z0-9_-", 40) == "call_1"
    odd = legal_id("ä" * 50, "a-zA-Z0-9_-", 40)
    assert odd == legal_id("ä" * 50, "a-zA-Z0-9_-", 40)
    assert len(odd) <= 40
    assert made_id(0, "f", "{}") != made_id(1, "f", "{}")


# --- thinking ---


@pytest.mark.parametrize(
    ("name", "base", "mode"),
    [
        ("m", "m", None),
        ("m(high)", "m", Reasoning(mode="effort", effort="high")),
        ("m(HIGH)", "m", Reasoning(mode="effort", effort="high")),
        ("m(8192)", "m", Reasoning(mode="budget", budget=8192)),
        ("m(0)", "m", Reasoning(mode="off")),
        ("m(none)", "m", Reasoning(mode="off")),
        ("m(-1)", "m", Reasoning(mode="auto")),
        ("m(auto)", "m", Reasoning(mode="auto")),
        ("m(bogus)", "m", None),
        ("m()", "m", None),
        ("a(b)(low)", "a(b)", Reasoning(mode="effort", effort="low")),
        ("m(max)", "m", Reasoning(mode="effort", effort="max")),
        ("m(007)", "m", Reasoning(mode="budget", budget=7)),
        ("m(-5)", "m", None),
        ("m(" + "9" * 5000 + ")", "m", None),
        ("m(a)b)", "m", None),
        ("m(low) ", "m(low) ", None),
        ("m low)", "m low)", None),
    ],
)
def test_suffixes(name, base, mode):
    assert split_suffix(name) == (base, mode)


@pytest.mark.parametrize("level", ["none", "auto", "minimal", "low", "medium", "high", "xhigh", "max"])
def test_level_to_budget_and_back(level):
    assert effort_of(budget_of(level)) == level


def test_the_nearest_level_goes_down_on_a_tie():
    assert nearest("medium", ("low", "high")) == "low"
    assert nearest("max", ("low", "high")) == "high"
    assert nearest("strange", ("low",)) == "strange"


@pytest.mark.parametrize(
    ("wanted", "levels", "expected"),
    [
        (Reasoning(mode="effort", effort="high"), Levels(128, 32768), Reasoning(mode="budget", budget=24576)),
        (Reasoning(mode="budget", budget=9), Levels(128, 32768), Reasoning(mode="budget", budget=128)),
        (Reasoning(mode="budget", budget=99999), Levels(128, 32768), Reasoning(mode="budget", budget=32768)),
        (Reasoning(mode="budget", budget=9000), Levels(names=("low", "high")), Reasoning(mode="effort", effort="high")),
        (Reasoning(mode="off"), Levels(128, 32768), Reasoning(mode="budget", budget=128)),
        (Reasoning(mode="off"), Levels(128, 32768, zero=True), Reasoning(mode="off")),
        (Reasoning(mode="off"), Levels(names=("low", "high")), Reasoning(mode="effort", effort="low")),
        (Reasoning(mode="auto"), Levels(0, 1000), Reasoning(mode="budget", budget=500)),
        (Reasoning(mode="auto"), Levels(names=("low", "high")), Reasoning(mode="effort", effort="low")),
        (Reasoning(mode="auto"), Levels(0, 1000, dynamic=True), Reasoning(mode="auto")),
    ],
)
def test_what_a_model_can_do_of_what_was_wanted(wanted, levels, expected):
    ledger = Ledger()
    assert settle(wanted, Traits(known=True, thinking=levels), ledger, "$.x") == expected
    assert bool(ledger.applied) == (wanted != expected)


def test_a_model_without_reasoning_control_gets_none():
    ledger = Ledger()
    assert settle(Reasoning(mode="auto"), Traits(known=True), ledger, "$.x") is None
    assert ledger.losses
    assert settle(Reasoning(mode="auto"), Traits(), ledger, "$.x") == Reasoning(mode="auto")


# --- losses ---


class Inner(msgspec.Struct, rename="camel"):
    some_name: int = 0


class Outer(msgspec.Struct):
    inner: Inner | None = None
    many: list[Inner] = []
    opaque: msgspec.Raw = msgspec.Raw()


def test_unread_names_what_nobody_read():
    body = b'{"inner":{"someName":1,"x":2},"many":[{},{"y":1}],"opaque":{"z":1},"w":{"v":1}}'
    found = list(unread(msgspec.json.decode(body), msgspec.json.decode(body, type=Outer)))
    assert found == ["$.inner.x", "$.many[1].y", "$.w"]


# --- order, folding ---


REPLY = Reply(
    id="r",
    model="m",
    created=1,
    usage=Usage(input=3, output=4),
    candidates=[
        Answer(
            parts=[
                Thinking(text="a\n\nb", summaries=["a", "b"], seal=Seal("signature", "s", "anthropic")),
                Text(text="hello"),
                ToolCall(id="c", name="f", arguments='{"x": 1.0}'),
                Refusal(text="no"),
            ],
            stop=Stop(reason="tool"),
        ),
        Answer(parts=[Text(text="two")], stop=Stop(reason="length"), index=1),
    ],
)


def test_a_reply_unfolds_in_order_and_folds_back():
    order, events = Order(), list(unfold(REPLY))
    for event in events:
        order.check(event)
    assert fold(events) == REPLY


def test_a_broken_reply_has_no_whole():
    with pytest.raises(Broken):
        fold([Started(), Failed(Failure(kind="server", message="x"))])


@pytest.mark.parametrize(
    "events",
    [
        [BlockOpened(0, "text")],
        [Started(), Started()],
        [Started(), TextDelta(0, "x")],
        [Started(), BlockOpened(1, "text")],
        [Started(), BlockClosed(0)],
        [Started(), BlockOpened(0, "text"), Finished(Stop(reason="stop"))],
        [Started(), Ended()],
        [Started(), Finished(Stop(reason="stop")), Finished(Stop(reason="stop"))],
        [Started(), Finished(Stop(reason="stop")), BlockOpened(0, "text")],
        [Started(), Finished(Stop(reason="stop")), Ended(), Ended()],
    ],
)
def test_disorder_is_refused(events):
    order = Order()
    *legal, last = events
    for event in legal:
        order.check(event)
    with pytest.raises(OutOfOrder):
        order.check(last)


def test_the_last_count_of_each_kind_wins():
    assert merge_usage(Usage(input=1, output=2), Usage(output=5)) == Usage(input=1, output=5)
    assert merge_usage(None, Usage(input=1)) == Usage(input=1)


# --- routes ---


@pytest.mark.parametrize(
    ("method", "path", "headers", "query", "expected"),
    [
        ("POST", "/v1/messages", {}, {}, ("claude", "generate")),
        ("POST", "/v1/messages/", {}, {}, ("claude", "generate")),
        ("POST", "/v1/messages/count_tokens", {}, {}, ("claude", "count_tokens")),
        ("POST", "/v1/chat/completions", {}, {}, ("openai-chat", "generate")),
        ("POST", "/v1/completions", {}, {}, ("openai-completions", "generate")),
        ("POST", "/v1/responses", {}, {}, ("openai-responses", "generate")),
        ("POST", "/v1/responses/compact", {}, {}, ("openai-responses", "compact")),
        ("GET", "/v1/responses", {}, {}, ("openai-responses", "upgrade")),
        ("POST", "/v1beta/models/g:generateContent", {}, {}, ("gemini", "generate")),
        ("POST", "/v1/models/g:generateContent", {}, {}, ("gemini", "generate")),
        ("POST", "/v1beta/models/g:countTokens", {}, {}, ("gemini", "count_tokens")),
        ("GET", "/v1/models", {}, {}, ("openai-chat", "list_models")),
        ("HEAD", "/v1/models", {}, {}, ("openai-chat", "list_models")),
        ("GET", "/v1/models", {"anthropic-version": "x"}, {}, ("claude", "list_models")),
        ("GET", "/v1/models", {"x-goog-api-key": "x"}, {}, ("gemini", "list_models")),
        ("GET", "/v1/models/m/n", {}, {}, ("openai-chat", "get_model")),
        ("GET", "/v1beta/models", {}, {}, ("gemini", "list_models")),
        ("GET", "/", {}, {}, ("openai-chat", "banner")),
        ("GET", "/nowhere", {}, {}, ("openai-chat", "unknown")),
        ("POST", "/v1/messages/nowhere", {}, {}, ("claude", "unknown")),
        ("POST", "/v1beta/models/g:nothing", {}, {}, ("gemini", "unknown")),
        ("GET", "/v1/messages", {}, {}, ("claude", "unknown")),
    ],
)
def test_paths(method, path, headers, query, expected):
    call = recognise(method, path, query, headers)
    assert (call.dialect, call.operation) == expected


def test_gemini_says_model_and_form_in_the_path():
    call = recognise("POST", "/v1beta/models/models%2Fg-1:streamGenerateContent", {"alt": "sse"}, {})
    assert (call.model, call.stream, call.array) == ("g-1", True, False)
    call = recognise("POST", "/v1beta/models/g:streamGenerateContent", {}, {})
    assert (call.stream, call.array) == (True, True)


def test_codex_is_known_by_its_version():
    assert recognise("GET", "/v1/models", {"client_version": "0.1"}, {}).shape == "codex"


# --- failures ---


@pytest.mark.parametrize("dialect", ["claude", "openai-chat", "openai-responses"])
@pytest.mark.parametrize(
    ("status", "kind"), [(403, "permission"), (404, "not_found"), (429, "rate_limit"), (529, "overloaded")]
)
def test_a_host_that_calls_everything_a_server_error_is_not_believed(dialect, status, kind):
    vague = {"claude": "api_error"}.get(dialect, "server_error")
    body = msgspec.json.encode({"type": "error", "error": {"type": vague, "code": None, "message": "words"}})
    failure = DIALECTS[dialect].read_failure(status, {}, body)
    assert (failure.kind, failure.message) == (kind, "words")
