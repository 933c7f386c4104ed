"""Runs a trip: answers of an upstream, shown to a client that puts them into its history as real clients do, and the
requests that it sends next.

A case is a trip if it says `next`. Its settings, besides client, upstream, model, vendor and stream of a crossing:

    next       who is asked afterwards: dialects, each perhaps with a model (`gemini:gemini-3-pro-preview`)
    echo       full (default): all the client was shown. bare: without what its dialect's own page does not know (chat),
               without thoughts (Gemini)
    memory     yes: what cliproxy remembers of the conversation is put back (for clients that echo bare)
    account    of the credential that made the answers; `asked account`: of the one that is asked next
    then       what the user says after the last results (nothing: the turn is still open)

An `upstream reply` is one step; further steps of the turn are sections `upstream reply 2` and so on. Each call is
answered with “ok”. What each upstream gets is the conversation alone; that it only ever grows is checked here.
"""

import json
from typing import Any

import msgspec

from tests.casefile import Case
from tests.crossing import CATALOG, NOW, PROVIDERS, SEED, told
from translators import exchange, recall, sse
from translators.dialect import Aim, Asked
from translators.losses import Ledger
from translators.model import Reasoning, Request
from translators.parts import Part
from translators.pump import Pump
from translators.registry import DIALECTS

type Message = dict[str, Any]
type Kept = dict[str, list[Part]]

TURNS = {"claude": "messages", "openai-chat": "messages", "openai-responses": "input", "gemini": "contents"}


def run(case: Case) -> dict[str, str]:
    """What each next upstream gets from each client, one line a message; those that get the same stand together."""
    got: dict[tuple[str, str], list[str]] = {}
    clients, following = case.names("client"), case.names("next")
    for client in clients:
        history, kept = talk(case, client)
        for place in following:
            upstream, _, model = place.partition(":")
            several = [name for name, count in ((client, len(clients)), (place, len(following))) if count > 1]
            got.setdefault(ask(case, client, history, kept, upstream, model), []).append(" → ".join(several))
    sections: dict[str, str] = {}
    for (turns, ledger), names in got.items():
        about = f" {', '.join(names)}".rstrip()
        sections[f"next request{about}"] = turns
        if ledger:
            sections[f"ledger{about}"] = ledger
    return sections


def ask(
    case: Case, client: str, history: list[list[Message]], kept: Kept, upstream: str, model: str
) -> tuple[str, str]:
    """The conversation as the upstream gets it, step by step; the last step is shown, and its ledger."""
    before: list[bytes] = []
    ledger = Ledger()
    for place in range(1, len(history) + 1):
        said = [message for step in history[:place] for message in step]
        body, ledger = write(case, client, said, kept, upstream, model)
        turns = msgspec.json.decode(body, type=dict[str, msgspec.Raw])[TURNS[upstream]]
        listed = msgspec.json.decode(turns, type=list[msgspec.Raw])
        assert [bytes(one) for one in listed[: len(before)]] == before, f"{case.path}: what was sent has changed"
        before = [bytes(one) for one in listed]
    return "\n".join(one.decode() for one in before), told(ledger)


def write(case: Case, client: str, said: list[Message], kept: Kept, upstream: str, model: str) -> tuple[bytes, Ledger]:
    """The next request of a client, on its way to an upstream."""
    ledger = Ledger()
    here, there = DIALECTS[client], DIALECTS[upstream]
    body = json.dumps(_body(client, said)).encode()
    provider = PROVIDERS[upstream]
    vendor = case.settings.get("next vendor", there.vendor)
    account = case.settings.get("asked account", case.settings.get("account", ""))
    official = vendor == there.vendor
    aim = Aim(
        model or "m",
        provider,
        vendor,
        False,
        CATALOG.traits(provider, model or "m"),
        official=official,
        account=account,
    )
    request = here.read_request(body, "" if here.model_in_body else "m", False, ledger)
    if kept:
        request = recall.restore(request, "", kept.get, ledger)
    if client == upstream and case.settings.get("hub") == "yes":
        return there.write_request(request, aim, ledger).body, ledger
    return exchange.write(request, body, here, there, aim, ledger).body, ledger


def _body(client: str, said: list[Message]) -> Message:
    match client:
        case "claude":
            return {"model": "m", "max_tokens": 99, "messages": said}
        case "openai-chat":
            return {"model": "m", "messages": said}
        case "openai-responses":
            return {"model": "m", "input": said}
        case _:
            return {"contents": said}


# --- the client's history -------------------------------------------------------------------------------------------


def talk(case: Case, client: str) -> tuple[list[list[Message]], Kept]:
    """The history as steps, each of which ends where the client sends a request; and what is remembered of it."""
    kept: Kept = {}
    replies = [text for name, text in case.sections.items() if name.startswith("upstream reply")]
    history = [[_user(client, "Go.")]]
    for text in replies:
        pump, answer = _shown(case, client, text)
        reply = pump.answer()
        if case.settings.get("memory") == "yes" and reply is not None:
            body = json.dumps(_body(client, [message for step in history for message in step])).encode()
            request = DIALECTS[client].read_request(body, "m", False, Ledger())
            parts = reply.candidates[0].parts
            kept[recall.key_of("", request, parts)] = parts
        echoed, calls = ECHO[client](answer, case.settings.get("echo", "full") == "full")
        history.append([*echoed, *(RESULTS[client](calls) if calls else [])])
    if then := case.settings.get("then"):
        history[-1].append(_user(client, then))
    if client == "claude":
        history = [_merged(step) for step in history]
    return history, kept


