"""Who is let in. What cannot be judged is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import ctx

from addons.guard import _is_local_origin, _is_ours
from tests.addons.scene import said, scene

KEYS = "api-keys: [alpha-key-of-a-client, beta-key-of-a-client]"
BODY = {"model": "demo-text", "messages": [{"role": "user", "content": "x"}], "max_tokens": 9}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 0, ""),
        ({"host": "127.0.0.1:1"}, 0, ""),
        ({"host": "[::1]:8317"}, 0, ""),
        ({"host": "LOCALHOST"}, 0, ""),
        ({"host": "host.docker.internal:8317"}, 0, ""),
        ({"host": "evil.test"}, 403, "host_refused"),
        ({"host": "localhost.evil.test"}, 403, "host_refused"),
        ({"host": "evil.test@localhost"}, 403, "host_refused"),
        ({"host": "[::1"}, 403, "host_refused"),
        ({"host": "127.0.0.1℀"}, 403, "host_refused"),
        ({"host": ""}, 403, "host_refused"),
        ({"origin": "http://localhost:3000"}, 0, ""),
        ({"origin": "vscode-webview://abc"}, 0, ""),
        ({"origin": "https://evil.test"}, 403, "origin_refused"),
        ({"origin": "http://["}, 403, "origin_refused"),
        ({"origin": "HTTP://evil.test"}, 403, "origin_refused"),
        ({"origin": "null"}, 403, "origin_refused"),
        ({"origin": "file://"}, 403, "origin_refused"),
        ({"sec-fetch-site": "cross-site"}, 403, "origin_refused"),
        ({"sec-fetch-site": "same-origin"}, 0, ""),
    ],
)
def test_pages_and_other_names(headers: dict[str, str], status: int, code: str) -> None:
    with scene("demo: true") as here:
        flow = here.ask("POST", "/v1/chat/completions", BODY, headers)
        if not status:
            assert here.exchanges.get(flow) is not None
            return
        found, body = said(flow)
        assert (found, body["error"]["code"]) == (status, code)
        assert here.exchanges.get(flow) is None


@pytest.mark.parametrize("place", ["authorization", "x-api-key", "x-goog-api-key"])
@pytest.mark.parametrize(("key", "caller"), [("alpha-key-of-a-client", "1"), ("beta-key-of-a-client", "2"), ("no", "")])
def test_keys(place: str, key: str, caller: str) -> None:
    with scene(KEYS) as here:
        value = f"Bearer {key}" if place == "authorization" else key
        flow = here.ask("POST", "/v1/messages", BODY, {place: value})
        exchange = here.exchanges.get(flow)
        if caller:
            assert exchange is not None
            assert exchange.caller == caller
        else:
            assert exchange is None
            assert said(flow)[0] == 401


def test_a_missing_key_is_told_in_each_dialect() -> None:
    with scene(KEYS) as here:
        claude = said(here.ask("POST", "/v1/messages", BODY))
        assert (claude[0], claude[1]["type"], claude[1]["error"]["type"]) == (401, "error", "authentication_error")
        chat = said(here.ask("POST", "/v1/chat/completions", BODY))
        assert (chat[0], chat[1]["error"]["code"]) == (401, "invalid_api_key")
        gemini = said(here.ask("POST", "/v1beta/models/g:generateContent", {"contents": []}))
        assert (gemini[0], gemini[1]["error"]["status"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 200), ("GET", "/healthz", 200), ("OPTIONS", "/v1/messages", 204)]
)
def test_what_needs_no_key(method: str, path: str, status: int) -> None:
    with scene(KEYS) as here:
        response = here.ask(method, path).response
        assert response is not None
        assert response.status_code == status


def test_a_listener_for_others_takes_any_host_but_wants_a_key() -> None:
    with scene(KEYS + "\nhost: 0.0.0.0") as here:
        ctx.options.update(listen_host="0.0.0.0")
        assert said(here.ask("POST", "/v1/messages", BODY, {"host": "box.lan"}))[0] == 401
        flow = here.ask("POST", "/v1/messages", BODY, {"host": "box.lan", "x-api-key": "alpha-key-of-a-client"})
        assert here.exchanges.get(flow) is not None


def test_what_cannot_be_judged_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with scene("demo: true") as here:
        monkeypatch.setattr(here.guard, "_why_not", lambda *_: 1 / 0)
        flow = here.ask("POST", "/v1/messages", BODY)
        assert said(flow)[0] == 500
        assert here.exchanges.get(flow) is None


@given(st.text())
def test_any_host_and_origin_can_be_judged(text: str) -> None:
    for judged in (_is_ours(text), _is_local_origin(text), _is_local_origin(f"http://{text}")):
        assert judged in (True, False)
