"""One upstream and one proxy for most tests, and every library pointed at it."""

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai

from tests.end_to_end.claude_client import ClaudeTalker
from tests.end_to_end.gemini_client import GeminiTalker
from tests.end_to_end.openai_clients import ChatTalker, ResponsesTalker
from tests.end_to_end.scenery import ALIASES, KEYS, MODELS, provider
from tests.end_to_end.talk import Talker
from tests.proxy import Proxy, proxy
from tests.upstreams import FakeUpstream

MAKERS: dict[str, Callable[[Any, str], Talker]] = {
    "claude": ClaudeTalker,
    "openai-chat": ChatTalker,
    "openai-responses": ResponsesTalker,
    "gemini": GeminiTalker,
}


class Clients:
    """The official libraries, pointed at one address. key: what they present."""

    def __init__(self, url: str, key: str = "client-key") -> None:
        self.url = url
        self.claude = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=20)
        self.openai = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0, timeout=20)
        self.gemini = genai.Client(api_key=key, http_options={"base_url": url, "timeout": 20_000})
        self.plain = httpx.Client(base_url=url, timeout=20)

    def talker(self, dialect: str, way: str) -> Talker:
        """A new conversation."""
        client = {"claude": self.claude, "gemini": self.gemini}.get(dialect, self.openai)
        return MAKERS[dialect](client, way)

    def close(self) -> None:
        """Close every connection."""
        for client in (self.claude, self.openai, self.gemini, self.plain):
            client.close()


@pytest.fixture(scope="session")
def shared_upstream() -> Iterator[FakeUpstream]:
    """The upstream behind `gateway`."""
    with FakeUpstream(keys=set(KEYS.values())) as server:
        yield server


@pytest.fixture(scope="session")
def gateway(shared_upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy with one credential for each kind of upstream."""
    config: dict[str, Any] = {"request-retry": 0}
    for kind, model in MODELS.items():
        provider(config, kind, KEYS[kind], shared_upstream.url, [(model, ALIASES[kind])])
    with proxy(config, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="session")
def shared_clients(gateway: Proxy) -> Iterator[Clients]:
    """The libraries, pointed at `gateway`."""
    clients = Clients(gateway.url)
    yield clients
    clients.close()


@pytest.fixture
def upstream(shared_upstream: FakeUpstream) -> Iterator[FakeUpstream]:
    """The shared upstream, with nothing seen yet; at the end the test fails with whatever a vendor would refuse."""
    shared_upstream.reset()
    yield shared_upstream
    shared_upstream.check()


@pytest.fixture
def clients(shared_clients: Clients, upstream: FakeUpstream) -> Clients:
    """The libraries, with a fresh upstream behind them."""
    return shared_clients
