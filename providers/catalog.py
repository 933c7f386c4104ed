"""Who answers, and what their models can do: data files → typed values.

`data/providers.yaml` has one entry a provider; `data/models.json` has the model records, a list for each key, in the
shape the public catalogues use (OpenAI and Gemini spelling of the limits side by side), so that a newer file can
take its place without a release (`Catalog.with_models`). What such files do not say — whether a model takes sampling
values, system turns, prefill … — stands in the `traits` object of our own records. No rule here looks into a name.

Sources: the vendors' model pages and API references, read November 2026.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import yaml
from msgspec import Struct
from msgspec import field as wire

from translators.dialect import Levels, Traits
from translators.registry import DIALECTS

DATA = Path(__file__).parent / "data"


class CatalogError(ValueError):
    """A data file is not what it should be; the message names the file and the place."""


class UnknownProvider(CatalogError):
    """No such provider, and no base URL that would make it an OpenAI-compatible one."""


# --- models ---------------------------------------------------------------------------------------------------------


class Thinking(Struct, frozen=True):
    """Reasoning control as catalogues state it. min and max in tokens."""

    min: int = 0
    max: int = 0
    zero_allowed: bool = False
    dynamic_allowed: bool = False
    levels: tuple[str, ...] = ()


class ModelTraits(Struct, frozen=True, omit_defaults=True):
    """What is not in the usual records. The defaults hold for a model nobody described.

    known: false where only the name is known yet: nothing is checked or clamped. budgets: false where the model
    takes levels only, although its record has a range. can_rest: false where it always thinks. The rest: see
    `Traits`.
    """

    known: bool = True
    system_turns: bool = False
    adaptive: bool = False
    signatures: bool = False
    sampling: bool = True
    prefill: bool = True
    json_schema: bool = True
    reasoning: bool = False
    budgets: bool = True
    can_rest: bool = True


class Model(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record. context_length, max_completion_tokens and the Gemini limits in tokens, 0 if not stated.

    created: unix seconds, 0 if not stated. aliases: other names of the vendor for the same model; they can be asked
    for and are not listed.
    """

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = ""
    type: str = ""
    display_name: str = ""
    description: str = ""
    version: str = ""
    name: str = ""
    context_length: int = 0
    max_completion_tokens: int = 0
    input_limit: int = wire(default=0, name="inputTokenLimit")
    output_limit: int = wire(default=0, name="outputTokenLimit")
    methods: tuple[str, ...] = wire(default=(), name="supportedGenerationMethods")
    parameters: tuple[str, ...] = wire(default=(), name="supported_parameters")
    inputs: tuple[str, ...] = wire(default=(), name="supportedInputModalities")
    outputs: tuple[str, ...] = wire(default=(), name="supportedOutputModalities")
    thinking: Thinking | None = None
    traits: ModelTraits | None = None
    aliases: tuple[str, ...] = ()

    @property
    def context(self) -> int:
        """Tokens of context, whichever spelling the record uses."""
        return self.context_length or self.input_limit

    @property
    def max_output(self) -> int:
        """Tokens of output, whichever spelling the record uses."""
        return self.max_completion_tokens or self.output_limit


def traits_of(model: Model | None) -> Traits:
    """What a writer must know of a model; the unknown one's traits for None."""
    if model is None:
        return Traits()
    said = model.traits or ModelTraits()
    return Traits(
        known=said.known,
        context=model.context,
        max_output=model.max_output,
        thinking=_levels(model.thinking, said),
        sampling=said.sampling,
        prefill=said.prefill,
        system_turns=said.system_turns,
        adaptive=said.adaptive,
        signatures=said.signatures,
        json_schema=said.json_schema,
        reasoning=said.reasoning or model.thinking is not None,
    )


def _levels(thinking: Thinking | None, said: ModelTraits) -> Levels | None:
    if thinking is None:
        return None
    return Levels(
        minimum=thinking.min if said.budgets else 0,
        maximum=thinking.max if said.budgets else 0,
        zero=thinking.zero_allowed and said.can_rest,
        dynamic=thinking.dynamic_allowed,
        names=thinking.levels,
    )


