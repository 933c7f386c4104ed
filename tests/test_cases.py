"""The numbered cases of the reference, as text files under cases/crossings: given a request or an answer, this is what
becomes of it. `pytest tests/test_cases.py --accept` writes what was got; the diff is the review.
"""

import pytest

from tests import casefile, crossing, trip

CASES = sorted((casefile.FOLDER / "crossings").rglob("*.case"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_crossing(path, request):
    """What comes of it is what is written down, and comes of it again."""
    case = casefile.load(path)
    got = trip.run(case) if "next" in case.settings else crossing.run(case)
    if request.config.getoption("--accept"):
        casefile.accept(case, got)
        return
    written = {name: text for name, text in case.sections.items() if not casefile.is_given(name)}
    assert got == written


def test_every_case_is_named_for_its_number():
    """A title begins with the number of the situation, or with R and the number of a report."""
    for path in CASES:
        assert casefile.load(path).numbers, path


ELSEWHERE = {
    "19": "tests/translators/test_bytes.py::test_a_very_long_line",
    "20": "tests/addons/test_decoding.py::test_what_was_flushed_is_there_at_once",
    "258": "tests/end_to_end/test_streams.py::test_who_leaves_takes_the_upstream_along",
    "280": "tests/trip.py::run",
}
"""Situations that no text can show (memory, time, a client that leaves), or that every trip shows."""


def test_every_situation_is_shown():
    """All numbers of cases/README.md: 1 to 280, and the reports R1 to R10."""
    shown = {number for path in CASES for number in casefile.load(path).numbers}
    for number, place in ELSEWHERE.items():
        path, _, name = place.partition("::")
        assert f"def {name}(" in (casefile.FOLDER.parents[1] / path).read_text(encoding="utf-8"), place
        shown.add(number)
    assert {str(number) for number in range(1, 281)} | {f"R{number}" for number in range(1, 11)} <= shown
