"""Config entries that lead to fake upstreams, and requests in each dialect without a library."""

import json
from typing import Any

import httpx

CLIENTS = ("claude", "openai-chat", "openai-responses", "gemini")
WAYS = ("whole", "events", "helper")
MODELS = {
    "claude": "claude-sonnet-4-5",
    "openai-chat": "some-open-model",
    "openai-responses": "gpt-5.2",
    "gemini": "gemini-2.5-pro",
    "vertex": "gemini-2.5-flash",
}
"""Each kind of upstream with a model it serves; the kind is the dialect spoken there, or vertex."""
ALIASES = {kind: f"test-{kind}" for kind in MODELS}
KEYS = {kind: f"sk-upstream-{kind}" for kind in MODELS}
UPSTREAMS = ("claude", "openai-chat", "openai-responses", "gemini")
SECTIONS = {
    "claude": "claude-api-key",
    "openai-responses": "codex-api-key",
    "gemini": "gemini-api-key",
    "vertex": "vertex-api-key",
}


def provider(
    config: dict[str, Any], kind: str, key: str, url: str, models: list[tuple[str, str]], **other: Any
) -> None:
    """Add a credential to a config. models: (the upstream's name, the client's). other: further keys of the entry."""
    lines = [{"name": name, "alias": alias} for name, alias in models]
    extra = {name.replace("_", "-"): value for name, value in other.items()}
    if kind == "openai-chat":
        place = len(config.get("openai-compatibility", []))
        entry = {"name": f"host-{place}", "base-url": url + "/v1", "api-key-entries": [{"api-key": key}]}
        config.setdefault("openai-compatibility", []).append(entry | {"models": lines} | extra)
        return
    base = url + "/v1" if kind == "openai-responses" else url
    entry = {"api-key": key, "base-url": base, "models": lines}
    config.setdefault(SECTIONS[kind], []).append(entry | extra)


def request(dialect: str, model: str, stream: bool, text: str = "What is new?") -> dict[str, Any]:
    """A plain question as arguments for httpx's `build_request` or `stream`."""
    said = {"role": "user", "content": text}
    match dialect:
        case "claude":
            url, body = "/v1/messages", {"model": model, "max_tokens": 1000, "messages": [said], "stream": stream}
        case "openai-chat":
            url, body = "/v1/chat/completions", {"model": model, "messages": [said], "stream": stream}
        case "openai-responses":
            url, body = "/v1/responses", {"model": model, "input": [said], "stream": stream}
        case _:
            verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
            url, body = f"/v1beta/models/{model}:{verb}", {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    headers = {"anthropic-version": "2023-06-01"} if dialect == "claude" else {}
    return {"method": "POST", "url": url, "json": body, "headers": headers}


def payloads(raw: bytes) -> list[dict[str, Any]]:
    """The JSON values of a stream, in order; raises for one that is cut in the middle of an event."""
    found = []
    for block in raw.replace(b"\r\n", b"\n").split(b"\n\n"):
        for line in block.split(b"\n"):
            data = line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
            data = line if line.startswith(b'{"error"') else data
            if data and data != b"[DONE]":
                found.append(json.loads(data))
    return found


def text_in(dialect: str, said: list[dict[str, Any]]) -> str:
    """The visible text in the payloads of a stream."""
    pieces: list[str] = []
    for one in said:
        match dialect:
            case "claude":
                pieces.append(one.get("delta", {}).get("text", ""))
            case "openai-chat":
                pieces += [choice["delta"].get("content") or "" for choice in one.get("choices", [])]
            case "openai-responses":
                pieces.append(one["delta"] if one.get("type") == "response.output_text.delta" else "")
            case _:
                parts = [part for each in one.get("candidates", []) for part in each["content"]["parts"]]
                pieces += [part.get("text", "") for part in parts if not part.get("thought")]
    return "".join(pieces)


def ended_well(dialect: str, raw: bytes) -> bool:
    """Whether a stream says that its answer is whole."""
    said = payloads(raw)
    match dialect:
        case "claude":
            return bool(said) and said[-1].get("type") == "message_stop"
        case "openai-chat":
            return any(choice.get("finish_reason") for one in said for choice in one.get("choices", []))
        case "openai-responses":
            return bool(said) and said[-1].get("type") in ("response.completed", "response.incomplete")
    return any(each.get("finishReason") for one in said for each in one.get("candidates", []))


def error_of(dialect: str, body: dict[str, Any]) -> str:
    """The message of an error in exactly this dialect's shape; AssertionError if it has another."""
    error = body["error"]
    match dialect:
        case "claude":
            assert body["type"] == "error"
            assert isinstance(error["type"], str)
        case "gemini":
            assert isinstance(error["code"], int)
            assert isinstance(error["status"], str)
        case _:
            assert isinstance(error["type"], str)
            assert "code" in error
    assert isinstance(error["message"], str)
    return str(error["message"])


def ask(client: httpx.Client, dialect: str, model: str, stream: bool = False, **other: Any) -> httpx.Response:
    """Ask a plain question and read the whole answer."""
    asked = request(dialect, model, stream)
    asked["headers"] |= other.pop("headers", {})
    return client.request(**asked, **other)
