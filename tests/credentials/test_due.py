"""When a token is due, stale, over: the table of lead times, and what files say instead."""

import pytest

from credentials.account import Account, write_time
from credentials.due import DAY, HOUR, LEADS, MINUTE, due, expired, expires_of, interval_of, renewable, secret_of, stale
from credentials.model import Secret

NOW = 1_800_000_000.0


def account(kind="claude", **body):
    return Account(f"{kind}.json", {"type": kind, "access_token": "at", "refresh_token": "rt"} | body)


def ending(kind, seconds, **body):
    return account(kind, expired=write_time(NOW + seconds), **body)


@pytest.mark.parametrize(("provider", "lead"), LEADS.items())
def test_lead_times(provider, lead):
    assert due(ending(provider, lead), NOW)
    assert not due(ending(provider, lead + 2), NOW)
    assert due(ending(provider, -DAY), NOW)


def test_the_published_lead_times():
    days = {"claude": 4 * HOUR, "codex": 5 * DAY, "antigravity": 300, "qwen": 3 * HOUR, "iflow": DAY}
    assert dict(LEADS) == days | {"kimi": 300, "xai": 300}


@pytest.mark.parametrize("kind", ["gemini", "vertex", "something-new"])
def test_who_is_renewed_before_a_request_only(kind):
    assert not due(ending(kind, -5, service_account={}), NOW)


def test_an_unknown_end_counts_from_the_last_renewal():
    assert due(account(last_refresh=write_time(NOW - 4 * HOUR)), NOW)
    assert not due(account(last_refresh=write_time(NOW - 3 * HOUR)), NOW)
    assert due(account(), NOW)


def test_a_token_that_lives_shorter_than_its_lead_is_not_renewed_all_the_time():
    fresh = ending("claude", HOUR, last_refresh=write_time(NOW))
    assert not due(fresh, NOW)
    assert due(fresh, NOW + HOUR / 2)


def test_an_iflow_cookie():
    cookie = {"refresh_token": "", "cookie": "BXAuth=x;", "api_key": "key"}
    assert due(ending("iflow", 48 * HOUR, **cookie), NOW)
    assert not due(ending("iflow", 49 * HOUR, **cookie), NOW)
    assert secret_of(ending("iflow", 1, **cookie)) == Secret("key")


@pytest.mark.parametrize(
    "body", [{"disabled": True}, {"refresh_token": ""}, {"setup_token": True}, {"is_setup_token": True}]
)
def test_who_is_never_due(body):
    assert not due(ending("claude", -5, **body), NOW)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"refresh_interval_seconds": 900}, 900),
        ({"refresh-interval-seconds": "900"}, 900),
        ({"refresh_interval": "1h30m"}, 5400),
        ({"refresh-interval": "90m"}, 5400),
        ({"refresh_interval": 7200.5}, 7200.5),
        ({"refresh_interval": "2s"}, MINUTE),
        ({"refresh_interval": "soon"}, 0),
        ({"refresh_interval": -5}, 0),
        ({"refresh_interval": True}, 0),
        ({"refresh_interval": "nan"}, 0),
        ({}, 0),
    ],
)
def test_intervals(body, seconds):
    assert interval_of(body) == seconds


def test_an_interval_stands_in_place_of_the_lead():
    body = {"refresh_interval": "1h"}
    assert not due(ending("claude", HOUR, last_refresh=write_time(NOW - HOUR + 2), **body), NOW)
    assert due(ending("claude", 7 * HOUR, last_refresh=write_time(NOW - HOUR), **body), NOW)
    assert due(ending("claude", -1, last_refresh=write_time(NOW), **body), NOW)
    assert due(ending("gemini", HOUR, last_refresh=write_time(NOW - HOUR), **body), NOW)


@pytest.mark.parametrize(
    ("provider", "margin"), [("gemini-cli", 60), ("antigravity", 3000), ("vertex", 60), ("claude", 10)]
)
def test_margins(provider, margin):
    secret = Secret("at")
    assert stale(provider, secret, NOW + margin, NOW)
    assert not stale(provider, secret, NOW + margin + 1, NOW)
    assert not stale(provider, secret, 0, NOW)
    assert stale(provider, Secret(""), NOW + DAY, NOW)


def test_the_end_of_an_antigravity_token():
    body = {"timestamp": NOW * 1000, "expires_in": 3599}
    assert expires_of(account("antigravity", **body)) == NOW + 3599
    assert expires_of(ending("antigravity", 60, **body)) == NOW + 60
    assert expires_of(account("antigravity", timestamp="x", expires_in=None)) == 0


def test_over():
    assert expired(ending("claude", 0), NOW)
    assert not expired(ending("claude", 1), NOW)
    assert not expired(account(), NOW)
    assert expired(account(access_token=""), NOW)


def test_a_service_account_mints_its_tokens():
    assert renewable(account("vertex", refresh_token="", service_account={"private_key": "PEM"}))
    assert not renewable(account("vertex", refresh_token=""))
