"""Antigravity: Gemini as Google's coding agent serves it, in Code Assist's envelope; Claude and GPT-OSS models, too.

    {"model", "project", "requestType": "agent", "requestId": "agent-…", "request": {…, "sessionId": "-3750…"}}

Schemas stand in the old field (`parameters`). Claude models check calls against them (VALIDATED), want at least one
required property in each object, and obey Anthropic's rules of thinking; the others take no limit of output.

Source: the requests of CLIProxyAPI v6 and v7, read November 2026. The `userAgent` member of their envelope names the
vendor's own product, and is left out.
"""

import hashlib
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace as changed

from translators import gemini_cli, schema_tree
from translators.dialect import Aim, Outgoing, Traits
from translators.events import Event, Failed, TextDelta
from translators.gemini import DIALECT as GEMINI
from translators.losses import Ledger
from translators.model import Failure, Request
from translators.unseal import elements, literal, members, packed

NAME = "antigravity"

_EMPTY = {"type": "STRING", "description": "Why you call this now, in a few words."}
_FULL = {"type": "BOOLEAN", "description": "Always true."}
_GONE = "This version of Antigravity is no longer supported"
"""What the vendor answers, as text with status 200, to clients that it does not take for a version of its own."""
_SNAKE = ((b'"thought_signature"', b'"thoughtSignature"'), (b'"inline_data"', b'"inlineData"'))


# --- requests -------------------------------------------------------------------------------------------------------


def write_request(request: Request, aim: Aim, ledger: Ledger) -> Outgoing:
    """As Gemini, with schemas in the old field."""
    return GEMINI.write_request(request, replace(aim, traits=changed(aim.traits, json_schema=False)), ledger)


def wrap(body: bytes, model: str, project: str, traits: Traits, seed: str, now: int, ledger: Ledger) -> bytes:
    """Put a body into the envelope, with what these models want of it.

    seed, now: as in Asked; ids are made of them. Loses safety settings, limits of output of all but Claude models, a
    forced choice of Claude's, and thinking that Anthropic's rules rule out.
    """
    request = members(gemini_cli.packed_known(body, ledger))
    for name in ("safetySettings", "safety_settings"):
        if request.pop(name, None) is not None:
            ledger.lose(f"$.{name}", "Antigravity has safety settings of its own")
    tools = [members(tool) for tool in elements(request.get("tools"))]
    if _strict(model) and tools:
        request["tools"] = packed([packed(_with_placeholders(tool)) for tool in tools])
    if "claude" in model:
        _as_claude(request, tools, traits, ledger)
    else:
        _without_limit(request, ledger)
    head = {"project": project} if project else {}
    head |= {"model": model} | _kind(request, tools, model, f"{seed}\0".encode() + body, now)
    return msgspec.json.encode(head | {"request": request})


def _strict(model: str) -> bool:
    """Whether the model wants a required property in every object."""
    return any(name in model for name in ("claude", "gemini-3-pro", "gemini-3.1-pro"))


def _kind(request: dict[str, Raw], tools: list[dict[str, Raw]], model: str, seed: bytes, now: int) -> dict[str, str]:
    """The members that say what kind of request it is; sets the session of those that have one."""
    if any("googleSearch" in tool for tool in tools) and not any("functionDeclarations" in tool for tool in tools):
        return {"requestType": "web_search"}
    identifier = _uuid(hashlib.sha256(seed).hexdigest())
    if "image" in model:
        return {"requestType": "image_gen", "requestId": f"image_gen/{now * 1000}/{identifier}/12"}
    request.pop("session_id", None)
    request["sessionId"] = Raw(msgspec.json.encode(_session(request.get("contents"), seed)))
    return {"requestType": "agent", "requestId": f"agent-{identifier}"}


def _uuid(digest: str) -> str:
    """A digest in the form of a random UUID."""
    variant = "89ab"[int(digest[16], 16) % 4]
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def _session(contents: Raw | None, seed: bytes) -> str:
    """What a conversation is told by, so that it meets its prompt cache again: made of the user's first text."""
    said = seed
    for raw in elements(contents):
        content = members(raw)
        if literal(content, "role") == b'"model"':
            continue
        texts = [members(part).get("text") for part in elements(content.get("parts"))]
        first = next((text for text in texts if text is not None and bytes(text) != b'""'), None)
        if first is not None:
            said = str(msgspec.json.decode(first)).encode()
            break
    return f"-{int.from_bytes(hashlib.sha256(said).digest()[:8]) & (1 << 63) - 1}"


def _without_limit(request: dict[str, Raw], ledger: Ledger) -> None:
    config = members(request.get("generationConfig", b""))
    if config.pop("maxOutputTokens", None) is not None:
        ledger.lose("$.generationConfig.maxOutputTokens", "Antigravity takes no limit for this model")
        _put(request, "generationConfig", config)


def _put(request: dict[str, Raw], name: str, inner: dict[str, Raw]) -> None:
    if inner:
        request[name] = packed(inner)
    else:
        request.pop(name, None)


