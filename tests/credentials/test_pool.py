"""Names, choice and cooldowns, with a clock made of numbers."""

import json
import random
from dataclasses import replace

import pytest

from credentials.model import Credential, ModelEntry, Secret
from credentials.pool import Cooling, Exhausted, Lease, Pool, PoolSettings, UnknownModel
from providers.catalog import Catalog, Model, Provider, Thinking, load
from translators.model import Failure, Reasoning

PATHS = {"generate": "/"}
MODELS = {
    "claude": (
        Model(id="big", created=20, owned_by="anthropic", thinking=Thinking(min=1024, max=64000), aliases=("big-x",)),
        Model(id="small", created=10, owned_by="anthropic"),
    ),
    "gemini": (Model(id="gem", created=30, name="models/gem"), Model(id="big", created=20, name="models/big")),
}
CATALOG = Catalog(
    {
        "claude": Provider("claude", "claude", "anthropic", "https://a.test", "anthropic", PATHS, lists=("claude",)),
        "gemini": Provider("gemini", "gemini", "google", "https://g.test", "google", PATHS, lists=("gemini",)),
    },
    MODELS,
    unserved=("kimi",),
)


def key(name, provider="claude", **settings):
    """A credential; its name is id and label."""
    return Credential(name, provider, name, Secret(f"sk-{name}-0123456789"), **settings)


def pool_of(*credentials, **settings):
    return Pool(credentials, CATALOG, PoolSettings(**settings))


def fail(kind, status=0, **more):
    return Failure(kind=kind, status=status, message=more.pop("message", ""), **more)


def names_leased(pool, model, count, now=0.0):
    """Labels of leases that all succeed."""
    found = []
    for _ in range(count):
        lease = pool.lease(pool.resolve(model), set(), now)
        assert isinstance(lease, Lease)
        pool.success(lease, now)
        found.append(lease.label)
    return found


def run(pool, model, answers, now, operation="generate", limit=10):
    """One request as an engine makes it: `answers` gives each credential's failure, or None for success.

    Gives the labels called and how it ended: "ok", the failure's kind, or the pool's refusal.
    """
    resolution, tried, called, last = pool.resolve(model), set(), [], None
    lease = None
    while len(called) < limit:
        if lease is None:
            lease = pool.lease(resolution, tried, now)
        if not isinstance(lease, Lease):
            return called, lease if last is None else last.kind
        called.append(lease.label)
        answer = answers(lease)
        if answer is None:
            pool.success(lease, now)
            return called, "ok"
        verdict, last = pool.report(lease, answer, now, operation), answer
        if verdict.final:
            return called, last.kind
        if verdict.refresh:
            lease = pool.renew(lease, replace(lease.credential, secret=Secret("renewed-0123456789")))
            continue
        tried.add(lease.key)
        lease = None
    raise AssertionError("too many attempts")


# --- the regression list: failure classes with a fake clock -----------------------------------------------------------


def test_counting_that_is_not_there_does_not_take_the_model_away():
    pool = pool_of(key("A"), key("B"))
    assert run(pool, "big", lambda _: fail("not_found", 404), 0, "count") == (["A"], "not_found")
    assert set(names_leased(pool, "big", 2)) == {"A", "B"}


def test_one_404_goes_on_to_the_next_and_is_forgiven():
    pool = pool_of(key("A"), key("B"), strategy="fill-first")
    assert run(pool, "big", lambda x: fail("model", 404) if x.label == "A" else None, 0) == (["A", "B"], "ok")
    assert names_leased(pool, "big", 1) == ["A"]


def test_a_second_404_in_a_row_rests_a_minute_and_a_success_forgets_the_first():
    pool = pool_of(key("A"), key("B"), strategy="fill-first")
    for now in (0, 1):
        run(pool, "big", lambda x: fail("model", 404) if x.label == "A" else None, now)
    assert names_leased(pool, "big", 1, 60.9) == ["B"]
    assert names_leased(pool, "big", 1, 61) == ["A"]
    run(pool, "big", lambda x: fail("model", 404) if x.label == "A" else None, 62)
    assert names_leased(pool, "big", 1, 62) == ["A"]


