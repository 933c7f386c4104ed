"""What each vendor really says in trouble, from its bytes to the rest of the account and back, by a clock of numbers:
how long it rests and what of it, one probe at the end, again or healed, and the same after a restart.
"""

import json
from dataclasses import replace

import pytest

from credentials.model import Credential, Secret
from credentials.pool import Cooling, Lease, Pool, PoolSettings
from providers import catalog
from providers.refusals import REFUSALS
from tests.addons.test_code_assist import DOORS
from tests.addons.test_code_assist import REFUSALS as CODE_ASSIST
from tests.providers.test_refusals import SAID, failure_of
from tests.upstreams.logins import LOGINS, NOW
from translators.registry import DIALECTS

CATALOG = catalog.load()
HALF_HOUR = 1800.0
RESTS = {
    "unauthorized": HALF_HOUR, "invalid_grant": HALF_HOUR, "validation_required": HALF_HOUR,
    "service_disabled": HALF_HOUR, "payment_required": HALF_HOUR, "forbidden": HALF_HOUR,
    "model_not_supported": HALF_HOUR, "challenge": 10.0, "transient": 45.0, "quota": 1.0,
    "policy": 0.0, "request": 0.0,
}  # fmt: skip
"""Seconds of rest for each reason where the vendor names none; quota and passing troubles take the vendor's, capped."""
HINTED = ("quota", "transient", "challenge")
WHOLE = ("unauthorized", "invalid_grant", "validation_required", "service_disabled", "payment_required")
NO_PROBE = ("transient",)
CASES = [*SAID, *((provider, what) for provider in DOORS for what in CODE_ASSIST)]


def refused(provider, what):
    """The failure as an attempt reads it, and the reason that is to be shown."""
    if provider in LOGINS:
        return failure_of(LOGINS[provider], what), SAID[provider, what][1]
    status, body, _, reason, _ = CODE_ASSIST[what]
    entry = CATALOG.provider(provider, kind="oauth")
    failure = DIALECTS[entry.dialect].read_failure(status, {"content-type": "application/json"}, body)
    return REFUSALS[entry.refusals](failure, {}, NOW), reason


def of(provider):
    """An account alone in a pool, with two of its models."""
    facts = dict(LOGINS[provider].facts) if provider in LOGINS else {"project_id": "my-proj-1"}
    account = Credential("ana.json", provider, "ana", Secret("at"), kind="oauth", facts=facts)
    pool = Pool([account], CATALOG, PoolSettings(transient_seconds=45.0))
    usual = LOGINS[provider].model if provider in LOGINS else DOORS[provider][1]
    other = next(each.id for each in pool.models() if each.id not in (usual, usual.rpartition("-")[0]))
    return pool, usual, other


def ask(pool, model, now):
    return pool.lease(pool.resolve(model), set(), now)


def shown(pool, now):
    """States and reasons: of the account as a whole and of its models."""
    return {row.state: row.reason for row in pool.states(now) if row.state != "ready"}


@pytest.mark.parametrize(("provider", "what"), CASES)
def test_a_refusal_rests_as_long_as_it_says_and_heals(provider, what):
    failure, reason = refused(provider, what)
    pool, model, other = of(provider)
    lease = ask(pool, model, NOW)
    assert isinstance(lease, Lease)
    if reason == "unauthorized":
        assert pool.report(lease, failure, NOW).refresh
        assert shown(pool, NOW) == {}  # first a new token
        lease = replace(lease, renewed=True)
    verdict = pool.report(lease, failure, NOW)
    rest = RESTS[reason]
    if reason in HINTED and failure.retry_after is not None:
        rest = min(failure.retry_after, HALF_HOUR)
    assert (verdict.reason, rest <= HALF_HOUR) == (reason, True)
    if not rest:
        assert shown(pool, NOW) == {}
        assert isinstance(ask(pool, model, NOW), Lease)
        return
    found = ask(pool, model, NOW + rest - 0.01)
    assert isinstance(found, Cooling)
    assert found.until == pytest.approx(NOW + rest)
    assert reason in shown(pool, NOW + rest - 0.01).values()
    whole = reason in WHOLE or failure.code == "account_limit"
    assert isinstance(ask(pool, other, NOW), Cooling if whole else Lease)
    _comes_back(pool, model, failure, NOW + rest)


def _comes_back(pool, model, failure, end):
    """Who tries first finds out for all; refused again, it rests again; answered, all is well."""
    rows = json.loads(json.dumps(pool.snapshot(end - 0.01)))
    again = of(pool.states(end)[0].provider)[0]
    assert again.restore(rows, end - 0.01) == len(rows) > 0
    assert isinstance(ask(again, model, end - 0.01), Cooling)  # after a restart
    for one in (pool, again):
        first, second = ask(one, model, end), ask(one, model, end)
        assert isinstance(first, Lease)
        assert first.probe is isinstance(second, Cooling)
        verdict = one.report(replace(first, renewed=True), failure, end)
        assert verdict.reason in NO_PROBE or first.probe
        held = ask(one, model, end)
        assert isinstance(held, Cooling)
        assert 0 < held.until - end <= HALF_HOUR
        healed = ask(one, model, held.until)
        assert isinstance(healed, Lease)
        one.success(healed, held.until)
        assert shown(one, held.until) == {}
        assert all(isinstance(ask(one, model, held.until), Lease) for _ in range(2))
        assert one.snapshot(held.until) == []
