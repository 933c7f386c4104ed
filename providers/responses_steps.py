"""What the ChatGPT backend and xAI want changed in a body of OpenAI Responses.

Sources: the requests of OpenAI's Codex client 0.169, and the fix-ups of CLIProxyAPI v6 and v7 (February, August 2026).
"""

import hashlib
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Raw

from providers.sending import Sending
from translators.dialect import Outgoing
from translators.errors import Unreadable, Unwritable

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])

_TRUE, _FALSE, _NULL = Raw(b"true"), Raw(b"false"), b"null"

_STATE = ("previous_response_id", "conversation")
_LIMITS = ("max_output_tokens", "max_completion_tokens", "temperature", "top_p", "truncation", "context_management")
_ABOUT = ("prompt_cache_retention", "prompt_cache_options", "safety_identifier", "user", "metadata", "generate")
_REFUSED = (*_LIMITS, *_ABOUT, "background")
"""Members for which the backend answers 400 “Unsupported parameter”."""
_LONGEST_ID = 64
_ENCRYPTED = "reasoning.encrypted_content"
_SEARCHES = (b"web_search_preview", b"web_search_preview_2025_03_11")


def codex(outgoing: Outgoing, sending: Sending) -> Outgoing:
    """The part of the Responses API that the ChatGPT backend takes: nothing is stored, everything is streamed.

    Raises Unwritable for state kept at the vendor: without it the request would mean something else.
    """
    body = _fields(outgoing.body)
    _refuse_state(body)
    for name in _REFUSED:
        _lose(body, name, sending, "the ChatGPT backend has no such parameter")
    if bytes(body.get("service_tier", b'"priority"')) != b'"priority"':
        _lose(body, "service_tier", sending, "the ChatGPT backend has the tier `priority` only")
    _delivery(body, sending)
    if bytes(body.get("instructions", _NULL)) == _NULL:
        body["instructions"] = Raw(b'""')
    body["input"] = Raw(_input(body.get("input", Raw(b"[]")), sending))
    for name in ("tools", "tool_choice"):
        if name in body and any(word in bytes(body[name]) for word in _SEARCHES):
            body[name] = Raw(msgspec.json.encode(_search(msgspec.json.decode(body[name]))))
    if sending.operation == "compact":
        for name in ("stream", "store", "include"):
            body.pop(name, None)
    else:
        _fixed(body, sending)
    headers = dict(outgoing.headers)
    key = _word(body.get("prompt_cache_key"))
    if not key and sending.session:
        key = sending.session
        body["prompt_cache_key"] = Raw(msgspec.json.encode(key))
    if key and not {"session_id", "session-id"} & set(sending.client if not sending.translated else ()):
        headers["session-id"] = key
    return replace(outgoing, body=msgspec.json.encode(body), headers=headers)


def _refuse_state(body: dict[str, Raw]) -> None:
    for name in _STATE:
        if bytes(body.pop(name, _NULL)) != _NULL:
            code = "previous_response_not_found" if name == "previous_response_id" else ""
            raise Unwritable("the ChatGPT backend keeps nothing: send the whole history instead", f"$.{name}", code)
    if bytes(body.get("background", _NULL)) == b"true":
        raise Unwritable("the ChatGPT backend has no background mode", "$.background")


def _lose(body: dict[str, Raw], name: str, sending: Sending, reason: str) -> None:
    if bytes(body.pop(name, _NULL)) not in (_NULL, b"false"):
        sending.ledger.lose(f"$.{name}", reason)


def _delivery(body: dict[str, Raw], sending: Sending) -> None:
    """Of the stream options only the delivery of reasoning summaries is known."""
    options = body.pop("stream_options", None)
    if options is None or not bytes(options).startswith(b"{"):
        return
    kept = {name: value for name, value in _object.decode(options).items() if name == "reasoning_summary_delivery"}
    if kept:
        body["stream_options"] = Raw(msgspec.json.encode(kept))
    else:
        sending.ledger.lose("$.stream_options", "the ChatGPT backend has no such parameter")


def _fixed(body: dict[str, Raw], sending: Sending) -> None:
    """What has one right value."""
    if bytes(body.get("store", _NULL)) == b"true":
        sending.ledger.lose("$.store", "the ChatGPT backend stores nothing")
    body |= {"stream": _TRUE, "store": _FALSE}
    include = body.get("include", Raw(b"[]"))
    named = msgspec.json.decode(include) if bytes(include).startswith(b"[") else []
    if _ENCRYPTED not in named:
        body["include"] = Raw(msgspec.json.encode([*named, _ENCRYPTED]))
    if bytes(body.get("tools", b"[]")).strip() in (b"[]", _NULL):
        body.pop("parallel_tool_calls", None)
    elif bytes(body.get("parallel_tool_calls", _NULL)) == _NULL:
        body["parallel_tool_calls"] = _TRUE


