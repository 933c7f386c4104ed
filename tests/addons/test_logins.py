"""Log-ins as upstreams: what every client's request becomes on the wire of each, and what comes back to the client."""

import json
from typing import Any

import pytest

from addons.exchanges import Exchange
from credentials.model import Credential, Secret
from tests.addons.scene import Scene, scene
from tests.addons.test_authorize import attempt
from tests.translators.listeners import LISTENERS
from tests.upstreams.answers import Answer, Call
from tests.upstreams.logins import KIMI_MESSAGES, LOGINS, TOKEN, Login
from translators.losses import Loss

ANSWER = Answer("Rain in Oslo.", "Rome is left.", (Call("weather", {"city": "Rome"}),))
CLIENTS = ("claude", "openai-chat", "openai-responses", "gemini")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ARGUMENTS = json.dumps({"city": "Oslo"})


def credential(login: Login, **changed: Any) -> Credential:
    """An account as the auth directory gives it."""
    told: dict[str, Any] = {"facts": dict(login.facts)} | changed
    return Credential(f"{login.name}-ana.json", login.name, "ana", Secret(TOKEN), kind="oauth", **told)


def served(here: Scene, *credentials: Credential) -> None:
    """Put accounts into the place of the config's credentials."""
    here.settings.runtime.pool.replace(credentials)


def conversation(client: str, model: str, stream: bool) -> tuple[str, dict[str, Any]]:
    """Path and body of a request with a system prompt, a tool, a call of it and its result."""
    match client:
        case "claude":
            used = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}}
            result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"}
            return "/v1/messages", {
                "model": model, "max_tokens": 900, "stream": stream, "system": "Be brief.", "temperature": 0.5,
                "tools": [{"name": "weather", "description": "Tells it.", "input_schema": SCHEMA}],
                "metadata": {"user_id": "user_1_session_2"},
                "messages": [
                    {"role": "user", "content": "Weather in Oslo and Rome?"},
                    {"role": "assistant", "content": [used]},
                    {"role": "user", "content": [result]},
                ],
            }  # fmt: skip
        case "openai-chat":
            call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}
            return "/v1/chat/completions", {
                "model": model, "stream": stream, "temperature": 0.5, "reasoning_effort": "high", "max_tokens": 900,
                "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Weather in Oslo and Rome?"},
                    {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
                ],
            }  # fmt: skip
        case "openai-responses":
            return "/v1/responses", {
                "model": model, "stream": stream, "temperature": 0.5, "max_output_tokens": 900, "store": True,
                "instructions": "Be brief.", "user": "ana", "reasoning": {"effort": "high", "summary": "auto"},
                "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}],
                "input": [
                    {"role": "user", "content": "Weather in Oslo and Rome?"},
                    {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": ARGUMENTS},
                    {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
                ],
            }  # fmt: skip
        case _:
            called = {"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Oslo"}}}
            result = {"functionResponse": {"id": "c1", "name": "weather", "response": {"result": "rain"}}}
            verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
            return f"/v1beta/models/{model}:{verb}", {
                "systemInstruction": {"parts": [{"text": "Be brief."}]},
                "generationConfig": {"temperature": 0.5, "maxOutputTokens": 900},
                "tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}],
                "contents": [
                    {"role": "user", "parts": [{"text": "Weather in Oslo and Rome?"}]},
                    {"role": "model", "parts": [called]},
                    {"role": "user", "parts": [result]},
                ],
            }  # fmt: skip


def sent(exchange: Exchange) -> tuple[str, dict[str, str], bytes]:
    """URL, headers and body of the attempt, as they are on the wire."""
    wire = exchange.wire
    assert wire is not None, exchange.refusal
    port = "" if wire.port == {"http": 80, "https": 443}[wire.scheme] else f":{wire.port}"
    headers = {name.decode(): value.decode() for name, value in wire.headers}
    return f"{wire.scheme}://{wire.host}{port}{wire.path}", headers, wire.body


def of(name: str, client: str) -> Login:
    return KIMI_MESSAGES if (name, client) == ("kimi", "claude") else LOGINS[name]


