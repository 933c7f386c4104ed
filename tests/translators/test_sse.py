"""Framing: any chunking of the same bytes gives the same frames."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators import sse
from translators.errors import Unreadable
from translators.sse import Decoder, Frame

STREAMS = {
    "two events": (b"data: {}\n\ndata: 1\n\n", [Frame(b"", b"{}"), Frame(b"", b"1")]),
    "named": (b"event: a\ndata: {}\n\n", [Frame(b"a", b"{}")]),
    "crlf": (b"event: a\r\ndata: {}\r\n\r\ndata: 2\r\n\r\n", [Frame(b"a", b"{}"), Frame(b"", b"2")]),
    "lone cr": (b"data: 1\r\rdata: 2\r\r", [Frame(b"", b"1"), Frame(b"", b"2")]),
    "no space after the colon": (b"data:{}\n\n", [Frame(b"", b"{}")]),
    "several data lines": (b"data: {\ndata: }\n\n", [Frame(b"", b"{\n}")]),
    "comments": (b": hello\n\ndata: 1\n\n:x\n: y\n\n", [Frame(b"", b"1")]),
    "a comment inside": (b": x\ndata: 1\n\n", [Frame(b"", b"1")]),
    "empty data": (b"data:\n\ndata: \n\ndata: 1\n\n", [Frame(b"", b"1")]),
    "an event without data": (b"event: ping\n\ndata: 1\n\n", [Frame(b"", b"1")]),
    "many blank lines": (b"\n\n\n\ndata: 1\n\n\n\n\ndata: 2\n\n", [Frame(b"", b"1"), Frame(b"", b"2")]),
    "byte order mark": (b"\xef\xbb\xbfdata: 1\n\n", [Frame(b"", b"1")]),
    "id and retry": (b"id: 7\nretry: 5\ndata: 1\n\n", [Frame(b"", b"1")]),
    "raw JSON where an event was due": (b'{"error":{}}\n\n', [Frame(b"", b'{"error":{}}')]),
    "no blank line at the end": (b"data: 1\n\ndata: 2", [Frame(b"", b"1"), Frame(b"", b"2")]),
    "a line separator inside": ('data: "a\u2028b\x85"\n\n'.encode(), [Frame(b"", '"a\u2028b\x85"'.encode())]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_frames_are_read(name):
    stream, expected = STREAMS[name]
    assert list(sse.frames(stream)) == expected


@pytest.mark.parametrize("name", STREAMS)
def test_one_byte_at_a_time_changes_nothing(name):
    stream, expected = STREAMS[name]
    decoder = Decoder()
    got = [frame for byte in stream for frame in decoder.feed(bytes([byte]))] + decoder.finish()
    assert got == expected


@given(st.sampled_from(sorted(STREAMS)), st.lists(st.integers(0, 60), max_size=6))
def test_cutting_anywhere_changes_nothing(name, cuts):
    stream, expected = STREAMS[name]
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    decoder = Decoder()
    got = []
    for start, end in pairwise(edges):
        got += decoder.feed(stream[start:end])
    assert got + decoder.finish() == expected


def test_a_frame_leaves_with_the_byte_that_completes_it():
    decoder = Decoder()
    assert decoder.feed(b"data: 1\n") == []
    assert decoder.feed(b"\n") == [Frame(b"", b"1")]


def test_an_endless_line_is_refused(monkeypatch):
    monkeypatch.setattr(sse, "LARGEST_FRAME", 1000)
    decoder = Decoder()
    assert [decoder.feed(b"x" * 100) for _ in range(10)] == [[]] * 10
    with pytest.raises(Unreadable):
        decoder.feed(b"x")
