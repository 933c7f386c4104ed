"""Addresses and headers, as tables."""

import pytest

from credentials.model import Credential, Secret
from providers.address import (
    USER_AGENT,
    Address,
    BadAddress,
    NoSuchOperation,
    address,
    auth_headers,
    label_headers,
    wire_headers,
)
from providers.catalog import load

CATALOG = load()
SECRET = "sk-canary-0123456789"
CLAUDE = CATALOG.provider("claude")
LAB = CATALOG.provider("lab", "https://lab.test/v1")
G = "https://generativelanguage.googleapis.com/v1beta/models"
V = "https://aiplatform.googleapis.com/v1/publishers/google/models"

# provider, base URL, operation, model, stream → URL
ADDRESSES = [
    ("claude", "", "generate", "m", False, "https://api.anthropic.com/v1/messages"),
    ("claude", "", "generate", "m", True, "https://api.anthropic.com/v1/messages"),
    ("claude", "", "stream", "m", True, "https://api.anthropic.com/v1/messages"),
    ("claude", "", "count", "m", False, "https://api.anthropic.com/v1/messages/count_tokens"),
    ("claude", "https://relay.test:8443/a/v1/", "generate", "m", False, "https://relay.test:8443/a/v1/messages"),
    ("claude", "http://[::1]:9/claude", "generate", "m", False, "http://[::1]:9/claude/v1/messages"),
    ("codex", "", "generate", "m", True, "https://api.openai.com/v1/responses"),
    ("codex", "https://gate.test/codex", "compact", "m", False, "https://gate.test/codex/responses/compact"),
    ("gemini", "", "generate", "gem", False, f"{G}/gem:generateContent"),
    ("gemini", "", "generate", "models/gem", True, f"{G}/gem:streamGenerateContent?alt=sse"),
    ("gemini", "", "count", "gem", False, f"{G}/gem:countTokens"),
    ("gemini", "https://g.test/v1", "generate", "gem", False, "https://g.test/v1/models/gem:generateContent"),
    (
        "gemini",
        "https://g.test/v1beta",
        "count",
        "a b?#",
        False,
        "https://g.test/v1beta/models/a%20b%3F%23:countTokens",
    ),
    ("vertex", "", "stream", "gem", True, f"{V}/gem:streamGenerateContent?alt=sse"),
    ("vertex", "", "predict", "imagen", False, f"{V}/imagen:predict"),
    ("lab", "https://lab.test/v1", "generate", "m", True, "https://lab.test/v1/chat/completions"),
    ("lab", "https://lab.test", "compact", "m", False, "https://lab.test/responses/compact"),
]


@pytest.mark.parametrize(("provider", "base", "operation", "model", "stream", "url"), ADDRESSES)
def test_where_a_request_goes(provider, base, operation, model, stream, url):
    assert address(CATALOG.provider(provider, base), base, operation, model, stream).url == url


def test_an_address_has_its_parts():
    where = address(CLAUDE, "http://127.0.0.1:8000", "generate", "m", False)
    assert where == Address("http", "127.0.0.1", 8000, "/v1/messages")
    assert where.authority == "127.0.0.1:8000"
    assert address(CLAUDE, "http://h.test", "generate", "m", False).port == 80


# base URL → what is wrong with it
BAD = [
    ("api.test/v1", "expected http:// or https://"),
    ("ftp://api.test", "expected http:// or https://"),
    ("https://", "no host"),
    ("https://user:hunter2@api.test", "put credentials into the key"),
    ("https://api.test/v1?key=hunter2", "query"),
    ("https://api.test:port", "Port could not be cast"),
]


@pytest.mark.parametrize(("base", "message"), BAD)
def test_a_bad_base_url_says_why_and_hides_what_may_be_secret(base, message):
    with pytest.raises(BadAddress, match=message) as caught:
        address(CLAUDE, base, "generate", "m", False)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("provider", "operation"), [("lab", "count"), ("claude", "compact"), ("lab", "predict")])
def test_an_operation_that_is_not_there(provider, operation):
    with pytest.raises(NoSuchOperation, match=operation):
        address(CATALOG.provider(provider, "https://x.test"), "", operation, "m", False)


# provider, kind, base URL → header, and the form of its value
AUTH = [
    ("claude", "api-key", "", "x-api-key", "{}"),
    ("claude", "api-key", "https://relay.test", "authorization", "Bearer {}"),
    ("claude", "oauth", "", "authorization", "Bearer {}"),
    ("gemini", "api-key", "", "x-goog-api-key", "{}"),
    ("gemini", "api-key", "https://relay.test", "x-goog-api-key", "{}"),
    ("gemini", "oauth", "", "authorization", "Bearer {}"),
    ("vertex", "api-key", "", "x-goog-api-key", "{}"),
    ("codex", "api-key", "", "authorization", "Bearer {}"),
    ("lab", "api-key", "https://lab.test/v1", "authorization", "Bearer {}"),
]


@pytest.mark.parametrize(("provider", "kind", "base", "name", "form"), AUTH)
def test_the_key_and_its_mask_stand_in_one_place(provider, kind, base, name, form):
    found = CATALOG.provider(provider, base)
    credential = Credential("id", provider, f"{provider}:1", Secret(SECRET), kind=kind)
    where = address(found, base, "generate", "m", False)
    assert auth_headers(found, credential, where) == {name: form.format(SECRET)}
    assert label_headers(found, credential, where) == {name: form.format(f"[{provider}:1]")}