def test_a_fault_of_the_request_is_one_call_in_all():
    pool = pool_of(key("A"), key("B"))
    assert run(pool, "big", lambda _: fail("invalid", 400), 0) == (["A"], "invalid")
    assert [row.state for row in pool.states(0)] == ["ready", "ready"]


def test_an_expired_token_is_refreshed_then_tried_then_left():
    pool = pool_of(key("A", kind="oauth"), key("B", kind="oauth"), strategy="fill-first")
    called, end = run(pool, "big", lambda x: fail("auth", 401) if x.label == "A" else None, 0)
    assert (called, end) == (["A", "A", "B"], "ok")
    assert names_leased(pool, "big", 1, 1799) == ["B"]
    assert names_leased(pool, "small", 1, 1799) == ["B"]  # the whole credential rests
    assert names_leased(pool, "big", 1, 1800) == ["A"]


def test_a_refresh_that_helps_costs_nothing():
    pool = pool_of(key("A", kind="oauth"))
    called, end = run(pool, "big", lambda x: None if x.renewed else fail("auth", 401), 0)
    assert (called, end) == (["A", "A"], "ok")
    assert run(pool, "big", lambda x: None if "renewed" in x.credential.secret.reveal() else fail("auth", 401), 1) == (
        ["A"],
        "ok",
    )


def test_an_account_to_be_verified_is_named_and_passed_over():
    pool = pool_of(key("A"), key("B"), strategy="fill-first")
    answer = fail("permission", 403, code="VALIDATION_REQUIRED")
    assert run(pool, "big", lambda x: answer if x.label == "A" else None, 0) == (["A", "B"], "ok")
    row = pool.states(0)[0]
    assert (row.label, row.state, row.reason, row.until) == ("A", "cooling", "validation_required", 1800)


def test_a_quota_of_six_days_parks_then_probes_each_half_hour_then_heals():
    pool = pool_of(key("A"), key("B"))
    limit = fail("quota", 429, code="usage_limit_reached", retry_after=529498.0)
    assert run(pool, "big", lambda _: limit, 0) == (["A", "B"], "quota")
    called, end = run(pool, "big", lambda _: limit, 1)
    assert called == []
    assert end == Cooling(1800.0, "big", "quota")
    assert end.seconds(1) == 1799
    assert [row.reset for row in pool.states(1) if row.model] == [529498.0, 529498.0]

    probe = pool.lease(pool.resolve("big"), set(), 1800)
    assert isinstance(probe, Lease)
    assert probe.probe
    other = pool.lease(pool.resolve("big"), {probe.key}, 1800)
    assert isinstance(other, Lease)  # each pair has its own probe
    assert pool.lease(pool.resolve("big"), set(), 1801) == Cooling(3600.0, "big", "quota")
    pool.report(probe, limit, 1802)
    pool.report(other, limit, 1802)
    assert pool.lease(pool.resolve("big"), set(), 3601) == Cooling(3602.0, "big", "quota")
    assert run(pool, "big", lambda _: None, 3602)[1] == "ok"
    assert run(pool, "big", lambda _: None, 3602)[1] == "ok"
    assert [row for row in pool.states(3602) if row.model] == []
    assert len(set(names_leased(pool, "big", 2, 3602))) == 2


def test_a_520_is_a_failure_of_the_upstream():
    pool = pool_of(key("A"))
    called, end = run(pool, "big", lambda _: fail("server", 520), 0)
    assert (called, end) == (["A"], "server")
    assert pool.lease(pool.resolve("big"), set(), 59).until == 60
    assert names_leased(pool, "big", 1, 60) == ["A"]


