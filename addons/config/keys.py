"""The keys of config.yaml, as data: what each is called and what its value must look like.

Sources: CLIProxyAPI 6 (February 2026) and what version 7 (August 2026) added. What they become stands in `model.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from addons.config import model
from addons.config.shapes import (
    Choice,
    Flag,
    Ignored,
    Json,
    Override,
    Places,
    Seconds,
    Section,
    Several,
    Shape,
    Span,
    Table,
    Text,
    Whole,
    address,
    endpoint,
    pattern,
    prefix,
    proxy,
)
from credentials.model import OwnClient

TEXT, FLAG, NATURAL = Text(), Flag(), Whole(low=0, below=0)
SECRET = Text(secret=True)
DISGUISE, ABSENT = Ignored("disguise"), Ignored("absent")
ADDRESS, PROXY, PREFIX = Text(rule=address), Text(rule=proxy), Text(rule=prefix)
PATTERNS = Several(Text(lower=True), unique=True)
HEADERS = Table(TEXT)
WEIGHT = Whole(high=1_000_000)
SAME: Mapping[str, str] = MappingProxyType({})

# The client keys of example files. Whoever has read the manual knows them.
PLACEHOLDERS = frozenset({"your-api-key-1", "your-api-key-2", "your-api-key-3", "change-me", "changeme"})

STRATEGIES = Choice(
    ("round-robin", "weighted-round-robin", "fill-first"),
    MappingProxyType(
        {"": "round-robin", "roundrobin": "round-robin", "rr": "round-robin", "fillfirst": "fill-first"}
        | {"ff": "fill-first", "weightedroundrobin": "weighted-round-robin", "wrr": "weighted-round-robin"}
    ),
)

MODEL_LINE = Section(
    model.ModelLine,
    {
        "name": TEXT,
        "alias": TEXT,
        "display-name": TEXT,
        "max-context-length": Whole(low=0),
        "force-mapping": FLAG,
        "is-compat": FLAG,
        "image": FLAG,
        "input-modalities": Several(Text(lower=True), unique=True),
        "output-modalities": Several(Text(lower=True), unique=True),
        "thinking": Section(model.Thinking, {"levels": Several(Text(lower=True), unique=True)}),
    },
    mandatory=("name",),
)

ERROR_RULE = Section(
    model.ErrorRule,
    {
        "status": Whole(low=100, high=599),
        "match": Several(TEXT, unique=True),
        "match-regexr": Several(Text(rule=pattern), unique=True),
        "action": Choice(("stop", "stop-and-cooldown", "continue", "continue-and-cooldown"), SAME),
    },
    mandatory=("status", "action"),
)

# What every entry that is a credential may carry.
ENTRY: dict[str, Shape] = {
    "base-url": ADDRESS,
    "prefix": PREFIX,
    "priority": Whole(),
    "weight": WEIGHT,
    "proxy-url": PROXY,
    "headers": HEADERS,
    "models": Several(MODEL_LINE),
    "excluded-models": PATTERNS,
    "disable-cooling": FLAG,
    "request-retry": Override(),
    "request-scoped-errors": Several(ERROR_RULE),
}


def provider_keys(
    extra: Mapping[str, Shape] = MappingProxyType({}), mandatory: tuple[str, ...] = ("api-key",)
) -> Several:
    """A list of entries with one key each."""
    return Several(Section(model.ProviderKey, {"api-key": SECRET, **ENTRY, **extra}, mandatory=mandatory))


COMPATIBLE = Section(
    model.Compatible,
    {
        "name": TEXT,
        **ENTRY,
        "disabled": FLAG,
        "support-prompt-cache-key": FLAG,
        "dialect": TEXT,
        "api-key-entries": Several(
            Section(model.CompatKey, {"api-key": SECRET, "proxy-url": PROXY, "weight": WEIGHT}),
        ),
    },
    mandatory=("name", "base-url"),
)

ALIAS = Section(
    model.Alias,
    {"name": TEXT, "alias": TEXT, "fork": FLAG, "display-name": TEXT, "force-mapping": FLAG},
    mandatory=("name", "alias"),
)

AIM = Section(
    model.Aim,
    {
        "name": TEXT,
        "protocol": Text(lower=True),
        "from-protocol": Text(lower=True),
        "headers": HEADERS,
        "match": Places(Json()),
        "not-match": Places(Json()),
        "exist": Several(TEXT),
        "not-exist": Several(TEXT),
    },
)


def payload_rules(params: Places) -> Several:
    """The rules of one stage of `payload`."""
    return Several(
        Section(model.PayloadRule, {"models": Several(AIM), "params": params}, mandatory=("models", "params"))
    )


PAYLOAD = Section(
    model.Payload,
    {
        "default": payload_rules(Places(Json())),
        "default-raw": payload_rules(Places(Json(raw=True))),
        "override": payload_rules(Places(Json())),
        "override-raw": payload_rules(Places(Json(raw=True))),
        "filter": payload_rules(Places()),
    },
)

AMP = Section(
    model.Amp,
    {
        "upstream-url": ADDRESS,
        "upstream-api-key": SECRET,
        "upstream-api-keys": Several(
            Section(model.AmpKey, {"upstream-api-key": SECRET, "api-keys": Several(SECRET, unique=True)})
        ),
        "restrict-management-to-localhost": FLAG,
        "model-mappings": Several(Section(model.AmpMapping, {"from": TEXT, "to": TEXT, "regex": FLAG})),
        "force-model-mappings": FLAG,
    },
)

CODEX = Section(
    model.Codex,
    {
        "stream-bootstrap-buffering": FLAG,
        "optimize-multi-agent-v2": FLAG,
        "orphan-delegation-compatibility": FLAG,
        "model-level-cooling": FLAG,
        "live-media-relay": ABSENT,
        "identity-confuse": DISGUISE,
        "disable-codex-cloaking": DISGUISE,
    },
)

SERVER: dict[str, Shape] = {
    "host": TEXT,
    "port": Whole(low=1, high=65535),
    "tls": Section(model.Tls, {"enable": FLAG, "cert": TEXT, "key": TEXT}),
    "auth-dir": TEXT,
    "api-keys": Several(SECRET, unique=True),
    "proxy-url": PROXY,
    "remote-management": Section(
        model.RemoteManagement,
        {
            "allow-remote": FLAG,
            "secret-key": SECRET,
            "disable-control-panel": FLAG,
            "disable-auto-update-panel": FLAG,
            "panel-github-repository": TEXT,
        },
    ),
    "ws-auth": FLAG,
    "debug": FLAG,
    "logging-to-file": FLAG,
    "logs-max-total-size-mb": NATURAL,
    "error-logs-max-files": Whole(low=0, below=10),
    "request-log": FLAG,
    "usage-statistics-enabled": FLAG,
    "redis-usage-queue-retention-seconds": Whole(low=1, high=3600, below=60),
}

POLICY: dict[str, Shape] = {
    "request-retry": NATURAL,
    "max-retry-credentials": NATURAL,
    "max-retry-interval": NATURAL,
    "disable-cooling": FLAG,
    "transient-error-cooldown-seconds": Whole(low=-1, below=-1),
    "save-cooldown-status": FLAG,
    "auth-auto-refresh-workers": Whole(low=1, below=16),
    "quota-exceeded": Section(
        model.QuotaExceeded,
        {"switch-project": FLAG, "switch-preview-model": FLAG, "antigravity-credits": FLAG},
    ),
    "routing": Section(
        model.Routing,
        {
            "strategy": STRATEGIES,
            "session-affinity": FLAG,
            "session-affinity-ttl": Span(),
            "session-affinity-subagents": FLAG,
        },
    ),
    "force-model-prefix": FLAG,
    "streaming": Section(model.Streaming, {"keepalive-seconds": NATURAL, "bootstrap-retries": NATURAL}),
    "nonstream-keepalive-interval": NATURAL,
    "passthrough-headers": FLAG,
    "disable-image-generation": Choice(("chat", "passthrough"), SAME, flags=True),
    "gpt-image-2-base-model": TEXT,
    "video-result-auth-cache-ttl": Span(),
    "antigravity-signature-cache-enabled": FLAG,
    "antigravity-signature-bypass-strict": FLAG,
    "payload": PAYLOAD,
}

PROVIDERS: dict[str, Shape] = {
    "gemini-api-key": provider_keys(),
    "interactions-api-key": provider_keys(),
    "claude-api-key": provider_keys(
        {
            "rebuild-mid-system-message": FLAG,
            "cloak": DISGUISE,
            "fingerprint-profile": DISGUISE,
            "experimental-cch-signing": DISGUISE,
        }
    ),
    "codex-api-key": provider_keys({"websockets": FLAG, "alpha-search": FLAG}, ("api-key", "base-url")),
    "xai-api-key": provider_keys({"websockets": FLAG}),
    "vertex-api-key": provider_keys(),
    "openai-compatibility": Several(COMPATIBLE),
    "oauth-model-alias": Table(Several(ALIAS), lower=True),
    "oauth-excluded-models": Table(PATTERNS, lower=True),
    "oauth-request-scoped-errors": Table(Several(ERROR_RULE), lower=True),
    "codex": CODEX,
    "xai": Section(model.Xai, {"inject-x-search": FLAG}),
    "ampcode": AMP,
}

OWN: dict[str, Shape] = {
    "oauth": Table(
        Section(
            OwnClient, {"client-id": TEXT, "client-secret": SECRET, "urls": Table(Text(rule=endpoint), lower=True)}
        ),
        lower=True,
    ),
    "demo": FLAG,
    "extensions": Several(TEXT),
    "strict": FLAG,
    "redact": Choice(("keys", "content"), SAME),
    "engine": Section(
        model.Engine,
        {
            "lean": FLAG,
            "connect-timeout-seconds": Seconds(),
            "first-byte-timeout-seconds": Seconds(),
            "idle-timeout-seconds": Seconds(),
        },
    ),
    "inspect": Section(
        model.Inspect,
        {"keep-flows": NATURAL, "keep-memory": NATURAL, "keep-hours": Seconds(), "keep-bytes": NATURAL},
    ),
    "cassette": Section(model.CassetteFile, {"file": TEXT, "pace": FLAG}),
}

WITHOUT_EFFECT: dict[str, Shape] = {
    "claude-header-defaults": DISGUISE,
    "codex-header-defaults": DISGUISE,
    "disable-claude-cloak-mode": DISGUISE,
    "claude-code": Ignored("disguise", {"disable-cloaking-model-list": DISGUISE}),
    "antigravity": Ignored("absent", {"sensitive-words": DISGUISE, "connection-pool": ABSENT}),
    "commercial-mode": ABSENT,
    "pprof": ABSENT,
    "plugins": ABSENT,
    "credential-concurrency": ABSENT,
    "credential-in-flight": ABSENT,
}

CONFIG = Section(model.Config, {**SERVER, **POLICY, **PROVIDERS, **OWN, **WITHOUT_EFFECT})
