"""Counts and stop from a stream's first and last frames are those that a reader of all of it finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import corpus
from translators.dialect import Asked
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Ended,
    Event,
    Finished,
    Started,
    TextDelta,
    UsageSeen,
)
from translators.fold import Fold
from translators.glance import glance
from translators.losses import Ledger
from translators.model import Request, Stop, Usage
from translators.registry import DIALECTS, SPOKEN

USAGE = Usage(input=120, cache_read=100, output=30)


def stream(name: str, tool: bool, pieces: int) -> bytes:
    """An answer as a dialect writes it, with text that looks like counts."""
    events: list[Event] = [Started("id", "m"), UsageSeen(USAGE), BlockOpened(0, "text")]
    events += [TextDelta(0, f'"usage":{{"input_tokens":{number}}} ') for number in range(pieces)]
    events.append(BlockClosed(0))
    if tool and name != "openai-completions":
        events += [BlockOpened(1, "tool", "c1", "look"), ArgumentsDelta(1, '{"a":1}'), BlockClosed(1)]
    stop = Stop(reason="tool" if tool and name != "openai-completions" else "length")
    events += [UsageSeen(USAGE), Finished(stop), Ended()]
    client = DIALECTS[name]
    body = b'{"model":"m","stream":true,"stream_options":{"include_usage":true},"prompt":"x",'
    body += b'"messages":[{"role":"user","content":"x"}]}'
    writer = client.stream_writer(Asked("m", True, 1, "ab", _asking(name, body)))
    return b"".join(writer.write([event]) for event in events)


def _asking(name: str, body: bytes) -> Request | None:
    if not name.startswith(("openai-chat", "openai-completions")):
        return None
    return DIALECTS[name].read_request(body, "", None, Ledger())


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
@pytest.mark.parametrize("pieces", [1, 500])
@pytest.mark.parametrize("tool", [False, True])
@pytest.mark.parametrize("name", SPOKEN)
def test_what_a_writer_wrote(name: str, tool: bool, pieces: int, ends: bytes) -> None:
    usage, stop = glance(DIALECTS[name], stream(name, tool, pieces).replace(b"\n", ends))
    assert usage is not None
    assert (usage.input, usage.output) == (120, 30)
    assert stop is not None
    assert stop.reason == ("tool" if tool and name != "openai-completions" else "length")


@pytest.mark.parametrize("name", corpus.DIALECTS)
def test_what_vendors_said(name: str) -> None:
    seen = 0
    for exchange in corpus.exchanges(name):
        body, reader, fold = exchange["body"].encode(), DIALECTS[name].stream_reader(), Fold()
        if not exchange["stream"] or exchange["status"] != 200:
            continue
        try:
            fold.add(reader.feed(body) + reader.finish())
        except Exception:
            continue  # no stream: readers' own tests are about those
        if fold.ended:
            usage, stop = glance(DIALECTS[name], body)
            told = fold.reply().candidates[0].stop
            assert usage == fold.usage, exchange["id"]
            assert stop is not None
            assert stop.reason == told.reason or (name, stop.reason, told.reason) == ("gemini", "tool", "stop")
            seen += 1
    assert seen > 20


@given(st.binary(max_size=300), st.sampled_from(SPOKEN))
def test_whatever_stands_there(body: bytes, name: str) -> None:
    for sent in (body, b"data: " + body + b"\n\n" + body, stream(name, True, 2)[: len(body)]):
        glance(DIALECTS[name], sent)


def test_a_long_last_frame_is_left_alone() -> None:
    body = stream("claude", False, 1)
    assert glance(DIALECTS["claude"], body + b"data: " + b"x" * 200_000) == (None, None)