def test_attempts_are_bounded():
    pool = pool_of(*(key(f"k{number}") for number in range(9)), max_retry_credentials=3)
    called, _ = run(pool, "big", lambda _: fail("server", 500), 0)
    assert len(called) == 3
    unlimited = pool_of(*(key(f"k{number}") for number in range(9)))
    assert len(run(unlimited, "big", lambda _: fail("server", 500), 0)[0]) == 9


# --- choice -----------------------------------------------------------------------------------------------------------


def test_round_robin_goes_round_and_counts_for_each_name():
    pool = pool_of(key("A"), key("B"), key("C"))
    assert names_leased(pool, "big", 4) == ["A", "B", "C", "A"]
    assert names_leased(pool, "small", 2) == ["A", "B"]
    assert names_leased(pool, "big(high)", 2) == ["B", "C"]


def test_fill_first_stays_until_it_cannot():
    pool = pool_of(key("B"), key("A"), strategy="fill-first")
    assert names_leased(pool, "big", 2) == ["A", "A"]
    run(pool, "big", lambda x: fail("rate_limit", 429, retry_after=30.0) if x.label == "A" else None, 0)
    assert names_leased(pool, "big", 2, 29) == ["B", "B"]
    assert names_leased(pool, "big", 1, 30) == ["A"]


def test_weights_are_shares_and_zero_takes_no_part():
    pool = pool_of(key("A", weight=5), key("B"), key("C"), key("D", weight=0), strategy="weighted-round-robin")
    order = names_leased(pool, "big", 70)
    assert {name: order.count(name) for name in "ABCD"} == {"A": 50, "B": 10, "C": 10, "D": 0}
    assert "A" * 7 not in "".join(order)  # spread, not in lumps


def test_who_wakes_up_does_not_catch_up():
    pool = pool_of(key("A"), key("B"), strategy="weighted-round-robin")
    pool.cool("A", 100, 0)
    assert names_leased(pool, "big", 20, 0) == ["B"] * 20
    order = names_leased(pool, "big", 10, 100)
    assert order.count("A") in (5, 6)


def test_a_lower_priority_serves_only_when_the_higher_rest():
    pool = pool_of(key("A"), key("B", priority=5), key("C", priority=-1))
    assert names_leased(pool, "big", 2) == ["B", "B"]
    called, _ = run(pool, "big", lambda _: fail("server", 500), 0)
    assert called == ["B", "A", "C"]
    assert names_leased(pool, "big", 1, 60) == ["B"]


def test_a_bound_session_beats_priority_while_its_credential_is_awake():
    pool = pool_of(key("A"), key("B", priority=5))
    assert pool.lease(pool.resolve("big"), set(), 0, prefer="A").label == "A"
    pool.cool("A", 10, 0)
    assert pool.lease(pool.resolve("big"), set(), 0, prefer="A").label == "B"
    assert pool.lease(pool.resolve("big"), set(), 10, prefer="A").label == "A"
    assert pool.lease(pool.resolve("big"), set(), 10, prefer="nobody").label == "B"


def test_one_rotation_over_all_providers_of_a_model_unless_a_dialect_is_preferred():
    pool = pool_of(key("A"), key("B", "gemini"))
    assert names_leased(pool, "big", 4) == ["A", "B", "A", "B"]
    lease = [pool.lease(pool.resolve("big"), set(), 0, dialect_preference="gemini") for _ in range(3)]
    assert {each.label for each in lease} == {"B"}
    assert pool.lease(pool.resolve("big"), {lease[0].key}, 0, dialect_preference="gemini").label == "A"


def test_a_policy_can_rule_out_a_kind_of_credential():
    pool = pool_of(key("A", kind="oauth"), key("B"))
    assert pool.lease(pool.resolve("big"), set(), 0, avoid_kind="oauth").label == "B"
    only = pool_of(key("A", kind="oauth"))
    assert isinstance(only.lease(only.resolve("big"), set(), 0, avoid_kind="oauth"), Exhausted)


def test_disabled_and_unserved_credentials_are_seen_but_never_leased():
    pool = pool_of(key("A", disabled=True), key("B", "kimi", base_url="https://k.test"), key("C", "nobody"), key("D"))
    assert names_leased(pool, "big", 2) == ["D", "D"]
    assert [row.state for row in pool.states(0)] == ["disabled", "unserved", "unserved", "ready"]


