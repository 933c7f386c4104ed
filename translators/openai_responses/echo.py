"""The response object around an answer: what it echoes of the request, and how it ends."""

from typing import Any

from msgspec import Raw

from translators.dialect import Asked
from translators.losses import Ledger
from translators.model import FunctionTool, OutputFormat, Reasoning, Request, Stop, StopReason
from translators.openai_responses import tools, wire
from translators.parts import Text

_LENGTH = ("incomplete", "max_output_tokens")
_FILTER = ("incomplete", "content_filter")

_ENDS: dict[StopReason, tuple[str, str]] = {
    "length": _LENGTH,
    "context": _LENGTH,
    "pause": _LENGTH,
    "filter_out": _FILTER,
    "filter_prompt": _FILTER,
    "recitation": _FILTER,
    "cancelled": ("incomplete", "cancelled"),
    "bad_call": ("failed", ""),
}


def end_of(stop: Stop, *, refused: bool) -> tuple[str, str]:
    """Status of the response and, if it is incomplete, the reason. `refused`: the answer has a refusal part."""
    if stop.reason == "refusal":
        return ("completed", "") if refused else _FILTER
    if stop.reason == "other" and stop.native in ("max_messages", "steered"):
        return "incomplete", stop.native
    return _ENDS.get(stop.reason, ("completed", ""))


class Envelope:
    """The response object of one answer; its echoes are encoded once."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._before, self._after = _echoes(asked)
        self.id = f"resp_{asked.seed}"
        self.created = asked.now

    def begin(self, ident: str, created: int) -> None:
        """Take over what the upstream said of itself, where it fits a Responses client."""
        if ident.startswith("resp_"):
            self.id = ident
        self.created = created or self.created

    def response(
        self,
        status: str,
        output: list[bytes],
        *,
        usage: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
        reason: str = "",
        tier: str = "",
    ) -> bytes:
        """The object as JSON. `output`: the items, encoded."""
        head = {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": error,
            "incomplete_details": {"reason": reason} if reason else None,
        }
        tail = {"service_tier": tier, "usage": usage} if tier else {"usage": usage}
        # The parts are JSON objects; without their brackets they make one.
        return b'%b,%b,"output":[%b],%b,%b' % (
            wire.encode(head)[:-1],
            self._before[1:-1],
            b",".join(output),
            self._after[1:-1],
            wire.encode(tail)[1:],
        )


def _echoes(asked: Asked) -> tuple[bytes, bytes]:
    """What of the request stands before and after `output`. The client library requires most of it to be there."""
    request = asked.request or Request(model=asked.model, turns=[])
    instructions = "\n\n".join(part.text for part in request.system if isinstance(part, Text))
    before = {
        "background": request.state.background,
        "instructions": instructions or None,
        "max_output_tokens": request.max_output,
        "model": asked.model,
    }
    after: dict[str, Any] = {
        "parallel_tool_calls": True if request.parallel_tools is None else request.parallel_tools,
        "previous_response_id": request.state.previous_response or None,
        "prompt_cache_key": request.cache.key or None,
        "reasoning": _reasoning(request.reasoning),
        "safety_identifier": request.identity.safety or None,
        "store": bool(request.state.store),
        "temperature": 1.0 if request.sampling.temperature is None else request.sampling.temperature,
        "text": _text(request.format, request.verbosity),
        "tool_choice": _choice(request),
        "tools": tools.write_tools(request.tools, _as_is, Ledger(), namespaces=True, freeform=True),
        "top_p": 1.0 if request.sampling.top_p is None else request.sampling.top_p,
        "truncation": "disabled",
        "user": request.identity.user or None,
        "metadata": request.identity.metadata or {},
    }
    return wire.encode(before), wire.encode(after)


def _as_is(name: str, _namespace: str) -> str:
    return name


def _choice(request: Request) -> Any:
    if request.tool_choice is None:
        return "auto"
    forms = {
        tool.name: "custom" if tool.form == "text" else "function"
        for tool in request.tools
        if isinstance(tool, FunctionTool)
    }
    return tools.write_choice(request.tool_choice, _as_is, forms, "", Ledger())


def _reasoning(reasoning: Reasoning | None) -> dict[str, Any]:
    if reasoning is None:
        return {"effort": None, "summary": None}
    effort = "none" if reasoning.mode == "off" else reasoning.effort or None
    return {"effort": effort, "summary": reasoning.show}


def _text(wanted: OutputFormat | None, verbosity: str) -> dict[str, Any]:
    said: dict[str, Any] = {"format": {"type": "text"}}
    if wanted is not None and wanted.kind == "json":
        said["format"] = {"type": "json_object"}
    elif wanted is not None and wanted.kind == "schema":
        said["format"] = {
            "type": "json_schema",
            "name": wanted.name,
            "schema": wanted.schema or Raw(b"{}"),
            "strict": bool(wanted.strict),
        }
    if verbosity:
        said["verbosity"] = verbosity
    return said
