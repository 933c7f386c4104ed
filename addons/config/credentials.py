"""The credentials that stand in the config, and those in the environment."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from addons.config.listen import leads_back
from addons.config.model import Compatible, CompatKey, Config, ErrorRule, ModelLine, ProviderKey
from credentials import error_rules
from credentials.accounts import Customs
from credentials.model import Credential, ModelAlias, ModelEntry, Secret

# The providers that exist without any config, and those of credential files. An openai-compatibility entry of the same
# name gets another key, or it would take their requests.
BUILT_IN = frozenset(
    {"claude", "codex", "gemini", "gemini-interactions", "gemini-cli", "vertex", "aistudio", "antigravity"}
    | {"qwen", "iflow", "kimi", "xai", "demo"}
)


class Kind(NamedTuple):
    """A list of keys: its name in the config, the provider, the kind in the credential's id, and whether the proxy is
    a part of that id."""

    key: str
    provider: str
    id: str
    with_proxy: bool = False


KINDS = (
    Kind("gemini-api-key", "gemini", "gemini:apikey"),
    Kind("interactions-api-key", "gemini-interactions", "gemini-interactions:apikey"),
    Kind("claude-api-key", "claude", "claude:apikey"),
    Kind("codex-api-key", "codex", "codex:apikey"),
    Kind("xai-api-key", "xai", "xai:apikey"),
    Kind("vertex-api-key", "vertex", "vertex:apikey", with_proxy=True),
)

OPENAI = "https://api.openai.com/v1"


class Origin(NamedTuple):
    """A credential and the entry it comes from, for what a credential does not carry (error rules, model details)."""

    credential: Credential
    entry: ProviderKey | Compatible


class _Names:
    """Hands out ids and labels. An id that is taken gets `-1`, `-2`, …; labels count from 1 for each provider."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}
        self._counts: dict[str, int] = {}

    def id(self, kind: str, *parts: str) -> str:
        digest = hashlib.sha256("\0".join((kind, *(part.strip() for part in parts))).encode()).hexdigest()
        plain = f"{kind}:{digest[:12]}"
        number = self._taken.get(plain, 0)
        self._taken[plain] = number + 1
        return f"{plain}-{number}" if number else plain

    def label(self, provider: str) -> str:
        self._counts[provider] = self._counts.get(provider, 0) + 1
        return f"{provider}:{self._counts[provider]}"


def credentials_of(config: Config) -> list[Credential]:
    """The credentials of all key lists, in the order of the file within each list.

    Ids are those CLIProxyAPI gives: kind, and 12 hex digits of SHA-256 over kind, key, address (and proxy). They are
    equal after a restart, and when other entries come or go, unless the same key stands twice.
    A Credential's provider may be one that this installation does not serve: look before you lease.
    """
    return [origin.credential for origin in origins_of(config)]


def origins_of(config: Config) -> list[Origin]:
    """As `credentials_of`, each with its entry of the config."""
    names = _Names()
    lists: dict[str, Sequence[ProviderKey]] = {
        "gemini-api-key": config.gemini_api_key,
        "interactions-api-key": config.interactions_api_key,
        "claude-api-key": config.claude_api_key,
        "codex-api-key": config.codex_api_key,
        "xai-api-key": config.xai_api_key,
        "vertex-api-key": config.vertex_api_key,
    }
    found = [
        Origin(_of_key(kind, entry, names, f"config:{kind.key}[{number}]"), entry)
        for kind in KINDS
        for number, entry in enumerate(lists[kind.key])
    ]
    for number, compatible in enumerate(config.openai_compatibility):
        source = f"config:openai-compatibility[{number}]"
        inner = compatible.api_key_entries or (None,)
        found.extend(Origin(_of_compatible(compatible, key, names, source), compatible) for key in inner)
    return found


def compatible_provider(name: str) -> str:
    """The provider key of an openai-compatibility entry: its name in lower case, unless a built-in one is called so."""
    plain = name.strip().lower()
    return f"openai-compatible-{plain}" if plain in BUILT_IN else plain