def _shown(case: Case, client: str, text: str) -> tuple[Pump, bytes]:
    streamed = not text.lstrip().startswith("{")
    stream = case.settings.get("stream", "yes" if streamed else "no") == "yes"
    upstream = case.settings["upstream"]
    shown = Reasoning(mode="auto", show="auto") if case.settings.get("show") != "no" else None
    request = Request(model="m", turns=[], stream=stream, reasoning=shown, dialect=client)
    asked = Asked("m", stream, NOW, SEED, request)
    pump = exchange.pump(
        DIALECTS[client],
        DIALECTS[upstream],
        asked,
        {},
        streamed=streamed,
        vendor=case.settings.get("vendor", ""),
        model=case.settings.get("model", ""),
        account=case.settings.get("account", ""),
    )
    answer = pump.feed(text.encode() + b"\n\n" * streamed) + pump.finish()
    assert pump.failure is None, pump.failure
    return pump, answer


def _events(answer: bytes) -> list[Any]:
    return [json.loads(frame.data) for frame in sse.frames(answer) if frame.data != b"[DONE]"]


def _user(client: str, text: str) -> Message:
    if client == "gemini":
        return {"role": "user", "parts": [{"text": text}]}
    return {"role": "user", "content": [{"type": "text", "text": text}] if client == "claude" else text}


def _merged(step: list[Message]) -> list[Message]:
    """Claude's clients say results and text in one message."""
    merged: list[Message] = []
    for message in step:
        if merged and merged[-1]["role"] == message["role"]:
            merged[-1] = merged[-1] | {"content": merged[-1]["content"] + message["content"]}
        else:
            merged.append(message)
    return merged


def _claude(answer: bytes, full: bool) -> tuple[list[Message], list[Any]]:
    if answer.startswith(b"{"):
        content = json.loads(answer)["content"]
    else:
        content = []
        for event in _events(answer):
            if event["type"] == "content_block_start":
                content.append(event["content_block"])
            elif event["type"] == "content_block_delta":
                _grow(content[event["index"]], event["delta"])
    for block in content:
        if block["type"] == "tool_use" and "_json" in block:
            block["input"] = json.loads(block.pop("_json") or "{}")
    calls = [block["id"] for block in content if block["type"] == "tool_use"]
    return [{"role": "assistant", "content": content}], calls


def _grow(block: Message, delta: Message) -> None:
    match delta["type"]:
        case "input_json_delta":
            block["_json"] = block.get("_json", "") + delta["partial_json"]
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]


_KNOWN = {
    "": ("role", "content", "tool_calls", "refusal"),
    "call": ("id", "type", "function", "custom"),
}


def _chat(answer: bytes, full: bool) -> tuple[list[Message], list[Any]]:
    if answer.startswith(b"{"):
        message = json.loads(answer)["choices"][0]["message"]
    else:
        message = {}
        for chunk in _events(answer):
            for choice in chunk["choices"]:
                _add(message, choice["delta"])
        message["tool_calls"] = [
            {name: value for name, value in call.items() if name != "index"} for call in message.get("tool_calls", [])
        ]
        if not message["tool_calls"]:
            del message["tool_calls"]
    if not full:
        message = {name: value for name, value in message.items() if name in _KNOWN[""]}
        for call in message.get("tool_calls", []):
            for name in [name for name in call if name not in _KNOWN["call"]]:
                del call[name]
    return [message], [call["id"] for call in message.get("tool_calls", [])]


def _add(whole: Message, delta: Message) -> None:
    """What the official helper does: strings grow, lists go by index, objects member by member."""
    for name, value in delta.items():
        if isinstance(value, str) and isinstance(whole.get(name), str) and name not in ("role", "type", "id"):
            whole[name] += value
        elif isinstance(value, list) and name != "reasoning_details":
            listed = whole.setdefault(name, [])
            for piece in value:
                while len(listed) <= piece["index"]:
                    listed.append({})
                _add(listed[piece["index"]], piece)
        elif isinstance(value, list):
            whole.setdefault(name, []).extend(value)
        elif isinstance(value, dict):
            _add(whole.setdefault(name, {}), value)
        elif value is not None:
            whole[name] = value


def _responses(answer: bytes, full: bool) -> tuple[list[Message], list[Any]]:
    response = json.loads(answer) if answer.startswith(b"{") else _events(answer)[-1]["response"]
    calls = [item for item in response["output"] if item["type"] in ("function_call", "custom_tool_call")]
    return response["output"], [call["call_id"] for call in calls]


def _gemini(answer: bytes, full: bool) -> tuple[list[Message], list[Any]]:
    """One content for each chunk, thought signatures in the URL-safe alphabet, as Google's Python library has them."""
    chunks = [json.loads(answer)] if answer.startswith(b"{") else _events(answer)
    contents = [chunk["candidates"][0]["content"] for chunk in chunks if chunk.get("candidates")]
    for content in contents:
        if not full:
            content["parts"] = [part for part in content["parts"] if not part.get("thought")]
        for part in content["parts"]:
            if "thoughtSignature" in part:
                part["thoughtSignature"] = part["thoughtSignature"].replace("+", "-").replace("/", "_")
    contents = [content for content in contents if content["parts"]]
    calls = [part["functionCall"] for content in contents for part in content["parts"] if "functionCall" in part]
    return contents, calls


ECHO = {"claude": _claude, "openai-chat": _chat, "openai-responses": _responses, "gemini": _gemini}
RESULTS = {
    "claude": lambda calls: [
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": each, "content": "ok"} for each in calls]}
    ],
    "openai-chat": lambda calls: [{"role": "tool", "tool_call_id": each, "content": "ok"} for each in calls],
    "openai-responses": lambda calls: [
        {"type": "function_call_output", "call_id": each, "output": "ok"} for each in calls
    ],
    "gemini": lambda calls: [
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": call["id"], "name": call["name"], "response": {"output": "ok"}}}
                for call in calls
            ],
        }
    ],
}
