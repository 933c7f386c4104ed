"""What only the whole config can tell: keys that contradict each other, addresses that cannot be meant."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from addons.config.keys import PLACEHOLDERS
from addons.config.listen import leads_back, refusal
from addons.config.model import Compatible, Config, ModelLine, ProviderKey
from addons.config.problems import Report
from credentials.model import Secret
from providers import oauth

# Where a path that clients add themselves does not belong into a base URL: list of keys → path, and what is added.
_SURPLUS = {
    "claude-api-key": ("/v1", "/v1/messages"),
    "gemini-api-key": ("/v1beta", "/v1beta/models/…"),
    "vertex-api-key": ("/v1", "/v1/publishers/…"),
}
_COUNTED_ONCE = ("gemini-api-key", "vertex-api-key")
_ENDPOINTS = ("/chat/completions", "/completions", "/responses", "/messages", "/models")


def check(config: Config, report: Report) -> None:
    """Report what is wrong with a config whose keys are all well-formed."""
    _check_server(config, report)
    _check_client_keys(config, report)
    for kind, number, entry in entries(config):
        key = report.item(kind, number)
        _check_address(kind, entry, key, config, report)
        _check_models(kind, entry.models, key, report)
    _check_doubles(config, report)
    _check_log_ins(config, report)
    for channel, aliases in config.oauth_model_alias.items():
        taken: set[str] = set()
        for alias in aliases:
            if alias.alias.lower() in taken:
                report.warn(f"oauth-model-alias.{channel}", f"the alias {alias.alias} stands twice: the first counts")
            taken.add(alias.alias.lower())


def entries(config: Config) -> Iterator[tuple[str, int, ProviderKey | Compatible]]:
    """Every entry of the provider lists: its list's key, its number from 0, itself.

    Numbers count the entries in use; those left out are not among them.
    """
    lists: dict[str, Sequence[ProviderKey | Compatible]] = {
        "gemini-api-key": config.gemini_api_key,
        "interactions-api-key": config.interactions_api_key,
        "claude-api-key": config.claude_api_key,
        "codex-api-key": config.codex_api_key,
        "xai-api-key": config.xai_api_key,
        "vertex-api-key": config.vertex_api_key,
        "openai-compatibility": config.openai_compatibility,
    }
    for kind, several in lists.items():
        for number, entry in enumerate(several):
            yield kind, number, entry


def _check_server(config: Config, report: Report) -> None:
    complaint = refusal(config.host, config.api_keys)
    if complaint:
        report.error("host", complaint)
    if any(sign.isspace() or sign == "/" for sign in config.host):
        report.error("host", "should be an address such as 127.0.0.1, without scheme or path")
    if config.tls.enable:
        for name in ("cert", "key"):
            if not getattr(config.tls, name):
                report.error("tls", f"is enabled, and {name} is missing: name a PEM file")
    if config.remote_management.allow_remote and not config.remote_management.secret_key:
        report.warn("remote-management.allow-remote", "has no effect without a secret-key")
    if config.proxy_url and leads_back(config.proxy_url, config.host, config.port):
        report.error("proxy-url", "leads back to this proxy itself")


def _check_client_keys(config: Config, report: Report) -> None:
    for number, key in enumerate(config.api_keys):
        if key.reveal() in PLACEHOLDERS:
            report.warn(
                report.item("api-keys", number),
                "is a key of the example file, known to everybody: make one of your own",
            )


def _check_log_ins(config: Config, report: Report) -> None:
    shipped = oauth.load() if config.oauth else {}
    for key, own in config.oauth.items():
        if key not in shipped:
            report.warn(f"oauth.{key}", f"there is no log-in of this name; there is one for {', '.join(shipped)}")
            continue
        names = [name.replace("_", "-") for name in shipped[key].urls or ("token",)]
        for name in own.urls:
            if name.replace("_", "-") not in names:
                report.warn(f"oauth.{key}.urls.{name}", f"there is no such address; there are {', '.join(names)}")


def _check_address(kind: str, entry: ProviderKey | Compatible, key: str, config: Config, report: Report) -> None:
    at = f"{key}.base-url"
    url = entry.base_url
    if not url:
        return
    if leads_back(url, config.host, config.port):
        report.error(at, "leads back to this proxy itself: requests would go round in circles")
    path = urlsplit(url).path.rstrip("/")
    ending = next((ending for ending in _ENDPOINTS if path.endswith(ending)), "")
    if ending:
        report.warn(at, f"ends in {ending}, which is added to it: take that away")
    elif kind in _SURPLUS and path.endswith(_SURPLUS[kind][0]):
        surplus, added = _SURPLUS[kind]
        report.warn(at, f"ends in {surplus}, and {added} is added to it: take that away")
    elif kind == "openai-compatibility" and not path:
        report.warn(at, "has no path; most servers want /v1 at its end (/chat/completions is added to it)")
    elif kind in ("codex-api-key", "xai-api-key") and not path:
        report.warn(at, "has no path; OpenAI's is https://api.openai.com/v1 (/responses is added to it)")


def _check_models(kind: str, models: Sequence[ModelLine], key: str, report: Report) -> None:
    """Doubles. A repeated alias is a pool for openai-compatibility, and a mistake elsewhere."""
    if kind == "openai-compatibility":
        return
    taken: set[str] = set()
    for line in models:
        name = (line.alias or line.name).lower()
        if name in taken:
            report.warn(f"{key}.models", f"{line.alias or line.name} stands twice: the first counts")
        taken.add(name)


def without_doubles(config: Config) -> Config:
    """The config with each Gemini key once, and each Vertex key once an address, as CLIProxyAPI counts them."""
    gemini = {key.api_key: key for key in reversed(config.gemini_api_key)}
    vertex = {(key.api_key, key.base_url): key for key in reversed(config.vertex_api_key)}
    return replace(
        config,
        gemini_api_key=tuple(key for key in config.gemini_api_key if gemini[key.api_key] is key),
        vertex_api_key=tuple(key for key in config.vertex_api_key if vertex[key.api_key, key.base_url] is key),
    )


def _check_doubles(config: Config, report: Report) -> None:
    """One key at one address twice is one quota counted twice."""
    seen: dict[tuple[str, Secret, str, str], str] = {}
    for kind, number, entry in entries(config):
        at = report.item(kind, number)
        if isinstance(entry, ProviderKey):
            keys = [(f"{at}.api-key", entry.api_key)]
        else:
            inner = enumerate(entry.api_key_entries)
            keys = [(f"{report.item(f'{at}.api-key-entries', place)}.api-key", key.api_key) for place, key in inner]
        for key, secret in keys:
            address = "" if kind == "gemini-api-key" else entry.base_url
            identity = (kind, secret, address, "" if kind in _COUNTED_ONCE else entry.prefix)
            if secret and identity in seen:
                ending = ": the first counts" if kind in _COUNTED_ONCE else ""
                report.warn(key, f"is the same key as {seen[identity]}{ending}")
            seen.setdefault(identity, key)
