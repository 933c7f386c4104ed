"""Recorded traffic of real providers, through every pair of dialects.

Each answer goes to each client dialect, as a stream and as one body, whole and in odd pieces; what was written is read
back and must say the same. Each request goes to each dialect. Slow parts take a sample, chosen by a hash of the id.
"""

import functools
import hashlib
import json
from typing import Any, NamedTuple

import msgspec
import pytest

from tests import corpus
from tests.translators.listeners import LISTENERS
from tests.translators.sdk_types import faults_of
from translators.dialect import Aim, Asked, Dialect, Violation
from translators.errors import TranslationError
from translators.events import Event, Order
from translators.exchange import pump
from translators.fold import Fold
from translators.losses import Ledger
from translators.model import Candidate, Reasoning, Request, Usage
from translators.parts import Audio, Image, Refusal, Text, Thinking, ToolCall
from translators.pump import Pipe, Pump, Whole
from translators.registry import DIALECTS
from translators.relay import Relay
from translators.turning import Turning

NOW, SEED = 1_760_000_000, "c0ffee"
PAIRS = [(upstream, client) for upstream in corpus.DIALECTS for client in corpus.DIALECTS]


class Answer(NamedTuple):
    """A recorded answer with status 200. chance: 0 to 99, always the same for the same id."""

    id: str
    streamed: bool
    body: bytes
    chance: int


@functools.cache
def recorded(dialect: str) -> list[dict[str, Any]]:
    return list(corpus.exchanges(dialect))


@functools.cache
def answers(dialect: str) -> list[Answer]:
    found = []
    for one in recorded(dialect):
        if one["status"] == 200 and one["body"]:
            chance = hashlib.sha256(one["id"].encode()).digest()[0] % 100
            found.append(Answer(one["id"], one["stream"], one["body"].encode(errors="surrogatepass"), chance))
    return found


# --- what is compared -----------------------------------------------------------------------------------------------


class Meaning(NamedTuple):
    """What a reply says, in words of no dialect; of the first candidate where not said otherwise."""

    text: str
    thinking: str
    calls: list[tuple[str, Any]]
    stop: str
    usage: dict[str, int]


COUNTED = {
    "claude": ("input", "output", "cache_read", "cache_write"),
    "openai-chat": ("input", "output", "cache_read", "thinking"),
    "openai-responses": ("input", "output", "cache_read", "thinking"),
    "gemini": ("input", "output", "cache_read", "thinking"),
}
"""Counts that a client dialect has a field for."""

STOPS = {
    "claude": {"filter_out": "refusal", "filter_prompt": "refusal", "recitation": "refusal"}
    | dict.fromkeys(("other", "bad_call"), "stop"),
    "openai-chat": {"context": "length"}
    | dict.fromkeys(("filter_prompt", "recitation"), "filter_out")
    | dict.fromkeys(("sequence", "pause", "compaction", "bad_call", "other"), "stop"),
    "openai-responses": {"context": "length", "pause": "length"}
    | dict.fromkeys(("filter_prompt", "recitation"), "filter_out")
    | dict.fromkeys(("sequence", "compaction", "other"), "stop"),
    "gemini": {"context": "length", "refusal": "filter_out", "pause": "other"}
    | dict.fromkeys(("sequence", "compaction"), "stop"),
}
"""How a dialect says what it has no word for; reasons that are not named stay."""


def meaning(reply: Fold) -> Meaning:
    whole = reply.reply()
    first = whole.candidates[0] if whole.candidates else None
    return Meaning(
        text="".join(part.text for part in first.parts if isinstance(part, Text | Refusal)) if first else "",
        thinking="".join(part.text for part in first.parts if isinstance(part, Thinking)) if first else "",
        calls=[found for part in first.parts if isinstance(part, ToolCall) for found in call(part)] if first else [],
        stop=first.stop.reason if first else "",
        usage=counts(whole.usage),
    )


def call(part: ToolCall) -> list[tuple[str, Any]]:
    """Name and arguments; nothing for arguments that are no object: dialects with parsed arguments cannot say them."""
    if part.form == "text":
        return [(part.name, {"input": part.arguments})]
    try:
        found = json.loads(part.arguments or "{}")
    except ValueError:
        return []
    return [(part.name, found)] if isinstance(found, dict) else []


def counts(usage: Usage | None) -> dict[str, int]:
    return {
        name: getattr(usage, name, None) or 0 for name in ("input", "output", "cache_read", "cache_write", "thinking")
    }


def read(dialect: Dialect, body: bytes, *, streamed: bool) -> Fold:
    """Read an answer as its dialect's readers do, with its order checked and its end settled."""
    events: list[Event]
    if streamed:
        reader = dialect.stream_reader()
        events = reader.feed(body) + reader.finish()
    else:
        events = dialect.read_reply(body)
    order = Order()
    for event in events:
        order.check(event)
    found = Fold()
    found.add(Turning({}, dialect.vendor).turn(events))
    return found


