"""Two JSON values, and where they differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.inspection.json_diff import ABSENT, Row, differences, lines, parsed, same


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        ({"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}, []),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [Row("$.a", 1, True)]),
        ({"a": None}, {}, [Row("$.a", None, ABSENT)]),
        ({}, {"a name": 1}, [Row('$["a name"]', ABSENT, 1)]),
        ([1, 2, 3, 4], [1, 9, 2, 3, 4], [Row("$[1]", ABSENT, 9)]),
        ([1, 2, 3], [1, 3], [Row("$[1]", 2, ABSENT)]),
        ([{"x": 1}, {"x": 2}], [{"x": 1}, {"x": 3}, {"y": 4}], [Row("$[1].x", 2, 3), Row("$[2]", ABSENT, {"y": 4})]),
        ([1], {"a": 1}, [Row("$", [1], {"a": 1})]),
        ([1, 1], [1, 1, 1], [Row("$[2]", ABSENT, 1)]),
    ],
)
def test_differences(before: object, after: object, rows: list[Row]) -> None:
    assert list(differences(before, after)) == rows


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


@given(JSON, JSON)
def test_there_are_rows_exactly_where_values_differ(before: object, after: object) -> None:
    assert (not list(differences(before, after))) == same(before, after)
    assert not list(differences(before, before))


def test_lines_fit_and_say_what_they_leave_out() -> None:
    long = "x" * 500
    told = lines([Row("$.a", long + "1", long + "2"), Row("$.b", ABSENT, long), Row("$.c", 1, ABSENT)], most=2)
    assert told[0].startswith("~ $.a  from character 500: ")
    assert told[0].endswith('1" → "xxxxxxxxxxxx2"')
    assert told[1].startswith("+ $.b  ")
    assert told[2] == "… and 1 more differences"
    assert all(len(line) < 200 for line in told)


def test_what_is_no_json_is_absent() -> None:
    assert parsed(b"<html>") is ABSENT
    assert parsed(b"null") is None
    assert parsed(b"[" * 5000) is ABSENT
