"""What the pool says and is told: settings, names found, leases, refusals, rows of its tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from credentials.cooldown import Strategy
from credentials.model import Credential
from providers.catalog import Model, Provider
from translators.dialect import Traits
from translators.model import Reasoning


class UnknownModel(LookupError):
    """No credential has a model of that name. near: names that look like it, the best first."""

    def __init__(self, name: str, near: Sequence[str]) -> None:
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        super().__init__(f"unknown model {name!r}{hint}")
        self.name = name
        self.near = tuple(near)


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """transient_seconds: rest after a passing failure, negative none. request_retry: more rounds after the first.

    max_retry_interval: the longest wait between rounds, in seconds, for the caller; 0 never wait.
    max_retry_credentials: credentials tried in a round, 0 all.
    """

    strategy: Strategy = "round-robin"
    force_model_prefix: bool = False
    disable_cooling: bool = False
    transient_seconds: float = 60.0
    request_retry: int = 0
    max_retry_interval: float = 0.0
    max_retry_credentials: int = 0


@dataclass(frozen=True, slots=True)
class Resolution:
    """A name that was found. name: as the client said it. route: the name in the pool's table, without suffix.

    reasoning: from the client's thinking suffix. suffix: whether there was one, meaningful or not.
    """

    name: str
    route: str
    reasoning: Reasoning | None = None
    suffix: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """The use of a credential for one attempt.

    model: the upstream's name. reasoning: what a thinking suffix says; it beats the body. route: the client's name
    without suffix. key: what to put into `tried`. probe: this attempt finds out whether a rest is over; it must be
    followed by `success`, `report` or `release`. renewed: the token was refreshed for this request. mapped: the answer
    shall name the model as the client does.
    """

    credential: Credential = field(repr=False)
    provider: Provider = field(repr=False)
    model: str
    traits: Traits = field(repr=False)
    reasoning: Reasoning | None
    route: str
    key: str
    serial: int
    at: float
    probe: bool = False
    renewed: bool = False
    mapped: bool = False

    @property
    def label(self) -> str:
        """What people see of the credential."""
        return self.credential.label


@dataclass(frozen=True, slots=True)
class Cooling:
    """Every credential of the model rests. until: when the first wakes. reason: why that one rests."""

    until: float
    model: str
    reason: str = ""

    def seconds(self, now: float) -> float:
        """What to say in `retry-after`: at least one second."""
        return max(self.until - now, 1.0)


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Nobody is left for this request; `reason` in words for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of credentials. model "" is the credential as a whole. state: ready, cooling, disabled,
    unserved (reason says why); of an account also expired (its token) and invalid (its log-in). advice: what a person
    can do about it, "" nothing. until, reset: 0 if there is nothing to wait for. models: how many the whole one serves.
    """

    id: str
    label: str
    provider: str
    model: str
    state: str
    reason: str = ""
    until: float = 0.0
    reset: float = 0.0
    level: int = 0
    succeeded: int = 0
    failed: int = 0
    advice: str = ""
    models: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """A name that clients can use now. model: the record lists show, under that name. providers: who serves it."""

    id: str
    model: Model
    providers: tuple[str, ...]
