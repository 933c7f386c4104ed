"""Requests: generateContent bodies ⇄ the model.

Source: Gemini API reference, “Generating content”, read November 2026.
"""

from typing import Any

import msgspec

from translators.dialect import Aim, Outgoing
from translators.errors import Unreadable, Unwritable
from translators.exact import Exact
from translators.gemini import wire
from translators.gemini.contents import ContentsReader, detail_of
from translators.gemini.settings import (
    STOPS,
    SettingsWriter,
    read_format,
    read_logprobs,
    read_sampling,
    read_thinking,
    read_tier,
)
from translators.gemini.spelling import Reading
from translators.gemini.tools import ToolsWriter, read_choice, read_tools
from translators.gemini.turns import TurnsWriter
from translators.hosted import with_functions
from translators.losses import Ledger
from translators.model import Identity, Request, ServerState
from translators.parts import Text, Turn
from translators.unsaid import lose_bookkeeping

_PLACES = {
    "max_output": "generationConfig.maxOutputTokens",
    "sampling.temperature": "generationConfig.temperature",
    "sampling.top_p": "generationConfig.topP",
    "sampling.top_k": "generationConfig.topK",
    "sampling.seed": "generationConfig.seed",
    "sampling.frequency_penalty": "generationConfig.frequencyPenalty",
    "sampling.presence_penalty": "generationConfig.presencePenalty",
    "stops": "generationConfig.stopSequences",
    "n": "generationConfig.candidateCount",
    "logprobs": "generationConfig.responseLogprobs",
    "logprobs.top": "generationConfig.logprobs",
    "reasoning": "generationConfig.thinkingConfig",
    "reasoning.show": "generationConfig.thinkingConfig.includeThoughts",
    "modalities": "generationConfig.responseModalities",
    "speech": "generationConfig.speechConfig",
    "image": "generationConfig.imageConfig",
    "tool_choice": "toolConfig.functionCallingConfig",
    "safety": "safetySettings",
    "identity.labels": "labels",
    "service_tier": "serviceTier",
    "state.cached_content": "cachedContent",
    "state.store": "store",
}
"""Where each setting of the model stands in a body."""


_exact: Exact[wire.GenerateRequest] = Exact(wire.GenerateRequest)


def read_request(body: bytes, model: str, stream: bool | None, ledger: Ledger) -> Request:
    """Read a generateContent (or countTokens) body.

    Args:
        body: one JSON object, in either spelling of its fields.
        model: from the path; the body's own `model` only counts where the path has none.
        stream: from the path.
        ledger: receives a Loss for every field this function does not read, in the client's spelling.

    Returns:
        A Request whose turns stand as sent. Calls without an id have one made from their place, name and arguments;
        responses are bound to calls by id, else by name and order.

    Raises:
        Unreadable: not JSON, or a known field of the wrong type (with the JSON path).
    """
    reading = Reading(lambda path: ledger.lose(path, "unknown field"))
    said = _exact.read(body) or reading.read(body, wire.GenerateRequest)
    prefix = "$"
    if said.generate_content_request is not None:
        said, prefix = said.generate_content_request, "$.generateContentRequest"
    config = said.generation_config or wire.GenerationConfig()
    if config.candidate_count is not None and config.candidate_count < 1:
        raise Unreadable("expected at least 1", f"{prefix}.generationConfig.candidateCount")
    at = {name: reading.spelt.get(f"{prefix}.{place}", f"{prefix}.{place}") for name, place in _PLACES.items()}
    at["format"] = _path_of_format(config, prefix, reading)
    request = Request(
        model=(model or said.model or "").removeprefix("models/"),
        turns=_read_contents(said, config, f"{prefix}.contents", ledger),
        tools=read_tools(said.tools or [], f"{prefix}.tools"),
        tool_choice=read_choice(said.tool_config.function_calling_config if said.tool_config else None),
        max_output=config.max_output_tokens,
        sampling=read_sampling(config),
        stops=config.stop_sequences or [],
        n=config.candidate_count,
        logprobs=read_logprobs(config),
        reasoning=read_thinking(config.thinking_config, at["reasoning"]),
        format=read_format(config),
        modalities=[word.lower() for word in config.response_modalities or []],
        speech=config.speech_config,
        image=config.image_config,
        safety=said.safety_settings,
        identity=Identity(labels=said.labels),
        service_tier=read_tier(said.service_tier),
        state=ServerState(cached_content=said.cached_content or "", store=said.store),
        stream=bool(stream),
        stream_usage=True,
        dialect="gemini",
        at=at,
    )
    _read_system(request, said, prefix, reading, ledger)
    _overruled(said, config, prefix, reading, ledger)
    return request


