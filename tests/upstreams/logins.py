"""The fake vendors behind log-ins: what each of them demands of a request beyond its dialect, what it answers, and what
it says in each kind of trouble.

`faults` judges what an attempt puts on the wire: address, headers, body. Bodies are judged by the dialects' fakes (that
is by the vendors' own types); what a vendor takes beyond those types is taken out before, what it refuses is listed.
"""

import copy
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.upstreams import claude, gemini, openai_chat, openai_responses
from tests.upstreams.answers import Answer
from tests.upstreams.dialects import CREDENTIALS, Asked, FakeDialect, Understood, packed

TOKEN = "the-access-token-of-a-log-in"
DISGUISE = re.compile(
    r"x-app|x-stainless-.*|anthropic-dangerous-.*|originator|version|x-goog-api-client|client-metadata"
    r"|x-dashscope-useragent|x-grok-client-.*|x-authenticateresponse|openai-beta|x-claude-code-.*"
)
"""Headers with which the vendors' own clients name themselves."""
USUAL = {
    "host", "content-length", "content-type", "accept", "accept-encoding", "authorization", "user-agent"
}  # fmt: skip

type Refused = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Login:
    """A vendor's door for log-ins.

    facts: what the account's file says. paths: verb → path with `{model}` and query ("stream" where it is another one).
    headers: exactly those beyond the usual ones, as regular expressions. judge: what it finds wrong in a body, which it
    may change to what the dialect's own types know. called: the name upstream of a model. token: the only one it takes.
    """

    name: str
    dialect: FakeDialect
    host: str
    model: str
    paths: Mapping[str, str]
    facts: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    judge: Callable[[dict[str, Any], Asked], Iterator[str]] = lambda body, asked: iter(())
    called: str = ""
    streams: bool = False
    refusals: Mapping[str, Refused] = field(default_factory=dict)
    token: str = TOKEN

    def asked(self, verb: str, path: str, headers: Mapping[str, str], body: bytes) -> Asked:
        """The request as the vendor recognises it."""
        url, tree = urlsplit(path), json.loads(body)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        stream = tree.get("stream") is True or ":streamGenerateContent" in path
        seen = (
            url.path if self.dialect is not gemini.DIALECT else f"/v1/publishers{url.path.partition('/publishers')[2]}"
        )
        return Asked(self.dialect.name, verb, self.called or self.model, stream, dict(headers), query, tree, path=seen)

    def faults(self, verb: str, url: str, headers: Mapping[str, str], body: bytes) -> list[str]:
        """What the vendor would refuse, and what nobody who is honest would send."""
        parts = urlsplit(url)
        asked = self.asked(verb, parts.path + (f"?{parts.query}" if parts.query else ""), headers, body)
        wanted = self.paths.get("stream" if asked.stream and "stream" in self.paths else verb, "(none)")
        wanted = wanted.replace("{model}", self.called or self.model)
        found = []
        if (parts.scheme, parts.netloc) != ("https", self.host) or url.partition(self.host)[2] != wanted:
            found.append(f"address {url}, expected https://{self.host}{wanted}")
        found += self._header_faults(headers)
        if self.dialect is not gemini.DIALECT and asked.body.get("model") != asked.model:
            found.append(f"model {asked.body.get('model')!r}")
        plain = copy.deepcopy(asked.body)
        found += self.judge(plain, asked)
        return found + self.dialect.check(
            Asked(asked.dialect, verb, asked.model, asked.stream, asked.headers, asked.query, plain, path=asked.path)
        )

    def _header_faults(self, headers: Mapping[str, str]) -> Iterator[str]:
        held = [name for name in CREDENTIALS if name in headers]
        if held != ["authorization"] or headers["authorization"] != f"Bearer {self.token}":
            yield f"credential headers {held}"
        if headers.get("host") != self.host:
            yield f"host {headers.get('host')!r}"
        if not re.fullmatch(r"cliproxy(/\S+)?", headers.get("user-agent", "")):
            yield f"user-agent {headers.get('user-agent')!r}"
        for name, pattern in self.headers.items():
            if not re.fullmatch(pattern, headers.get(name, "")):
                yield f"{name}: {headers.get(name)!r}"
        for name in headers:
            if name not in USUAL and name not in self.headers:
                yield f"header {name} is nobody's business" if not DISGUISE.fullmatch(name) else f"disguise: {name}"

    def understand(self, body: bytes) -> Understood:
        """What the request said."""
        return self.dialect.understand(json.loads(body))

    def answer(self, answer: Answer, asked: Asked) -> list[bytes]:
        """The pieces of an answer, a stream or a body."""
        if not asked.stream:
            return [self.dialect.whole(answer, asked)]
        frames = self.dialect.frames(answer, asked)
        if self.name == "codex":
            limits = {
                "type": "codex.rate_limits",
                "plan_type": "plus",
                "rate_limits": {"primary": {"used_percent": 42}},
            }
            frames.insert(0, b"event: codex.rate_limits\ndata: " + packed(limits) + b"\n\n")
            ended = json.loads(frames[-1].partition(b"data: ")[2])
            ended["response"]["output"] = []  # as the backend does: the items were told one by one
            frames[-1] = b"event: " + ended["type"].encode() + b"\ndata: " + packed(ended) + b"\n\n"
        return frames


