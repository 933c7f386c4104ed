"""The failure table, row by row."""

import pytest

from credentials import outcomes
from credentials.outcomes import TABLE, Cool, classify, cooldown
from translators.model import Failure

# kind, status, code, message, operation → verdict
ROWS = [
    ("invalid", 400, "", "messages: field required", "generate", outcomes.REQUEST),
    ("context", 400, "context_length_exceeded", "prompt is too long", "generate", outcomes.REQUEST),
    ("conflict", 409, "", "", "generate", outcomes.REQUEST),
    ("too_large", 413, "", "", "generate", outcomes.REQUEST),
    ("unprocessable", 422, "", "", "generate", outcomes.REQUEST),
    ("server", 500, "cyber_policy", "", "generate", outcomes.REQUEST),
    ("not_found", 404, "previous_response_not_found", "", "generate", outcomes.REQUEST),
    ("not_found", 404, "", "Item rs_1 was not persisted", "generate", outcomes.REQUEST),
    ("rate_limit", 429, "", "Usage credits are required for fast mode", "generate", outcomes.REQUEST),
    ("policy", 403, "", "", "generate", outcomes.POLICY),
    ("invalid", 400, "", "Third-party apps now draw from your extra usage, not …", "generate", outcomes.POLICY),
    ("invalid", 400, "", "This credential is only authorized for use with Claude Code", "generate", outcomes.POLICY),
    ("invalid", 400, "", "You're out of extra usage", "generate", outcomes.POLICY),
    ("permission", 403, "access_terminated_error", "", "generate", outcomes.POLICY),
    ("not_found", 404, "", "", "count", outcomes.REQUEST),
    ("model", 404, "model_not_found", "", "count", outcomes.REQUEST),
    ("rate_limit", 429, "", "", "count", outcomes.COUNTING),
    ("server", 500, "", "", "count", outcomes.COUNTING),
    ("auth", 401, "", "", "count", outcomes.UNAUTHORIZED),
    ("invalid", 400, "", "", "compact", outcomes.REQUEST),
    ("invalid", 400, "", "Compaction: the requested model is not supported", "compact", outcomes.REQUEST),
    ("not_found", 404, "", "", "compact", outcomes.ELSEWHERE),
    ("unsupported", 501, "", "", "compact", outcomes.ELSEWHERE),
    ("method", 405, "", "", "generate", outcomes.ELSEWHERE),
    ("model", 404, "model_not_found", "no such model", "generate", outcomes.MISSING),
    ("not_found", 404, "", "<html>", "generate", outcomes.MISSING),
    ("invalid", 400, "model_not_supported", "", "generate", outcomes.NOT_OFFERED),
    ("invalid", 400, "", "The requested model is not supported", "generate", outcomes.NOT_OFFERED),
    ("unprocessable", 422, "", "not available for your plan", "generate", outcomes.NOT_OFFERED),
    ("auth", 401, "", "invalid x-api-key", "generate", outcomes.UNAUTHORIZED),
    ("invalid", 400, "", "API key not valid. Please pass a valid API key.", "generate", outcomes.UNAUTHORIZED),
    ("permission", 403, "", "bad-credentials", "generate", outcomes.UNAUTHORIZED),
    ("invalid", 400, "", "invalid_grant: revoked", "generate", outcomes.DEAD_GRANT),
    ("billing", 402, "", "", "generate", outcomes.BILLING),
    ("quota", 429, "insufficient_quota", "", "generate", outcomes.BILLING),
    ("permission", 403, "", "", "generate", outcomes.FORBIDDEN),
    ("permission", 403, "VALIDATION_REQUIRED", "", "generate", outcomes.VALIDATION),
    ("permission", 403, "", "<html> … Cloudflare challenge-platform", "generate", outcomes.CHALLENGE),
    ("rate_limit", 429, "", "Number of requests has exceeded your limit", "generate", outcomes.QUOTA),
    ("quota", 429, "usage_limit_reached", "The usage limit has been reached", "generate", outcomes.QUOTA),
    ("quota", 429, "", "Quota exceeded for metric x, limit: 0", "generate", outcomes.EXHAUSTED),
    ("quota", 429, "", "Resource has been exhausted (e.g. check quota).", "generate", outcomes.VAGUE),
    ("rate_limit", 429, "MODEL_CAPACITY_EXHAUSTED", "", "generate", outcomes.TRANSIENT),
    ("request_timeout", 408, "", "", "generate", outcomes.TRANSIENT),
    ("server", 500, "", "", "generate", outcomes.TRANSIENT),
    ("server", 520, "", "", "generate", outcomes.TRANSIENT),
    ("upstream", 0, "", "connection refused", "generate", outcomes.TRANSIENT),
    ("truncated", 0, "", "", "stream", outcomes.TRANSIENT),
    ("overloaded", 529, "", "Overloaded", "generate", outcomes.TRANSIENT),
    ("timeout", 504, "", "", "generate", outcomes.TRANSIENT),
    ("cancelled", 0, "", "", "generate", outcomes.CLIENT),
    ("cooling", 429, "", "", "generate", outcomes.CLIENT),
    ("invalid", 499, "", "client closed request", "generate", outcomes.CLIENT),
    ("invalid", 400, "thinking_signature_invalid", "", "generate", outcomes.SEALED),
    (
        "invalid",
        400,
        "",
        "messages.1: `thinking` blocks in the latest turn cannot be modified",
        "generate",
        outcomes.SEALED,
    ),
    ("permission", 403, "SERVICE_DISABLED", "", "generate", outcomes.SWITCHED_OFF),
    ("permission", 403, "no_project", "", "generate", outcomes.SWITCHED_OFF),
    ("rate_limit", 429, "account_limit", "", "generate", outcomes.ACCOUNT),
    ("permission", 403, "usage_not_included", "", "generate", outcomes.BILLING),
    ("permission", 403, "", "token does not meet scope requirement", "generate", outcomes.DEAD_GRANT),
    ("", 418, "", "a kind nobody knows is judged by its status", "generate", outcomes.REQUEST),
    ("", 0, "", "not even a status", "generate", outcomes.TRANSIENT),
]


