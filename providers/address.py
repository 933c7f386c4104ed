"""Where a request goes and what stands above its body.

Two forms of the same headers: `auth_headers` for the copy that goes to the wire, `label_headers` for the flow that is
kept, looked at and saved. Nothing here is an imitation: an upstream sees our own user agent, or, where the client
speaks the upstream's own dialect, the headers that this client really sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import quote, urlsplit

from providers.catalog import Provider
from providers.version import VERSION

USER_AGENT = f"cliproxy/{VERSION}"

type Operation = Literal["generate", "stream", "count", "compact", "predict"]


class BadAddress(ValueError):
    """A base URL that is none; the message says what is missing."""


class NoSuchOperation(LookupError):
    """The provider has no such operation (counting, compaction …). The client gets 501, or an estimate."""


class Revealing(Protocol):
    """A secret: text that only the wire may see."""

    def reveal(self) -> str: ...
    def __bool__(self) -> bool: ...


class Opener(Protocol):
    """What is needed of a credential here. kind: "api-key", or "oauth" for tokens."""

    @property
    def label(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def secret(self) -> Revealing: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


# --- addresses ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """`path` begins with a slash and holds the query."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the `host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address, for people."""
        return f"{self.scheme}://{self.authority}{self.path}"


_PORTS = {"http": 80, "https": 443}
_VERSION = re.compile(r"v\d+(?:(?:alpha|beta)\d*)?")


def address(provider: Provider, base_url: str, operation: Operation, model: str, stream: bool) -> Address:
    """The address of one operation. base_url "" means the provider's own.

    A base URL may end in the API's version or not (`https://host`, `https://host/v1/`): it is never doubled, and the
    base URL's version wins over ours. Raises BadAddress, NoSuchOperation.
    """
    paths = provider.paths
    path = paths.get("stream") if stream and operation == "generate" else None
    path = path or paths.get(operation) or (paths["generate"] if operation == "stream" else None)
    if path is None:
        raise NoSuchOperation(f"{provider.title or provider.key} has no operation {operation!r}")
    scheme, host, port, base = _split(base_url or provider.base_url)
    segments = base.rsplit("/", 1)
    first, _, rest = path.lstrip("/").partition("/")
    if rest and _VERSION.fullmatch(first) and _VERSION.fullmatch(segments[-1]):
        path = f"/{rest}"
    named = quote(model.removeprefix("models/"), safe="/@:.-_~")
    return Address(scheme, host, port, base + path.replace("{model}", named))