# --- what each demands of a body -------------------------------------------------------------------------------------


_CODEX_UNKNOWN = (
    "previous_response_id", "prompt_cache_retention", "safety_identifier", "max_output_tokens", "temperature", "top_p",
    "truncation", "context_management", "user", "metadata", "background", "conversation", "prompt_cache_options",
)  # fmt: skip


def _codex(body: dict[str, Any], asked: Asked) -> Iterator[str]:
    for name in _CODEX_UNKNOWN:
        if name in body:
            yield f"Unsupported parameter: {name}"
    if (body.get("stream"), body.get("store")) != (True, False):
        yield f"stream {body.get('stream')!r}, store {body.get('store')!r}"
    if not isinstance(body.get("instructions"), str):
        yield "Instructions are required"
    if not isinstance(body["input"], list):
        yield "Input must be a list"
    if "reasoning.encrypted_content" not in body.get("include", []):
        yield "reasoning could not go on"
    if body.get("service_tier", "priority") != "priority":
        yield f"service_tier {body['service_tier']!r}"
    if not body.get("tools") and "parallel_tool_calls" in body:
        yield "parallel_tool_calls without tools"
    for item in body["input"]:
        if item.get("role") == "system":
            yield "System messages are not allowed"
    for tool in body.get("tools", []):
        if len(tool.get("name", "")) > 64 or tool["type"].startswith("web_search_preview"):
            yield f"tool {tool}"
    session = asked.headers.get("session-id")
    if session is not None and session != body.get("prompt_cache_key"):
        yield f"session {session!r} is not the cache key"


def _xai(body: dict[str, Any], asked: Asked) -> Iterator[str]:
    for name in ("previous_response_id", "prompt_cache_retention", "safety_identifier", "stream_options", "stop"):
        if name in body:
            yield f"Argument not supported: {name}"
    for tool in body.get("tools", []):
        if tool["type"] in ("custom", "namespace", "tool_search", "image_generation"):
            yield f"tool of type {tool['type']}"
        if tool["type"] == "function" and tool.get("parameters", {}).get("type") != "object":
            yield f"parameters of {tool['name']}"
    if "store" not in body or "reasoning.encrypted_content" not in body.get("include", []):
        yield "reasoning could not go on"
    key = body.get("prompt_cache_key")
    if key is not None and asked.headers.get("x-grok-conv-id") != key:
        yield "x-grok-conv-id is not the cache key"


