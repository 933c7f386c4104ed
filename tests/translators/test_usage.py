"""Token counts between any two dialects: nothing is lost that both can say, nothing is invented, sums add up."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from translators.dialect import Asked, Dialect
from translators.events import BlockClosed, BlockOpened, Ended, Finished, Started, TextDelta, UsageSeen
from translators.fold import fold, merge_usage
from translators.model import Request, Stop, Usage
from translators.pump import Whole
from translators.registry import DIALECTS, SPOKEN
from translators.turning import Turning

WRITTEN = [DIALECTS[name] for name in SPOKEN if name != "openai-completions"]
"""Legacy completions are written, but never read; they count as Chat does. Variants count as what they vary."""
PAIRS = list(itertools.permutations(WRITTEN, 2))
COUNTS = [name for name in Usage.__struct_fields__ if name != "service_tier"]
PARTS = {
    "input": ("cache_read", "cache_write", "tool_input"),
    "cache_write": ("cache_write_5m", "cache_write_1h"),
    "output": ("thinking",),
}
few = st.none() | st.integers(0, 5000)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Counts an upstream could have said: a whole is never less than its parts, and is said if a part is."""
    said = {name: draw(few) for name in COUNTS}
    for whole, parts in reversed(PARTS.items()):
        known = [said[part] for part in parts if said[part] is not None]
        if known:
            said[whole] = sum(known) + (draw(st.integers(0, 5000)) if whole != "cache_write" else 0)
    for whole, part in (("input", "audio_input"), ("input", "image_input"), ("output", "audio_output")):
        if said[part] is not None:
            said[whole] = (said[whole] or 0) + said[part]
    if said["cache_write"] is not None:
        said["input"] = max(said["input"] or 0, sum(said[part] or 0 for part in PARTS["input"]))
    return Usage(**said)


def asked(client: Dialect, stream: bool) -> Asked:
    request = Request(model="m", turns=[], stream=stream, stream_usage=True, dialect=client.name)
    return Asked("m", stream, 1, "5eed", request)


def said_by(dialect: Dialect, usage: Usage) -> Usage:
    """What an upstream of this dialect says of it, read again."""
    body = dialect.write_reply(fold(answer(usage)), asked(dialect, stream=False))
    return fold(dialect.read_reply(body)).usage or Usage()


def answer(usage: Usage) -> list:
    text = [BlockOpened(0, "text"), TextDelta(0, "a"), BlockClosed(0)]
    return [Started("i", "m"), *text, UsageSeen(usage), Finished(Stop(reason="stop")), Ended()]


def across(upstream: Dialect, client: Dialect, usage: Usage) -> tuple[Usage, set[str]]:
    """An answer of the upstream, seen by a client; and the counts that were listed as lost."""
    asking = asked(client, stream=False)
    pump = Whole(client, upstream, asking, Turning({}), streamed=False)
    pump.feed(upstream.write_reply(fold(answer(usage)), asked(upstream, stream=False)))
    body = pump.finish()
    lost = {loss.path.removeprefix("usage.") for loss in asking.ledger.losses}
    return fold(client.read_reply(body)).usage or Usage(), lost


@pytest.mark.parametrize("dialect", WRITTEN, ids=lambda dialect: dialect.name)
@settings(max_examples=40, deadline=None)
@given(usage=usages())
def test_a_dialect_keeps_what_it_has_a_field_for(dialect, usage):
    found = said_by(dialect, usage)
    if usage.input is None and usage.output is None and dialect.name == "openai-responses":
        assert found == Usage()  # it says null, and means it
        return
    for name in COUNTS:
        count = getattr(usage, name)
        expected = (count or 0,) if name in dialect.counts else ()
        assert (getattr(found, name) or 0) in (expected or (0,)), name


@pytest.mark.parametrize(("upstream", "client"), PAIRS, ids=lambda dialect: dialect.name)
@settings(max_examples=25, deadline=None)
@given(usage=usages())
def test_between_two_dialects_nothing_is_lost_or_invented(upstream, client, usage):
    there = said_by(upstream, usage)
    here, lost = across(upstream, client, usage)
    for name in COUNTS:
        count = getattr(there, name) or 0
        if name in client.counts:
            assert (getattr(here, name) or 0) == count, name
        else:
            assert (getattr(here, name) or 0) == 0, name
            assert (name in lost) == bool(count), name
    assert lost <= set(COUNTS)


@settings(max_examples=60, deadline=None)
@given(usage=usages())
def test_the_sums_of_each_wire_add_up(usage):
    entered, left = usage.input or 0, usage.output or 0
    wires = {
        dialect.name: msgspec.json.decode(dialect.write_reply(fold(answer(usage)), asked(dialect, stream=False)))
        for dialect in WRITTEN
    }
    claude = wires["claude"]["usage"]
    parts = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    assert sum(claude[part] for part in parts) == entered
    assert claude["output_tokens"] == left
    chat = wires["openai-chat"]["usage"]
    assert (chat["prompt_tokens"], chat["completion_tokens"], chat["total_tokens"]) == (entered, left, entered + left)
    responses = wires["openai-responses"]["usage"]
    if usage.input is None and usage.output is None:
        assert responses is None
    else:
        assert responses["total_tokens"] == entered + left
    gemini = wires["gemini"]["usageMetadata"]
    apart = ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert sum(gemini.get(part, 0) for part in apart) == gemini["totalTokenCount"] == entered + left


@settings(max_examples=60, deadline=None)
@given(first=usages(), then=usages())
def test_counts_are_cumulative_and_the_last_one_said_wins(first, then):
    merged = merge_usage(first, then)
    for name in COUNTS:
        said, before = getattr(then, name), getattr(first, name)
        assert getattr(merged, name) == (before if said is None else said)
    assert merge_usage(None, first) is first