@functools.cache
def direct(dialect: str) -> dict[str, Fold]:
    """What every recorded answer says, by id."""
    return {one.id: read(DIALECTS[dialect], one.body, streamed=one.streamed) for one in answers(dialect)}


def same(client: str, said: Fold, heard: Fold, name: str) -> None:
    """Does the client hear what the upstream said?"""
    assert heard.ended, name
    assert heard.failure is None, name
    there, here = meaning(said), meaning(heard)
    media = any(isinstance(part, Image | Audio) for one in said.reply().candidates for part in one.parts)
    if media:  # a line may tell that something had to be left out
        assert there.text in here.text, name
    elif there.stop == "refusal" and not there.text:  # its explanation is the only text there is
        assert here.text in ("", said.reply().candidates[0].stop.explanation), name
    else:
        assert here.text == there.text, name
    assert here.thinking.split() == there.thinking.split(), name  # blocks may be joined with a blank line
    assert here.calls == there.calls, name
    expected = STOPS[client].get(there.stop, there.stop)
    if there.stop == "refusal" and client.startswith("openai") and not _refused_in_words(said.reply().candidates):
        expected = "filter_out"
    assert here.stop == expected, name
    assert {n: here.usage[n] for n in COUNTED[client]} == {n: there.usage[n] for n in COUNTED[client]}, name


def _refused_in_words(candidates: list[Candidate]) -> bool:
    return any(isinstance(part, Refusal) for one in candidates for part in one.parts)


# --- answers --------------------------------------------------------------------------------------------------------


def ask(client: str, *, stream: bool) -> Asked:
    shown = Reasoning(mode="auto", show="auto")  # Gemini's thoughts are only written to who asked for them
    request = Request(model="m", turns=[], stream=stream, stream_usage=True, reasoning=shown, dialect=client)
    return Asked("m", stream, NOW, SEED, request)


def through(taker: Pump, body: bytes, size: int = 0) -> bytes:
    """Everything a pump gives, in pieces of `size` bytes (0: in one)."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)] if size else [body]
    return b"".join([taker.feed(piece) for piece in pieces]) + taker.finish()


def a_pump(client: str, upstream: str, answer: Answer, *, stream: bool) -> Pump:
    """Always by way of the events, also between equal dialects."""
    here, there = DIALECTS[client], DIALECTS[upstream]
    if stream:
        return Pipe(here, there, ask(client, stream=True), Turning({}, there.vendor))
    return Whole(here, there, ask(client, stream=False), Turning({}, there.vendor), streamed=answer.streamed)


def settled(taker: Pump, written: bytes, said: Fold, answer: Answer) -> bool:
    """Did it end as it should? False: the recording is an error, and nothing is to be compared."""
    if said.failure is not None:
        assert taker.failure is not None, answer.id
        assert taker.failure.origin != "cliproxy", (answer.id, taker.failure.message)
        return False
    assert taker.failure is None, (answer.id, taker.failure)
    assert taker.ended, answer.id
    assert taker.committed, answer.id
    assert written, answer.id
    return True


@pytest.mark.parametrize(("upstream", "client"), PAIRS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_every_answer_means_the_same(upstream: str, client: str, stream: bool) -> None:
    for answer in answers(upstream):
        said = direct(upstream)[answer.id]
        taker = a_pump(client, upstream, answer, stream=stream)
        written = through(taker, answer.body)
        if written and (stream or client != upstream):  # the same dialect's whole answer is the upstream's own bytes
            assert violations(client, written, stream=stream) == [], answer.id
        if settled(taker, written, said, answer):
            same(client, said, read(DIALECTS[client], written, streamed=stream), answer.id)


def violations(dialect: str, body: bytes, *, stream: bool) -> list[Violation]:
    """Where an answer is not what the clients of a dialect need."""
    known = DIALECTS[dialect]
    assert known.grammar is not None
    assert known.check_reply is not None
    if not stream:
        return known.check_reply(body)
    grammar = known.grammar()
    return grammar.feed(body) + grammar.finish()


VENDORS = {
    "claude": ("api.anthropic.com",),
    "openai-chat": ("api.openai.com",),
    "openai-responses": ("api.openai.com",),
    "gemini": ("generativelanguage.googleapis.com", "aiplatform.googleapis.com"),
}


@pytest.mark.parametrize("dialect", corpus.DIALECTS)
def test_what_vendors_say_is_grammatical(dialect: str) -> None:
    """The checkers ask for nothing that the vendors' own answers do not keep, but for what they mark as mild."""
    for one in recorded(dialect):
        if one["status"] == 200 and one["body"] and one["host"] in VENDORS[dialect]:
            body = one["body"].encode(errors="surrogatepass")
            wrong = violations(dialect, body, stream=one["stream"])
            assert [each for each in wrong if not each.mild] == [], one["id"]


