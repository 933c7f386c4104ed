"""Counts of uses: added up by credential and model, kept in files that several processes add to."""

import json
import os
import time
from pathlib import Path

import pytest

from credentials.files import HIDDEN
from credentials.notes import KEPT, LONGEST, Note, Trouble, merge, merged, read_notes, shortened
from credentials.notes import plain as plain_notes
from credentials.usage import Count, Counts, Use, day_of, read_counts
from credentials.usage_files import DAYS, FOLDER, NOTES, add, day_in, notes_in
from providers.quotas import Window
from translators.model import Usage

DAY = "2026-11-20"


def counts(*uses: Use) -> Counts:
    made = Counts()
    for use in uses:
        made.use(use)
    return made


USED = counts(
    Use(1.0, "a", "claude", "opus", usage=Usage(input=100, output=20, cache_read=60, thinking=5)),
    Use(2.0, "a", "claude", "opus", failed=True),
    Use(3.0, "a", "claude", "haiku", usage=Usage(input=7)),
    Use(4.0, "b", "codex", "gpt", usage=Usage(output=9)),
)


def test_uses_are_added_up():
    totals = USED.totals()
    assert totals == {"a": Count(3, 1, 107, 20, 60, 5), "b": Count(1, 0, 0, 9, 0, 0)}


def test_a_day_survives_its_file():
    there = read_counts(json.loads(json.dumps(USED.plain(DAY))))
    assert sorted(there) == sorted(USED)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"counts": 1},
        {"fields": ["requests"], "counts": {"a": 1, "b": {"m": "x"}}},
        {"fields": 1, "counts": {}},
    ],
)
def test_what_is_no_day_counts_nothing(body):
    assert not read_counts(body)


def test_fields_of_another_version_are_left_out():
    there = read_counts({"fields": ["new", "requests"], "counts": {"a": {"m": [5, 3]}}})
    assert there.totals() == {"a": Count(requests=3)}


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone cannot be set here")
def test_a_day_is_that_of_the_machine(monkeypatch):
    at = 1795219200.0  # 2026-11-21 00:00 in UTC
    for zone, day in (("UTC", "2026-11-21"), ("EST5", "2026-11-20"), ("JST-9", "2026-11-21")):
        monkeypatch.setitem(os.environ, "TZ", zone)
        time.tzset()
        assert day_of(at) == day
    monkeypatch.undo()
    time.tzset()


def test_processes_add_to_one_file(tmp_path: Path):
    for _ in range(2):
        add(tmp_path, {DAY: USED}, {}, 0.0)
    assert day_in(tmp_path, DAY).totals()["a"] == Count(6, 2, 214, 40, 120, 10)
    path = tmp_path / HIDDEN / FOLDER / f"{DAY}.json"
    assert path.stat().st_mode & 0o777 == 0o600


def test_days_long_past_are_forgotten(tmp_path: Path):
    for day in ("2026-09-01", "2026-11-01", DAY):
        add(tmp_path, {day: USED}, {}, 0.0)
    assert sorted(each.stem for each in (tmp_path / HIDDEN / FOLDER).iterdir()) == ["2026-11-01", DAY]
    assert DAYS == 31


ERROR = Trouble(50.0, "upstream", "quota", "too fast", 429, "opus")


def test_the_newer_note_of_each_kind_stays():
    one = Note(answered=10.0, error=ERROR, windows=(Window("5 h", 0.1, 99.0),), seen=5.0)
    other = Note(
        answered=20.0, error=Trouble(40.0, "upstream", "x", "older"), windows=(Window("5 h", 0.9, 99.0),), seen=6
    )
    both = merged(one, other)
    assert (both.answered, both.error, both.windows[0].used, both.seen) == (20.0, ERROR, 0.9, 6)
    assert merged(other, one) == both


def test_notes_survive_their_file(tmp_path: Path):
    note = Note(answered=10.0, error=ERROR, windows=(Window("5 h", 0.42, 99.0), Window("7 d", 1, 0.0)), seen=5.0)
    add(tmp_path, {}, {"a": note}, 60.0)
    add(tmp_path, {}, {"b": Note(answered=55.0)}, 60.0)
    assert notes_in(tmp_path) == {"a": note, "b": Note(answered=55.0)}
    assert merge(notes_in(tmp_path), {}, 60.0 + KEPT) == {}


@pytest.mark.parametrize(
    "said",
    [
        3,
        {"error": {"at": "x"}},
        {"error": {"at": 4.0, "text": 5}},
        {"limits": {"windows": [1, ["a"], ["a", "b", 3], ["a", True, 1.0]]}},
        {"answered": True},
    ],
)
def test_what_is_no_note_is_left_out(said):
    found = read_notes({"notes": {"a": said}})
    assert all(note == Note(seen=note.seen) for note in found.values())


def test_a_file_that_is_none_says_nothing(tmp_path: Path):
    (tmp_path / HIDDEN).mkdir()
    (tmp_path / HIDDEN / NOTES).write_text('{"notes": {')
    assert notes_in(tmp_path) == {}
    assert plain_notes({}) == {"version": 1, "notes": {}}


def test_a_message_is_one_line_of_bearable_length():
    assert shortened("a\n  b\tc") == "a b c"
    assert len(shortened("x" * 5000)) == LONGEST
