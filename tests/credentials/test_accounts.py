"""Files of an auth directory → credentials, and what becomes of them when files change."""

import base64
import json

import pytest

from credentials.account import Account
from credentials.accounts import KIND, Accounts, Customs, credentials_of
from credentials.error_rules import rule
from credentials.model import ModelAlias, Secret
from credentials.store import Unavailable
from tests.credentials.memory_store import MemoryStore

CLAUDE = {"type": "claude", "access_token": "at-0123456789", "refresh_token": "rt", "email": "ana@example.com"}


def one(body, customs=None, name="a.json"):
    (credential,) = credentials_of(Account(name, body), customs or Customs())
    return credential


def test_a_log_in_is_a_credential_of_its_file():
    found = one(CLAUDE | {"expired": "2026-02-25T17:00:00Z"})
    assert (found.id, found.provider, found.label, found.kind) == ("a.json", "claude", "ana@example.com", KIND)
    assert found.secret == Secret("at-0123456789")
    assert (found.expires, found.renewable) == (1772038800.0, True)
    assert found.source == "file:a.json"
    assert "at-0123456789" not in repr(found)


def test_settings_of_a_file_in_both_spellings():
    said = {
        "disabled": True,
        "prefix": "/team/",
        "proxy-url": "http://proxy.test:1",
        "priority": "7",
        "weight": 3.0,
        "excluded-models": "big, small",
        "disable_cooling": "yes",
        "request-retry": -1,
        "headers": {"X-A": "b", "n": 1},
        "base_url": "http://upstream.test",
    }
    found = one(CLAUDE | said, Customs(excluded={"claude": ("small", "old-*")}))
    assert (found.disabled, found.prefix, found.proxy_url, found.priority) == (True, "team", "http://proxy.test:1", 7)
    assert (found.weight, found.disable_cooling, found.request_retry) == (3, True, -1)
    assert found.excluded == ("big", "small", "old-*")
    assert found.headers == {"X-A": "b"}
    assert found.base_url == "http://upstream.test"


@pytest.mark.parametrize(
    ("said", "field", "expected"),
    [
        ({"prefix": "a/b"}, "prefix", ""),
        ({"priority": "high"}, "priority", 0),
        ({"priority": True}, "priority", 0),
        ({"weight": 0}, "weight", 0),
        ({"weight": None}, "weight", 1),
        ({"disable-cooling": "perhaps"}, "disable_cooling", None),
        ({"excluded_models": 3}, "excluded", ()),
        ({"headers": ["x"]}, "headers", {}),
        ({"disabled": "false"}, "disabled", False),
        ({"request_retry": float("inf")}, "request_retry", None),
    ],
)
def test_what_makes_no_sense_says_nothing(said, field, expected):
    assert getattr(one(CLAUDE | said), field) == expected


def test_aliases_and_rules_of_the_file_go_before_those_of_the_config():
    customs = Customs(
        aliases={"claude": (ModelAlias("m", "from-config", fork=True),), "codex": (ModelAlias("x", "y"),)},
        error_rules={"claude": (rule(403, (), (), "stop"),)},
    )
    said = {
        "model-aliases": [
            {"name": "m", "alias": "own", "force-mapping": True, "display-name": "Own"},
            {"name": "n"},
            1,
        ],
        "request_scoped_errors": [{"status": 429, "match": ["x"], "action": "continue"}, {"status": 1, "action": "?"}],
    }
    found = one(CLAUDE | said, customs)
    assert found.aliases == (ModelAlias("m", "own", False, "Own", True), ModelAlias("m", "from-config", fork=True))
    assert [(each.status, each.action) for each in found.error_rules] == [(429, "continue"), (403, "stop")]


def jwt(claims):
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.sig"


