"""generationConfig and what stands beside it, both ways."""

from typing import Any, Literal

from msgspec import Raw

from translators import schemas, thinking
from translators.dialect import Aim
from translators.errors import Unreadable
from translators.gemini import wire
from translators.losses import Ledger
from translators.model import Logprobs, OutputFormat, Reasoning, Request, Sampling

STOPS = 5
"""Stop sequences Gemini takes; the others are applied to the answer."""

_TIERS = {"default": "standard", "standard_only": "standard", "fast": "priority", "ultrafast": "priority"} | {
    tier: tier for tier in ("standard", "flex", "priority")
}
"""Google's word for a tier; OpenAI's faster ones are the nearest."""

# --- reading ---


def read_thinking(config: wire.ThinkingConfig | None, path: str) -> Reasoning | None:
    """Read thinkingConfig. Budget and level together are refused, as the vendor does. Raises Unreadable."""
    if config is None:
        return None
    shown = {True: "auto", False: "none", None: None}[config.include_thoughts]
    level = (config.thinking_level or "").removeprefix("THINKING_LEVEL_").lower()
    if level and level != "unspecified":
        if config.thinking_budget is not None:
            raise Unreadable("thinkingBudget and thinkingLevel cannot be used together", path)
        return Reasoning(
            mode="off" if level == "none" else "effort", effort=level if level != "none" else "", show=shown
        )
    if config.thinking_budget is not None:
        if config.thinking_budget == 0:
            return Reasoning(mode="off", show=shown)
        if config.thinking_budget < 0:
            return Reasoning(mode="auto", show=shown)
        return Reasoning(mode="budget", budget=config.thinking_budget, show=shown)
    return Reasoning(mode="auto", show=shown) if config.include_thoughts else None


def read_format(config: wire.GenerationConfig) -> OutputFormat | None:
    """Read the mime type and schema of the answer."""
    json_schema, own_schema = config.response_json_schema, config.response_schema
    schema = json_schema if json_schema is not None else own_schema
    mime = config.response_mime_type
    if mime is None and schema is None:
        return None
    kind: Literal["text", "json", "schema", "enum"] = "text"
    if mime == "text/x.enum":
        kind = "enum"
    elif schema is not None:
        kind = "schema"
    elif mime == "application/json":
        kind = "json"
    return OutputFormat(kind=kind, schema=schema, gemini_schema=json_schema is None and own_schema is not None)


def read_logprobs(config: wire.GenerationConfig) -> Logprobs | None:
    """Read whether log probabilities are wanted; a number of alternatives alone wants them."""
    if config.response_logprobs is None and config.logprobs is None:
        return None
    return Logprobs(wanted=config.response_logprobs is not False, top=config.logprobs)


def read_sampling(config: wire.GenerationConfig) -> Sampling:
    """Read the numbers that steer sampling."""
    return Sampling(
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=config.top_k,
        frequency_penalty=config.frequency_penalty,
        presence_penalty=config.presence_penalty,
        seed=config.seed,
    )


def read_tier(word: str | None) -> str:
    """Google's `standard` is everybody's `default`."""
    tier = (word or "").removeprefix("SERVICE_TIER_").lower()
    return {"standard": "default", "unspecified": ""}.get(tier, tier)


# --- writing ---


