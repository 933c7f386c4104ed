"""Measures the translators, bytes in to bytes out, for every pair of dialects (client < upstream).

    scripts/bench translators [--quick] [--rounds N]

Beside them in the same run: a bare JSON parse and dump of the same bytes (the limit), and, where the extra `bench` is
installed (`pip install -e '.[bench]'`), llm-rosetta and LiteLLM; ways.py says what of them is called, and how.

What the figures do not say: LiteLLM's streams yield chunk objects that serve its logging and accounting as well, which
is part of what they cost; llm-rosetta tells nobody what it drops, and neither library guards the order of events.
Recorded streams are measured where the recorded traffic is at hand (tests/corpus.py); a stream that one of the ways
cannot read is left out for all. The same dialect at both ends is passed on, not translated: there cliproxy may be
faster than parse and dump.
"""

import argparse
import platform
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from benchmarks.translators import recorded, requests
from benchmarks.translators.measure import Row, measure, peak, print_rows
from benchmarks.translators.streams import TOOLS, Frames, large_text, text
from benchmarks.translators.ways import NAMES, Cliproxy, Way, ways

PAIRS = [(client, upstream) for client in NAMES for upstream in NAMES]
EVENTS = 500
CHUNK = 16 * 1024
MEGABYTE = 1e6


def each_pair(several: list[Way], rounds: int, streams: Callable[[str], list[Frames]]) -> list[Row]:
    """Streams of each upstream for each client, per event."""
    rows = []
    for client, upstream in PAIRS:
        frames = streams(upstream)
        request = requests.small(client)

        def job(way: Way, client: str = client, upstream: str = upstream, frames: list[Frames] = frames,
                request: bytes = request) -> bytes | None:  # fmt: skip
            said = [way.stream(client, upstream, chunks, request) for chunks in frames]
            return None if None in said else b"".join(part for part in said if part is not None)

        if frames:
            rows.append(measure(f"{client} < {upstream}", several, job, sum(map(len, frames)), rounds))
    return rows


def exchanges(several: list[Way], rounds: int) -> list[Row]:
    """A small request there and a short stream back: what an exchange costs before it says anything."""
    rows = []
    for client, upstream in PAIRS:
        request, frames = requests.small(client), text(upstream, 12)

        def job(way: Way, client: str = client, upstream: str = upstream, frames: Frames = frames,
                request: bytes = request) -> bytes | None:  # fmt: skip
            there = way.request(client, upstream, request)
            back = way.stream(client, upstream, frames, request)
            return None if there is None or back is None else there + back

        rows.append(measure(f"{client} < {upstream}", several, job, 1, rounds))
    return rows


def large_requests(several: list[Way], rounds: int, make: Callable[[str], bytes], scaled: bool) -> list[Row]:
    """Large requests; `scaled`: for each megabyte."""
    rows = []
    for client, upstream in PAIRS:
        body = make(client)

        def job(way: Way, client: str = client, upstream: str = upstream, body: bytes = body) -> bytes | None:
            return way.request(client, upstream, body)

        units = len(body) / MEGABYTE if scaled else 1
        rows.append(measure(f"{client} > {upstream}", several, job, units, rounds))
    return rows


def large_events(several: list[Way], rounds: int, size: int) -> list[Row]:
    """One event of `size` bytes, in chunks as they come from the net; for each megabyte."""
    rows = []
    for client, upstream in PAIRS:
        frames = large_text(upstream, size)
        whole = b"".join(frames)
        chunks = [whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK)]
        request = requests.small(client)

        def job(way: Way, client: str = client, upstream: str = upstream, chunks: Frames = chunks,
                frames: Frames = frames, request: bytes = request) -> bytes | None:  # fmt: skip
            return way.stream(client, upstream, frames if way.name == "bare" else chunks, request)

        rows.append(measure(f"{client} < {upstream}", several, job, len(whole) / MEGABYTE, rounds))
    return rows


def print_memory(events: int) -> None:
    """What a long stream holds at its peak: once for few events, once for ten times as many."""
    print(f"\nmemory at the peak of a stream, kB: {events:,} events, and {events * 10:,}; the client reads as it goes")
    for client, upstream in PAIRS:
        peaks = [_peak(client, upstream, count) for count in (events, events * 10)]
        print(f"  {client + ' < ' + upstream:<36}{peaks[0] / 1e3:>10,.0f}{peaks[1] / 1e3:>10,.0f}", flush=True)


def _peak(client: str, upstream: str, events: int) -> int:
    frames = text(upstream, events)
    if upstream == "openai-responses":  # its last events repeat the whole text: not what is looked for
        frames = frames[:-4]

    def job() -> None:
        pump = Cliproxy().pump(client, upstream)
        for chunk in frames:
            pump.feed(chunk)

    return peak(job)


def main() -> None:
    """Measure, and print a table for each kind of work."""
    parser = argparse.ArgumentParser(prog="scripts/bench translators", description="Measures the translators.")
    parser.add_argument("--quick", action="store_true", help="a short look")
    parser.add_argument("--rounds", type=int, default=0, help="how often everything is measured (15, quick: 5)")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (5 if arguments.quick else 15)
    few = max(3, rounds // 3)
    several = ways()
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {rounds} rounds; CPU time")
    micro, milli = 1e6, 1e3
    rows = each_pair(several, rounds, lambda upstream: [text(upstream, EVENTS)])
    print_rows("small text deltas, microseconds an event", rows, several, micro)
    rows = each_pair(several, rounds, lambda upstream: [TOOLS[upstream](10, 40)])
    print_rows("tool calls, microseconds an event (Gemini's events are whole calls)", rows, several, micro)
    kept = recorded.streams(several)
    if kept:
        print(f"\nrecorded: {', '.join(f'{len(frames)} of {name}' for name, frames in kept.items())}")
        rows = each_pair(several, few, lambda upstream: kept.get(upstream, []))
        print_rows("recorded streams, microseconds an event", rows, several, micro)
    print_rows("small request and short stream, microseconds", exchanges(several, rounds * 3), several, micro)
    rows = large_requests(several, few, requests.large, scaled=False)
    print_rows("request of 1 MB (200 messages, 100 tools), milliseconds", rows, several, milli)
    size = 1_000_000 if arguments.quick else 8_000_000
    rows = large_events(several, few, size)
    print_rows(f"one event of {size / MEGABYTE:g} MB in chunks of 16 kB, milliseconds a MB", rows, several, milli)
    rows = large_requests(several, few, lambda client: requests.image(client, size * 5 // 4), scaled=True)
    print_rows(f"request with an image of {size * 1.25 / MEGABYTE:g} MB, milliseconds a MB", rows, several, milli)
    print_memory(200 if arguments.quick else 2000)


if __name__ == "__main__":
    main()
