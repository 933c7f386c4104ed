"""The fake Google: `/v1beta/models/M:verb` and Vertex's `/v1/publishers/google/models/M:verb`.

Judged by google-genai 3.4's own models (which forbid unknown keys); the request as it stands on the wire is put
together from them here, since the SDK has no type for it.
"""

import base64
import re
import warnings
from typing import Any

from google.genai import types
from google.genai._common import BaseModel
from pydantic import ValidationError

from tests.upstreams.answers import Answer, pieces
from tests.upstreams.dialects import Asked, FakeDialect, Understood, opens, packed, seal

STOPS = {"end": "STOP", "length": "MAX_TOKENS", "tool": "STOP", "stop_sequence": "STOP", "refusal": "SAFETY"}
STATUSES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 529: "UNAVAILABLE",
}  # fmt: skip
BYPASSES = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
NAME = r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}"
PARTS = ("text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult",
         "toolCall", "toolResponse")  # fmt: skip


class GenerationConfig(types.GenerationConfig):
    """The SDK's type, and the fields the SDK moves here from its flat config."""

    image_config: types.ImageConfig | None = None


class Body(BaseModel):
    """A request body of generateContent."""

    contents: list[types.Content]
    system_instruction: types.Content | None = None
    tools: list[types.Tool] | None = None
    tool_config: types.ToolConfig | None = None
    safety_settings: list[types.SafetySetting] | None = None
    generation_config: GenerationConfig | None = None
    cached_content: str | None = None
    labels: dict[str, str] | None = None
    service_tier: types.ServiceTier | None = None
    store: bool | None = None
    continuation_token: str | None = None


class CountBody(BaseModel):
    """A request body of countTokens: the contents, or a whole request."""

    contents: list[types.Content] | None = None
    generate_content_request: dict[str, Any] | None = None
    system_instruction: types.Content | None = None
    tools: list[types.Tool] | None = None
    generation_config: GenerationConfig | None = None


