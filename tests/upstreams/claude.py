"""The fake Anthropic: `POST /v1/messages` and `/v1/messages/count_tokens`, judged by anthropic 2.12's own types."""

import base64
import re
from typing import Any

from anthropic.types.beta.message_count_tokens_params import MessageCountTokensParams as BetaCount
from anthropic.types.beta.message_create_params import MessageCreateParamsStreaming as BetaCreate
from anthropic.types.message_count_tokens_params import MessageCountTokensParams
from anthropic.types.message_create_params import MessageCreateParamsStreaming

from tests.upstreams.answers import Answer, pieces
from tests.upstreams.dialects import Asked, FakeDialect, Understood, bearer, opens, packed, seal, text_of
from tests.upstreams.shapes import faults

VERSIONS = ("2023-06-01", "2026-10-21")
SAMPLING = ("temperature", "top_p", "top_k")
STOPS = {
    "end": "end_turn",
    "length": "max_tokens",
    "tool": "tool_use",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
}
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


def key_of(headers: dict[str, str]) -> str | None:
    """Either form of the key, as the vendor takes it."""
    return headers.get("x-api-key") or bearer(headers)


def check(asked: Asked) -> list[str]:
    """What Anthropic would refuse."""
    body = dict(asked.body)
    version = asked.headers.get("anthropic-version")
    found = [] if version in VERSIONS else [f"anthropic-version: {version!r}"]
    if not asked.lenient:
        beta = "anthropic-beta" in asked.headers or asked.query.get("beta") == "true"
        found += shape_faults(body, beta=beta, count=asked.verb == "count", version=version or "")
    if found:
        return found
    return _turn_faults(body) + _tool_faults(body) + _limit_faults(body, asked.verb)


def shape_faults(body: dict[str, Any], *, beta: bool, count: bool = False, version: str = VERSIONS[0]) -> list[str]:
    """Where a body is not what the library's types say. beta: betas were named, so their fields may stand there."""
    found = []
    body = dict(body)
    if version == VERSIONS[0]:  # the fields are gone from the types, not from this version
        for name in SAMPLING:
            if not isinstance(body.pop(name, 0), int | float):
                found.append(f"$.{name}: expected a number")
    kinds = {(True, False): MessageCountTokensParams, (True, True): BetaCount,
             (False, False): MessageCreateParamsStreaming, (False, True): BetaCreate}  # fmt: skip
    shape = body if count else body | {"stream": True}
    return found + [fault for fault in faults(shape, kinds[count, beta]) if ".source.data" not in fault]


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _turn_faults(body: dict[str, Any]) -> list[str]:
    """Roles, pairing, empty texts, signatures."""
    merged: list[tuple[str, list[dict[str, Any]]]] = []
    for message in body["messages"]:
        if message["role"] == "system":
            continue  # may stand between turns on the newest models
        if merged and merged[-1][0] == message["role"]:
            merged[-1][1].extend(_blocks(message))
        else:
            merged.append((message["role"], _blocks(message)))
    found = [] if merged and merged[0][0] == "user" else ["messages: first message must use the user role"]
    seen: set[str] = set()
    due: list[str] = []
    for at, (role, blocks) in enumerate(merged):
        found += _block_faults(blocks, f"turn {at}")
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if role == "user":
            if sorted(results) != sorted(due):
                found.append(f"turn {at}: tool_result ids {results} do not answer {due}")
            if [block["type"] for block in blocks[: len(results)]] != ["tool_result"] * len(results):
                found.append(f"turn {at}: tool_result blocks must come first")
        elif due:
            found.append(f"turn {at}: calls {due} not answered")
        due = [block["id"] for block in blocks if block["type"] == "tool_use"]
        found += [f"turn {at}: duplicate tool_use id {one}" for one in due if one in seen]
        seen.update(due)
    if due:
        found.append(f"calls {due} not answered")
    if merged and merged[-1][0] == "assistant" and text_of(merged[-1][1]).endswith((" ", "\n")):
        found.append("final assistant content cannot end with trailing whitespace")
    return found