def _overruled(
    said: wire.GenerateRequest, config: wire.GenerationConfig, prefix: str, reading: Reading, ledger: Ledger
) -> None:
    """Say what stands in the shadow of another setting, or has become a matter of each part."""

    def at(place: str) -> str:
        return reading.spelt.get(f"{prefix}.{place}", f"{prefix}.{place}")

    if config.response_schema is not None and config.response_json_schema is not None:
        ledger.lose(at("generationConfig.responseSchema"), "responseJsonSchema counts")
    if config.media_resolution is not None:
        ledger.apply("media-resolution", at("generationConfig.mediaResolution"), "the detail of each image")
    if said.tool_config is not None and said.tool_config.include_server_side_tool_invocations is not None:
        ledger.lose(at("toolConfig.includeServerSideToolInvocations"), "hosted calls are Google's own")


def _path_of_format(config: wire.GenerationConfig, prefix: str, reading: Reading) -> str:
    field = "responseMimeType"
    if config.response_json_schema is not None:
        field = "responseJsonSchema"
    elif config.response_schema is not None:
        field = "responseSchema"
    path = f"{prefix}.generationConfig.{field}"
    return reading.spelt.get(path, path)


def _read_contents(said: wire.GenerateRequest, config: wire.GenerationConfig, at: str, ledger: Ledger) -> list[Turn]:
    """The turns; `contents` may be one content or a bare text."""
    contents = said.contents
    reader = ContentsReader(ledger, detail_of(config.media_resolution))
    if isinstance(contents, str):
        return [Turn(role="user", parts=[Text(text=contents, at=at)], at=at)]
    if isinstance(contents, wire.Content):
        reader.add(contents, at)
        return reader.said()
    return reader.read(contents or [], at)


def _read_system(request: Request, said: wire.GenerateRequest, prefix: str, reading: Reading, ledger: Ledger) -> None:
    """The role of systemInstruction means nothing; it may be a bare text."""
    system = said.system_instruction
    if system is None:
        return
    path = reading.spelt.get(f"{prefix}.systemInstruction", f"{prefix}.systemInstruction")
    if isinstance(system, str):
        request.system = [Text(text=system, at=path)]
        return
    reader = ContentsReader(ledger)
    reader.add(wire.Content(parts=system.parts), path)
    request.system = reader.turns[0].parts


def write_request(request: Request, aim: Aim, ledger: Ledger) -> Outgoing:
    """Write a generateContent body. The model and whether to stream stand in the path, not in the body.

    Raises:
        Unwritable: state that only another vendor has.

    Loses:
        What settings.py, tools.py, turns.py and attachments.py report: cache breakpoints, end-user ids, files of other
        vendors, image types Gemini does not take, thinking of other vendors, the parallel switch.
    """
    _refuse(request)
    lose_bookkeeping(request, ledger)
    request = with_functions(request, aim.vendor, ledger)
    tools = ToolsWriter(request, aim, ledger)
    turns = TurnsWriter(request, aim, ledger, tools.names)
    settings = SettingsWriter(request, aim, ledger, bool(tools.functions))
    contents = turns.write()
    system = turns.system_parts()
    if system and not contents:
        ledger.apply("system-as-user", request.at.get("system", "$"))
        contents, system = [{"role": "user", "parts": system}], []
    body: dict[str, Any] = {}
    if system:
        body["systemInstruction"] = {"parts": system}
    body["contents"] = contents
    if listed := tools.tools():
        body["tools"] = listed
    if (config := tools.config()) is not None:
        body["toolConfig"] = config
    body |= settings.beside()
    if (generation := settings.generation()) is not None:
        body["generationConfig"] = generation
    return Outgoing(msgspec.json.encode(body), tools=tools.names.back, stops=tuple(request.stops[STOPS:]))


def _refuse(request: Request) -> None:
    state = request.state
    for name, present in (
        ("previous_response", bool(state.previous_response)),
        ("conversation", state.conversation is not None),
        ("background", state.background),
        ("references", bool(state.references)),
    ):
        if present:
            path = request.at.get(f"state.{name}", f"$.{name}")
            told = "server-side state of another vendor is not available here; send the whole conversation"
            raise Unwritable(told, path, "unsupported_state")