async def answered(exchange: Exchange, login: Login, answer: Answer = ANSWER, size: int = 37) -> bytes:
    """What the client gets of the vendor's answer, in pieces that end anywhere."""
    _, headers, body = sent(exchange)
    assert exchange.wire is not None
    asked = login.asked("generate", exchange.wire.path, headers, body)
    pump = exchange.wire.make_pump(asked.stream)
    raw = b"".join(login.answer(answer, asked))
    said = b"".join(pump.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + pump.finish()
    assert (pump.failure, pump.ended) == (None, True)
    return said


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", LOGINS)
async def test_every_client_is_served_by_every_log_in(name: str, client: str, stream: bool) -> None:
    login = of(name, client)
    with scene() as here:
        served(here, credential(login))
        exchange = await attempt(here, here.open(*conversation(client, login.model, stream)))
        url, headers, body = sent(exchange)
        assert login.faults("generate", url, headers, body) == []
        said = login.understand(body)
        assert said.system[-1] == "Be brief."
        assert said.texts[0] == ("user", "Weather in Oslo and Rome?")
        assert [(called, arguments) for _, called, arguments in said.calls] == [("weather", {"city": "Oslo"})]
        assert "rain" in said.results[0][1]
        assert "weather" in said.tools
        assert headers["accept"] == ("text/event-stream" if stream or login.streams else "application/json")
        got = LISTENERS[client](await answered(exchange, login), stream, True)
        assert (got.text, got.calls) == ("Rain in Oslo.", [("weather", {"city": "Rome"})])
        assert TOKEN not in str(exchange.attempt)


# --- who may use what -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "has", "lacks"),
    [
        ("free", "gpt-5.6-luna", "gpt-5.4"),
        ("plus", "gpt-5.3-codex-spark", "gpt-5.2"),
        ("go", "gpt-5.4", "gpt-5.3-codex-spark"),
        ("Enterprise", "gpt-5.3-codex-spark", "gpt-5.2"),
        ("", "gpt-5.6-sol", "gpt-6-sol"),
    ],
)
def test_the_plan_decides_about_the_models(plan: str, has: str, lacks: str) -> None:
    with scene() as here:
        served(here, credential(LOGINS["codex"], facts={"account_id": "a", "plan": plan}))
        names = {listing.id for listing in here.settings.runtime.pool.models()}
        assert has in names
        assert lacks not in names


def test_an_account_without_what_its_address_needs_is_not_served() -> None:
    with scene() as here:
        served(here, credential(LOGINS["vertex"], facts={"location": "global"}))
        assert [row.state for row in here.settings.runtime.pool.states(0)] == ["unserved"]


@pytest.mark.parametrize(
    ("name", "changed", "url"),
    [
        ("vertex", {"facts": {"project": "p-1", "location": "global"}}, "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/"),
        ("vertex", {"facts": {"project_id": "p-1"}}, "https://us-central1-aiplatform.googleapis.com/v1/projects/p-1/locations/us-central1/"),
        ("xai", {"facts": {}}, "https://api.x.ai/v1/responses"),
        ("xai", {"facts": {"using_api": "false", "base_url": "https://api.x.ai/v1"}}, "https://cli-chat-proxy.grok.com/v1/responses"),
        ("xai", {"facts": {"using_api": "true"}}, "https://api.x.ai/v1/responses"),
        ("qwen", {"facts": {"resource_url": "dashscope.aliyuncs.com/compatible-mode"}}, "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"),
        ("qwen", {"facts": {}}, "https://portal.qwen.ai/v1/chat/completions"),
        ("iflow", {"facts": {"base_url": "https://other.iflow.cn/v1"}}, "https://other.iflow.cn/v1/chat/completions"),
        ("kimi", {"base_url": "http://127.0.0.1:99/coding"}, "http://127.0.0.1:99/coding/v1/chat/completions"),
        ("codex", {"base_url": "http://127.0.0.1:99/codex"}, "http://127.0.0.1:99/codex/responses"),
    ],
)  # fmt: skip
async def test_where_an_account_is_served(name: str, changed: dict[str, Any], url: str) -> None:
    login = LOGINS[name]
    with scene() as here:
        served(here, credential(login, **changed))
        exchange = await attempt(here, here.open(*conversation("openai-chat", login.model, False)))
        at, headers, _ = sent(exchange)
        assert at.startswith(url)
        assert ("x-xai-token-auth" in headers) is ("grok.com" in url)


async def test_a_client_cannot_speak_for_another_device_or_workspace() -> None:
    headers = {"x-msh-device-id": "mine", "chatgpt-account-id": "mine", "authorization": "Bearer mine"}
    for name, client in (("kimi", "openai-chat"), ("codex", "openai-responses")):
        with scene() as here:
            served(here, credential(LOGINS[name]))
            path, body = conversation(client, LOGINS[name].model, False)
            exchange = await attempt(here, here.open(path, body, headers))
            assert "mine" not in str(sent(exchange)[1])


# --- one by one -------------------------------------------------------------------------------------------------------


