"""Stop sequences that the upstream was not told of, and values that had to be wrapped."""

from collections.abc import Sequence

import msgspec
import pytest

from translators.events import (
    BlockClosed,
    BlockOpened,
    Cited,
    Ended,
    Event,
    Finished,
    Order,
    Sealed,
    Started,
    TextDelta,
    UsageSeen,
)
from translators.fold import fold
from translators.model import Candidate, Reply, Stop, Usage
from translators.parts import Citation, Seal, Text, ToolCall
from translators.turning import Turning


def answer(*texts: str, reason: str = "stop", candidate: int = 0, block: int = 0) -> list[Event]:
    """One text block of these pieces, and its end."""
    pieces = [TextDelta(block, text) for text in texts]
    stop = Stop(reason=reason)  # type: ignore[arg-type]
    return [BlockOpened(block, "text", candidate=candidate), *pieces, BlockClosed(block), Finished(stop, candidate)]


def turned(events: Sequence[Event], stops: Sequence[str] = (), *, wrapped: bool = False, each: bool = True) -> Reply:
    """What the client gets, event by event or at once; its order is checked."""
    turning = Turning({}, stops=stops, wrapped=wrapped)
    whole = [Started(), *events, Ended()]
    settled = [one for event in whole for one in turning.turn([event])] if each else turning.turn(whole)
    order = Order()
    for event in settled:
        order.check(event)
    return fold(settled)


def only(reply: Reply) -> Candidate:
    assert len(reply.candidates) == 1
    return reply.candidates[0]


@pytest.mark.parametrize("each", [True, False], ids=["one by one", "at once"])
@pytest.mark.parametrize(
    ("pieces", "stops", "shown", "hit"),
    [
        (["one END two"], ["END"], "one ", "END"),
        (["one E", "N", "D two"], ["END"], "one ", "END"),
        (["one E", "N", "O"], ["END"], "one ENO", None),
        (["one EN"], ["END"], "one EN", None),
        (["EEND"], ["END"], "E", "END"),
        (["aab", "c"], ["abc"], "a", "abc"),
        (["x\n", "\ny"], ["\n\n"], "x", "\n\n"),
        (["x yy zz"], ["zz", "yy"], "x ", "yy"),
        (["abcd"], ["bc", "bcd"], "a", "bcd"),
        (["END"], ["END"], "", "END"),
        (["", "a"], ["", "b"], "a", None),
        (["a𝄞b", "𝄞"], ["b𝄞"], "a𝄞", "b𝄞"),
    ],
)
def test_the_text_ends_where_a_stop_sequence_begins(pieces, stops, shown, hit, each):
    found = only(turned(answer(*pieces, reason="length"), stops, each=each))
    assert "".join(part.text for part in found.parts if isinstance(part, Text)) == shown
    assert found.stop == (Stop(reason="sequence", sequence=hit) if hit else Stop(reason="length"))


def test_nothing_is_shown_too_early_and_nothing_held_too_long():
    turning = Turning({}, stops=["STOP"])
    turning.turn([Started(), BlockOpened(0, "text")])
    said = [[one.text for one in turning.turn([TextDelta(0, text)]) if isinstance(one, TextDelta)] for text in "aSTxSb"]
    assert said == [["a"], [], [], ["S", "T", "x"], [], ["S", "b"]]


def test_what_comes_after_the_cut_is_not_heard_but_counted():
    seal = Seal("signature", "S", "google")
    events = [
        BlockOpened(0, "text"),
        TextDelta(0, "a END b"),
        Cited(0, Citation(url="u")),
        Sealed(0, seal),
        BlockClosed(0),
        BlockOpened(1, "tool", "c", "f"),
        BlockClosed(1),
        BlockOpened(2, "text"),
        TextDelta(2, "more"),
        Sealed(2, seal),
        BlockClosed(2),
        UsageSeen(Usage(output=9)),
        Finished(Stop(reason="tool")),
    ]
    reply = turned(events, ["END"])
    assert only(reply).parts == [Text(text="a ", seal=seal)]
    assert only(reply).stop.reason == "sequence"
    assert reply.usage == Usage(output=9)


def test_a_call_made_before_the_cut_still_waits_for_its_result():
    events = [BlockOpened(0, "tool", "c", "f"), BlockClosed(0), *answer("a END", block=1)]
    found = only(turned(events, ["END"]))
    assert [type(part) for part in found.parts] == [ToolCall, Text]
    assert found.stop.reason == "tool"


def test_each_candidate_ends_for_itself():
    turning = Turning({}, stops=["END"])
    settled = turning.turn([Started(), *answer("a END"), *answer("b", candidate=1, block=1), Ended()])
    reply = fold(settled)
    assert [one.stop.reason for one in reply.candidates] == ["sequence", "stop"]
    assert turning.stop == Stop(reason="sequence", sequence="END")


def test_log_probabilities_end_with_the_text():
    def token(text: str) -> TextDelta:
        return TextDelta(0, text, msgspec.Raw(msgspec.json.encode([{"token": text, "logprob": -1.5, "bytes": None}])))

    both = TextDelta(0, "d E", msgspec.Raw(b'[{"token":"d","logprob":0},{"token":" E","logprob":0}]'))
    events = [BlockOpened(0, "text"), token("a"), token("N"), both, token("ND"), BlockClosed(0)]
    (part,) = only(turned([*events, Finished(Stop(reason="stop"))], ["END", "NO"])).parts
    assert isinstance(part, Text)
    assert part.text == "aNd "
    assert part.logprobs is not None
    assert [one["token"] for one in msgspec.json.decode(part.logprobs)] == ["a", "N", "d"]


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ('{"value":"low"}', "low"),
        (' {\n "value" : "say \\"hi\\" \\ud834\\udd1e" }', 'say "hi" 𝄞'),
        ("low", "low"),
        ('{"other":"low"}', '{"other":"low"}'),
        ("", ""),
    ],
)
def test_a_wrapped_value_is_given_bare(said, heard, size):
    pieces = [said[at : at + size] for at in range(0, len(said), size)]
    (part,) = only(turned(answer(*pieces), wrapped=True)).parts
    assert part == Text(text=heard)


def test_a_bare_value_can_be_cut_too():
    assert only(turned(answer('{"value":"a b"}'), [" "], wrapped=True)).parts == [Text(text="a")]
