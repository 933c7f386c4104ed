"""A credential, its secret, and the use of it for one exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from credentials.error_rules import ErrorRule


class Secret:
    """A value that must reach the wire and nothing else. Prints, formats and serialises as a mask."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; only the engine, building the wire copy of a request, may ask."""
        return self._value

    def __repr__(self) -> str:
        return f"…{self._value[-4:]}" if len(self._value) >= 12 else "…"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __getstate__(self) -> object:
        raise TypeError("a Secret is never serialised")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One line of a credential's `models:` list: the upstream's name and what clients call it.

    display_name: what lists show it as. context: tokens, 0 if not said. levels: the reasoning levels it has, None if
    not said. inputs, outputs: kinds of content. force_mapping: answers name it as the client does.
    """

    name: str
    alias: str = ""
    display_name: str = ""
    context: int = 0
    levels: tuple[str, ...] | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    force_mapping: bool = False

    @property
    def id(self) -> str:
        """The name clients use."""
        return self.alias or self.name


@dataclass(frozen=True, slots=True)
class ModelAlias:
    """Another name for one of the models a log-in has. fork: the model stays visible under its own name too."""

    name: str
    alias: str
    fork: bool = False
    display_name: str = ""
    force_mapping: bool = False


@dataclass(frozen=True, slots=True)
class Credential:
    """What opens a door, and the settings that stand beside it in the config.

    id: stable over restarts (kind and hash of key and address, never the key). label: what people see
    (`claude:key-1`, `lab:2`).
    provider: key of the Provider it belongs to. base_url "" means the provider's own. models: empty means the
    provider's catalogue.
    dialect: of a host that is known from the config only, "" its usual one.
    proxy_url: "" use the global one, "direct" none. headers: set last on the upstream request.
    facts: what requests must know of an account, by the names of its file (`account_id`, `project_id` …); never a
    secret. What each provider reads: providers/places.py.
    aliases: other names for the provider's models; with `models` they say nothing. error_rules: refusals that mean
    something else here than usual. parent: the account of which it is one project, "" if it is a whole one.
    expires: when the secret ends, in unix seconds, 0 unknown or never; renewable: there is what gets a new one.
    """

    id: str
    provider: str
    label: str
    secret: Secret
    kind: str = "api-key"
    base_url: str = ""
    dialect: str = ""
    proxy_url: str = ""
    prefix: str = ""
    priority: int = 0
    weight: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    models: tuple[ModelEntry, ...] = ()
    excluded: tuple[str, ...] = ()
    disabled: bool = False
    request_retry: int | None = None
    disable_cooling: bool | None = None
    source: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[ModelAlias, ...] = ()
    error_rules: tuple[ErrorRule, ...] = ()
    parent: str = ""
    expires: float = 0.0
    renewable: bool = False


@dataclass(frozen=True, slots=True)
class OwnClient:
    """`oauth.<provider>` of the config: what a person sets in place of the shipped data. "" leaves it."""

    client_id: str = ""
    client_secret: Secret = field(default_factory=lambda: Secret(""))
    urls: Mapping[str, str] = field(default_factory=dict)