# --- cooldowns --------------------------------------------------------------------------------------------------------


def test_limits_without_a_hint_double_and_success_starts_over():
    pool, now, seen = pool_of(key("A")), 0.0, []
    for _ in range(13):
        run(pool, "big", lambda _: fail("rate_limit", 429), now)
        wake = pool.lease(pool.resolve("big"), set(), now).until
        seen.append(wake - now)
        now = wake
    assert seen == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800]
    assert names_leased(pool, "big", 1, now) == ["A"]
    run(pool, "big", lambda _: fail("rate_limit", 429), now)
    assert pool.lease(pool.resolve("big"), set(), now).until == now + 1


def test_a_burst_of_limits_is_one_limit():
    pool = pool_of(key("A"))
    burst = [pool.lease(pool.resolve("big"), set(), 0) for _ in range(5)]
    for lease in burst:
        pool.report(lease, fail("rate_limit", 429), 0)
    assert pool.lease(pool.resolve("big"), set(), 0).until == 1
    pool.success(burst[0], 0.5)  # began before the limit: tells nothing about it
    assert isinstance(pool.lease(pool.resolve("big"), set(), 0.5), Cooling)


def test_a_shorter_hint_never_shortens_a_rest_and_a_longer_one_lengthens_it():
    pool = pool_of(key("A"))
    leases = [pool.lease(pool.resolve("big"), set(), 0) for _ in range(3)]
    for lease, hint in zip(leases, (100.0, 5.0, 300.0), strict=True):
        pool.report(lease, fail("rate_limit", 429, retry_after=hint), 0)
    assert pool.lease(pool.resolve("big"), set(), 0).until == 300


def test_a_worse_failure_in_a_burst_counts():
    pool = pool_of(key("A"))
    first, second = (pool.lease(pool.resolve("big"), set(), 0) for _ in range(2))
    pool.report(first, fail("server", 500), 0)
    pool.report(second, fail("permission", 403), 0)
    assert pool.lease(pool.resolve("big"), set(), 0).until == 1800


def test_a_limit_is_for_one_model():
    pool = pool_of(key("A"))
    run(pool, "big(high)", lambda _: fail("rate_limit", 429, retry_after=50.0), 0)
    assert isinstance(pool.lease(pool.resolve("big"), set(), 0), Cooling)  # whatever the suffix
    assert names_leased(pool, "small", 1) == ["A"]


def test_a_probe_that_told_nothing_is_given_back():
    pool = pool_of(key("A"))
    run(pool, "big", lambda _: fail("rate_limit", 429, retry_after=100.0), 0)
    probe = pool.lease(pool.resolve("big"), set(), 100)
    assert probe.probe
    assert isinstance(pool.lease(pool.resolve("big"), set(), 101), Cooling)
    pool.release(probe, 102)
    again = pool.lease(pool.resolve("big"), set(), 102)
    assert again.probe
    pool.report(again, fail("invalid", 400), 103)  # the request's fault: the limit is still to be found out
    assert pool.lease(pool.resolve("big"), set(), 103).probe


def test_a_count_neither_rests_a_model_nor_heals_it():
    pool = pool_of(key("A"))
    run(pool, "big", lambda _: fail("rate_limit", 429), 0, "count")
    run(pool, "big", lambda _: fail("rate_limit", 429, retry_after=100.0), 0)
    counted = pool.lease(pool.resolve("big"), set(), 100)
    pool.success(counted, 101, "count")
    assert pool.lease(pool.resolve("big"), set(), 101).probe


def test_a_probe_nobody_reports_is_repeated_after_the_interval():
    pool = pool_of(key("A"))
    run(pool, "big", lambda _: fail("rate_limit", 429, retry_after=100.0), 0)
    assert pool.lease(pool.resolve("big"), set(), 100).probe
    assert pool.lease(pool.resolve("big"), set(), 199).until == 200
    assert pool.lease(pool.resolve("big"), set(), 200).probe


