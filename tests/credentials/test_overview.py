"""The table of accounts: what it says of each, and how it looks where there is room and where there is not."""

import json
import re
from dataclasses import replace

import pytest

from credentials.account import read_account
from credentials.notes import Note, Trouble
from credentials.overview import Known, Line, lines_of, plain, plan_of
from credentials.table import short, span, table
from credentials.usage import Count
from providers.quotas import Window
from tests.credentials.test_pool import fail, key, pool_of

NOW = 1_795_300_000.0


def log_in(name, **settings):
    return replace(key(name), kind="oauth", renewable=True, source=f"file:{name}", **settings)


def account(name, **body):
    return read_account(name, json.dumps({"type": "claude"} | body).encode())


def lines(*credentials, accounts=(), bad=None, away=(), notes=None, today=None, pool=None):
    rows = (pool or pool_of(*credentials)).states(NOW)
    files = {each.name: each for each in accounts}
    return lines_of(Known(credentials, rows, files, bad or {}, away, notes or {}, today or {}))


def by_id(found):
    return {line.id: line for line in found}


def test_every_state_says_why_and_what_to_do():
    everybody = (
        log_in("good.json", expires=NOW + 999),
        log_in("old.json", expires=NOW - 1),
        replace(log_in("dead.json", expires=NOW - 1), renewable=False),
        log_in("off.json", disabled=True),
        log_in("nowhere.json", excluded=("*",)),
        log_in("refused.json"),
        log_in("tired.json"),
        key("a-key"),
    )
    pool = pool_of(*everybody)
    pool.cool("refused.json", 60, NOW, reason="invalid_grant")
    pool.cool("tired.json", 60, NOW)
    found = by_id(
        lines(*everybody, pool=pool, bad={"half.json": "is half of one"}, away=(log_in("x.json", provider="aistudio"),))
    )
    said = {name: (line.state, line.why, line.todo) for name, line in found.items()}
    assert said == {
        "good.json": ("ready", "", ""),
        "old.json": ("expired", "", ""),
        "dead.json": ("expired", "", "log in again"),
        "off.json": ("disabled", "", ""),
        "nowhere.json": ("unserved", "no model is left to it: all are excluded, or none is configured", ""),
        "refused.json": ("invalid", "invalid_grant", "the log-in has ended: log in again"),
        "tired.json": ("cooling", "by hand", ""),
        "a-key": ("ready", "", ""),
        "half.json": ("invalid", "is half of one", "mend it, or log in again"),
        "x.json": ("unserved", "cliproxy does not serve aistudio", ""),
    }
    assert found["a-key"].file == ""
    assert found["tired.json"].until == NOW + 60


def test_an_account_is_cooling_when_all_of_its_models_are():
    only = log_in("a.json")
    pool = pool_of(only)
    rested = []
    for model in ("big", "small"):
        lease = pool.lease(pool.resolve(model), set(), NOW)
        pool.report(lease, fail("rate_limit", 429, retry_after=60.0 if model == "big" else 600.0), NOW)
        rested.append(lines(only, pool=pool)[0])
    assert (rested[0].state, [each[0] for each in rested[0].resting]) == ("ready", ["big"])
    assert (rested[1].state, rested[1].until, rested[1].why) == ("cooling", NOW + 60, "quota")


def test_what_was_noted_and_counted_stands_in_its_line():
    error = Trouble(NOW - 180, "upstream", "overloaded", "Overloaded", 529, "big")
    note = Note(NOW - 5, error, (Window("5 h", 0.42, NOW + 60),), NOW - 5)
    (line,) = lines(log_in("a.json"), notes={"a.json": note}, today={"a.json": Count(12, 1, 90_000, 4_100)})
    assert (line.error, line.windows, line.today.requests, line.answered) == (error, note.windows, 12, NOW - 5)
    told = json.loads(json.dumps(plain([line], NOW)))["accounts"][0]
    assert told["error"]["status"] == 529
    assert told["windows"] == [{"name": "5 h", "used": 0.42, "reset": NOW + 60}]