def test_without_a_key_there_is_no_header():
    credential = Credential("id", "lab", "lab:1", Secret(""))
    where = address(LAB, "", "generate", "m", False)
    assert auth_headers(LAB, credential, where) == label_headers(LAB, credential, where) == {}


CLIENT = {
    "User-Agent": "claude-cli/2.1.330 (external, cli)",
    "X-App": "cli",
    "X-Claude-Code-Session-Id": "s1",
    "Anthropic-Version": "2026-10-21",
    "Anthropic-Beta": "a-1, b-2",
    "Authorization": "Bearer client-key",
    "X-Api-Key": "client-key",
    "Cookie": "client-key",
    "Host": "127.0.0.1:8317",
    "Connection": "keep-alive, X-Hop",
    "X-Hop": "1",
    "Keep-Alive": "5",
    "Content-Length": "10",
    "Content-Encoding": "zstd",
    "Accept-Encoding": "gzip, br",
    "Accept": "*/*",
    "Origin": "http://127.0.0.1",
    "Sec-Fetch-Site": "none",
    "X-Forwarded-For": "10.0.0.1",
    "OpenAI-Organization": "org-of-client",
}
FIXED = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}


def headers_of(provider=CLAUDE, needed=None, headers=None, client=CLIENT, kind="api-key", **more):
    credential = Credential("id", provider.key, f"{provider.key}:1", Secret(SECRET), kind=kind, headers=headers or {})
    settings = {"auth": {"x-api-key": "K"}, "stream": False, "same_dialect": False} | more
    return wire_headers(provider, credential, client, needed or {}, **settings)


def test_a_translated_request_speaks_for_itself():
    expected = {"user-agent": USER_AGENT, "anthropic-version": "2023-06-01", "x-api-key": "K"} | FIXED
    assert headers_of() == expected
    assert USER_AGENT.startswith("cliproxy")


def test_a_client_of_the_same_dialect_keeps_its_own_headers_but_no_credential_and_no_hop():
    assert headers_of(same_dialect=True, stream=True) == FIXED | {
        "accept": "text/event-stream",
        "user-agent": "claude-cli/2.1.330 (external, cli)",
        "x-app": "cli",
        "x-claude-code-session-id": "s1",
        "anthropic-version": "2026-10-21",
        "anthropic-beta": "a-1,b-2",
        "x-api-key": "K",
    }


# same dialect, needed, kind → betas
BETAS = [
    (True, {"anthropic-beta": "b-2,c-3"}, "api-key", "a-1,b-2,c-3"),
    (False, {"Anthropic-Beta": "c-3"}, "api-key", "c-3"),
    (False, {"anthropic-beta": "c-3"}, "oauth", "c-3,oauth-2025-04-20"),
    (True, {}, "oauth", "a-1,b-2,oauth-2025-04-20"),
    (False, {}, "api-key", None),
]


@pytest.mark.parametrize(("same", "needed", "kind", "betas"), BETAS)
def test_betas_are_united(same, needed, kind, betas):
    assert headers_of(needed=needed, kind=kind, same_dialect=same).get("anthropic-beta") == betas


def test_what_the_body_needs_beats_the_client():
    headers = headers_of(needed={"Anthropic-Version": "2023-06-01"}, same_dialect=True)
    assert headers["anthropic-version"] == "2023-06-01"


def test_other_providers_get_no_anthropic_headers():
    assert headers_of(LAB, auth={}) == {"user-agent": USER_AGENT} | FIXED


# configured header → what is sent ("" for nothing), and what a kept flow shows
CONFIGURED = [
    ("X-Team", "blue", "blue", "[claude:1]"),
    ("User-Agent", "mine/1", "mine/1", "[claude:1]"),
    ("X-Api-Key", "other", "other", "[claude:1]"),
    ("X-App", "$X-App", "cli", "cli"),
    ("X-None", "$X-Absent", "", ""),
    ("Anthropic-Version", "", "", ""),
    ("X-Copy", "$Authorization", "", ""),
    ("X-Copy", "$cookie", "", ""),
]


@pytest.mark.parametrize(("name", "value", "sent", "shown"), CONFIGURED)
def test_configured_headers_come_last_and_are_masked_in_flows(name, value, sent, shown):
    assert headers_of(headers={name: value}).get(name.lower(), "") == sent
    assert headers_of(headers={name: value}, masked=True).get(name.lower(), "") == shown


def test_the_kept_form_holds_no_secret():
    credential = Credential("id", "claude", "claude:1", Secret(SECRET), headers={"X-Other": SECRET})
    where = address(CLAUDE, "", "generate", "m", False)
    kept = wire_headers(
        CLAUDE,
        credential,
        CLIENT,
        {},
        auth=label_headers(CLAUDE, credential, where),
        stream=True,
        same_dialect=True,
        masked=True,
    )
    assert SECRET not in repr(kept)
    assert "client-key" not in repr(kept)
    assert SECRET not in repr((where, CLAUDE))