# --- providers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Provider:
    """Who answers. The fields are explained at the head of `data/providers.yaml`.

    official: the vendor's own API, not a host named in the config (see `pointed_at` and `compatible`).
    oauth: the same vendor as its log-ins are served, None where they are served alike. clients: how clients of a
    dialect that is not the usual one are served in their own.
    """

    key: str
    dialect: str
    vendor: str
    base_url: str
    auth: Literal["anthropic", "bearer", "google"]
    paths: Mapping[str, str]
    title: str = ""
    owner: str = ""
    lists: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    oauth_beta: str = ""
    steps: tuple[str, ...] = ()
    official: bool = True
    account: str = ""
    plans: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    streams: bool = False
    tool_name: int = 0
    refusals: str = ""
    signature: str = ""
    fallbacks: tuple[str, ...] = ()
    oauth: "Provider | None" = None
    clients: Mapping[str, "Provider"] = field(default_factory=dict)

    def for_client(self, dialect: str) -> "Provider":
        """The provider as clients of a dialect reach it."""
        return self.clients.get(dialect, self)

    @property
    def spoken(self) -> frozenset[str]:
        """The dialects whose clients are served without translation."""
        own = DIALECTS.get(self.dialect)
        passed = {own.variant_of} if own is not None and own.passing is not None else set()
        return frozenset({self.dialect, *self.clients, *passed})


_AUTH = ("anthropic", "bearer", "google")
_TEXTS = ("title", "dialect", "vendor", "owner", "base_url", "auth", "oauth_beta", "account", "refusals", "signature")
_FIELDS = frozenset(
    [
        *_TEXTS,
        "lists",
        "paths",
        "headers",
        "steps",
        "official",
        "plans",
        "streams",
        "tool_name",
        "oauth",
        "clients",
        "fallbacks",
    ]
)
_COMPATIBLE_PATHS = MappingProxyType({"generate": "/chat/completions", "compact": "/responses/compact"})


def compatible(key: str, base_url: str, dialect: str = "") -> Provider:
    """An OpenAI-compatible host: chat completions under a configured base URL, models as configured.

    dialect: another one that the host speaks instead, by name.
    """
    other = DIALECTS.get(dialect)
    return Provider(
        key=key,
        dialect=other.name if other is not None else "openai-chat",
        vendor=key,
        base_url=base_url,
        auth="bearer",
        paths=_COMPATIBLE_PATHS if other is None else {"generate": other.path},
        title=key,
        owner=key,
        official=False,
    )


def read_providers(text: str, origin: str = "providers.yaml") -> tuple[dict[str, Provider], tuple[str, ...]]:
    """Read the provider file: the providers, and the keys that are kept for vendors not served.

    Raises CatalogError with the entry and field that is wrong.
    """
    try:
        tree: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CatalogError(f"{origin}: {error}") from error
    if not isinstance(tree, dict):
        raise CatalogError(f"{origin}: expected a mapping of provider keys")
    unserved = tuple(map(str, tree.pop("unserved", ())))
    providers = {str(key): _read_provider(str(key), entry, origin) for key, entry in tree.items()}
    return providers, unserved


def _read_provider(key: str, entry: Any, origin: str) -> Provider:
    if not isinstance(entry, dict):
        raise CatalogError(f"{origin}: {key}: expected a mapping")
    if stray := sorted(set(entry) - _FIELDS):
        raise CatalogError(f"{origin}: {key}: unknown field {stray[0]!r}")
    usual = {name: value for name, value in entry.items() if name not in ("oauth", "clients")}
    served = {name: _read_provider(key, usual | inner, origin) for name, inner in entry.get("clients", {}).items()}
    oauth = entry.get("oauth")
    for name in ("dialect", "vendor", "base_url", "auth"):
        if not isinstance(entry.get(name), str):
            raise CatalogError(f"{origin}: {key}.{name}: expected text")
    if entry["auth"] not in _AUTH:
        raise CatalogError(f"{origin}: {key}.auth: {entry['auth']!r} is none of {', '.join(_AUTH)}")
    paths = entry.get("paths")
    if not isinstance(paths, dict) or "generate" not in paths:
        raise CatalogError(f"{origin}: {key}.paths: expected a mapping with `generate`")
    return Provider(
        key=key,
        dialect=entry["dialect"],
        vendor=entry["vendor"],
        base_url=entry["base_url"],
        auth=entry["auth"],
        paths=MappingProxyType({str(name): str(path) for name, path in paths.items()}),
        title=str(entry.get("title", key)),
        owner=str(entry.get("owner", entry["vendor"])),
        lists=tuple(entry.get("lists", ())),
        headers=MappingProxyType({str(name).lower(): str(text) for name, text in entry.get("headers", {}).items()}),
        oauth_beta=str(entry.get("oauth_beta", "")),
        steps=tuple(entry.get("steps", ())),
        official=bool(entry.get("official", True)),
        account=str(entry.get("account", "")),
        plans=MappingProxyType({str(plan): tuple(lists) for plan, lists in entry.get("plans", {}).items()}),
        streams=bool(entry.get("streams", False)),
        tool_name=int(entry.get("tool_name", 0)),
        refusals=str(entry.get("refusals", "")),
        signature=str(entry.get("signature", "")),
        fallbacks=tuple(entry.get("fallbacks", ())),
        oauth=None if oauth is None else _read_provider(key, usual | oauth, origin),
        clients=MappingProxyType(served),
    )


