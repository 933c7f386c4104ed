"""The fake Code Assist, `/v1internal:verb`: as Gemini CLI's log-ins meet it, and as Antigravity's do.

What is in the envelope is judged by the fake Google; the envelope, and what each of the two wants in it, here. Whose
door it is shows in the body: only Antigravity's says what kind of request it is.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.upstreams import gemini
from tests.upstreams.answers import Answer
from tests.upstreams.dialects import Asked, FakeDialect, Understood, bearer, packed

INNER = {
    "contents", "systemInstruction", "cachedContent", "tools", "toolConfig", "labels", "safetySettings",
    "generationConfig", "session_id",
}  # fmt: skip
PROJECT = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
KINDS = {"agent": rf"agent-{UUID}", "image_gen": rf"image_gen/\d{{13}}/{UUID}/12", "web_search": None}
TRACE = "trace-1"


def _check(asked: Asked) -> list[str]:
    """Gemini CLI's door."""
    found = list(_envelope_faults(asked, {"model", "project", "request"}, INNER))
    return found or gemini.check(_inside(asked, asked.body["request"]))


def _envelope_faults(asked: Asked, outer: set[str], inner: set[str]) -> Iterator[str]:
    body = asked.body
    if asked.verb == "count":
        outer, inner = {"request"}, {"model", "contents", "systemInstruction", "tools"}
    for name in body.keys() - outer:
        yield f"Invalid JSON payload received. Unknown name {name!r}"
    for name in outer - body.keys():
        yield f"{name} is missing"
    request = body.get("request")
    if not isinstance(request, dict):
        yield "request: an object is due"
        return
    for name in request.keys() - inner:
        yield f"Invalid JSON payload received. Unknown name {name!r} at 'request'"
    if asked.verb == "count":
        yield from _count_faults(request)
    elif not re.fullmatch(PROJECT, str(body.get("project"))):
        yield f"project {body.get('project')!r}"


def _count_faults(request: dict[str, Any]) -> Iterator[str]:
    if not re.fullmatch(r"models/[\w.-]+", str(request.get("model"))):
        yield f"request.model {request.get('model')!r}"
    if any(part.get("thought") for content in request["contents"] for part in content["parts"]):
        yield "thoughts are not counted"


def _inside(asked: Asked, request: dict[str, Any]) -> Asked:
    plain = {name: value for name, value in request.items() if name not in ("session_id", "sessionId", "model")}
    return replace(asked, dialect="gemini", body=plain)


def _check_antigravity(asked: Asked) -> list[str]:
    """Antigravity's door."""
    body = asked.body
    kind = body.get("requestType")
    outer = {"model", "project", "requestType", "request"} | ({"requestId"} if kind != "web_search" else set())
    found = list(_envelope_faults(asked, outer, INNER - {"session_id", "safetySettings"} | {"sessionId"}))
    if found or asked.verb == "count":
        return found or gemini.check(_inside(asked, body["request"]))
    request = body["request"]
    if kind not in KINDS or (KINDS[kind] and not re.fullmatch(KINDS[kind] or "", body["requestId"])):
        found.append(f"requestType {kind!r}, requestId {body.get('requestId')!r}")
    if request.get("sessionId") != (_session(request) if kind == "agent" else None):
        found.append(f"sessionId {request.get('sessionId')!r}")
    claude = "claude" in body["model"]
    config = request.get("generationConfig", {})
    declared = [one for tool in request.get("tools", []) for one in tool.get("functionDeclarations", [])]
    found += [f"{one['name']}: parametersJsonSchema" for one in declared if "parametersJsonSchema" in one]
    if claude:
        found += _claude_faults(request, declared, config)
    elif "maxOutputTokens" in config:
        found.append("maxOutputTokens")
    return found + gemini.check(_inside(asked, request))


def _session(request: dict[str, Any]) -> str | None:
    for content in request["contents"]:
        for part in content["parts"] if content.get("role", "user") == "user" else []:
            if part.get("text"):
                number = int.from_bytes(hashlib.sha256(part["text"].encode()).digest()[:8])
                return f"-{number & 0x7FFF_FFFF_FFFF_FFFF}"
    return request.get("sessionId")  # any will do


