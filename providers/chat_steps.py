"""What Kimi, Qwen and iFlow want changed in a body of Chat Completions.

Sources: the requests of the vendors' own clients, and the fix-ups of CLIProxyAPI v6 and v7 (February, August 2026).
"""

import re
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Raw

from providers.sending import Sending
from translators import thinking
from translators.dialect import Outgoing
from translators.edit import set_model
from translators.errors import Unreadable

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_EFFORT = "reasoning_effort"
_EMPTY = (b"", b"null", b'""', b"[]")


def _fields(body: bytes) -> dict[str, Raw]:
    try:
        return _object.decode(body)
    except msgspec.MsgspecError as error:
        raise Unreadable(f"the body is no JSON object: {error}") from error


def _word(raw: Raw | None) -> str:
    value = msgspec.json.decode(raw) if raw is not None else ""
    return value if isinstance(value, str) else ""


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))


def _empty(raw: Raw | None) -> bool:
    return raw is None or bytes(raw).strip() in _EMPTY


def _messages(fields: dict[str, Raw]) -> list[dict[str, Raw]]:
    try:
        return msgspec.json.decode(fields.get("messages", b"[]"), type=list[dict[str, Raw]])
    except msgspec.ValidationError as error:
        raise Unreadable(f"messages: {error}", "$.messages") from error


# --- Kimi -----------------------------------------------------------------------------------------------------------

_CODING = {
    f"{name}{speed}": f"kimi-for-coding{speed}"
    for name in ("kimi-k2.7-code", "k2.7-code", "kimi-for-coding", "for-coding")
    for speed in ("", "-highspeed")
}
_UNSAID = "[reasoning unavailable]"


def kimi_name(model: str) -> str:
    """What Kimi calls a model: without the family's name, and without the mark of a long context."""
    plain = model.removesuffix("[1m]")
    return _CODING.get(plain) or plain.removeprefix("kimi-")


def kimi_model(outgoing: Outgoing, sending: Sending) -> Outgoing:
    """The model under Kimi's own name."""
    return replace(outgoing, body=set_model(outgoing.body, kimi_name(sending.model)))


def kimi(outgoing: Outgoing, sending: Sending) -> Outgoing:
    """Reasoning beside every call, as Kimi demands of a history; its own way of saying how much to think."""
    body = _fields(outgoing.body)
    body["messages"] = _raw(_history(_messages(body), sending))
    _think(body, sending)
    if sending.session and "prompt_cache_key" not in body:
        body["prompt_cache_key"] = _raw(sending.session)
    return replace(outgoing, body=msgspec.json.encode(body))


def _history(messages: list[dict[str, Raw]], sending: Sending) -> list[dict[str, Raw]]:
    kept = []
    latest = ""
    pending: list[str] = []
    for at, message in enumerate(messages):
        role = _word(message.get("role"))
        if role == "tool":
            called = _call_of(message, pending)
            pending = [one for one in pending if one != called]
        elif role == "assistant":
            calls = [] if _empty(message.get("tool_calls")) else _list.decode(message["tool_calls"])
            if not calls and _empty(message.get("content")):
                sending.ledger.lose(f"$.messages[{at}]", "a message that says nothing and calls nothing")
                continue
            latest = _word(message.get("reasoning_content")) or latest
            if calls:
                pending = [_word(_object.decode(call).get("id")) for call in calls]
                if not _word(message.get("reasoning_content")):
                    message["reasoning_content"] = _raw(latest or _text(message.get("content")) or _UNSAID)
                    sending.ledger.apply("reasoning-beside-calls", f"$.messages[{at}]")
        kept.append(message)
    return kept


def _call_of(message: dict[str, Raw], pending: list[str]) -> str:
    """The call that a tool message answers, which is put where it belongs."""
    called = _word(message.get("tool_call_id")) or _word(message.pop("call_id", None))
    if not called and len(pending) == 1:
        called = pending[0]
    if called:
        message["tool_call_id"] = _raw(called)
    return called


def _text(content: Raw | None) -> str:
    value = msgspec.json.decode(content) if content is not None else ""
    parts = value if isinstance(value, list) else [{"text": value}]
    texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return "\n\n".join(text for text in texts if text.strip())


