"""What an attempt sends: rules, proxies, and what each pump is for."""

import json

import pytest

from addons.prepare import _via
from providers.address import BadAddress
from tests.addons.scene import LAB, TWO_KEYS, scene
from tests.addons.test_authorize import ASK, attempt
from translators.pump import Pipe, Untouched, Whole
from translators.relay import Relay

CHAT = {"model": "x", "messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize(
    ("url", "via"),
    [
        ("", None),
        ("direct", None),
        ("none", None),
        ("http://proxy.test:3128", ("http", ("proxy.test", 3128))),
        ("http://proxy.test", ("http", ("proxy.test", 8080))),
        ("https://proxy.test", ("https", ("proxy.test", 443))),
    ],
)
def test_proxies(url: str, via: object) -> None:
    assert _via(url) == via


@pytest.mark.parametrize(
    "url", ["socks5://proxy.test:1080", "http://", "proxy.test:80", "http://me:pass-word@proxy.test"]
)
def test_a_proxy_that_cannot_be_used_is_never_left_out(url: str) -> None:
    with pytest.raises(BadAddress) as told:
        _via(url)
    assert "pass-word" not in str(told.value)


async def test_a_bad_proxy_is_told_and_nothing_is_sent() -> None:
    with scene(LAB + "\nproxy-url: socks5://proxy.test:1") as here:
        exchange = await attempt(here, here.open("/v1/chat/completions", CHAT))
        assert exchange.wire is None
        assert exchange.refusal is not None
        assert "proxy-url" in exchange.refusal.message


async def test_payload_rules_work_on_what_is_sent() -> None:
    rules = """
payload:
  override:
    - models: [{name: "*", protocol: openai}]
      params: {temperature: 0.5}
"""
    with scene(LAB + rules) as here:
        exchange = await attempt(here, here.open("/v1/chat/completions", CHAT))
        assert exchange.wire is not None
        assert json.loads(exchange.wire.body)["temperature"] == 0.5
        assert dict(exchange.wire.headers)[b"content-length"] == str(len(exchange.wire.body)).encode()


async def test_each_answer_gets_its_pump() -> None:
    with scene(LAB + TWO_KEYS) as here:
        same = (await attempt(here, here.open("/v1/chat/completions", CHAT | {"stream": True}))).wire
        other = (await attempt(here, here.open("/v1/messages", CHAT | {"stream": True, "max_tokens": 9}))).wire
        assert same is not None
        assert other is not None
        assert isinstance(same.make_pump(True), Relay)
        assert isinstance(same.make_pump(False), Pipe)
        assert isinstance(other.make_pump(True), Pipe)
        whole = (await attempt(here, here.open("/v1/messages", ASK))).wire
        assert whole is not None
        assert isinstance(whole.make_pump(False), Whole)


async def test_what_an_upstream_is_not_told_is_done_to_its_answer() -> None:
    with scene(TWO_KEYS) as here:
        exchange = await attempt(here, here.open("/v1/chat/completions", CHAT | {"model": ASK["model"], "stop": "\n"}))
        assert exchange.wire is not None
        assert "stop_sequences" not in json.loads(exchange.wire.body)
        pump = exchange.wire.make_pump(False)
        said = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
        said |= {"content": [{"type": "text", "text": "one\ntwo"}], "usage": {"input_tokens": 1, "output_tokens": 3}}
        pump.feed(json.dumps(said).encode())
        assert json.loads(pump.finish())["choices"][0]["message"]["content"] == "one"


async def test_only_a_responses_upstream_compacts() -> None:
    with scene(TWO_KEYS) as here:
        body = {"model": ASK["model"], "input": []}
        exchange = await attempt(here, here.open("/v1/responses/compact", body))
        assert exchange.refusal is not None
        assert exchange.refusal.kind == "unsupported"
    with scene("codex-api-key: [{api-key: openai-secret-key, base-url: 'http://o.test/v1'}]") as here:
        model = here.models.visible()[0].id
        exchange = await attempt(here, here.open("/v1/responses/compact", {"model": model, "input": []}))
        assert exchange.wire is not None
        assert isinstance(exchange.wire.make_pump(False), Untouched)
