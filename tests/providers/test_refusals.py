"""What each vendor says in trouble: the kind, how long, and what follows for the account."""

import json
import re

import pytest

from credentials.outcomes import Cool, classify, cooldown
from providers import catalog
from providers.refusals import REFUSALS
from tests.upstreams.logins import KIMI_MESSAGES, LOGINS, NOW, Login
from translators.model import Failure
from translators.registry import DIALECTS

CATALOG = catalog.load()
MIDNIGHT = 7 * 3600.0  # 09:00 UTC is 17:00 in Shanghai

# login, what happened → kind, verdict, what rests, seconds to wait
SAID: dict[tuple[str, str], tuple[str, str, str, float | None]] = {
    ("claude", "expired"): ("auth", "unauthorized", "credential", None),
    ("claude", "scope"): ("permission", "invalid_grant", "credential", None),
    ("claude", "disabled"): ("permission", "invalid_grant", "credential", None),
    ("claude", "policy"): ("policy", "policy", "model", None),
    ("claude", "extra usage"): ("policy", "policy", "model", None),
    ("claude", "five hours"): ("quota", "quota", "credential", 3600),
    ("claude", "largest model"): ("quota", "quota", "model", 7200),
    ("claude", "overloaded"): ("overloaded", "transient", "model", None),
    ("claude", "request"): ("invalid", "request", "model", None),
    ("codex", "usage limit"): ("quota", "quota", "credential", 7200),
    ("codex", "seconds"): ("quota", "quota", "model", 60),
    ("codex", "only headers"): ("quota", "quota", "credential", 900),
    ("codex", "not included"): ("quota", "payment_required", "credential", None),
    ("codex", "model"): ("invalid", "model_not_supported", "model", None),
    ("codex", "parameter"): ("invalid", "request", "model", None),
    ("codex", "expired"): ("auth", "unauthorized", "credential", None),
    ("codex", "gate"): ("permission", "challenge", "model", None),
    ("codex", "capacity"): ("overloaded", "transient", "model", None),
    ("codex", "overloaded"): ("overloaded", "transient", "model", None),
    ("vertex", "expired"): ("auth", "unauthorized", "credential", None),
    ("vertex", "shared quota"): ("rate_limit", "quota", "model", None),
    ("vertex", "no right"): ("permission", "forbidden", "model", None),
    ("xai", "expired"): ("permission", "unauthorized", "credential", None),
    ("xai", "free use"): ("quota", "quota", "credential", 86400),
    ("xai", "pace"): ("rate_limit", "quota", "model", None),
    ("xai", "tier"): ("permission", "forbidden", "model", None),
    ("kimi", "expired"): ("auth", "unauthorized", "credential", None),
    ("kimi", "not admitted"): ("policy", "policy", "model", None),
    ("kimi", "plan"): ("billing", "payment_required", "credential", None),
    ("kimi", "busy"): ("overloaded", "transient", "model", None),
    ("kimi", "pace"): ("rate_limit", "quota", "model", None),
    ("qwen", "day"): ("quota", "quota", "credential", MIDNIGHT),
    ("qwen", "day as 403"): ("quota", "quota", "credential", MIDNIGHT),
    ("qwen", "pace"): ("rate_limit", "quota", "model", None),
    ("qwen", "expired"): ("auth", "unauthorized", "credential", None),
    ("iflow", "pace"): ("rate_limit", "quota", "model", None),
    ("iflow", "key"): ("auth", "unauthorized", "credential", None),
    ("iflow", "key as status"): ("auth", "unauthorized", "credential", None),
}


def failure_of(login: Login, what: str, client: str = "") -> Failure:
    """A refusal as an attempt with this log-in reads it; an error inside of a 200 as its answer's reader does."""
    status, headers, body = login.refusals[what]
    provider = CATALOG.provider(login.name, kind="oauth").for_client(client)
    upstream = DIALECTS[provider.dialect]
    if status == 200:
        (failed,) = upstream.read_reply(body)
        return failed.failure  # type: ignore[attr-defined,no-any-return]  # anything else fails the test
    failure = upstream.read_failure(status, headers, body)
    return REFUSALS[provider.refusals](failure, headers, NOW) if provider.refusals else failure


@pytest.mark.parametrize(("login", "what"), [(name, what) for name in LOGINS for what in LOGINS[name].refusals])
def test_what_a_refusal_means(login: str, what: str) -> None:
    failure = failure_of(LOGINS[login], what)
    verdict = classify(failure, refreshable=True)
    wait = failure.retry_after
    assert (failure.kind, verdict.reason, verdict.scope, wait) == SAID[login, what]
    assert verdict.refresh is (verdict.reason == "unauthorized")
    assert failure.message


def test_kimi_says_the_same_to_clients_of_another_dialect() -> None:
    for what in KIMI_MESSAGES.refusals:
        chat, messages = failure_of(LOGINS["kimi"], what), failure_of(KIMI_MESSAGES, what, "claude")
        assert classify(chat) == classify(messages), what


