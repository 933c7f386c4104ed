"""What stands in a generateContent body, in Google's order.

Source: Gemini API reference, “Generating content”, “Caching: Content, Part, Tool”, “Method: models.generateContent”,
and the message definitions of google-genai 3.4; read November 2026. Names are camelCase on Google's wire;
`spelling.py` also reads the snake_case the official Python library mixes in.

Other people's JSON (arguments, responses, schemas, labels, hosted tools' settings) stays Raw. In structs of answers,
which msgspec decodes directly, an empty Raw means absent: msgspec takes `Raw | None` for null alone.
"""

import msgspec
from msgspec import Raw, Struct, field

OTHERS = "*"
"""Wire name of the field that collects the members a struct has no name for (spelling.py fills it)."""


def given(raw: Raw) -> Raw | None:
    """What a field holds; None where it was absent or null."""
    return raw if bytes(raw) not in (b"", b"null") else None


class Wire(Struct, rename="camel", omit_defaults=True, gc=False):
    """A message of Google's."""


class Nullable(Wire):
    """A message with opaque members that may be null, which Google takes for absent."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if type(value) is Raw and bytes(value) == b"null":
                setattr(self, name, None)


# --- contents ---


class Blob(Wire):
    mime_type: str = ""
    data: str = ""
    display_name: str | None = None


class FileData(Wire):
    file_uri: str = ""
    mime_type: str | None = None
    display_name: str | None = None


class PartialArg(Wire):
    """A piece of streamed arguments: a value for a place in them."""

    json_path: str = ""
    string_value: str | None = None
    number_value: Raw = Raw()
    bool_value: bool | None = None
    will_continue: bool | None = None


class FunctionCall(Wire):
    id: str | None = None
    name: str | None = None
    args: Raw = Raw()
    partial_args: list[PartialArg] | None = None
    will_continue: bool | None = None


class ResponsePart(Wire):
    inline_data: Blob | None = None
    file_data: FileData | None = None


class FunctionResponse(Wire):
    id: str | None = None
    name: str | None = None
    response: Raw = Raw()
    parts: list[ResponsePart] | None = None


class Part(Wire):
    text: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: Raw = Raw()
    code_execution_result: Raw = Raw()
    tool_call: Raw = Raw()
    tool_response: Raw = Raw()
    thought: bool | None = None
    thought_signature: str | None = None
    video_metadata: Raw = Raw()
    media_resolution: Raw = Raw()
    others: dict[str, Raw] = field(default_factory=dict, name=OTHERS)


class Content(Wire):
    parts: list[Part] | Part | None = None
    role: str | None = None


# --- tools ---


class FunctionDeclaration(Nullable):
    name: str = ""
    description: str | None = None
    parameters: Raw | None = None
    parameters_json_schema: Raw | None = None


class Tool(Nullable):
    function_declarations: list[FunctionDeclaration] | None = None
    google_search: Raw | None = None
    google_search_retrieval: Raw | None = None
    enterprise_web_search: Raw | None = None
    code_execution: Raw | None = None
    url_context: Raw | None = None
    file_search: Raw | None = None
    computer_use: Raw | None = None
    google_maps: Raw | None = None
    mcp_servers: Raw | None = None
    others: dict[str, Raw] = field(default_factory=dict, name=OTHERS)


class FunctionCallingConfig(Wire):
    mode: str | None = None
    allowed_function_names: list[str] | None = None


class ToolConfig(Wire):
    function_calling_config: FunctionCallingConfig | None = None
    include_server_side_tool_invocations: bool | None = None


# --- settings ---


class ThinkingConfig(Wire):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class GenerationConfig(Nullable):
    stop_sequences: list[str] | None = None
    response_mime_type: str | None = None
    response_schema: Raw | None = None
    response_json_schema: Raw | None = None
    response_modalities: list[str] | None = None
    candidate_count: int | None = None
    max_output_tokens: int | None = None
    temperature: int | float | None = None
    top_p: int | float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: int | float | None = None
    frequency_penalty: int | float | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    speech_config: Raw | None = None
    thinking_config: ThinkingConfig | None = None
    image_config: Raw | None = None
    media_resolution: str | None = None


class GenerateRequest(Nullable):
    """Body of `:generateContent`; `generate_content_request` is where `:countTokens` may hold one."""

    model: str | None = None
    system_instruction: str | Content | None = None
    contents: str | list[Content] | Content | None = None
    tools: list[Tool] | None = None
    tool_config: ToolConfig | None = None
    safety_settings: Raw | None = None
    generation_config: GenerationConfig | None = None
    cached_content: str | None = None
    labels: dict[str, str] | None = None
    service_tier: str | None = None
    store: bool | None = None
    generate_content_request: "GenerateRequest | None" = None


# --- answers ---


class Web(Wire):
    uri: str | None = None
    title: str | None = None


class GroundingChunk(Wire):
    web: Web | None = None
    retrieved_context: Web | None = None
    maps: Web | None = None


class Segment(Wire):
    """A stretch of the answer; indexes count UTF-8 bytes."""

    part_index: int | None = None
    start_index: int | None = None
    end_index: int | None = None
    text: str | None = None


class GroundingSupport(Wire):
    segment: Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class GroundingMetadata(Wire):
    web_search_queries: list[str] | None = None
    grounding_chunks: list[GroundingChunk] | None = None
    grounding_supports: list[GroundingSupport] | None = None


class CitationSource(Wire):
    start_index: int | None = None
    end_index: int | None = None
    uri: str | None = None
    title: str | None = None


class CitationMetadata(Wire):
    citations: list[CitationSource] | None = None


class LogprobsToken(Wire):
    token: str | None = None
    log_probability: float | None = None


class LogprobsStep(Wire):
    candidates: list[LogprobsToken] | None = None


class LogprobsResult(Wire):
    chosen_candidates: list[LogprobsToken] | None = None
    top_candidates: list[LogprobsStep] | None = None


class Candidate(Wire):
    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    index: int | None = None
    citation_metadata: CitationMetadata | None = None
    grounding_metadata: GroundingMetadata | None = None
    logprobs_result: LogprobsResult | None = None


class PromptFeedback(Wire):
    block_reason: str | None = None
    block_reason_message: str | None = None


class ModalityTokens(Wire):
    modality: str | None = None
    token_count: int | None = None


class UsageMetadata(Wire):
    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    total_token_count: int | None = None
    prompt_tokens_details: list[ModalityTokens] | None = None
    candidates_tokens_details: list[ModalityTokens] | None = None
    service_tier: str | None = None


class Error(Wire):
    code: int | None = None
    message: str | None = None
    status: str | None = None
    details: Raw = Raw()


class Chunk(Wire):
    """One answer of `:generateContent`, or one piece of `:streamGenerateContent`."""

    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: UsageMetadata | None = None
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None
    error: Error | str | None = None


chunk_decoder = msgspec.json.Decoder(Chunk, strict=False)
"""Of one chunk in Google's own spelling: the fast road."""
