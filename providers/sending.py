"""What a step of a provider is told of the request it changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from translators.dialect import Outgoing, Traits
from translators.losses import Ledger


@dataclass(frozen=True, slots=True)
class Sending:
    """One request on its way to an upstream.

    operation: generate, count, compact. model: the upstream's name, as the pool has it. stream: the client wants one.
    translated: the body was written here; otherwise it is the client's own. client: the client's headers, names in
    lower case. session: what the conversation can be told by, equal in all its requests, "" unknown. facts: of the
    account. seed, now: as in Asked, for ids that are made here.
    """

    operation: str = "generate"
    model: str = ""
    stream: bool = False
    translated: bool = False
    traits: Traits = field(default_factory=Traits)
    client: Mapping[str, str] = field(default_factory=dict)
    session: str = ""
    ledger: Ledger = field(default_factory=Ledger)
    facts: Mapping[str, str] = field(default_factory=dict)
    seed: str = ""
    now: int = 0


type Step = Callable[[Outgoing, Sending], Outgoing]