class SettingsWriter:
    """Writes the settings of one request. `tools`: function tools are declared."""

    def __init__(self, request: Request, aim: Aim, ledger: Ledger, tools: bool) -> None:
        self.request = request
        self.aim = aim
        self.ledger = ledger
        self.tools = tools
        self.native = request.dialect == "gemini"

    def lose(self, name: str, reason: str, *, semantic: bool = False) -> None:
        self.ledger.lose(self.request.at.get(name, f"$.{name}"), reason, semantic=semantic)

    def generation(self) -> dict[str, Any] | None:
        """The value of generationConfig."""
        request = self.request
        found: dict[str, Any] = {}
        if request.stops:
            found["stopSequences"] = request.stops[:STOPS]
            if len(request.stops) > STOPS:
                self.ledger.apply("stop-cut", request.at.get("stops", "$.stops"))
        found |= self._format()
        if request.modalities:
            found["responseModalities"] = [word.upper() for word in request.modalities]
        if request.n is not None:
            found["candidateCount"] = request.n
        if request.max_output is not None:
            found["maxOutputTokens"] = self._max_output(request.max_output)
        found |= self._sampling()
        if request.logprobs is not None:
            found |= _logprobs(request.logprobs)
        for name, raw, field in (("speech", request.speech, "speechConfig"), ("image", request.image, "imageConfig")):
            if raw is not None and self.native:
                found[field] = raw
            elif raw is not None:
                self.lose(name, "settings of another vendor")
        if (config := self._thinking()) is not None:
            found["thinkingConfig"] = config
        return found or None

    def beside(self) -> dict[str, Any]:
        """What stands next to generationConfig; reports what has no place at all."""
        request = self.request
        found: dict[str, Any] = {}
        if request.safety is not None and self.native:
            found["safetySettings"] = request.safety
        elif request.safety is not None:
            self.lose("safety", "settings of another vendor")
        if request.state.cached_content and self.native:
            found["cachedContent"] = request.state.cached_content
        if request.identity.labels is not None:
            found["labels"] = request.identity.labels
        if request.service_tier and request.service_tier != "auto":
            found |= self._tier(request.service_tier)
        if request.state.store is not None and self.native:
            found["store"] = request.state.store
        self._report()
        return found

    def _tier(self, wanted: str) -> dict[str, Any]:
        tier = _TIERS.get(wanted)
        if tier is None and not self.native:
            self.lose("service_tier", f"Google has no tier {wanted}")
            return {}
        if tier == "priority" != wanted:
            self.ledger.apply("service-tier", self.request.at.get("service_tier", "$.service_tier"), tier)
        return {"serviceTier": tier or wanted}

    def _max_output(self, wanted: int) -> int:
        most = self.aim.traits.max_output
        if wanted <= 0:
            self.lose("max_output", "an answer of no tokens cannot be asked for", semantic=True)
            return 1
        if 0 < most < wanted:
            self.ledger.apply("max-output", self.request.at.get("max_output", "$"), str(most))
            return most
        return wanted

    def _sampling(self) -> dict[str, Any]:
        sampling = self.request.sampling
        found: dict[str, Any] = {}
        for name, field in (
            ("temperature", "temperature"),
            ("top_p", "topP"),
            ("top_k", "topK"),
            ("seed", "seed"),
            ("presence_penalty", "presencePenalty"),
            ("frequency_penalty", "frequencyPenalty"),
        ):
            value = getattr(sampling, name)
            if value is None:
                continue
            if not self.aim.traits.sampling and name in ("temperature", "top_p", "top_k"):
                self.lose(f"sampling.{name}", "the model does not take it")
            else:
                found[field] = value
        if sampling.logit_bias is not None:
            self.lose("sampling.logit_bias", "not known to Gemini")
        return found

    def _format(self) -> dict[str, Any]:
        wanted = self.request.format
        if wanted is None:
            return {}
        path = self.request.at.get("format", "$.format")
        if wanted.kind == "text":
            return {"responseMimeType": "text/plain"} if self.native else {}
        traits = self.aim.traits
        if self.tools and traits.known and not traits.signatures:
            self.ledger.lose(path, "this model takes an output format or function tools, not both", semantic=True)
            return {}
        found: dict[str, Any] = {"responseMimeType": "text/x.enum" if wanted.kind == "enum" else "application/json"}
        for said, name in ((wanted.name, "name"), (wanted.description, "description"), (wanted.strict, "strict")):
            if said:
                self.ledger.lose(self.request.at.get(f"format.{name}", path), f"an output format has no {name}")
        if wanted.schema is not None and wanted.kind != "json":
            found |= self._schema(wanted.schema, wanted.gemini_schema, path)
        return found

    def _schema(self, schema: Raw, gemini: bool, path: str) -> dict[str, Any]:
        if gemini:
            return {"responseSchema": schema}
        modern = self.aim.traits.json_schema
        written = schemas.to_gemini(schema, self.ledger, path, modern)
        return {"responseJsonSchema" if modern else "responseSchema": written} if bytes(written) else {}

    def _thinking(self) -> dict[str, Any] | None:
        """thinkingConfig: levels where the model has them, else a budget, never both."""
        path = self.request.at.get("reasoning", "$.reasoning")
        shown_at = self.request.at.get("reasoning.show", "")
        wanted = thinking.settle(self.request.reasoning, self.aim.traits, self.ledger, path, shown_at)
        if wanted is None:
            return None
        off = self.request.reasoning is not None and self.request.reasoning.mode == "off"
        shown = wanted.show != "none" if wanted.show is not None else not off and not self.native
        found: dict[str, Any] = {}
        if wanted.show is not None or shown:
            found["includeThoughts"] = shown
        if wanted.show is not None and shown_at:
            self.ledger.apply("thinking-shown", shown_at, "$.generationConfig.thinkingConfig.includeThoughts")
        traits = self.aim.traits
        match wanted.mode:
            case "off":
                found["thinkingBudget"] = 0
            case "auto" if traits.known and not traits.signatures:
                found["thinkingBudget"] = -1  # models with levels decide by themselves when nothing is said
            case "effort":
                found["thinkingLevel"] = "XHIGH" if wanted.effort == "max" else wanted.effort.upper()
            case "budget":
                found["thinkingBudget"] = wanted.budget
            case _:
                pass
        return found or None

    def _report(self) -> None:
        request = self.request
        losses = (
            ("verbosity", request.verbosity, "not known to Gemini"),
            ("speed", request.speed, "not known to Gemini"),
            ("prediction", request.prediction is not None, "not known to Gemini"),
            ("audio", request.audio is not None, "settings of another vendor"),
            ("identity.user", request.identity.user, "no field for the end user"),
            ("identity.safety", request.identity.safety, "no field for the end user"),
            ("identity.metadata", request.identity.metadata is not None, "no metadata"),
            ("cache.key", request.cache.key, "no cache key"),
            ("cache.retention", request.cache.retention, "no cache retention"),
            ("cache.mode", request.cache.mode, "no cache breakpoints"),
            ("cache.automatic", request.cache.automatic is not None, "no cache breakpoints"),
            ("state.store", request.state.store and not self.native, "answers are not stored"),
            ("state.container", request.state.container is not None, "lives at another vendor"),
            ("state.cached_content", request.state.cached_content and not self.native, "lives at another vendor"),
        )
        for name, present, reason in losses:
            if present:
                self.lose(name, reason, semantic=name in ("state.container", "state.cached_content"))


def _logprobs(wanted: Logprobs) -> dict[str, Any]:
    found: dict[str, Any] = {"responseLogprobs": wanted.wanted}
    if wanted.top is not None:
        found["logprobs"] = wanted.top
    return found
