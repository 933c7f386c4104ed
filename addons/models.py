"""“Which models are there?” in the four shapes that clients understand."""

import re
import time
from collections.abc import Iterable

import msgspec
from mitmproxy.http import HTTPFlow, Response

from addons import demo
from addons.exchanges import Exchanges
from addons.refuse import refuse
from addons.settings import Settings
from providers.catalog import Model
from translators.model import Failure
from translators.routes import Call


class Models:
    """Answers model lists and single models from the catalogue and the config."""

    def __init__(self, settings: Settings, exchanges: Exchanges) -> None:
        self.settings = settings
        self.exchanges = exchanges

    def request(self, flow: HTTPFlow) -> None:
        """List, or one."""
        arrival = self.exchanges.arrival(flow)
        if arrival is None or flow.response is not None or not flow.live:
            return
        call, _ = arrival
        if call.operation not in ("list_models", "get_model") or flow.request.method == "OPTIONS":
            return
        models = self.visible()
        if call.operation == "list_models":
            body = _LISTS[call.shape](models)
        else:
            wanted = call.model.removeprefix("models/")
            found = next((model for model in models if model.id == wanted), None)
            if found is None:
                message = f"model {wanted!r} is not served here"
                refuse(flow, call, Failure(kind="model", message=message, param="model", origin="cliproxy"))
                return
            body = _one(call, found)
        flow.response = Response.make(200, msgspec.json.encode(body), {"content-type": "application/json"})

    def visible(self) -> list[Model]:
        """What can be asked for now, sorted by name."""
        runtime = self.settings.runtime
        offline = demo.MODELS if runtime.demo else ()
        served = (listing.model for listing in runtime.pool.models(time.time()))
        return sorted([*served, *offline], key=lambda model: model.id)


_SMALL = re.compile("haiku|mini|flash|nano|lite|small")
"""Names of cheap models: a hello should not be asked of the dearest one."""
_SILENT = re.compile("image|embedding|tts|audio|realtime|veo|imagen|live")
"""Names of models that do not answer a question with words."""


def newest_first(model: Model) -> tuple[int, str]:
    """What to sort models by."""
    return -model.created, model.id


def cheapest(models: Iterable[Model]) -> str:
    """The name of the newest small model that talks, else of the newest; "" if there is none."""
    ordered = sorted(models, key=newest_first)
    talking = [model for model in ordered if not _SILENT.search(model.id)] or ordered
    small = [model for model in talking if _SMALL.search(model.id)]
    return next((model.id for model in small or talking), "")


def _openai(model: Model) -> dict[str, object]:
    created = {"created": model.created} if model.created else {}
    return {"id": model.id, "object": "model", **created, "owned_by": model.owned_by}


def _claude(model: Model) -> dict[str, object]:
    # The SDK's type wants RFC 3339; the vendor sends the epoch where it does not know.
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(model.created))
    return {"type": "model", "id": model.id, "display_name": model.display_name or model.id, "created_at": created}


def _gemini(model: Model) -> dict[str, object]:
    limits = {"inputTokenLimit": model.context, "outputTokenLimit": model.max_output}
    return {
        "name": f"models/{model.id}",
        "version": model.version or "001",
        "displayName": model.display_name or model.id,
        "description": model.description or model.display_name or model.id,
        **{name: value for name, value in limits.items() if value},
        "supportedGenerationMethods": list(model.methods) or ["generateContent", "countTokens"],
    }


def _list_openai(models: list[Model]) -> dict[str, object]:
    return {"object": "list", "data": [_openai(model) for model in models]}


def _list_claude(models: list[Model]) -> dict[str, object]:
    ids = [model.id for model in models]
    return {
        "data": [_claude(model) for model in models],
        "has_more": False,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
    }


def _list_gemini(models: list[Model]) -> dict[str, object]:
    return {"models": [_gemini(model) for model in models]}


def _list_codex(models: list[Model]) -> dict[str, object]:
    """Codex's own catalogue format (its ModelInfo, read November 2026): what is listed here replaces what it knows."""
    return {"models": [_codex(model, place) for place, model in enumerate(models)]}


def _codex(model: Model, place: int) -> dict[str, object]:
    levels = [level for level in (model.thinking.levels if model.thinking else ()) if level != "none"]
    return {
        "slug": model.id,
        "display_name": model.display_name or model.id,
        "description": model.description or model.display_name or model.id,
        "default_reasoning_level": "medium" if "medium" in levels else levels[0] if levels else None,
        "supported_reasoning_levels": [{"effort": level, "description": level} for level in levels],
        "shell_type": "shell_command",
        "visibility": "list",
        "supported_in_api": True,
        "priority": place,
        "upgrade": None,
        "base_instructions": "",
        "supports_reasoning_summaries": bool(levels),
        "support_verbosity": False,
        "default_verbosity": None,
        "apply_patch_tool_type": None,
        "truncation_policy": {"mode": "bytes", "limit": 10_000},
        "supports_parallel_tool_calls": True,
        "context_window": model.context or None,
        "input_modalities": [name for name in model.inputs if name in ("text", "image")] or ["text"],
        "experimental_supported_tools": [],
    }


def _one(call: Call, model: Model) -> dict[str, object]:
    return {"claude": _claude, "gemini": _gemini}.get(call.shape, _openai)(model)


_LISTS = {"openai": _list_openai, "claude": _list_claude, "gemini": _list_gemini, "codex": _list_codex}