def _kimi(body: dict[str, Any], asked: Asked) -> Iterator[str]:
    thinking = body.pop("thinking", None)
    if "reasoning_effort" in body or (thinking and thinking["type"] not in ("enabled", "disabled")):
        yield f"thinking {thinking}"
    for at, message in enumerate(body["messages"]):
        if message["role"] == "assistant":
            if not message.get("content") and not message.get("tool_calls"):
                yield f"messages[{at}]: empty"
            if message.get("tool_calls") and not message.get("reasoning_content"):
                yield f"messages[{at}]: thinking is enabled but reasoning_content is missing in assistant tool call"


def _qwen(body: dict[str, Any], asked: Asked) -> Iterator[str]:
    if body["messages"][0]["role"] != "system":
        yield "invalid_parameter_error: the first message must be system"
    if asked.stream and not body.get("tools"):
        yield "stray tokens: no tools in a stream"
    if "reasoning_effort" in body:
        yield "reasoning_effort"


def _iflow(body: dict[str, Any], asked: Asked) -> Iterator[str]:
    body.pop("chat_template_kwargs", None)
    if body.get("tools") == []:
        yield "an empty list of tools"
    if "reasoning_effort" in body:
        yield "reasoning_effort"
    said = f"{asked.headers['user-agent']}:{asked.headers['session-id']}:{asked.headers['x-iflow-timestamp']}"
    key = asked.headers["authorization"].removeprefix("Bearer ")
    if asked.headers["x-iflow-signature"] != hmac.new(key.encode(), said.encode(), hashlib.sha256).hexdigest():
        yield "signature"


def _vertex(body: dict[str, Any], asked: Asked) -> Iterator[str]:
    for name in ("session_id", "model", "generateContentRequest"):
        if name in body:
            yield f"Unknown name {name}"


# --- what each says in trouble ----------------------------------------------------------------------------------------

DATE = "Wed, 25 Feb 2026 09:00:00 GMT"
NOW = 1_772_010_000.0


def _error(status: int, error: Any, **headers: str) -> Refused:
    told = {"content-type": "application/json", "date": DATE} | {k.replace("_", "-"): v for k, v in headers.items()}
    return status, told, packed(error)


def _claude_error(status: int, kind: str, message: str, **headers: str) -> Refused:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return _error(status, body, **headers)


def _windows(**windows: str) -> dict[str, str]:
    told = {f"anthropic-ratelimit-unified-{name}-status": status for name, status in windows.items()}
    return {"anthropic-ratelimit-unified-status": "rejected", **told}


def _limited(**windows: str) -> Refused:
    status, headers, body = _claude_error(429, "rate_limit_error", "This request would exceed your account's limit.")
    resets = {"anthropic-ratelimit-unified-5h-reset": str(int(NOW) + 3600)}
    resets |= {"anthropic-ratelimit-unified-7d_oi-reset": str(int(NOW) + 7200)}
    return status, headers | _windows(**windows) | resets, body


def _chat_error(status: int, message: str, kind: str = "", code: str | None = None) -> Refused:
    return _error(status, {"error": {"message": message, "type": kind or None, "param": None, "code": code}})