def _claude_faults(request: dict[str, Any], declared: list[Any], config: dict[str, Any]) -> Iterator[str]:
    mode = request.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode")
    if declared and mode not in ("VALIDATED", "NONE"):
        yield f"mode {mode!r}"
    for one in declared:
        yield from _hollow(one.get("parameters", {"type": "OBJECT"}), one["name"], nested=False)
    thinking = config.get("thinkingConfig", {})
    if "thinkingLevel" in thinking:
        yield "thinkingLevel"
    if thinking.get("thinkingBudget", 0) >= config.get("maxOutputTokens", 1 << 30):
        yield "max_tokens must be greater than thinking.budget_tokens"
    thought = any(part.get("thought") for content in request["contents"] for part in content["parts"])
    last = request["contents"][-1]["parts"]
    if thinking.get("thinkingBudget") != 0 and thinking and not thought and any("functionResponse" in p for p in last):
        yield "Expected `thinking` or `redacted_thinking`, but found `tool_use`"


def _hollow(node: Any, at: str, *, nested: bool = True) -> Iterator[str]:
    """Objects that nothing is required of."""
    if isinstance(node, dict):
        if str(node.get("type")).upper() == "OBJECT":
            if not node.get("properties"):
                yield f"{at}: no properties"
            elif nested and not node.get("required"):
                yield f"{at}: nothing required"
        for name, inner in node.get("properties", {}).items():
            yield from _hollow(inner, f"{at}.{name}")
        yield from _hollow(node.get("items"), f"{at}[]")


def understand(body: dict[str, Any]) -> Understood:
    """What the request said."""
    return gemini.understand(body["request"])


def enveloped(inner: bytes) -> bytes:
    """An answer as it stands in its envelope."""
    return b'{"response":' + inner + b',"traceId":"' + TRACE.encode() + b'"}'


def whole(answer: Answer, asked: Asked) -> bytes:
    """A complete answer."""
    return enveloped(gemini.whole(answer, asked))


def frames(answer: Answer, asked: Asked) -> list[bytes]:
    """The events of a streamed answer."""
    plain = gemini.frames(answer, asked)
    return [b"data: " + enveloped(frame.removeprefix(b"data: ").strip()) + b"\r\n\r\n" for frame in plain]


def refusal(status: int, message: str, word: str, *details: dict[str, Any], array: bool = False) -> bytes:
    """Google's error object with details; a streaming endpoint may put it into an array."""
    typed = [{"@type": f"type.googleapis.com/google.rpc.{one.pop('kind')}"} | one for one in map(dict, details)]
    error = {"error": {"code": status, "message": message, "status": word, "details": typed}}
    return packed([error] if array else error)


def reason(word: str, **metadata: str) -> dict[str, Any]:
    """A google.rpc.ErrorInfo."""
    return {"kind": "ErrorInfo", "reason": word, "domain": "cloudcode-pa.googleapis.com", "metadata": metadata}


GEMINI_CLI = FakeDialect(
    name="gemini-cli",
    key=bearer,
    check=_check,
    understand=understand,
    whole=whole,
    frames=frames,
    count=gemini.DIALECT.count,
    failure=gemini.failure,
    in_band=gemini.DIALECT.in_band,
)
ANTIGRAVITY = replace(GEMINI_CLI, name="antigravity", check=_check_antigravity)


VERBS = {"generateContent": "generate", "streamGenerateContent": "generate", "countTokens": "count"}
PATH = re.compile(r"/v1internal:(\w+)")


def door_of(verb: str, body: dict[str, Any]) -> tuple[str, str, str, bool]:
    """Whose door is meant, what is asked there, the model, and whether as a stream."""
    name = "antigravity" if "requestType" in body else "gemini-cli"
    return name, VERBS.get(verb, ""), str(body.get("model", "")), verb.startswith("stream")


def asked_of(target: str, headers: dict[str, str], raw: bytes) -> Asked:
    """A request as the server recognises it."""
    path, _, query = target.partition("?")
    found, body = PATH.fullmatch(path), json.loads(raw)
    assert found is not None, target
    name, verb, model, stream = door_of(found[1], body)
    told = dict(pair.split("=") for pair in query.split("&") if pair)
    return Asked(name, verb, model, stream, headers, told, body, path=path)
