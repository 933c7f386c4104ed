"""Token counts: the vendor's where it gives one, else an estimate that says so."""

import json

from addons.count_tokens import MARK
from tests.addons.scene import LAB, TWO_KEYS, scene
from tests.addons.test_authorize import ASK, attempt


async def test_a_count_that_no_upstream_gives_is_estimated() -> None:
    with scene(LAB) as here:
        body = {"model": "x", "messages": [{"role": "user", "content": "How many tokens are these words?"}]}
        exchange = await attempt(here, here.open("/v1/messages/count_tokens", body))
        response = exchange.flow.response
        assert response is not None
        assert exchange.refusal is None
        assert response.headers[MARK] == "estimate"
        assert 5 < json.loads(response.content or b"")["input_tokens"] < 30


async def test_a_count_of_the_vendor_is_asked_for() -> None:
    with scene(TWO_KEYS) as here:
        exchange = await attempt(here, here.open("/v1/messages/count_tokens", ASK))
        assert exchange.wire is not None
        assert exchange.wire.path.startswith("/v1/messages/count_tokens")
        assert "max_tokens" not in json.loads(exchange.wire.body)
        pump = exchange.wire.make_pump(False)
        pump.feed(b'{"input_tokens":7}')
        assert json.loads(pump.finish()) == {"input_tokens": 7}


async def test_a_mistake_in_a_count_is_told_and_not_estimated() -> None:
    with scene(LAB) as here:
        exchange = await attempt(here, here.open("/v1/messages/count_tokens", {"model": "x", "messages": 3}))
        assert exchange.flow.response is None
        assert exchange.refusal is not None
        assert exchange.refusal.kind == "invalid"