def _think(body: dict[str, Raw], sending: Sending) -> None:
    """`thinking` with a type and an effort, in place of `reasoning_effort`."""
    effort = _word(body.pop(_EFFORT, None))
    if not effort or "thinking" in body:
        return
    levels = sending.traits.thinking
    if sending.traits.known and levels is None:
        sending.ledger.lose(f"$.{_EFFORT}", "the model has no reasoning control")
        return
    names = levels.names if levels is not None else ()
    if effort == "none" and (levels is None or levels.zero):
        body["thinking"] = _raw({"type": "disabled"})
        return
    if effort == "none":
        effort = names[0] if names else "low"
    body["thinking"] = _raw({"type": "enabled", "effort": thinking.nearest(effort, names)})


# --- Qwen -----------------------------------------------------------------------------------------------------------

_QWEN_SYSTEM = {"role": "system", "content": "You are a helpful assistant."}
_PLACEHOLDER = {
    "type": "function",
    "function": {
        "name": "no_tool",
        "description": "There are no tools in this conversation. Never call this function.",
        "parameters": {"type": "object", "properties": {}},
    },
}
"""A tool for upstreams whose streams go wrong without one."""


def qwen(outgoing: Outgoing, sending: Sending) -> Outgoing:
    """The portal wants a system message first, and makes stray tokens in a stream that has no tools."""
    body = _fields(outgoing.body)
    messages = _messages(body)
    if not messages or _word(messages[0].get("role")) != "system":
        body["messages"] = _raw([_QWEN_SYSTEM, *messages])
        sending.ledger.apply("system-first", "$.messages")
    if sending.stream and _empty(body.get("tools")):
        body["tools"] = _raw([_PLACEHOLDER])
        sending.ledger.apply("tool-placeholder", "$.tools")
    if sending.traits.known and sending.traits.thinking is None and body.pop(_EFFORT, None) is not None:
        sending.ledger.lose(f"$.{_EFFORT}", "the model has no reasoning control")
    return replace(outgoing, body=msgspec.json.encode(body))


# --- iFlow ----------------------------------------------------------------------------------------------------------

_SWITCHES = (
    (re.compile(r"glm.*"), "enable_thinking"),
    (re.compile(r"qwen3-max-preview|deepseek-v3\.[12]"), "enable_thinking"),
    (re.compile(r"minimax.*"), "reasoning_split"),
)
"""How the hosts of these models are told to think or not; the others cannot be told."""


def iflow(outgoing: Outgoing, sending: Sending) -> Outgoing:
    """Thinking as each model's host is told of it; a placeholder where an empty list of tools breaks the stream."""
    body = _fields(outgoing.body)
    if sending.stream and bytes(body.get("tools", b"")).strip() == b"[]":
        body["tools"] = _raw([_PLACEHOLDER])
        sending.ledger.apply("tool-placeholder", "$.tools")
    effort = _word(body.get(_EFFORT))
    if effort and sending.traits.known:
        del body[_EFFORT]
        _switch(body, effort != "none", sending)
    return replace(outgoing, body=msgspec.json.encode(body))


def _switch(body: dict[str, Raw], on: bool, sending: Sending) -> None:
    name = sending.model.lower()
    switch = next((switch for models, switch in _SWITCHES if models.fullmatch(name)), "")
    if not switch or sending.traits.thinking is None:
        sending.ledger.lose(f"$.{_EFFORT}", "the model has no reasoning control")
        return
    sending.ledger.apply("thinking", f"$.{_EFFORT}", "on" if on else "off")
    if switch == "reasoning_split":
        body["reasoning_split"] = _raw(on)
        return
    given = body.get("chat_template_kwargs")
    said: dict[str, Any] = {} if _empty(given) else msgspec.json.decode(given or b"{}")
    said["enable_thinking"] = on
    if name.startswith("glm"):
        said.pop("clear_thinking", None)
        said |= {"clear_thinking": False} if on else {}
    body["chat_template_kwargs"] = _raw(said)
