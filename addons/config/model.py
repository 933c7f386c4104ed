"""What a config file says, typed: one frozen class a section, one field a key, defaults for what is absent.

A field is its key with `_` for `-` (and a trailing `_` where the key is a word of Python). Lists are tuples. "" means
“not set” for texts, None for flags and numbers that would otherwise inherit something.

Defaults: those of CLIProxyAPI, except where the comment says “by choice”.
Keys that stand here and that nothing reads yet belong to parts that come later; they are checked already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from credentials.model import OwnClient, Secret

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tls:
    """`tls`: PEM files for serving HTTPS."""

    enable: bool = False
    cert: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class RemoteManagement:
    """`remote-management`. secret_key: plain, or a bcrypt hash (`$2a$…`); empty: management is off."""

    allow_remote: bool = False
    secret_key: Secret = field(default_factory=lambda: Secret(""))
    disable_control_panel: bool = False
    disable_auto_update_panel: bool = False
    panel_github_repository: str = ""


@dataclass(frozen=True, slots=True)
class Routing:
    """`routing`. session_affinity_ttl is in seconds."""

    strategy: str = "round-robin"
    session_affinity: bool = False
    session_affinity_ttl: float = 3600.0
    session_affinity_subagents: bool = True


@dataclass(frozen=True, slots=True)
class Streaming:
    """`streaming`. keepalive_seconds: 0 means none; 15 is by choice (CLIProxyAPI: 0)."""

    keepalive_seconds: int = 15
    bootstrap_retries: int = 0


@dataclass(frozen=True, slots=True)
class QuotaExceeded:
    """`quota-exceeded`: what to try when a quota is used up."""

    switch_project: bool = False
    switch_preview_model: bool = False
    antigravity_credits: bool = False


@dataclass(frozen=True, slots=True)
class Thinking:
    """`thinking` of a model line: the levels the model has, no others."""

    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One line of `models:`. name: the upstream's. alias: what clients say; "" means the same as name.

    Several lines of one openai-compatibility entry with the same alias are a pool.
    """

    name: str = ""
    alias: str = ""
    display_name: str = ""
    max_context_length: int | None = None
    force_mapping: bool = False
    is_compat: bool = False
    image: bool = False
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    thinking: Thinking | None = None


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One of `request-scoped-errors`: a refusal that is the request's fault, and what follows from it.

    Applies when the status is equal and one of match (substrings) or match_regexr (patterns) is found in the body;
    with neither, the status alone decides. action: stop, stop-and-cooldown, continue, continue-and-cooldown.
    """

    status: int = 0
    match: tuple[str, ...] = ()
    match_regexr: tuple[str, ...] = ()
    action: str = "stop"


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """One entry of gemini-, interactions-, claude-, codex-, xai- or vertex-api-key.

    proxy_url: "" the global one, "direct" none. headers: set last; a value `$Name` copies the client's header.
    request_retry, disable_cooling: None inherits.
    """

    api_key: Secret
    base_url: str = ""
    prefix: str = ""
    priority: int = 0
    weight: int = 1
    proxy_url: str = ""
    headers: Mapping[str, str] = NOTHING
    models: tuple[ModelLine, ...] = ()
    excluded_models: tuple[str, ...] = ()
    disable_cooling: bool | None = None
    request_retry: int | None = None
    request_scoped_errors: tuple[ErrorRule, ...] = ()
    websockets: bool = False
    alpha_search: bool = False
    rebuild_mid_system_message: bool = False


@dataclass(frozen=True, slots=True)
class CompatKey:
    """One of `api-key-entries` of an openai-compatibility entry."""

    api_key: Secret = field(default_factory=lambda: Secret(""))
    proxy_url: str = ""
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Compatible:
    """One entry of `openai-compatibility`: a server that speaks Chat Completions, or another `dialect` (own key)."""

    name: str
    base_url: str
    disabled: bool = False
    prefix: str = ""
    priority: int = 0
    weight: int = 1
    proxy_url: str = ""
    headers: Mapping[str, str] = NOTHING
    api_key_entries: tuple[CompatKey, ...] = ()
    models: tuple[ModelLine, ...] = ()
    excluded_models: tuple[str, ...] = ()
    disable_cooling: bool | None = None
    request_retry: int | None = None
    request_scoped_errors: tuple[ErrorRule, ...] = ()
    support_prompt_cache_key: bool = False
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class Alias:
    """One of `oauth-model-alias`. fork: the model stays visible under its own name too."""

    name: str
    alias: str
    fork: bool = False
    display_name: str = ""
    force_mapping: bool = False


@dataclass(frozen=True, slots=True)
class PathValue:
    """A place in a request body and a value. path: dotted, as written. value: JSON text, b"" where none is meant."""

    path: str
    value: bytes = b""


@dataclass(frozen=True, slots=True)
class Aim:
    """One of a payload rule's `models`: all that is given must hold.

    name: a pattern with `*`. protocol: the upstream's dialect, from_protocol: the client's. headers: patterns of the
    client's headers. match, not_match: values at places. exist, not_exist: places; null counts as missing.
    """

    name: str = ""
    protocol: str = ""
    from_protocol: str = ""
    headers: Mapping[str, str] = NOTHING
    match: tuple[PathValue, ...] = ()
    not_match: tuple[PathValue, ...] = ()
    exist: tuple[str, ...] = ()
    not_exist: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PayloadRule:
    """A rule applies if any of its models does. The values of params are JSON text; those of `filter` are empty."""

    models: tuple[Aim, ...] = ()
    params: tuple[PathValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Payload:
    """`payload`: changes to request bodies, applied in the order of these fields, rules in the order of the file."""

    default: tuple[PayloadRule, ...] = ()
    default_raw: tuple[PayloadRule, ...] = ()
    override: tuple[PayloadRule, ...] = ()
    override_raw: tuple[PayloadRule, ...] = ()
    filter: tuple[PayloadRule, ...] = ()


@dataclass(frozen=True, slots=True)
class AmpKey:
    """Amp's key for some client keys."""

    upstream_api_key: Secret = field(default_factory=lambda: Secret(""))
    api_keys: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True)