async def test_a_codex_clients_own_headers_and_body_pass() -> None:
    headers = {"user-agent": "codex_cli_rs/0.169", "originator": "codex_cli_rs", "session_id": "s-1"}
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}], "novelty": 1.50}
    fixed = {"stream": True, "store": False, "include": ["reasoning.encrypted_content"], "prompt_cache_key": "s-1"}
    body = {
        "model": "gpt-5.5",
        "instructions": "x",
        "input": [item],
        "tools": [],
        "client_metadata": {"a": "b"},
        **fixed,
    }
    with scene() as here:
        served(here, credential(LOGINS["codex"]))
        exchange = await attempt(here, here.open("/v1/responses", body, headers))
        _, told, raw = sent(exchange)
        assert {name: told[name] for name in headers} == headers
        assert "session-id" not in told
        assert json.loads(raw) == body
        assert b'"novelty":1.5' in raw


async def test_codex_gives_a_responses_client_the_backends_own_response() -> None:
    with scene() as here:
        login = LOGINS["codex"]
        served(here, credential(login))
        whole = await attempt(here, here.open(*conversation("openai-responses", login.model, False)))
        got = json.loads(await answered(whole, login))
        assert got["id"] == "resp_fake"
        assert [item["type"] for item in got["output"]] == ["reasoning", "message", "function_call"]
        assert got["output"][0]["encrypted_content"]
        assert got["usage"]["input_tokens_details"]["cached_tokens"] == 80
        streamed = await attempt(here, here.open(*conversation("openai-responses", login.model, True)))
        said = await answered(streamed, login)
        assert b"codex." not in said
        assert said.startswith(b"event: response.created\n")


async def test_codex_says_what_it_does_not_take() -> None:
    with scene() as here:
        served(here, credential(LOGINS["codex"]))
        exchange = await attempt(here, here.open(*conversation("openai-responses", "gpt-5.5", False)))
        paths = {loss.path for loss in exchange.ledger.losses}
        assert paths == {"$.temperature", "$.max_output_tokens", "$.user", "$.store"}
        assert not any(loss.semantic for loss in exchange.ledger.losses)


@pytest.mark.parametrize("state", [{"previous_response_id": "resp_1"}, {"background": True}, {"conversation": "c"}])
async def test_state_at_the_vendor_is_refused_and_not_forgotten(state: dict[str, Any]) -> None:
    for name in ("codex", "xai"):
        with scene() as here:
            served(here, credential(LOGINS[name]))
            body = {"model": LOGINS[name].model, "input": "and then?"} | state
            exchange = await attempt(here, here.open("/v1/responses", body))
            assert exchange.wire is None
            assert exchange.refusal is not None
            assert exchange.refusal.kind == "invalid"


async def test_a_conversation_keeps_its_place_in_the_prompt_cache() -> None:
    keys = {"codex": "session-id", "xai": "x-grok-conv-id"}
    for name, header in keys.items():
        with scene() as here:
            served(here, credential(LOGINS[name]))
            seen = set()
            for stream in (False, True):
                exchange = await attempt(here, here.open(*conversation("claude", LOGINS[name].model, stream)))
                _, headers, body = sent(exchange)
                assert headers[header] == json.loads(body)["prompt_cache_key"]
                seen.add(headers[header])
            assert len(seen) == 1


async def test_compaction() -> None:
    body = {"input": [{"role": "user", "content": "hi"}], "instructions": "x", "tools": [], "temperature": 1}
    for name in ("codex", "xai"):
        login = LOGINS[name]
        with scene() as here:
            served(here, credential(login))
            exchange = await attempt(here, here.open("/v1/responses/compact", {"model": login.model, **body}))
            url, headers, raw = sent(exchange)
            assert url.endswith(login.paths["compact"])
            assert headers["accept"] == "application/json"
            assert not {"stream", "store", "temperature"} & set(json.loads(raw))
    with scene() as here:
        served(here, credential(LOGINS["kimi"]))
        exchange = await attempt(here, here.open("/v1/responses/compact", {"model": LOGINS["kimi"].model, **body}))
        assert exchange.refusal is not None
        assert exchange.refusal.kind == "unsupported"


async def test_long_tool_names_are_short_at_codex_and_long_again() -> None:
    name = "mcp__" + "a_very_long_server_name__" * 3 + "lookup"
    with scene() as here:
        login = LOGINS["codex"]
        served(here, credential(login))
        body = {"model": login.model, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}],
                "tools": [{"name": name, "input_schema": SCHEMA}]}  # fmt: skip
        exchange = await attempt(here, here.open("/v1/messages", body))
        (short,) = login.understand(sent(exchange)[2]).tools
        assert len(short) <= 64
        answer = Answer(calls=(Call(short, {"city": "Rome"}),))
        got = LISTENERS["claude"](await answered(exchange, login, answer), False, True)
        assert got.calls == [(name, {"city": "Rome"})]


