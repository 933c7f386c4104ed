"""How an answer came: its first byte, how fast it went, and where it was silent."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from addons.inspection.reading import Place
from addons.inspection.recorded import Mark, Recorded, RecordedAttempt
from translators.registry import DIALECTS

GAPS = 3
"""Silences that are told, the longest first."""
SILENT = 250
"""Milliseconds from which a pause between two chunks is one."""


class Gap(NamedTuple):
    """A silence. ms: how long. at: when it began, in milliseconds since the attempt. size: bytes that had come."""

    ms: int
    at: int
    size: int


def gaps(marks: tuple[Mark, ...]) -> list[Gap]:
    """The longest silences between chunks, the longest first."""
    found = [Gap(after.ms - before.ms, before.ms, before.size) for before, after in pairwise(marks)]
    return sorted((gap for gap in found if gap.ms >= SILENT), reverse=True)[:GAPS]


def pace(found: Recorded) -> Iterator[str]:
    """Lines about the times of the attempt that answered; none if no byte of an answer came, or none was measured."""
    attempt = found.last
    if attempt is None or not attempt.marks or not attempt.first_byte:
        return
    waited = attempt.started - found.began
    first = attempt.first_byte - attempt.started
    before = f", {waited + first:.2f} s after the request" if waited >= 0.005 else ""
    number = f" of attempt {attempt.number} ({attempt.credential})" if len(found.attempts) > 1 else ""
    yield f"first byte  {first:8.2f} s{number}{before}"
    last = attempt.marks[-1]
    seconds = last.ms / 1000 - first
    yield f"last byte   {last.ms / 1000:8.2f} s, {attempt.raw_size:,} bytes"
    output = found.usage.output if found.usage is not None else None
    if output and seconds >= 0.05 and found.stream:
        yield f"speed       {output / seconds:8.0f} tokens/s: {output:,} tokens in {seconds:.2f} s from the first byte"
    yield from _silences(attempt)


def _silences(attempt: RecordedAttempt) -> Iterator[str]:
    places = _places(attempt)
    for gap in gaps(attempt.marks):
        where = f", {places[gap.size]}" if gap.size in places else ""
        yield f"silent      {gap.ms / 1000:8.2f} s from {gap.at / 1000:.2f} s on{where}"


def _places(attempt: RecordedAttempt) -> dict[int, str]:
    """Where the answer was when silences began, by bytes. Not of compressed answers, nor behind what was not kept."""
    known, places = DIALECTS.get(attempt.dialect), dict[int, str]()
    if known is None or attempt.answer is not attempt.raw:
        return places
    place, read = Place(known), 0
    kept = len(attempt.raw) if attempt.raw_size == len(attempt.raw) else len(attempt.raw) // 2 - 64
    try:
        for size in sorted(gap.size for gap in gaps(attempt.marks) if gap.size <= kept):
            places[size] = place.after(attempt.raw[read:size])
            read = size
    except Exception:  # what cannot be read has no places
        return places
    return places