class AmpMapping:
    """`from` one model name (or pattern, with regex) to another."""

    from_: str = ""
    to: str = ""
    regex: bool = False


@dataclass(frozen=True, slots=True)
class Amp:
    """`ampcode`."""

    upstream_url: str = ""
    upstream_api_key: Secret = field(default_factory=lambda: Secret(""))
    upstream_api_keys: tuple[AmpKey, ...] = ()
    restrict_management_to_localhost: bool = False
    model_mappings: tuple[AmpMapping, ...] = ()
    force_model_mappings: bool = False


@dataclass(frozen=True, slots=True)
class Codex:
    """`codex`: what is protocol there; its disguise keys are not kept."""

    stream_bootstrap_buffering: bool = False
    optimize_multi_agent_v2: bool = False
    orphan_delegation_compatibility: bool = False
    model_level_cooling: bool = False


@dataclass(frozen=True, slots=True)
class Xai:
    """`xai`."""

    inject_x_search: bool = False


@dataclass(frozen=True, slots=True)
class Engine:
    """`engine`, our own: how upstreams are waited for. Seconds; 0 means no limit.

    first_byte_timeout_seconds counts from the sent request to the first byte of the reply, and moves on to the next
    credential; it is long because a whole (not streamed) reply may take minutes before its first byte.
    lean: relayed streams take the short way through the proxy.
    """

    lean: bool = True
    connect_timeout_seconds: float = 15.0
    first_byte_timeout_seconds: float = 300.0
    idle_timeout_seconds: float = 360.0


