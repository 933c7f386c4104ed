"""Hosted calls of other vendors, shown to a Responses client as the nearest of OpenAI's own items.

Only web search and code execution have one. What these items were made of stays with its vendor, so they are marked
(items.MADE) and never sent upstream when the client returns them.
"""

from typing import Any

import msgspec
from msgspec import Raw

from translators.openai_responses.items import MADE

_PREFIX = {"web_search": "ws", "code": "ci"}


def make_item(kind: str, seed: str, index: int, source: str, native: Raw | None) -> dict[str, Any] | None:
    """The item for a hosted call; None where OpenAI has nothing like it.

    Args:
        kind: of model.HostedTool.
        seed: of the exchange; index: the item's output_index. Both make the id.
        source: the call's input as JSON text, or "".
        native: the vendor's own object, if it was given.
    """
    if kind not in _PREFIX:
        return None
    ident = f"{_PREFIX[kind]}{MADE}{seed}_{index}"
    said = _object(source) or _object(bytes(native).decode() if native is not None else "")
    inner = said.get("input", said.get("executableCode", said))
    said = inner if isinstance(inner, dict) else said
    if kind == "web_search":
        query = said.get("query", "")
        action = {"type": "search", "query": query, "queries": [query], "sources": []}
        return {"type": "web_search_call", "id": ident, "status": "completed", "action": action}
    code = said.get("code", said.get("command", ""))
    return {
        "type": "code_interpreter_call",
        "id": ident,
        "status": "completed",
        "code": code if isinstance(code, str) else msgspec.json.encode(code).decode(),
        "container_id": "",
        "outputs": [],
    }


def image_item(ident: str, mime: str, data: str) -> dict[str, Any]:
    """The item for an image: OpenAI has none but that of the tool that makes them."""
    kind = mime.rpartition("/")[2] or "png"
    return {
        "id": ident,
        "type": "image_generation_call",
        "status": "completed",
        "output_format": kind,
        "result": data,
    }


def add_result(item: dict[str, Any], native: Raw) -> None:
    """Put what the call gave into its item: addresses of sources, or what was printed."""
    said = _object(bytes(native).decode())
    content = said.get("content", said.get("codeExecutionResult", said))
    if item["type"] == "web_search_call":
        found = content if isinstance(content, list) else []
        urls = [hit["url"] for hit in found if isinstance(hit, dict) and isinstance(hit.get("url"), str)]
        item["action"]["sources"] = [{"type": "url", "url": url} for url in urls]
    elif isinstance(content, dict):
        printed = "".join(str(content[name]) for name in ("stdout", "stderr", "output") if content.get(name))
        item["outputs"] = [{"type": "logs", "logs": printed}] if printed else []


def _object(text: str) -> dict[str, Any]:
    try:
        tree = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return tree if isinstance(tree, dict) else {}