CLAUDE_REFUSALS = {
    "expired": _claude_error(401, "authentication_error", "OAuth token has expired."),
    "scope": _claude_error(403, "permission_error", "OAuth token does not meet scope requirement user:inference"),
    "disabled": _claude_error(403, "permission_error", "This organization has been disabled."),
    "policy": _claude_error(
        400,
        "invalid_request_error",
        "This credential is only authorized for use with Claude Code and cannot be used for other API requests.",
    ),
    "extra usage": _claude_error(400, "invalid_request_error", "You're out of extra usage · resets 9am"),
    "five hours": _limited(**{"5h": "rejected", "7d": "allowed"}),
    "largest model": _limited(**{"5h": "allowed", "7d": "allowed_warning", "7d_oi": "rejected"}),
    "overloaded": _claude_error(529, "overloaded_error", "Overloaded"),
    "request": _claude_error(400, "invalid_request_error", "messages: at least one message is required"),
}
CODEX_REFUSALS = {
    "usage limit": _error(
        429,
        {"error": {"type": "usage_limit_reached", "message": "The usage limit has been reached", "plan_type": "plus",
                   "resets_at": int(NOW) + 7200}},
        x_codex_primary_used_percent="100", x_codex_primary_reset_at=str(int(NOW) + 7200),
        x_codex_secondary_used_percent="30", x_codex_secondary_reset_at=str(int(NOW) + 90000),
    ),
    "seconds": _error(429, {"error": {"type": "usage_limit_reached", "message": "limit", "resets_in_seconds": 60}}),
    "only headers": _error(
        429, {"detail": "Too many requests"}, x_codex_secondary_used_percent="100.0",
        x_codex_secondary_reset_after_seconds="900",
    ),
    "not included": _error(429, {"error": {"type": "usage_not_included", "message": "Codex is not in your plan"}}),
    "model": _error(400, {"detail": "The 'gpt-5.9' model is not supported when using Codex with a ChatGPT account."}),
    "parameter": _error(400, {"detail": "Unsupported parameter: user"}),
    "expired": _error(401, {"detail": "Could not validate"}, x_openai_authorization_error="token_expired"),
    "gate": (403, {"content-type": "text/html", "cf-mitigated": "challenge"}, b"<!DOCTYPE html><title>Just a moment"),
    "capacity": _error(400, {"error": {"message": "Selected model is at capacity. Please try another."}}),
    "overloaded": _error(503, {"error": {"code": "server_is_overloaded", "message": "busy"}}),
}  # fmt: skip
XAI_REFUSALS = {
    "expired": _error(403, {"code": "unauthenticated:bad-credentials", "error": "The token is no longer valid."}),
    "free use": _error(429, {"code": "subscription:free-usage-exhausted", "error": "You have used it up."}),
    "pace": _error(429, {"code": "rate-limited", "error": "Too many requests"}),
    "tier": _error(403, {"code": "permission-denied", "error": "Your plan does not include this."}),
}
KIMI_REFUSALS = {
    "expired": _chat_error(401, "Invalid Authentication", "invalid_authentication_error"),
    "not admitted": _chat_error(
        403,
        "Kimi For Coding is currently only available for Coding Agents such as Kimi CLI.",
        "access_terminated_error",
    ),
    "plan": _chat_error(402, "Your membership has expired", "payment_required"),
    "busy": _chat_error(429, "The engine is currently overloaded, please try again later", "engine_overloaded_error"),
    "pace": _chat_error(429, "Your account reached max RPM", "rate_limit_reached_error"),
}
QWEN_REFUSALS = {
    "day": _chat_error(429, "Free allocated quota exceeded.", "insufficient_quota", "insufficient_quota"),
    "day as 403": _chat_error(403, "Quota exceeded", "quota_exceeded"),
    "pace": _chat_error(429, "Requests rate limit exceeded", "limit_requests"),
    "expired": _chat_error(401, "invalid access token or token expired", "invalid_request_error", "invalid_api_key"),
}
IFLOW_REFUSALS = {
    "pace": _error(200, {"status": "449", "msg": "rate limit exceeded"}),
    "key": _error(200, {"status": "439", "msg": "Your API Token has expired."}),
    "key as status": _error(434, {"status": "434", "msg": "Invalid apiKey"}),
}
VERTEX_REFUSALS = {
    "expired": _error(401, {"error": {"code": 401, "message": "Invalid credentials", "status": "UNAUTHENTICATED"}}),
    "shared quota": _error(
        429, {"error": {"code": 429, "message": "Resource exhausted.", "status": "RESOURCE_EXHAUSTED"}}
    ),
    "no right": _error(403, {"error": {"code": 403, "message": "Permission denied", "status": "PERMISSION_DENIED"}}),
}

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DEVICE = {
    "x-msh-platform": "cliproxy",
    "x-msh-version": r"\d+(\.\w+)*",
    "x-msh-device-name": "cliproxy",
    "x-msh-device-model": r"[ -~]+",
    "x-msh-device-id": "2f0c77",
}
_PLACE = "/v1/projects/my-proj-1/locations/europe-west4/publishers/google/models/{model}"