async def test_tools_that_xai_does_not_know() -> None:
    tools = [
        {"type": "custom", "name": "apply_patch", "description": "Patches."},
        {"type": "namespace", "name": "files", "description": "", "tools": [{"type": "function", "name": "read"}]},
        {
            "type": "function",
            "name": "either",
            "parameters": {"anyOf": [{"properties": {"a": {}}}, {"type": "object"}]},
        },
        {"type": "function", "name": "odd", "parameters": {"type": "array", "items": {}}},
        {"type": "web_search", "external_web_access": True},
        {"type": "image_generation"},
    ]
    body = {"model": "grok-4.5", "input": "x", "tools": tools, "tool_choice": {"type": "web_search"}}
    with scene() as here:
        login = LOGINS["xai"]
        served(here, credential(login))
        exchange = await attempt(here, here.open("/v1/responses", body))
        url, headers, raw = sent(exchange)
        written = json.loads(raw)
        assert login.faults("generate", url, headers, raw) == []
        assert [tool.get("name", tool["type"]) for tool in written["tools"]] == [
            "apply_patch", "files__read", "either", "odd", "web_search",
        ]  # fmt: skip
        assert "external_web_access" not in written["tools"][4]
        assert written["tool_choice"] == {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "web_search"}],
        }
        assert Loss("$.tools", "xAI has no tool image_generation for this model", True) in exchange.ledger.losses
        answer = Answer(calls=(Call("files__read", {"path": "a"}), Call("apply_patch", {"input": "+x"})))
        got = json.loads(await answered(exchange, login, answer))["output"]
        assert (got[0]["name"], got[0]["namespace"]) == ("read", "files")
        assert (got[1]["type"], got[1]["input"]) == ("custom_tool_call", "+x")


async def test_reasoning_of_xai_is_shown_as_a_summary() -> None:
    raw = b"".join(
        b"data: " + json.dumps(event).encode() + b"\n\n"
        for event in (
            {"type": "response.created", "response": {"id": "r", "status": "in_progress"}},
            {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs"}},
            {"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "Hm."},
            {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Yes."},
            {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}},
        )
    )
    with scene() as here:
        served(here, credential(LOGINS["xai"]))
        exchange = await attempt(here, here.open(*conversation("openai-responses", "grok-4.5", True)))
        assert exchange.wire is not None
        pump = exchange.wire.make_pump(True)
        said = pump.feed(raw) + pump.finish()
        assert b"response.reasoning_summary_text.delta" in said
        assert b"reasoning_text.delta" not in said.replace(b"summary_text", b"")


async def test_token_counts() -> None:
    for name, client in (
        ("claude", "openai-responses"),
        ("vertex", "gemini"),
        ("vertex", "claude"),
        ("kimi", "claude"),
    ):
        login = of(name, client)
        with scene() as here:
            served(here, credential(login))
            path, body = conversation(client, login.model, False)
            path = path.replace("generateContent", "countTokens")
            path = {"/v1/messages": "/v1/messages/count_tokens", "/v1/responses": "/v1/responses/input_tokens"}.get(
                path, path
            )
            exchange = await attempt(here, here.open(path, body))
            url, headers, raw = sent(exchange)
            assert login.faults("count", url, headers, raw) == []
    for name in ("codex", "xai", "kimi", "qwen", "iflow"):
        with scene() as here:
            served(here, credential(LOGINS[name]))
            _, body = conversation("gemini", LOGINS[name].model, False)
            exchange = await attempt(here, here.open(f"/v1beta/models/{LOGINS[name].model}:countTokens", body))
            assert exchange.flow.response is not None  # an estimate, made here
            assert exchange.flow.response.headers["x-cliproxy-token-count"] == "estimate"


async def test_betas_in_a_body_go_into_the_header() -> None:
    path, body = conversation("claude", "claude-sonnet-4-5-20250929", False)
    with scene() as here:
        served(here, credential(LOGINS["claude"]))
        exchange = await attempt(here, here.open(path, body | {"betas": ["context-1m-2025-08-07"]}))
        _, headers, raw = sent(exchange)
        assert headers["anthropic-beta"] == "context-1m-2025-08-07,oauth-2025-04-20"
        assert "betas" not in json.loads(raw)