def test_after_a_passing_failure_everybody_may_try():
    pool = pool_of(key("A"))
    run(pool, "big", lambda _: fail("overloaded", 529), 0)
    leases = [pool.lease(pool.resolve("big"), set(), 60) for _ in range(2)]
    assert [lease.probe for lease in leases] == [False, False]


@pytest.mark.parametrize(
    ("seconds", "until"), [(60.0, 60.0), (5.0, 5.0), (-1.0, None)], ids=["default", "short", "none"]
)
def test_the_rest_after_a_passing_failure_is_configured(seconds, until):
    pool = pool_of(key("A"), transient_seconds=seconds)
    verdict = pool.report(pool.lease(pool.resolve("big"), set(), 0), fail("server", 503), 0)
    assert verdict.keeps_session
    after = pool.lease(pool.resolve("big"), set(), 0)
    assert (after.until if isinstance(after, Cooling) else None) == until


@pytest.mark.parametrize(("pools", "own", "rests"), [(True, None, 0), (True, False, 1), (False, True, 0)])
def test_cooling_can_be_disabled_and_the_credentials_own_word_counts(pools, own, rests):
    pool = pool_of(key("A", disable_cooling=own), disable_cooling=pools)
    run(pool, "big", lambda _: fail("rate_limit", 429, retry_after=50.0), 0)
    assert isinstance(pool.lease(pool.resolve("big"), set(), 0), Cooling) == bool(rests)


def test_a_model_the_account_does_not_have_rests_even_so():
    pool = pool_of(key("A"), disable_cooling=True)
    run(pool, "big", lambda _: fail("invalid", 400, code="model_not_supported"), 0)
    assert pool.lease(pool.resolve("big"), set(), 0).until == 1800


def test_cooling_and_clearing_by_hand():
    pool = pool_of(key("A"), key("B"))
    assert pool.cool("A", 50, 0) == 2
    assert pool.cool("B", 20, 0, model="big", reason="tired") == 1
    assert pool.lease(pool.resolve("big"), set(), 0) == Cooling(20.0, "big", "tired")
    assert names_leased(pool, "small", 1) == ["B"]
    assert pool.clear(0, credential="B", model="big") == 1
    assert names_leased(pool, "big", 2) == ["B", "B"]
    pool.clear(0)
    assert set(names_leased(pool, "big", 2)) == {"A", "B"}
    assert pool.cool("nobody", 1, 0) == 0


def test_waits_say_when_a_further_round_has_a_chance():
    pool = pool_of(key("A", request_retry=2), key("B", request_retry=0), key("C", request_retry=-1), request_retry=1)
    big = pool.resolve("big")
    assert pool.waits(big, 0) == 0
    for name, seconds in (("A", 30), ("B", 5), ("C", 20)):
        pool.cool(name, seconds, 0)
    assert pool.waits(big, 4) == 16  # B repeats nothing
    assert pool.waits(big, 4, rounds=1) == 26
    assert pool.waits(big, 4, rounds=2) is None
    assert pool.waits(big, 99) == 0


# --- names ------------------------------------------------------------------------------------------------------------


def test_a_thinking_suffix_is_taken_off_and_kept():
    pool = pool_of(key("A"))
    lease = pool.lease(pool.resolve("big(8192)"), set(), 0)
    assert (lease.model, lease.route, lease.reasoning) == ("big", "big", Reasoning(mode="budget", budget=8192))
    assert pool.lease(pool.resolve("big(nonsense)"), set(), 0).reasoning is None
    assert pool.resolve("big(nonsense)").suffix
    assert lease.traits.thinking.maximum == 64000
    assert lease.traits.context == 0