LOGINS = {
    one.name: one
    for one in (
        Login(
            "claude",
            claude.DIALECT,
            "api.anthropic.com",
            "claude-sonnet-4-5-20250929",
            {"generate": "/v1/messages", "count": "/v1/messages/count_tokens"},
            headers={"anthropic-version": "2023-06-01", "anthropic-beta": r"(?:[\w-]+,)*oauth-2025-04-20"},
            refusals=CLAUDE_REFUSALS,
        ),
        Login(
            "codex",
            openai_responses.DIALECT,
            "chatgpt.com",
            "gpt-5.5",
            {"generate": "/backend-api/codex/responses", "compact": "/backend-api/codex/responses/compact"},
            facts={"account_id": "6d1f-account", "plan": "plus"},
            headers={"chatgpt-account-id": "6d1f-account", "session-id": r"$|\S+"},
            judge=_codex,
            streams=True,
            refusals=CODEX_REFUSALS,
        ),
        Login(
            "vertex",
            gemini.DIALECT,
            "europe-west4-aiplatform.googleapis.com",
            "gemini-2.5-pro",
            {
                "generate": f"{_PLACE}:generateContent",
                "stream": f"{_PLACE}:streamGenerateContent?alt=sse",
                "count": f"{_PLACE}:countTokens",
            },
            facts={"project_id": "my-proj-1", "location": "europe-west4"},
            judge=_vertex,
            refusals=VERTEX_REFUSALS,
        ),
        Login(
            "xai",
            openai_responses.DIALECT,
            "api.x.ai",
            "grok-4.5",
            {"generate": "/v1/responses", "compact": "/v1/responses/compact"},
            facts={"base_url": "https://api.x.ai/v1"},
            headers={"x-grok-conv-id": r"$|\S+"},
            judge=_xai,
            refusals=XAI_REFUSALS,
        ),
        Login(
            "kimi",
            openai_chat.DIALECT,
            "api.kimi.com",
            "kimi-k2.5",
            {"generate": "/coding/v1/chat/completions"},
            facts={"device_id": "2f0c77"},
            headers=_DEVICE,
            judge=_kimi,
            called="k2.5",
            refusals=KIMI_REFUSALS,
        ),
        Login(
            "qwen",
            openai_chat.DIALECT,
            "portal.qwen.ai",
            "coder-model",
            {"generate": "/v1/chat/completions"},
            facts={"resource_url": "portal.qwen.ai"},
            headers={"x-dashscope-cachecontrol": "enable", "x-dashscope-authtype": "qwen-oauth"},
            judge=_qwen,
            refusals=QWEN_REFUSALS,
        ),
        Login(
            "iflow",
            openai_chat.DIALECT,
            "apis.iflow.cn",
            "glm-4.6",
            {"generate": "/v1/chat/completions"},
            headers={
                "session-id": f"session-{_UUID}",
                "x-iflow-timestamp": r"\d{13}",
                "x-iflow-signature": "[0-9a-f]{64}",
            },
            judge=_iflow,
            refusals=IFLOW_REFUSALS,
        ),
    )
}
KIMI_MESSAGES = Login(
    "kimi",
    claude.DIALECT,
    "api.kimi.com",
    "kimi-k2.5",
    {"generate": "/coding/v1/messages?beta=true", "count": "/coding/v1/messages/count_tokens?beta=true"},
    facts=LOGINS["kimi"].facts,
    headers={**_DEVICE, "anthropic-version": "2023-06-01"},
    called="k2.5",
    refusals=KIMI_REFUSALS,
)
"""Kimi as clients of Anthropic's dialect meet it."""
