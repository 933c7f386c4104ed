"""Whatever an upstream says, and however it is cut: what a client gets is grammatical."""

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.translators.any_reply import TAPES, asked_of, dice, events_of
from translators.dialect import Dialect, Violation
from translators.events import BlockClosed, BlockOpened, Ended, Event, Failed, Finished, MediaDelta, Order, Started
from translators.fold import fold
from translators.model import Stop
from translators.pump import Pipe
from translators.registry import DIALECTS, SPOKEN
from translators.seals import unwrap
from translators.turning import Turning

CLIENTS = pytest.mark.parametrize("name", sorted(SPOKEN))
UPSTREAMS = [name for name in sorted(DIALECTS) if name != "openai-completions"]


def settled(tape: bytes) -> list[Event]:
    """A legal answer, as writers get it."""
    events = events_of(tape)
    order = Order()
    for event in events:
        order.check(event)
    return Turning({}).turn(events)


def written(dialect: Dialect, tape: bytes) -> bytes:
    writer, throw = dialect.stream_writer(asked_of(tape, dialect.name)), dice(tape)
    events, out = settled(tape), b""
    while events:
        size = 1 + throw(4)
        out += writer.write(events[:size])
        events = events[size:]
    return out


def violations(dialect: Dialect, *chunks: bytes) -> list[Violation]:
    assert dialect.grammar is not None
    grammar = dialect.grammar()
    found = [each for chunk in chunks for each in grammar.feed(chunk)] + grammar.finish()
    assert grammar.count == len(found) or len(found) == 20
    return found


def chopped(body: bytes, throw_size: int) -> list[bytes]:
    return [body[at : at + throw_size] for at in range(0, len(body), throw_size)]


@CLIENTS
@settings(max_examples=120, deadline=None)
@given(tape=TAPES)
def test_every_stream_is_grammatical(name: str, tape: bytes) -> None:
    dialect = DIALECTS[name]
    out = written(dialect, tape)
    assert violations(dialect, out) == [], (settled(tape), out)
    assert violations(dialect, *chopped(out, 1 + len(tape) % 7)) == []


def _has_no_other_place(found: Violation, body: bytes) -> bool:
    """Gemini: a signature that no part beside it can take stands on an empty text, as Google's own do."""
    if found.what != "an empty text among others":
        return False
    candidate, place = map(int, re.findall(r"\d+", found.path))
    parts = json.loads(body)["candidates"][candidate]["content"]["parts"]
    free = [part for part in parts if part.keys() in ({"text"}, {"functionCall"})]
    signature = parts[place].get("thoughtSignature")
    return signature is not None and (unwrap(signature) is None or place + 1 < len(parts) or not free)


@CLIENTS
@settings(max_examples=80, deadline=None)
@given(tape=TAPES)
def test_every_whole_answer_is_grammatical(name: str, tape: bytes) -> None:
    dialect, events = DIALECTS[name], settled(tape)
    if not isinstance(events[-1], Failed):
        body = dialect.write_reply(fold(events), asked_of(tape, name, stream=False))
        assert dialect.check_reply is not None
        found = [each for each in dialect.check_reply(body) if not _has_no_other_place(each, body)]
        assert found == [], (events, body)


@CLIENTS
@settings(max_examples=60, deadline=None)
@given(
    tape=TAPES, upstream=st.sampled_from(UPSTREAMS), size=st.integers(1, 40), crlf=st.booleans(), cut=st.integers(0, 99)
)
@example(tape=b"\x00\x00\x06\x01\x02\x03", upstream="claude", size=1, crlf=True, cut=0)
def test_through_a_pipe_in_any_pieces(name: str, tape: bytes, upstream: str, size: int, crlf: bool, cut: int) -> None:
    """Split inside of characters, escapes and line ends, and now and then broken off."""
    here, there = DIALECTS[name], DIALECTS[upstream]
    body = written(there, tape)
    if crlf:
        body = body.replace(b"\n", b"\r\n")
    if cut < 20:
        body = body[: len(body) * cut // 20]
    pipe = Pipe(here, there, asked_of(tape, name), Turning({}, there.vendor))
    said = [pipe.feed(chunk) for chunk in chopped(body, size)] + [pipe.finish()]
    assert pipe.failure is None or pipe.failure.origin != "cliproxy", pipe.failure
    if any(said):
        assert violations(here, *said) == [], (body, b"".join(said))
    else:
        assert pipe.failure is not None


def test_a_choice_of_chat_has_one_audio_and_the_others_are_listed() -> None:
    events: list[Event] = [Started("i", "m", 1)]
    for number in range(2):
        events += [BlockOpened(number, "audio", f"a{number}"), MediaDelta(number, "", "AAAA"), BlockClosed(number)]
    events += [Finished(Stop(reason="stop")), Ended()]
    chat = DIALECTS["openai-chat"]
    streamed, collected = asked_of(b"", "openai-chat"), asked_of(b"", "openai-chat", stream=False)
    assert chat.stream_writer(streamed).write(events).count(b'"audio"') == 1
    assert json.loads(chat.write_reply(fold(events), collected))["choices"][0]["message"]["audio"]["id"] == "a0"
    assert [loss.path for loss in streamed.ledger.losses] == ["blocks[1]"]
    assert streamed.ledger.losses == collected.ledger.losses