@pytest.mark.parametrize(
    ("body", "plan"),
    [
        ({"plan": "claude_max", "rate_limit_tier": "default_claude_max_20x"}, "max 20x"),
        ({"subscription_type": "pro"}, "pro"),
        ({"plan_type": 7}, ""),
        ({}, ""),
    ],
)
def test_plans(body, plan):
    assert plan_of(account("a.json", **body)) == plan


def test_those_who_share_a_name_are_called_by_their_files():
    twins = [replace(log_in(name), label="ana") for name in ("claude-a.json", "claude-b.json")]
    assert [line.name for line in lines(*twins, log_in("bo.json"))] == ["bo.json", "claude-a", "claude-b"]


FULL = [
    Line("1", "ana@example.com", "claude", "c.json", "ready", plan="max 20x",
         windows=(Window("5 h", 0.42, NOW + 60), Window("7 d", 0.97, NOW + 90_000), Window("old", 0.5, NOW - 1)),
         today=Count(12, 1, 90_000, 4_100, 45_000), error=Trouble(NOW - 180, "upstream", "x", "Overloaded " * 20, 529)),
    Line("2", "bo", "codex", "d.json", "cooling", "quota", until=NOW + 725, reset=NOW + 7200),
    Line("3", "cy", "qwen", "e.json", "invalid", "invalid_grant", "log in again"),
    Line("4", "di", "qwen", "f.json", "ready", resting=(("m", "quota", NOW + 30),)),
]  # fmt: skip


def test_the_whole_table():
    shown = table(FULL, NOW, 0)
    assert shown[0].split() == ["account", "provider", "state", "plan", "quota", "today", "tokens", "last", "error"]
    assert "5 h 42% · 7 d 97% to 1 d 1 h  " in shown[1]
    assert "old" not in shown[1]
    assert "12, 1 failed  90 k (50% cached) → 4.1 k" in shown[1]
    assert "3 min ago upstream 529: Overloaded" in shown[1]
    assert "cooling 12 min (quota)" in shown[2]
    assert "resets in 2 h" in shown[2]
    assert "ready, 1 model cooling 30 s" in shown[4]
    assert shown[5:] == ["", "qwen cy  invalid_grant: log in again"]
    assert (
        len({line.index(word) for line, word in zip(shown[1:5], ("claude", "codex", "qwen", "qwen"), strict=True)}) == 1
    )


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 120, 160, 200])
def test_a_narrow_terminal_keeps_what_matters(width):
    shown = table(FULL, NOW, width)
    assert all(len(line) <= width for line in shown[:5])
    assert "account" in shown[0]
    assert "state" in shown[0]
    assert all(word in line for line, word in zip(shown[1:5], ("ana", "bo", "cy", "di"), strict=True))
    wider = table(FULL, NOW, width + 40)
    assert set(shown[0].split()) <= set(wider[0].split())


def test_colours_change_nothing_but_colours():
    painted = table(FULL, NOW, 100, colour=True)
    assert [re.sub("\x1b\\[\\d*m", "", line) for line in painted] == table(FULL, NOW, 100)
    assert "\x1b[31minvalid" in painted[3]
    assert "\x1b" not in "".join(table(FULL, NOW, 100))


def test_an_empty_table_says_how_to_begin():
    assert "scripts/login" in table([], NOW, 80)[0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (59, "59 s"),
        (61, "1 min"),
        (7199, "2 h"),
        (5400, "1 h 30 min"),
        (90_000, "1 d 1 h"),
        (86400, "1 d"),
    ],
)
def test_spans(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (4100, "4.1 k"), (90_210, "90 k"), (1_234_567, "1.2 M"), (3 * 10**9, "3.0 G")],
)
def test_counts(number, text):
    assert short(number) == text
