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
