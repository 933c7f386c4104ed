"""The canonical model: one conversation, whatever the dialect it was said in.

A dialect reads its wire into these values and writes its wire from them; it never sees another dialect. The shapes
are the union of what the five dialects can say (reference: the vendors' API pages, read November 2026), so that a
reader never has to throw away what some writer could have used. What a *target* cannot say is recorded by its writer
in the Ledger.

Conventions:
* `None` means “not stated by the client”; 0, "" and [] are values.
* `at` is the JSON path of the node in the client's body (`$.messages[2].content[0]`); the ledger speaks in it.
* Tool arguments, JSON schemas and other people's JSON are kept as text or `msgspec.Raw`: digits, key order and escapes
  survive. Nobody parses them unless the target dialect needs an object.
* base64 is the standard alphabet with padding, whatever the client sent.
"""

from typing import Literal

from msgspec import Raw, Struct, field

from translators.parts import CacheMark, Part, Turn, Vendor

# --- tools ----------------------------------------------------------------------------------------------------------


class FunctionTool(Struct, kw_only=True):
    """A tool the client runs. `schema` is JSON Schema as the client wrote it; None: no arguments stated.

    `form` "text": a custom (freeform) tool whose `grammar` is the vendor's format object.
    `gemini_schema`: the schema is in Gemini's own OpenAPI-like type (upper-case types, nullable), not JSON Schema.
    `schema_at`: the schema's own path.
    """

    name: str
    description: str | None = None
    schema: Raw | None = None
    strict: bool | None = None
    form: Literal["json", "text"] = "json"
    grammar: Raw | None = None
    namespace: str = ""
    deferred: bool = False
    gemini_schema: bool = False
    cache: CacheMark | None = None
    at: str = ""
    schema_at: str = ""


class HostedTool(Struct, kw_only=True):
    """A tool run by the vendor or defined by it.

    `kind`: web_search, web_fetch, code, file_search, image_gen, mcp, computer, bash, editor, memory, maps,
    tool_search, shell, apply_patch, or the wire's own type. `native` is the vendor's declaration.
    `function`: the same as a function with its documented schema, where the client runs it.
    """

    kind: str
    vendor: Vendor
    native: Raw
    name: str = ""
    function: FunctionTool | None = None
    at: str = ""


type Tool = FunctionTool | HostedTool


class ToolChoice(Struct, kw_only=True):
    """`only`: names the choice is limited to (one name with mode "required" forces that tool)."""

    mode: Literal["none", "auto", "required", "validated"]
    only: list[str] = []
    hosted: str = ""


# --- settings of a request ------------------------------------------------------------------------------------------


class Sampling(Struct, kw_only=True):
    """Numbers as the client gave them (int stays int, so that 1 is not written 1.0)."""

    temperature: int | float | None = None
    top_p: int | float | None = None
    top_k: int | None = None
    frequency_penalty: int | float | None = None
    presence_penalty: int | float | None = None
    seed: int | None = None
    logit_bias: Raw | None = None


class Reasoning(Struct, kw_only=True, frozen=True):
    """How much to think, and how much of it to show.

    mode: off; auto (the model decides); effort (a level); budget (tokens). `adaptive`: Claude's own mode, with an
    effort if the client gave one. show: None (not stated), "none", "auto", "concise", "detailed".
    """

    mode: Literal["off", "auto", "effort", "budget"]
    effort: str = ""
    budget: int = 0
    adaptive: bool = False
    show: str | None = None


class OutputFormat(Struct, kw_only=True):
    """text; json (any object); schema (JSON Schema in `schema`); enum (Gemini's text/x.enum)."""

    kind: Literal["text", "json", "schema", "enum"]
    name: str = ""
    schema: Raw | None = None
    strict: bool | None = None
    description: str = ""
    gemini_schema: bool = False


class Logprobs(Struct, kw_only=True):
    """Log probabilities wanted; `top` alternatives a token (None: not stated)."""

    wanted: bool
    top: int | None = None


