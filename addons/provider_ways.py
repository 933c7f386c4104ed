"""What single providers want of an attempt beyond their dialect, as their data names it."""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping

from addons.exchanges import Exchange
from credentials.pool import Lease
from providers.address import Operation
from providers.catalog import Provider
from providers.refusals import REFUSALS
from providers.sending import Sending
from providers.signatures import SIGNATURES
from providers.steps import STEPS
from translators.dialect import Dialect, Outgoing
from translators.model import Failure, Request

UPSTREAM: dict[str, Operation] = {"generate": "generate", "count_tokens": "count", "compact": "compact"}
"""What an operation of ours is called where addresses and outcomes are looked up."""


def with_steps(exchange: Exchange, lease: Lease, provider: Provider, upstream: Dialect, outgoing: Outgoing) -> Outgoing:
    """The provider's own changes of a body, the last ones before the headers. Raises what its steps raise."""
    if not provider.steps:
        return outgoing
    sending = Sending(
        operation=UPSTREAM[exchange.call.operation],
        model=lease.model,
        stream=exchange.asked.stream,
        translated=not upstream.passes(exchange.client.name),
        traits=lease.traits,
        client=exchange.headers,
        session=session_of(exchange.request, exchange.caller),
        ledger=exchange.ledger,
        facts=lease.credential.facts,
        seed=exchange.asked.seed,
        now=exchange.asked.now,
    )
    return stepped(provider.steps, outgoing, sending)


def stepped(steps: Iterable[str], outgoing: Outgoing, sending: Sending) -> Outgoing:
    """A body after the named steps. Raises what they raise."""
    for step in steps:
        outgoing = STEPS[step](outgoing, sending)
    return outgoing


def session_of(request: Request | None, caller: str) -> str:
    """What a translated conversation can be told by at the upstream: the client's own key for it, or a name made of
    who the client says is asking. Equal in all its requests, so that they meet the same prompt cache.
    """
    if request is None:
        return ""
    asker = request.identity.user or caller
    made = str(uuid.uuid5(uuid.NAMESPACE_URL, f"cliproxy:{request.model}:{asker}")) if asker else ""
    return request.cache.key or made


def signature(exchange: Exchange, lease: Lease, provider: Provider, headers: Mapping[str, str]) -> dict[str, str]:
    """Headers made of the secret: for the wire copy and nothing else. headers: all others, as they are sent."""
    if not provider.signature:
        return {}
    session = session_of(exchange.request, exchange.caller) or exchange.asked.seed
    return SIGNATURES[provider.signature](lease.credential.secret.reveal(), headers, session, time.time())


def failure_reader(upstream: Dialect, provider: Provider) -> Callable[[int, Mapping[str, str], bytes], Failure]:
    """What reads the upstream's refusals: its dialect, and what only this provider says."""
    if not provider.refusals:
        return upstream.read_failure
    refine = REFUSALS[provider.refusals]

    def read(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
        told = {name.lower(): value for name, value in headers.items()}
        return refine(upstream.read_failure(status, headers, body), told, time.time())

    return read
