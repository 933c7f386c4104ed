"""Errors of Chat Completions upstreams, and errors for its clients; the marks of streams passed on."""

import re

import msgspec
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.chat_talk import (
    FULL,
    TALK,
    answer,
    asked,
    client_of,
    delta,
    sse,
    written,
)
from translators.events import (
    Failed,
)
from translators.model import (
    Failure,
)
from translators.openai_chat import DIALECT


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"error":{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}}', "context"),
        (400, '{"error":{"message":"This model\'s maximum context length is 1 tokens","type":"x"}}', "context"),
        (400, '{"error":{"message":"prompt too long; exceeded max context length by 9 tokens"}}', "context"),
        (400, '{"error":{"message":"bad","param":"stop","code":"unsupported_parameter"}}', "invalid"),
        (400, '{"error":{"message":"The requested model is not supported"}}', "model"),
        (401, '{"detail":"Invalid API Key"}', "auth"),
        (402, '{"error":{"message":"pay"}}', "billing"),
        (403, '{"code":"x:bad-credentials","error":"no"}', "auth"),
        (403, '{"error":{"code":"insufficient_quota","message":"Free allocated quota exceeded."}}', "quota"),
        (403, '{"error":{"message":"no"}}', "permission"),
        (404, '{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}', "model"),
        (404, '{"error":{"message":"no such page"}}', "not_found"),
        (429, '{"error":{"message":"Rate limit reached","type":"tokens","code":"rate_limit_exceeded"}}', "rate_limit"),
        (429, '{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}', "quota"),
        (429, '{"error":{"message":"The engine is currently overloaded"}}', "overloaded"),
        (500, '{"error":{"message":"oops"}}', "server"),
        (503, '[{"error":{"message":"busy"}}]', "overloaded"),
        (502, "<html>Bad gateway</html>", "upstream"),
        (500, "", "server"),
        (418, '"oops"', "invalid"),
        (200, '{"error":{"message":"m","code":429}}', "rate_limit"),
        (200, '{"error":"m"}', "upstream"),
    ],
)
def test_failures_are_sorted(status: int, body: str, kind: str):
    failure = DIALECT.read_failure(status, {"X-Request-Id": "req_1"}, body.encode())
    assert failure.kind == kind
    assert failure.message
    assert "<html" not in failure.message
    assert failure.request_id == "req_1"
    assert failure.headers == {"x-request-id": "req_1"}


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after": "17"}, "", 17.0),
        ({"Retry-After-Ms": "1500", "retry-after": "9"}, "", 1.5),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, "", 30.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, "", 360.0),
        ({}, "Please try again in 1m2.5s.", 62.5),
        ({}, "Please retry after 26 seconds.", 26.0),
        ({}, "try again in 250ms", 0.25),
        ({}, "no hint", None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], message: str, seconds: float | None):
    body = msgspec.json.encode({"error": {"message": message or "m"}})
    assert DIALECT.read_failure(429, headers, body).retry_after == seconds


@settings(max_examples=50, deadline=None)
@given(body=st.binary(max_size=60), status=st.integers(0, 599))
def test_reading_a_failure_never_raises(body: bytes, status: int):
    DIALECT.read_failure(status, {"retry-after": "soon"}, body)


def test_failures_as_clients_read_them():
    failure = Failure(kind="context", message="too long", origin="upstream")
    status, body = DIALECT.write_failure(failure, asked())
    assert status == 400
    assert msgspec.json.decode(body) == {
        "error": {
            "message": "too long",
            "type": "invalid_request_error",
            "param": None,
            "code": "context_length_exceeded",
        }
    }
    status, body = DIALECT.write_failure(Failure(kind="overloaded", message="x", origin="cliproxy"), asked())
    assert (status, msgspec.json.decode(body)["error"]["message"]) == (503, "cliproxy: x")
    with client_of(body, "application/json", 429) as client, pytest.raises(openai.RateLimitError):
        client.chat.completions.create(**TALK)
    again = DIALECT.read_failure(400, {}, DIALECT.write_failure(failure, asked())[1])
    assert again.kind == "context"


@pytest.mark.parametrize("kind", ["invalid", "auth", "model", "rate_limit", "quota", "server", "overloaded"])
def test_a_failure_keeps_its_kind_through_this_dialect(kind: str):
    status, body = DIALECT.write_failure(Failure(kind=kind, message="m"), asked())
    assert DIALECT.read_failure(status, {}, body).kind == kind


def test_marks_find_what_they_are_for():
    body = written(FULL)
    assert re.search(DIALECT.end_mark, body)
    assert re.search(DIALECT.begin_mark, body)
    assert not re.search(DIALECT.failure_mark, body)
    role = sse(delta(role="assistant", content=""), done=False)
    assert not re.search(DIALECT.begin_mark, role)
    assert not re.search(DIALECT.end_mark, written(answer("data: [DONE] and more")[:3]))
    assert re.search(DIALECT.failure_mark, written([Failed(Failure(kind="server", message="m"))]))
