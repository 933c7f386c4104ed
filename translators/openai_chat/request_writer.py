"""write_request: the model → a Chat Completions body, for OpenAI itself or for a compatible host.

A compatible host gets what all of them understand: `system` instead of `developer`, `max_tokens`, functions instead
of custom tools. OpenAI's newer settings go there only if the client itself spoke this dialect.

Source: OpenAI API reference, “Create chat completion”, read November 2026.
"""

from typing import Any

from msgspec import Raw, Struct, json

from translators import thinking
from translators.dialect import Aim, Outgoing
from translators.errors import Unwritable
from translators.hosted import lose_settings, with_functions
from translators.losses import Ledger
from translators.model import FunctionTool, HostedTool, OutputFormat, Request, ToolChoice
from translators.names import Names, Rule
from translators.openai_chat.messages_writer import MessageWriter
from translators.openai_chat.wire import NAME, VENDOR
from translators.schemas import from_gemini, to_openai, wrap_value
from translators.unsaid import lose_bookkeeping

STOPS = 4
"""Stop sequences OpenAI takes; its reasoning models take none. The others are applied to the answer."""

IDENTIFIER = 64
"""Characters of safety_identifier and user."""

TIERS = {"standard_only": "default", "standard": "default", "ultrafast": "fast"}
"""Other vendors' words for OpenAI's default tier; and the nearest to the one that only Responses has."""

_EMPTY = Raw(b'{"type":"object","properties":{}}')
_INPUT = Raw(
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)


def write_request(request: Request, aim: Aim, ledger: Ledger) -> Outgoing:
    """Write a request.

    Raises:
        Unwritable: the request leans on state at another vendor (a previous response, a conversation) or wants to
            run in the background; without them it would mean something else.
    """
    writer = _Writer(with_functions(request, aim.vendor, ledger), aim, ledger)
    body = json.encode(writer.write())
    return Outgoing(body, tools=writer.names.back, stops=writer.cut, wrapped=writer.wrapped)