# --- the catalogue --------------------------------------------------------------------------------------------------


class Catalog:
    """All providers and their models. Never changes; a newer model file makes a new one."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        models: Mapping[str, tuple[Model, ...]],
        unserved: Collection[str] = (),
    ) -> None:
        self.providers = MappingProxyType(dict(providers))
        self.unserved = frozenset(unserved) - set(providers)
        self.lists = MappingProxyType(dict(models))
        self._joined: dict[tuple[str, ...], tuple[tuple[Model, ...], dict[str, Model]]] = {}

    def _of(self, provider: str | Provider) -> tuple[tuple[Model, ...], dict[str, Model]]:
        """The models of a provider's lists, and each of them by all of its names."""
        known = self.providers.get(provider) if isinstance(provider, str) else provider
        lists = known.lists if known is not None else ()
        joined = self._joined.get(lists)
        if joined is None:
            found: dict[str, Model] = {}
            for name in lists:
                for model in self.lists.get(name, ()):
                    found.setdefault(model.id, model)
            models = tuple(found.values())
            for model in models:
                for alias in model.aliases:
                    found.setdefault(alias, model)
            joined = self._joined[lists] = models, found
        return joined

    def provider(self, key: str, base_url: str = "", dialect: str = "", kind: str = "api-key") -> Provider:
        """The provider of a key. A key that is not ours is an OpenAI-compatible host if there is a base URL for it.

        kind: of the credential. Raises UnknownProvider with the known keys; also for a vendor's key that this version
        does not serve.
        """
        known = self.providers.get(key)
        if known is not None:
            return known.oauth if kind == "oauth" and known.oauth is not None else known
        if base_url and key not in self.unserved:
            return compatible(key, base_url, dialect)
        why = "is not served" if key in self.unserved else "is unknown, and has no base URL"
        raise UnknownProvider(f"provider {key!r} {why}; known: {', '.join(self.providers)}")

    def models(self, provider: str | Provider) -> tuple[Model, ...]:
        """What a provider's lists have (of a key: what its API keys can use); () for a compatible host."""
        return self._of(provider)[0]

    def find(self, provider: str | Provider, model: str) -> Model | None:
        """The record behind a name or one of the vendor's other names for it."""
        return self._of(provider)[1].get(model)

    def traits(self, provider: str | Provider, model: str) -> Traits:
        """What a provider's model can do; a model nobody knows gives `known=False`."""
        return traits_of(self.find(provider, model))

    def with_models(self, body: bytes, origin: str = "models.json") -> "Catalog":
        """The same providers with the lists of a newer file. Lists that the file does not have stay.

        Records without `traits` or `aliases` of their own keep those of the record they replace. Raises CatalogError.
        """
        newer = read_models(body, origin)
        merged = dict(self.lists)
        for key, models in newer.items():
            old = {model.id: model for model in self.lists.get(key, ())}
            merged[key] = tuple(_inherit(model, old.get(model.id)) for model in models)
        return Catalog(self.providers, merged, self.unserved)


def _inherit(model: Model, old: Model | None) -> Model:
    if old is None:
        return model
    return msgspec.structs.replace(model, traits=model.traits or old.traits, aliases=model.aliases or old.aliases)


def read_models(body: bytes, origin: str = "models.json") -> dict[str, tuple[Model, ...]]:
    """Read a model file: lists of records by key. Raises CatalogError with the JSON path."""
    try:
        return msgspec.json.decode(body, type=dict[str, tuple[Model, ...]])
    except msgspec.MsgspecError as error:
        raise CatalogError(f"{origin}: {error}") from error


def load(data: Path = DATA) -> Catalog:
    """The catalogue that comes with the program. Raises CatalogError, OSError."""
    providers, unserved = read_providers((data / "providers.yaml").read_text(encoding="utf-8"))
    return Catalog(providers, read_models((data / "models.json").read_bytes()), unserved)


def renamed(model: Model, identifier: str, owner: str = "") -> Model:
    """The record under a name that clients use: what model lists show for an alias or a prefix."""
    name = f"models/{identifier}" if model.name else ""
    return msgspec.structs.replace(model, id=identifier, name=name, owned_by=owner or model.owned_by, aliases=())


def pointed_at(provider: Provider, base_url: str) -> Provider:
    """The provider as one credential reaches it: at the credential's own base URL, if it has one.

    Another address on the vendor's own host (`…/v1` and the like) is still the vendor's.
    """
    if not base_url or base_url == provider.base_url:
        return provider
    own = urlsplit(base_url).hostname == urlsplit(provider.base_url).hostname
    clients = {dialect: pointed_at(served, base_url) for dialect, served in provider.clients.items()}
    return replace(provider, base_url=base_url, official=provider.official and own, clients=clients, fallbacks=())
