"""What the pool does for accounts: states, tokens that are renewed, aliases, and rules about refusals."""

import itertools
from dataclasses import replace

import pytest

from credentials.error_rules import BadRule, rule
from credentials.model import ModelAlias, ModelEntry, Secret
from credentials.pool import Lease, UnknownModel
from tests.credentials.test_pool import fail, key, names_leased, pool_of, run


def log_in(name, **settings):
    return replace(key(name), kind="oauth", renewable=True, **settings)


def state(pool, now=0.0):
    return {row.id: (row.state, row.advice) for row in pool.states(now) if not row.model}


def test_states_of_accounts():
    pool = pool_of(
        log_in("fresh", expires=100.0),
        log_in("old", expires=10.0),
        replace(log_in("older"), expires=9.0, renewable=False),
        log_in("off", disabled=True),
        replace(log_in("strange"), provider="kimi"),
    )
    assert state(pool, 50.0) == {
        "fresh": ("ready", ""),
        "old": ("expired", "is renewed with its next use"),
        "older": ("expired", "log in again"),
        "off": ("disabled", ""),
        "strange": ("unserved", ""),
    }
    pool.cool("fresh", 60, 50.0)
    assert state(pool, 50.0)["fresh"] == ("cooling", "")
    pool.cool("fresh", 60, 50.0, reason="invalid_grant")
    assert state(pool, 50.0)["fresh"] == ("invalid", "the log-in has ended: log in again")
    pool.cool("fresh", 60, 50.0, reason="validation_required")
    assert state(pool, 50.0)["fresh"][0] == "invalid"


def test_a_dead_log_in_is_invalid_until_its_file_has_another_token():
    pool = pool_of(log_in("a"))
    lease = pool.lease(pool.resolve("big"), set(), 0.0)
    pool.report(lease, fail("auth", 400, message="invalid_grant"), 0.0)
    assert state(pool, 1.0)["a"][0] == "invalid"
    assert not isinstance(pool.lease(pool.resolve("big"), set(), 1.0), Lease)
    pool.update([replace(log_in("a"), secret=Secret("another"))], 1.0)
    assert state(pool, 1.0)["a"][0] == "ready"
    assert pool.lease(pool.resolve("big"), set(), 1.0).credential.secret == Secret("another")


def test_a_newer_token_leaves_quotas_and_rotation_alone():
    pool = pool_of(log_in("a"), log_in("b"))
    lease = pool.lease(pool.resolve("big"), set(), 0.0)
    pool.report(lease, fail("rate_limit", 429, retry_after=60.0), 0.0)
    pool.update([replace(lease.credential, secret=Secret("newer")), log_in("unknown")], 1.0)
    assert names_leased(pool, "big", 2, now=1.0) == ["b", "b"]
    assert pool.lease(pool.resolve("small"), set(), 1.0).credential.label in ("a", "b")


# --- names ----------------------------------------------------------------------------------------------------------


def listed(pool):
    return {listing.id: listing.model.display_name for listing in pool.models()}


def test_an_alias_takes_the_place_of_a_name():
    aliases = (
        ModelAlias("BIG", "fast", display_name="Fast one", force_mapping=True),
        ModelAlias("big", "small"),  # is taken
        ModelAlias("small(high)", "deep", fork=True),
    )
    pool = pool_of(log_in("a", aliases=aliases))
    assert listed(pool) == {"deep": "", "fast": "Fast one", "small": ""}
    lease = pool.lease(pool.resolve("fast"), set(), 0.0)
    assert (lease.model, lease.mapped) == ("big", True)
    lease = pool.lease(pool.resolve("deep"), set(), 0.0)
    assert (lease.model, lease.reasoning.effort, lease.mapped) == ("small", "high", False)


def test_exclusions_mean_the_models_own_names_and_keys_have_no_aliases():
    aliases = (ModelAlias("big", "fast"),)
    assert listed(pool_of(log_in("a", aliases=aliases, excluded=("fast", "small")))) == {"fast": ""}
    assert listed(pool_of(log_in("a", aliases=aliases, excluded=("big",)))) == {"small": ""}
    both = pool_of(log_in("a", aliases=aliases), key("b", models=(ModelEntry("big"),)))
    assert sorted(listed(both)) == ["big", "fast", "small"]