def test_a_configured_suffix_beats_the_clients():
    pool = pool_of(key("A", models=(ModelEntry("big(low)", "fast"), ModelEntry("odd(v2)"))))
    lease = pool.lease(pool.resolve("fast(high)"), set(), 0)
    assert (lease.model, lease.reasoning.effort) == ("big", "low")
    assert pool.lease(pool.resolve("odd(v2)"), set(), 0).model == "odd(v2)"


def test_auto_is_the_newest_model_with_its_suffix():
    pool = pool_of(key("A"), key("B", "gemini"))
    resolution = pool.resolve("auto(low)")
    assert (resolution.route, resolution.reasoning.effort, resolution.name) == ("gem", "low", "auto(low)")
    run(pool, "gem", lambda _: fail("auth", 401), 0)
    assert pool.resolve("auto", now=1).route == "big"
    with pytest.raises(UnknownModel):
        pool_of().resolve("auto")


@pytest.mark.parametrize(
    ("forced", "name", "labels"),
    [
        (False, "big", {"A", "B"}),
        (False, "team/big", {"A"}),
        (True, "big", {"B"}),
        (True, "team/big", {"A"}),
    ],
)
def test_a_prefix_offers_both_names_or_only_its_own(forced, name, labels):
    pool = pool_of(key("A", prefix="team"), key("B"), force_model_prefix=forced)
    assert set(names_leased(pool, name, 4)) == labels
    assert pool.lease(pool.resolve(name), set(), 0).model == "big"


def test_a_model_called_as_the_prefix_stays():
    pool = pool_of(key("A", prefix="big"), force_model_prefix=True)
    assert [listing.id for listing in pool.models()] == ["big", "big/small"]


def test_configured_models_replace_the_catalogues_and_know_its_traits():
    pool = pool_of(key("A", models=(ModelEntry("big", "quick"), ModelEntry("unheard-of"))))
    assert [listing.id for listing in pool.models()] == ["quick", "unheard-of"]
    quick, other = (pool.lease(pool.resolve(name), set(), 0) for name in ("quick", "unheard-of"))
    assert (quick.model, quick.traits.known, other.traits.known) == ("big", True, False)
    with pytest.raises(UnknownModel):
        pool.resolve("big")


def test_several_models_under_one_alias_are_a_pool():
    lab = key("A", "lab", base_url="https://lab.test/v1", models=(ModelEntry("one", "x"), ModelEntry("two", "x")))
    pool = pool_of(lab)
    models = [pool.lease(pool.resolve("x"), set(), 0).model for _ in range(3)]
    assert models == ["one", "two", "one"]
    called = []
    run(pool, "x", lambda x: called.append(x.model) or fail("server", 500), 0)
    assert sorted(called) == ["one", "two"]


@pytest.mark.parametrize(
    ("excluded", "left"),
    [(("small",), ["big"]), (("B*",), ["small"]), (("*l",), ["big"]), (("*A*",), ["big"]), (("*",), []), (("bi",), 2)],
)
def test_exclusions_are_patterns_in_any_case(excluded, left):
    ids = [listing.id for listing in pool_of(key("A", excluded=excluded)).models()]
    assert ids == (["big", "small"] if left == 2 else left)


def test_other_names_of_the_vendor_work_and_are_not_listed():
    pool = pool_of(key("A"))
    assert pool.lease(pool.resolve("big-x"), set(), 0).model == "big"
    assert [listing.id for listing in pool.models()] == ["big", "small"]


def test_names_are_case_sensitive_and_errors_say_what_is_near():
    pool = pool_of(key("A"), key("B", "gemini"))
    with pytest.raises(UnknownModel, match="did you mean big") as caught:
        pool.resolve("BIG(high)")
    assert caught.value.near[0] == "big"
    assert caught.value.name == "BIG(high)"
    with pytest.raises(UnknownModel) as caught:
        pool.resolve("smal")
    assert caught.value.near == ("small",)
    with pytest.raises(UnknownModel) as caught:
        pool.resolve("x" * 100_000)
    assert caught.value.near == ()


