"""What of an upstream's answer reaches the client beside its body: headers of errors and of answers, and the record."""

import msgspec
import pytest

from addons.engine.error_answer import ErrorAnswer
from addons.engine.terms import failure_response
from addons.exchanges import Attempt, Tape
from addons.inspection.plain import KEY, plain
from addons.record import tell
from tests.addons.scene import scene
from translators.dialect import Asked
from translators.registry import DIALECTS

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
ASKED = Asked("m", stream=False, now=1, seed="5eed")

# upstream, its headers → what of them every client sees
LIMITED = [
    (
        "claude",
        {
            "request-id": "req_1",
            "retry-after": "12",
            "anthropic-ratelimit-requests-remaining": "0",
            "x-should-retry": "true",
        },
        {"request-id": "req_1", "retry-after": "12", "anthropic-ratelimit-requests-remaining": "0"},
    ),
    (
        "openai-chat",
        {"x-request-id": "req_2", "retry-after-ms": "1500", "x-ratelimit-remaining-tokens": "0"},
        {"x-request-id": "req_2", "retry-after": "2", "x-ratelimit-remaining-tokens": "0"},
    ),
    (
        "openai-responses",
        {"x-request-id": "req_3", "retry-after": "7", "x-ratelimit-reset-requests": "7s"},
        {"x-request-id": "req_3", "retry-after": "7", "x-ratelimit-reset-requests": "7s"},
    ),
    ("gemini", {"x-request-id": "req_4", "retry-after": "3"}, {"x-request-id": "req_4", "retry-after": "3"}),
]
NEVER = {"set-cookie": "a=b", "content-encoding": "gzip", "connection": "close", "server": "nginx"}


@pytest.mark.parametrize("client", ["claude", "openai-chat", "openai-responses", "openai-completions", "gemini"])
@pytest.mark.parametrize(("upstream", "headers", "kept"), LIMITED, ids=lambda row: row if isinstance(row, str) else "")
def test_a_limit_keeps_its_headers_in_every_dialect(upstream, headers, kept, client):
    body = msgspec.json.encode({"error": {"message": "slow down", "type": "rate_limit_error"}})
    failure = DIALECTS[upstream].read_failure(429, headers | NEVER, body)
    status, written = DIALECTS[client].write_failure(failure, ASKED)
    response = failure_response(status, written, failure)
    assert response.status_code == 429
    assert response.headers["content-type"] == "application/json"
    assert {name: response.headers.get(name) for name in kept} == kept
    assert not any(name in response.headers for name in NEVER)


def test_googles_delay_becomes_a_header():
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "16.2s"}
    body = {"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED", "details": [info]}}
    failure = DIALECTS["gemini"].read_failure(429, {}, msgspec.json.encode(body))
    assert failure_response(429, b"{}", failure).headers["retry-after"] == "17"


def attempt(**said: object) -> Attempt:
    return Attempt(1, "alice", "p", "openai-chat", "m", "https://api.test/v1/chat", 1.0, [], b"", Tape(10), **said)


def test_a_page_with_status_200_is_named_with_its_address():
    failure = ErrorAnswer(attempt(status=200, answer_headers=[("Content-Type", "text/html")]), None).failure(None)
    assert failure.kind == "upstream"
    assert "https://api.test/v1/chat" in failure.message
    assert "text/html" in failure.message
    for dialect in DIALECTS.values():
        assert dialect.write_failure(failure, ASKED)[0] == 502


def test_a_good_answer_keeps_the_request_id():
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        exchange.attempts = [attempt(answer_headers=[("X-Request-Id", "req_5"), ("Set-Cookie", "a=b")])]
        for head in (here.terms.stream_head(exchange), here.terms.whole_head(exchange, b"{}")):
            assert head.headers["x-request-id"] == "req_5"
            assert "set-cookie" not in head.headers


def test_what_the_client_was_not_told_is_in_the_record():
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        exchange.asked.ledger.lose("blocks[1]", "no place for image in an answer", semantic=True)
        exchange.asked.ledger.lose("usage.tool_input", "no field for this count")
        assert plain(exchange)["answer_losses"] == [
            ["blocks[1]", "no place for image in an answer", True],
            ["usage.tool_input", "no field for this count", False],
        ]
        exchange.flow.metadata[KEY] = plain(exchange)
        tell(exchange.flow)
        assert exchange.flow.comment.endswith("1 drop")