def test_what_the_config_says_of_a_model_is_listed_and_heeded():
    entry = ModelEntry("new-one", "n", "New", 5000, ("none", "Low"), ("text", "image"), ("text",), force_mapping=True)
    pool = pool_of(key("a", models=(entry,)))
    (found,) = [listing.model for listing in pool.models()]
    assert (found.display_name, found.context, found.inputs, found.outputs) == (
        "New",
        5000,
        ("text", "image"),
        ("text",),
    )
    lease = pool.lease(pool.resolve("n"), set(), 0.0)
    assert lease.mapped
    assert (lease.traits.known, lease.traits.context) == (True, 5000)
    assert (lease.traits.thinking.names, lease.traits.thinking.zero) == (("none", "low"), True)
    plain = pool_of(key("a", models=(ModelEntry("new-one", context=5000),)))
    assert not plain.lease(plain.resolve("new-one"), set(), 0.0).traits.known


def test_other_names_of_a_vendor_have_aliases_and_exclusions_too():
    pool = pool_of(log_in("a", aliases=(ModelAlias("big-x", "fast", fork=True),), excluded=("*-x",)))
    assert sorted(listed(pool)) == ["big", "small"]  # big-x is gone, and nothing can be called after it
    pool = pool_of(log_in("a", aliases=(ModelAlias("big-x", "fast", fork=True),)))
    assert sorted(listed(pool)) == ["big", "fast", "small"]
    assert pool.resolve("big-x").route == "big-x"
    with pytest.raises(UnknownModel):
        pool_of(key("a", excluded=("*-X",))).resolve("big-x")


# --- rules about refusals -------------------------------------------------------------------------------------------

RULED = [
    ("stop", ["a"], "permission", 0.0, 0),
    ("stop-and-cooldown", ["a"], "permission", 1800.0, 1),
    ("continue", ["a", "b"], "ok", 0.0, 0),
    ("continue-and-cooldown", ["a", "b"], "ok", 1800.0, 1),
]


@pytest.mark.parametrize(("action", "called", "ended", "rest", "failed"), RULED)
def test_rules(action, called, ended, rest, failed):
    ruled = (rule(403, ("not today",), ("^never$",), action),)
    pool = pool_of(key("a", error_rules=ruled), key("b"))
    refusal = fail("permission", 403, message="Sorry, not today")
    assert run(pool, "big", lambda lease: refusal if lease.label == "a" else None, 0.0) == (called, ended)
    row = next(row for row in pool.states(0.0) if row.id == "a" and not row.model)
    assert row.failed == failed
    assert max(row.until for row in pool.states(0.0)) == rest


def test_rules_are_about_their_status_and_words_only():
    ruled = (rule(403, ("not today",), (r"ne.er",), "stop"), rule(418, (), (), "continue"))
    for failure, called in [
        (fail("permission", 403, message="no"), ["a", "b"]),
        (fail("permission", 403, message="never"), ["a"]),
        (fail("rate_limit", 429, message="not today"), ["a", "b"]),
        (fail("invalid", 418, message="teapot"), ["a", "b"]),
        (fail("invalid", 400, message="x"), ["a"]),
    ]:
        pool = pool_of(key("a", error_rules=ruled), key("b"))
        found, _ = run(pool, "big", lambda lease, said=failure: said if lease.label == "a" else None, 0.0)
        assert found == called


@pytest.mark.parametrize(("patterns", "action"), [((), "sometimes"), (("(",), "stop")])
def test_rules_that_are_none(patterns, action):
    with pytest.raises(BadRule):
        rule(400, (), patterns, action)


# --- projects of accounts -------------------------------------------------------------------------------------------


def project(name, parent):
    return log_in(f"{parent}::{name}", parent=parent)


def test_accounts_take_turns_and_so_do_the_projects_of_each():
    pool = pool_of(project("1", "a"), project("1", "b"), project("2", "b"), project("3", "b"))
    labels = names_leased(pool, "big", 12)
    assert [label[0] for label in labels].count("a") == 6
    assert all(labels.count(f"b::{number}") == 2 for number in "123")
    alternate = [label[0] for label in labels]
    assert all(one != two for one, two in itertools.pairwise(alternate))


def test_projects_of_one_account_or_beside_others_are_like_everyone():
    alone = pool_of(project("1", "a"), project("2", "a"))
    assert names_leased(alone, "big", 4) == ["a::1", "a::2"] * 2
    mixed = pool_of(project("1", "a"), project("2", "a"), log_in("b"))
    assert names_leased(mixed, "big", 6) == ["a::1", "a::2", "b"] * 2
    first = pool_of(project("1", "a"), project("1", "b"), strategy="fill-first")
    assert names_leased(first, "big", 3) == ["a::1"] * 3
