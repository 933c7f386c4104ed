"""Work and memory in proportion to the bytes: counted in bytes allocated, never in seconds.

Whatever joins what it holds with each new chunk allocates the held bytes again and again; what it allocates in all then
grows with the square of an event's size. So the allocations of every feed are added up.
"""

import tracemalloc
from collections.abc import Iterator

import pytest

from benchmarks.translators import requests
from benchmarks.translators.streams import Frames, large_text, text
from tests.corpus import DIALECTS
from translators import exchange
from translators.dialect import Aim, Asked
from translators.losses import Ledger
from translators.pump import Pump
from translators.registry import DIALECTS as ALL

PAIRS = [(client, upstream) for client in DIALECTS for upstream in DIALECTS]
COPIES = 5
"""How often the bytes of an event may be copied: pieces, joined, decoded, encoded, framed."""
REPEATED = 18
"""The same where a Responses answer is written: delta, end, part, item and the last event each say the text."""


def pump(client: str, upstream: str, *, array: bool = False) -> Pump:
    asked = Asked(model="m", stream=True, now=1790000000, seed="ab12", array=array)
    return exchange.pump(ALL[client], ALL[upstream], asked, {}, streamed=True)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def allocated(found: Pump, chunks: list[bytes]) -> int:
    """The sum, over all feeds, of what was allocated at the peak of the feed beyond what was held before it."""
    total = 0
    tracemalloc.start()
    try:
        for chunk in chunks:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            found.feed(chunk)
            total += tracemalloc.get_traced_memory()[1] - before
        found.finish()
    finally:
        tracemalloc.stop()
    assert found.failure is None
    assert found.ended
    return total


def of_one_event(client: str, upstream: str, size: int, chunk: int) -> int:
    chunks = list(cut(b"".join(large_text(upstream, size)), chunk))
    return allocated(pump(client, upstream), chunks)


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_a_large_event_costs_its_length(client: str, upstream: str) -> None:
    size = 1_000_000
    copies = REPEATED if client == "openai-responses" != upstream else COPIES
    assert of_one_event(client, upstream, size, 16_384) < copies * size


def test_a_very_large_event_costs_its_length() -> None:
    size = 8_000_000
    for client, upstream in (("claude", "claude"), ("openai-chat", "claude"), ("claude", "gemini")):
        assert of_one_event(client, upstream, size, 16_384) < COPIES * size


@pytest.mark.parametrize("upstream", DIALECTS)
@pytest.mark.parametrize("same", [True, False], ids=["same dialect", "another"])
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_an_event_in_tiny_pieces_costs_its_length(upstream: str, same: bool, chunk: int) -> None:
    size = 12_000 * min(chunk, 16)
    other = "claude" if upstream == "openai-chat" else "openai-chat"
    apiece = 300  # bytes: the piece as an object of its own, its place in a list, and what a call needs
    client = upstream if same else other
    assert of_one_event(client, upstream, size, chunk) < 2 * COPIES * size + apiece * (size // chunk)


@pytest.mark.parametrize("client", ["gemini", "claude"])
def test_an_event_of_an_array_costs_its_length(client: str) -> None:
    size = 1_000_000
    frames = [frame[len(b"data: ") :].strip() for frame in large_text("gemini", size)]
    chunks = list(cut(b"[" + b",\n".join(frames) + b"]", 16_384))
    found = pump(client, "gemini", array=client == "gemini")
    assert allocated(found, chunks) < COPIES * size


def test_what_is_counted_would_tell() -> None:
    """The same sum for one who joins what it holds with every chunk."""

    class Joining:
        failure, ended, held = None, True, b""

        def feed(self, chunk: bytes) -> bytes:
            self.held += chunk
            return b""

        def finish(self) -> bytes:
            return self.held

    size = 1_000_000
    assert allocated(Joining(), list(cut(b"a" * size, 16_384))) > REPEATED * size  # type: ignore[arg-type]  # enough of a pump


# --- memory ---------------------------------------------------------------------------------------------------------


def peak(client: str, upstream: str, frames: Frames) -> int:
    """Bytes held at the peak of a stream whose end has not come; nobody keeps what was written."""
    found = pump(client, upstream)
    tracemalloc.start()
    try:
        for frame in frames:
            found.feed(frame)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


KEEPS_WRITTEN = {
    "openai-responses": "the end repeats the text",
    "gemini": "citations count in the text",
    "openai-chat": "the answer is collected: what the client will drop of it is remembered",
}
KEEPS_READ = {
    "openai-responses": "the end is compared with what was said",
    "gemini": "citations count in the text",
}


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_a_long_stream_is_not_kept(client: str, upstream: str) -> None:
    few, many = (text(upstream, count)[: count - 10] for count in (500, 2500))
    peak(client, upstream, few)  # whatever is made once is made now
    grown = peak(client, upstream, many) - peak(client, upstream, few)
    times = 0 if client == upstream else (client in KEEPS_WRITTEN) + (upstream in KEEPS_READ)
    assert grown < 4000 + times * 2000 * 80  # a piece is a string of its own in a list


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_a_large_image_is_copied_a_few_times_at_most(client: str, upstream: str) -> None:
    size = 1_000_000
    body, start, end = requests.image(client, size), ALL[client], ALL[upstream]
    aim = Aim(model="m", provider="p", vendor=end.vendor, stream=True)
    gemini = client == "gemini"
    tracemalloc.start()
    try:
        read = start.read_request(body, "m" if gemini else "", gemini or None, Ledger()) if start is not end else None
        written = exchange.write(read, body, start, end, aim, Ledger()).body
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(written) > size
    assert most < 5 * size