def test_lists_unite_all_and_hide_only_what_everybody_refused():
    pool = pool_of(key("A", prefix="t"), key("B", "gemini"))
    listed = {listing.id: listing for listing in pool.models(0)}
    assert list(listed) == ["big", "gem", "small", "t/big", "t/small"]
    assert listed["big"].providers == ("claude", "gemini")
    assert listed["t/big"].model.owned_by == "anthropic"
    assert listed["gem"].model.name == "models/gem"
    run(pool, "gem", lambda _: fail("rate_limit", 429, retry_after=60.0), 0)
    run(pool, "small", lambda _: fail("permission", 403), 0)
    assert [listing.id for listing in pool.models(1)] == ["big", "gem", "t/big"]
    assert len(pool.models(1800)) == 5


def test_a_compatible_host_is_listed_with_its_own_name():
    pool = pool_of(key("A", "lab", base_url="https://lab.test/v1", models=(ModelEntry("org/m", "m"),)))
    (listing,) = pool.models()
    assert (listing.id, listing.model.owned_by, listing.model.type) == ("m", "lab", "openai-compatibility")
    lease = pool.lease(pool.resolve("m"), set(), 0)
    assert (lease.provider.dialect, lease.provider.vendor, lease.provider.official) == ("openai-chat", "lab", False)


# --- reload, keeping --------------------------------------------------------------------------------------------------


def test_a_reload_keeps_rests_and_counts_of_who_stays():
    pool = pool_of(key("A"), key("B"))
    stale = pool.lease(pool.resolve("big"), set(), 0)
    run(pool, "big", lambda _: fail("rate_limit", 429, retry_after=100.0), 0)
    old = pool.resolve("small")
    pool.replace([key("A", priority=3), key("C")])
    assert names_leased(pool, "big", 2, 1) == ["C", "C"]
    assert names_leased(pool, "big", 1, 100) == ["A"]
    assert [row.failed for row in pool.states(1) if not row.model] == [1, 0]
    pool.success(stale, 2)
    pool.replace([])
    assert isinstance(pool.lease(old, set(), 3), Exhausted)
    assert pool.report(stale, fail("server", 500), 3).rotate  # whoever is gone is not missed
    assert pool.waits(old, 3) is None


def test_a_new_secret_ends_a_rest_for_being_refused_and_no_other():
    pool = pool_of(key("A"), key("B"))
    run(pool, "big", lambda x: fail("auth", 401) if x.label == "A" else fail("rate_limit", 429, retry_after=60.0), 0)
    pool.replace([replace(key(name), secret=Secret("another-secret")) for name in "AB"])
    assert names_leased(pool, "big", 2, 1) == ["A", "A"]


def test_rests_survive_a_restart_as_plain_data():
    pool = pool_of(key("A"), key("B"), key("C"))
    answers = {"A": fail("auth", 401), "B": fail("rate_limit", 429, retry_after=100.0), "C": fail("server", 500)}
    run(pool, "big", lambda x: answers[x.label], 0)
    text = json.dumps(pool.snapshot(0))
    assert "sk-" not in text
    rows = json.loads(text)
    fresh = pool_of(key("A"), key("B"), key("C"))
    assert fresh.restore([*rows, {"of": "pair"}, {"of": "credential", "key": "gone", "until": 9e9}], 70) == 2
    assert names_leased(fresh, "big", 2, 70) == ["C", "C"]
    assert fresh.lease(fresh.resolve("big"), {"C\tbig"}, 100).label == "B"
    assert fresh.lease(fresh.resolve("small"), {"B\tsmall", "C\tsmall"}, 1800).probe


# --- size and secrecy -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["round-robin", "fill-first", "weighted-round-robin"])
def test_a_choice_among_a_thousand_looks_at_a_few(strategy):
    pool = pool_of(*(key(f"k{number:04}") for number in range(1000)), strategy=strategy)
    big = pool.resolve("big")
    for number in range(995):
        lease = pool.lease(big, set(), 0)
        pool.report(lease, fail("rate_limit", 429, retry_after=100.0 + number), 0)

    looks = 0

    class Watched(set):
        def __contains__(self, item):
            nonlocal looks
            looks += 1
            return super().__contains__(item)

    tried = Watched()
    for _ in range(5):
        lease = pool.lease(big, tried, 0)
        tried.add(lease.key)
    assert looks <= 15  # five awake, none of the sleeping 995 is asked
    assert isinstance(pool.lease(big, tried, 0), Exhausted)
    assert len(pool._alarms) <= 64 + 4 * len(pool._table.entries)