def camel(value: Any) -> Any:
    """The same value with camelCase keys where the SDK's snake_case stands (user data is left alone)."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = (
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "parameters_json_schema",
        "labels",
        "responseSchema",
        "responseJsonSchema",
        "response_schema",
        "response_json_schema",
    )
    return {re.sub(r"_([a-z])", lambda found: found[1].upper(), key): inner if key in kept else camel(inner)
            for key, inner in value.items()}  # fmt: skip


def check(asked: Asked) -> list[str]:
    """What Google would refuse."""
    if not asked.lenient and (found := shape_faults(asked.body, count=asked.verb == "count")):
        return found
    body = camel(asked.body)
    contents = body.get("contents") or body.get("generateContentRequest", {}).get("contents")
    if not contents:
        return ["contents: must not be empty"]
    if asked.verb == "generate" and asked.stream and asked.query.get("alt") != "sse":
        return [f"alt={asked.query.get('alt')!r}: this fake streams events only"]
    return (
        _vertex_faults(asked)
        + _content_faults(merged(contents))
        + _tool_faults(body)
        + _config_faults(body.get("generationConfig") or {})
    )


def shape_faults(body: dict[str, Any], *, count: bool = False, camel_only: bool = False) -> list[str]:
    """Where a body is not what the library's types say. camel_only: in the spelling of the API's own pages."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an unknown word in an enumeration is only a warning to the SDK
            (CountBody if count else Body).model_validate(body)
    except ValidationError as error:
        return [f"$.{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    except UserWarning as warning:
        return [str(warning)]
    return ["$: snake_case"] if camel_only and camel(body) != body else []


def _is_vertex(asked: Asked) -> bool:
    return asked.path.startswith("/v1/publishers")


def _vertex_faults(asked: Asked) -> list[str]:
    """Vertex knows no ids of calls."""
    if not _is_vertex(asked):
        return []
    held = [part for content in asked.body.get("contents") or [] for part in content.get("parts") or []]
    calls = [part[kind] for part in held for kind in ("functionCall", "functionResponse") if kind in part]
    return [f"id {call['id']!r} in a call or response" for call in calls if "id" in call]


def merged(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbours of one role as one content: the SDK's chat keeps a content for every chunk it received."""
    found: list[dict[str, Any]] = []
    for content in contents:
        if found and found[-1].get("role", "user") == content.get("role", "user"):
            found[-1] = found[-1] | {"parts": [*(found[-1].get("parts") or []), *(content.get("parts") or [])]}
        else:
            found.append(content)
    return found


def _content_faults(contents: list[dict[str, Any]]) -> list[str]:
    """Roles, one thing a part, every call answered by the next content in the same number."""
    found: list[str] = []
    due: list[dict[str, Any]] = []
    for at, content in enumerate(contents):
        if content.get("role", "user") not in ("user", "model"):
            found.append(f"contents[{at}].role: {content['role']!r}")
        if not content.get("parts"):
            found.append(f"contents[{at}].parts: must not be empty")
        parts = content.get("parts") or []
        found += [
            fault for inner, part in enumerate(parts) for fault in _part_faults(part, f"contents[{at}].parts[{inner}]")
        ]
        answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        if due or answers:
            found += _pairing_faults(due, answers, f"contents[{at}]")
            due = []
        if calls and (at == 0 or contents[at - 1].get("role") == "model"):
            found.append(f"contents[{at}]: a call must follow a user turn or a function response")
        due = calls
    return found + ([f"calls {[call['name'] for call in due]} not answered"] if due else [])


def _pairing_faults(calls: list[dict[str, Any]], answers: list[dict[str, Any]], where: str) -> list[str]:
    if len(calls) != len(answers):
        return [f"{where}: {len(answers)} function response parts for {len(calls)} function call parts"]
    found = []
    for call, answer in zip(calls, answers, strict=True):
        if call["name"] != answer.get("name"):
            found.append(f"{where}: response named {answer.get('name')!r} to a call of {call['name']!r}")
        if answer.get("id") and call.get("id") != answer["id"]:
            found.append(f"{where}: response id {answer['id']!r} to call id {call.get('id')!r}")
    return found


def _part_faults(part: dict[str, Any], where: str) -> list[str]:
    kinds = [kind for kind in PARTS if kind in part]
    found = [] if len(kinds) == 1 else [f"{where}: holds {kinds}, exactly one is due"]
    sealed = part.get("thoughtSignature")
    if sealed is not None and sealed not in BYPASSES and not opens("google", sealed):
        found.append(f"{where}.thoughtSignature: corrupted")
    for kind in ("functionCall", "functionResponse"):
        if kind in part and not re.fullmatch(NAME, part[kind].get("name") or ""):
            found.append(f"{where}.{kind}.name: {part[kind].get('name')!r}")
    if "functionResponse" in part and not isinstance(part["functionResponse"].get("response"), dict):
        found.append(f"{where}.functionResponse.response: must be an object")
    return found


def _tool_faults(body: dict[str, Any]) -> list[str]:
    names = [one["name"] for tool in body.get("tools") or [] for one in tool.get("functionDeclarations") or []]
    found = [f"function name {name!r}" for name in names if not re.fullmatch(NAME, name)]
    found += [] if len(names) == len(set(names)) else [f"duplicate function declarations: {names}"]
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    wanted = calling.get("allowedFunctionNames") or []
    found += [f"allowedFunctionNames: {name!r} is not declared" for name in wanted if name not in names]
    if wanted and calling.get("mode") not in ("ANY", "VALIDATED"):
        found.append("allowedFunctionNames only with mode ANY")
    for tool in body.get("tools") or []:
        for one in tool.get("functionDeclarations") or []:
            if "parameters" in one and "parametersJsonSchema" in one:
                found.append(f"{one['name']}: parameters and parametersJsonSchema together")
    return found


def _config_faults(config: dict[str, Any]) -> list[str]:
    thinking = config.get("thinkingConfig") or {}
    found = []
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        found.append("thinkingBudget and thinkingLevel together")
    if len(config.get("stopSequences") or []) > 5:
        found.append("stopSequences: at most 5")
    if "responseSchema" in config and "responseJsonSchema" in config:
        found.append("responseSchema and responseJsonSchema together")
    return found


def understand(body: dict[str, Any]) -> Understood:
    """What the request said."""
    body = camel(body)
    config = body.get("generationConfig") or {}
    said = Understood(
        choice=body.get("toolConfig"),
        thinking=config.get("thinkingConfig"),
        schema=config.get("responseJsonSchema", config.get("responseSchema")),
        limit=config.get("maxOutputTokens"),
        stops=config.get("stopSequences") or [],
        tools=[one["name"] for tool in body.get("tools") or [] for one in tool.get("functionDeclarations") or []],
        system=[part["text"] for part in (body.get("systemInstruction") or {}).get("parts") or []],
    )
    for content in body["contents"]:
        for part in content["parts"]:
            _understand_part(said, content.get("role", "user"), part)
    return said


def _understand_part(said: Understood, role: str, part: dict[str, Any]) -> None:
    if part.get("thoughtSignature"):
        said.seals.append(part["thoughtSignature"].replace("-", "+").replace("_", "/"))
    if part.get("thought"):
        said.thoughts.append(part.get("text", ""))
    elif "text" in part:
        said.texts.append(("assistant" if role == "model" else role, part["text"]))
    elif "inlineData" in part:
        said.images.append(base64.b64decode(part["inlineData"]["data"], altchars=b"-_"))
    elif "functionCall" in part:
        call = part["functionCall"]
        said.calls.append((call.get("id", ""), call["name"], call.get("args")))
    elif "functionResponse" in part:
        given = part["functionResponse"]
        said.results.append((given.get("id", ""), "".join(str(value) for value in given["response"].values())))
        for inner in given.get("parts") or []:
            said.images.append(base64.b64decode(inner["inlineData"]["data"]))


def usage_of(answer: Answer) -> dict[str, Any]:
    """candidatesTokenCount is without the thoughts."""
    counts = answer.usage
    return {
        "promptTokenCount": counts.input, "cachedContentTokenCount": counts.cached,
        "candidatesTokenCount": counts.output - counts.reasoning, "thoughtsTokenCount": counts.reasoning,
        "totalTokenCount": counts.input + counts.output,
    }  # fmt: skip


def parts_of(answer: Answer, asked: Asked) -> list[dict[str, Any]]:
    """The parts of an answer, whole; the first call is signed. Vertex gives its calls no ids."""
    found: list[dict[str, Any]] = []
    if answer.thinking:
        found.append({"text": answer.thinking, "thought": True})
    if answer.text:
        found.append({"text": answer.text})
    for at, call in enumerate(answer.calls):
        named = {} if _is_vertex(asked) else {"id": call.id or f"fake-{at}"}
        part: dict[str, Any] = {"functionCall": named | {"name": call.name, "args": call.arguments}}
        if at == 0 and answer.thinking:
            part["thoughtSignature"] = seal("google", answer.thinking)
        found.append(part)
    return found


def reply(parts: list[dict[str, Any]], model: str, finish: str | None, usage: Any) -> dict[str, Any]:
    """One GenerateContentResponse."""
    candidate = {"index": 0, "content": {"role": "model", "parts": parts}} | (
        {"finishReason": finish} if finish else {}
    )
    return {"candidates": [candidate], "modelVersion": model, "responseId": "fake"} | (
        {"usageMetadata": usage} if usage else {}
    )


def whole(answer: Answer, asked: Asked) -> bytes:
    """A complete answer."""
    return packed(reply(parts_of(answer, asked), asked.model, STOPS[answer.reason], usage_of(answer)))


def frames(answer: Answer, asked: Asked) -> list[bytes]:
    """The events of a streamed answer: texts in pieces, calls whole, usage at the end."""
    said: list[dict[str, Any]] = []
    for part in parts_of(answer, asked):
        if "text" in part:
            said += [
                reply([part | {"text": one}], asked.model, None, None) for one in pieces(part["text"], answer.pieces)
            ]
        else:
            said.append(reply([part], asked.model, None, None))
    said.append(reply([{"text": ""}], asked.model, STOPS[answer.reason], usage_of(answer)))
    return [b"data: " + packed(one) + b"\r\n\r\n" for one in said]


def failure(status: int, text: str, kind: str) -> bytes:
    """An error's body."""
    return packed({"error": {"code": status, "message": text, "status": kind or STATUSES.get(status, "UNKNOWN")}})


DIALECT = FakeDialect(
    name="gemini",
    key=lambda headers: headers.get("x-goog-api-key"),
    check=check,
    understand=understand,
    whole=whole,
    frames=frames,
    count=lambda tokens: packed({"totalTokens": tokens}),
    failure=failure,
    in_band=lambda text: b"data: " + failure(503, text, "UNAVAILABLE") + b"\r\n\r\n",
)
