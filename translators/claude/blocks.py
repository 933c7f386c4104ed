"""What the stream and the whole answer say in the same words: envelope, stop, usage, and blocks that come in one piece.

Every function gives plain dicts in the vendor's key order.
"""

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from translators import seals
from translators.claude import hosted
from translators.claude.turns import EMPTY_TEXT
from translators.claude.words import (
    ID_LIMIT,
    NAME,
    NAME_CHARACTERS,
    REFUSAL_CATEGORIES,
    STOP_WORDS,
    VENDOR,
)
from translators.dialect import Asked
from translators.model import HostedTool, Stop, Usage
from translators.names import legal_id
from translators.parts import Citation, Seal

type Block = dict[str, Any]

BLOCKED = frozenset({"filter_out", "filter_prompt", "recitation"})


def envelope(identifier: str, model: str, asked: Asked) -> dict[str, Any]:
    """An answer without content, as it stands at the start of a stream. `model` is the client's name for it."""
    return {
        "id": identifier if identifier.startswith("msg_") else f"msg_{asked.seed}",
        "type": "message",
        "role": "assistant",
        "model": asked.model or model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def stop_words(stop: Stop) -> dict[str, Any]:
    """stop_reason, stop_sequence, and for refusals stop_details; a filter says in them what it was."""
    reason = STOP_WORDS[stop.reason]
    if stop.reason == "sequence" and stop.sequence is None:
        reason = "end_turn"
    if stop.reason == "compaction" and stop.native == "compaction":
        reason = stop.native
    said: dict[str, Any] = {"stop_reason": reason, "stop_sequence": stop.sequence}
    if reason == "refusal":
        category = stop.category if stop.category in REFUSAL_CATEGORIES else None
        explanation = stop.explanation
        if stop.reason in BLOCKED and stop.native:
            explanation = f"blocked: {stop.native}" + (f" ({explanation})" if explanation else "")
        said["stop_details"] = {"type": "refusal", "category": category, "explanation": explanation or None}
    return said


_TIERS = {"default": "standard", "standard": "standard", "priority": "priority", "batch": "batch"}
"""Service tiers of answers; of other vendors' words those that mean the same."""


COUNTS = frozenset(
    {"input", "cache_read", "cache_write", "cache_write_5m", "cache_write_1h", "output", "thinking"}
    | {"web_searches", "web_fetches"}
)
"""What usage_words has a field for."""


def usage_words(usage: Usage | None) -> dict[str, Any]:
    """Counts in this vendor's arithmetic: input without the cache. What nobody said is 0 where a number must stand."""
    usage = usage or Usage()
    read, written = usage.cache_read or 0, usage.cache_write or 0
    said: dict[str, Any] = {
        "input_tokens": max(0, (usage.input or 0) - read - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
    }
    if usage.cache_write_5m is not None or usage.cache_write_1h is not None:
        said["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_5m or 0,
            "ephemeral_1h_input_tokens": usage.cache_write_1h or 0,
        }
    said["output_tokens"] = usage.output or 0
    if usage.thinking is not None:
        said["output_tokens_details"] = {"thinking_tokens": usage.thinking}
    if usage.web_searches is not None or usage.web_fetches is not None:
        said["server_tool_use"] = {
            "web_search_requests": usage.web_searches or 0,
            "web_fetch_requests": usage.web_fetches or 0,
        }
    if tier := _TIERS.get(usage.service_tier.lower()):
        said["service_tier"] = tier
    return said


def carrier(seal: Seal, place: str, alone: bool = False) -> Block:
    """A seal of a part that has no field for it, as a redacted block beside that part.

    place "next" stands before a tool call, "prev" behind a text; `alone`: the text is empty and not written at all.
    Clients echo redacted blocks word for word, while some drop thinking blocks without text.
    """
    placed = replace(seal, place=place, item=EMPTY_TEXT if alone else seal.item)
    return {"type": "redacted_thinking", "data": seals.wrap(placed)}


UNSIGNED = Seal("signature", "", "")


def signature(seal: Seal | None) -> str:
    """What stands in the signature of a thinking block that has text.

    Never nothing: some clients take an unsigned block for a lost signature and end the run (Qwen Code, November 2026).
    Thinking that nobody signed gets an envelope around nothing, which the reader drops again.
    """
    if seal is None:
        return seals.wrap(UNSIGNED)
    return seals.wrap(seal) if seal.kind != "signature" else seals.for_client(seal, VENDOR)


def sealed_block(seal: Seal) -> Block:
    """A thinking part without text: Anthropic's signature keeps its empty thinking block, all others are redacted."""
    if seal.kind == "signature" and seal.vendor == VENDOR:
        return {"type": "thinking", "thinking": "", "signature": signature(seal)}
    native = seal.kind == "redacted" and seal.vendor == VENDOR
    return {"type": "redacted_thinking", "data": seal.data if native else seals.wrap(seal)}


def tool_id(identifier: str) -> str:
    """A call id this dialect's clients may send back."""
    return legal_id(identifier, NAME_CHARACTERS, ID_LIMIT)


def caller(said: Raw | None, vendor: str) -> Block:
    """The `caller` of a call, which clients must echo: in the vendor's own words or not at all."""
    return {"caller": said} if said is not None and vendor == VENDOR else {}


def native_blocks(kind: str, name: str, identifier: str, vendor: str, native: Raw) -> list[Block]:
    """The blocks of a hosted call or result, or of an unknown block (`kind` as in BlockOpened).

    The vendor's own object stays as it is; other vendors' have stand-ins or nothing.
    """
    if kind == "unknown":
        return [members_of(native)] if vendor == NAME else []
    if vendor == VENDOR:
        return [members_of(native)]
    if kind == "hosted":
        return hosted.blocks_of_call(name, identifier, native)
    return hosted.blocks_of_result(name, identifier, native)


def members_of(native: Raw) -> Block:
    """An object's members, each as it stood."""
    try:
        return msgspec.json.decode(native, type=dict[str, Raw])
    except msgspec.DecodeError:
        return {}


def opening(block: Block) -> tuple[Block, Block | None]:
    """A complete block as content_block_start has it, and the delta that makes it complete (None: it is)."""
    tag = block.get("type")
    tag = msgspec.json.decode(tag) if isinstance(tag, Raw) else tag
    match tag:
        case "server_tool_use" | "mcp_tool_use":
            text = msgspec.json.encode(block.get("input", {})).decode()
            delta = {"type": "input_json_delta", "partial_json": text} if text != "{}" else None
            return block | {"input": {}}, delta
        case "text":
            return block | {"text": ""}, {"type": "text_delta", "text": block["text"]}
        case "thinking":
            return block | {"signature": ""}, {"type": "signature_delta", "signature": block["signature"]}
        case _:
            return block, None


def note(what: str, mime: str) -> str:
    """What stands in an answer for something this dialect's answers cannot hold."""
    return f"[{what} ({mime or 'unknown type'}) left out: Anthropic's API has no place for it in an answer]"


def wants_citations(asked: Asked) -> bool:
    """Citations of other vendors are shown to clients that asked for a web search, and so know such citations."""
    tools = asked.request.tools if asked.request is not None else []
    return any(isinstance(tool, HostedTool) and tool.kind == "web_search" for tool in tools)


def citation_words(citation: Citation, text: str, wanted: bool) -> Block | Raw | None:
    """A citation of the text block `text`; None if this client cannot be told."""
    if citation.vendor == VENDOR and citation.native is not None:
        return citation.native
    if not wanted or not citation.url:
        return None
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title or None,
        "cited_text": citation.quote or text[citation.start or 0 : citation.end],
        "encrypted_index": "",
    }


def is_json(text: str) -> bool:
    """Whether arguments are whole: JSON text, or nothing at all."""
    try:
        msgspec.json.decode(text.encode(errors="surrogatepass") or b"{}", type=Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def object_text(arguments: str, form: str) -> str:
    """Arguments as the JSON text of an object; a call whose text is none keeps it under one reserved key."""
    if form == "text":
        return msgspec.json.encode({"input": arguments}).decode()
    if not arguments.strip():
        return "{}"
    try:
        msgspec.json.decode(arguments.encode(), type=dict[str, Raw])
    except msgspec.ValidationError:
        return f'{{"value":{arguments}}}'
    except (msgspec.DecodeError, UnicodeEncodeError):
        return msgspec.json.encode({"_raw": arguments}).decode()
    return arguments