@pytest.mark.parametrize(("kind", "status", "code", "message", "operation", "verdict"), ROWS)
def test_a_failure_has_one_verdict(kind, status, code, message, operation, verdict):
    failure = Failure(kind=kind, status=status, code=code, message=message)
    assert classify(failure, operation, refreshable=True) == verdict


@pytest.mark.parametrize("place", range(len(TABLE) - 1))
def test_no_row_is_there_for_nothing(place, monkeypatch):
    """Without it, one of the failures above means something else. (The last row says what is true without it.)"""
    monkeypatch.setattr(outcomes, "TABLE", TABLE[:place] + TABLE[place + 1 :])
    found = [
        classify(Failure(kind=kind, status=status, code=code, message=message), operation, refreshable=True)
        for kind, status, code, message, operation, _ in ROWS
    ]
    assert found != [verdict for *_, verdict in ROWS]


def test_a_failure_of_the_client_means_nothing():
    assert classify(Failure(kind="upstream", message="", origin="client")) == outcomes.CLIENT


def test_a_bare_exhaustion_with_a_delay_is_an_ordinary_quota():
    failure = Failure(kind="quota", message="Resource has been exhausted (e.g. check quota).", retry_after=9.0)
    assert classify(failure) == outcomes.QUOTA


def test_a_key_cannot_be_refreshed():
    verdict = classify(Failure(kind="auth", message="", status=401))
    assert not verdict.refresh
    assert verdict.rotate


def test_faults_of_the_request_are_final_and_cost_nobody_anything():
    assert outcomes.REQUEST.final
    assert outcomes.REQUEST.cool is None
    assert not outcomes.POLICY.final  # a credential of another kind may serve it
    assert not outcomes.POLICY.rotate


def test_each_row_says_why():
    assert all(row.why for row in TABLE)
    assert len({row.verdict.reason for row in TABLE}) > 10


# cool, hint, failures before → seconds
COOLS = [
    (Cool(hint=True, backoff=True), 529498.0, 0, 1800.0),
    (Cool(hint=True, backoff=True), 12.5, 0, 12.5),
    (Cool(hint=True, backoff=True), None, 0, 1.0),
    (Cool(hint=True, backoff=True), None, 3, 8.0),
    (Cool(hint=True, backoff=True), None, 10, 1024.0),
    (Cool(hint=True, backoff=True), None, 11, 1800.0),
    (Cool(hint=True, backoff=True), None, 99, 1800.0),
    (Cool(backoff=True, cap=120.0), 900.0, 9, 120.0),
    (Cool(backoff=True, floor=10.0), None, 0, 10.0),
    (Cool(seconds=1800.0), 5.0, 4, 1800.0),
    (Cool(hint=True, transient=True), None, 5, 45.0),
    (Cool(hint=True, transient=True), 7.0, 5, 7.0),
    (Cool(seconds=60.0, after=2), None, 0, 0.0),
    (Cool(seconds=60.0, after=2), None, 1, 60.0),
]


@pytest.mark.parametrize(("cool", "hint", "level", "seconds"), COOLS)
def test_how_long_a_rest_is(cool, hint, level, seconds):
    assert cooldown(cool, hint, level, transient=45.0) == seconds


def test_transient_rests_can_be_switched_off():
    assert cooldown(Cool(transient=True), None, 0, transient=-1) == 0