def _split(base_url: str) -> tuple[Literal["http", "https"], str, int, str]:
    try:
        parts = urlsplit(base_url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddress(f"base URL {_shown(base_url)!r}: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise BadAddress(f"base URL {_shown(base_url)!r}: expected http:// or https://")
    if not host:
        raise BadAddress(f"base URL {_shown(base_url)!r}: there is no host")
    if parts.username or parts.password:
        raise BadAddress(f"base URL {_shown(base_url)!r}: put credentials into the key, not into the address")
    if parts.query or parts.fragment:
        raise BadAddress(f"base URL {_shown(base_url)!r}: a query cannot be part of it")
    scheme: Literal["http", "https"] = "http" if parts.scheme == "http" else "https"
    return scheme, host, port or _PORTS[scheme], parts.path.rstrip("/")


def _shown(base_url: str) -> str:
    """The URL without what may be secret in it."""
    return re.sub(r"//[^/@]*@", "//…@", base_url).partition("?")[0]


# --- the key --------------------------------------------------------------------------------------------------------

_ANTHROPIC_HOST = "api.anthropic.com"


def auth_headers(provider: Provider, credential: Opener, where: Address) -> dict[str, str]:
    """The header that opens the door, with the secret. For the wire copy of a request and nothing else."""
    return _auth(provider, credential, where, credential.secret.reveal()) if credential.secret else {}


def label_headers(provider: Provider, credential: Opener, where: Address) -> dict[str, str]:
    """The same header with the credential's label in place of the secret: what a kept flow shows."""
    return _auth(provider, credential, where, f"[{credential.label}]") if credential.secret else {}


def _auth(provider: Provider, credential: Opener, where: Address, value: str) -> dict[str, str]:
    if credential.kind == "api-key":
        # Hosts that only speak Anthropic's dialect expect Bearer; never both, since the vendor prefers x-api-key.
        if provider.auth == "anthropic" and where.host == _ANTHROPIC_HOST:
            return {"x-api-key": value}
        if provider.auth == "google":
            return {"x-goog-api-key": value}
    return {"authorization": f"Bearer {value}"}


# --- everything else ------------------------------------------------------------------------------------------------

HOP_BY_HOP = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
"""Headers about one connection (RFC 9110 7.6.1): never forwarded."""

PRIVATE = frozenset(
    [
        "authorization",
        "x-api-key",
        "x-goog-api-key",
        "api-key",
        "cookie",
        "cookie2",
        "x-goog-user-project",
        "openai-organization",
        "openai-project",
        "chatgpt-account-id",
        "anthropic-workspace-id",
        "anthropic-user-profile-id",
        "x-msh-device-id",
        "x-xai-token-auth",
    ]
)
"""The client's own credentials and the accounts they belong to: never forwarded, not even by `$Name`."""

_OURS = frozenset(
    [
        "host",
        "content-length",
        "content-type",
        "content-encoding",
        "accept",
        "accept-encoding",
        "expect",
        "origin",
        "referer",
        "forwarded",
        "via",
        "x-real-ip",
        "x-client-ip",
        "true-client-ip",
    ]
)
_OURS_BEGIN = ("sec-", "x-forwarded-", "access-control-", "proxy-", "cf-", "x-amz-")


def wire_headers(
    provider: Provider,
    credential: Opener,
    client_headers: Mapping[str, str],
    needed: Mapping[str, str],
    *,
    auth: Mapping[str, str],
    stream: bool,
    same_dialect: bool,
    masked: bool = False,
) -> dict[str, str]:
    """All headers of a request to the upstream but `host` and `content-length`, names in lower case.

    client_headers: as the client sent them; only a client of the upstream's own dialect has its headers passed on,
    its user agent and API version among them. needed: what the body needs (`Outgoing.headers`).
    auth: from `auth_headers` or `label_headers`; with the latter set masked, which also hides the values that the
    config gives a credential (they may be secrets too).
    Loses: the client's credentials, everything about its connection, and for a translated request all the rest.
    """
    client = {name.lower(): value for name, value in client_headers.items()}
    headers = {"user-agent": USER_AGENT} | dict(provider.headers)
    if same_dialect:
        headers |= _passed_on(client)
    betas = _betas(headers.get("anthropic-beta", ""), needed, provider, credential)
    headers |= {name.lower(): value for name, value in needed.items()}
    headers.pop("anthropic-beta", None)
    if betas:
        headers["anthropic-beta"] = betas
    headers["content-type"] = "application/json"
    headers["accept"] = "text/event-stream" if stream else "application/json"
    headers["accept-encoding"] = "identity"
    headers |= auth
    _configure(headers, credential, client, masked)
    return headers


def _passed_on(client: Mapping[str, str]) -> dict[str, str]:
    """What of the client's headers may go on. `Connection` may name more that may not."""
    named = {name.strip().lower() for name in client.get("connection", "").split(",")}
    return {
        name: value
        for name, value in client.items()
        if not (name in HOP_BY_HOP or name in PRIVATE or name in _OURS or name in named)
        and not name.startswith(_OURS_BEGIN)
    }


def _betas(asked: str, needed: Mapping[str, str], provider: Provider, credential: Opener) -> str:
    """The client's betas, those of the body, and the one of OAuth tokens: each once, in this order."""
    wanted = next((value for name, value in needed.items() if name.lower() == "anthropic-beta"), "")
    token = provider.oauth_beta if credential.kind != "api-key" else ""
    names = [name.strip() for name in f"{asked},{wanted},{token}".split(",")]
    return ",".join(dict.fromkeys(name for name in names if name))


def configured(credential: Opener, client_headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that the config gives a credential, with their values: for the wire copy and nothing else."""
    headers: dict[str, str] = {}
    if credential.headers:
        _configure(headers, credential, {name.lower(): value for name, value in client_headers.items()}, masked=False)
    return headers


def _configure(headers: dict[str, str], credential: Opener, client: Mapping[str, str], masked: bool) -> None:
    """Headers of the config come last and replace; `$Name` copies the client's; an empty one removes."""
    for written, value in credential.headers.items():
        name = written.lower()
        if value.startswith("$"):
            source = value[1:].lower()
            value = "" if source in PRIVATE else client.get(source, "")
        elif masked and value:
            value = f"[{credential.label}]"
        if value:
            headers[name] = value
        else:
            headers.pop(name, None)
