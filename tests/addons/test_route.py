"""What is asked, and of which model."""

import zlib
from typing import Any

import pytest

from addons.route import read_request
from tests.addons.scene import said, scene
from translators.errors import Unreadable

CHAT = {"model": "demo-text", "messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize(
    ("path", "body", "dialect", "model", "stream", "array"),
    [
        ("/v1/chat/completions", CHAT, "openai-chat", "demo-text", False, False),
        ("/v1/chat/completions", CHAT | {"stream": True}, "openai-chat", "demo-text", True, False),
        ("/v1/chat/completions", CHAT | {"stream": None}, "openai-chat", "demo-text", False, False),
        ("/v1/messages", CHAT | {"stream": True}, "claude", "demo-text", True, False),
        ("/v1/messages?beta=true", CHAT, "claude", "demo-text", False, False),
        ("/v1/responses", {"model": "m", "input": "x", "stream": True}, "openai-responses", "m", True, False),
        ("/v1beta/models/g-1:generateContent", {"contents": []}, "gemini", "g-1", False, False),
        ("/v1beta/models/g-1:streamGenerateContent?alt=sse", {"contents": []}, "gemini", "g-1", True, False),
        ("/v1beta/models/g-1:streamGenerateContent", {"contents": []}, "gemini", "g-1", True, True),
        ("/v1/messages/count_tokens", CHAT | {"stream": True}, "claude", "demo-text", False, False),
    ],
)
def test_an_exchange_is_opened(path: str, body: Any, dialect: str, model: str, stream: bool, array: bool) -> None:
    with scene() as here:
        exchange = here.open(path, body)
        assert exchange.client.name == dialect
        asked = exchange.asked
        assert (asked.model, asked.stream, asked.array) == (model, stream, array)
        assert len(asked.seed) == 16
        assert exchange.flow.response is None
        assert (exchange.flow.request.host, exchange.flow.request.port) == ("127.0.0.1", 8317)
        assert len(here.exchanges) == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", "$"),
        (b"null", "$"),
        (b"{}", "model"),
        (b'{"model":3}', "model"),
        (b'{"model":""}', "model"),
        (b'{"model":"\xff"}', None),
        (b'{"model":"\\ud83d"}', None),
        (b"\x1f\x8b not json", None),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_bodies_that_name_no_model(path: str, body: bytes, param: str | None) -> None:
    with scene() as here:
        flow = here.ask("POST", path, body)
        status, told = said(flow)
        assert status == 400
        assert told["error"]["message"]
        if path != "/v1/messages" and param:
            assert told["error"]["param"] == param
        assert len(here.exchanges) == 0


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b'{"x":"\xff'])
def test_gemini_bodies_must_be_objects_too(body: bytes) -> None:
    with scene() as here:
        status, told = said(here.ask("POST", "/v1beta/models/g:generateContent", body))
        assert (status, told["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/health", 200),
        ("OPTIONS", "/v1/messages", 204),
        ("GET", "/v1/responses", 426),
        ("POST", "/nowhere", 404),
        ("GET", "/v1/messages", 404),
        ("DELETE", "/v1/chat/completions", 404),
    ],
)
def test_what_needs_no_model(method: str, path: str, status: int) -> None:
    with scene() as here:
        response = here.ask(method, path).response
        assert response is not None
        assert response.status_code == status


def test_a_wrong_turn_is_told_which_roads_there_are() -> None:
    with scene() as here:
        _, told = said(here.ask("POST", "/v1/mesages", CHAT))
        assert "POST /v1/messages" in told["error"]["message"]


def test_a_compressed_body_is_decoded() -> None:
    with scene() as here:
        packed = zlib.compress(b'{"model":"m","messages":[]}')
        assert here.open("/v1/messages", packed, {"content-encoding": "deflate"}).asked.model == "m"
        assert said(here.ask("POST", "/v1/messages", b"x", {"content-encoding": "gzip"}))[0] == 400
        assert said(here.ask("POST", "/v1/messages", b"x", {"content-encoding": "lzma"}))[0] == 400


def test_replays_and_answered_flows_are_left_alone() -> None:
    with scene() as here:
        flow = here.ask("POST", "/v1/messages", CHAT | {"max_tokens": 1})
        here.exchanges.close(flow)
        flow.is_replay = "request"
        here.route.request(flow)
        assert len(here.exchanges) == 0


def test_a_request_is_read_once_and_known_to_the_writers() -> None:
    with scene() as here:
        exchange = here.open("/v1/chat/completions", CHAT)
        assert exchange.request is None
        request = read_request(exchange)
        assert read_request(exchange) is request
        assert exchange.asked.request is request


@pytest.mark.parametrize("name", ["gemini", "openai-chat", "openai-responses", "claude"])
def test_text_that_is_no_utf8_is_refused_in_words(name: str) -> None:
    path = {
        "gemini": "/v1beta/models/g:generateContent",
        "openai-chat": "/v1/chat/completions",
        "openai-responses": "/v1/responses",
        "claude": "/v1/messages",
    }[name]
    turns = b'"input":"x","messages":[{"role":"user","content":"x"}],"contents":[]'
    body = b'{"model":"m",' + turns + b',"max_tokens":1,"odd":"\xff"}'
    with scene() as here:
        exchange = here.open(path, body)
        with pytest.raises(Unreadable):
            read_request(exchange)