@pytest.mark.parametrize(("upstream", "client"), PAIRS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_odd_pieces_change_nothing(upstream: str, client: str, stream: bool) -> None:
    """A tenth of the recordings in pieces of some bytes; the short ones among them byte by byte."""
    for answer in answers(upstream):
        if answer.chance >= 10 or not (answer.streamed or stream):
            continue
        said = direct(upstream)[answer.id]
        size = 1 if len(answer.body) < 2_000 else 11 + answer.chance
        taker = a_pump(client, upstream, answer, stream=stream)
        written = through(taker, answer.body, size)
        if settled(taker, written, said, answer):
            heard = read(DIALECTS[client], written, streamed=stream)
            same(client, said, heard, answer.id)
            if stream:
                once = through(a_pump(client, upstream, answer, stream=True), answer.body)
                assert heard.reply() == read(DIALECTS[client], once, streamed=True).reply(), answer.id


@pytest.mark.parametrize("upstream", corpus.DIALECTS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_legacy_completions_give_the_text(upstream: str, stream: bool) -> None:
    for answer in answers(upstream):
        said = direct(upstream)[answer.id]
        taker = a_pump("openai-completions", upstream, answer, stream=stream)
        written = through(taker, answer.body)
        assert not written or violations("openai-completions", written, stream=stream) == [], answer.id
        if settled(taker, written, said, answer):
            heard = LISTENERS["openai-completions"](written, stream, True)
            assert heard.text.startswith("".join(_plain(said))), answer.id


def _plain(said: Fold) -> list[str]:
    candidates = said.reply().candidates
    return [part.text for part in candidates[0].parts if isinstance(part, Text)] if candidates else []


@pytest.mark.parametrize("dialect", corpus.DIALECTS)
def test_the_same_dialect_passes_byte_for_byte(dialect: str) -> None:
    known = DIALECTS[dialect]
    for answer in answers(dialect):
        said = direct(dialect)[answer.id]
        for stream in {answer.streamed, False} if answer.streamed else {False}:
            taker = pump(known, known, ask(dialect, stream=stream), {}, streamed=answer.streamed)
            assert isinstance(taker, Relay) == stream
            written = through(taker, answer.body, 101 + answer.chance)
            if said.failure is not None:
                assert taker.failure is not None, answer.id
                assert taker.failure.origin != "cliproxy", answer.id
                continue
            assert (taker.failure, taker.ended, taker.committed) == (None, True, True), answer.id
            if stream == answer.streamed:
                assert written == answer.body, answer.id


@pytest.mark.parametrize(("upstream", "client"), PAIRS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_official_libraries_hear_the_same(upstream: str, client: str, stream: bool) -> None:
    """A sample of each pair, through the validating types and the helpers of the vendor's own library.

    What a vendor's own answer has in it that its library does not know yet is passed on, and not validated.
    """
    chosen = sorted(answers(upstream), key=lambda one: (one.chance, one.id))
    for answer in [one for one in chosen if len(one.body) < 60_000][:16]:
        said = direct(upstream)[answer.id]
        taker = a_pump(client, upstream, answer, stream=stream)
        written = through(taker, answer.body)
        if not settled(taker, written, said, answer):
            continue
        heard, there = LISTENERS[client](written, stream, upstream != client), meaning(said)
        if not any(isinstance(part, Image | Audio) for one in said.reply().candidates for part in one.parts):
            assert heard.text == there.text, answer.id
        assert heard.calls == there.calls, answer.id


# --- requests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_every_request_can_be_written(client: str, upstream: str) -> None:
    """Or is refused in words. The same request is always written the same, and is what the upstream's library sends."""
    here, there = DIALECTS[client], DIALECTS[upstream]
    aim = Aim("m", "lab", there.vendor, stream=True)
    place = ("m", True) if there.name == "gemini" else ("", None)
    for number, body in bodies(client):
        name = f"{client} request {number}"
        try:
            first = there.write_request(_read(here, body), aim, Ledger())
        except TranslationError:  # said in words, to the client
            continue
        request = _read(here, body)
        before = msgspec.msgpack.encode(request)
        assert there.write_request(request, aim, Ledger()) == first, name
        assert client == upstream or number % 5 or faults_of(upstream, first) == [], name
        assert msgspec.msgpack.encode(request) == before, f"{name} was changed by writing it"
        there.read_request(first.body, *place, Ledger())


@functools.cache
def bodies(client: str) -> list[tuple[int, bytes]]:
    found = [(number, one["request"]) for number, one in enumerate(recorded(client)) if one["request"] is not None]
    return [(number, json.dumps(request).encode()) for number, request in found]


def _read(client: Dialect, body: bytes) -> Request:
    return client.read_request(body, *(("m", True) if client.name == "gemini" else ("", None)), Ledger())
