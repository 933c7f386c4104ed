"""The benchmark of the translators measures what it says: every pair is read, and its tables can be printed."""

import pytest

from benchmarks.translators import recorded, requests
from benchmarks.translators.measure import Row, measure, print_rows
from benchmarks.translators.streams import TOOLS, large_text, text
from benchmarks.translators.ways import NAMES, Bare, Cliproxy

PAIRS = [(client, upstream) for client in NAMES for upstream in NAMES]


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_every_pair_is_measured_on_answers_that_are_whole(client: str, upstream: str) -> None:
    request = requests.small(client)
    for frames in (text(upstream, 8), TOOLS[upstream](2, 5), large_text(upstream, 1000)):
        said = Cliproxy().stream(client, upstream, frames, request)
        assert said is not None
        assert len(said) > 300
    assert Cliproxy().request(client, upstream, request)
    assert Bare().request(client, upstream, request)


@pytest.mark.parametrize("dialect", NAMES)
def test_a_large_request_has_the_size_it_is_said_to_have(dialect: str) -> None:
    assert 900_000 < len(requests.large(dialect)) < 1_100_000
    assert requests.large(dialect) == requests.large(dialect)


def test_recorded_streams_are_cut_into_their_frames() -> None:
    found = recorded.streams([Cliproxy()])
    if not found:
        pytest.skip("no recorded traffic")
    assert set(found) == set(NAMES)
    assert all(frame.endswith(b"\n") and b"data: " in frame for several in found.values() for frame in several[0])


def test_a_table_has_a_line_for_each_pair_and_their_median(capsys: pytest.CaptureFixture[str]) -> None:
    ways = [Bare(), Cliproxy()]
    frames = text("claude", 5)
    rows = [measure(name, ways, lambda way: way.stream("claude", "claude", frames, b"{}"), 5, 2) for name in "abc"]
    assert all(isinstance(row, Row) and set(row.seconds) == {"bare", "cliproxy"} for row in rows)
    print_rows("title", rows, ways, 1e6)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "title"
    assert [line.split()[0] for line in lines[3:]] == ["a", "b", "c", "median"]