@dataclass(frozen=True, slots=True)
class Inspect:
    """`inspect`, our own: how much of the finished traffic stays to be looked at; what is first reached counts. 0 means
    no limit.

    keep_flows: exchanges in the list. keep_memory: bytes of them all. keep_hours: age. keep_bytes: of one body, in the
    list and in files.
    """

    keep_flows: int = 2000
    keep_memory: int = 256 * 1024 * 1024
    keep_hours: float = 24.0
    keep_bytes: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CassetteFile:
    """`cassette`, our own: a file of recorded flows (relative: to the config's folder) that answers in the place of all
    upstreams. pace: streams come as slowly as they were recorded.
    """

    file: str = ""
    pace: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """A whole config file.

    host: 127.0.0.1 by choice, also for `host: ""` (CLIProxyAPI: all interfaces). request_retry, max_retry_interval
    (seconds): 3 and 30, the values of CLIProxyAPI's example file (absent there: 0). ws_auth: as in its newest version.
    transient_error_cooldown_seconds: 0 means 60, -1 none. max_retry_credentials: 0 means all.
    save_cooldown_status: True by choice (CLIProxyAPI: False).
    disable_image_generation: False, True, "chat" or "passthrough".
    extensions: files that add dialects or override pairs, loaded once (see translators/registry.py).
    oauth: client ids, secrets and addresses of log-ins, by provider (see providers/data/oauth.yaml).
    demo: None leaves it to the start (on when there is nothing else to answer). strict: see the losses of translation.
    redact: what flows and files do not show: "keys", or "content" (what people said), too.
    """

    host: str = "127.0.0.1"
    port: int = 8317
    tls: Tls = Tls()
    auth_dir: str = "~/.cli-proxy-api"
    api_keys: tuple[Secret, ...] = ()
    proxy_url: str = ""
    remote_management: RemoteManagement = field(default_factory=RemoteManagement)

    request_retry: int = 3
    max_retry_credentials: int = 0
    max_retry_interval: int = 30
    disable_cooling: bool = False
    transient_error_cooldown_seconds: int = 0
    save_cooldown_status: bool = True
    auth_auto_refresh_workers: int = 16
    quota_exceeded: QuotaExceeded = QuotaExceeded()
    routing: Routing = Routing()
    force_model_prefix: bool = False

    streaming: Streaming = Streaming()
    nonstream_keepalive_interval: int = 0
    passthrough_headers: bool = False
    ws_auth: bool = True
    disable_image_generation: bool | str = False
    gpt_image_2_base_model: str = "gpt-5.4-mini"
    video_result_auth_cache_ttl: float = 3 * 3600.0
    antigravity_signature_cache_enabled: bool = True
    antigravity_signature_bypass_strict: bool = False

    debug: bool = False
    logging_to_file: bool = False
    logs_max_total_size_mb: int = 0
    error_logs_max_files: int = 10
    request_log: bool = False
    usage_statistics_enabled: bool = False
    redis_usage_queue_retention_seconds: int = 60

    gemini_api_key: tuple[ProviderKey, ...] = ()
    interactions_api_key: tuple[ProviderKey, ...] = ()
    claude_api_key: tuple[ProviderKey, ...] = ()
    codex_api_key: tuple[ProviderKey, ...] = ()
    xai_api_key: tuple[ProviderKey, ...] = ()
    vertex_api_key: tuple[ProviderKey, ...] = ()
    openai_compatibility: tuple[Compatible, ...] = ()

    oauth_model_alias: Mapping[str, tuple[Alias, ...]] = field(default_factory=dict)
    oauth_excluded_models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    oauth_request_scoped_errors: Mapping[str, tuple[ErrorRule, ...]] = field(default_factory=dict)
    payload: Payload = Payload()
    codex: Codex = Codex()
    xai: Xai = Xai()
    ampcode: Amp = field(default_factory=Amp)

    oauth: Mapping[str, OwnClient] = field(default_factory=dict)
    demo: bool | None = None
    extensions: tuple[str, ...] = ()
    strict: bool = False
    redact: str = "keys"
    engine: Engine = Engine()
    inspect: Inspect = Inspect()
    cassette: CassetteFile = CassetteFile()

    def auth_path(self, home: Path) -> Path:
        """The directory of the credential files, `~` being `home`. A relative one starts where the program does."""
        head, _, rest = self.auth_dir.replace("\\", "/").partition("/")
        return home / rest if head == "~" else Path(self.auth_dir)