class _Writer:
    """The body of one request, setting by setting in the vendor's order."""

    def __init__(self, request: Request, aim: Aim, ledger: Ledger) -> None:
        self.request, self.aim, self.ledger = request, aim, ledger
        self.names = Names(request, Rule("a-zA-Z0-9_-", 64, freeform=aim.official))
        self.own = request.dialect == NAME  # the client itself said it in this dialect
        self.body: dict[str, Any] = {"model": aim.model}
        self.cut: tuple[str, ...] = ()
        self.wrapped = False

    def write(self) -> dict[str, Any]:
        """The body. Raises Unwritable for state kept at another vendor."""
        self._refuse_state()
        lose_bookkeeping(self.request, self.ledger)
        messages = MessageWriter(self.request, self.aim, self.names, self.ledger)
        self.body["messages"] = messages.write()
        self._limits()
        self._sampling()
        self._tools()
        self._answer()
        self._about(messages.marked)
        if self.aim.stream:
            self.body["stream"] = True
            self.body["stream_options"] = {"include_usage": True}
        return self.body

    def _lose(self, name: str, reason: str, *, semantic: bool = False) -> None:
        self.ledger.lose(self.request.at.get(name, name), reason, semantic=semantic)

    def _put(self, wire: str, value: Any, name: str, allowed: bool = True, reason: str = "") -> None:
        """Write a setting that was given, or say that it is lost."""
        if value is None or value == "":
            return
        if allowed:
            self.body[wire] = value
        else:
            self._lose(name, reason or "not understood by compatible hosts")

    # --- settings ---------------------------------------------------------------------------------------------------

    def _refuse_state(self) -> None:
        state = self.request.state
        for name, value in (
            ("previous_response", state.previous_response),
            ("conversation", state.conversation),
            ("background", state.background),
            ("references", state.references),
        ):
            if value:
                path = self.request.at.get(f"state.{name}", f"$.{name}")
                told = "server-side state is not available in Chat Completions; send the whole conversation"
                raise Unwritable(told, path, "unsupported_state")
        for name, value in (("container", state.container), ("cached_content", state.cached_content)):
            if value:
                self._lose(f"state.{name}", "state at another vendor", semantic=True)

    def _limits(self) -> None:
        request, aim = self.request, self.aim
        if request.max_output == 0:
            self._lose("max_output", "an answer without output cannot be asked for", semantic=True)
        elif request.max_output is not None:
            limit = request.max_output
            if aim.traits.max_output and limit > aim.traits.max_output:
                limit = aim.traits.max_output
                self.ledger.apply("max-output", request.at.get("max_output", "max_output"), str(limit))
            self.body["max_completion_tokens" if aim.official else "max_tokens"] = limit

    def _sampling(self) -> None:
        request, aim, sampling = self.request, self.aim, self.request.sampling
        sampled = aim.traits.sampling
        refused = "the model takes no sampling settings"
        self._put("temperature", sampling.temperature, "sampling.temperature", sampled, refused)
        self._put("top_p", sampling.top_p, "sampling.top_p", sampled, refused)
        penalty = sampling.frequency_penalty
        self._put("frequency_penalty", penalty, "sampling.frequency_penalty", sampled, refused)
        self._put("presence_penalty", sampling.presence_penalty, "sampling.presence_penalty", sampled, refused)
        self._put("seed", sampling.seed, "sampling.seed")
        self._put("logit_bias", sampling.logit_bias, "sampling.logit_bias")
        extension = self.own and not aim.official
        self._put("top_k", sampling.top_k, "sampling.top_k", extension, "not a setting of this dialect")
        self._put("n", request.n, "n")
        self._stops()
        if request.logprobs is not None:
            self.body["logprobs"] = request.logprobs.wanted
            if request.logprobs.wanted:
                self._put("top_logprobs", request.logprobs.top, "logprobs.top")
            elif request.logprobs.top is not None:
                self._lose("logprobs.top", "no log probabilities are wanted")

    def _stops(self) -> None:
        stops = self.request.stops
        if not stops:
            return
        if self.aim.official:
            most = 0 if self.aim.traits.known and self.aim.traits.reasoning else STOPS
            stops, self.cut = stops[:most], tuple(stops[most:])
        if self.cut:
            self.ledger.apply("stop-cut", self.request.at.get("stops", "stops"))
        if stops:
            self.body["stop"] = stops

    def _answer(self) -> None:
        request = self.request
        if request.format is not None:
            self._format(request.format)
        path = request.at.get("reasoning", "reasoning")
        settled = thinking.settle(request.reasoning, self.aim.traits, self.ledger, path)
        if settled is not None:
            effort = settled.effort
            if settled.mode == "off":
                effort = "none"
            elif settled.mode == "budget":
                effort = thinking.effort_of(settled.budget)
                self.ledger.apply("thinking", path, effort)
            if effort and effort != "auto":
                self.body["reasoning_effort"] = effort
        if request.reasoning is not None and request.reasoning.show is not None:
            path = request.at.get("reasoning.show", path)
            self.ledger.lose(path, "whether reasoning is shown is not a setting of this dialect")
        newer = self.aim.official or self.own
        self._put("verbosity", request.verbosity, "verbosity", newer)
        self._modalities()
        self._put("audio", request.audio, "audio")
        self._put("prediction", request.prediction, "prediction", newer)
        for name in ("image", "speech"):
            if getattr(request, name) is not None:
                self._lose(name, "not a setting of this dialect")

    def _modalities(self) -> None:
        """OpenAI answers in text and audio; compatible hosts make images too."""
        wanted = self.request.modalities
        said = [word for word in wanted if word != "image" or not self.aim.official or self.own]
        if len(said) < len(wanted):
            self._lose("modalities", "Chat Completions answers in text and audio", semantic=True)
        if said not in ([], ["text"]):
            self.body["modalities"] = said

    def _format(self, wanted: OutputFormat) -> None:
        path = self.request.at.get("format", "format")
        match wanted.kind:
            case "text":
                self.body["response_format"] = {"type": "text"}
            case "json":
                self.body["response_format"] = {"type": "json_object"}
            case "enum" if wanted.schema is not None:
                self.wrapped = True
                self.ledger.apply("enum-wrapped", path)
                wrapped = {
                    "name": "response",
                    "schema": wrap_value(wanted.schema, wanted.gemini_schema, path),
                    "strict": True,
                }
                self.body["response_format"] = {"type": "json_schema", "json_schema": wrapped}
            case "enum":
                self._lose("format", "an enumeration without its values", semantic=True)
            case "schema":
                schema: dict[str, Any] = {"name": wanted.name or "response"}
                if wanted.description:
                    schema["description"] = wanted.description
                if wanted.schema is not None:
                    schema["schema"] = from_gemini(wanted.schema, path) if wanted.gemini_schema else wanted.schema
                if wanted.strict is not None:
                    schema["strict"] = wanted.strict
                self.body["response_format"] = {"type": "json_schema", "json_schema": schema}

    def _about(self, marked: bool) -> None:
        """Who asks, what is kept, how it is served."""
        request, identity, cache = self.request, self.request.identity, self.request.cache
        newer = self.aim.official or self.own
        if request.service_tier == "ultrafast":
            self.ledger.apply("service-tier", request.at.get("service_tier", "service_tier"), "fast")
        self._put("service_tier", TIERS.get(request.service_tier, request.service_tier), "service_tier", newer)
        self._put("store", request.state.store, "state.store", newer)
        self._put("metadata", identity.metadata, "identity.metadata", newer)
        self._identity(newer)
        self._put("prompt_cache_key", cache.key, "cache.key", newer)
        mode = cache.mode or ("explicit" if marked else "")
        options = {"mode": mode} if mode and newer else {}
        if cache.mode and not newer:
            self._lose("cache.mode", "not understood by compatible hosts")
        if cache.retention.replace("-", "_") in ("24h", "in_memory"):
            self._put("prompt_cache_retention", cache.retention.replace("-", "_"), "cache.retention", newer)
        elif cache.retention and newer:
            options["ttl"] = cache.retention
        elif cache.retention:
            self._lose("cache.retention", "not understood by compatible hosts")
        if options:
            self.body["prompt_cache_options"] = options
        if cache.automatic is not None:
            self._lose("cache.automatic", "OpenAI caches by itself")
        self._put("moderation", request.safety, "safety", self.own, "safety settings of another vendor")
        for name, value in (("identity.labels", identity.labels), ("speed", request.speed)):
            if value:
                self._lose(name, "not a setting of this dialect")

    def _identity(self, newer: bool) -> None:
        identity = self.request.identity
        openai = self.request.dialect.startswith("openai-")
        user, safety = identity.user, identity.safety
        if self.aim.official and not openai and not safety:
            user, safety = "", user  # `user` is deprecated; whose id it is stays the same
            name = "identity.user"
        else:
            name = "identity.safety"
        long = f"longer than {IDENTIFIER} characters"
        self._put("user", user, "identity.user", len(user) <= IDENTIFIER or not self.aim.official, long)
        self._put("safety_identifier", safety, name, newer and len(safety) <= IDENTIFIER, long if newer else "")

    # --- tools ------------------------------------------------------------------------------------------------------

    def _tools(self) -> None:
        request = self.request
        tools = [written for tool in request.tools if (written := self._tool(tool)) is not None]
        if tools:
            self.body["tools"] = tools
        if request.tool_choice is not None:
            if tools:
                self._put("tool_choice", self._choice(request.tool_choice), "tool_choice")
            else:
                self._lose("tool_choice", "there are no tools", semantic=False)
        if request.parallel_tools is not None and tools:
            self.body["parallel_tool_calls"] = request.parallel_tools

    def _tool(self, tool: FunctionTool | HostedTool) -> Any:
        if isinstance(tool, HostedTool):
            return self._hosted(tool)
        if tool.deferred:
            self.ledger.lose(tool.at, "deferred loading of a tool")
        if tool.cache is not None:
            self.ledger.lose(f"{tool.at}.cache_control", "a cache breakpoint on a tool")
        name = self.names.out(tool.name, tool.namespace)
        if name != tool.name:
            self.ledger.apply("tool-name", tool.at, name)
        written: dict[str, Any] = {"name": name}
        if tool.description is not None:
            written["description"] = tool.description
        if tool.form == "text":
            if self.aim.official:
                if tool.grammar is not None:
                    written["format"] = _nested(tool.grammar)
                return {"type": "custom", "custom": written}
            self.ledger.apply("freeform-tool", tool.at, name)
            if tool.grammar is not None:
                said = f"{tool.description or ''}\n\nFormat of `input`: {bytes(tool.grammar).decode()}".strip()
                written["description"] = said
            return {"type": "function", "function": {**written, "parameters": _INPUT}}
        if tool.schema is not None:
            strict = bool(tool.strict) and not self.request.dialect.startswith("openai-")
            written["parameters"] = to_openai(
                tool.schema, self.ledger, tool.schema_at or tool.at, gemini=tool.gemini_schema, strict=strict
            )
        elif not self.aim.official:
            written["parameters"] = _EMPTY
        if tool.strict is not None:
            written["strict"] = tool.strict
        return {"type": "function", "function": written}

    def _hosted(self, tool: HostedTool) -> Any:
        """A tool the vendor runs: web search has a setting of its own here, the rest only in its own dialect."""
        if self.own and tool.vendor != VENDOR:
            return tool.native
        if tool.kind == "web_search" and (self.aim.official or self.own):
            self.body["web_search_options"] = self._search(tool)
            return None
        if self.own and tool.kind != "web_search":
            return tool.native
        self.ledger.lose(tool.at, f"{tool.kind} is no tool of this dialect", semantic=True)
        return None

    def _search(self, tool: HostedTool) -> dict[str, Any]:
        native = json.decode(tool.native, type=_Search)
        options: dict[str, Any] = {}
        if native.search_context_size is not None:
            options["search_context_size"] = native.search_context_size
        if native.user_location is not None:
            place = {key: value for key, value in native.user_location.items() if key != "type" and value is not None}
            options["user_location"] = {"type": "approximate", "approximate": place}
        if not self.own:
            self.ledger.apply("web-search-options", tool.at)
        lose_settings(tool, ("search_context_size", "user_location"), self.ledger)
        return options

    def _choice(self, choice: ToolChoice) -> Any:
        if choice.hosted:
            self._lose("tool_choice", f"forcing {choice.hosted}", semantic=True)
            return None
        mode = "auto" if choice.mode == "validated" else choice.mode
        if mode != choice.mode:
            self.ledger.apply("tool-choice", self.request.at.get("tool_choice", "$"), mode)
        if not choice.only:
            return mode
        if len(choice.only) == 1 and mode == "required":
            return self._named(choice.only[0])
        if not self.aim.official:
            self._lose("tool_choice", "a choice among some of the tools", semantic=True)
            return mode
        tools = [self._named(name) for name in choice.only]
        return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}

    def _named(self, name: str) -> dict[str, Any]:
        freeform = any(
            isinstance(tool, FunctionTool) and tool.name == name and tool.form == "text" for tool in self.request.tools
        )
        kind = "custom" if freeform and self.aim.official else "function"
        return {"type": kind, kind: {"name": self.names.out(name)}}


class _Search(Struct):
    """What OpenAI's and Anthropic's declarations of a web search have in common."""

    search_context_size: str | None = None
    user_location: dict[str, str | None] | None = None


def _nested(format_: Raw) -> Raw | dict[str, Any]:
    """The format of a custom tool: Responses writes a grammar's members flat, Chat Completions one level deeper."""
    said = json.decode(format_, type=dict[str, Raw])
    if bytes(said.get("type", b"")) != b'"grammar"' or "grammar" in said:
        return format_
    return {"type": said.pop("type"), "grammar": said}
