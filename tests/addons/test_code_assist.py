"""Gemini CLI and Antigravity as upstreams: every client's requests, answers, refusals, and where they go on."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from addons.accounts import AuthDir
from addons.authorize import Authorize
from addons.exchanges import Exchange
from addons.projects import projects_of
from credentials.accounts import Customs
from credentials.file_store import open_store
from credentials.model import Credential, Secret
from credentials.oauth.flow import Answer as Answered
from credentials.oauth.flow import Ask, Failed, Pause, Steps
from credentials.oauth.google_projects import Projects
from tests.addons.scene import Scene, scene
from tests.addons.test_authorize import attempt
from tests.end_to_end.scenery import CLIENTS, ended_well, payloads, request, text_in
from tests.upstreams import code_assist
from tests.upstreams.answers import Answer, Call
from tests.upstreams.code_assist import ANTIGRAVITY, GEMINI_CLI, asked_of, reason, refusal
from tests.upstreams.dialects import FakeDialect, seal
from translators.model import Failure

TOKEN = "ya29.the-access-token-of-a-log-in"
DOORS: dict[str, tuple[FakeDialect, str]] = {
    "gemini-cli": (GEMINI_CLI, "gemini-2.5-pro"),
    "antigravity": (ANTIGRAVITY, "gemini-3-flash"),
}
CLAUDE = "claude-opus-4-6-thinking"
TOOLS = [
    {"name": "now", "description": "the time", "input_schema": {"type": "object", "properties": {}}},
    {
        "name": "find",
        "input_schema": {
            "type": "object",
            "properties": {"where": {"type": "object", "properties": {"city": {"type": "string"}}}},
            "additionalProperties": False,
        },
    },
]


def login(provider: str, identifier: str = "ana.json", project: str = "my-proj-1", **other: Any) -> Credential:
    facts = {"project_id": project} if project else {}
    return Credential(identifier, provider, identifier, Secret(TOKEN), kind="oauth", facts=facts, **other)


@pytest.fixture
def here(request: pytest.FixtureRequest) -> Iterator[Scene]:
    with scene(getattr(request, "param", "request-retry: 0")) as made:
        made.settings.runtime.pool.replace([login("gemini-cli"), login("antigravity", "ben.json")])
        yield made


def opened(here: Scene, dialect: str, model: str, stream: bool = False, **more: Any) -> Exchange:
    asked = request(dialect, model, stream)
    return here.open(asked["url"], asked["json"] | more, asked["headers"])


def sent(exchange: Exchange) -> dict[str, Any]:
    """The body on the wire, after the fake has judged it."""
    wire = exchange.wire
    assert wire is not None, exchange.refusal
    headers = {name.decode(): value.decode() for name, value in wire.headers}
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["user-agent"].startswith("cliproxy")
    assert not headers.keys() & {"x-goog-api-client", "client-metadata", "x-goog-api-key"}
    asked = asked_of(wire.path, headers, wire.body)
    door = ANTIGRAVITY if exchange.attempt.provider == "antigravity" else GEMINI_CLI
    assert door.check(asked) == []
    if asked.verb == "generate":
        assert headers["accept"] == ("text/event-stream" if asked.stream else "application/json")
    return asked.body


def answered(exchange: Exchange, answer: Answer) -> bytes:
    """What the client gets when the upstream answers."""
    assert exchange.wire is not None
    asked = asked_of(exchange.wire.path, {}, exchange.wire.body)
    chunks = code_assist.frames(answer, asked) if asked.stream else [code_assist.whole(answer, asked)]
    pump = exchange.wire.make_pump(asked.stream)
    said = b"".join(pump.feed(chunk) for chunk in chunks) + pump.finish()
    assert pump.failure is None
    assert pump.ended
    return said


# --- crossings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("provider", DOORS)
async def test_every_client_is_answered(here: Scene, provider: str, client: str, stream: bool) -> None:
    door, model = DOORS[provider]
    exchange = await attempt(here, opened(here, client, model, stream))
    body = sent(exchange)
    assert (body["model"], body["project"]) == (model, "my-proj-1")
    assert door.understand(body).texts == [("user", "What is new?")]
    said = answered(exchange, Answer("Nothing – naïve 🙂 much.", "Hm.", (Call("weather", {"city": "Oslo"}),)))
    assert b"traceId" not in said
    if stream:
        assert ended_well(client, said)
        assert text_in(client, payloads(said)) == "Nothing – naïve 🙂 much."
        check = exchange.client.grammar
        assert check is not None
        judge = check()
        assert judge.feed(said) + judge.finish() == []
    else:
        assert "naïve 🙂" in json.dumps(json.loads(said), ensure_ascii=False)
        assert exchange.client.check_reply is not None
        assert exchange.client.check_reply(said) == []


async def test_a_gemini_clients_bytes_pass(here: Scene) -> None:
    raw = b'{ "contents" : [{"role":"user","parts":[{"text":"x \\u00e9"}]}],\n "generationConfig":{"temperature":1.0} }'
    for verb, stream in (("generateContent", False), ("streamGenerateContent?alt=sse", True)):
        exchange = await attempt(here, here.open(f"/v1beta/models/gemini-2.5-pro:{verb}", raw))
        sent(exchange)
        assert exchange.wire is not None
        assert exchange.wire.body == b'{"model":"gemini-2.5-pro","project":"my-proj-1","request":' + raw + b"}"
        inner = b'{"candidates":[{"content":{"parts":[{"text":"\\u00e9"}]},"finishReason":"STOP"}], "x":1.0}'
        answer = code_assist.enveloped(inner)
        pump = exchange.wire.make_pump(stream)
        said = pump.feed(b"data: " + answer + b"\r\n\r\n" if stream else answer) + pump.finish()
        assert said == (b"data: " + inner + b"\n\n" if stream else inner)
        assert pump.ended


@pytest.mark.parametrize("stream", [False, True])
async def test_half_a_character_alone(here: Scene, stream: bool) -> None:
    exchange = await attempt(here, opened(here, "gemini", "gemini-2.5-pro", stream))
    assert exchange.wire is not None
    parts = b'{"candidates":[{"content":{"role":"model","parts":[{"text":"\\ud83d"}]},"finishReason":"STOP"}]}'
    answer = code_assist.enveloped(parts)
    pump = exchange.wire.make_pump(stream)
    said = pump.feed(b"data: " + answer + b"\n\n" if stream else answer) + pump.finish()
    assert b'"response"' not in said
    assert rb"\ud83d" in said
    translated = await attempt(here, opened(here, "claude", "gemini-2.5-pro", stream))
    assert translated.wire is not None
    pump = translated.wire.make_pump(stream)
    said = pump.feed(b"data: " + answer + b"\n\n" if stream else answer) + pump.finish()
    assert "\ufffd" in said.decode()


async def test_a_gemini_client_that_wants_an_array(here: Scene) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
    exchange = await attempt(here, here.open("/v1beta/models/gemini-2.5-pro:streamGenerateContent", body))
    sent(exchange)
    said = json.loads(answered(exchange, Answer("One two three.")))
    assert (
        "".join(part["text"] for one in said for part in one["candidates"][0]["content"]["parts"]) == "One two three."
    )


async def test_fields_that_code_assist_does_not_know_are_left_out(here: Scene) -> None:
    exchange = await attempt(here, opened(here, "gemini", "gemini-2.5-pro", serviceTier="flex", store=True))
    assert sent(exchange)["model"] == "gemini-2.5-pro"
    assert [loss.path for loss in exchange.ledger.losses] == ["$.serviceTier", "$.store"]


@pytest.mark.parametrize("provider", DOORS)
@pytest.mark.parametrize("client", ["claude", "gemini"])
async def test_tokens_are_counted_without_thoughts(here: Scene, provider: str, client: str) -> None:
    model = DOORS[provider][1]
    if client == "gemini":
        thought = {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "yes"}]}
        said = [{"role": "user", "parts": [{"text": "x"}]}, thought, {"role": "user", "parts": [{"text": "y"}]}]
        exchange = here.open(f"/v1beta/models/{model}:countTokens", {"contents": said})
    else:
        ask = {"model": model, "system": "Be brief.", "messages": [{"role": "user", "content": "x"}], "tools": TOOLS}
        exchange = here.open("/v1/messages/count_tokens", ask)
    await attempt(here, exchange)
    body = sent(exchange)
    assert body.keys() == {"request"}
    assert body["request"]["model"] == f"models/{model}"
    assert exchange.wire is not None
    assert exchange.wire.path == "/v1internal:countTokens"
    pump = exchange.wire.make_pump(False)
    assert "321" in (pump.feed(GEMINI_CLI.count(321)) + pump.finish()).decode()


@pytest.mark.parametrize(
    "here",
    ["payload: {override: [{models: [{name: '*', protocol: gemini}], params: {generationConfig.seed: 7}}]}"],
    indirect=True,
)
async def test_rules_speak_of_what_is_in_the_envelope(here: Scene) -> None:
    body = sent(await attempt(here, opened(here, "claude", "gemini-2.5-pro")))
    assert body["request"]["generationConfig"]["seed"] == 7
    body = sent(await attempt(here, opened(here, "claude", "gemini-3-flash")))
    assert "seed" not in body["request"].get("generationConfig", {})


# --- Antigravity ----------------------------------------------------------------------------------------------------


def claude_asks(**more: Any) -> dict[str, Any]:
    return {"model": CLAUDE, "max_tokens": 5000, "messages": [{"role": "user", "content": "x"}]} | more


async def test_claude_models_get_what_they_want(here: Scene) -> None:
    asked = claude_asks(tools=TOOLS, thinking={"type": "enabled", "budget_tokens": 4000}, tool_choice={"type": "auto"})
    body = sent(await attempt(here, here.open("/v1/messages", asked)))
    now, find = body["request"]["tools"][0]["functionDeclarations"]
    assert now["parameters"]["required"] == ["reason"]
    assert find["parameters"]["properties"]["where"]["required"] == ["_"]
    assert body["request"]["toolConfig"]["functionCallingConfig"]["mode"] == "VALIDATED"
    assert body["request"]["generationConfig"]["maxOutputTokens"] == 5000
    assert body["request"]["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 4000


async def test_the_others_have_no_limit_and_no_placeholders(here: Scene) -> None:
    exchange = await attempt(here, here.open("/v1/messages", claude_asks(tools=TOOLS) | {"model": "gemini-3-flash"}))
    body = sent(exchange)
    assert "parameters" not in body["request"]["tools"][0]["functionDeclarations"][0]
    assert "toolConfig" not in body["request"]
    assert any("maxOutputTokens" in loss.path for loss in exchange.ledger.losses)


@pytest.mark.parametrize(("most", "budget", "sent_as"), [(3000, 2000, 2000), (2000, 2000, 1999), (1024, 1024, None)])
async def test_thinking_fits_under_the_limit(here: Scene, most: int, budget: int, sent_as: int | None) -> None:
    config = {"maxOutputTokens": most, "thinkingConfig": {"thinkingBudget": budget}}
    exchange = await attempt(here, opened(here, "gemini", CLAUDE, generationConfig=config))
    assert sent(exchange)["request"]["generationConfig"].get("thinkingConfig", {}).get("thinkingBudget") == sent_as


async def test_the_models_limit_where_the_client_has_none(here: Scene) -> None:
    exchange = await attempt(here, opened(here, "openai-chat", CLAUDE, reasoning_effort="high"))
    assert sent(exchange)["request"]["generationConfig"]["maxOutputTokens"] == 64000


@pytest.mark.parametrize("sealed", [True, False])
async def test_an_open_turn_without_its_thoughts_goes_on_without_thinking(here: Scene, sealed: bool) -> None:
    thought = {"text": "hm", "thought": True, "thoughtSignature": seal("google", "hm")}
    call = {"functionCall": {"id": "c1", "name": "now", "args": {"reason": "x"}}}
    said = [
        {"role": "user", "parts": [{"text": "x"}]},
        {"role": "model", "parts": [thought, call] if sealed else [call]},
        {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "now", "response": {"output": "9"}}}]},
    ]
    config = {"thinkingConfig": {"thinkingBudget": 2000, "includeThoughts": True}}
    tools = [{"functionDeclarations": [{"name": "now"}]}]
    ask = {"contents": said, "generationConfig": config, "tools": tools}
    body = sent(await attempt(here, here.open(f"/v1beta/models/{CLAUDE}:generateContent", ask)))
    assert ("thinkingConfig" in body["request"].get("generationConfig", {})) is sealed


async def test_kinds_of_requests(here: Scene) -> None:
    search = [{"type": "web_search_20250305", "name": "web_search"}]
    body = sent(await attempt(here, here.open("/v1/messages", claude_asks(tools=search) | {"model": "gemini-3-flash"})))
    assert (body["requestType"], "requestId" in body) == ("web_search", False)
    body = sent(await attempt(here, opened(here, "gemini", "gemini-3.1-flash-image")))
    assert body["requestType"] == "image_gen"
    first = sent(await attempt(here, opened(here, "claude", "gemini-3-flash")))
    again = sent(await attempt(here, opened(here, "openai-chat", "gemini-3-flash")))
    assert first["request"]["sessionId"] == again["request"]["sessionId"]
    assert first["requestId"] != again["requestId"]


async def test_safety_settings_are_left_out(here: Scene) -> None:
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]
    exchange = await attempt(here, opened(here, "gemini", "gemini-3-flash", safetySettings=settings))
    assert "safetySettings" not in sent(exchange)["request"]
    assert [loss.path for loss in exchange.ledger.losses] == ["$.safetySettings"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_is_not_admitted_is_told_so(here: Scene, stream: bool) -> None:
    exchange = await attempt(here, opened(here, "claude", "gemini-3-flash", stream))
    assert exchange.wire is not None
    gone = Answer("This version of Antigravity is no longer supported. Please update.", pieces=1)
    pump = exchange.wire.make_pump(True)
    asked = asked_of(exchange.wire.path, {}, exchange.wire.body)
    said = b"".join(pump.feed(chunk) for chunk in code_assist.frames(gone, asked)) + pump.finish()
    assert (said, pump.committed) == (b"", False)
    assert pump.failure is not None
    await attempt(here, exchange, pump.failure)
    assert exchange.refusal is not None
    assert "not admitted" in exchange.refusal.message
    assert here.settings.runtime.pool.snapshot(0.0) == []


# --- refusals -------------------------------------------------------------------------------------------------------

SPENT = refusal(
    429, "Individual quota reached. Resets in 9h22m20s.", "RESOURCE_EXHAUSTED",
    reason("QUOTA_EXHAUSTED", model="gemini-3-pro", quotaResetDelay="33740.9s"),
    {"kind": "RetryInfo", "retryDelay": "33740.9s"},
)  # fmt: skip
HELP = {"kind": "Help", "links": [{"url": "https://accounts.google.com/verify"}]}
REFUSALS: dict[str, tuple[int, bytes, str, str, float | None]] = {
    "spent": (429, SPENT, "quota", "quota", 33740.9),
    "pace": (
        429,
        refusal(429, "slow", "RESOURCE_EXHAUSTED", reason("RATE_LIMIT_EXCEEDED", quotaResetDelay="2.5s"), array=True),
        "rate_limit", "quota", 2.5,
    ),
    "long pace": (
        429, refusal(429, "slow", "RESOURCE_EXHAUSTED", reason("RATE_LIMIT_EXCEEDED", quotaResetDelay="1h2m3s")),
        "quota", "quota", 3723.0,
    ),
    "text": (429, refusal(429, "Your quota will reset after 12s.", "RESOURCE_EXHAUSTED"), "rate_limit", "quota", 12.0),
    "minute": (
        429,
        refusal(429, "x", "RESOURCE_EXHAUSTED", {"kind": "QuotaFailure", "violations": [{"quotaId": "PerMinute"}]}),
        "rate_limit", "quota", 60.0,
    ),
    "date": (
        429,
        refusal(429, "x", "RESOURCE_EXHAUSTED", reason("QUOTA_EXHAUSTED", quotaResetTimeStamp="2126-02-25T21:03:14Z")),
        "quota", "quota", 0.1,
    ),
    "capacity": (
        503, refusal(503, "No capacity available for model x", "UNAVAILABLE", reason("MODEL_CAPACITY_EXHAUSTED")),
        "overloaded", "transient", None,
    ),
    "bare": (
        429, refusal(429, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED"),
        "quota", "quota", None,
    ),
    "verify": (
        403, refusal(403, "Verify your account.", "PERMISSION_DENIED", reason("VALIDATION_REQUIRED"), HELP),
        "permission", "validation_required", None,
    ),
    "off": (
        403, refusal(403, "API off.", "PERMISSION_DENIED", reason("SERVICE_DISABLED", activationUrl="https://on.test/")),
        "permission", "service_disabled", None,
    ),
    "perimeter": (
        403, refusal(403, "x", "PERMISSION_DENIED", reason("SECURITY_POLICY_VIOLATED")),
        "permission", "service_disabled", None,
    ),
    "tier": (404, refusal(404, "Requested entity was not found.", "NOT_FOUND"), "model", "model_not_supported", None),
    "cancelled": (499, refusal(499, "cancelled", "CANCELLED"), "upstream", "transient", None),
    "bad": (400, refusal(400, "Invalid schema", "INVALID_ARGUMENT"), "invalid", "request", None),
    "expired": (401, refusal(401, "x", "UNAUTHENTICATED"), "auth", "unauthorized", None),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
async def test_refusals(here: Scene, name: str) -> None:
    status, body, kind, why, wait = REFUSALS[name]
    exchange = await attempt(here, opened(here, "claude", "gemini-2.5-pro"))
    assert exchange.wire is not None
    failure = exchange.wire.read_failure(status, {"Content-Type": "application/json"}, body)
    assert failure.kind == kind
    if name == "date":
        assert (failure.retry_after or 0) > 1e9
    else:
        assert failure.retry_after == wait
    await attempt(here, exchange, failure)
    assert exchange.attempt.verdict == why
    if name == "verify":
        assert "https://accounts.google.com/verify" in failure.message
    if name == "off":
        assert "https://on.test/" in failure.message


# --- going on elsewhere ---------------------------------------------------------------------------------------------

QUOTA = Failure(kind="quota", message="spent", status=429, retry_after=900)


def tried(exchange: Exchange) -> list[tuple[str, str, str]]:
    return [(one.label, one.model, one.verdict) for one in exchange.attempts]


@pytest.mark.parametrize(
    "failure",
    [
        QUOTA,
        Failure(kind="overloaded", message="No capacity available for model x", status=503),
        Failure(kind="upstream", message="cannot connect", origin="cliproxy", code="connect"),
    ],
)
async def test_the_next_address_of_antigravity(here: Scene, failure: Failure) -> None:
    exchange = await attempt(here, opened(here, "claude", "gemini-3-flash"))
    assert exchange.wire is not None
    hosts = [exchange.wire.host]
    await attempt(here, exchange, failure)
    assert exchange.wire is not None
    sent(exchange)
    hosts.append(exchange.wire.host)
    assert hosts == ["daily-cloudcode-pa.googleapis.com", "cloudcode-pa.googleapis.com"]
    assert exchange.attempts[0].verdict == "next address"
    assert here.settings.runtime.pool.snapshot(0.0) == []
    await attempt(here, exchange, failure)
    assert exchange.wire is None
    assert exchange.refusal is not None


async def test_no_other_address_for_other_failures_or_a_base_url_of_its_own(here: Scene) -> None:
    exchange = await attempt(here, opened(here, "claude", "gemini-3-flash"))
    await attempt(here, exchange, Failure(kind="auth", message="expired", status=401))
    assert exchange.wire is None or exchange.wire.host == "daily-cloudcode-pa.googleapis.com"
    own = login("antigravity", "own.json", base_url="http://own.test")
    here.settings.runtime.pool.replace([own])
    exchange = await attempt(here, opened(here, "claude", "gemini-3-flash"))
    assert exchange.wire is not None
    assert exchange.wire.host == "own.test"
    await attempt(here, exchange, QUOTA)
    assert exchange.wire is None


PROJECTS = [
    login("gemini-cli", "a.json::p-one", "proj-one"),
    login("gemini-cli", "b.json"),
    login("gemini-cli", "a.json::p-two", "proj-two"),
]


@pytest.mark.parametrize("here", ["{}", "quota-exceeded: {switch-project: true}"], indirect=True)
async def test_the_next_project_of_the_same_account(here: Scene) -> None:
    switch = here.settings.runtime.config.quota_exceeded.switch_project
    here.settings.runtime.pool.replace([PROJECTS[0], PROJECTS[1], PROJECTS[2]])
    exchange = opened(here, "claude", "gemini-2.5-pro")
    for failure in (None, QUOTA, QUOTA):
        await attempt(here, exchange, failure)
        sent(exchange)
    labels = [label for label, _, _ in tried(exchange)]
    assert sorted(labels) == sorted(one.label for one in PROJECTS)
    assert labels[0] == "a.json::p-one"
    if switch:
        assert labels == ["a.json::p-one", "a.json::p-two", "b.json"]
        assert [verdict for _, _, verdict in tried(exchange)[:2]] == ["quota", "quota"]


@pytest.mark.parametrize("here", ["quota-exceeded: {switch-project: true}"], indirect=True)
async def test_other_failures_switch_no_project(here: Scene) -> None:
    order = [
        login("gemini-cli", "a.json::p-one"),
        login("gemini-cli", "a.json::p-two"),
        login("gemini-cli", "0.json", priority=1),
    ]
    here.settings.runtime.pool.replace(order)
    exchange = opened(here, "claude", "gemini-2.5-pro")
    await attempt(here, exchange)
    assert exchange.attempt.label == "0.json"
    await attempt(here, exchange, QUOTA)
    await attempt(here, exchange, Failure(kind="server", message="x", status=500))
    assert exchange.kin == ""


@pytest.mark.parametrize("here", ["{}", "quota-exceeded: {switch-preview-model: true}"], indirect=True)
async def test_preview_variants_before_giving_up(here: Scene) -> None:
    switch = here.settings.runtime.config.quota_exceeded.switch_preview_model
    here.settings.runtime.pool.replace(
        [login("gemini-cli"), login("antigravity", "ben.json", base_url="http://own.test")]
    )
    exchange = opened(here, "claude", "gemini-3-flash")
    await attempt(here, exchange)
    await attempt(here, exchange, QUOTA)
    if not switch:
        assert exchange.refusal is not None
        return
    body = sent(exchange)
    assert body["model"] == "gemini-3-flash-preview"
    await attempt(here, exchange, QUOTA)
    assert exchange.refusal is not None
    assert tried(exchange) == [
        ("ben.json", "gemini-3-flash", "quota"),
        ("ana.json", "gemini-3-flash-preview", "quota"),
    ]
    parked = await attempt(here, opened(here, "claude", "gemini-3-flash"))
    assert parked.refusal is not None
    assert parked.refusal.kind == "cooling"
    assert "gemini-3-flash " in f"{parked.refusal.message} "


@pytest.mark.parametrize("here", ["quota-exceeded: {switch-preview-model: true}"], indirect=True)
async def test_a_fault_switches_no_model(here: Scene) -> None:
    exchange = opened(here, "claude", "gemini-3-flash")
    await attempt(here, exchange)
    await attempt(here, exchange, Failure(kind="server", message="x", status=500))
    assert exchange.refusal is not None
    assert len(exchange.attempts) == 1


# --- projects that files do not name --------------------------------------------------------------------------------


class Google:
    """The steps that ask for a project, and what they were asked."""

    def __init__(self, answer: str | Failed) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    def steps(self, provider: str, access: Secret) -> Steps[str]:
        self.asked.append((provider, access.reveal()))
        yield Pause(0)
        if isinstance(self.answer, Failed):
            raise self.answer
        return self.answer


async def turn(here: Scene, projects: Projects, exchange: Exchange) -> Exchange:
    await Authorize(here.exchanges, here.memory, None, projects).cliproxy_attempt(exchange.flow)
    return exchange


@pytest.mark.parametrize("provider", DOORS)
async def test_a_missing_project_is_asked_for_once(here: Scene, provider: str) -> None:
    here.settings.runtime.pool.replace([login(provider, "new.json", "")])
    google, projects = Google("found-proj"), Projects()
    projects.use(lambda: None, google.steps)
    model = DOORS[provider][1]
    asked = [opened(here, "claude", model) for _ in range(3)]
    assert not Authorize(here.exchanges, here.memory, None, projects).choose(asked[0])
    for exchange in await asyncio.gather(*(turn(here, projects, each) for each in asked)):
        assert sent(exchange)["project"] == "found-proj"
    assert google.asked == [(provider, TOKEN)]
    later = await turn(here, projects, opened(here, "openai-chat", model))
    assert sent(later)["project"] == "found-proj"
    assert len(google.asked) == 1
    assert later.lease is not None
    assert not later.lease.renewed


async def test_an_account_without_a_project_makes_way(here: Scene) -> None:
    here.settings.runtime.pool.replace([login("gemini-cli", "new.json", "", priority=1), login("gemini-cli")])
    google, projects = Google(Failed("This account needs a project", code="no_project")), Projects()
    projects.use(lambda: None, google.steps)
    exchange = await turn(here, projects, opened(here, "claude", "gemini-2.5-pro"))
    assert sent(exchange)["project"] == "my-proj-1"
    [rest] = here.settings.runtime.pool.snapshot(0.0)
    assert (rest["of"], rest["key"], rest["reason"]) == ("credential", "new.json", "service_disabled")


@pytest.mark.parametrize(("code", "kind"), [("no_project", "permission"), ("", "upstream")])
async def test_a_project_that_cannot_be_found_is_told(here: Scene, code: str, kind: str) -> None:
    here.settings.runtime.pool.replace([login("gemini-cli", "new.json", "")])
    projects = Projects()
    projects.use(lambda: None, Google(Failed("no project for you", code=code)).steps)
    exchange = await turn(here, projects, opened(here, "claude", "gemini-2.5-pro"))
    assert exchange.refusal is not None
    assert "no project for you" in exchange.refusal.message
    assert exchange.refusal.kind == kind


async def test_without_anybody_to_ask(here: Scene) -> None:
    here.settings.runtime.pool.replace([login("antigravity", "new.json", ""), login("gemini-cli", "old.json", "")])
    exchange = await attempt(here, opened(here, "claude", "gemini-3-flash"))
    assert exchange.refusal is not None
    assert "project_id" in exchange.refusal.message
    exchange = await attempt(here, opened(here, "claude", "gemini-2.5-pro"))
    assert exchange.wire is not None
    assert "project" not in json.loads(exchange.wire.body)


@pytest.mark.parametrize("provider", DOORS)
async def test_google_is_asked_as_the_config_says_and_the_file_remembers(
    tmp_path: Path, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = f"auth-dir: {tmp_path}\noauth: {{{provider}: {{urls: {{code-assist: 'https://google.test'}}}}}}"
    token = {"type": provider, "access_token": TOKEN, "refresh_token": "r"}
    (tmp_path / "new.json").write_text(json.dumps(token))
    with scene(config) as here:
        here.settings.auth_dir = AuthDir(tmp_path, open_store(tmp_path, {}, tmp_path), lambda: None)
        here.settings.runtime.pool.replace(here.settings.auth_dir.accounts.credentials(Customs()))
        asked: list[Ask | Pause] = []

        async def drive(steps: Steps[str], *, proxy: str | None) -> str:
            assert proxy is None
            asked.append(next(steps))
            said = {"currentTier": {"id": "free-tier"}, "cloudaicompanionProject": {"id": "found-proj"}}
            with pytest.raises(StopIteration) as done:
                steps.send(Answered(200, body=json.dumps(said).encode()))
            return str(done.value.value)

        projects = projects_of(here.settings)
        monkeypatch.setattr(projects, "_drive", drive)
        exchange = await turn(here, projects, opened(here, "claude", DOORS[provider][1]))
        assert sent(exchange)["project"] == "found-proj"
        assert isinstance(asked[0], Ask)
        assert asked[0].url == "https://google.test/v1internal:loadCodeAssist"
    assert json.loads((tmp_path / "new.json").read_text()) == token | {"project_id": "found-proj"}
