"""xAI: OpenAI Responses as Grok's API takes and gives it.

What differs: no free-text tools and no namespaces (the writer is not told `official`), fewer hosted tools, no settings
that name OpenAI's own store, and reasoning that is told as `reasoning_text` where others have its summary.

Source: xAI's API reference and the fix-ups of CLIProxyAPI v7, read November 2026.
"""

import re
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace as changed

from translators.dialect import Aim, Outgoing, StreamReader
from translators.events import Event, ThinkingDelta
from translators.losses import Ledger
from translators.model import Request
from translators.openai_responses import DIALECT as RESPONSES

NAME = "xai"

_DELETED = ("previous_response_id", "prompt_cache_retention", "safety_identifier", "stream_options", "stop")
_UNKNOWN = ("tool_search",)
_PAINTER = re.compile(r"grok-(\d+)\.(\d+)")
_ENCRYPTED = "reasoning.encrypted_content"

_object = msgspec.json.Decoder(dict[str, Raw])


def write_request(request: Request, aim: Aim, ledger: Ledger) -> Outgoing:
    """As Responses. Loses what xAI refuses: settings of OpenAI's store, hosted tools that it does not have, and a
    choice that names one of those.
    """
    outgoing = RESPONSES.write_request(request, replace(aim, official=False), ledger)
    body = _object.decode(outgoing.body)
    for name in _DELETED:
        if body.pop(name, None) is not None:
            ledger.lose(f"$.{name}", "xAI has no such setting")
    body.setdefault("store", Raw(b"false"))
    include = msgspec.json.decode(body.get("include", b"[]"))
    body["include"] = Raw(msgspec.json.encode(list(dict.fromkeys([*include, _ENCRYPTED]))))
    _tools(body, aim, ledger)
    return replace(outgoing, body=msgspec.json.encode(body))


def _tools(body: dict[str, Raw], aim: Aim, ledger: Ledger) -> None:
    declared = msgspec.json.decode(body.pop("tools", b"[]"), type=list[dict[str, Raw]])
    kept = []
    for tool in declared:
        kind = _word(tool.get("type"))
        if kind in _UNKNOWN or (kind == "image_generation" and not _paints(aim.model)):
            ledger.lose("$.tools", f"xAI has no tool {kind} for this model", semantic=True)
            continue
        if kind.startswith("web_search") and tool.pop("external_web_access", None) is not None:
            ledger.lose("$.tools", "web search at xAI has no setting external_web_access")
        kept.append(tool)
    if kept:
        body["tools"] = Raw(msgspec.json.encode(kept))
    _choice(body, kept, ledger)


def _paints(model: str) -> bool:
    """Images are made by Grok 4.6 and later, and not by the 4.20 line."""
    found = _PAINTER.match(model)
    return found is not None and (4, 6) <= (int(found[1]), int(found[2])) != (4, 20)


def _choice(body: dict[str, Raw], tools: list[dict[str, Raw]], ledger: Ledger) -> None:
    """A hosted tool is forced as the only allowed one; who names a tool that is gone forces nothing."""
    if not tools:
        body.pop("parallel_tool_calls", None)
        if bytes(body.pop("tool_choice", b'"none"')) not in (b'"none"', b'"auto"'):
            ledger.lose("$.tool_choice", "there are no tools to choose from")
        return
    choice: Any = msgspec.json.decode(body.get("tool_choice", b"null"))
    if not isinstance(choice, dict) or choice.get("type") == "allowed_tools":
        return
    kinds = {_word(tool.get("type")) for tool in tools}
    if choice.get("type") in ("function", "custom"):
        return
    if choice.get("type") in kinds:
        allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": choice["type"]}]}
        body["tool_choice"] = Raw(msgspec.json.encode(allowed))
    else:
        del body["tool_choice"]
        ledger.lose("$.tool_choice", f"forcing {choice.get('type')}", semantic=True)


def _word(raw: Raw | None) -> str:
    value = msgspec.json.decode(raw) if raw is not None else ""
    return value if isinstance(value, str) else ""


# --- answers --------------------------------------------------------------------------------------------------------


class Reader:
    """The stream reader of Responses; reasoning comes out as a summary, which is what clients show."""

    def __init__(self) -> None:
        self._reader: StreamReader = RESPONSES.stream_reader()

    def feed(self, chunk: bytes) -> list[Event]:
        """Read a chunk."""
        return _summed(self._reader.feed(chunk))

    def finish(self) -> list[Event]:
        """The upstream closed."""
        return _summed(self._reader.finish())


def _summed(events: list[Event]) -> list[Event]:
    return [changed(event, full=False) if type(event) is ThinkingDelta and event.full else event for event in events]


def read_reply(body: bytes) -> list[Event]:
    """Read a whole answer."""
    return _summed(RESPONSES.read_reply(body))


DIALECT = replace(
    RESPONSES,
    name=NAME,
    variant_of=RESPONSES.name,
    write_request=write_request,
    stream_reader=Reader,
    read_reply=read_reply,
)