def test_people_are_told_what_to_do() -> None:
    assert "API key" in failure_of(LOGINS["claude"], "policy").message
    assert failure_of(LOGINS["kimi"], "not admitted").message.startswith("client not admitted by Kimi")
    assert "token_expired" in failure_of(LOGINS["codex"], "expired").message


@pytest.mark.parametrize("header", ["", "e30", "!!", "eyJlcnJvciI6eyJjb2RlIjoidG9rZW5fcmV2b2tlZCJ9fQ==", "WzFd"])
def test_an_odd_header_of_codex_breaks_nothing(header: str) -> None:
    failure = Failure(kind="auth", message="no", status=401)
    told = REFUSALS["codex"](failure, {"x-error-json": header}, NOW).message
    assert re.fullmatch(r"no( \(token_revoked\))?", told)
    assert ("token_revoked" in told) is header.startswith("eyJ")


def test_windows_that_are_not_used_up_say_nothing() -> None:
    failure = Failure(kind="rate_limit", message="slow down", status=429)
    told = {"x-codex-primary-used-percent": "99", "x-codex-primary-reset-at": str(NOW + 60)}
    past = {"x-codex-primary-used-percent": "100", "x-codex-primary-reset-at": str(NOW - 60)}
    for headers in (told, past, {"x-codex-primary-used-percent": "much"}, {"x-codex-primary-used-percent": "100"}):
        assert REFUSALS["codex"](failure, headers, NOW) == failure


SAID_AT = {"content-type": "application/json", "date": "Wed, 25 Feb 2026 09:00:00 GMT"}
SOON = str(int(NOW) + 500)
UNIFIED = "anthropic-ratelimit-unified-"
CLAUDE_LIMIT = {"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}
OPENAI_LIMIT = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
CODEX_LIMIT = {"error": {"type": "usage_limit_reached", "message": "The usage limit has been reached"}}


def google(message: str, *details: dict[str, object]) -> dict[str, object]:
    return {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}}


HINTS: list[tuple[str, dict[str, str], dict[str, object], float]] = [
    ("claude", {"retry-after": "17"}, CLAUDE_LIMIT, 17),
    ("claude", {"retry-after": "Wed, 25 Feb 2026 09:01:00 GMT"}, CLAUDE_LIMIT, 60),
    ("claude", {UNIFIED + "status": "rejected", UNIFIED + "reset": SOON}, CLAUDE_LIMIT, 500),
    (
        "claude",
        {"retry-after": "5", UNIFIED + "7d-status": "rejected", UNIFIED + "7d-reset": SOON},
        CLAUDE_LIMIT,
        500,
    ),
    ("codex", {}, {"error": CODEX_LIMIT["error"] | {"resets_at": int(NOW) + 70}}, 70),
    ("codex", {}, {"error": CODEX_LIMIT["error"] | {"resets_in_seconds": 9}}, 9),
    ("codex", {"x-codex-primary-used-percent": "100", "x-codex-primary-reset-at": SOON}, CODEX_LIMIT, 500),
    ("codex", {"x-codex-secondary-used-percent": "100", "x-codex-secondary-reset-after-seconds": "8"}, CODEX_LIMIT, 8),
    ("xai", {"retry-after-ms": "1500", "retry-after": "9"}, OPENAI_LIMIT, 1.5),
    ("xai", {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, OPENAI_LIMIT, 360),
    ("kimi", {"retry-after": "17"}, OPENAI_LIMIT, 17),
    ("kimi", {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m30s"}, OPENAI_LIMIT, 90),
    ("qwen", {"retry-after": "17"}, OPENAI_LIMIT, 17),
    ("iflow", {}, {"error": OPENAI_LIMIT["error"] | {"message": "Please try again in 20s."}}, 20),
    ("vertex", {}, google("x", {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}), 12.5),
    ("vertex", {}, google("Please retry in 900ms."), 0.9),
    ("gemini-cli", {}, google("Your quota will reset after 1h2m3s."), 3723),
    ("antigravity", {"retry-after": "17"}, google("x"), 17),
]
"""Log-in, headers, body → seconds until the reset that its vendor names."""


@pytest.mark.parametrize(("login", "headers", "body", "wait"), HINTS)
def test_resets_in_the_words_of_each_vendor(
    login: str, headers: dict[str, str], body: dict[str, object], wait: float
) -> None:
    provider = CATALOG.provider(login, kind="oauth")
    told = SAID_AT | headers
    failure = DIALECTS[provider.dialect].read_failure(429, told, json.dumps(body).encode())
    if provider.refusals:
        failure = REFUSALS[provider.refusals](failure, told, NOW)
    assert failure.retry_after == pytest.approx(wait)
    assert classify(failure).reason == "quota"
    assert cooldown(classify(failure).cool or Cool(), failure.retry_after, 0, 0) == pytest.approx(min(wait, 1800))
