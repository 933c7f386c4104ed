"""What the libraries raise: the class their own vendor's error would have raised, with the upstream's words."""

import gzip
import json
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import brotli
import openai
import pytest
import zstandard
from google.genai import errors as google

from tests.end_to_end.conftest import Clients
from tests.end_to_end.scenery import ALIASES, CLIENTS, MODELS, UPSTREAMS, error_of, provider, request
from tests.end_to_end.talk import Prompt
from tests.proxy import Proxy, proxy
from tests.upstreams import Answer, FakeUpstream, Play

CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    529: "InternalServerError",
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        for status in CLASSES:
            hint = "7" if status == 429 else ""
            for kind in UPSTREAMS:
                for client in CLIENTS:
                    play = Play(status=status, message=f"words of {kind}", retry_after=hint)
                    server.always(f"sk-{status}-{kind}-{client}", play)
        yield server


@pytest.fixture(scope="module")
def running(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    config: dict[str, Any] = {"request-retry": 0}
    for status in CLASSES:
        for kind in UPSTREAMS:
            for client in CLIENTS:
                name = f"{status}-{kind}-{client}"
                provider(config, kind, f"sk-{name}", upstream.url, [(MODELS[kind], f"failing-{name}")])
    with proxy(config, tmp_path_factory.mktemp("errors")) as started:
        yield started


@pytest.fixture(scope="module")
def clients(running: Proxy) -> Iterator[Clients]:
    made = Clients(running.url)
    yield made
    made.close()


def test_a_failure_has_a_file_though_nobody_looks_at_flows(running: Proxy, clients: Clients) -> None:
    name = "failing-400-claude-openai-chat"
    answer = clients.plain.request(**request("openai-chat", name, stream=False))
    assert answer.status_code == 400
    text = _awaited(running.home / "logs", "error-v1-chat-completions-*.log")
    assert [each in text for each in ("=== API REQUEST 1 ===", "words of claude", "sk-400-claude")] == [
        True,
        True,
        False,
    ]


def _awaited(folder: Path, pattern: str) -> str:
    """What a thread of the proxy's writes a moment later."""
    for _ in range(100):
        text = "".join(path.read_text() for path in folder.glob(pattern))
        if "=== RESPONSE ===" in text:
            return text
        time.sleep(0.1)
    raise AssertionError(f"no {pattern} in {folder}")


@pytest.mark.parametrize("kind", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("status", CLASSES)
def test_a_refusal_upstream(clients: Clients, upstream: FakeUpstream, status: int, client: str, kind: str) -> None:
    way = ("whole", "events")[(status + UPSTREAMS.index(kind)) % 2]
    upstream.reset()
    with pytest.raises((anthropic.APIStatusError, openai.APIStatusError, google.APIError)) as caught:
        clients.talker(client, way).ask(Prompt(f"failing-{status}-{kind}-{client}"))
    upstream.check()
    assert f"words of {kind}" in str(caught.value)
    if isinstance(caught.value, google.APIError):
        assert isinstance(caught.value, google.ClientError if status < 500 else google.ServerError)
        assert caught.value.code == status or status == 529  # which this dialect has not
        return
    wanted = getattr(anthropic if client == "claude" else openai, CLASSES[status])
    assert isinstance(caught.value, wanted)
    if status == 429:
        assert int(caught.value.response.headers["retry-after"]) <= 7
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("client", CLIENTS)
def test_an_unknown_model(shared_clients: Clients, client: str) -> None:
    with pytest.raises((anthropic.NotFoundError, openai.NotFoundError, google.ClientError)) as caught:
        shared_clients.talker(client, "whole").ask(Prompt("no-such-model"))
    assert "no-such-model" in str(caught.value)


@pytest.mark.parametrize(
    ("client", "path"),
    [
        ("claude", "/v1/messages/nothing"),
        ("openai-chat", "/v1/chat/nothing"),
        ("openai-responses", "/v1/responses/nothing/here"),
        ("gemini", "/v1beta/nothing"),
        ("openai-chat", "/nothing"),
    ],
)
def test_an_unknown_route(shared_clients: Clients, client: str, path: str) -> None:
    answer = shared_clients.plain.post(path, json={})
    assert answer.status_code == 404
    assert path in error_of(client, answer.json())


@pytest.mark.parametrize("dialect", CLIENTS)
def test_json_that_is_none(shared_clients: Clients, dialect: str) -> None:
    asked = request(dialect, ALIASES[dialect], stream=True)
    headers = asked["headers"] | {"content-type": "application/json"}
    for body in (b'{"model": "test', b"", b"[]", b"\xff\xfe"):
        answer = shared_clients.plain.post(asked["url"], content=body, headers=headers)
        assert answer.status_code == 400, body
        assert error_of(dialect, answer.json())


@pytest.mark.parametrize(
    ("dialect", "place", "path"),
    [
        ("claude", {"messages": [{"role": "user", "content": [{"type": "text", "text": 7}]}]}, "messages[0].content"),
        ("openai-chat", {"messages": [{"role": "user", "content": "x"}, {"role": 3}]}, "messages[1].role"),
        ("openai-responses", {"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content"),
        ("gemini", {"contents": [{"role": "user", "parts": [{"text": []}]}]}, "contents[0].parts[0].text"),
    ],
)
def test_a_wrong_field_is_named(shared_clients: Clients, dialect: str, place: dict[str, Any], path: str) -> None:
    other = "gemini" if dialect == "claude" else "claude"  # the same dialect would pass it on unread
    asked = request(dialect, ALIASES[other], stream=False)
    asked["json"] |= place
    answer = shared_clients.plain.request(**asked)
    assert answer.status_code == 400
    assert path in answer.text
    assert error_of(dialect, answer.json())


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_compressed_requests(shared_clients: Clients, shared_upstream: FakeUpstream, coding: str) -> None:
    squeeze = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": brotli.compress,
        "zstd": zstandard.ZstdCompressor().compress,
    }[coding]
    shared_upstream.reset()
    shared_upstream.play(MODELS["gemini"], Answer("unpacked"))
    asked = request("claude", ALIASES["gemini"], stream=False)
    headers = asked["headers"] | {"content-type": "application/json", "content-encoding": coding}
    packed = squeeze(json.dumps(asked["json"]).encode())
    answer = shared_clients.plain.post(asked["url"], content=packed, headers=headers)
    shared_upstream.check()
    assert answer.json()["content"][0]["text"] == "unpacked"


def test_a_damaged_body(shared_clients: Clients) -> None:
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = shared_clients.plain.post("/v1/messages", content=b"\x1f\x8b damaged", headers=headers)
    assert answer.status_code == 400
    assert error_of("claude", answer.json())