def from_environment(env: Mapping[str, str], host: str = "127.0.0.1", port: int = 8317) -> list[Credential]:
    """Credentials for the keys that the vendors' own tools read from the environment.

    host, port: our own listener. A base-URL variable that leads back to it was set for the clients and is not used;
    neither is one that is no http(s) address. GEMINI_API_KEY goes before GOOGLE_API_KEY, which may be for Maps.
    """
    names = _Names()
    found: list[Credential] = []
    for variable, provider, base_variable, usual in _VARIABLES:
        key = env.get(variable, "").strip()
        if not key or any(credential.provider == provider for credential in found):
            continue
        given = env.get(base_variable, "").strip().rstrip("/") if base_variable else ""
        base = given if _usable(given) and not leads_back(given, host, port) else usual
        found.append(
            Credential(
                id=names.id(f"{provider}:apikey", key, base),
                provider=provider,
                label=f"{provider}:env",
                secret=Secret(key),
                base_url=base,
                source=f"environment:{variable}",
            )
        )
    return found


# variable, provider, variable of the base URL, base URL ("" is the provider's own)
_VARIABLES = (
    ("ANTHROPIC_API_KEY", "claude", "ANTHROPIC_BASE_URL", ""),
    ("OPENAI_API_KEY", "codex", "OPENAI_BASE_URL", OPENAI),
    ("GEMINI_API_KEY", "gemini", "", ""),
    ("GOOGLE_API_KEY", "gemini", "", ""),
)


def _of_key(kind: Kind, entry: ProviderKey, names: _Names, source: str) -> Credential:
    parts = [entry.api_key.reveal(), entry.base_url]
    if kind.with_proxy:
        parts.append(entry.proxy_url)
    return Credential(
        id=names.id(kind.id, *parts),
        provider=kind.provider,
        label=names.label(kind.provider),
        secret=entry.api_key,
        base_url=entry.base_url,
        proxy_url=entry.proxy_url,
        prefix=entry.prefix,
        priority=entry.priority,
        weight=entry.weight,
        headers=dict(entry.headers),
        models=_models(entry.models),
        excluded=entry.excluded_models,
        request_retry=entry.request_retry,
        disable_cooling=entry.disable_cooling,
        source=source,
        error_rules=_rules(entry.request_scoped_errors),
    )


def _of_compatible(entry: Compatible, key: CompatKey | None, names: _Names, source: str) -> Credential:
    kind = f"openai-compatibility:{entry.name.lower()}"
    provider = compatible_provider(entry.name)
    parts = [key.api_key.reveal(), entry.base_url, key.proxy_url] if key else [entry.base_url]
    return Credential(
        id=names.id(kind, *parts),
        provider=provider,
        label=names.label(provider),
        secret=key.api_key if key else Secret(""),
        base_url=entry.base_url,
        dialect=entry.dialect,
        proxy_url=(key.proxy_url if key else "") or entry.proxy_url,
        prefix=entry.prefix,
        priority=entry.priority,
        weight=key.weight if key else entry.weight,
        headers=dict(entry.headers),
        models=_models(entry.models),
        excluded=entry.excluded_models,
        disabled=entry.disabled,
        request_retry=entry.request_retry,
        disable_cooling=entry.disable_cooling,
        source=source,
        error_rules=_rules(entry.request_scoped_errors),
    )


def customs_of(config: Config) -> Customs:
    """What the config says of all accounts of a provider."""
    return Customs(
        aliases={
            channel: tuple(
                ModelAlias(one.name, one.alias, one.fork, one.display_name, one.force_mapping) for one in aliases
            )
            for channel, aliases in config.oauth_model_alias.items()
        },
        excluded=config.oauth_excluded_models,
        error_rules={channel: _rules(lines) for channel, lines in config.oauth_request_scoped_errors.items()},
    )


def _models(lines: Sequence[ModelLine]) -> tuple[ModelEntry, ...]:
    return tuple(
        ModelEntry(
            name=line.name,
            alias="" if line.alias == line.name else line.alias,
            display_name=line.display_name,
            context=line.max_context_length or 0,
            levels=line.thinking.levels if line.thinking is not None else None,
            inputs=line.input_modalities,
            outputs=line.output_modalities,
            force_mapping=line.force_mapping,
        )
        for line in lines
    )


def _rules(lines: Sequence[ErrorRule]) -> tuple[error_rules.ErrorRule, ...]:
    """The patterns were tried when the config was read."""
    return tuple(error_rules.rule(line.status, line.match, line.match_regexr, line.action) for line in lines)


def _usable(url: str) -> bool:
    try:
        split = urlsplit(url)
    except ValueError:
        return False
    return split.scheme in ("http", "https") and bool(split.hostname)