class Identity(Struct, kw_only=True):
    """Who is asking, as the client says (never invented)."""

    user: str = ""
    safety: str = ""
    metadata: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class CacheHints(Struct, kw_only=True):
    """Prompt-cache wishes for the whole request; breakpoints stand on the parts.

    mode: "explicit" where only the client's own breakpoints are wanted, "implicit" where the vendor may place some.
    """

    key: str = ""
    mode: str = ""
    retention: str = ""
    automatic: CacheMark | None = None


class ServerState(Struct, kw_only=True):
    """State kept at the vendor: all of it is out of reach for another vendor.

    references: ids of items of the conversation that stand at the vendor and are only referred to.
    """

    previous_response: str = ""
    conversation: Raw | None = None
    container: Raw | None = None
    cached_content: str = ""
    store: bool | None = None
    background: bool = False
    references: list[str] = []


class Request(Struct, kw_only=True):
    """One request. `at` maps the name of a canonical field (“sampling.top_k”) to its path in the client's body."""

    model: str
    turns: list[Turn]
    system: list[Part] = []
    tools: list[Tool] = []
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    max_output: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    stops: list[str] = []
    n: int | None = None
    logprobs: Logprobs | None = None
    reasoning: Reasoning | None = None
    format: OutputFormat | None = None
    verbosity: str = ""
    modalities: list[str] = []
    audio: Raw | None = None
    image: Raw | None = None
    speech: Raw | None = None
    prediction: Raw | None = None
    safety: Raw | None = None
    identity: Identity = field(default_factory=Identity)
    cache: CacheHints = field(default_factory=CacheHints)
    service_tier: str = ""
    speed: str = ""
    state: ServerState = field(default_factory=ServerState)
    stream: bool = False
    stream_usage: bool = False
    dialect: str = ""
    at: dict[str, str] = {}


# --- answers --------------------------------------------------------------------------------------------------------


class Usage(Struct, kw_only=True, frozen=True):
    """Tokens of one request. None: the upstream did not say.

    input: all input processed (uncached + read + written + tool prompt); output: all output incl. thinking.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    thinking: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    image_input: int | None = None
    tool_input: int | None = None
    accepted_prediction: int | None = None
    rejected_prediction: int | None = None
    web_searches: int | None = None
    web_fetches: int | None = None
    service_tier: str = ""


type StopReason = Literal[
    "stop",
    "sequence",
    "tool",
    "length",
    "context",
    "filter_out",
    "filter_prompt",
    "refusal",
    "recitation",
    "pause",
    "compaction",
    "bad_call",
    "cancelled",
    "other",
]


class Stop(Struct, kw_only=True, frozen=True):
    """Why a candidate ended. `native`: the upstream's own word; `sequence`: the stop sequence that was hit."""

    reason: StopReason
    sequence: str | None = None
    category: str = ""
    explanation: str = ""
    native: str = ""


class Candidate(Struct, kw_only=True):
    """One answer. More than one only where the client asked for `n`."""

    parts: list[Part]
    stop: Stop
    index: int = 0


class Reply(Struct, kw_only=True):
    """A whole answer: what `fold` makes of a stream of events."""

    candidates: list[Candidate]
    id: str = ""
    model: str = ""
    created: int = 0
    usage: Usage | None = None


class Failure(Struct, kw_only=True, frozen=True):
    """An error on its way to the client. `kind` decides status and type in every dialect (see failures.py).

    origin: who made it. retry_after in seconds. headers: what of the upstream's headers the client should see
    (request id, rate limits), lower-case names.
    """

    kind: str
    message: str
    status: int = 0
    code: str = ""
    param: str = ""
    type: str = ""
    retry_after: float | None = None
    request_id: str = ""
    origin: Literal["upstream", "cliproxy", "client"] = "upstream"
    headers: dict[str, str] = {}
    details: Raw | None = None
