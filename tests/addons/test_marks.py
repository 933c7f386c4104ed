"""When bytes came: exact where it was silent, few, and cheap."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from addons.exchanges import Tape
from addons.inspection.recorded import Mark, _marks
from addons.marks import MOST, Marks, Moments, steps


def noted(times: list[float]) -> Moments:
    """What is left of chunks of a byte each."""
    marks = Marks()
    for number, at in enumerate(times, 1):
        if at >= marks.due:
            marks.note(at, number)
        marks.latest = at, number
    return marks.moments()


def test_a_tape_notes_when_its_bytes_came() -> None:
    tape = Tape(10)
    for _ in range(5):
        tape.add(b"abc")
    found = tape.marks.moments()
    assert found[0][1] == 3
    assert found[-1][1] == 15
    assert sorted(found) == found


def test_few_chunks_are_all_there() -> None:
    times = [1.0, 1.5, 1.6, 4.0]
    assert noted(times) == [(1.0, 1), (1.5, 2), (1.6, 3), (4.0, 4)]


def test_silences_of_a_long_stream_keep_their_length() -> None:
    times = [0.02 * number + (7.0 if number > 3000 else 0) + (3.0 if number > 9000 else 0) for number in range(10_000)]
    kept = noted(times)
    gaps = sorted((round(after[0] - before[0], 2), before[1]) for before, after in itertools.pairwise(kept))
    assert gaps[-2:] == [(3.02, 9001), (7.02, 3001)]
    assert gaps[-3][0] < 1.5
    assert MOST // 8 < len(kept) <= MOST
    assert kept[-1] == (times[-1], 10_000)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_what_is_left_is_true(gaps: list[float]) -> None:
    times = list(itertools.accumulate(gaps * 30, initial=1.0))
    kept = noted(times)
    assert set(kept) <= {(at, number) for number, at in enumerate(times, 1)}
    assert kept == sorted(set(kept))
    assert len(kept) <= MOST + 1
    assert kept[-1] == (times[-1], len(times))
    longest = max(after - before for before, after in itertools.pairwise(times))
    told = max((after[0] - before[0] for before, after in itertools.pairwise(kept)), default=0.0)
    assert told >= longest - 1e-9 or longest < 0.001


def test_marks_as_plain_data_and_back() -> None:
    assert steps([(10.5, 3), (10.75, 8), (10.6, 9)], 10.0) == [500, 3, 250, 5, 0, 1]
    assert _marks([500, 3, 250, 5, 0, 1]) == (Mark(500, 3), Mark(750, 8), Mark(750, 9))