def _block_faults(blocks: list[dict[str, Any]], where: str) -> list[str]:
    found = [] if blocks else [f"{where}: content must not be empty"]
    for block in blocks:
        match block["type"]:
            case "text" if not block["text"].strip():
                found.append(f"{where}: text content blocks must be non-empty")
            case "thinking" if not opens("anthropic", block["signature"]):
                found.append(f"{where}: invalid signature in thinking block")
            case "redacted_thinking" if not opens("anthropic", block["data"]):
                found.append(f"{where}: invalid data in redacted_thinking block")
            case "tool_use" if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", block["id"]):
                found.append(f"{where}: tool_use.id {block['id']!r} does not match the pattern")
            case "tool_use" if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", block["name"]):
                found.append(f"{where}: tool_use.name {block['name']!r} does not match the pattern")
    return found


def _tool_faults(body: dict[str, Any]) -> list[str]:
    names = [tool["name"] for tool in body.get("tools") or [] if "name" in tool]
    found = [f"tools: name {name!r}" for name in names if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", name)]
    found += [] if len(names) == len(set(names)) else ["tools: names must be unique"]
    for tool in body.get("tools") or []:
        if tool.get("type", "custom") == "custom" and tool.get("input_schema", {}).get("type") != "object":
            found.append(f"tools: {tool.get('name')}: input_schema.type must be object")
    choice = body.get("tool_choice")
    if choice and not names:
        found.append("tool_choice without tools")
    if choice and choice["type"] == "tool" and choice["name"] not in names:
        found.append(f"tool_choice: {choice['name']!r} is no tool")
    forced = choice is not None and choice["type"] in ("any", "tool")
    if forced and (body.get("thinking") or {}).get("type") == "enabled":
        found.append("thinking may not be enabled when tool_choice forces tool use")
    return found


def _limit_faults(body: dict[str, Any], verb: str) -> list[str]:
    found = []
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled" and verb == "generate":
        if not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
            found.append(
                f"thinking.budget_tokens {thinking['budget_tokens']}: at least 1024, below {body['max_tokens']}"
            )
        if body.get("temperature", 1) != 1 or "top_k" in body:
            found.append("temperature may only be 1, and top_k not set, when thinking is enabled")
    found += ["stop_sequences: only whitespace" for stop in body.get("stop_sequences") or [] if not stop.strip()]
    if str(body).count("'cache_control': {") > 4:
        found.append("at most four cache_control blocks")
    return found


def understand(body: dict[str, Any]) -> Understood:
    """What the request said."""
    said = Understood(
        choice=body.get("tool_choice"),
        thinking={key: body[key] for key in ("thinking", "output_config") if key in body},
        schema=(body.get("output_config") or {}).get("format"),
        limit=body.get("max_tokens"),
        stops=body.get("stop_sequences") or [],
        tools=[tool.get("name", tool.get("type")) for tool in body.get("tools") or []],
    )
    system = body.get("system") or []
    said.system += [system] if isinstance(system, str) else [block["text"] for block in system]
    for message in body["messages"]:
        if message["role"] == "system":
            said.system.append(text_of(message["content"]))
            continue
        for block in _blocks(message):
            _understand_block(said, message["role"], block)
    return said


def _understand_block(said: Understood, role: str, block: dict[str, Any]) -> None:
    match block["type"]:
        case "text":
            said.texts.append((role, block["text"]))
        case "image" if block["source"]["type"] == "base64":
            said.images.append(base64.b64decode(block["source"]["data"]))
        case "thinking":
            said.thoughts.append(block["thinking"])
            said.seals.append(block["signature"])
        case "tool_use":
            said.calls.append((block["id"], block["name"], block["input"]))
        case "tool_result":
            said.results.append((block["tool_use_id"], text_of(block.get("content"))))
            for part in block["content"] if isinstance(block.get("content"), list) else []:
                if part["type"] == "image":
                    said.images.append(base64.b64decode(part["source"]["data"]))


def usage_of(answer: Answer) -> dict[str, Any]:
    """Anthropic counts the cached and written tokens apart from input_tokens."""
    counts = answer.usage
    return {
        "input_tokens": counts.input - counts.cached - counts.written,
        "cache_read_input_tokens": counts.cached,
        "cache_creation_input_tokens": counts.written,
        "output_tokens": counts.output,
        "output_tokens_details": {"thinking_tokens": counts.reasoning},
    }


def blocks_of(answer: Answer) -> list[dict[str, Any]]:
    """The content of an answer, whole."""
    found: list[dict[str, Any]] = []
    if answer.thinking:
        found.append({"type": "thinking", "thinking": answer.thinking, "signature": seal("anthropic", answer.thinking)})
    if answer.text:
        found.append({"type": "text", "text": answer.text, "citations": None})
    for at, call in enumerate(answer.calls):
        found.append(
            {"type": "tool_use", "id": call.id or f"toolu_01fake{at}", "name": call.name, "input": call.arguments}
        )
    return found


def message(answer: Answer, model: str, **other: Any) -> dict[str, Any]:
    """The message object."""
    return {
        "id": "msg_01fake", "type": "message", "role": "assistant", "model": model, "content": blocks_of(answer),
        "stop_reason": STOPS[answer.reason], "stop_sequence": answer.stop_sequence or None, "usage": usage_of(answer),
    } | other  # fmt: skip


def whole(answer: Answer, asked: Asked) -> bytes:
    """A complete answer."""
    return packed(message(answer, asked.model))


def event(kind: str, **fields: Any) -> bytes:
    """One named event."""
    return b"event: " + kind.encode() + b"\ndata: " + packed({"type": kind} | fields) + b"\n\n"


def frames(answer: Answer, asked: Asked) -> list[bytes]:
    """The events of a streamed answer."""
    first = usage_of(answer) | {"output_tokens": 1}
    begun = message(answer, asked.model, content=[], stop_reason=None, stop_sequence=None, usage=first)
    found = [event("message_start", message=begun), event("ping")]
    for index, block in enumerate(blocks_of(answer)):
        match block["type"]:
            case "thinking":
                opened = block | {"thinking": "", "signature": ""}
                deltas = [
                    {"type": "thinking_delta", "thinking": one} for one in pieces(block["thinking"], answer.pieces)
                ]
                deltas.append({"type": "signature_delta", "signature": block["signature"]})
            case "text":
                opened = block | {"text": ""}
                deltas = [{"type": "text_delta", "text": one} for one in pieces(block["text"], answer.pieces)]
            case _:
                opened = block | {"input": {}}
                source = packed(block["input"]).decode()
                deltas = [
                    {"type": "input_json_delta", "partial_json": one} for one in ["", *pieces(source, answer.pieces)]
                ]
        found.append(event("content_block_start", index=index, content_block=opened))
        found += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
        found.append(event("content_block_stop", index=index))
    stop = {"stop_reason": STOPS[answer.reason], "stop_sequence": answer.stop_sequence or None}
    found.append(event("message_delta", delta=stop, usage=usage_of(answer)))
    return [*found, event("message_stop")]


def failure(status: int, text: str, kind: str) -> bytes:
    """An error's body."""
    error = {"type": kind or TYPES.get(status, "api_error"), "message": text}
    return packed({"type": "error", "error": error, "request_id": "req_fake"})


DIALECT = FakeDialect(
    name="claude",
    key=key_of,
    check=check,
    understand=understand,
    whole=whole,
    frames=frames,
    count=lambda tokens: packed({"input_tokens": tokens}),
    failure=failure,
    in_band=lambda text: event("error", error={"type": "overloaded_error", "message": text}),
)
