"""Characters that were cut in two: `\\ud83d` in one piece, `\\ude00` in the next."""

import json
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.events import BlockClosed, BlockOpened, Event, TextDelta, ThinkingDelta
from translators.halves import Halves

TEXTS = st.text(st.sampled_from('aé\u2028😀𝒳\\"n'), min_size=1, max_size=12)


def said(halves: Halves, pieces: list[str]) -> list[Event]:
    """Pieces as they stand in JSON, read and mended."""
    events: list[Event] = [BlockOpened(0, "text")]
    for piece in pieces:
        source = json.dumps(piece).encode()
        try:
            text = msgspec.json.decode(source)
        except msgspec.DecodeError:
            text = msgspec.json.decode(halves.keep(source) or b"")
        events += halves.mend([TextDelta(0, text)])
    return events + halves.mend([BlockClosed(0)])


@given(TEXTS, st.lists(st.integers(0, 24), max_size=6))
def test_a_text_cut_between_any_two_units_is_whole_again(text: str, cuts: list[int]) -> None:
    units = text.encode("utf-16-le")
    edges = sorted({0, len(units), *(2 * cut for cut in cuts if 2 * cut < len(units))})
    pieces = [units[a:b].decode("utf-16-le", "surrogatepass") for a, b in pairwise(edges)]
    deltas = [event.text for event in said(Halves(), pieces) if isinstance(event, TextDelta)]
    assert "".join(deltas) == text
    "".join(deltas).encode()


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        (["a\ud83d"], "a\ufffd"),
        (["\ude00b"], "\ufffdb"),
        (["a\ud83d", "b"], "a\ufffdb"),
        (["\ud83d", "\ud83d", "\ude00"], "\ufffd😀"),
    ],
)
def test_what_stays_alone_is_said_to_be_missing(pieces: list[str], whole: str) -> None:
    assert "".join(event.text for event in said(Halves(), pieces) if isinstance(event, TextDelta)) == whole


def test_blocks_keep_their_own_halves() -> None:
    halves = Halves()
    assert halves.keep(rb'"\ud83d"') is not None
    first, second = chr(0x10F800 + 0x3D), chr(0x10F800 + 0x600)
    events = halves.mend([TextDelta(0, first), ThinkingDelta(1, first), ThinkingDelta(1, second), TextDelta(0, second)])
    assert events == [ThinkingDelta(1, "😀"), TextDelta(0, "😀")]


def test_nothing_is_touched_where_nothing_is_torn() -> None:
    halves = Halves()
    assert halves.keep(rb'"\ud83d\ude00 \\ud83d"') is None
    events: list[Event] = [TextDelta(0, "x")]
    assert halves.mend(events) is events