# Claude


def _as_claude(request: dict[str, Raw], tools: list[dict[str, Raw]], traits: Traits, ledger: Ledger) -> None:
    config = members(request.get("generationConfig", b""))
    if "thinkingConfig" in config:
        _settle_thinking(config, request.get("contents"), traits, ledger)
        _put(request, "generationConfig", config)
    if not any("functionDeclarations" in tool for tool in tools):
        return
    choice = members(request.get("toolConfig", b""))
    calling = members(choice.get("functionCallingConfig", b""))
    mode = literal(calling, "mode")
    if mode == b'"NONE"':
        return
    if mode == b'"ANY"':
        ledger.lose("$.toolConfig.functionCallingConfig.mode", "calls cannot be forced there", semantic=True)
    calling["mode"] = Raw(b'"VALIDATED"')
    request["toolConfig"] = packed(choice | {"functionCallingConfig": packed(calling)})


def _settle_thinking(config: dict[str, Raw], contents: Raw | None, traits: Traits, ledger: Ledger) -> None:
    """Thinking needs room under the limit of output, and the thoughts of a turn that is still open."""
    at = "$.generationConfig.thinkingConfig"
    thinking = msgspec.json.decode(config["thinkingConfig"], type=dict[str, Any])
    budget = thinking.get("thinkingBudget")
    if budget == 0:
        return
    if _thoughts_lost(contents):
        del config["thinkingConfig"]
        ledger.lose(at, "the thoughts of the open turn are missing")
        return
    if not isinstance(budget, int) or budget < 0:
        return
    most = msgspec.json.decode(config.get("maxOutputTokens", b"0")) or traits.max_output
    if not most:
        return
    config["maxOutputTokens"] = Raw(msgspec.json.encode(most))
    if budget < most:
        return
    if most - 1 < (traits.thinking.minimum if traits.thinking is not None else 0):
        del config["thinkingConfig"]
        ledger.lose(at, "no room for thinking under the limit of output")
        return
    thinking["thinkingBudget"] = most - 1
    config["thinkingConfig"] = Raw(msgspec.json.encode(thinking))
    ledger.apply("thinking", at, f"{most - 1} tokens")


def _thoughts_lost(contents: Raw | None) -> bool:
    """Whether a turn is open (the model called, and is given results) whose first answer shows no thought."""
    first: list[dict[str, Raw]] | None = None
    for raw in elements(contents):
        content = members(raw)
        parts = [members(part) for part in elements(content.get("parts"))]
        if literal(content, "role") == b'"model"':
            first = parts if first is None else first
        elif not any("functionResponse" in part for part in parts):
            first = None  # the user's own word begins a turn
    return first is not None and not any(literal(part, "thought") == b"true" for part in first)


# schemas


def _with_placeholders(tool: dict[str, Raw]) -> dict[str, Raw]:
    if "functionDeclarations" not in tool:
        return tool
    declared = []
    for raw in elements(tool["functionDeclarations"]):
        function = members(raw)
        schema = schema_tree.read(function.get("parameters", Raw(b'{"type":"OBJECT"}')))
        declared.append(packed(function | {"parameters": Raw(schema_tree.written(_filled(schema, nested=False)))}))
    return tool | {"functionDeclarations": packed(declared)}


def _filled(node: Any, *, nested: bool = True) -> Any:
    """A schema in which every object has a property, and every inner object a required one."""
    if not isinstance(node, dict):
        return node
    node = {key: schema_tree.within(key, value, _filled) for key, value in node.items()}
    if str(node.get("type", "")).upper() != "OBJECT":
        return node
    properties = node.get("properties") or {}
    if not properties:
        return node | {"properties": {"reason": _EMPTY}, "required": ["reason"]}
    if nested and not node.get("required"):
        return node | {"properties": properties | {"_": _FULL}, "required": ["_"]}
    return node


# --- answers --------------------------------------------------------------------------------------------------------


class Reader(gemini_cli.Reader):
    """The reader of the envelopes; a refusal that comes as an answer is a failure."""

    def _read(self, text: bytes, out: list[Event]) -> None:
        for snake, camel in _SNAKE:
            if snake in text:
                text = text.replace(snake + b":", camel + b":")  # inside of strings the quotes are escaped
        fresh = not self._blocks
        super()._read(text, out)
        if fresh and any(isinstance(event, TextDelta) and event.text.startswith(_GONE) for event in out):
            out[:] = [Failed(Failure(kind="policy", message=f"client not admitted by Antigravity: {_GONE}"))]
            self._over = True


def read_reply(body: bytes) -> list[Event]:
    """Read a whole answer: one envelope, an array of them, or a stream."""
    reader = Reader()
    return reader.feed(body) + reader.finish()


DIALECT = replace(
    GEMINI,
    name=NAME,
    variant_of=GEMINI.name,
    write_request=write_request,
    stream_reader=Reader,
    read_reply=read_reply,
    unseal=gemini_cli.unseal,
)