def test_alarms_do_not_pile_up():
    pool = pool_of(key("A"))
    for _ in range(500):
        pool.cool("A", 1e6, 0)
        pool.clear(0)
    pool.cool("A", 10, 0)
    assert len(pool._alarms) <= 64 + 4 * 2
    assert names_leased(pool, "big", 1, 10) == ["A"]


def test_no_secret_in_any_repr():
    secret = "sk-canary-0123456789abcdef"
    pool = Pool([Credential("A", "claude", "claude:1", Secret(secret), headers={"x-k": secret})], CATALOG)
    lease = pool.lease(pool.resolve("big"), set(), 0)
    pool.report(lease, fail("auth", 401), 0)
    shown = [lease, pool.resolve("big"), pool.lease(pool.resolve("big"), set(), 0), pool.states(0), pool.models()]
    entries = list(pool._table.entries.values())
    for thing in (*shown, pool.snapshot(0), pool, entries):
        assert secret not in repr(thing)
        assert secret[-4:] not in repr(thing)


def test_the_real_catalogue_serves_what_todays_clients_ask_for():
    pool = Pool([key("A"), key("B", "codex"), key("C", "gemini"), key("D", "vertex")], load())
    for name in ("claude-opus-5-5", "claude-haiku-5-5", "claude-haiku-4-5", "gpt-5.4", "gpt-5.5", "gpt-6-sol",
                 "gpt-5.2(high)", "gemini-3.5-flash-lite", "gemini-3.8-flash", "gemini-3-flash-preview"):  # fmt: skip
        assert isinstance(pool.lease(pool.resolve(name), set(), 0), Lease)
    newest = max(pool.models(), key=lambda listing: listing.model.created)
    assert pool.resolve("auto").route == newest.id


@pytest.mark.parametrize("seed", range(24))
def test_whoever_is_chosen_is_awake_and_whoever_rests_sleeps(seed):
    """Random lives of a pool: choice, rests and alarms never disagree."""
    chance, now, open_leases = random.Random(seed), 0.0, []

    def members():
        return [
            key(f"k{number}", priority=chance.choice((0, 0, 1)), weight=chance.randint(1, 4)) for number in range(4)
        ]

    pool = pool_of(*members(), strategy=("round-robin", "fill-first", "weighted-round-robin")[seed % 3])
    for _ in range(150):
        now += chance.choice((0, 0, 0.5, 3, 200))
        resolution = pool.resolve(chance.choice(("big", "small")))
        lease = pool.lease(resolution, set(), now)
        if isinstance(lease, Lease):
            open_leases.append(lease)
        else:
            assert all(entry.until > now for entry in pool._table.routes[resolution.route].entries)
        done = open_leases.pop(chance.randrange(len(open_leases))) if open_leases else None
        match chance.randrange(8) if done else 7:
            case 0 | 1 | 2 | 3:
                kind = chance.choice(("rate_limit", "server", "auth", "model", "permission", "invalid"))
                pool.report(done, fail(kind, retry_after=chance.choice((None, 7.0, 1e6))), now)
            case 4:
                pool.success(done, now)
            case 5:
                pool.release(done, now)
            case 6:
                pool.replace(members())
            case _:
                pool.cool(f"k{chance.randrange(4)}", 50, now, model=chance.choice(("", "big")))
        pool._wake(now)
        for entry in pool._table.entries.values():
            assert entry.asleep == (entry.until > now)
            for tier, seat in entry.seats:
                assert (seat in tier._awake) != entry.asleep
