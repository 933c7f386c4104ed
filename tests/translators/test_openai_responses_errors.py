"""OpenAI Responses: errors, both ways."""

import json

import httpx
import openai
import pytest

from tests.translators.test_openai_responses import ASKED
from translators.errors import Unreadable
from translators.events import (
    Failed,
)
from translators.model import (
    Failure,
)
from translators.openai_responses import DIALECT


def client(body: bytes, content_type: str = "text/event-stream", status: int = 200) -> openai.OpenAI:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"content-type": content_type}, content=body)

    return openai.OpenAI(
        api_key="k", base_url="http://127.0.0.1/v1", max_retries=0,
        http_client=httpx.Client(transport=httpx.MockTransport(answer)),
    )  # fmt: skip


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "wait"),
    [
        (400, {}, {"error": {"code": "context_length_exceeded", "message": "x"}}, "context", None),
        (400, {}, {"error": {"message": "maximum context length is 9"}}, "context", None),
        (401, {}, {"error": {"message": "x", "code": "invalid_api_key"}}, "auth", None),
        (403, {}, {"error": {"message": "x", "type": "invalid_request_error"}}, "permission", None),
        (404, {}, {"error": {"message": "x", "code": "model_not_found"}}, "model", None),
        (429, {"Retry-After": "7"}, {"error": {"message": "x", "code": "rate_limit_exceeded"}}, "rate_limit", 7.0),
        (429, {"retry-after-ms": "1500"}, {"error": {"message": "x"}}, "rate_limit", 1.5),
        (429, {}, {"error": {"type": "usage_limit_reached", "message": "x", "resets_in_seconds": 90}}, "quota", 90.0),
        (429, {}, {"error": {"code": "insufficient_quota", "message": "x"}}, "quota", None),
        (429, {}, {"error": {"message": "Please try again in 1m2.5s."}}, "rate_limit", 62.5),
        (429, {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, {"error": {"message": "x"}},
         "rate_limit", 360.0),
        (500, {}, {"detail": "boom"}, "server", None),
        (503, {}, {"error": {"message": "That model is currently overloaded"}}, "overloaded", None),
        (400, {}, [{"error": {"message": "in an array"}}], "invalid", None),
    ],
)  # fmt: skip
def test_errors_are_sorted(status, headers, body, kind, wait):
    failure = DIALECT.read_failure(status, headers, json.dumps(body).encode())
    assert (failure.kind, failure.retry_after) == (kind, wait)


@pytest.mark.parametrize("body", [b"", b"<html>nginx</html>", b"null", b"[]", b"\xff\xfe", b"3", b'{"error":null}'])
def test_an_error_without_words_is_still_one(body):
    failure = DIALECT.read_failure(502, {"content-type": "text/html", "x-request-id": "r", "set-cookie": "c"}, body)
    assert failure.kind == "upstream"
    assert failure.message
    assert failure.headers == {"x-request-id": "r"}
    assert failure.request_id == "r"


def test_errors_reach_the_official_client():
    failure = Failure(kind="context", message="too long", param="input", origin="cliproxy")
    status, body = DIALECT.write_failure(failure, ASKED)
    with pytest.raises(openai.BadRequestError) as raised:
        client(body, "application/json", status).responses.create(model="m", input="x")
    assert raised.value.code == "context_length_exceeded"
    assert raised.value.param == "input"
    assert "cliproxy: too long" in str(raised.value)


@pytest.mark.parametrize("status", ["queued", "failed"])
def test_an_answer_that_is_none(status):
    error = {"code": "server_error", "message": "x"} if status == "failed" else None
    events = DIALECT.read_reply(json.dumps({"status": status, "output": [], "error": error}).encode())
    assert isinstance(events[-1], Failed)
    with pytest.raises(Unreadable):
        DIALECT.read_reply(b"<html>")