def _input(given: Raw, sending: Sending) -> bytes:
    """The conversation as a list of items, each with roles, ids and members that the backend takes."""
    if bytes(given).startswith(b'"'):
        text = {"type": "input_text", "text": msgspec.json.decode(given)}
        return msgspec.json.encode([{"type": "message", "role": "user", "content": [text]}])
    items: list[Raw] = []
    changed = False
    for at, item in enumerate(_list.decode(given) if bytes(given).startswith(b"[") else []):
        kept = _item(item, f"$.input[{at}]", sending)
        changed = changed or kept is not item
        if kept is not None:
            items.append(kept)
    return msgspec.json.encode(items) if changed or not bytes(given).startswith(b"[") else bytes(given)


def _item(item: Raw, at: str, sending: Sending) -> Raw | None:
    """An item, changed where it must be; None for one that cannot be sent."""
    if not bytes(item).startswith(b"{"):
        return item
    fields = _object.decode(item)
    before = dict(fields)
    identifier = _word(fields.get("id"))
    if len(identifier) > _LONGEST_ID:
        if _word(fields.get("type")) == "reasoning" and bytes(fields.get("encrypted_content", _NULL)) != _NULL:
            sending.ledger.lose(at, "reasoning under an id that is too long for its seal")
            return None
        digest = hashlib.sha256(identifier.encode()).hexdigest()[:24]
        fields["id"] = Raw(msgspec.json.encode(f"{identifier[: _LONGEST_ID - 25]}_{digest}"))
        sending.ledger.apply("item-id", f"{at}.id")
    if _word(fields.get("role")) == "system":
        fields["role"] = Raw(b'"developer"')
    if b"prompt_cache_breakpoint" in bytes(item) and bytes(fields.get("content", b"")).startswith(b"["):
        fields["content"] = Raw(msgspec.json.encode([_unmarked(part) for part in _list.decode(fields["content"])]))
        sending.ledger.lose(at, "a cache breakpoint")
    return item if fields == before else Raw(msgspec.json.encode(fields))


def _unmarked(part: Raw) -> Raw:
    if not bytes(part).startswith(b"{"):
        return part
    fields = _object.decode(part)
    return part if fields.pop("prompt_cache_breakpoint", None) is None else Raw(msgspec.json.encode(fields))


def _search(value: Any) -> Any:
    """A tool list or a choice with the newer name of web search."""
    if isinstance(value, list):
        return [_search(one) for one in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("type"), str) and value["type"].encode() in _SEARCHES:
        value = value | {"type": "web_search"}
    return value | {"tools": _search(value["tools"])} if "tools" in value else value


# --- xAI ------------------------------------------------------------------------------------------------------------

_TOOLS = ("tools", "tool_choice", "parallel_tool_calls")
_KEPT_THERE = ("previous_response_id", "prompt_cache_retention", "safety_identifier", "store", "include")
_NOT_COMPACTED = (*_TOOLS, *_LIMITS, *_KEPT_THERE, "top_k", "stop", "stream", "stream_options")


def xai(outgoing: Outgoing, sending: Sending) -> Outgoing:
    """The conversation's name for xAI's prompt cache; and for a compaction only what that takes."""
    body = _fields(outgoing.body)
    if sending.operation == "compact":
        for name in _NOT_COMPACTED:
            body.pop(name, None)
        return replace(outgoing, body=msgspec.json.encode(body))
    key = _word(body.get("prompt_cache_key")) or sending.session
    if not key:
        return outgoing
    body["prompt_cache_key"] = Raw(msgspec.json.encode(key))
    return replace(outgoing, body=msgspec.json.encode(body), headers=outgoing.headers | {"x-grok-conv-id": key})


def _fields(body: bytes) -> dict[str, Raw]:
    try:
        return _object.decode(body)
    except msgspec.MsgspecError as error:
        raise Unreadable(f"the body is no JSON object: {error}") from error


def _word(raw: Raw | None) -> str:
    value = msgspec.json.decode(raw) if raw is not None else ""
    return value if isinstance(value, str) else ""