def test_facts():
    claims = {"https://api.openai.com/auth": {"chatgpt_plan_type": "plus", "chatgpt_account_id": "from-token"}}
    codex = {"type": "codex", "access_token": "a", "id_token": jwt(claims)}
    assert one(codex).facts == {"plan": "plus", "account_id": "from-token"}
    assert one(codex | {"account_id": "acc"}).facts == {"plan": "plus", "account_id": "acc"}
    for damaged in ("", "x", "a.b.c", "e30.W10.x", jwt({"https://api.openai.com/auth": [1]})):
        assert one(codex | {"id_token": damaged}).facts == {}
    xai = {"type": "xai", "access_token": "a", "base_url": "https://api.x.ai/v1", "using_api": False}
    assert one(xai).facts == {"base_url": "https://api.x.ai/v1", "using_api": "false"}
    assert one(xai).base_url == ""
    assert one({"type": "qwen", "access_token": "a", "resource_url": "r.test"}).facts == {"resource_url": "r.test"}


def test_keys_and_service_accounts():
    iflow = {"type": "iflow", "access_token": "token", "api_key": "the-key", "refresh_token": "r"}
    assert one(iflow).secret == Secret("the-key")
    vertex = one({"type": "vertex", "service_account": {"private_key": "PEM"}, "project_id": "p", "location": "eu"})
    assert (vertex.kind, vertex.secret, vertex.renewable) == (KIND, Secret(""), True)
    assert vertex.facts == {"project_id": "p", "location": "eu"}


def test_a_gemini_log_in_with_projects_is_a_credential_for_each():
    body = {"type": "gemini", "token": {"access_token": "at"}, "project_id": "one, a/b c,one,", "email": "ana@x.test"}
    found = credentials_of(Account("g.json", body | {"priority": 2, "prefix": "p"}), Customs())
    assert [(each.id, each.label) for each in found] == [
        ("g.json::one", "ana@x.test [one]"),
        ("g.json::a_b_c", "ana@x.test [a/b c]"),
    ]
    assert [each.facts["project_id"] for each in found] == ["one", "a/b c"]
    assert {(each.provider, each.parent, each.priority, each.prefix) for each in found} == {
        ("gemini-cli", "g.json", 2, "p")
    }
    (alone,) = credentials_of(Account("g.json", body | {"project_id": "one"}), Customs())
    assert (alone.id, alone.parent) == ("g.json", "")


# --- a store's ------------------------------------------------------------------------------------------------------


def test_what_cannot_be_used_is_listed_and_stops_nobody():
    store = MemoryStore({"a.json": CLAUDE, "b.json": {"no": "type"}, "c.json": {"type": "claude"}})
    accounts = Accounts(store)
    accounts.load()
    assert list(accounts.known) == ["a.json"]
    assert "no `type`" in accounts.bad["b.json"]
    assert "log in again" in accounts.bad["c.json"]


def test_a_store_that_cannot_be_read_is_no_crash():
    class Locked(MemoryStore):
        def names(self):
            raise Unavailable("no key: set CLIPROXY_KEY")

    accounts = Accounts(Locked())
    accounts.load()
    assert (accounts.known, accounts.trouble) == ({}, "no key: set CLIPROXY_KEY")


def test_changes_are_taken_up_and_a_bad_edit_keeps_what_was():
    store = MemoryStore({"a.json": CLAUDE})
    accounts = Accounts(store)
    accounts.load()
    assert not accounts.take([store.read("a.json")])  # nothing new
    store.put("a.json", CLAUDE | {"access_token": "newer"})
    assert accounts.take([store.read("a.json")])
    assert accounts.credentials(Customs())[0].secret == Secret("newer")
    store.put("a.json", {"oops": 1})
    assert accounts.take([store.read("a.json")])
    assert accounts.credentials(Customs())[0].secret == Secret("newer")
    assert "a.json" in accounts.bad
    store.put("b.json", CLAUDE)
    assert accounts.take([store.read("b.json")], ["a.json"])
    assert [each.id for each in accounts.credentials(Customs())] == ["b.json"]
    assert accounts.bad == {}
    assert accounts.revisions.keys() == {"b.json"}
