"""What the addons need around them: a runtime made of YAML text, mitmproxy's options, flows as the engine has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from mitmproxy import http
from mitmproxy.test import taddons, tflow

from addons import runtime
from addons.config import load as config_file
from addons.engine.terms import Terms
from addons.exchanges import Exchange, Exchanges
from addons.guard import Guard
from addons.memory import Memory
from addons.models import Models
from addons.route import Route
from addons.settings import Settings

TWO_KEYS = """
claude-api-key:
  - {api-key: sk-secret-number-one, base-url: "http://one.test"}
  - {api-key: sk-secret-number-two, base-url: "http://two.test"}
"""
LAB = """
openai-compatibility:
  - name: lab
    base-url: http://lab.test/v1
    api-key-entries: [{api-key: lab-secret-key}]
    models: [{name: gpt-x, alias: x}]
"""


class Scene:
    """The addons that work on a request before the engine sends anything."""

    def __init__(self, config: str = "") -> None:
        loaded = config_file.parse(config.encode(), "config.yaml")
        assert loaded.config is not None, loaded.problems
        self.settings = Settings()
        self.settings.runtime = runtime.make(loaded.config, None, None, {})
        self.exchanges = Exchanges()
        self.terms = Terms(self.exchanges, self.settings)
        self.memory = Memory(self.exchanges)
        self.guard = Guard(self.settings, self.terms, self.exchanges)
        self.models = Models(self.settings, self.exchanges)
        self.route = Route(self.settings, self.exchanges)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> http.HTTPFlow:
        """Send a request through the addons' hooks, as far as they go."""
        flow = request(method, path, body, headers)
        self.terms.take_keys(flow.request)
        self.guard.requestheaders(flow)
        self.models.request(flow)
        self.route.request(flow)
        return flow

    def open(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Exchange:
        """The exchange of a POST that is let in."""
        flow = self.ask("POST", path, body, headers)
        exchange = self.exchanges.get(flow)
        assert exchange is not None, flow.response
        return exchange


@contextmanager
def scene(config: str = "") -> Iterator[Scene]:
    """A Scene inside mitmproxy's test context."""
    made = Scene(config)
    with taddons.context(loadcore=False) as context:
        context.options.update(listen_host="127.0.0.1", listen_port=8317)
        try:
            yield made
        finally:
            context.master._legacy_log_events.uninstall()  # else it is told of every log line, with its loop closed


def request(method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> http.HTTPFlow:
    flow = tflow.tflow()
    content = body if isinstance(body, bytes) else msgspec.json.encode(body) if body is not None else b""
    sent = {"host": "localhost:8317", "content-type": "application/json"} | (headers or {})
    flow.request = http.Request.make(method, f"http://localhost:8317{path}", content)
    flow.request.headers = http.Headers([(name.encode(), value.encode()) for name, value in sent.items()])
    flow.request.path = path
    flow.response = None
    flow.live = True
    return flow


def said(flow: http.HTTPFlow) -> tuple[int, Any]:
    """Status and JSON body of an answer made here."""
    assert flow.response is not None
    return flow.response.status_code, msgspec.json.decode(flow.response.content or b"null")
